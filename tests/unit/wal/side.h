/* Histograms, exemplars and start times of batches for the log's tests: some at random, and whether
 * two batches have the same, values by bits. */
#pragma once

#include "fixture.h"

static inline struct histogram_side side_random(struct arena *a, uint64_t *seed, bool is_float)
{
	struct histogram_side s = {0};
	uint64_t r = fx_random(seed);
	s.n_spans = (uint32_t)(r % 4);
	struct histogram_span *spans = arena_calloc(a, s.n_spans + 1, sizeof *spans);
	for (uint32_t i = 0; i < s.n_spans; i++) {
		r = fx_random(seed);
		spans[i] = (struct histogram_span){r % 9 ? (int32_t)(r >> 8 & 15) - 7 : INT32_MIN,
						   (uint32_t)(r >> 16 & 7)};
		s.n_buckets += spans[i].length;
	}
	union histogram_number *buckets = arena_calloc(a, s.n_buckets + 1, sizeof *buckets);
	for (uint32_t i = 0; i < s.n_buckets; i++) {
		r = fx_random(seed);
		if (r % 16 == 0)
			buckets[i].u = fx_random(seed);
		else if (is_float)
			buckets[i].f = (double)(r >> 50) / 8;
		else
			buckets[i].delta = (int64_t)(r >> 60) - 8;
	}
	s.spans = s.n_spans ? spans : NULL;
	s.buckets = s.n_buckets ? buckets : NULL;
	return s;
}

static inline void side_random_histogram(struct batch *b, uint64_t *seed, unsigned k,
					 struct batch_histogram *v)
{
	uint64_t r = fx_random(seed), wild = fx_random(seed);
	struct histogram *h = &v->h;
	v->frame = 500 + k / 8 * 3;
	v->slot = (uint16_t)(k % 3 ? k % FRAME_SLOTS : 255);
	v->t_ms = r % 5 ? b->t_ms : (int64_t)fx_random(seed);
	h->is_float = r >> 8 & 1;
	h->schema = r >> 9 & 1 ? (int32_t)(r >> 16 & 7) - 4 : -53;
	h->reset = (enum histogram_reset)(r >> 20 & 3);
	h->start_ms = r >> 22 & 3 ? 1700000000000 : (int64_t)wild;
	h->sum_bits = r >> 24 & 7   ? bits_of_double((double)(r >> 40) / 100)
		      : r >> 27 & 1 ? VALUE_STALE_BITS
				    : wild;
	h->zero_threshold = r >> 28 & 3 ? 0x1p-128 : 0;
	h->zero_count.u = r >> 30 & 7 ? r >> 50 : wild;
	h->count.u = r >> 33 & 7 ? r >> 40 : wild;
	if (h->is_float && r >> 36 & 3)
		h->count.f = (double)(r >> 45);
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		h->side[i] = side_random(&b->arena, seed, h->is_float);
	if (h->schema != -53)
		return;
	h->n_bounds = r >> 38 & 1 ? 11 : (uint32_t)(r >> 39 & 3);
	double *bounds = arena_calloc(&b->arena, h->n_bounds + 1, sizeof *bounds);
	for (uint32_t i = 0; i < h->n_bounds; i++)
		bounds[i] = 0.005 * (double)(1 + i + (r >> 41 & 1));
	h->bounds = h->n_bounds ? bounds : NULL;
}

static inline void side_random_exemplar(struct batch *b, uint64_t *seed, unsigned k,
					struct batch_exemplar *e)
{
	struct label_builder lb;
	char text[24];
	uint64_t r = fx_random(seed);
	*e = (struct batch_exemplar){
		.frame = 600 + k / 5,
		.slot = (uint16_t)(k / 2),
		.t_ms = b->t_ms - (int64_t)(r >> 50),
		.bits = r % 7 ? bits_of_double((double)(r >> 44) / 1000) : fx_random(seed),
	};
	if (r >> 8 & 1) {
		snprintf(text, sizeof text, "%016" PRIx64, fx_random(seed));
		label_builder_init(&lb, &b->arena);
		label_builder_set(&lb, SV("trace_id"), arena_dup(&b->arena, sv_of(text)));
		assert_int_equal(label_builder_finish(&lb, &b->arena, &e->labels), 0);
	}
}

