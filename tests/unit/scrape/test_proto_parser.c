/* Pages in the delimited protobuf format, entry by entry, as Prometheus tells them. */
#include "proto_writer.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/number.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM };

static const struct proto_options classic = {.native = false};
static const struct proto_options native = {.native = true};
static const struct proto_options both = {.native = true, .classic_beside = true};

static struct buf page;

static int setup(void **state)
{
	buf_init(&page, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	buf_deinit(&page);
	return 0;
}

/* The page in a heap block of its own, so that a read beyond it is seen. */
static void expect_page(struct sv bytes, struct proto_options options, const char *wanted)
{
	_cleanup_(freep) char *copy = malloc(bytes.len ? bytes.len : 1);
	if (bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	_cleanup_(freep) char *got = pw_print(sv_make(copy, bytes.len), options);
	assert_string_equal(got, wanted);
}

static void expect(struct proto_options options, const char *wanted)
{
	expect_page(buf_view(&page), options, wanted);
}

/* A metric of a gauge with one label. */
static void gauge(struct sv value, double v, int64_t t_ms)
{
	size_t at = pw_begin(&page, 4);
	pw_label(&page, SV("a"), value);
	size_t in = pw_begin(&page, 2);
	pw_double(&page, 1, v);
	pw_end(&page, in);
	if (t_ms)
		pw_varint(&page, 6, (uint64_t)t_ms);
	pw_end(&page, at);
}

static void simple_types(void **state)
{
	size_t f = pw_family(&page, SV("g"), GAUGE);
	pw_text(&page, 2, SV("help \"me\"\n"));
	pw_text(&page, 5, SV("s"));
	gauge(SV("x"), 1.5, 0);
	gauge(SV(""), -0.0, -7);
	pw_end(&page, f);
	f = pw_family(&page, SV("c.total"), COUNTER);
	size_t m = pw_begin(&page, 4), c = pw_begin(&page, 3);
	pw_double(&page, 1, 3);
	pw_exemplar(&page, 2, SV("t1"), 2, -1);
	pw_time(&page, 3, 12, 345999999);
	pw_end(&page, c);
	pw_end(&page, m);
	pw_end(&page, f);
	f = pw_family(&page, SV("u"), UNTYPED);
	m = pw_begin(&page, 4);
	pw_end(&page, m);
	pw_end(&page, f);
	expect(classic, "# g gauge help(help \"me\"\n) unit(s)\n"
			"g{a=\"x\"} 1.5\n"
			"g{a=\"\"} -0 @-7\n"
			"# c.total counter help() unit()\n"
			"c.total{} 3 start 12345 # {id=\"t1\"} 2\n"
			"# u unknown help() unit()\n"
			"u{} 0\n"
			"end");
}

static void summary(unsigned quantiles)
{
	size_t f = pw_family(&page, SV("s"), SUMMARY);
	size_t m = pw_begin(&page, 4), s = pw_begin(&page, 4);
	pw_varint(&page, 1, 42);
	pw_double(&page, 2, 324789.3);
	for (unsigned i = 0; i < quantiles; i++) {
		size_t q = pw_begin(&page, 3);
		pw_double(&page, 1, i == 0 ? 0 : 0.99);
		pw_double(&page, 2, i == 0 ? 2 : NAN);
		pw_end(&page, q);
	}
	pw_time(&page, 4, 1, 0);
	pw_end(&page, s);
	pw_label(&page, SV("quantile"), SV("own"));
	pw_varint(&page, 6, 99);
	pw_end(&page, m);
	pw_end(&page, f);
}

static void summaries(void **state)
{
	summary(2);
	summary(0);
	expect(classic, "# s summary help() unit()\n"
			"s_count{quantile=\"own\"} 42 @99 start 1000\n"
			"s_sum{quantile=\"own\"} 324789.3 @99 start 1000\n"
			"s{quantile=\"own\",quantile=\"0.0\"} 2 @99 start 1000\n"
			"s{quantile=\"own\",quantile=\"0.99\"} NaN @99 start 1000\n"
			"# s summary help() unit()\n"
			"s_count{quantile=\"own\"} 42 @99 start 1000\n"
			"s_sum{quantile=\"own\"} 324789.3 @99 start 1000\n"
			"end");
}

enum part { CLASSIC = 1, NATIVE = 2, INF = 4, EXEMPLARS = 8, OWN_EXEMPLARS = 16, MISMATCH = 32 };

/* One metric of a histogram, named by its label. */
static void histogram(struct sv name, unsigned parts)
{
	size_t m = pw_begin(&page, 4);
	pw_label(&page, SV("m"), name);
	size_t h = pw_begin(&page, 7);
	pw_varint(&page, 1, 5);
	pw_double(&page, 2, 6.5);
	if (parts & CLASSIC) {
		size_t b = pw_begin(&page, 3);
		pw_varint(&page, 1, 2);
		pw_double(&page, 2, 1);
		if (parts & EXEMPLARS)
			pw_exemplar(&page, 3, SV("b1"), 0.5, -1);
		pw_end(&page, b);
		b = pw_begin(&page, 3);
		pw_double(&page, 4, 3.5);
		pw_double(&page, 2, 1e6);
		if (parts & EXEMPLARS)
			pw_exemplar(&page, 3, SV("b2"), 9, 4);
		pw_end(&page, b);
	}
	if (parts & INF) {
		pw_bucket(&page, 4, INFINITY);
		pw_bucket(&page, 77, 1000);
	}
	if (parts & NATIVE) {
		pw_span(&page, 12, 0, parts & MISMATCH ? 3 : 2);
		pw_text(&page, 13, SV("\x04\x02"));
		pw_double(&page, 6, 0.25);
	}
	if (parts & OWN_EXEMPLARS) {
		pw_exemplar(&page, 16, SV("o1"), 1, 5);
		pw_exemplar(&page, 16, SV("o2"), 2, -1);
		pw_exemplar(&page, 16, SV("o3"), 3, 6);
	}
	pw_end(&page, h);
	pw_end(&page, m);
}

static void one_histogram(unsigned parts)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), parts);
	pw_end(&page, f);
}

