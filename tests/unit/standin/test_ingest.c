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
static int send(void)
{
	buf_reset(&body);
	buf_reset(&why);
	assert_int_equal(snappy_block_compress(&body, buf_view(&request)), 0);
	buf_reset(&request);
	int status = ingest_decode(&in, buf_view(&body), &why);
	return status != 200 ? status : ingest_store(&in, NOW, false, &why);
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
		int status = ingest_decode(&in, cases[i].body, &why);
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
	assert_int_equal(ingest_decode(&in, buf_view(&body), &why), 200);
	assert_int_equal(ingest_samples(&in), 2);
	assert_int_equal(ingest_store(&in, NOW, true, &why), 400);
	assert_int_equal(in.stats.samples, 1);
	assert_int_equal(in.stats.refused, 1);
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
		WITH_INGEST(record_holds_each_stored_sample_once),
		WITH_INGEST(without_tracking_all_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
