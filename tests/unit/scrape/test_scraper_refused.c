/* What a scrape does not bring into the log is told, with the reason and how much it was. */
#include "farm.h"

#include <ampagent/base/clock.h>

/* This reason alone, so often since the last call. */
static void assert_told(struct farm *f, enum refused why, uint64_t scrapes, uint64_t samples)
{
	for (int i = 0; i < REFUSED_REASONS_; i++) {
		uint64_t want_scrapes = i == (int)why ? scrapes : 0;
		uint64_t want_samples = i == (int)why ? samples : 0;
		if (f->told[i].scrapes != want_scrapes || f->told[i].samples != want_samples)
			fail_msg("%s: %llu scrapes, %llu samples, not %llu and %llu",
				 refused_name((enum refused)i),
				 (unsigned long long)f->told[i].scrapes,
				 (unsigned long long)f->told[i].samples,
				 (unsigned long long)want_scrapes,
				 (unsigned long long)want_samples);
		f->told[i].scrapes = f->told[i].samples = 0;
	}
}

static void scrapes_that_fail_are_told(void **state)
{
	struct farm *f = *state;
	static const struct {
		enum refused why;
		uint64_t samples; /* of each such scrape */
		int status;
		const char *type, *encoding;
		struct sv body;
		uint64_t body_size_limit, sample_limit, label_limit;
	} cases[] = {
		{REFUSED_FETCH, 0, 500, "text/plain", NULL, SV("a 1\n"), 0, 0, 0},
		{REFUSED_PAGE, 0, 200, "text/html", NULL, SV("a 1\n"), 0, 0, 0},
		{REFUSED_PAGE, 0, 200, "text/plain", "gzip", SV("a 1\n"), 0, 0, 0},
		/* As far as it was read; what was wrong with single samples does not count then. */
		{REFUSED_PAGE, 4, 200, "text/plain", NULL,
		 SV("a 1\na 2\nb 3\nc 1 9999999999999\nd x\ne 1\n"), 0, 0, 0},
		{REFUSED_BODY_SIZE, 0, 200, "text/plain", NULL, SV("a 1\nb 2\n"), 8, 0, 0},
		{REFUSED_LIMIT, 4, 200, "text/plain", NULL, SV("a 1\nb 2\nb 2\nd 2\n"), 0, 2, 0},
		{REFUSED_LIMIT, 2, 200, "text/plain", NULL, SV("a 1\nb 2\nc{x=\"1\"} 2\n"), 0, 0,
		 3},
	};
	farm_sync(f, "j", LABELS(""));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->status = 200;
		f->content_type = "text/plain";
		f->content_encoding = NULL;
		f->body = SV("a 1\n");
		f->opt[0].body_size_limit = f->opt[0].sample_limit = f->opt[0].label_limit = 0;
		farm_wait(f, f->n_batches + 2);
		memset(f->told, 0, sizeof f->told);
		farm_wait(f, f->n_batches + 1);
		assert_told(f, cases[i].why, 0, 0);
		f->status = cases[i].status;
		f->content_type = cases[i].type;
		f->content_encoding = cases[i].encoding;
		f->body = cases[i].body;
		f->opt[0].body_size_limit = cases[i].body_size_limit;
		f->opt[0].sample_limit = cases[i].sample_limit;
		f->opt[0].label_limit = cases[i].label_limit;
		farm_wait(f, f->n_batches + 3);
		assert_true(farm_number(f, f->n_batches - 1, "up") == 0);
		assert_told(f, cases[i].why, 3, 3 * cases[i].samples);
	}
}

