#include "check.h"

#include "../../../src/standin/print.h"

#include <ampagent/base/file.h>
#include <ampagent/base/number.h>

static struct wire_label labels[] = {
	{SV("__name__"), SV("up")},
	{SV("job"), SV("a\"b\\c\n\x01")},
};
static const struct wire_series series = {.labels = labels, .n_labels = 2};

static void label_text(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	print_labels(&out, labels, 2, ", ");
	assert_sv(buf_view(&out), "{__name__=\"up\", job=\"a\\\"b\\\\c\\n\\x01\"}");
	buf_reset(&out);
	print_metric(&out, &series);
	assert_sv(buf_view(&out), "up{job=\"a\\\"b\\\\c\\n\\x01\"}");
	buf_reset(&out);
	struct wire_series bare = {.labels = labels, .n_labels = 1};
	print_metric(&out, &bare);
	assert_sv(buf_view(&out), "up");
	buf_reset(&out);
	struct wire_label strange[] = {{SV("http.method"), SV("x")}, {SV("a\n\"b"), SV("y")}};
	print_labels(&out, strange, 2, ",");
	assert_sv(buf_view(&out), "{\"http.method\"=\"x\",\"a\\n\\\"b\"=\"y\"}");
	buf_reset(&out);
	print_quoted_short(&out, SV("\xc3\xa9 \xff"));
	assert_sv(buf_view(&out), "\"\\xc3\\xa9 \\xff\"");
	buf_reset(&out);
	print_quoted_short(&out, SV("\xc3\xa9"));
	assert_sv(buf_view(&out), "\"\xc3\xa9\"");
}

static void long_text_is_cut(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	char text[300];
	memset(text, 'x', sizeof text);
	print_quoted_short(&out, sv_make(text, sizeof text));
	assert_int_equal(out.len, 202);
}

static void values(void **state)
{
	static const struct {
		uint64_t bits;
		const char *shown, *recorded;
	} cases[] = {
		{UINT64_C(0x3ff8000000000000), " 1.5 7\n", "7 3ff8000000000000 {"},
		{VALUE_STALE_BITS, " StaleNaN 7\n", "7 7ff0000000000002 {"},
		{VALUE_NAN_BITS, " NaN 7\n", "7 7ff8000000000001 {"},
		{0, " 0 7\n", "7 0000000000000000 {"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, 4096);
		struct wire_sample v = {.t_ms = 7, .bits = cases[i].bits};
		print_sample(&out, &series, &v);
		assert_says(buf_view(&out), cases[i].shown);
		buf_reset(&out);
		print_record(&out, &series, &v);
		assert_true(sv_starts_with(buf_view(&out), sv_of(cases[i].recorded)));
		assert_true(sv_ends_with(buf_view(&out), SV("\"}\n")));
	}
}

static void histograms(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4096);
	struct wire_histogram h = {
		.t_ms = -3,
		.count_int = 3,
		.sum_bits = bits_of_double(4.5),
		.schema = 2,
		.digest = 0xabc,
	};
	print_histogram(&out, &series, &h);
	assert_says(buf_view(&out), "} {count:3, sum:4.5, schema:2} -3\n");
}

