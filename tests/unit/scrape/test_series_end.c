/* Markers for all series while their targets stay. */
#include "farm.h"

static bool is_stale(const struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	return farm_value(f, batch, name, &bits) == 0 && bits == VALUE_STALE_BITS;
}

static bool is_there(const struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	return farm_value(f, batch, name, &bits) == 0;
}

static void series_end_and_go_on(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\nb 2\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	size_t n = f->n_batches;
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, n + 1);
	assert_true(is_stale(f, n, "a") && is_stale(f, n, "b") && is_stale(f, n, "up"));
	assert_int_equal(f->batches[n]->n_samples, 2 + 5);
	assert_true(f->batches[n]->t_ms > f->batches[n - 1]->t_ms);
	/* Once is enough. */
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, n + 1);
	/* They go on; what is gone now has its marker already. */
	f->body = SV("a 1\n");
	farm_wait(f, n + 2);
	assert_true(is_there(f, n + 1, "a") && !is_stale(f, n + 1, "a"));
	assert_false(is_there(f, n + 1, "b"));
	assert_true(f->batches[n + 1]->t_ms > f->batches[n]->t_ms);
}

/* A scrape under way is not newer than its start: the markers come before it. */
static void a_scrape_under_way_comes_after(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	size_t n = f->n_batches;
	f->hang = true;
	while (scrape_in_flight(f->scrape) == 0)
		farm_run(f, 5);
	int64_t t_ms = farm_pool(f, 0)->targets[0]->t_ms;
	farm_run(f, 20);
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->batches[n]->t_ms, t_ms - 1);
	f->hang = false;
	farm_wait(f, n + 2);
	assert_int_equal(f->batches[n + 1]->t_ms, t_ms);
	assert_int_equal(f->scrape->refused_clock, 0);
}

static void full_log_is_told(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\n");
	farm_sync(f, "j", LABELS("", "x=1"));
	farm_wait(f, 2);
	size_t n = f->n_batches;
	f->refuse = true;
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 1);
	assert_int_equal(f->n_batches, n);
	f->refuse = false;
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, n + 2);
	assert_true(is_stale(f, n, "a") && is_stale(f, n + 1, "a"));
}

/* An owner without a target has its end of run at once, and not again. */
static void orphans_end_once(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	farm_sync(f, "j", LABELS(NULL));
	size_t n = f->n_batches;
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, n + 1);
	assert_true(is_stale(f, n, "a"));
	/* Now; one more where the last scrape was in this very millisecond. */
	int64_t last_ms = f->batches[n - 1]->t_ms, now_ms = loop_wall_ms(f->loop);
	assert_in_range(f->batches[n]->t_ms, last_ms + 1, now_ms > last_ms ? now_ms : last_ms + 1);
	while (f->scrape->n_orphans > 0)
		farm_run(f, 100);
	assert_int_equal(f->n_batches, n + 1);
}

/* A target that comes back is scraped at its next turn, whatever the time of the markers. */
static void a_target_that_takes_it_over_goes_on(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\n");
	for (int i = 0; i < 5; i++) {
		farm_sync(f, "j", LABELS(""));
		farm_wait(f, f->n_batches + 1);
		farm_sync(f, "j", LABELS(NULL));
		scrape_series_end_begin(f->scrape);
		assert_int_equal(scrape_series_end(f->scrape), 0);
	}
	assert_int_equal(f->scrape->refused_clock, 0);
}

/* Nor has one whose target goes with the same reload. */
static void targets_that_go_with_it_end_once(void **state)
{
	struct farm *f = *state;
	f->body = SV("a 1\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	size_t n = f->n_batches;
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 0);
	farm_sync(f, "j", LABELS(NULL));
	while (f->scrape->n_orphans > 0)
		farm_run(f, 100);
	assert_int_equal(f->n_batches, n + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(series_end_and_go_on),
		FARM_TEST(a_scrape_under_way_comes_after),
		FARM_TEST(full_log_is_told),
		FARM_TEST(orphans_end_once),
		FARM_TEST(a_target_that_takes_it_over_goes_on),
		FARM_TEST(targets_that_go_with_it_end_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
