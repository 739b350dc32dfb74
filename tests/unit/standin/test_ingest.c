#include "check.h"
#include "wire.h"

#include "../../../src/standin/ingest.h"

#include <ampagent/base/file.h>

#define NOW INT64_C(1700000000000)
enum { HOUR = 3600000, MINUTE = 60000 };

static struct ingest in;
static struct buf request, body, why;

static int begin(void **state)
{
	buf_init(&request, WIRE_MAX);
	buf_init(&body, WIRE_MAX);
	buf_init(&why, INGEST_TEXT_MAX);
	struct standin_options o = standin_options_default();
	return ingest_init(&in, &o, SV("1_ws-a"));
}

static int end(void **state)
{
	ingest_deinit(&in);
	buf_deinit(&request);
	buf_deinit(&body);
	buf_deinit(&why);
	return 0;
}

/* Sends what stands in request. */
static int send_as(enum wire_version version)
{
	buf_reset(&body);
	buf_reset(&why);
	assert_int_equal(snappy_block_compress(&body, buf_view(&request)), 0);
	buf_reset(&request);
	int status = ingest_decode(&in, buf_view(&body), version, &why);
	return status != 200 ? status : ingest_store(&in, NOW, INGEST_REFUSE_NONE, &why);
}

static int send(void)
{
	return send_as(WIRE_V1);
}

static void good_samples_are_stored(void **state)
{
	put_one(&request, "__name__=up", NOW, 1);
	put_one(&request, "__name__=up,job=x", NOW, double_of_bits(VALUE_STALE_BITS));
	put_bytes(&request, 3, SV("\x08\x01"));
	size_t raw = request.len;
	assert_int_equal(send(), 200);
	assert_int_equal(why.len, 0);
	assert_int_equal(in.stats.samples, 2);
	assert_int_equal(in.stats.series, 2);
	assert_int_equal(in.stats.stale_markers, 1);
	assert_int_equal(in.stats.metadata, 1);
	assert_int_equal(in.stats.raw_bytes, raw);
	assert_int_equal(send(), 200); /* nothing at all is fine */
}

static void one_bad_series_stops_no_other(void **state)
{
	put_one(&request, "__name__=a", NOW, 1);
	put_one(&request, "__name__=b,z=1,y=2", NOW, 1);
	put_one(&request, "nameless=x", NOW, 1);
	put_one(&request, "__name__=c", NOW, 1);
	assert_int_equal(send(), 400);
	assert_sv(buf_view(&why), "user=1_ws-a: labels not sorted: \"y\" metric "
				  "\"b{z=\\\"1\\\",y=\\\"2\\\"}\"");
	assert_int_equal(in.stats.samples, 2);
	assert_int_equal(in.stats.bad_labels, 2);
	assert_int_equal(in.stats.refused, 2);
}

static void sent_twice_is_stored_once(void **state)
{
	for (int i = 0; i < 3; i++) {
		put_one(&request, "__name__=up", NOW, 1);
		assert_int_equal(send(), 200);
	}
	assert_int_equal(in.stats.samples, 1);
	assert_int_equal(in.stats.duplicates, 2);
	put_one(&request, "__name__=up", NOW, 2);
	assert_int_equal(send(), 400);
	assert_sv(buf_view(&why), "user=1_ws-a: err: duplicate sample for timestamp. "
				  "timestamp=2023-11-14T22:13:20.000Z, series={__name__=\"up\"}");
	assert_int_equal(in.stats.conflicts, 1);
}

static void disorder(void **state)
{
	put_one(&request, "__name__=up,job=x", NOW, 1);
	put_one(&request, "__name__=up,job=x", NOW - MINUTE, 2);
	assert_int_equal(send(), 200);
	assert_int_equal(in.stats.out_of_order, 1);
	put_one(&request, "__name__=up,job=x", NOW - MINUTE - 1, 3);
	assert_int_equal(send(), 400);
	assert_sv(buf_view(&why),
		  "user=1_ws-a: err: too old sample. timestamp=2023-11-14T22:12:19.999Z, "
		  "series={__name__=\"up\", job=\"x\"}");
	assert_int_equal(in.stats.too_old, 1);
	assert_int_equal(in.stats.samples, 2);
}