#define H "# h histogram help() unit()\n"
#define CLASSIC_TEXT(m)                                                                            \
	"h_count{m=\"" m "\"} 5\nh_sum{m=\"" m "\"} 6.5\n"                                         \
	"h_bucket{m=\"" m "\",le=\"1.0\"} 2\nh_bucket{m=\"" m "\",le=\"1e+06\"} 3.5\n"             \
	"h_bucket{m=\"" m "\",le=\"+Inf\"} 5\n"
#define EMPTY_TEXT(m)                                                                              \
	"h_count{m=\"" m "\"} 5\nh_sum{m=\"" m "\"} 6.5\nh_bucket{m=\"" m "\",le=\"+Inf\"} 5\n"
#define NATIVE_BARE(m)                                                                             \
	"h{m=\"" m "\"} integer schema 0 count 5 sum 6.5 zero 0 0.25 pos 0:2 [ 2 1 ] neg [ ]"
#define NATIVE_TEXT(m) NATIVE_BARE(m) "\n"

static void classic_histograms(void **state)
{
	one_histogram(CLASSIC);
	expect(classic, H CLASSIC_TEXT("1") "end");
	expect(both, H CLASSIC_TEXT("1") "end");
	buf_reset(&page);
	/* What comes after +Inf is not told. */
	one_histogram(INF);
	expect(native, H "h_count{m=\"1\"} 5\nh_sum{m=\"1\"} 6.5\n"
			 "h_bucket{m=\"1\",le=\"+Inf\"} 4\nend");
	buf_reset(&page);
	one_histogram(0);
	expect(native, H EMPTY_TEXT("1") "end");
	buf_reset(&page);
	one_histogram(CLASSIC | EXEMPLARS | OWN_EXEMPLARS);
	expect(native, H "h_count{m=\"1\"} 5\nh_sum{m=\"1\"} 6.5\n"
			 "h_bucket{m=\"1\",le=\"1.0\"} 2 # {id=\"b1\"} 0.5\n"
			 "h_bucket{m=\"1\",le=\"1e+06\"} 3.5 # {id=\"b2\"} 9 @4000\n"
			 "h_bucket{m=\"1\",le=\"+Inf\"} 5\nend");
}

