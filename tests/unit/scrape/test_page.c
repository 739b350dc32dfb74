/* Pages become batches: a run of pages through one owner, and what each batch holds. */
#include "world.h"

static void repeats_and_changes(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3"), 0);
	ASSERT_BATCH(w, "__name__=a,x=1, 1\n__name__=a,x=2, 2\n__name__=b, 3\n");
	assert_int_equal(w->n_defs, 8);
	assert_int_equal(w->n_report, 5);
	assert_true(w->report[0] == 1 && w->report[2] == 3 && w->report[3] == 3 &&
		    w->report[4] == 3);
	assert_int_equal(w->result.parsed, 3);

	assert_int_equal(scrape_page(w, "# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 2\nb 4"), 0);
	ASSERT_BATCH(w, "__name__=a,x=1, 5\n__name__=a,x=2, 2\n__name__=b, 4\n");
	assert_int_equal(w->n_defs, 0);
	assert_int_equal(w->n_metadata, 0);
	assert_int_equal(w->result.matched, 3);
	assert_int_equal(w->result.parsed, 0);
	assert_true(w->report[4] == 0);
}

static void order_may_change(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2\nc 3\nd 4");
	assert_int_equal(scrape_page(w, "d 4\nnew 9\nb 2\na 1\nc 3"), 0);
	ASSERT_BATCH(
		w, "__name__=a, 1\n__name__=b, 2\n__name__=c, 3\n__name__=d, 4\n__name__=new, 9\n");
	assert_int_equal(w->n_defs, 1);
	assert_true(w->report[4] == 1);
	scrape_page(w, "d 4\nnew 9\nb 2\na 1\nc 3");
	assert_int_equal(w->result.parsed, 0);
}

static void prefixes_are_not_the_same(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\na_b 2\na{c=\"d\"} 3");
	assert_int_equal(scrape_page(w, "a_b 2\na{c=\"d\"} 3\na 1\nab 5\na {c=\"e\"} 7"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=a,c=d, 3\n__name__=a,c=e, 7\n__name__=a_b, "
			"2\n__name__=ab, 5\n");
}

static void the_first_duplicate_stays(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a 1\na 2\na{} 3"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n");
	assert_int_equal(w->result.duplicates, 2);
	/* Both texts are new to Prometheus. */
	assert_true(w->report[2] == 3 && w->report[3] == 3 && w->report[4] == 2);
	assert_int_equal(scrape_page(w, "a{} 4\na 5\na 6"), 0);
	ASSERT_BATCH(w, "__name__=a, 4\n");
	assert_int_equal(w->result.duplicates, 2);
}

static void own_timestamps(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1 900\na 2 901\nb 3 900\nc 1");
	ASSERT_BATCH(w,
		     "__name__=a, 1 @900\n__name__=a, 2 @901\n__name__=b, 3 @900\n__name__=c, 1\n");
	/* Not newer: dropped. No marker for what has timestamps of its own. */
	scrape_page(w, "a 2 901\nc 1");
	ASSERT_BATCH(w, "__name__=c, 1\n");
	assert_int_equal(w->result.out_of_order, 1);
	scrape_page(w, "a 2 902\nb 1 899\nc 1");
	ASSERT_BATCH(w, "__name__=a, 2 @902\n__name__=c, 1\n");
	w->opt.honor_timestamps = false;
	scrape_page(w, "a 7 903\nc 1");
	ASSERT_BATCH(w, "__name__=a, 7\n__name__=c, 1\n");
}

static void a_duplicate_of_one_with_a_time(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2; i++) {
		char text[32];
		snprintf(text, sizeof text, "a 1 %d\na 2\nb 1", 900 + i);
		scrape_page(w, text);
		assert_int_equal(w->result.duplicates, 1);
		assert_true(w->report[3] == 3);
		assert_null(strstr(w->text.ptr, "__name__=a, 2"));
	}
}

static void a_broken_page_does_not_move_times(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1 900");
	assert_int_equal(scrape_page(w, "a 1 950\nbad"), 1);
	scrape_page(w, "a 1 940");
	ASSERT_BATCH(w, "__name__=a, 1 @940\n");
}

/* Columns are delivered before rows, so what has a time of its own and what has not must not cross.
 */
static void times_of_both_kinds_stay_in_order(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1 900\na{} 2\nb 1\nb 2 900\nc 1");
	ASSERT_BATCH(w,
		     "__name__=a, 1 @900\n__name__=a, 2 @1001000\n__name__=b, 1\n__name__=c, 1\n");
	assert_int_equal(w->result.out_of_order, 1);
	scrape_page(w, "a 3 1000999\na{} 4\nb 2\nb 3 1001999\nc 5 1001000\nc 6 1001001");
	ASSERT_BATCH(w, "__name__=a, 4 @1002000\n__name__=b, 2\n__name__=c, 6 @1001001\n");
	assert_int_equal(w->result.out_of_order, 3);
}

