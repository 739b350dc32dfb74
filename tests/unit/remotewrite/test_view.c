#include "../../../remotewrite/view.h"

#include "cmocka_all.h"

#include <stdlib.h>

static struct view some_view(void)
{
	struct view v = {.name = "one",
			 .url = "http://h/",
			 .base = 100,
			 .pending = 9,
			 .shards = 2,
			 .want_shards = 4,
			 .max_shards = 50,
			 .flying = 1,
			 .oldest_ms = 5000,
			 .pace = 700,
			 .age_limit_ms = 3540000,
			 .has_error = true,
			 .last_error = "why"};
	v.books.sent = 40;
	v.books.dropped[DROP_TOO_OLD] = 3;
	v.books.dropped[DROP_DAMAGED] = 2;
	v.stats.samples = (struct sent_stats){30, 4, 5};
	v.stats.histograms = (struct sent_stats){11, 1, 2};
	v.stats.exemplars = (struct sent_stats){7, 6, 3};
	v.stats.histograms_dropped[DROP_NHCB_IN_RW1] = 9;
	v.stats.exemplars_dropped[DROP_WRITE_RELABEL] = 8;
	v.stats.requests = 6;
	v.stats.refused[CAUSE_DUPLICATE] = 12;
	v.stats.codes[0].code = 200;
	v.stats.codes[0].n = 5;
	v.stats.codes[1].code = 0;
	v.stats.codes[1].n = 1;
	v.stats.latency[0] = 2;
	v.stats.latency[3] = 3;
	v.stats.latency[LATENCY_BUCKETS] = 1;
	v.stats.latency_sum_s = 1.5;
	v.signing = (struct remotewrite_signing){.is_signed = true,
						 .clock_known = true,
						 .skew_ms = -90500,
						 .credentials = {.kind = "container",
								 .have = true,
								 .expires_ms = 4000000000000,
								 .fetches = 7,
								 .failures = 2,
								 .rejections = 1}};
	return v;
}

struct queued_case {
	int64_t base;
	uint64_t sent, head, queued;
};

static void test_queued(void **state)
{
	static const struct queued_case cases[] = {
		{0, 0, 0, 0},   {0, 0, 7, 7},   {5, 2, 10, 3},
		{5, 5, 10, 0},  {-3, 5, 10, 8}, {5, 9, 10, 0}, /* never below 0 */
		{10, 0, 10, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct view v = {.base = cases[i].base};
		v.books.sent = cases[i].sent;
		assert_int_equal(view_queued(&v, cases[i].head), cases[i].queued);
	}
}

static void test_status(void **state)
{
	struct view v = some_view();
	struct remotewrite_status st;
	view_status(&v, 200, &st);
	assert_string_equal(st.name, "one");
	assert_string_equal(st.url, "http://h/");
	assert_int_equal(st.sent, 40);
	assert_int_equal(st.dropped, 5);
	assert_int_equal(st.queued, 200 - 100 - 45);
	assert_int_equal(st.requests, 6);
	assert_int_equal(st.retried, 7);
	assert_true(st.has_error);
	assert_string_equal(st.last_error, "why");
}

static const char *const lines[] = {
	"ampagent_remote_write_refused_answers_total{remote_name=\"one\",cause=\"duplicate\"} 12\n",
	"ampagent_ledger_samples{remote_name=\"one\",state=\"sent\"} 40\n",
	"ampagent_ledger_samples{remote_name=\"one\",state=\"queued\"} 55\n",
	"ampagent_ledger_samples{remote_name=\"one\",state=\"dropped\",reason=\"too_old\"} 3\n",
	"ampagent_ledger_samples{remote_name=\"one\",state=\"dropped\",reason=\"damaged\"} 2\n",
	"ampagent_remote_write_requests_total{remote_name=\"one\",url=\"http://h/\",code=\"200\"} "
	"5\n",
	"ampagent_remote_write_requests_total{remote_name=\"one\",url=\"http://h/\",code=\"0\"} "
	"1\n",
	"_bucket{remote_name=\"one\",url=\"http://h/\",le=\"0.005\"} 2\n",
	"_bucket{remote_name=\"one\",url=\"http://h/\",le=\"0.05\"} 5\n",
	"_bucket{remote_name=\"one\",url=\"http://h/\",le=\"+Inf\"} 6\n",
	"_sum{remote_name=\"one\",url=\"http://h/\"} 1.5\n",
	"_count{remote_name=\"one\",url=\"http://h/\"} 6\n",
	"ampagent_remote_write_lag_seconds{remote_name=\"one\",url=\"http://h/\"} 2.5\n",
	"ampagent_remote_write_pace_samples_per_second{remote_name=\"one\",url=\"http://h/\"} "
	"700\n",
	"ampagent_remote_write_sample_age_limit_seconds{remote_name=\"one\",url=\"http://h/\"} "
	"3540\n",
	"prometheus_remote_storage_shards{remote_name=\"one\",url=\"http://h/\"} 2\n",
	"prometheus_remote_storage_shards_desired{remote_name=\"one\",url=\"http://h/\"} 4\n",
	"storage_samples_total{remote_name=\"one\",url=\"http://h/\"} 30\n",
	"storage_histograms_total{remote_name=\"one\",url=\"http://h/\"} 11\n",
	"storage_exemplars_total{remote_name=\"one\",url=\"http://h/\"} 7\n",
	"storage_samples_failed_total{remote_name=\"one\",url=\"http://h/\"} 4\n",
	"storage_histograms_failed_total{remote_name=\"one\",url=\"http://h/\"} 1\n",
	"storage_exemplars_failed_total{remote_name=\"one\",url=\"http://h/\"} 6\n",
	"storage_samples_retried_total{remote_name=\"one\",url=\"http://h/\"} 5\n",
	"storage_histograms_retried_total{remote_name=\"one\",url=\"http://h/\"} 2\n",
	"storage_exemplars_retried_total{remote_name=\"one\",url=\"http://h/\"} 3\n",
	"ampagent_remote_write_plain_samples_total{remote_name=\"one\",url=\"http://h/\"} 41\n",
	"storage_histograms_dropped_total{remote_name=\"one\",url=\"http://h/\","
	"reason=\"nhcb_in_rw1_not_supported\"} 9\n",
	"storage_exemplars_dropped_total{remote_name=\"one\",url=\"http://h/\","
	"reason=\"write_relabel\"} 8\n",
	"ampagent_aws_credentials_info{remote_name=\"one\",url=\"http://h/\",source=\"container\"} "
	"1\n",
	"ampagent_aws_credentials_expiry_timestamp_seconds{remote_name=\"one\",url=\"http://h/\"} "
	"4e+09\n",
	"ampagent_aws_credentials_fetches_total{remote_name=\"one\",url=\"http://h/\"} 7\n",
	"ampagent_aws_credentials_fetch_failures_total{remote_name=\"one\",url=\"http://h/\"} 2\n",
	"ampagent_aws_credentials_rejections_total{remote_name=\"one\",url=\"http://h/\"} 1\n",
	"ampagent_aws_clock_skew_seconds{remote_name=\"one\",url=\"http://h/\"} -90.5\n",
	"ampagent_ledger_samples{remote_name=\"two\",state=\"queued\"} 200\n",
	"ampagent_remote_write_lag_seconds{remote_name=\"two\",url=\"\"} 0\n",
};

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *p = text; (p = strstr(p, part)); p += strlen(part))
		n++;
	return n;
}

