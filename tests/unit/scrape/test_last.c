/* What is scraped when the agent stops. */
#include "farm.h"

enum { SHORT_MS = 500, SLOW_MS = 5000, LONG_MS = 15000 };

static void stop(struct farm *f, int64_t ms)
{
	scrape_stop(f->scrape, loop_now_ms(f->loop) + ms);
}

static void run_out(struct farm *f)
{
	for (int i = 0; scrape_in_flight(f->scrape) > 0 && i < FARM_GUARD_MS / 10; i++)
		farm_run(f, 10);
	assert_int_equal(scrape_in_flight(f->scrape), 0);
}

static struct target *target_of(struct farm *f, size_t job)
{
	return farm_pool(f, job)->targets[0];
}

/* Job "j" has a local target, "k" one that relabeling says is not. */
static void begin_both(struct farm *f)
{
	farm_sync(f, "j", LABELS(""));
	farm_sync(f, "k", LABELS("__ampagent_local__=false"));
	assert_true(target_of(f, 0)->local);
	assert_false(target_of(f, 1)->local);
}

/* Turns so far apart that none comes by itself in a test; the first scrapes begin at once. */
static void slow_turns(struct farm *f)
{
	for (int i = 0; i < FARM_JOBS; i++) {
		f->opt[i].interval_ms = 1000000;
		f->opt[i].timeout_ms = SLOW_MS;
		f->opt[i].digest++;
	}
	farm_apply(f);
	begin_both(f);
	for (size_t i = 0; i < FARM_JOBS; i++) {
		struct err err = ERR_NULL;
		struct target *t = target_of(f, i);
		t->t_ms = loop_wall_ms(f->loop);
		assert_int_equal(scraper_request(t, SLOW_MS, &err), 0);
	}
}

static void local_targets_are_scraped_once_more(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	unsigned requests = f->requests;
	f->body = SV("a 8\nb 9\n");
	/* Also one that has had no turn yet. */
	farm_sync(f, "j", LABELS("", "new=1"));
	stop(f, LONG_MS);
	run_out(f);
	assert_int_equal(f->n_batches, 4);
	assert_int_equal(f->requests, requests + 2);
	for (size_t i = 2; i < 4; i++) {
		assert_true(f->batches[i]->owner != target_of(f, 1)->owner->id);
		assert_true(f->batches[i]->t_ms > f->batches[0]->t_ms);
		assert_true(farm_number(f, i, "a") == 8 && farm_number(f, i, "up") == 1);
	}
	assert_int_equal(scrape_last(f->scrape).good, 2);
	assert_int_equal(scrape_last(f->scrape).discarded, 0);
	/* Once. */
	farm_run(f, 300);
	assert_int_equal(f->requests, requests + 2);
	assert_int_equal(f->told[REFUSED_STOPPED].scrapes, 0);
}

/* Every failure of a target that is going: nothing is written, no up=0 and no marker. */
static void who_went_first_has_not_failed(void **state)
{
	struct farm *f = *state;
	static const struct {
		int status;
		struct sv body;
	} cases[] = {
		{503, SV_NULL},
		{200, SV("b 3\nc 4\na x\n")},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		if (i > 0) {
			farm_teardown(state);
			farm_setup(state);
			f = *state;
		}
		slow_turns(f);
		farm_wait(f, 2);
		f->status = cases[i].status;
		f->body = cases[i].body;
		stop(f, LONG_MS);
		run_out(f);
		assert_int_equal(f->n_batches, 2);
		assert_int_equal(scrape_last(f->scrape).discarded, 1);
		assert_int_equal(f->told[REFUSED_STOPPED].scrapes, 1);
		assert_int_equal(f->told[REFUSED_STOPPED].samples, 0);
		assert_int_equal(f->told[REFUSED_FETCH].scrapes, 0);
		assert_int_equal(f->told[REFUSED_PAGE].scrapes, 0);
	}
}

static void nobody_listens_any_more(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	http_server_free(f->server);
	f->server = NULL;
	stop(f, LONG_MS);
	run_out(f);
	assert_int_equal(f->n_batches, 2);
	assert_int_equal(scrape_last(f->scrape).discarded, 1);
	assert_int_equal(f->told[REFUSED_STOPPED].scrapes, 1);
}

