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

static const struct sv unique[] = {{"t1", 2}};
static const struct identity_label task_label[] = {{{"ecs_task_id", 11}, {"t1", 2}, {NULL, 0}}};

static void set_identity(struct farm *f, enum identity_mode mode, bool known, int expected)
{
	struct identity id = {.mode = mode, .known = known};
	if (known) {
		id.task_id = SV("t1");
		id.unique = unique;
		id.n_unique = 1;
		id.labels = task_label;
		id.n_labels = 1;
	}
	assert_int_equal(scrape_set_identity(f->scrape, &id), expected);
}

/* Nothing is scraped of the task before it is known which one it is; all else is. */
static void local_targets_wait(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	set_identity(f, IDENTITY_AUTO, false, 0);
	set_identity(f, IDENTITY_AUTO, false, 1);
	farm_sync(f, "j", LABELS("x=1", "x=2", "x=2", "__address__=192.0.2.1:9"));
	assert_int_equal(p->n_targets, 1);
	assert_int_equal(p->n_waiting, 3);
	assert_int_equal(scrape_summary(f->scrape).targets_waiting, 3);
	_cleanup_(freep) char *metrics = farm_metrics(f);
	assert_true(metric_get(M_TARGETS_WAITING) == 3);
	farm_run(f, 3 * FARM_INTERVAL_MS);
	assert_int_equal(f->requests, 0);
	set_identity(f, IDENTITY_AUTO, true, 0);
	set_identity(f, IDENTITY_AUTO, true, 1);
	farm_sync(f, "j", LABELS("x=1", "x=2", "x=2"));
	assert_int_equal(p->n_waiting, 0);
	assert_int_equal(p->n_targets, 2);
	assert_true(sv_eq(labels_get(p->targets[0]->labels, SV("ecs_task_id")), SV("t1")));
	farm_wait(f, f->n_batches + 2);
	assert_true(f->requests > 0);
}

/* Those that were there are not given up while it is not known, whatever they were made by. */
static void old_targets_stay_meanwhile(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	for (int known = 0; known < 2; known++) {
		set_identity(f, known ? IDENTITY_AUTO : IDENTITY_OFF, known, !known);
		farm_sync(f, "j", LABELS("x=1", "x=2"));
		struct target *second = p->targets[1];
		struct owner *owner = second->owner;
		set_identity(f, IDENTITY_AUTO, false, 0);
		farm_sync(f, "j", LABELS("x=2", "x=2", "x=3"));
		assert_int_equal(p->n_targets, 1);
		assert_ptr_equal(p->targets[0], second);
		assert_ptr_equal(second->owner, owner);
		assert_int_equal(p->n_waiting, 3);
		farm_sync(f, "j", LABELS("x=2"));
		assert_ptr_equal(p->targets[0], second);
		/* What discovery names no longer goes, as ever. */
		farm_sync(f, "j", LABELS(NULL));
		assert_int_equal(p->n_targets, 0);
		set_identity(f, IDENTITY_OFF, false, 0);
	}
}

/* Another container of the task has come: targets stay as they are. */
static void other_hosts_change_no_target(void **state)
{
	static const struct sv more[] = {{"t1", 2}, {"c9", 2}}, host = {"192.0.2.1", 9};
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	set_identity(f, IDENTITY_AUTO, true, 0);
	farm_sync(f, "j", LABELS("x=1", "__address__=192.0.2.1:9"));
	struct target *t = p->targets[0], *far = p->targets[1];
	assert_false(far->local);
	const struct identity id = {.mode = IDENTITY_AUTO,
				    .known = true,
				    .task_id = SV("t1"),
				    .unique = more,
				    .n_unique = 2,
				    .labels = task_label,
				    .n_labels = 1};
	assert_int_equal(scrape_set_identity(f->scrape, &id), 0);
	farm_sync(f, "j", LABELS("x=1", "__address__=192.0.2.1:9"));
	assert_ptr_equal(p->targets[0], t);
	assert_ptr_equal(p->targets[1], far);
	/* One that is found to be of this task goes with the agent, even without any labels. */
	const struct identity off = {.mode = IDENTITY_OFF, .hosts = &host, .n_hosts = 1};
	assert_int_equal(scrape_set_identity(f->scrape, &off), 0);
	farm_sync(f, "j", LABELS("__address__=192.0.2.1:9"));
	assert_ptr_equal(p->targets[0], far);
	assert_true(far->local);
}

static void strict_mode_refuses(void **state)
{
	struct farm *f = *state;
	struct pool *p = farm_pool(f, 0);
	set_identity(f, IDENTITY_STRICT, true, 0);
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	farm_sync(f, "j", LABELS("x=1", "x=t1"));
	assert_int_equal(p->n_targets, 1);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(labels_get(p->targets[0]->labels, SV("ecs_task_id")).len, 0);
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
		FARM_TEST(local_targets_wait),
		FARM_TEST(old_targets_stay_meanwhile),
		FARM_TEST(other_hosts_change_no_target),
		FARM_TEST(strict_mode_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
