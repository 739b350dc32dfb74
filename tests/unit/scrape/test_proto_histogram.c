/* Histogram messages: rounds, native or not, sides, times, exemplars. */
#include "../../../scrape/proto_message.h"
#include "proto_writer.h"

#include <ampagent/base/number.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the parser does with one message: count, allocate, fill. */
static int read_whole(struct sv message, struct arena *arena, struct proto_histogram *h,
		      struct err *err)
{
	*h = (struct proto_histogram){0};
	int r = proto_histogram_read(message, h, err);
	if (r != 0)
		return r;
	assert_int_equal(proto_histogram_alloc(h, arena), 0);
	assert_int_equal(proto_histogram_read(message, h, err), 0);
	return 0;
}

struct fixture {
	struct buf b;
	struct arena arena;
	struct proto_histogram h;
	struct err err;
};

static void fixture_init(struct fixture *f)
{
	*f = (struct fixture){0};
	buf_init(&f->b, 1 << 16);
	arena_init(&f->arena, 1 << 20);
}

static void fixture_deinit(struct fixture *f)
{
	buf_deinit(&f->b);
	arena_deinit(&f->arena);
}
DEFINE_CLEANUP(struct fixture, fixture_deinit)

static int fixture_read(struct fixture *f)
{
	return read_whole(buf_view(&f->b), &f->arena, &f->h, &f->err);
}

static void scalars(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_varint(&f.b, 1, UINT64_MAX);
	pw_double(&f.b, 2, -1.5);
	pw_double(&f.b, 4, 2.5);
	pw_signed(&f.b, 5, -53);
	pw_double(&f.b, 6, 0.001);
	pw_varint(&f.b, 7, 8);
	pw_double(&f.b, 8, 9.5);
	pw_time(&f.b, 15, 3, 4999999);
	pw_varint(&f.b, 17, 1); /* of a later version */
	assert_int_equal(fixture_read(&f), 0);
	assert_true(f.h.count == UINT64_MAX && double_of_bits(f.h.sum_bits) == -1.5);
	assert_true(double_of_bits(f.h.count_bits) == 2.5 && f.h.schema == -53);
	assert_true(f.h.zero_threshold == 0.001 && f.h.zero_count == 8);
	assert_true(f.h.zero_count_float == 9.5);
	assert_int_equal(proto_time_ms(&f.h.start), 3004);
}

static void numbers_of_32_bits_are_cut(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_varint(&f.b, 5, UINT64_C(0xabcdef0000000007));
	size_t at = pw_begin(&f.b, 12);
	pw_varint(&f.b, 1, UINT64_C(0x1ffffffff));
	pw_varint(&f.b, 2, UINT64_C(0x500000002));
	pw_end(&f.b, at);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(f.h.schema, -4);
	const struct proto_side *s = &f.h.side[HISTOGRAM_POSITIVE];
	assert_int_equal(s->n_spans, 1);
	assert_int_equal(s->spans[0].offset, INT32_MIN);
	assert_int_equal(s->spans[0].length, 2);
}

static void times_wrap(void **state)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
		int64_t ms;
	} cases[] = {
		{0, 0, 0},
		{1, 999999999, 1999},
		{1, -1999999, 999},
		{-1, 500000000, -500},
		{INT64_MAX, 0, -1000},
		{INT64_MIN, INT32_MIN, -2147},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct proto_time t = {true, cases[i].seconds, cases[i].nanos};
		assert_int_equal(proto_time_ms(&t), cases[i].ms);
	}
}

static void native_or_not(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_varint(&f.b, 1, 7);
	pw_double(&f.b, 8, 3); /* a float zero count alone does not make it one */
	pw_double(&f.b, 6, 0);
	pw_bucket(&f.b, 7, 1);
	assert_int_equal(fixture_read(&f), 0);
	assert_false(proto_histogram_is_native(&f.h));
	struct proto_histogram h = f.h;
	h.zero_threshold = 1e-9;
	assert_true(proto_histogram_is_native(&h));
	h.zero_threshold = NAN;
	assert_false(proto_histogram_is_native(&h));
	h.zero_count = 1;
	assert_true(proto_histogram_is_native(&h));
	for (unsigned i = 0; i < HISTOGRAM_SIDES; i++) {
		h = f.h;
		h.side[i].n_spans = 1;
		assert_true(proto_histogram_is_native(&h));
	}
}

