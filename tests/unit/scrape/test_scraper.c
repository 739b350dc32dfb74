/* One target's scrapes, against a real server. */
#include "farm.h"

#include <unistd.h>

static bool is_stale(const struct farm *f, size_t batch, const char *name)
{
	uint64_t bits;
	return farm_value(f, batch, name, &bits) == 0 && bits == VALUE_STALE_BITS;
}

static const struct target *target_of(struct farm *f)
{
	return farm_pool(f, 0)->targets[0];
}

static void a_page_becomes_a_batch(void **state)
{
	struct farm *f = *state;
	struct sv one = SV("1 2");
	struct scrape_param param = {SV("x"), &one, 1};
	f->opt[0].params = &param;
	f->opt[0].n_params = 1;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	assert_true(farm_number(f, 0, "a") == 1 && farm_number(f, 0, "b") == 2);
	assert_true(farm_number(f, 0, "up") == 1);
	assert_true(farm_number(f, 0, "scrape_samples_scraped") == 2);
	assert_true(f->batches[1]->t_ms > f->batches[0]->t_ms);
	assert_int_equal(f->batches[1]->n_defs, 0);
	assert_non_null(f->batches[0]->new_owner);
	assert_null(f->batches[1]->new_owner);
	assert_string_equal(f->path, "/metrics?x=1+2");
	assert_non_null(strstr(f->headers, "Accept: text/plain;version=0.0.4;q=0.6,*/*;q=0.5\n"));
	assert_non_null(strstr(f->headers, "Accept-Encoding: gzip\n"));
	assert_non_null(strstr(f->headers, "User-Agent: ampagent/test\n"));
	assert_non_null(strstr(f->headers, "X-Prometheus-Scrape-Timeout-Seconds: 0.1\n"));
	assert_int_equal(target_of(f)->health, TARGET_UP);
	assert_int_equal(scrape_summary(f->scrape).samples,
			 f->batches[0]->n_samples * f->n_batches);
}

static void what_fails(void **state)
{
	struct farm *f = *state;
	static const struct {
		int status;
		const char *type;
		struct sv body;
		uint64_t limit;
		const char *why;
	} cases[] = {
		{500, "text/plain", SV("a 1\n"), 0, "server returned HTTP status 500"},
		{204, "text/plain", SV(""), 0, "server returned HTTP status 204"},
		{200, "text/html", SV("a 1\n"), 0, "not a metrics format"},
		{200, "text/plain", SV("a x\n"), 0, "line 1: invalid value"},
		/* Reaching the limit is too much already. */
		{200, "text/plain", SV("a 1\nb 2\n"), 8, "body size limit exceeded"},
	};
	farm_sync(f, "j", LABELS(""));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->status = 200;
		f->content_type = "text/plain";
		f->body = SV("a 1\n");
		f->opt[0].body_size_limit = 0;
		farm_wait(f, f->n_batches + 2);
		size_t good = f->n_batches - 1;
		assert_true(farm_number(f, good, "up") == 1);
		f->status = cases[i].status;
		f->content_type = cases[i].type;
		f->body = cases[i].body;
		f->opt[0].body_size_limit = cases[i].limit;
		farm_wait(f, f->n_batches + 1);
		assert_true(farm_number(f, good + 1, "up") == 0);
		assert_true(is_stale(f, good + 1, "a"));
		assert_int_equal(target_of(f)->health, TARGET_DOWN);
		assert_non_null(strstr(target_of(f)->last_error, cases[i].why));
	}
}

static void an_empty_page_is_good(void **state)
{
	struct farm *f = *state;
	f->content_type = "text/html";
	f->body = SV("");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	assert_true(farm_number(f, 0, "up") == 1);
	assert_int_equal(f->batches[0]->n_samples, 5);
}

/* "a 1\nb 2\n" */
static const char zipped[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x54\x30\xe4\x4a"
			     "\x52\x30\xe2\x02\x00\x7e\x4e\x8f\x97\x08\x00\x00\x00";

static void compressed_pages(void **state)
{
	struct farm *f = *state;
	f->content_encoding = "gzip";
	f->body = sv_make(zipped, sizeof zipped - 1);
	f->opt[0].body_size_limit = 9;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	assert_string_equal(target_of(f)->last_error, "");
	assert_true(farm_number(f, 0, "b") == 2);
	/* The limit is of what it is uncompressed. */
	f->opt[0].body_size_limit = 8;
	farm_wait(f, f->n_batches + 1);
	assert_true(farm_number(f, f->n_batches - 1, "up") == 0);
	f->body = SV("a 1\n");
	f->opt[0].body_size_limit = 0;
	farm_wait(f, f->n_batches + 1);
	assert_non_null(strstr(target_of(f)->last_error, "not good gzip"));
}

static void a_full_log_loses_one_scrape(void **state)
{
	struct farm *f = *state;
	f->refuse = true;
	farm_sync(f, "j", LABELS(""));
	while (f->refused < 2)
		farm_run(f, FARM_INTERVAL_MS);
	f->refuse = false;
	farm_wait(f, 1);
	assert_int_equal(f->batches[0]->n_defs, 7);
	assert_non_null(f->batches[0]->new_owner);
	_cleanup_(freep) char *metrics = farm_metrics(f);
	char line[128];
	snprintf(line, sizeof line, "samples_refused_total{reason=\"log_queue_full\"} %u\n",
		 7 * f->refused);
	assert_non_null(strstr(metrics, line));
}

/* A target that never answers, scraped with a time-out as long as its interval, loses no turn. */
static void a_hung_target_is_down_each_time(void **state)
{
	struct farm *f = *state;
	f->hang = true;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 4);
	for (size_t i = 0; i < 4; i++)
		assert_true(farm_number(f, i, "up") == 0);
	_cleanup_(freep) char *metrics = farm_metrics(f);
	assert_non_null(strstr(metrics, "skipped_total{reason=\"still_running\"} 0\n"));
}

static void paused_scrapes_do_not_start(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	scrape_pause(f->scrape);
	unsigned requests = f->requests;
	farm_run(f, 3 * FARM_INTERVAL_MS);
	assert_true(f->requests <= requests + 1);
	assert_int_equal(scrape_in_flight(f->scrape), 0);
}

static void the_clock_set_back(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	f->scrape->owners[0]->last_ms += 3600000;
	size_t n = f->n_batches;
	farm_run(f, 3 * FARM_INTERVAL_MS);
	assert_int_equal(f->n_batches, n);
	assert_true(f->scrape->refused_clock > 0);
	f->scrape->owners[0]->last_ms -= 3600000;
	farm_wait(f, n + 1);
	assert_true(farm_number(f, n, "a") == 1);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;
	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void warnings_are_not_repeated(void **state)
{
	struct farm *f = *state;
	log_init(LOG_WARN, LOG_LOGFMT);
	f->body = SV("a 1\na 2\nc 1 9999999999999\n");
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 4);
	dup2(kept, STDERR_FILENO);
	close(kept);
	char text[8192];
	rewind(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	assert_int_equal(count(text, "the first stays"), 1);
	assert_int_equal(count(text, "too far in the future"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(a_page_becomes_a_batch),      FARM_TEST(what_fails),
		FARM_TEST(an_empty_page_is_good),       FARM_TEST(compressed_pages),
		FARM_TEST(a_full_log_loses_one_scrape), FARM_TEST(a_hung_target_is_down_each_time),
		FARM_TEST(paused_scrapes_do_not_start), FARM_TEST(the_clock_set_back),
		FARM_TEST(warnings_are_not_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
