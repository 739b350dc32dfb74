/* Owners: what is inherited, from the log and from a target that went. */
#include "world.h"

#include <ampagent/base/metrics.h>

struct memory {
	struct world *w;
	bool alive;
};

static uint32_t remember(void *cls, struct labels owner,
			 void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				    bool alive, int64_t last_t_ms),
			 void *fcls)
{
	struct memory *m = cls;
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		if (m->w->defined[i].ptr)
			fn(fcls, (struct series_ref){i / 256, (uint16_t)(i % 256)},
			   m->w->defined[i], m->alive, m->w->t_ms);
	}
	return 1;
}

static void a_restart_goes_on_where_it_was(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	owner_free(w->owner);
	struct memory memory = {w, true};
	const struct owner_lookup lookup = {remember, &memory};
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 60000);
	assert_true(w->owner->in_log && w->owner->id == 1);
	double markers = metric_get(M_SCRAPE_STALE_MARKERS);
	scrape_page(w, "b 3\nc 4");
	assert_true(metric_get(M_SCRAPE_STALE_MARKERS) == markers + 1);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 3\n__name__=c, 4\n");
	assert_int_equal(w->n_defs, 1);
	assert_int_equal(w->n_report, 5);
	/* Too long ago for a marker to matter. */
	owner_free(w->owner);
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 301000);
	scrape_page(w, "b 3");
	ASSERT_BATCH(w, "__name__=b, 3\n");
}

/* Other relabeling, the same series: lines are learnt anew, slots and what was seen stay. */
static void a_new_target_takes_over(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2\ngo 3");
	owner_adopt(w->owner);
	assert_true(w->owner->in_use);
	struct sv name = LABEL_NAME;
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_DROP;
	rule.source_labels = &name;
	rule.n_source_labels = 1;
	rule.regex = SV("go");
	rule.regex_set = true;
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, &w->err), 0);
	w->opt.metric_relabel = set;
	scrape_page(w, "a 1\nb 2\ngo 3");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 2\n__name__=go, stale\n");
	assert_int_equal(w->n_defs, 0);
	assert_int_equal(w->result.parsed, 3);
	scrape_page(w, "a 1\nb 2\ngo 3");
	assert_int_equal(w->result.matched, 3);
}

/* The same rules and pages: nothing is learnt anew, nothing is new. */
static void a_successor_resumes(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	w->owner->in_use = false;
	w->owner->page_hash = 7;
	owner_resume(w->owner);
	assert_true(w->owner->in_use);
	assert_true(w->owner->page_hash == 0);
	scrape_page(w, "a 3\nb 4");
	ASSERT_BATCH(w, "__name__=a, 3\n__name__=b, 4\n");
	assert_int_equal(w->result.matched, 2);
	assert_int_equal(w->result.series_added, 0);
}

static void the_key_is_a_copy(void **state)
{
	struct world *w = *state;
	assert_true(labels_eq(w->owner->key, w->target));
	assert_true(w->owner->key.ptr != w->target.ptr);
	_cleanup_(owner_freep) struct owner *none =
		owner_new(LABELS_NULL, &(struct owner_lookup){0}, &w->next_owner, 0);
	assert_non_null(none);
	assert_int_equal(none->id, 2);
	assert_false(none->in_log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_goes_on_where_it_was),
		TEST(a_new_target_takes_over),
		TEST(a_successor_resumes),
		TEST(the_key_is_a_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