/* What a closing target does not show any more may be there again after a quick restart. */
static void missing_series_are_not_marked(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	f->body = SV("b 3\n");
	stop(f, LONG_MS);
	run_out(f);
	assert_int_equal(f->n_batches, 3);
	uint64_t bits;
	assert_int_equal(farm_value(f, 2, "a", &bits), 1);
	assert_true(farm_number(f, 2, "b") == 3);
}

/* A scrape under way ends first. It has failed only if its target is not local. */
static void running_scrapes_end(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	f->hang = true;
	unsigned requests = f->requests;
	for (size_t i = 0; i < FARM_JOBS; i++) {
		struct err err = ERR_NULL;
		target_of(f, i)->t_ms = target_of(f, i)->owner->last_ms + 1;
		assert_int_equal(scraper_request(target_of(f, i), SHORT_MS, &err), 0);
	}
	while (f->requests < requests + 2)
		farm_run(f, 10);
	size_t n = f->n_batches;
	stop(f, LONG_MS);
	f->hang = false;
	run_out(f);
	assert_int_equal(f->n_batches, n + 2);
	for (; n < f->n_batches; n++) {
		bool local = f->batches[n]->owner == target_of(f, 0)->owner->id;
		assert_true(farm_number(f, n, "up") == local);
	}
	assert_int_equal(f->told[REFUSED_STOPPED].scrapes, 1);
	assert_int_equal(scrape_last(f->scrape).good, 1);
	assert_int_equal(scrape_last(f->scrape).discarded, 1);
}

static void the_rest_is_cut_off(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	f->hang = true;
	struct err err = ERR_NULL;
	assert_int_equal(scraper_request(target_of(f, 1), SLOW_MS, &err), 0);
	stop(f, LONG_MS);
	unsigned requests = f->requests;
	while (f->requests < requests + 2)
		farm_run(f, 10);
	assert_int_equal(scrape_in_flight(f->scrape), 2);
	scrape_cut_off(f->scrape);
	assert_int_equal(scrape_in_flight(f->scrape), 0);
	farm_run(f, 100);
	assert_int_equal(f->n_batches, 2);
	assert_int_equal(scrape_last(f->scrape).cut_off, 2);
	assert_int_equal(f->told[REFUSED_STOPPED].scrapes, 2);
}

/* A last scrape that has not begun is given up as well; one ends in the time that is left. */
static void the_time_is_bounded(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	f->hang = true;
	stop(f, 100);
	run_out(f);
	assert_int_equal(scrape_last(f->scrape).discarded, 1);
	assert_int_equal(f->n_batches, 2);
	farm_teardown(state);
	farm_setup(state);
	f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	unsigned requests = f->requests;
	stop(f, 0);
	assert_int_equal(scrape_in_flight(f->scrape), 1);
	run_out(f);
	assert_int_equal(scrape_last(f->scrape).cut_off, 1);
	assert_int_equal(f->requests, requests);
	stop(f, LONG_MS);
	run_out(f);
	assert_int_equal(f->requests, requests);
}

static void no_groups_are_taken(void **state)
{
	struct farm *f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	stop(f, LONG_MS);
	farm_sync(f, "j", LABELS("new=1", "new=2"));
	assert_int_equal(farm_pool(f, 0)->n_targets, 1);
	run_out(f);
	/* Freed in the middle of a last scrape. */
	farm_teardown(state);
	farm_setup(state);
	f = *state;
	slow_turns(f);
	farm_wait(f, 2);
	f->hang = true;
	stop(f, LONG_MS);
	farm_run(f, 50);
	assert_int_equal(scrape_in_flight(f->scrape), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(local_targets_are_scraped_once_more),
		FARM_TEST(who_went_first_has_not_failed),
		FARM_TEST(nobody_listens_any_more),
		FARM_TEST(missing_series_are_not_marked),
		FARM_TEST(running_scrapes_end),
		FARM_TEST(the_rest_is_cut_off),
		FARM_TEST(the_time_is_bounded),
		FARM_TEST(no_groups_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
