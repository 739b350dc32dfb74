/* Targets come, stay and go. */
#include "farm.h"

#include <unistd.h>

static void a_sync_adds_keeps_and_removes(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	farm_sync(f, "j", LABELS("x=1", "x=2", "x=2"));
	assert_int_equal(p->n_targets, 2);
	struct target *first = p->targets[0];
	struct owner *owner = first->owner;
	farm_sync(f, "j", LABELS("x=3", "x=1"));
	assert_int_equal(p->n_targets, 2);
	assert_ptr_equal(p->targets[1], first);
	assert_ptr_equal(p->targets[1]->owner, owner);
	assert_int_equal(f->scrape->n_orphans, 1);
	assert_int_equal(f->scrape->shards[0].targets, 2);
	farm_sync(f, "j", LABELS(NULL));
	assert_int_equal(p->n_targets, 0);
	assert_int_equal(f->scrape->shards[0].targets, 0);
	assert_int_equal(p->syncs, 3);
	/* Never scraped: nothing is owed. */
	while (f->scrape->n_owners > 0)
		farm_run(f, 100);
	assert_int_equal(f->n_batches, 0);
	assert_int_equal(f->scrape->n_orphans, 0);
}

static void what_discovery_says_may_change(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	farm_sync(f, "j", LABELS("__meta_x=1"));
	struct target *t = p->targets[0];
	farm_sync(f, "j", LABELS("__meta_x=2"));
	assert_ptr_equal(p->targets[0], t);
	assert_true(sv_eq(labels_get(t->discovered, SV("__meta_x")), SV("2")));
}

static void dropped_targets_are_kept_up_to_a_limit(void **state)
{
	struct farm *f = *state;
	struct sv source = SV("x");
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_DROP;
	rule.source_labels = &source;
	rule.n_source_labels = 1;
	rule.regex = SV("no.*");
	rule.regex_set = true;
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, NULL), 0);
	f->opt[0].relabel = set;
	struct pool *p = farm_pool(f, 0);
	farm_sync(f, "j", LABELS("x=no1", "x=yes", "x=no2", "x=no3"));
	assert_int_equal(p->n_targets, 1);
	assert_int_equal(p->n_dropped, 3);
	assert_int_equal(p->n_dropped_kept, 3);
	f->opt[0].keep_dropped_targets = 2;
	farm_sync(f, "j", LABELS("x=no1", "x=yes", "x=no2", "x=no3"));
	assert_int_equal(p->n_dropped, 3);
	assert_int_equal(p->n_dropped_kept, 2);
}

static void targets_that_cannot_be_made_are_counted(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	int kept = dup(STDERR_FILENO);
	FILE *null = fopen("/dev/null", "w");
	dup2(fileno(null), STDERR_FILENO);
	farm_sync(f, "j", LABELS("__scrape_interval__=no", ""));
	dup2(kept, STDERR_FILENO);
	close(kept);
	fclose(null);
	assert_int_equal(p->n_targets, 1);
	assert_int_equal(p->n_failed, 1);
}

static void over_the_target_limit_all_fail(void **state)
{
	struct farm *f = *state;
	f->opt[0].target_limit = 1;
	farm_sync(f, "j", LABELS("x=1", "x=2"));
	assert_true(farm_pool(f, 0)->over_target_limit);
	farm_wait(f, 3);
	assert_int_equal(f->requests, 0);
	assert_true(farm_number(f, 0, "up") == 0 && farm_number(f, 2, "up") == 0);
	assert_non_null(strstr(farm_pool(f, 0)->targets[0]->last_error, "target_limit exceeded"));
	farm_sync(f, "j", LABELS("x=1"));
	farm_wait(f, f->n_batches + 1);
	assert_true(f->requests > 0);
}

static void a_gone_target_ends_with_markers(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	farm_sync(f, "j", LABELS(NULL));
	size_t n = f->n_batches;
	/* A full log only delays them. */
	f->refuse = true;
	while (f->refused == 0)
		farm_run(f, 100);
	f->refuse = false;
	farm_wait(f, n + 1);
	assert_int_equal(f->batches[n]->n_samples, 7);
	static const char *const names[] = {"a", "b", "up", "scrape_duration_seconds",
					    "scrape_series_added"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint64_t bits = 0;
		assert_int_equal(farm_value(f, n, names[i], &bits), 0);
		assert_true(bits == VALUE_STALE_BITS);
	}
	assert_true(f->batches[n]->t_ms > f->batches[n - 1]->t_ms);
	assert_int_equal(f->scrape->n_owners, 0);
	assert_int_equal(f->retired, 2);
}

/* The same public labels, but something else in the identity: no markers, no new definitions. */
static void a_successor_takes_over(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS("__tmp=1"));
	farm_wait(f, 1);
	farm_sync(f, "j", LABELS("__tmp=2"));
	size_t n = f->n_batches;
	f->body = SV("b 3\n");
	farm_wait(f, n + 1);
	assert_int_equal(f->batches[n]->n_defs, 0);
	assert_null(f->batches[n]->new_owner);
	uint64_t bits;
	assert_int_equal(farm_value(f, n, "a", &bits), 0);
	assert_true(bits == VALUE_STALE_BITS);
	assert_true(farm_number(f, n, "b") == 3);
	assert_int_equal(f->scrape->n_owners, 1);
	assert_int_equal(f->scrape->n_orphans, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(a_sync_adds_keeps_and_removes),
		FARM_TEST(what_discovery_says_may_change),
		FARM_TEST(dropped_targets_are_kept_up_to_a_limit),
		FARM_TEST(targets_that_cannot_be_made_are_counted),
		FARM_TEST(over_the_target_limit_all_fail),
		FARM_TEST(a_gone_target_ends_with_markers),
		FARM_TEST(a_successor_takes_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
