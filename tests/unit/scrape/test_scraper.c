/* One target's scrapes, against a real server. */
#include "farm.h"

#include <ampagent/base/clock.h>

#include <fcntl.h>
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

static void no_turn_begins_after_the_stop(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS("__ampagent_local__=false"));
	farm_wait(f, 1);
	scrape_stop(f->scrape, loop_now_ms(f->loop));
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
	f->scrape->owners[0]->last_ms += 300000;
	size_t n = f->n_batches;
	farm_run(f, 3 * FARM_INTERVAL_MS);
	assert_int_equal(f->n_batches, n);
	assert_true(f->scrape->refused_clock > 0);
	assert_int_equal(target_of(f)->health, TARGET_DOWN);
	assert_non_null(strstr(target_of(f)->last_error, "the clock was set back"));
	f->scrape->owners[0]->last_ms -= 300000;
	farm_wait(f, n + 1);
	assert_true(farm_number(f, n, "a") == 1);
}

/* So far that no receiver has taken what was ahead. */
static void the_clock_set_back_by_far(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	uint64_t refused = f->scrape->refused_clock;
	f->scrape->owners[0]->last_ms += 3600000;
	size_t n = f->n_batches;
	farm_wait(f, n + 2);
	assert_true(farm_number(f, n, "a") == 1);
	assert_true(f->batches[n + 1]->t_ms > f->batches[n]->t_ms);
	assert_int_equal(f->scrape->refused_clock, refused);
	assert_int_equal(target_of(f)->health, TARGET_UP);
}

/* Staleness (a): what is not there any more; report series go on. */
static void what_vanishes_is_marked_once(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	f->body = SV("b 3\n");
	size_t n = f->n_batches;
	farm_wait(f, n + 2);
	assert_true(is_stale(f, n, "a"));
	assert_true(farm_number(f, n, "b") == 3 && farm_number(f, n, "up") == 1);
	uint64_t bits;
	assert_int_equal(farm_value(f, n + 1, "a", &bits), 1);
}

/* (c): a page over the limit is not kept. What was read of it counts as seen, and the whole page
 * is: nothing is marked but what it lacks. */
static void over_the_sample_limit(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	double limited = metric_get(M_TARGET_SCRAPES_EXCEEDED_SAMPLE_LIMIT);
	f->opt[0].sample_limit = 1;
	f->body = SV("b 3\nc 4\n");
	size_t n = f->n_batches;
	farm_wait(f, n + 1);
	assert_true(farm_number(f, n, "up") == 0);
	assert_true(farm_number(f, n, "scrape_samples_scraped") == 2);
	assert_true(is_stale(f, n, "a"));
	uint64_t bits;
	assert_int_equal(farm_value(f, n, "b", &bits), 1);
	assert_true(metric_get(M_TARGET_SCRAPES_EXCEEDED_SAMPLE_LIMIT) > limited);
}

/* (d): one target too many fails all, without a request. */
static void over_the_target_limit(void **state)
{
	struct farm *f = *state;
	f->opt[0].target_limit = 1;
	farm_sync(f, "j", LABELS("x=1"));
	farm_wait(f, 2);
	double exceeded = metric_get(M_TARGET_SCRAPE_POOL_EXCEEDED_TARGET_LIMIT);
	unsigned requests = f->requests;
	uint32_t owner = f->batches[0]->owner;
	size_t n = f->n_batches;
	farm_sync(f, "j", LABELS("x=1", "x=2"));
	farm_wait(f, n + 3);
	assert_int_equal(f->requests, requests);
	size_t mine = n;
	while (f->batches[mine]->owner != owner)
		mine++;
	assert_true(farm_number(f, mine, "up") == 0);
	assert_true(is_stale(f, mine, "a") && is_stale(f, mine, "b"));
	farm_sync(f, "j", LABELS("x=1", "x=2", "x=3"));
	/* With each update that exceeds it. */
	assert_true(metric_get(M_TARGET_SCRAPE_POOL_EXCEEDED_TARGET_LIMIT) == exceeded + 2);
}

/* (f): a sample that is out of order was not seen. */
static void what_is_out_of_order_is_marked(void **state)
{
	struct farm *f = *state;
	char page[2][64];
	int64_t now = clock_wall_ms();
	for (int i = 0; i < 2; i++)
		snprintf(page[i], sizeof page[i], "a 1 %lld\nb 2\n",
			 (long long)now - 50000 - 10000 * i);
	f->opt[0].track_timestamps_staleness = true;
	f->body = sv_of(page[0]);
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	/* The same time again is out of order already. */
	f->body = sv_of(page[1]);
	size_t n = f->n_batches;
	double refused = metric_get(M_AGENT_OUT_OF_ORDER_SAMPLES);
	farm_wait(f, n + 1);
	assert_true(metric_get(M_AGENT_OUT_OF_ORDER_SAMPLES) > refused);
	bool marked = false;
	for (size_t i = 1; i < f->n_batches; i++)
		marked = marked || is_stale(f, i, "a");
	assert_true(marked);
	assert_true(farm_number(f, n, "up") == 1 && farm_number(f, n, "b") == 2);
}