static void single_samples_are_told(void **state)
{
	struct farm *f = *state;
	char page[128];
	f->body = SV("a 1\na 2\nb 3\na{} 4\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	assert_told(f, REFUSED_DUPLICATE, 0, 2);
	farm_wait(f, f->n_batches + 2);
	assert_told(f, REFUSED_DUPLICATE, 0, 4);
	f->body = SV("c 1 9999999999999\nb 1\n");
	farm_wait(f, f->n_batches + 2);
	assert_told(f, REFUSED_OUT_OF_BOUNDS, 0, 2);
	/* The second line of the page is older than the first, each time; the first one is as old
	 * as it was from the second scrape on. */
	long long now = clock_wall_ms() - 1000;
	snprintf(page, sizeof page, "d 1 %lld\nd 1 %lld\n", now, now - 1);
	f->body = sv_of(page);
	farm_wait(f, f->n_batches + 1);
	assert_told(f, REFUSED_OUT_OF_ORDER, 0, 1);
	farm_wait(f, f->n_batches + 2);
	assert_told(f, REFUSED_OUT_OF_ORDER, 0, 4);
}

/* What the page brought and the report; of a scrape that failed the report, the scrape was told
 * already. */
static void what_a_full_log_refuses_is_told(void **state)
{
	struct farm *f = *state;
	f->refuse = true;
	f->body = SV("a 1\na 2\nb 3\n");
	farm_sync(f, "j", LABELS(""));
	while (f->refused < 2)
		farm_run(f, FARM_INTERVAL_MS);
	assert_int_equal(f->told[REFUSED_DUPLICATE].samples, f->refused);
	f->told[REFUSED_DUPLICATE].samples = 0;
	assert_told(f, REFUSED_QUEUE, f->refused, 7 * f->refused);
	f->status = 500;
	f->refused = 0;
	while (f->refused < 2)
		farm_run(f, FARM_INTERVAL_MS);
	assert_int_equal(f->told[REFUSED_FETCH].scrapes, f->refused);
	f->told[REFUSED_FETCH].scrapes = 0;
	assert_told(f, REFUSED_QUEUE, 0, 5 * f->refused);
}

static void a_clock_set_back_is_told(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	f->scrape->owners[0]->last_ms += 300000;
	farm_run(f, 3 * FARM_INTERVAL_MS);
	uint64_t n = f->told[REFUSED_CLOCK].scrapes;
	assert_true(n > 0);
	assert_true(n <= f->requests);
	assert_told(f, REFUSED_CLOCK, n, 2 * n);
}

static void too_many_targets_are_told(void **state)
{
	struct farm *f = *state;
	f->opt[0].target_limit = 1;
	farm_sync(f, "j", LABELS("x=1", "x=2"));
	farm_wait(f, 4);
	assert_told(f, REFUSED_TARGET_LIMIT, 4, 0);
}

/* The first turn that comes meanwhile is made up for; those after it are not. */
static void skipped_turns_are_told(void **state)
{
	struct farm *f = *state;
	f->hang = true;
	farm_sync(f, "j", LABELS(""));
	farm_pool(f, 0)->targets[0]->timeout_ms = 10 * FARM_INTERVAL_MS;
	farm_run(f, 6 * FARM_INTERVAL_MS);
	uint64_t skipped = f->scrape->skipped_overlap;
	assert_true(skipped >= 2);
	assert_told(f, REFUSED_SKIPPED, skipped, 0);
	/* While a reload waits the same. */
	farm_sync(f, "j", LABELS(NULL));
	f->hang = false;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	struct scrape_options other = f->opt[0];
	other.digest = 99;
	assert_int_equal(scrape_hold(f->scrape, &other, 1), 0);
	memset(f->told, 0, sizeof f->told);
	farm_run(f, 5 * FARM_INTERVAL_MS);
	assert_true(f->told[REFUSED_SKIPPED].scrapes >= 2);
	assert_told(f, REFUSED_SKIPPED, f->told[REFUSED_SKIPPED].scrapes, 0);
}

static int batches_without_memory;
struct batch *__real_batch_new(size_t max_bytes);
struct batch *__wrap_batch_new(size_t max_bytes);

struct batch *__wrap_batch_new(size_t max_bytes)
{
	if (batches_without_memory == 0)
		return __real_batch_new(max_bytes);
	batches_without_memory--;
	return NULL;
}

static void memory_that_is_short_is_told(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	batches_without_memory = 2;
	farm_wait(f, f->n_batches + 1);
	assert_int_equal(batches_without_memory, 0);
	assert_told(f, REFUSED_MEMORY, 2, 0);
	f->status = 500;
	batches_without_memory = 2;
	farm_wait(f, f->n_batches + 1);
	assert_told(f, REFUSED_FETCH, 3, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(scrapes_that_fail_are_told),      FARM_TEST(single_samples_are_told),
		FARM_TEST(what_a_full_log_refuses_is_told), FARM_TEST(a_clock_set_back_is_told),
		FARM_TEST(too_many_targets_are_told),       FARM_TEST(skipped_turns_are_told),
		FARM_TEST(memory_that_is_short_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