/* Adds lists of random lengths, which may be none. */
static inline void side_random_lists(struct batch *b, uint64_t *seed)
{
	uint64_t r = fx_random(seed);
	size_t n_histograms = r % 3 ? r >> 8 & 31 : 0, n_exemplars = r >> 16 & 15,
	       n_starts = r >> 24 & 1 ? r >> 32 & 511 : 0;
	b->histograms = arena_calloc(&b->arena, n_histograms + 1, sizeof *b->histograms);
	b->exemplars = arena_calloc(&b->arena, n_exemplars + 1, sizeof *b->exemplars);
	b->starts = arena_calloc(&b->arena, n_starts + 1, sizeof *b->starts);
	for (unsigned i = 0; i < n_histograms; i++)
		side_random_histogram(b, seed, i, &b->histograms[b->n_histograms++]);
	for (unsigned i = 0; i < n_exemplars; i++)
		side_random_exemplar(b, seed, i, &b->exemplars[b->n_exemplars++]);
	for (unsigned i = 0; i < n_starts; i++) {
		r = fx_random(seed);
		b->starts[b->n_starts++] = (struct batch_start){
			.frame = 700 + i / FRAME_SLOTS,
			.slot = (uint16_t)(i % FRAME_SLOTS),
			.start_ms = r % 8 ? 1700000000000 : (int64_t)(r >> 8) - (INT64_C(1) << 55),
		};
	}
}

static inline void side_assert_same_side(const struct histogram_side *a,
					 const struct histogram_side *b)
{
	assert_int_equal(a->n_spans, b->n_spans);
	assert_int_equal(a->n_buckets, b->n_buckets);
	for (uint32_t i = 0; i < a->n_spans; i++) {
		assert_int_equal(a->spans[i].offset, b->spans[i].offset);
		assert_int_equal(a->spans[i].length, b->spans[i].length);
	}
	for (uint32_t i = 0; i < a->n_buckets; i++)
		assert_true(a->buckets[i].u == b->buckets[i].u);
}

static inline void side_assert_same_histogram(const struct batch_histogram *a,
					      const struct batch_histogram *b)
{
	const struct histogram *x = &a->h, *y = &b->h;
	assert_int_equal(a->frame, b->frame);
	assert_int_equal(a->slot, b->slot);
	assert_true(a->t_ms == b->t_ms);
	assert_int_equal(x->schema, y->schema);
	assert_int_equal(x->is_float, y->is_float);
	assert_int_equal(x->reset, y->reset);
	assert_true(x->start_ms == y->start_ms);
	assert_true(x->sum_bits == y->sum_bits);
	assert_true(bits_of_double(x->zero_threshold) == bits_of_double(y->zero_threshold));
	assert_true(x->zero_count.u == y->zero_count.u);
	assert_true(x->count.u == y->count.u);
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		side_assert_same_side(&x->side[i], &y->side[i]);
	assert_int_equal(x->n_bounds, y->n_bounds);
	for (uint32_t i = 0; i < x->n_bounds; i++)
		assert_true(bits_of_double(x->bounds[i]) == bits_of_double(y->bounds[i]));
}

static inline void side_assert_same(const struct batch *a, const struct batch *b)
{
	assert_int_equal(a->n_histograms, b->n_histograms);
	assert_int_equal(a->n_exemplars, b->n_exemplars);
	assert_int_equal(a->n_starts, b->n_starts);
	for (size_t i = 0; i < a->n_histograms; i++)
		side_assert_same_histogram(&a->histograms[i], &b->histograms[i]);
	for (size_t i = 0; i < a->n_exemplars; i++) {
		const struct batch_exemplar *x = &a->exemplars[i], *y = &b->exemplars[i];
		assert_int_equal(x->frame, y->frame);
		assert_int_equal(x->slot, y->slot);
		assert_true(x->t_ms == y->t_ms);
		assert_true(x->bits == y->bits);
		assert_true(labels_eq(x->labels, y->labels));
	}
	for (size_t i = 0; i < a->n_starts; i++) {
		assert_int_equal(a->starts[i].frame, b->starts[i].frame);
		assert_int_equal(a->starts[i].slot, b->starts[i].slot);
		assert_true(a->starts[i].start_ms == b->starts[i].start_ms);
	}
}

/* An integer histogram: schema 0, no zero observations, `count` of them in bucket 1. */
static inline struct batch_histogram side_simple(struct arena *a, uint32_t frame, uint16_t slot,
						 int64_t t_ms, uint64_t count)
{
	struct batch_histogram v = {.frame = frame, .slot = slot, .t_ms = t_ms};
	struct histogram_span *span = arena_calloc(a, 1, sizeof *span);
	union histogram_number *bucket = arena_calloc(a, 1, sizeof *bucket);
	*span = (struct histogram_span){1, 1};
	bucket->delta = (int64_t)count;
	v.h.count.u = count;
	v.h.sum_bits = bits_of_double(1.5 * (double)count);
	v.h.side[HISTOGRAM_POSITIVE] = (struct histogram_side){span, 1, bucket, 1};
	return v;
}

static inline void side_add_histogram(struct batch *b, struct batch_histogram h)
{
	struct batch_histogram *v = arena_calloc(&b->arena, b->n_histograms + 1, sizeof *v);
	if (b->n_histograms > 0)
		memcpy(v, b->histograms, b->n_histograms * sizeof *v);
	v[b->n_histograms++] = h;
	b->histograms = v;
}