static void age(void **state)
{
	put_one(&request, "__name__=a", NOW - HOUR, 1);
	put_one(&request, "__name__=b", NOW + 10 * MINUTE, 1);
	assert_int_equal(send(), 200);
	put_one(&request, "__name__=c", NOW - HOUR - 1, 1);
	assert_int_equal(send(), 400);
	assert_says(buf_view(&why), "timestamp too old: 1699996399999 metric: \"c\"");
	put_one(&request, "__name__=d", NOW + 10 * MINUTE + 1, 1);
	assert_int_equal(send(), 400);
	assert_says(buf_view(&why), "timestamp too new: 1700000600001 metric: \"d\"");
	assert_int_equal(in.stats.too_old, 1);
	assert_int_equal(in.stats.too_new, 1);
	in.max_age_ms = in.max_future_ms = 0;
	put_one(&request, "__name__=e", 0, 1);
	put_one(&request, "__name__=f", NOW * 2, 1);
	assert_int_equal(send(), 200);
}

static void histograms(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL;
	buf_init(&series, WIRE_MAX);
	put_labels(&series, "__name__=h");
	put_histogram(&series, NOW, 3, 3);
	put_histogram(&series, NOW, 3, 3);
	put_series(&request, &series);
	assert_int_equal(send(), 200);
	assert_int_equal(in.stats.histograms, 1);
	assert_int_equal(in.stats.samples, 1);
	assert_int_equal(in.stats.duplicates, 1);
	put_labels(&series, "__name__=h");
	put_histogram(&series, NOW + 1, 9, 3);
	put_histogram(&series, NOW + 2, 3, 3);
	put_series(&request, &series);
	assert_int_equal(send(), 400);
	assert_says(buf_view(&why), "user=1_ws-a: err: invalid native histogram schema: 9. ");
	assert_int_equal(in.stats.histograms, 2);
}

static void the_series_limit(void **state)
{
	in.series.limit = 1;
	put_one(&request, "__name__=a", NOW, 1);
	put_one(&request, "__name__=b", NOW, 1);
	put_one(&request, "__name__=a", NOW + 1, 1);
	assert_int_equal(send(), 400);
	assert_says(buf_view(&why), "user=1_ws-a: per-user series limit of 1 exceeded");
	assert_int_equal(in.stats.samples, 2);
	assert_int_equal(in.stats.over_limit, 1);
}

static void bodies_that_are_none(void **state)
{
	static const struct {
		struct sv body;
		int status;
		const char *words;
	} cases[] = {
		{SV(""), 400, "snappy"},
		{SV("x"), 400, "snappy"},
		{SV("\xff\xff\xff\xff\x0f"), 400, "snappy"},
		/* a framed stream is not a block */
		{SV("\xff\x06\0\0sNaPpY"), 400, "snappy"},
		{SV("\0"), 200, ""},
		{SV("\x03\x08"
		    "abc"),
		 400, "proto"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		buf_reset(&why);
		int status = ingest_decode(&in, cases[i].body, WIRE_V1, &why);
		if (status != cases[i].status)
			fail_msg("case %zu: %d", i, status);
		assert_says(buf_view(&why), cases[i].words);
	}
	assert_int_equal(in.stats.bad_snappy, 4);
	assert_int_equal(in.stats.bad_protobuf, 1);
}

static void too_large_when_decompressed(void **state)
{
	in.raw.max = 100;
	char name[200];
	memset(name, 'x', sizeof name);
	put_bytes(&request, 1, sv_make(name, sizeof name));
	assert_int_equal(send(), 413);
}

static void a_refused_first_series(void **state)
{
	put_one(&request, "__name__=a", NOW, 1);
	put_one(&request, "__name__=b", NOW, 1);
	assert_int_equal(snappy_block_compress(&body, buf_view(&request)), 0);
	assert_int_equal(ingest_decode(&in, buf_view(&body), WIRE_V1, &why), 200);
	assert_int_equal(ingest_samples(&in), 2);
	assert_int_equal(ingest_store(&in, NOW, INGEST_REFUSE_FIRST, &why), 400);
	assert_int_equal(in.stats.samples, 1);
	assert_int_equal(in.stats.refused, 1);
}

/* The record file, read and removed. */
static void expect_record(const char *path, const char *want)
{
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	buf_init(&got, 4096);
	assert_int_equal(text_sink_flush(&in.record), 0);
	assert_int_equal(file_read(path, &got, NULL), 0);
	assert_sv(buf_view(&got), want);
	unlink(path);
}

static void open_record(char *path)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(text_sink_open(&in.record, sv_of(path), NULL), 0);
}