static void a_float_count_goes_first(void **state)
{
	struct proto_histogram h = {.count = 5};
	assert_true(double_of_bits(proto_histogram_count(&h)) == 5);
	h.count_bits = bits_of_double(-0.0);
	assert_true(double_of_bits(proto_histogram_count(&h)) == 5);
	h.count_bits = bits_of_double(-2);
	assert_true(double_of_bits(proto_histogram_count(&h)) == -2);
	h.count_bits = VALUE_STALE_BITS;
	assert_true(proto_histogram_count(&h) == VALUE_STALE_BITS);
}

static void integer_histogram(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_varint(&f.b, 1, 11);
	pw_double(&f.b, 2, 4);
	pw_signed(&f.b, 5, 3);
	pw_varint(&f.b, 7, 2);
	pw_span(&f.b, 9, -2, 1);
	pw_signed(&f.b, 10, 2);
	pw_span(&f.b, 12, 1, 2);
	pw_text(&f.b, 13, SV("\x06\x01")); /* packed: 3, -1 */
	pw_double(&f.b, 14, 77);           /* of a float histogram: not looked at */
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(proto_histogram_check(&f.h, &f.err), 0);
	struct histogram h;
	assert_int_equal(proto_histogram_native(&f.h, true, &f.arena, &h), 0);
	assert_false(h.is_float);
	assert_int_equal(h.reset, HISTOGRAM_GAUGE);
	assert_int_equal(h.schema, 3);
	assert_true(h.count.u == 11 && h.zero_count.u == 2);
	const struct histogram_side *s = &h.side[HISTOGRAM_NEGATIVE];
	assert_true(s->n_spans == 1 && s->spans[0].offset == -2 && s->n_buckets == 1);
	assert_int_equal(s->buckets[0].delta, 2);
	s = &h.side[HISTOGRAM_POSITIVE];
	assert_true(s->n_spans == 1 && s->spans[0].length == 2 && s->n_buckets == 2);
	assert_true(s->buckets[0].delta == 3 && s->buckets[1].delta == -1);
}

static void float_histogram(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_varint(&f.b, 1, 11);
	pw_double(&f.b, 8, 0.5); /* the zero count makes it one, with a count of 0 */
	pw_span(&f.b, 12, 0, 2);
	pw_double(&f.b, 14, 1.25);
	pw_double(&f.b, 14, 2.25);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(proto_histogram_check(&f.h, &f.err), 0);
	struct histogram h;
	assert_int_equal(proto_histogram_native(&f.h, false, &f.arena, &h), 0);
	assert_true(h.is_float && h.reset == HISTOGRAM_RESET_UNKNOWN);
	assert_true(h.count.f == 0 && h.zero_count.f == 0.5);
	const struct histogram_side *s = &h.side[HISTOGRAM_POSITIVE];
	assert_true(s->n_buckets == 2 && s->buckets[0].f == 1.25 && s->buckets[1].f == 2.25);
}

static void sides_that_do_not_match(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_span(&f.b, 9, 0, 2);
	pw_signed(&f.b, 10, 1);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(proto_histogram_check(&f.h, &f.err), 2);
	assert_string_equal(f.err.msg, "negative side: spans require 2 buckets, have 1");
	pw_signed(&f.b, 13, 1);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(proto_histogram_check(&f.h, &f.err), 2);
	assert_string_equal(f.err.msg, "positive side: spans require 0 buckets, have 1");
}

static void lengths_do_not_overflow(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_span(&f.b, 12, 0, UINT32_MAX);
	pw_span(&f.b, 12, 0, 1);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(proto_histogram_check(&f.h, &f.err), 2);
}