/* What was sent with the time of a scrape bounds an own time later, also after a marker; and the
 * bound does not move on with the scrapes. */
static void own_times_never_go_back(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 1"); /* at 1001000 */
	scrape_page(w, "b 1");      /* a's marker at 1002000 */
	scrape_page(w, "a 2 58\nb 1");
	ASSERT_BATCH(w, "__name__=b, 1\n");
	assert_int_equal(w->result.out_of_order, 1);
	for (int i = 0; i < 10; i++)
		scrape_page(w, "a 2 58\nb 1");
	scrape_page(w, "a 2 1002001\nb 1");
	ASSERT_BATCH(w, "__name__=a, 2 @1002001\n__name__=b, 1\n");
}

static void blank_lines_cost_no_index(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 6; i++)
		scrape_page(w, "# TYPE a counter\na 1\n\n# TYPE b counter\n\nb 2\n");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 2\n");
	assert_false(w->owner->lines.indexed);
}

static void the_future_is_refused(void **state)
{
	struct world *w = *state;
	char text[64];
	snprintf(text, sizeof text, "a 1 %lld\nb 2 %lld", (long long)w->t_ms + 1000 + 600001,
		 (long long)w->t_ms + 1000 + 600000);
	assert_int_equal(scrape_page(w, text), 0);
	assert_int_equal(w->result.out_of_bounds, 1);
	assert_non_null(strstr(w->text.ptr, "__name__=b"));
	assert_null(strstr(w->text.ptr, "__name__=a"));
}

static void sample_limit_refuses_all(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	w->opt.sample_limit = 2;
	assert_int_equal(scrape_page(w, "a 1\nb 2\nc 3\nd 4"), 1);
	assert_true(w->result.sample_limit);
	ASSERT_BATCH(w, "");
	assert_true(w->report[0] == 0 && w->report[2] == 4 && w->report[3] == 4);
	assert_int_equal(scrape_page(w, "a 1\nb 2"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 2\n");
}

static void a_broken_page_leaves_no_sample(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2\nc 3");
	assert_int_equal(scrape_page(w, "a 10\nnew 5\nb x\nc 30"), 1);
	assert_int_equal(w->err.line, 3);
	/* a was seen before the bad line: no marker for it. */
	ASSERT_BATCH(w, "__name__=b, stale\n__name__=c, stale\n");
	assert_true(w->report[0] == 0 && w->report[2] == 2 && w->report[3] == 2);
	assert_int_equal(scrape_page(w, "b 2\nnew 6"), 0);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 2\n__name__=new, 6\n");
}

static void a_series_is_added_with_its_first_good_sample(void **state)
{
	struct world *w = *state;
	char text[64];
	snprintf(text, sizeof text, "a 1 %lld", (long long)w->t_ms + 10000000);
	assert_int_equal(scrape_page(w, text), 0);
	assert_true(w->report[4] == 0);
	assert_int_equal(scrape_page(w, "a 1"), 0);
	assert_true(w->report[4] == 1);
	assert_int_equal(scrape_page(w, "a 1"), 0);
	assert_true(w->report[4] == 0);
}

static void what_is_not_kept_counts_for_sample_limit(void **state)
{
	struct world *w = *state;
	w->opt.sample_limit = 2;
	char text[64];
	snprintf(text, sizeof text, "a 1 %lld\nb 1\nc 1", (long long)w->t_ms + 10000000);
	assert_int_equal(scrape_page(w, text), 1);
	assert_true(w->result.sample_limit);
	/* A text met again does not. */
	assert_int_equal(scrape_page(w, "b 1\nb 2\nc 1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_kept_counts_for_sample_limit),
		TEST(a_series_is_added_with_its_first_good_sample),
		TEST(repeats_and_changes),
		TEST(order_may_change),
		TEST(prefixes_are_not_the_same),
		TEST(the_first_duplicate_stays),
		TEST(own_timestamps),
		TEST(a_duplicate_of_one_with_a_time),
		TEST(a_broken_page_does_not_move_times),
		TEST(times_of_both_kinds_stay_in_order),
		TEST(own_times_never_go_back),
		TEST(blank_lines_cost_no_index),
		TEST(the_future_is_refused),
		TEST(sample_limit_refuses_all),
		TEST(a_broken_page_leaves_no_sample),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
