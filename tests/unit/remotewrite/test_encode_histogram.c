#include "../../../remotewrite/encode.h"

#include "cmocka_all.h"
#include "make.h"
#include "remote.pb-c.h"

#include <ampagent/base/number.h>
#include <float.h>

static Standin__Histogram *decode(const struct buf *b)
{
	Standin__Histogram *m =
		standin__histogram__unpack(NULL, b->len, (const uint8_t *)(b->ptr ? b->ptr : ""));
	assert_non_null(m);
	assert_int_equal(m->base.n_unknown_fields, 0);
	return m;
}

static void check_side(const struct histogram *h, const struct histogram_side *side, size_t n_spans,
		       Standin__BucketSpan **spans, size_t n_deltas, const int64_t *deltas,
		       size_t n_counts, const double *counts)
{
	assert_int_equal(n_spans, side->n_spans);
	for (size_t i = 0; i < n_spans; i++) {
		assert_int_equal(spans[i]->offset, side->spans[i].offset);
		assert_int_equal(spans[i]->length, side->spans[i].length);
	}
	assert_int_equal(n_deltas, h->is_float ? 0 : side->n_buckets);
	assert_int_equal(n_counts, h->is_float ? side->n_buckets : 0);
	for (size_t i = 0; i < n_deltas; i++)
		assert_true(deltas[i] == side->buckets[i].delta);
	if (n_counts > 0)
		assert_memory_equal(counts, side->buckets, n_counts * sizeof *counts);
}

static void check(const struct histogram *h, int64_t t_ms, bool with_start)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 20);
	buf_sv(&out, SV("left over"));
	assert_int_equal(encode_histogram(&out, h, t_ms, with_start), 0);
	Standin__Histogram *m = decode(&out);
	assert_int_equal(m->timestamp, t_ms);
	assert_int_equal(m->start_timestamp, with_start ? h->start_ms : 0);
	assert_int_equal(m->schema, h->schema);
	assert_int_equal(m->reset_hint, h->reset);
	assert_true(m->sum == h->sum_bits);
	assert_memory_equal(&m->zero_threshold, &h->zero_threshold, 8);
	/* Counts are there even when 0: they say which kind it is. */
	if (h->is_float) {
		assert_int_equal(m->count_case, STANDIN__HISTOGRAM__COUNT_COUNT_FLOAT);
		assert_int_equal(m->zero_count_case,
				 STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT);
		assert_memory_equal(&m->count_float, &h->count.f, 8);
		assert_memory_equal(&m->zero_count_float, &h->zero_count.f, 8);
	} else {
		assert_int_equal(m->count_case, STANDIN__HISTOGRAM__COUNT_COUNT_INT);
		assert_int_equal(m->zero_count_case, STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT);
		assert_true(m->count_int == h->count.u);
		assert_true(m->zero_count_int == h->zero_count.u);
	}
	check_side(h, &h->side[HISTOGRAM_NEGATIVE], m->n_negative_spans, m->negative_spans,
		   m->n_negative_deltas, m->negative_deltas, m->n_negative_counts,
		   m->negative_counts);
	check_side(h, &h->side[HISTOGRAM_POSITIVE], m->n_positive_spans, m->positive_spans,
		   m->n_positive_deltas, m->positive_deltas, m->n_positive_counts,
		   m->positive_counts);
	assert_int_equal(m->n_custom_values, h->n_bounds);
	if (h->n_bounds > 0)
		assert_memory_equal(m->custom_values, h->bounds, h->n_bounds * 8);
	standin__histogram__free_unpacked(m, NULL);
}

static void test_random(void **state)
{
	static const int64_t times[] = {0, 1, 1790000000123, -1, INT64_MAX, INT64_MIN};
	_cleanup_(arena_deinit) struct arena arena;
	uint64_t rng = 5;
	arena_init(&arena, 64 << 20);
	for (int i = 0; i < 600; i++) {
		struct histogram h = make_histogram(&arena, &rng);
		check(&h, times[i % 6], i % 2);
	}
}

static void test_extremes(void **state)
{
	struct histogram empty = {.schema = 3};
	check(&empty, 7, true);
	struct histogram_span spans[] = {{INT32_MIN, UINT32_MAX}, {INT32_MAX, 0}, {0, 2}, {-1, 1}};
	union histogram_number b[] = {
		{.delta = INT64_MIN}, {.delta = INT64_MAX}, {.delta = 0}, {.delta = -1}};
	struct histogram h = {.schema = -4,
			      .reset = HISTOGRAM_GAUGE,
			      .start_ms = -5,
			      .sum_bits = VALUE_STALE_BITS,
			      .zero_threshold = DBL_MIN,
			      .zero_count.u = UINT64_MAX,
			      .count.u = UINT64_MAX};
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		h.side[i] = (struct histogram_side){spans, 4, b, 4};
	check(&h, INT64_MIN, true);
	check(&h, 1, false);
	/* -0 is not 0. */
	struct histogram minus = {.sum_bits = UINT64_C(1) << 63, .zero_threshold = -0.0};
	check(&minus, 1, false);
}

static void test_too_large(void **state)
{
	enum { N = 1000 };
	static union histogram_number b[N];
	struct histogram_span span = {0, N};
	struct histogram h = {.side[HISTOGRAM_POSITIVE] = {&span, 1, b, N}};
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 5000);
	assert_int_equal(encode_histogram(&out, &h, 1, false), 1);
	h.side[HISTOGRAM_POSITIVE].n_buckets = 100;
	assert_int_equal(encode_histogram(&out, &h, 1, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