static void native_histograms(void **state)
{
	one_histogram(NATIVE | CLASSIC);
	expect(native, H NATIVE_TEXT("1") "end");
	expect(both, H NATIVE_TEXT("1") CLASSIC_TEXT("1") "end");
	expect(classic, H CLASSIC_TEXT("1") "end");
	buf_reset(&page);
	one_histogram(NATIVE);
	expect(both, H NATIVE_TEXT("1") "end");
	expect(classic, H EMPTY_TEXT("1") "end");
}

static void a_family_without_histograms(void **state)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	gauge(SV("x"), 1, 0);
	pw_end(&page, f);
	expect(native, H "h_count{a=\"x\"} 0\nh_sum{a=\"x\"} 0\nh_bucket{a=\"x\",le=\"+Inf\"} 0\n"
			 "end");
}

static void gauge_and_float_histograms(void **state)
{
	size_t f = pw_family(&page, SV("h"), GAUGE_HISTOGRAM);
	size_t m = pw_begin(&page, 4), h = pw_begin(&page, 7);
	pw_double(&page, 4, 5.5);
	pw_double(&page, 2, NAN);
	pw_signed(&page, 5, -2);
	pw_double(&page, 8, 0.5);
	pw_span(&page, 9, -3, 1);
	pw_span(&page, 9, 2, 1);
	pw_double(&page, 11, 1.5);
	pw_double(&page, 11, 3.5);
	pw_time(&page, 15, 7, 0);
	pw_end(&page, h);
	pw_varint(&page, 6, 8);
	pw_end(&page, m);
	pw_end(&page, f);
	expect(native, "# h gaugehistogram help() unit()\n"
		       "h{} float gauge schema -2 count 5.5 sum NaN zero 0.5 0 pos [ ] "
		       "neg -3:1 2:1 [ 1.5 3.5 ] @8 start 7000\nend");
}

static void exemplars_of_native_histograms(void **state)
{
	one_histogram(NATIVE | CLASSIC | EXEMPLARS);
	one_histogram(NATIVE | CLASSIC | EXEMPLARS | OWN_EXEMPLARS);
	expect(native, H NATIVE_BARE("1") " # {id=\"b2\"} 9 @4000\n" H NATIVE_BARE(
			       "1") " # {id=\"o1\"} 1 @5000 # {id=\"o3\"} 3 @6000\nend");
}

/* The place where a family's exemplars are read on is not set back between its metrics. */
static void exemplars_through_a_family(void **state)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE | OWN_EXEMPLARS);
	histogram(SV("2"), NATIVE | OWN_EXEMPLARS);
	pw_end(&page, f);
	expect(native,
	       H NATIVE_BARE("1") " # {id=\"o1\"} 1 @5000 # {id=\"o3\"} 3 @6000\n" NATIVE_TEXT(
		       "2") "end");
}

/* The same for those of buckets; classic series in between set it back. */
static void exemplars_of_buckets_through_a_family(void **state)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE | CLASSIC | EXEMPLARS);
	histogram(SV("2"), NATIVE | CLASSIC | EXEMPLARS);
	pw_end(&page, f);
	expect(native, H NATIVE_BARE("1") " # {id=\"b2\"} 9 @4000\n" NATIVE_TEXT("2") "end");
	_cleanup_(freep) char *got = pw_print(buf_view(&page), both);
	assert_non_null(strstr(got, NATIVE_BARE("1") " # {id=\"b2\"} 9 @4000\n"));
	assert_non_null(strstr(got, NATIVE_BARE("2") " # {id=\"b2\"} 9 @4000\n"));
	buf_reset(&page);
	f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE | CLASSIC | OWN_EXEMPLARS);
	histogram(SV("2"), NATIVE | CLASSIC | OWN_EXEMPLARS);
	pw_end(&page, f);
	const char *own = " # {id=\"o1\"} 1 @5000 # {id=\"o3\"} 3 @6000\n";
	char wanted[2048];
	snprintf(wanted, sizeof wanted,
		 H NATIVE_BARE("1") "%s" CLASSIC_TEXT("1")
			 NATIVE_BARE("2") "%s" CLASSIC_TEXT("2") "end",
		 own, own);
	expect(both, wanted);
}

