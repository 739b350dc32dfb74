#include "make.h"

#include "cmocka_all.h"

#include <stdio.h>

enum { SLOTS = 32 };

static uint16_t give(void *cls, uint32_t frame, uint16_t from,
		     void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls)
{
	for (uint16_t slot = from; slot < SLOTS; slot++) {
		char text[32];
		_cleanup_(arena_deinit) struct arena arena;
		struct label_builder b;
		struct labels out;
		arena_init(&arena, 65536);
		label_builder_init(&b, &arena);
		label_builder_set(&b, LABEL_NAME, SV("metric"));
		snprintf(text, sizeof text, "%u/%u", frame, slot);
		label_builder_set(&b, SV("place"), sv_of(text));
		assert_int_equal(label_builder_finish(&b, &arena, &out), 0);
		fn(fcls, slot, out);
	}
	return SLOTS;
}

struct label_source make_labels(void)
{
	return (struct label_source){give, NULL};
}

static void fill_column(struct batch *b, struct batch_column *c, const struct shape *shape,
			uint32_t frame)
{
	c->frame = frame;
	c->n_slots = shape->slots;
	c->values = arena_calloc(&b->arena, shape->slots, sizeof *c->values);
	assert_non_null(c->values);
	for (unsigned slot = 0; slot < shape->slots; slot++)
		if (slot % 8 != shape->absent)
			c->present[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void place(struct batch *b, uint64_t sequence)
{
	batch_seal(b);
	b->pos = (struct wal_pos){1, 16 + sequence, sequence};
	uint64_t end = sequence + b->n_samples;
	b->end = (struct wal_pos){1, 16 + end, end};
}

struct batch *make_batch(const struct shape *shape)
{
	struct batch *b = batch_new(1 << 20);
	assert_non_null(b);
	b->t_ms = shape->t_ms;
	b->n_columns = shape->n_columns;
	b->columns = arena_calloc(&b->arena, b->n_columns + 1, sizeof *b->columns);
	for (uint32_t i = 0; i < b->n_columns; i++)
		fill_column(b, &b->columns[i], shape, shape->first + i);
	b->n_rows = shape->n_rows;
	b->rows = arena_calloc(&b->arena, b->n_rows + 1, sizeof *b->rows);
	for (uint32_t i = 0; i < b->n_rows; i++)
		b->rows[i] = (struct batch_row){40 + i / 5, (uint16_t)(i % 5), shape->t_ms + i, i};
	b->n_histograms = shape->n_histograms;
	b->histograms = arena_calloc(&b->arena, b->n_histograms + 1, sizeof *b->histograms);
	for (uint32_t i = 0; i < b->n_histograms; i++)
		b->histograms[i] = (struct batch_histogram){
			50 + i / 5, (uint16_t)(i % 5), shape->t_ms + i, {.count.u = i}};
	place(b, shape->sequence);
	return b;
}

/* ---- at random ---- */

uint64_t make_random(uint64_t *rng, uint64_t below)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng % below;
}

static void *some(struct arena *arena, size_t n, size_t size)
{
	void *p = arena_calloc(arena, n + 1, size);
	assert_non_null(p);
	return p;
}

static union histogram_number number(uint64_t *rng, bool is_float)
{
	uint64_t n = make_random(rng, 3) ? make_random(rng, 1000) : make_random(rng, UINT64_MAX);
	return is_float ? (union histogram_number){.f = (double)n / 3}
			: (union histogram_number){n};
}

static void fill_side(struct arena *arena, uint64_t *rng, const struct histogram *h,
		      struct histogram_side *side)
{
	side->n_spans = (uint32_t)make_random(rng, 4);
	struct histogram_span *spans = some(arena, side->n_spans, sizeof *spans);
	for (uint32_t i = 0; i < side->n_spans; i++) {
		spans[i].offset = (int32_t)make_random(rng, 200) - (i == 0 ? 100 : 0);
		spans[i].length = 1 + (uint32_t)make_random(rng, 20);
		side->n_buckets += spans[i].length;
	}
	union histogram_number *v = some(arena, side->n_buckets, sizeof *v);
	for (uint32_t i = 0; i < side->n_buckets; i++) {
		v[i] = number(rng, h->is_float);
		if (!h->is_float && make_random(rng, 2))
			v[i].delta = -v[i].delta;
	}
	side->spans = spans;
	side->buckets = v;
}

struct histogram make_histogram(struct arena *arena, uint64_t *rng)
{
	struct histogram h = {.schema = (int32_t)make_random(rng, 13) - 4,
			      .is_float = make_random(rng, 2),
			      .reset = (enum histogram_reset)make_random(rng, 4),
			      .start_ms = make_random(rng, 2) ? (int64_t)make_random(rng, 9999) : 0,
			      .sum_bits = make_random(rng, UINT64_MAX)};
	bool custom = make_random(rng, 4) == 0;
	h.count = number(rng, h.is_float);
	fill_side(arena, rng, &h, &h.side[HISTOGRAM_POSITIVE]);
	if (custom) {
		h.schema = HISTOGRAM_SCHEMA_CUSTOM;
		h.n_bounds = (uint32_t)make_random(rng, 8);
		double *bounds = some(arena, h.n_bounds, sizeof *bounds);
		for (uint32_t i = 0; i < h.n_bounds; i++)
			bounds[i] = i * 0.5;
		h.bounds = bounds;
		if (h.is_float)
			h.zero_count.f = 0;
		return h;
	}
	h.zero_threshold = (double)make_random(rng, 3) / 7;
	h.zero_count = number(rng, h.is_float);
	fill_side(arena, rng, &h, &h.side[HISTOGRAM_NEGATIVE]);
	return h;
}

enum { FRAMES = 13 };

static void random_columns(struct batch *b, uint64_t *rng)
{
	b->columns = some(&b->arena, FRAMES, sizeof *b->columns);
	for (uint32_t f = 0; f < FRAMES; f++) {
		if (make_random(rng, 2))
			continue;
		struct batch_column *c = &b->columns[b->n_columns++];
		c->frame = f;
		c->n_slots = (uint16_t)(1 + make_random(rng, SLOTS));
		c->values = some(&b->arena, c->n_slots, sizeof *c->values);
		for (unsigned i = 0; i < c->n_slots; i++) {
			c->values[i] = make_random(rng, UINT64_MAX);
			if (make_random(rng, 3))
				c->present[0] |= UINT64_C(1) << i;
		}
	}
}

/* Runs of a few items of a frame. */
static void random_rows(struct batch *b, uint64_t *rng)
{
	size_t n = make_random(rng, 40);
	b->rows = some(&b->arena, n, sizeof *b->rows);
	uint32_t frame = 0;
	for (size_t i = 0; i < n; i++) {
		if (make_random(rng, 4) == 0)
			frame = (uint32_t)make_random(rng, FRAMES);
		b->rows[i] = (struct batch_row){frame, (uint16_t)make_random(rng, SLOTS),
						b->t_ms + (int64_t)i, make_random(rng, UINT64_MAX)};
	}
	b->n_rows = n;
}

static void random_histograms(struct batch *b, uint64_t *rng)
{
	size_t n = make_random(rng, 40);
	b->histograms = some(&b->arena, n, sizeof *b->histograms);
	uint32_t frame = 0;
	uint16_t slot = 0;
	for (size_t i = 0; i < n; i++) {
		if (make_random(rng, 5) == 0)
			frame = (uint32_t)make_random(rng, FRAMES);
		if (make_random(rng, 3))
			slot = (uint16_t)make_random(rng, SLOTS);
		b->histograms[i] = (struct batch_histogram){frame, slot, b->t_ms + (int64_t)i,
							    make_histogram(&b->arena, rng)};
	}
	b->n_histograms = n;
}

static void random_extras(struct batch *b, uint64_t *rng)
{
	b->exemplars = some(&b->arena, (size_t)FRAMES * SLOTS * 3, sizeof *b->exemplars);
	b->starts = some(&b->arena, (size_t)FRAMES * SLOTS, sizeof *b->starts);
	for (uint32_t f = 0; f < FRAMES; f++) {
		for (uint16_t slot = 0; slot < SLOTS; slot++) {
			if (make_random(rng, 3) == 0)
				b->starts[b->n_starts++] = (struct batch_start){
					f, slot, 1 + (int64_t)make_random(rng, 99999)};
			uint64_t n = make_random(rng, 4) ? 0 : 1 + make_random(rng, 3);
			for (uint64_t i = 0; i < n; i++) {
				struct batch_exemplar *e = &b->exemplars[b->n_exemplars++];
				struct label_builder builder;
				*e = (struct batch_exemplar){f, slot, b->t_ms - (int64_t)i,
							     make_random(rng, UINT64_MAX),
							     LABELS_NULL};
				if (i == 1)
					continue;
				label_builder_init(&builder, &b->arena);
				label_builder_set(&builder, SV("trace_id"),
						  i ? SV("abc") : SV("0123456789"));
				if (i == 2)
					label_builder_set(&builder, SV("place"), SV("here"));
				assert_int_equal(
					label_builder_finish(&builder, &b->arena, &e->labels), 0);
			}
		}
	}
}

struct batch *make_random_batch(uint64_t *rng, uint64_t sequence, int64_t t_ms)
{
	struct batch *b = batch_new(8 << 20);
	assert_non_null(b);
	b->t_ms = t_ms;
	random_columns(b, rng);
	if (make_random(rng, 3))
		random_rows(b, rng);
	if (make_random(rng, 4))
		random_histograms(b, rng);
	if (make_random(rng, 4))
		random_extras(b, rng);
	place(b, sequence);
	return b;
}

static struct make_item *put_item(const struct batch *b, struct make_item *v, size_t *n,
				  uint32_t frame, uint16_t slot)
{
	struct make_item *x = &v[(*n)++];
	*x = (struct make_item){.frame = frame, .slot = slot};
	bool first = true;
	for (size_t i = 0; i + 1 < *n; i++)
		first &= v[i].frame != frame || v[i].slot != slot;
	for (size_t i = 0; first && i < b->n_exemplars; i++) {
		if (b->exemplars[i].frame != frame || b->exemplars[i].slot != slot)
			continue;
		if (x->n_exemplars++ == 0)
			x->exemplars = &b->exemplars[i];
	}
	for (size_t i = 0; i < b->n_starts; i++)
		if (b->starts[i].frame == frame && b->starts[i].slot == slot)
			x->start_ms = b->starts[i].start_ms;
	return x;
}

size_t make_items(const struct batch *b, struct make_item **out)
{
	struct make_item *v = calloc(b->n_samples + 1, sizeof *v), *x;
	size_t n = 0;
	assert_non_null(v);
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (uint16_t slot = 0; slot < c->n_slots; slot++) {
			if (!image_bit(c->present, slot))
				continue;
			x = put_item(b, v, &n, c->frame, slot);
			x->t_ms = b->t_ms;
			x->bits = c->values[slot];
		}
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		x = put_item(b, v, &n, b->rows[i].frame, b->rows[i].slot);
		x->t_ms = b->rows[i].t_ms;
		x->bits = b->rows[i].bits;
	}
	for (size_t i = 0; i < b->n_histograms; i++) {
		x = put_item(b, v, &n, b->histograms[i].frame, b->histograms[i].slot);
		x->t_ms = b->histograms[i].t_ms;
		x->h = &b->histograms[i].h;
		x->start_ms = b->histograms[i].h.start_ms;
	}
	assert_int_equal(n, b->n_samples);
	*out = v;
	return n;
}
