#include "check.h"
#include "wire.h"

#include "../../../src/standin/decode.h"

static void every_field_arrives(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	put_labels(&series, "__name__=up,job=x");
	put_sample(&series, 1700000000000, 1.5);
	put_sample_bits(&series, -1, VALUE_STALE_BITS);
	put_exemplar(&series, "t1", 1700000000002, 0.25);
	put_histogram(&series, 1700000000001, 3, 3);
	put_series(&request, &series);
	put_one(&request, "__name__=down", 0, 0);
	put_bytes(&request, 3, SV("\x08\x01\x12\x02up")); /* metadata */

	struct wire_request r;
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), 0);
	assert_int_equal(r.n_series, 2);
	assert_int_equal(r.n_metadata, 1);
	const struct wire_series *s = &r.series[0];
	assert_int_equal(s->n_labels, 2);
	assert_sv(s->labels[0].name, "__name__");
	assert_sv(s->labels[0].value, "up");
	assert_sv(s->labels[1].name, "job");
	assert_sv(wire_label_get(s, SV("job")), "x");
	assert_int_equal(s->n_samples, 2);
	assert_int_equal(s->samples[0].t_ms, 1700000000000);
	assert_int_equal(s->samples[0].bits, bits_of_double(1.5));
	assert_int_equal(s->samples[1].t_ms, -1);
	assert_int_equal(s->samples[1].bits, VALUE_STALE_BITS);
	assert_int_equal(s->n_exemplars, 1);
	assert_int_equal(s->exemplars[0].t_ms, 1700000000002);
	assert_int_equal(s->exemplars[0].bits, bits_of_double(0.25));
	assert_int_equal(s->exemplars[0].n_labels, 1);
	assert_sv(s->exemplars[0].labels[0].name, "trace");
	assert_sv(s->exemplars[0].labels[0].value, "t1");
	assert_false(s->v2);
	assert_int_equal(s->n_histograms, 1);
	const struct wire_histogram *h = &s->histograms[0];
	assert_int_equal(h->t_ms, 1700000000001);
	assert_false(h->is_float);
	assert_int_equal(h->count_int, 3);
	assert_int_equal(h->schema, 3);
	assert_int_equal(h->sum_bits, bits_of_double(4.5));
	assert_int_equal(h->positive.n_spans, 1);
	assert_int_equal(h->positive.spans[0].length, 2);
	assert_int_equal(h->positive.n_deltas, 2);
	assert_int_equal(h->positive.deltas[1], 1);
	assert_int_equal(h->negative.n_deltas, 0);
	assert_int_equal(r.series[1].n_samples, 1);
	assert_int_equal(r.series[1].samples[0].bits, 0);
}

static void label_text_is_taken_as_it_is(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	put_label(&series, SV("a\0b"), SV("\xff\0"));
	put_label(&series, SV(""), SV(""));
	put_series(&request, &series);
	struct wire_request r;
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), 0);
	assert_true(sv_eq(r.series[0].labels[0].name, SV("a\0b")));
	assert_true(sv_eq(r.series[0].labels[0].value, SV("\xff\0")));
	assert_int_equal(r.series[0].labels[1].name.len, 0);
}

static void equal_histograms_have_equal_digests(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	put_histogram(&series, 1, 3, 3);
	put_histogram(&series, 2, 3, 3);
	put_histogram(&series, 1, 2, 3);
	put_histogram(&series, 1, 3, 4);
	put_series(&request, &series);
	struct wire_request r;
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), 0);
	const struct wire_histogram *h = r.series[0].histograms;
	assert_int_equal(h[0].digest, h[1].digest);
	assert_int_not_equal(h[0].digest, h[2].digest);
	assert_int_not_equal(h[0].digest, h[3].digest);
}

static void float_histograms(void **state)
{
	_cleanup_(buf_deinit) struct buf h = BUF_NULL, series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	buf_init(&h, WIRE_MAX);
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	put_double(&h, 2, 1.5);
	put_double(&h, 7, 0.5);
	put_bytes(&h, 8, SV("\x08\x03\x10\x01")); /* offset -2, length 1 */
	put_bytes(&h, 10, SV("\0\0\0\0\0\0\xf0\x3f"));
	put_bytes(&series, 4, buf_view(&h));
	put_series(&request, &series);
	struct wire_request r;
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), 0);
	const struct wire_histogram *got = &r.series[0].histograms[0];
	assert_true(got->is_float);
	assert_true(got->count_float == 1.5);
	assert_true(got->zero_count_float == 0.5);
	assert_int_equal(got->negative.spans[0].offset, -2);
	assert_int_equal(got->negative.n_counts, 1);
	assert_true(got->negative.counts[0] == 1);
}