static void histograms_are_compacted(void **state)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	size_t m = pw_begin(&page, 4), h = pw_begin(&page, 7);
	pw_varint(&page, 1, 3);
	pw_span(&page, 12, 2, 2);
	pw_span(&page, 12, 0, 1);
	pw_text(&page, 13, SV("\x00\x06\x05")); /* 0, 3, 0 */
	pw_span(&page, 9, 0, 0);
	pw_end(&page, h);
	pw_end(&page, m);
	pw_end(&page, f);
	expect(native, H "h{} integer schema 0 count 3 sum 0 zero 0 0 pos 3:1 [ 3 ] neg [ ]\nend");
}

static void mixed_families(void **state)
{
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE);
	histogram(SV("2"), CLASSIC);
	histogram(SV("3"), NATIVE | CLASSIC);
	histogram(SV("4"), NATIVE | CLASSIC);
	pw_end(&page, f);
	/* After a classic one a native one is told as classic, and the next one as native. */
	expect(native,
	       H NATIVE_TEXT("1") CLASSIC_TEXT("2") CLASSIC_TEXT("3") NATIVE_TEXT("4") "end");
	expect(both, H NATIVE_TEXT("1") CLASSIC_TEXT("2") CLASSIC_TEXT("3") NATIVE_TEXT("4")
			     CLASSIC_TEXT("4") "end");
	expect(classic,
	       H EMPTY_TEXT("1") CLASSIC_TEXT("2") CLASSIC_TEXT("3") CLASSIC_TEXT("4") "end");
	buf_reset(&page);
	f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE | CLASSIC);
	histogram(SV("2"), CLASSIC);
	pw_end(&page, f);
	expect(native, H NATIVE_TEXT("1") CLASSIC_TEXT("2") "end");
	expect(both,
	       H NATIVE_TEXT("1") CLASSIC_TEXT(
		       "1") "broken: histogram \"h\": one without a native part after others");
}

#define CUSTOM_BARE(m)                                                                             \
	"h{m=\"" m "\"} float schema -53 count 5 sum 6.5 zero 0 0 pos 0:3 [ 2 1.5 1.5 ] neg [ ] "  \
	"bounds 1 1e+06"
#define CUSTOM_TEXT(m) CUSTOM_BARE(m) "\n"

static void custom_buckets(void **state)
{
	const struct proto_options off = {.custom_buckets = true};
	const struct proto_options on = {.native = true, .custom_buckets = true};
	const struct proto_options beside = {true, true, true};
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), CLASSIC | EXEMPLARS);
	histogram(SV("2"), CLASSIC | EXEMPLARS | OWN_EXEMPLARS);
	histogram(SV("3"), NATIVE | CLASSIC);
	pw_end(&page, f);
	const char *bucket = " # {id=\"b2\"} 9 @4000\n";
	const char *own = " # {id=\"o1\"} 1 @5000 # {id=\"o3\"} 3 @6000\n";
	char wanted[2048];
	snprintf(wanted, sizeof wanted,
		 H CUSTOM_BARE("1") "%s" CUSTOM_BARE("2") "%s" CUSTOM_TEXT("3") "end", bucket, own);
	expect(off, wanted);
	snprintf(wanted, sizeof wanted,
		 H CUSTOM_BARE("1") "%s" CUSTOM_BARE("2") "%s" NATIVE_TEXT("3") "end", bucket, own);
	expect(on, wanted);
	/* Beside the classic series, which come first; a native one is not converted. */
	buf_reset(&page);
	f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), CLASSIC);
	histogram(SV("2"), NATIVE | CLASSIC);
	pw_end(&page, f);
	expect(beside,
	       H CLASSIC_TEXT("1") CUSTOM_TEXT("1") NATIVE_TEXT("2") CLASSIC_TEXT("2") "end");
}

static void custom_buckets_of_gauges(void **state)
{
	const struct proto_options on = {.native = true, .custom_buckets = true};
	size_t f = pw_family(&page, SV("h"), GAUGE_HISTOGRAM);
	size_t m = pw_begin(&page, 4), h = pw_begin(&page, 7);
	pw_varint(&page, 1, 4);
	pw_bucket(&page, 1, 2);
	pw_bucket(&page, 4, INFINITY);
	pw_time(&page, 15, 7, 0);
	pw_end(&page, h);
	pw_varint(&page, 6, 8);
	pw_end(&page, m);
	pw_end(&page, f);
	f = pw_family(&page, SV("h"), GAUGE_HISTOGRAM);
	m = pw_begin(&page, 4);
	h = pw_begin(&page, 7);
	pw_bucket(&page, 2, 1);
	pw_bucket(&page, 1, 2);
	pw_end(&page, h);
	pw_end(&page, m);
	pw_end(&page, f);
	expect(on, "# h gaugehistogram help() unit()\n"
		   "h{} integer gauge schema -53 count 4 sum 0 zero 0 0 pos 0:2 [ 1 2 ] neg [ ] "
		   "bounds 2 @8 start 7000\n"
		   "# h gaugehistogram help() unit()\n"
		   "broken: histogram \"h\": count and buckets contradict each other");
}

