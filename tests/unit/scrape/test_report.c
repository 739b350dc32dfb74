/* What ends a scrape: markers, report series, commit and taking back. */
#include "world.h"

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

static void churn_is_forgotten(void **state)
{
	struct world *w = *state;
	w->next_frame = 1;
	for (int round = 0; round < 12; round++) {
		_cleanup_(buf_deinit) struct buf page = BUF_NULL;
		buf_init(&page, MiB(4));
		buf_printf(&page, "stays 1\n");
		for (int i = 0; i < 600; i++)
			buf_printf(&page, "m{n=\"%d\"} 1\n", round * 600 + i);
		buf_append(&page, "", 1);
		struct page_env env = env_of(w);
		_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
		w->t_ms += 1000;
		b->t_ms = w->t_ms;
		page.ptr[page.len - 1] = '\n';
		assert_int_equal(
			page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &w->result, &w->err),
			0);
		struct scrape_report report = {true, 0, 0};
		assert_int_equal(page_finish(w->owner, &env, &w->result, &report, b), 0);
		assert_int_equal(b->n_samples, 601 + (round ? 600 : 0) + 5);
		page_commit(w->owner, &env, b->t_ms);
	}
	assert_true(w->owner->lines.n < 3000);
	assert_true(w->retired > 10);
	assert_true(w->owner->frames.n < 20);
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
		TEST(churn_is_forgotten),
		TEST(an_exposed_up_does_not_hide_ours),
		TEST(extra_report_series),
		TEST(the_end_of_a_run),
		TEST(metadata_is_told_when_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