/* Not when the agent stops: it will go on where it was. */
static void the_agent_s_end_is_not_marked(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS("", "x=1"));
	farm_wait(f, 4);
	farm_sync(f, "j", LABELS(""));
	scrape_stop(f->scrape, loop_now_ms(f->loop) + FARM_GUARD_MS);
	farm_run(f, 10);
	size_t n = f->n_batches;
	farm_run(f, 1500);
	scrape_free(take_ptr(f->scrape));
	for (; n < f->n_batches; n++)
		assert_false(is_stale(f, n, "up"));
}

/* One line for each page that was not fetched, none for one that cannot be read. */
static void failed_fetches_are_logged(void **state)
{
	struct farm *f = *state;
	char path[] = "/tmp/ampagent-failed-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	f->opt[0].failure_log_file = sv_of(path);
	f->opt[0].digest = 1;
	farm_apply(f);
	f->status = 500;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	size_t fetches = f->n_batches;
	f->status = 200;
	f->body = SV("a x\n");
	farm_wait(f, fetches + 2);
	f->content_type = "text/html";
	farm_wait(f, fetches + 4);
	assert_true(farm_number(f, fetches + 3, "up") == 0);
	/* Another job, the same file; and the file is opened anew. */
	assert_int_equal(unlink(path), 0);
	f->opt[1].failure_log_file = sv_of(path);
	farm_apply(f);
	f->content_type = "text/plain";
	f->opt[1].body_size_limit = 3;
	farm_sync(f, "j", LABELS(NULL));
	farm_sync(f, "k", LABELS(""));
	farm_wait(f, f->n_batches + 1);
	char text[8192];
	text[pread(fd, text, sizeof text - 1, 0)] = '\0';
	close(fd);
	unsigned lines = 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, fetches);
	assert_non_null(strstr(text, "\"level\":\"ERROR\",\"source\":\"scraper.c:"));
	assert_non_null(strstr(text, "\"msg\":\"server returned HTTP status 500\","
				     "\"job_name\":\"j\",\"target\":\"http://127.0.0.1:"));
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	text[pread(fd, text, sizeof text - 1, 0)] = '\0';
	close(fd);
	unlink(path);
	assert_non_null(strstr(text, "\"msg\":\"body size limit exceeded\",\"job_name\":\"k\""));
	assert_null(strstr(text, "\"job_name\":\"j\""));
}

static void times_need_not_be_adjusted(void **state)
{
	struct farm *f = *state;
	f->scrape->env.timestamp_tolerance_ms = 0;
	f->opt[0].interval_ms = f->opt[0].timeout_ms = 1000;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 1);
	const struct target *t = target_of(f);
	int64_t late = 1000 - target_offset_ms(t, t->pool->seed, f->batches[0]->t_ms);
	/* On the grid now by chance only; adjusted, a small lateness vanishes. */
	assert_true(late >= 0 && late < 500);
	f->scrape->env.timestamp_tolerance_ms = 10;
	farm_wait(f, 2);
	late = 1000 - target_offset_ms(t, t->pool->seed, f->batches[1]->t_ms);
	assert_true(late == 0 || late > 10);
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
		FARM_TEST(a_page_becomes_a_batch),
		FARM_TEST(what_fails),
		FARM_TEST(an_empty_page_is_good),
		FARM_TEST(compressed_pages),
		FARM_TEST(a_full_log_loses_one_scrape),
		FARM_TEST(a_hung_target_is_down_each_time),
		FARM_TEST(no_turn_begins_after_the_stop),
		FARM_TEST(the_clock_set_back),
		FARM_TEST(the_clock_set_back_by_far),
		FARM_TEST(warnings_are_not_repeated),
		FARM_TEST(what_vanishes_is_marked_once),
		FARM_TEST(over_the_sample_limit),
		FARM_TEST(over_the_target_limit),
		FARM_TEST(what_is_out_of_order_is_marked),
		FARM_TEST(the_agent_s_end_is_not_marked),
		FARM_TEST(failed_fetches_are_logged),
		FARM_TEST(times_need_not_be_adjusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
