/* Owners that the log remembers and whose target does not come back. */
#include "farm.h"

enum { OWNERS_MAX = 300, GAP_MS = 100, ALIVE = 0x25 };

struct remembered {
	int64_t last_ms, gap_ms;
	bool asked;
	unsigned frames;
};

/* A log: owner i has the frames 2i and 2i + 1. */
struct memory {
	struct remembered v[OWNERS_MAX];
	uint32_t n;
	unsigned told;
};

static struct memory memory;

static uint32_t left(void *cls, uint32_t after, int64_t *last_ms, int64_t *gap_ms,
		     void (*fn)(void *fcls, uint32_t frame, uint16_t n_slots,
				const uint64_t *alive),
		     void *fcls)
{
	const uint64_t alive[FRAME_SLOTS / 64] = {ALIVE};
	uint32_t i = after + 1;
	while (i <= memory.n && memory.v[i - 1].asked)
		i++;
	if (i > memory.n)
		return 0;
	struct remembered *o = &memory.v[i - 1];
	*last_ms = o->last_ms;
	*gap_ms = o->gap_ms;
	for (unsigned k = 0; fn && k < o->frames; k++)
		fn(fcls, 2 * i + k, 8, alive);
	o->asked = o->asked || fn;
	memory.told += fn != NULL;
	return i;
}

static void remember(struct farm *f, uint32_t n, int64_t age_ms, int64_t gap_ms)
{
	f->scrape->env.owners.left = left;
	for (uint32_t i = 0; i < n; i++)
		memory.v[memory.n++] = (struct remembered){
			.last_ms = loop_wall_ms(f->loop) - age_ms, .gap_ms = gap_ms, .frames = 2};
}

static int begin(void **state)
{
	memory = (struct memory){.n = 0};
	return farm_setup(state);
}

static void assert_markers(const struct batch *b, uint32_t owner, int64_t t_ms)
{
	assert_int_equal(b->owner, owner);
	assert_true(b->t_ms == t_ms);
	assert_int_equal(b->n_samples, 6);
	assert_int_equal(b->n_columns, 2);
	assert_null(b->new_owner);
	for (uint32_t i = 0; i < 2; i++) {
		const struct batch_column *c = &b->columns[i];
		assert_int_equal(c->frame, 2 * owner + i);
		assert_int_equal(c->n_slots, 8);
		assert_int_equal(c->n_present, 3);
		assert_true(c->present[0] == ALIVE);
		assert_true(c->values[0] == VALUE_STALE_BITS && c->values[2] == VALUE_STALE_BITS);
	}
}

static void they_end_after_two_intervals(void **state)
{
	struct farm *f = *state;
	remember(f, 1, 1000, GAP_MS);
	remember(f, 1, LOOKBACK_MS + 1, GAP_MS);
	/* Scraped once: the interval is that of the jobs; the clock was set back. */
	remember(f, 1, 3000, 0);
	remember(f, 1, -100000, GAP_MS);
	/* A pause is no interval. */
	remember(f, 1, 5000, LOOKBACK_MS + 1);
	f->opt[1].interval_ms = 2 * FARM_INTERVAL_MS;
	f->opt[1].digest = 1;
	farm_apply(f);
	double before = metric_get(M_SCRAPE_STALE_MARKERS);
	int64_t from = loop_now_ms(f->loop);
	farm_run(f, 2 * GAP_MS);
	assert_int_equal(f->n_batches, 0);
	scrape_found_all(f->scrape);
	scrape_found_all(f->scrape);
	farm_wait(f, 1);
	assert_true(loop_now_ms(f->loop) - from >= 4 * GAP_MS);
	assert_markers(f->batches[0], 1, memory.v[0].last_ms + GAP_MS);
	farm_wait(f, 3);
	assert_markers(f->batches[1], 3, memory.v[2].last_ms + 2 * FARM_INTERVAL_MS);
	assert_markers(f->batches[2], 5, memory.v[4].last_ms + 2 * FARM_INTERVAL_MS);
	farm_run(f, 5 * GAP_MS);
	assert_int_equal(f->n_batches, 3);
	assert_int_equal(f->retired, 6);
	assert_true(metric_get(M_SCRAPE_STALE_MARKERS) == before + 18);
	assert_int_equal(scrape_summary(f->scrape).samples, 18);
	scrape_found_all(f->scrape);
	farm_run(f, 5 * GAP_MS);
	assert_int_equal(f->n_batches, 3);
}

static void without_jobs_a_minute_is_an_interval(void **state)
{
	struct farm *f = *state;
	remember(f, 1, 1000, 0);
	assert_int_equal(
		scrape_apply(f->scrape, NULL, 0, LABELS_NULL, &(struct scrape_features){0}), 0);
	scrape_found_all(f->scrape);
	farm_run(f, 50);
	int64_t due = f->scrape->left.timer.at_ms - loop_now_ms(f->loop);
	assert_true(due > 110000 && due <= 120000);
}