static void classic_buckets(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_bucket(&f.b, 3, 0.5);
	size_t at = pw_begin(&f.b, 3);
	pw_exemplar(&f.b, 3, SV("x"), 7, 9);
	pw_varint(&f.b, 1, 4);
	pw_double(&f.b, 4, 4.5);
	pw_double(&f.b, 2, INFINITY);
	pw_end(&f.b, at);
	assert_int_equal(fixture_read(&f), 0);
	assert_int_equal(f.h.n_buckets, 2);
	assert_true(double_of_bits(f.h.buckets[0].bits) == 3 && f.h.buckets[0].bound == 0.5);
	assert_null(f.h.buckets[0].message.ptr);
	assert_true(double_of_bits(f.h.buckets[1].bits) == 4.5);
	assert_true(isinf(f.h.buckets[1].bound) && f.h.buckets[1].message.ptr);
}

/* Own exemplars in the middle of a list of three, the second without a time. */
static void exemplars_of_a_range(void **state)
{
	_cleanup_(fixture_deinit) struct fixture f;
	fixture_init(&f);
	pw_exemplar(&f.b, 16, SV("a"), 1, 5);
	pw_exemplar(&f.b, 16, SV("b"), 2, -1);
	pw_exemplar(&f.b, 16, SV("c"), 3, 0);
	assert_int_equal(fixture_read(&f), 0);
	static const struct {
		bool times;
		size_t from, n;
		const char *first;
	} cases[] = {{false, 0, 3, "a"},
		     {true, 0, 2, "a"},
		     {true, 1, 1, "c"},
		     {false, 1, 2, "b"},
		     {true, 3, 0, NULL}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct proto_exemplar_range range = {true, cases[i].times, cases[i].from, 3};
		const struct proto_exemplar *v = NULL;
		size_t n;
		assert_int_equal(proto_histogram_exemplars(&f.h, &range, &f.arena, &v, &n, NULL),
				 0);
		assert_int_equal(n, cases[i].n);
		if (n == 0)
			continue;
		assert_int_equal(v[0].n_labels, 1);
		assert_true(sv_eq(v[0].labels[0].name, SV("id")));
		assert_true(sv_eq(v[0].labels[0].value, sv_of(cases[i].first)));
		assert_true(v[n - 1].has_time == true && v[n - 1].t_ms == 0);
	}
}

static void broken_parts_are_refused(void **state)
{
	static const struct sv broken[] = {
		SV("\x1a\x01\x08"),                 /* bucket */
		SV("\x1a\x03\x1a\x01\x12"),         /* exemplar of a bucket */
		SV("\x1a\x05\x1a\x03\x0a\x01\x0a"), /* label of an exemplar of a bucket */
		SV("\x4a\x01\x08"),                 /* span */
		SV("\x6a\x01\x80"),                 /* packed delta */
		SV("\x72\x07"
		   "1234567"),                  /* packed count */
		SV("\x7a\x01\x08"),             /* start time */
		SV("\x82\x01\x01\x10"),         /* own exemplar */
		SV("\x82\x01\x03\x1a\x01\x10"), /* time of an own exemplar */
	};
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct proto_histogram h = {0};
		struct err err = ERR_NULL;
		if (proto_histogram_read(broken[i], &h, &err) != 2 || !err.msg[0])
			fail_msg("case %zu is accepted", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(numbers_of_32_bits_are_cut),
		cmocka_unit_test(times_wrap),
		cmocka_unit_test(native_or_not),
		cmocka_unit_test(a_float_count_goes_first),
		cmocka_unit_test(integer_histogram),
		cmocka_unit_test(float_histogram),
		cmocka_unit_test(sides_that_do_not_match),
		cmocka_unit_test(lengths_do_not_overflow),
		cmocka_unit_test(classic_buckets),
		cmocka_unit_test(exemplars_of_a_range),
		cmocka_unit_test(broken_parts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