/* Families are not mixed up: each has one header, with both destinations under it. */
static void test_metrics(void **state)
{
	struct view v[2] = {some_view(), {.name = "two"}};
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 1 << 20);
	struct metrics_writer mw = {.out = &text};
	view_collect(v, 2, 200, 7500, &mw);
	buf_char(&text, 0);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (!strstr(text.ptr, lines[i]))
			fail_msg("missing: %s", lines[i]);
	assert_int_equal(count(text.ptr, "# TYPE ampagent_ledger_samples "), 1);
	/* The other one signs nothing. */
	assert_int_equal(count(text.ptr, "\nampagent_aws_"), 6);
	assert_int_equal(count(text.ptr, "\nampagent_ledger_samples{"), 2 * (2 + DROP_REASONS_));
	assert_int_equal(count(text.ptr, "# TYPE prometheus_remote_storage_sent_batch_duration_"),
			 1);
}

/* Long names and errors are cut, never run over. */
static void test_fill(void **state)
{
	struct destination *d = calloc(1, sizeof *d);
	assert_non_null(d);
	char name[300];
	memset(name, 'n', sizeof name);
	d->cfg.name = d->cfg.url = sv_make(name, sizeof name);
	d->cfg.queue.capacity = 10000;
	struct position pos = POSITION_NULL;
	assert_int_equal(position_start(&pos, (struct wal_pos){1, 16, 7}, 3), 0);
	assert_int_equal(progress_init(&d->progress, &pos), 0);
	d->slots = calloc(3, sizeof *d->slots);
	assert_non_null(d->slots);
	d->slots[0].state = SLOT_FLYING;
	d->slots[1].backoff_ms = 40;
	d->slots[2].backoff_ms = 70;
	d->want_shards = 3;
	memset(d->last_error, 'e', sizeof d->last_error - 1);
	struct view v;
	view_fill(&v, d);
	assert_int_equal(strlen(v.name), sizeof v.name - 1);
	assert_int_equal(strlen(v.url), sizeof v.url - 1);
	assert_int_equal(strlen(v.last_error), sizeof v.last_error - 1);
	assert_int_equal(v.base, 7);
	assert_int_equal(v.flying, 1);
	assert_int_equal(v.backoff_ms, 70);
	assert_int_equal(v.shards, 3);
	assert_int_equal(v.capacity, 10000);
	position_deinit(&pos);
	progress_deinit(&d->progress);
	free(d->slots);
	free(d);
}

/* Copied when something came in, and only then. */
static void test_offenders(void **state)
{
	struct destination *d = calloc(1, sizeof *d);
	struct offenders *copy = calloc(1, sizeof *copy);
	assert_non_null(d);
	assert_non_null(copy);
	struct answer a = {.cause = CAUSE_DUPLICATE, .subject = "up"};
	offenders_note(&d->offenders, &a, 3, 1000, "no");
	view_offenders(copy, d);
	assert_int_equal(copy->n, 1);
	assert_string_equal(copy->v[0].subject, "up");
	copy->v[0].answers = 77;
	view_offenders(copy, d);
	assert_int_equal(copy->v[0].answers, 77);
	offenders_note(&d->offenders, &a, 3, 2000, "no");
	view_offenders(copy, d);
	assert_int_equal(copy->v[0].answers, 2);
	free(copy);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offenders), cmocka_unit_test(test_queued),
		cmocka_unit_test(test_status),    cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_fill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