static void who_comes_back_does_not_end(void **state)
{
	struct farm *f = *state;
	remember(f, 3, 1000, GAP_MS);
	scrape_found_all(f->scrape);
	farm_run(f, GAP_MS / 2);
	memory.v[0].asked = memory.v[2].asked = true;
	farm_wait(f, 1);
	farm_run(f, 3 * GAP_MS);
	assert_int_equal(f->n_batches, 1);
	assert_int_equal(f->batches[0]->owner, 2);
}

/* In any order: the first ones may not be due yet when they are looked at, and later ones are. */
static void assert_all_end_once(const struct farm *f, uint32_t n)
{
	bool seen[OWNERS_MAX + 1] = {false};
	assert_int_equal(f->n_batches, n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t owner = f->batches[i]->owner;
		assert_in_range(owner, 1, n);
		assert_false(seen[owner]);
		seen[owner] = true;
		assert_markers(f->batches[i], owner, memory.v[owner - 1].last_ms + 1);
	}
}

static void many_end(void **state)
{
	struct farm *f = *state;
	remember(f, OWNERS_MAX, 1000, 1);
	scrape_found_all(f->scrape);
	farm_wait(f, OWNERS_MAX);
	farm_run(f, 50);
	assert_all_end_once(f, OWNERS_MAX);
	assert_int_equal(memory.told, OWNERS_MAX);
}

/* Nothing is read of the next one while the log takes no more; what was made is put later. */
static void a_full_log_is_waited_for(void **state)
{
	struct farm *f = *state;
	remember(f, 40, 1000, 1);
	f->refuse = true;
	scrape_found_all(f->scrape);
	while (f->refused < 3)
		farm_run(f, 50);
	assert_int_equal(memory.told, 1);
	assert_int_equal(f->retired, 0);
	f->refuse = false;
	farm_wait(f, 40);
	farm_run(f, 50);
	assert_all_end_once(f, 40);
}

/* By then nobody looks at the series any more. */
static void a_log_that_stays_full(void **state)
{
	struct farm *f = *state;
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	remember(f, 2, 1000, 1);
	f->refuse = true;
	scrape_found_all(f->scrape);
	while (f->refused < 1)
		farm_run(f, 50);
	f->scrape->left.batch->t_ms -= LOOKBACK_MS;
	while (f->refused < 3)
		farm_run(f, 50);
	f->refuse = false;
	farm_wait(f, 1);
	assert_int_equal(f->batches[0]->owner, 2);
}

static void an_owner_of_nothing(void **state)
{
	struct farm *f = *state;
	remember(f, 2, 1000, 1);
	memory.v[0].frames = 0;
	scrape_found_all(f->scrape);
	farm_wait(f, 1);
	assert_int_equal(f->batches[0]->owner, 2);
	farm_run(f, 50);
	assert_int_equal(f->n_batches, 1);
}

/* Not when the agent stops: the next run does it. */
static void a_stop_leaves_them(void **state)
{
	struct farm *f = *state;
	remember(f, 2, 1000, 1);
	scrape_found_all(f->scrape);
	scrape_stop(f->scrape, loop_now_ms(f->loop));
	farm_run(f, 100);
	assert_int_equal(f->n_batches, 0);
	assert_int_equal(memory.told, 0);
}

/* A common end of series is theirs, too, whether they were due or not. */
static void they_end_with_all_others(void **state)
{
	struct farm *f = *state;
	remember(f, 3, 1000, 60000);
	scrape_found_all(f->scrape);
	farm_run(f, 20);
	f->refuse = true;
	scrape_series_end_begin(f->scrape);
	assert_int_equal(scrape_series_end(f->scrape), 1);
	f->refuse = false;
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(f->batches[i]->owner, i + 1);
	assert_int_equal(scrape_series_end(f->scrape), 0);
	assert_int_equal(f->n_batches, 3);
	/* A marker is never of the future. */
	assert_true(f->batches[0]->t_ms <= loop_wall_ms(f->loop));
}

#define LEFT_TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, farm_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEFT_TEST(they_end_after_two_intervals),
		LEFT_TEST(without_jobs_a_minute_is_an_interval),
		LEFT_TEST(who_comes_back_does_not_end),
		LEFT_TEST(many_end),
		LEFT_TEST(a_full_log_is_waited_for),
		LEFT_TEST(a_log_that_stays_full),
		LEFT_TEST(an_owner_of_nothing),
		LEFT_TEST(a_stop_leaves_them),
		LEFT_TEST(they_end_with_all_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
