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
	batch_seal(b);
	b->pos = (struct wal_pos){1, 16 + shape->sequence, shape->sequence};
	uint64_t end = shape->sequence + b->n_samples;
	b->end = (struct wal_pos){1, 16 + end, end};
	return b;
}
