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
	buf_reset(&out);
	print_record_histogram(&out, &series, &h);
	assert_true(sv_starts_with(buf_view(&out), SV("-3 h0000000000000abc {")));
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
		cmocka_unit_test(label_text),     cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(values),         cmocka_unit_test(histograms),
		cmocka_unit_test(a_sink_appends), cmocka_unit_test(a_sink_remembers_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