static void broken_and_strange_messages(void **state)
{
	static const struct {
		struct sv raw;
		int want;
		size_t n_series;
	} cases[] = {
		{SV(""), 0, 0},
		{SV("\x0a\0"), 0, 1},
		{SV("\x0a\0\x0a\0"), 0, 2},
		{SV("\x0a"), DECODE_MALFORMED, 0},
		{SV("\x0a\x01"), DECODE_MALFORMED, 0},
		{SV("\x0a\x02\x0a\x05"), DECODE_MALFORMED, 0},
		{SV("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), DECODE_MALFORMED, 0},
		/* a sample whose value has another wire type */
		{SV("\x0a\x04\x12\x02\x08\x01"), DECODE_MALFORMED, 0},
		{SV("\xff"), DECODE_MALFORMED, 0},
		{SV("not a message at all"), DECODE_MALFORMED, 0},
		/* fields that are not known: skipped */
		{SV("\x22\x03xyz\x0a\0"), 0, 1},
		{SV("\x10\x07"), 0, 0},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		arena_init(&arena, WIRE_MAX);
		struct wire_request r;
		int rc = decode_write_request(cases[i].raw, &arena, &r);
		if (rc != cases[i].want || r.n_series != cases[i].n_series)
			fail_msg("case %zu: %d with %zu series", i, rc, r.n_series);
	}
}

static void a_message_of_many_small_parts_is_bounded(void **state)
{
	_cleanup_(buf_deinit) struct buf request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, 1 << 16);
	for (int i = 0; i < 10000; i++)
		put_bytes(&request, 1, SV(""));
	struct wire_request r;
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), DECODE_TOO_LARGE);
}

/* ---- 2.0 ---- */

static void every_field_of_2_0_arrives(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct symbols t = {.n = 0};
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	PUT_REFS(&series, &t, "__name__", "up", "job", "x");
	put_sample_v2(&series, 1700000000000, 1.5, 1600000000000);
	put_sample_v2(&series, -1, 2, 0);
	put_exemplar_v2(&series, &t, "t1", 1700000000002, 0.25);
	put_metadata_v2(&series, 1, symbol(&t, "how up it is"), 0);
	put_series_v2(&request, &series);
	PUT_REFS(&series, &t, "__name__", "h");
	put_histogram_v2(&series, 1700000000001, 1);
	put_metadata_v2(&series, 0, 0, 0);
	put_series_v2(&request, &series);
	put_symbols(&request, &t);

	struct wire_request r;
	assert_int_equal(decode_request_v2(buf_view(&request), &arena, &r), 0);
	assert_int_equal(r.version, WIRE_V2);
	assert_int_equal(r.n_series, 2);
	assert_int_equal(r.n_metadata, 1);
	const struct wire_series *s = &r.series[0];
	assert_true(s->v2);
	assert_null(s->fault);
	assert_int_equal(s->n_labels, 2);
	assert_sv(s->labels[0].name, "__name__");
	assert_sv(s->labels[0].value, "up");
	assert_sv(wire_label_get(s, SV("job")), "x");
	assert_int_equal(s->n_samples, 2);
	assert_int_equal(s->samples[0].t_ms, 1700000000000);
	assert_int_equal(s->samples[0].start_ms, 1600000000000);
	assert_int_equal(s->samples[0].bits, bits_of_double(1.5));
	assert_int_equal(s->samples[1].t_ms, -1);
	assert_int_equal(s->samples[1].start_ms, 0);
	assert_int_equal(s->n_exemplars, 1);
	assert_sv(s->exemplars[0].labels[0].value, "t1");
	assert_int_equal(s->exemplars[0].t_ms, 1700000000002);
	const struct wire_histogram *h = &r.series[1].histograms[0];
	assert_int_equal(r.series[1].n_histograms, 1);
	assert_true(h->is_float);
	assert_int_equal(h->schema, -53);
	assert_int_equal(h->start_ms, 77);
	assert_int_equal(h->reset_hint, 3);
	assert_int_equal(h->n_custom_values, 2);
	assert_true(h->custom_values[1] == 1);
	assert_int_equal(h->positive.n_counts, 2);
}