static void records_tell_histograms_whole(void **state)
{
	static const struct wire_span spans[] = {{-2, 2}, {3, 1}};
	static const int64_t deltas[] = {3, -2, 4};
	static const double counts[] = {1.5, 0, 2}, bounds[] = {0.5, 1};
	static const struct wire_span wide = {0, 4};
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct wire_label label = {SV("__name__"), SV("h")};
	struct wire_series s = {.labels = &label, .n_labels = 1};
	buf_init(&out, 4096);
	struct wire_histogram h = {
		.t_ms = -3,
		.count_int = UINT64_MAX,
		.zero_count_int = 2,
		.sum_bits = bits_of_double(4.5),
		.schema = 2,
		.zero_threshold = 0x1p-128,
		.negative = {spans, 2, deltas, 3, NULL, 0},
		.reset_hint = 2,
	};
	print_record_histogram(&out, &s, &h);
	assert_sv(buf_view(&out),
		  "-3 h:int;schema=2;count=18446744073709551615;sum=4012000000000000;"
		  "zero=2@2.938735877055719e-39;neg=-2:3,-1:1,3:5;pos=;bounds=;reset=no;start=0 "
		  "{__name__=\"h\"}\n");
	buf_reset(&out);
	h = (struct wire_histogram){
		.t_ms = 5,
		.is_float = true,
		.count_float = 3.5,
		.sum_bits = VALUE_NAN_BITS,
		.schema = -53,
		.positive = {spans + 1, 1, NULL, 0, counts, 1},
		.custom_values = bounds,
		.n_custom_values = 2,
		.reset_hint = 3,
		.start_ms = 77,
	};
	print_record_histogram(&out, &s, &h);
	assert_sv(buf_view(&out),
		  "5 h:float;schema=-53;count=3.5;sum=7ff8000000000001;zero=0@0;neg=;"
		  "pos=3:1.5;bounds=0.5,1;reset=gauge;start=77 {__name__=\"h\"}\n");
	/* Spans that promise more than there is end with it. */
	buf_reset(&out);
	h = (struct wire_histogram){
		.sum_bits = VALUE_STALE_BITS,
		.positive = {&wide, 1, deltas, 1, NULL, 0},
		.reset_hint = 9,
	};
	print_record_histogram(&out, &s, &h);
	assert_sv(buf_view(&out), "0 h:int;schema=0;count=0;sum=7ff0000000000002;zero=0@0;neg=;"
				  "pos=0:3;bounds=;reset=9;start=0 {__name__=\"h\"}\n");
}

static void records_of_exemplars_and_starts(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct wire_label label = {SV("__name__"), SV("a")}, trace = {SV("trace"), SV("x # y")};
	struct wire_series s = {.labels = &label, .n_labels = 1};
	struct wire_exemplar e = {&trace, 1, 9, bits_of_double(1.5), 0};
	struct wire_sample v = {7, bits_of_double(1), 6};
	buf_init(&out, 4096);
	print_record_exemplar(&out, &s, &e);
	e.n_labels = 0;
	print_record_exemplar(&out, &s, &e);
	print_record(&out, &s, &v);
	assert_sv(buf_view(&out), "e 9 3ff8000000000000 {__name__=\"a\"} # {trace=\"x # y\"}\n"
				  "e 9 3ff8000000000000 {__name__=\"a\"} # {}\n"
				  "7 3ff0000000000000 {__name__=\"a\"} start=6\n");
}

static void a_sink_appends(void **state)
{
	char path[] = "/tmp/ampagent-sink-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (int round = 0; round < 2; round++) {
		struct text_sink sink;
		struct err err;
		assert_int_equal(text_sink_open(&sink, sv_of(path), &err), 0);
		buf_sv(&sink.pending, SV("line\n"));
		text_sink_turn(&sink);
		assert_int_equal(sink.pending.len, 5); /* too little to write yet */
		text_sink_deinit(&sink);
	}
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	buf_init(&got, 4096);
	assert_int_equal(file_read(path, &got, NULL), 0);
	assert_sv(buf_view(&got), "line\nline\n");
	close(fd);
	unlink(path);
}

static void a_sink_remembers_a_failure(void **state)
{
	struct err err;
	struct text_sink sink;
	assert_int_equal(text_sink_open(&sink, SV("/nowhere/at/all"), &err), 1);
	assert_says(sv_of(err.msg), "/nowhere/at/all: ");
	assert_int_equal(text_sink_open(&sink, SV("/dev/full"), &err), 0);
	buf_sv(&sink.pending, SV("lost"));
	assert_int_equal(text_sink_flush(&sink), 1);
	assert_int_equal(text_sink_flush(&sink), 1);
	text_sink_deinit(&sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(label_text),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(values),
		cmocka_unit_test(histograms),
		cmocka_unit_test(records_tell_histograms_whole),
		cmocka_unit_test(records_of_exemplars_and_starts),
		cmocka_unit_test(a_sink_appends),
		cmocka_unit_test(a_sink_remembers_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