static void exemplars_are_stored_once(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL;
	char path[] = "/tmp/ampagent-record-XXXXXX";
	open_record(path);
	buf_init(&series, WIRE_MAX);
	for (int i = 0; i < 2; i++) {
		put_labels(&series, "__name__=up");
		put_sample(&series, NOW, 1);
		put_exemplar(&series, "a", NOW - 1, 0.5);
		put_exemplar(&series, "b", NOW - 1, 0.5);
		put_series(&request, &series);
		/* As a series of its own, which begins none. */
		put_labels(&series, "__name__=up");
		put_exemplar(&series, "c", NOW - 1, 0.5);
		put_series(&request, &series);
		assert_int_equal(send(), 200);
		assert_int_equal(in.written.exemplars, 3);
		assert_int_equal(in.written.samples, 1);
	}
	put_labels(&series, "__name__=unknown");
	put_exemplar(&series, "c", NOW - 1, 0.5);
	put_series(&request, &series);
	assert_int_equal(send(), 200);
	assert_int_equal(in.stats.series, 1);
	assert_int_equal(in.stats.exemplars, 4);
	expect_record(path,
		      "1700000000000 3ff0000000000000 {__name__=\"up\"}\n"
		      "e 1699999999999 3fe0000000000000 {__name__=\"up\"} # {trace=\"a\"}\n"
		      "e 1699999999999 3fe0000000000000 {__name__=\"up\"} # {trace=\"b\"}\n"
		      "e 1699999999999 3fe0000000000000 {__name__=\"up\"} # {trace=\"c\"}\n"
		      "e 1699999999999 3fe0000000000000 {__name__=\"unknown\"} # {trace=\"c\"}\n");
}

/* ---- 2.0 ---- */

static void a_2_0_request_is_stored(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, copy = BUF_NULL;
	struct symbols t = {.n = 0};
	char path[] = "/tmp/ampagent-record-XXXXXX";
	open_record(path);
	buf_init(&series, WIRE_MAX);
	buf_init(&copy, WIRE_MAX);
	PUT_REFS(&series, &t, "__name__", "http.total");
	put_sample_v2(&series, NOW, 1, NOW - 500);
	put_sample_v2(&series, NOW + 1, 2, 0);
	put_exemplar_v2(&series, &t, "a", NOW, 0.5);
	put_metadata_v2(&series, 1, symbol(&t, "help"), 0);
	put_series_v2(&request, &series);
	PUT_REFS(&series, &t, "__name__", "h", "job", "x");
	put_histogram_v2(&series, NOW, 1);
	put_series_v2(&request, &series);
	put_symbols(&request, &t);
	buf_sv(&copy, buf_view(&request));
	assert_int_equal(send_as(WIRE_V2), 200);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(in.stats.samples, 3);
		assert_int_equal(in.stats.histograms, 1);
		assert_int_equal(in.stats.exemplars, 1);
		assert_int_equal(in.written.samples, 2);
		assert_int_equal(in.written.histograms, 1);
		assert_int_equal(in.written.exemplars, 1);
		/* Sent again it is written and not stored. */
		buf_sv(&request, buf_view(&copy));
		assert_int_equal(send_as(WIRE_V2), 200);
	}
	assert_int_equal(in.stats.duplicates, 6);
	assert_int_equal(in.stats.metadata, 3);
	expect_record(path,
		      "1700000000000 3ff0000000000000 {__name__=\"http.total\"} "
		      "start=1699999999500\n"
		      "1700000000001 4000000000000000 {__name__=\"http.total\"}\n"
		      "e 1700000000000 3fe0000000000000 {__name__=\"http.total\"} # {trace=\"a\"}\n"
		      "1700000000000 h:float;schema=-53;count=3.5;sum=4012000000000000;zero=0@0;"
		      "neg=;pos=1:1.5,2:2;bounds=0.5,1;reset=gauge;start=77 "
		      "{__name__=\"h\",job=\"x\"}\n");
}