/* To a decoder of the other version a request is empty. */
static void the_versions_do_not_mix(void **state)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL, request = BUF_NULL;
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct symbols t = {.n = 0};
	struct wire_request r;
	buf_init(&series, WIRE_MAX);
	buf_init(&request, WIRE_MAX);
	arena_init(&arena, WIRE_MAX);
	put_one(&request, "__name__=up", 1, 1);
	assert_int_equal(decode_request_v2(buf_view(&request), &arena, &r), 0);
	assert_int_equal(r.n_series, 0);
	buf_reset(&request);
	PUT_REFS(&series, &t, "__name__", "up");
	put_series_v2(&request, &series);
	put_symbols(&request, &t);
	assert_int_equal(decode_write_request(buf_view(&request), &arena, &r), 0);
	assert_int_equal(r.n_series, 0);
}

static void references_are_checked(void **state)
{
	/* Symbols "", a, b; what stands in the one series. */
	static const struct {
		struct sv series;
		const char *fault;
	} cases[] = {
		{SV("\x0a\x02\x01\x02"), NULL},
		/* not packed */
		{SV("\x08\x01\x08\x02"), NULL},
		{SV(""), NULL},
		{SV("\x0a\x02\x01\x03"), "a label reference beyond the symbols"},
		{SV("\x0a\x06\x01\xff\xff\xff\xff\x0f"), "a label reference beyond the symbols"},
		{SV("\x0a\x03\x01\x02\x01"), "an odd number of label references"},
		{SV("\x22\x04\x0a\x02\x01\x03"), "a label reference beyond the symbols"},
		{SV("\x22\x03\x0a\x01\x01"), "an odd number of label references"},
		{SV("\x2a\x02\x18\x02"), NULL},
		{SV("\x2a\x02\x18\x03"), "a metadata reference beyond the symbols"},
		{SV("\x2a\x02\x20\x03"), "a metadata reference beyond the symbols"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf request = BUF_NULL;
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct wire_request r;
		buf_init(&request, WIRE_MAX);
		arena_init(&arena, WIRE_MAX);
		put_bytes(&request, 4, SV(""));
		put_bytes(&request, 4, SV("a"));
		put_bytes(&request, 4, SV("b"));
		put_bytes(&request, 5, cases[i].series);
		assert_int_equal(decode_request_v2(buf_view(&request), &arena, &r), 0);
		assert_int_equal(r.n_series, 1);
		const char *fault = r.series[0].fault;
		if ((fault != NULL) != (cases[i].fault != NULL))
			fail_msg("case %zu: %s", i, fault ? fault : "no fault");
		if (fault)
			assert_string_equal(fault, cases[i].fault);
	}
}

static void the_first_symbol_is_empty(void **state)
{
	static const struct {
		struct sv raw;
		int want;
	} cases[] = {
		{SV(""), 0},
		{SV("\x22\x00"), 0},
		{SV("\x22\x01"
		    "a"),
		 DECODE_BAD_SYMBOLS},
		{SV("\x22\x01"
		    "a\x22\x00"),
		 DECODE_BAD_SYMBOLS},
		/* a series and no symbol */
		{SV("\x2a\x00"), DECODE_BAD_SYMBOLS},
		{SV("\x22\x05"), DECODE_MALFORMED},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct wire_request r;
		arena_init(&arena, WIRE_MAX);
		if (decode_request_v2(cases[i].raw, &arena, &r) != cases[i].want)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_arrives),
		cmocka_unit_test(label_text_is_taken_as_it_is),
		cmocka_unit_test(equal_histograms_have_equal_digests),
		cmocka_unit_test(float_histograms),
		cmocka_unit_test(broken_and_strange_messages),
		cmocka_unit_test(a_message_of_many_small_parts_is_bounded),
		cmocka_unit_test(every_field_of_2_0_arrives),
		cmocka_unit_test(the_versions_do_not_mix),
		cmocka_unit_test(references_are_checked),
		cmocka_unit_test(the_first_symbol_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