static void spans_that_do_not_match(void **state)
{
	const char *why = "broken: histogram \"h\": positive side: spans require 3 buckets, have 2";
	char wanted[512];
	one_histogram(NATIVE | MISMATCH);
	snprintf(wanted, sizeof wanted, H "%s", why);
	expect(native, wanted);
	expect(classic, H EMPTY_TEXT("1") "end");
	buf_reset(&page);
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), NATIVE);
	histogram(SV("2"), NATIVE | MISMATCH);
	pw_end(&page, f);
	snprintf(wanted, sizeof wanted, H NATIVE_TEXT("1") "%s", why);
	expect(native, wanted);
	buf_reset(&page);
	f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), CLASSIC);
	histogram(SV("2"), NATIVE | MISMATCH);
	pw_end(&page, f);
	snprintf(wanted, sizeof wanted, H CLASSIC_TEXT("1") EMPTY_TEXT("2") "%s", why);
	expect(native, wanted);
}

static void families(void **state)
{
	/* Nothing of a family without metrics is looked at but its shape. */
	size_t f = pw_family(&page, SV(""), 99);
	pw_text(&page, 2, SV("\xff"));
	pw_end(&page, f);
	/* What is told twice counts as told last; metrics may stand before the name. */
	f = page.len;
	gauge(SV("x"), 1, 0);
	pw_varint(&page, 3, 0);
	pw_text(&page, 1, SV("old"));
	pw_text(&page, 1, SV("g\xc3\xa9"));
	gauge(SV("y"), 2, 0);
	pw_varint(&page, 3, (UINT64_C(1) << 32) + GAUGE);
	pw_varint(&page, 1000, 1);
	pw_text(&page, 5, SV("\xff")); /* nobody looks at the unit's bytes */
	pw_end(&page, f);
	expect(classic, "# g\xc3\xa9 gauge help() unit(\xff)\ng\xc3\xa9{a=\"x\"} 1\n"
			"g\xc3\xa9{a=\"y\"} 2\nend");
	expect_page(SV(""), classic, "end");
	expect_page(SV("\x00\x00\x80\x00"), classic, "end");
}

