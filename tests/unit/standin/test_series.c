#include "check.h"

#include "../../../src/standin/series.h"

enum { MINUTE = 60000 };

static size_t add(struct series_table *t, const char *name)
{
	struct wire_label labels[] = {{SV("__name__"), sv_of(name)}, {SV("job"), SV("x")}};
	size_t index;
	assert_int_equal(series_get(t, labels, 2, &index), 0);
	return index;
}

static void labels_make_the_series(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 0);
	assert_int_equal(add(&t, "a"), 0);
	assert_int_equal(add(&t, "b"), 1);
	assert_int_equal(add(&t, "a"), 0);
	/* The same bytes cut elsewhere are other labels. */
	struct wire_label joined[] = {{SV("__name__a"), SV("job")}, {SV("x"), SV("")}};
	size_t index;
	assert_int_equal(series_get(&t, joined, 2, &index), 0);
	assert_int_equal(index, 2);
	struct wire_label labels[2];
	series_labels(&t.list[1], labels);
	assert_sv(labels[0].name, "__name__");
	assert_sv(labels[0].value, "b");
	assert_sv(labels[1].name, "job");
	assert_sv(labels[1].value, "x");
}

static void many_series(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 0);
	char name[16];
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 5000; i++) {
			snprintf(name, sizeof name, "m%u", i);
			assert_int_equal(add(&t, name), i);
		}
	assert_int_equal(t.n, 5000);
}

static void the_limit_stops_new_ones_only(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 2);
	add(&t, "a");
	add(&t, "b");
	struct wire_label label = {SV("__name__"), SV("c")};
	size_t index;
	assert_int_equal(series_get(&t, &label, 1, &index), 1);
	assert_int_equal(add(&t, "b"), 1);
}

static void exemplars_are_remembered_for_a_while(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 0);
	size_t a = add(&t, "a"), b = add(&t, "b");
	for (uint64_t i = 0; i < SERIES_EXEMPLARS; i++)
		assert_true(series_exemplar(&t, a, 1000, i));
	for (uint64_t i = 0; i < SERIES_EXEMPLARS; i++)
		assert_false(series_exemplar(&t, a, 1000, i));
	assert_true(series_exemplar(&t, a, 1001, 0));
	assert_true(series_exemplar(&t, b, 1000, 0));
	assert_int_equal(t.list[a].count, 0);
	/* The oldest one was given up. */
	assert_true(series_exemplar(&t, a, 1000, 0));
	assert_false(series_exemplar(&t, a, 1000, 5));
}

static void finding_makes_nothing(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	struct wire_label label = {SV("__name__"), SV("a")};
	size_t index = 7;
	series_table_init(&t, MINUTE, 0);
	assert_int_equal(series_find(&t, &label, 1, &index), 1);
	assert_int_equal(t.n, 0);
	assert_int_equal(series_get(&t, &label, 1, &index), 0);
	assert_int_equal(series_find(&t, &label, 1, &index), 0);
	assert_int_equal(index, 0);
}

/* Samples in order of arrival, with what becomes of each. */
static void order_rules(void **state)
{
	struct step {
		int series;
		int64_t t_ms;
		uint64_t value;
		enum series_verdict want;
	};
	static const struct {
		int64_t window_ms;
		struct step steps[8];
		int n;
	} cases[] = {
		/* in order */
		{MINUTE, {{0, 1, 1, SERIES_STORED}, {0, 2, 1, SERIES_STORED}}, 2},
		/* the newest again */
		{MINUTE,
		 {{0, 1, 1, SERIES_STORED},
		  {0, 1, 1, SERIES_DUPLICATE},
		  {0, 1, 2, SERIES_CONFLICT}},
		 3},
		/* inside the window, then again, then with another value */
		{MINUTE,
		 {{0, 100000, 1, SERIES_STORED},
		  {0, 40000, 2, SERIES_STORED_LATE},
		  {0, 40000, 2, SERIES_DUPLICATE},
		  {0, 40000, 3, SERIES_CONFLICT},
		  {0, 39999, 4, SERIES_TOO_OLD}},
		 5},
		/* the window hangs on the newest sample of all series */
		{MINUTE,
		 {{0, 100000, 1, SERIES_STORED},
		  {1, 300000, 1, SERIES_STORED},
		  {0, 99999, 1, SERIES_TOO_OLD},
		  {0, 100000, 1, SERIES_DUPLICATE},
		  {0, 100001, 1, SERIES_STORED}},
		 5},
		/* stored long ago and sent again */
		{MINUTE,
		 {{0, 1000, 7, SERIES_STORED},
		  {0, 500000, 1, SERIES_STORED},
		  {0, 1000, 7, SERIES_TOO_OLD_AGAIN},
		  {0, 1000, 8, SERIES_TOO_OLD}},
		 4},
		/* no window */
		{0,
		 {{0, 2, 1, SERIES_STORED},
		  {0, 1, 1, SERIES_OUT_OF_ORDER},
		  {0, 3, 1, SERIES_STORED},
		  {0, 2, 1, SERIES_TOO_OLD_AGAIN}},
		 4},
		/* negative times and zero are times as others */
		{MINUTE, {{0, -5, 1, SERIES_STORED}, {0, 0, 1, SERIES_STORED}}, 2},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(series_table_deinit) struct series_table t = {0};
		series_table_init(&t, cases[i].window_ms, 0);
		add(&t, "a");
		add(&t, "b");
		for (int k = 0; k < cases[i].n; k++) {
			const struct step *s = &cases[i].steps[k];
			enum series_verdict got =
				series_append(&t, (size_t)s->series, s->t_ms, s->value, false);
			if (got != s->want)
				fail_msg("case %zu, step %d: %d instead of %d", i, k, got, s->want);
		}
	}
}

static void last_sample_and_count(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 0);
	size_t a = add(&t, "a");
	series_append(&t, a, 2000, 20, false);
	series_append(&t, a, 1000, 10, false);
	series_append(&t, a, 2000, 20, false);
	assert_int_equal(t.list[a].count, 2);
	assert_int_equal(t.list[a].last_ms, 2000);
	assert_int_equal(t.list[a].last_value, 20);
	/* A histogram is never equal to a float. */
	assert_int_equal(series_append(&t, a, 2000, 20, true), SERIES_CONFLICT);
	assert_int_equal(series_append(&t, a, 3000, 30, true), SERIES_STORED);
	assert_true(t.list[a].last_is_histogram);
}

static void memory_of_samples_is_bounded(void **state)
{
	_cleanup_(series_table_deinit) struct series_table t = {0};
	series_table_init(&t, MINUTE, 0);
	size_t a = add(&t, "a");
	for (int64_t i = 1; i <= 2000; i++)
		assert_int_equal(series_append(&t, a, i, (uint64_t)i, false), SERIES_STORED);
	assert_true(t.seen_total <= 512);
	/* The last 512 are known exactly; older ones inside the window count as late. */
	for (int64_t i = 2000 - 511; i < 2000; i++)
		assert_int_equal(series_append(&t, a, i, (uint64_t)i, false), SERIES_DUPLICATE);
	assert_int_equal(series_append(&t, a, 5, 5, false), SERIES_STORED_LATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exemplars_are_remembered_for_a_while),
		cmocka_unit_test(finding_makes_nothing),
		cmocka_unit_test(labels_make_the_series),
		cmocka_unit_test(many_series),
		cmocka_unit_test(the_limit_stops_new_ones_only),
		cmocka_unit_test(order_rules),
		cmocka_unit_test(last_sample_and_count),
		cmocka_unit_test(memory_of_samples_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
