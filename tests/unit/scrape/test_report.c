/* What ends a scrape: markers, report series, commit and taking back. */
#include "world.h"

#include <ampagent/base/metrics.h>

static void what_vanishes_goes_stale_once(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, stale\n");
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n");
	scrape_page(w, "a 1\nb 7");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 7\n");
	assert_true(w->report[4] == 1); /* it counts as added again */
	assert_int_equal(w->n_defs, 0); /* but it is the same slot */
}

static void a_failed_fetch_makes_all_stale(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	scrape_page(w, NULL);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, stale\n");
	assert_true(w->report[0] == 0 && w->report[2] == 0);
	scrape_page(w, NULL);
	ASSERT_BATCH(w, "");
	assert_int_equal(w->n_report, 5);
}

static void tracked_timestamps_go_stale(void **state)
{
	struct world *w = *state;
	w->opt.track_timestamps_staleness = true;
	scrape_page(w, "a 1 900\nb 1 900");
	scrape_page(w, "b 1 901");
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 1 @901\n");
}

static void a_refused_batch_is_taken_back(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	assert_int_equal(scrape_and(w, "a 1\nc 3", true), 0);
	/* The log never heard of c and of b's end. */
	scrape_page(w, "a 1\nc 3");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, stale\n__name__=c, 3\n");
	assert_int_equal(w->n_defs, 1);
}

static void a_first_batch_refused_is_defined_later(void **state)
{
	struct world *w = *state;
	scrape_and(w, "a 1", true);
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n");
	assert_int_equal(w->n_defs, 6);
	assert_int_equal(w->n_report, 5);
}

static void a_refused_batch_does_not_move_times(void **state)
{
	struct world *w = *state;
	w->opt.track_timestamps_staleness = true;
	scrape_page(w, "a 1 900\nb 1 900");
	assert_int_equal(scrape_and(w, "a 2 950\na 3 960", true), 0);
	scrape_page(w, "a 2 950\nb 2 901");
	ASSERT_BATCH(w, "__name__=a, 2 @950\n__name__=b, 2 @901\n");
	assert_int_equal(w->result.out_of_order, 0);
}

static void only_written_markers_are_counted(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	double before = metric_get(M_SCRAPE_STALE_MARKERS);
	scrape_and(w, "a 1", true);
	assert_true(metric_get(M_SCRAPE_STALE_MARKERS) == before);
	scrape_page(w, "a 1");
	assert_true(metric_get(M_SCRAPE_STALE_MARKERS) == before + 1);
}

/* Memory may end at any place of a scrape; the next one with memory finds nothing changed. */
static void memory_may_end_anywhere(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2 900\ngone 1");
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(1));
	buf_printf(&page, "a 1\nb 2 901\nb 2 902\n");
	for (int i = 0; i < 300; i++)
		buf_printf(&page, "new{n=\"%d\"} 1\n", i);
	buf_char(&page, '\n');
	unsigned failed = 0;
	for (size_t max = 64; max < KiB(64); max += 1021) {
		struct page_env env = env_of(w);
		struct page_result result = {0};
		_cleanup_(batch_unrefp) struct batch *b = batch_new(max);
		w->t_ms += 1000;
		b->t_ms = w->t_ms;
		int r = page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &result, &w->err);
		assert_true(r <= 0);
		struct scrape_report report = {r == 0, 0.5, 0};
		failed += page_finish(w->owner, &env, &result, &report, b) != 0;
		page_rollback(w->owner);
	}
	assert_true(failed > 2);
	scrape_page(w, "a 1\nb 2 901\nnew{n=\"1\"} 1");
	ASSERT_BATCH(
		w,
		"__name__=a, 1\n__name__=b, 2 @901\n__name__=gone, stale\n__name__=new,n=1, 1\n");
	assert_int_equal(w->n_defs, 1);
	assert_int_equal(
		w->owner->frames.v[0].n + w->owner->frames.v[1].n + w->owner->frames.v[2].n, 9);
}

static void the_end_of_a_run_is_tried_again(void **state)
{
	struct world *w = *state;
	w->opt.track_timestamps_staleness = true;
	scrape_page(w, "a 1\nb 2 5");
	for (int i = 0; i < 2; i++) {
		/* No memory, then a full log. */
		_cleanup_(batch_unrefp) struct batch *b = batch_new(i ? MiB(1) : 100);
		b->t_ms = w->t_ms + 1000;
		assert_int_equal(page_end_of_run(w->owner, b) != 0, i == 0);
		if (i)
			page_rollback(w->owner);
	}
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(1));
	b->t_ms = w->t_ms + 1000;
	assert_int_equal(page_end_of_run(w->owner, b), 0);
	flatten(w, b);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, stale\n");
	assert_int_equal(w->n_report, 5);
	page_rollback(w->owner);
}

#define COUNTER_FORM "# TYPE a counter\na_total %d\na_created %lld.5\n"

/* What was taken back was no sample: the zero before it is still to come. */
static void zeros_come_after_lost_scrapes(void **state)
{
	struct world *w = *state;
	char page[200], expected[300];
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->features.start_zero = true;
	long long start_s = w->t_ms / 1000 - 100;
	snprintf(page, sizeof page, COUNTER_FORM "# EOF", 5, start_s);
	assert_int_equal(scrape_page(w, page), 0);
	start_s = w->t_ms / 1000;
	snprintf(page, sizeof page, COUNTER_FORM "# EOF", 1, start_s);
	assert_int_equal(scrape_and(w, page, true), 0);
	snprintf(page, sizeof page, COUNTER_FORM "broken", 2, start_s);
	assert_int_equal(scrape_page(w, page), 1);
	snprintf(page, sizeof page, COUNTER_FORM "# EOF", 3, start_s);
	assert_int_equal(scrape_page(w, page), 0);
	snprintf(expected, sizeof expected,
		 "__name__=a_total, 0 @%lld\n__name__=a_total, 3 @%lld\n", start_s * 1000 + 500,
		 (long long)w->t_ms);
	ASSERT_BATCH(w, expected);
}