static void broken_pages(void **state)
{
	static const struct {
		struct sv page;
		const char *wanted;
	} cases[] = {
		{SV("\x80"), "a message's length is malformed"},
		{SV("\x80\x80\x80\x80\x80\x00"), "a message's length is malformed"},
		{SV("\x05\x0a\x01g"), "a message of 5 bytes is cut to 3"},
		{SV("\xff\xff\xff\xff\x7f"), "a message of 34359738367 bytes is cut to 0"},
		{SV("\x02\x22\x00"), "invalid metric name: it is empty"},
		{SV("\x05\x0a\x01\xff\x22\x00"), "invalid metric name: it is not UTF-8"},
		{SV("\x08\x0a\x01g\x12\x01\xff\x22\x00"), "invalid help for metric \"g\""},
		{SV("\x07\x0a\x01g\x18\x06\x22\x00"), "unknown metric type for metric \"g\": 6"},
		{SV("\x10\x0a\x01g\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x22\x00"),
		 "unknown metric type for metric \"g\": -1"},
		{SV("\x02\x0a\x01"), "MetricFamily: field 1 is cut short or malformed"},
		{SV("\x02\x08\x01"), "MetricFamily: field 1 has wire type 0"},
		/* A part of another type is read too. */
		{SV("\x09\x0a\x01g\x22\x04\x22\x02\x08\x80"),
		 "Summary: field 1 is cut short or malformed"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char wanted[256];
		snprintf(wanted, sizeof wanted, "broken: %s", cases[i].wanted);
		expect_page(cases[i].page, native, wanted);
	}
	/* A label that is not UTF-8 is found when its metric's turn has come. */
	size_t f = pw_family(&page, SV("g"), GAUGE);
	gauge(SV("x"), 1, 0);
	gauge(SV("\xff"), 1, 0);
	pw_end(&page, f);
	expect(native, "# g gauge help() unit()\ng{a=\"x\"} 1\n"
		       "broken: a label's value is not UTF-8");
}

/* Every prefix of a page is either cut between families or refused. */
static void cut_pages(void **state)
{
	one_histogram(CLASSIC | NATIVE | EXEMPLARS | OWN_EXEMPLARS);
	size_t first = page.len;
	summary(2);
	for (size_t n = 0; n < page.len; n++) {
		_cleanup_(freep) char *copy = malloc(n ? n : 1);
		memcpy(copy, page.ptr, n);
		_cleanup_(freep) char *got = pw_print(sv_make(copy, n), both);
		const char *last = strrchr(got, '\n') ? strrchr(got, '\n') + 1 : got;
		bool whole = n == 0 || n == first;
		assert_int_equal(strcmp(last, "end") == 0, whole);
	}
}

struct seen {
	uint64_t key;
	char text[64];
};

/* Keys are equal where name and labels are: within a page, over pages, and between a bucket and a
 * gauge that looks like it. */
static void keys(void **state)
{
	hash_set_key(3);
	size_t f = pw_family(&page, SV("h"), HISTOGRAM);
	histogram(SV("1"), CLASSIC | NATIVE);
	histogram(SV("2"), CLASSIC | NATIVE);
	histogram(SV("1"), CLASSIC | NATIVE);
	pw_end(&page, f);
	f = pw_family(&page, SV("h_bucket"), GAUGE);
	size_t m = pw_begin(&page, 4);
	pw_label(&page, SV("m"), SV("1"));
	pw_label(&page, SV("le"), SV("1e+06"));
	pw_end(&page, m);
	m = pw_begin(&page, 4);
	pw_label(&page, SV("le"), SV("1e+06"));
	pw_label(&page, SV("m"), SV("1"));
	pw_end(&page, m);
	pw_end(&page, f);
	struct seen seen[32];
	size_t n = 0, equal = 0;
	_cleanup_(proto_reader_freep) struct proto_reader *r =
		proto_reader_new(buf_view(&page), both);
	struct proto_entry e;
	while (proto_next(r, &e, NULL) == 0) {
		if (e.kind == PROTO_ENTRY_FAMILY)
			continue;
		assert_true(n < 32);
		struct seen *s = &seen[n++];
		s->key = e.key;
		int at = snprintf(s->text, sizeof s->text, "%.*s", SV_ARG(e.name));
		/* le first: the order of labels does not matter. */
		for (size_t i = 0; i < 2 * e.n_labels; i++) {
			const struct label *l = &e.labels[i % e.n_labels];
			if (sv_eq(l->name, SV("le")) == (i < e.n_labels))
				at += snprintf(s->text + at, sizeof s->text - (size_t)at,
					       ",%.*s=%.*s", SV_ARG(l->name), SV_ARG(l->value));
		}
		for (size_t i = 0; i + 1 < n; i++) {
			bool same = strcmp(seen[i].text, s->text) == 0;
			assert_int_equal(seen[i].key == s->key, same);
			equal += same;
		}
	}
	assert_int_equal(n, 3 * 6 + 2);
	assert_int_equal(equal, 6 + 2 + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(simple_types, setup, teardown),
		cmocka_unit_test_setup_teardown(summaries, setup, teardown),
		cmocka_unit_test_setup_teardown(classic_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(native_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(a_family_without_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(gauge_and_float_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(exemplars_of_native_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(exemplars_through_a_family, setup, teardown),
		cmocka_unit_test_setup_teardown(exemplars_of_buckets_through_a_family, setup,
						teardown),
		cmocka_unit_test_setup_teardown(histograms_are_compacted, setup, teardown),
		cmocka_unit_test_setup_teardown(mixed_families, setup, teardown),
		cmocka_unit_test_setup_teardown(custom_buckets, setup, teardown),
		cmocka_unit_test_setup_teardown(custom_buckets_of_gauges, setup, teardown),
		cmocka_unit_test_setup_teardown(spans_that_do_not_match, setup, teardown),
		cmocka_unit_test_setup_teardown(families, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(keys, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