static void a_partial_2_0_request_says_what_was_written(void **state)
{
	static const struct {
		bool sample, histogram;
		double bound;
		const char *name, *words;
	} bad[] = {
		{true, true, 1, "a", "must not have both"},
		{false, false, 1, "b", "must have samples or histograms"},
		{false, true, 0.5, "c", "not ascending"},
		{true, false, 1, "", "metric name"},
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		_cleanup_(buf_deinit) struct buf series = BUF_NULL;
		struct symbols t = {.n = 0};
		buf_init(&series, WIRE_MAX);
		PUT_REFS(&series, &t, "__name__", bad[i].name);
		if (bad[i].sample)
			put_sample_v2(&series, NOW, 1, 0);
		if (bad[i].histogram)
			put_histogram_v2(&series, NOW, bad[i].bound);
		put_series_v2(&request, &series);
		PUT_REFS(&series, &t, "__name__", "good");
		put_sample_v2(&series, NOW + (int64_t)i, 1, 0);
		put_exemplar_v2(&series, &t, "a", NOW + (int64_t)i, 0.5);
		put_series_v2(&request, &series);
		put_symbols(&request, &t);
		assert_int_equal(send_as(WIRE_V2), 400);
		assert_says(buf_view(&why), bad[i].words);
		assert_int_equal(in.written.samples, 1);
		assert_int_equal(in.written.histograms, 0);
		assert_int_equal(in.written.exemplars, 1);
	}
	assert_int_equal(in.stats.bad_labels, 3);
	assert_int_equal(in.stats.refused, 4);
	assert_int_equal(in.stats.samples, 4);
}

static void a_2_0_request_without_the_empty_symbol(void **state)
{
	put_bytes(&request, 4, SV("a"));
	assert_int_equal(send_as(WIRE_V2), 400);
	assert_says(buf_view(&why), "first symbol");
	assert_int_equal(in.stats.bad_protobuf, 1);
}

static void record_holds_each_stored_sample_once(void **state)
{
	char path[] = "/tmp/ampagent-record-XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(text_sink_open(&in.record, sv_of(path), NULL), 0);
	for (int i = 0; i < 2; i++) {
		put_one(&request, "__name__=up,job=x", NOW, 1.5);
		put_one(&request, "__name__=up,job=y", NOW, -1);
		assert_int_equal(send(), 200);
	}
	put_one(&request, "__name__=up,b=1,a=2", NOW, 1);
	assert_int_equal(send(), 400);
	assert_int_equal(text_sink_flush(&in.record), 0);
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	buf_init(&got, 4096);
	assert_int_equal(file_read(path, &got, NULL), 0);
	assert_sv(buf_view(&got), "1700000000000 3ff8000000000000 {__name__=\"up\",job=\"x\"}\n"
				  "1700000000000 bff0000000000000 {__name__=\"up\",job=\"y\"}\n");
	close(fd);
	unlink(path);
}

static void without_tracking_all_is_taken(void **state)
{
	in.track = false;
	for (int i = 0; i < 2; i++) {
		put_one(&request, "__name__=up", NOW - i, i);
		assert_int_equal(send(), 200);
	}
	assert_int_equal(in.stats.samples, 2);
	assert_int_equal(in.stats.series, 0);
}

#define WITH_INGEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_INGEST(good_samples_are_stored),
		WITH_INGEST(one_bad_series_stops_no_other),
		WITH_INGEST(sent_twice_is_stored_once),
		WITH_INGEST(disorder),
		WITH_INGEST(age),
		WITH_INGEST(histograms),
		WITH_INGEST(the_series_limit),
		WITH_INGEST(bodies_that_are_none),
		WITH_INGEST(too_large_when_decompressed),
		WITH_INGEST(a_refused_first_series),
		WITH_INGEST(exemplars_are_stored_once),
		WITH_INGEST(a_2_0_request_is_stored),
		WITH_INGEST(a_partial_2_0_request_says_what_was_written),
		WITH_INGEST(a_2_0_request_without_the_empty_symbol),
		WITH_INGEST(record_holds_each_stored_sample_once),
		WITH_INGEST(without_tracking_all_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