/* Pages that never turn out good, or change all the time, must not fill the memory. */
static void exemplars_of_bad_pages_are_forgotten(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->features.exemplars = true;
	buf_init(&page, MiB(1));
	for (int i = 0; i < 20; i++) {
		buf_reset(&page);
		for (int k = 0; k < 500; k++)
			buf_printf(&page, "a{n=\"%d-%d\"} 1 # {} 1 1\n", i, k);
		buf_printf(&page, "broken");
		buf_append(&page, "", 1);
		assert_int_equal(scrape_page(w, page.ptr), 1);
		assert_int_equal(w->result.exemplars, 500);
		assert_true(w->owner->exemplars.n <= 4000);
	}
}

static void exemplars_come_after_a_refused_batch(void **state)
{
	struct world *w = *state;
	const char *page = "a 1 # {} 1 1\n# EOF";
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->features.exemplars = true;
	assert_int_equal(scrape_and(w, page, true), 0);
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=a, 1\nexemplar __name__=a,  1 @1000\n");
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n");
}

/* A page of 601 series, 600 of which were on no page before. */
static uint32_t churn(struct world *w, int round, bool no_markers)
{
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(4));
	buf_printf(&page, "stays 1\n");
	for (int i = 0; i < 600; i++)
		buf_printf(&page, "m{n=\"%d\"} 1\n", round * 600 + i);
	buf_append(&page, "", 1);
	struct page_env env = env_of(w);
	env.no_markers = no_markers;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
	w->t_ms += 1000;
	b->t_ms = w->t_ms;
	page.ptr[page.len - 1] = '\n';
	assert_int_equal(
		page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &w->result, &w->err), 0);
	struct scrape_report report = {true, 0, 0};
	assert_int_equal(page_finish(w->owner, &env, &w->result, &report, b), 0);
	page_commit(w->owner, &env, b->t_ms);
	return b->n_samples;
}

static void churn_is_forgotten(void **state)
{
	struct world *w = *state;
	w->next_frame = 1;
	for (int round = 0; round < 12; round++)
		assert_int_equal(churn(w, round, false), 601 + (round ? 600 : 0) + 5);
	assert_true(w->owner->lines.n < 3000);
	assert_true(w->retired > 10);
	assert_true(w->owner->frames.n < 20);
}

/* Their markers are written by the next run, if the frames are still there. */
static void without_markers_no_frame_is_given_up(void **state)
{
	struct world *w = *state;
	w->next_frame = 1;
	for (int round = 0; round < 12; round++)
		assert_int_equal(churn(w, round, true), 601 + 5);
	assert_int_equal(w->retired, 0);
}

static void an_exposed_up_does_not_hide_ours(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2; i++) {
		scrape_page(w, "up 7\na 1");
		ASSERT_BATCH(w, "__name__=a, 1\n");
		assert_true(w->report[0] == 1);
		assert_int_equal(w->n_report, 5);
	}
}

static void extra_report_series(void **state)
{
	struct world *w = *state;
	w->opt.extra_scrape_metrics = true;
	w->opt.sample_limit = 9;
	scrape_page(w, "a 1");
	assert_int_equal(w->n_report, 8);
	assert_true(w->report[5] == 10 && w->report[6] == 9);
}

static void the_end_of_a_run(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2 5");
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(1));
	b->t_ms = w->t_ms + 1000;
	assert_int_equal(page_end_of_run(w->owner, b), 0);
	flatten(w, b);
	ASSERT_BATCH(w, "__name__=a, stale\n");
	assert_int_equal(w->n_report, 5);
	assert_true(w->report[0] == -99);
	frame_list_drop_columns(&w->owner->frames);
}

static void metadata_is_told_when_it_changes(void **state)
{
	struct world *w = *state;
	scrape_page(
		w,
		"# HELP a x\n# TYPE a counter\na{b=\"# TYPE q gauge\n\"} 1\n# TYPE c gauge\nc 1");
	assert_int_equal(w->n_metadata, 2 + 8);
	scrape_page(
		w,
		"# HELP a x\n# TYPE a counter\na{b=\"# TYPE q gauge\n\"} 1\n# TYPE c gauge\nc 1");
	assert_int_equal(w->n_metadata, 0);
	scrape_page(w, "# HELP a y\n# TYPE a counter\na 1");
	assert_int_equal(w->n_metadata, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_vanishes_goes_stale_once),
		TEST(a_failed_fetch_makes_all_stale),
		TEST(tracked_timestamps_go_stale),
		TEST(a_refused_batch_is_taken_back),
		TEST(a_first_batch_refused_is_defined_later),
		TEST(a_refused_batch_does_not_move_times),
		TEST(only_written_markers_are_counted),
		TEST(memory_may_end_anywhere),
		TEST(the_end_of_a_run_is_tried_again),
		TEST(zeros_come_after_lost_scrapes),
		TEST(exemplars_of_bad_pages_are_forgotten),
		TEST(exemplars_come_after_a_refused_batch),
		TEST(churn_is_forgotten),
		TEST(without_markers_no_frame_is_given_up),
		TEST(an_exposed_up_does_not_hide_ours),
		TEST(extra_report_series),
		TEST(the_end_of_a_run),
		TEST(metadata_is_told_when_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
