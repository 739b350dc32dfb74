/* Writing batch records. docs/WAL_FORMAT.md has the layout. */
#include <ampagent/base/err.h>
#include <ampagent/base/varint.h>

#include "batch_codec.h"
#include "batch_format.h"
#include "batch_side.h"

enum {
	/* frame, slots, columns since the full one, flags, two bitmaps, values, rubbish of the last
	 */
	COLUMN_MAX = 3 * VARINT_MAX + 1 + 2 * FRAME_SLOTS / 8 + FRAME_SLOTS * VALUE_MAX_BYTES + 8,
	/* flags, slot, time, value, rubbish */
	ROW_MAX = 1 + 2 * VARINT_MAX + VALUE_MAX_BYTES + 8,
	HEAD_MAX = 10 * VARINT_MAX,
	GROUP_MAX = 3 * VARINT_MAX + 1,
	METADATA_MAX = 1 + 3 * VARINT_MAX,
};

bool batch_sound(const struct batch *b)
{
	for (size_t i = 0; i < b->n_columns; i++)
		if (b->columns[i].n_slots == 0 || b->columns[i].n_slots > FRAME_SLOTS)
			return false;
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].slot >= FRAME_SLOTS)
			return false;
	return batch_side_sound(b);
}

size_t batch_encoded_max(const struct batch *b)
{
	size_t n = RECORD_HEAD_BYTES + HEAD_MAX + b->n_columns * COLUMN_MAX +
		   b->n_rows * (GROUP_MAX + ROW_MAX);
	for (size_t i = 0; i < b->n_metadata; i++) {
		const struct batch_metadata *m = &b->metadata[i];
		n += METADATA_MAX + m->family.len + m->help.len + m->unit.len;
	}
	return n + batch_side_encoded_max(b);
}

static uint8_t *room(struct buf *out, size_t n)
{
	return buf_reserve(out, n) ? NULL : (uint8_t *)out->ptr + out->len;
}

static void used(struct buf *out, const uint8_t *end)
{
	out->len = (size_t)((const char *)end - out->ptr);
}

/* The first column of a frame in a segment is told against zeros. */
static struct frame_state *state_for(struct frame_states *t, uint32_t frame, uint16_t n)
{
	struct frame_state *s = frame_states_get(t, frame, n);
	if (s && s->columns == 0 && s->n > 0)
		memset(s->values, 0, s->n * sizeof *s->values);
	return s;
}

static unsigned find_changed(const struct batch_column *c, const uint64_t *prev,
			     uint64_t changed[FRAME_SLOTS / 64])
{
	unsigned n = 0;
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++) {
		unsigned from = w * 64, to = from + 64 < c->n_slots ? from + 64 : c->n_slots;
		uint64_t bits = 0;
		for (unsigned i = from; i < to; i++)
			bits |= (uint64_t)(c->values[i] != prev[i]) << (i - from);
		changed[w] = bits & c->present[w];
		n += (unsigned)__builtin_popcountll(changed[w]);
	}
	return n;
}

static uint8_t *bitmap_put(uint8_t *p, const uint64_t *bits, unsigned n)
{
	for (unsigned i = 0; i < (n + 7) / 8; i++)
		*p++ = (uint8_t)(bits[i / 8] >> (i % 8 * 8));
	return p;
}

static int column_encode(struct buf *out, struct frame_states *t, const struct batch_column *c,
			 uint32_t *last_frame)
{
	struct frame_state *s = state_for(t, c->frame, c->n_slots);
	uint8_t *p = room(out, COLUMN_MAX);
	if (!s || !p)
		return ERR_NOMEM;
	uint64_t changed[FRAME_SLOTS / 64];
	unsigned n_changed = find_changed(c, s->values, changed);
	uint8_t flags = (uint8_t)((c->n_present == c->n_slots ? COLUMN_ALL_PRESENT : 0) |
				  (n_changed == 0            ? COLUMN_NONE_CHANGED
				   : n_changed == c->n_slots ? COLUMN_ALL_CHANGED
							     : 0));
	p = varint_put(p, zigzag((int64_t)c->frame - *last_frame));
	*p++ = (uint8_t)(c->n_slots - 1);
	*p++ = flags;
	p = varint_put(p, s->columns);
	if (!(flags & COLUMN_ALL_PRESENT))
		p = bitmap_put(p, c->present, c->n_slots);
	if (!(flags & (COLUMN_NONE_CHANGED | COLUMN_ALL_CHANGED)))
		p = bitmap_put(p, changed, c->n_slots);
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++)
		for (uint64_t bits = changed[w]; bits; bits &= bits - 1) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits);
			p = value_put(p, s->values[i], c->values[i]);
			s->values[i] = c->values[i];
		}
	used(out, p);
	s->columns++;
	*last_frame = c->frame;
	return 0;
}

/* How many rows from `from` on are of one frame, and the slots they need. */
static size_t group_len(const struct batch *b, size_t from, uint16_t *n_slots)
{
	size_t i = from;
	uint16_t n = 0;
	for (; i < b->n_rows && b->rows[i].frame == b->rows[from].frame; i++)
		if (b->rows[i].slot >= n)
			n = (uint16_t)(b->rows[i].slot + 1);
	*n_slots = n;
	return i - from;
}

static int group_encode(struct buf *out, struct frame_states *t, const struct batch_row *rows,
			size_t n, uint16_t n_slots, uint32_t *last_frame)
{
	struct frame_state *s = state_for(t, rows->frame, n_slots);
	uint8_t *p = room(out, GROUP_MAX + n * ROW_MAX);
	if (!s || !p)
		return ERR_NOMEM;
	p = varint_put(p, zigzag((int64_t)rows->frame - *last_frame));
	*p++ = (uint8_t)(n_slots - 1);
	p = varint_put(p, s->columns);
	p = varint_put(p, n);
	unsigned slot = 0;
	int64_t t_ms = 0;
	for (size_t i = 0; i < n; i++) {
		const struct batch_row *r = &rows[i];
		uint8_t flags = (uint8_t)((r->slot != slot ? ROW_SLOT : 0) |
					  (r->t_ms != t_ms ? ROW_TIME : 0));
		*p++ = flags;
		if (flags & ROW_SLOT)
			*p++ = (uint8_t)r->slot;
		if (flags & ROW_TIME)
			p = varint_put(p, zigzag((int64_t)((uint64_t)r->t_ms - (uint64_t)t_ms)));
		p = value_put(p, s->values[r->slot], r->bits);
		s->values[r->slot] = r->bits;
		slot = r->slot + 1U;
		t_ms = r->t_ms;
	}
	used(out, p);
	s->columns++;
	*last_frame = rows->frame;
	return 0;
}

static int metadata_encode(struct buf *out, const struct batch_metadata *m)
{
	const struct sv texts[] = {m->family, m->help, m->unit};
	buf_char(out, (char)m->type);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		buf_varint(out, texts[i].len);
		buf_sv(out, texts[i]);
	}
	return buf_failed(out) ? ERR_NOMEM : 0;
}

static int head_encode(struct buf *out, const struct batch *b, uint64_t sequence)
{
	uint64_t n_slots = 0, n_groups = 0;
	uint16_t ignored;
	for (size_t i = 0; i < b->n_columns; i++)
		n_slots += b->columns[i].n_slots;
	for (size_t i = 0; i < b->n_rows; i += group_len(b, i, &ignored))
		n_groups++;
	uint8_t *p = room(out, HEAD_MAX);
	if (!p)
		return ERR_NOMEM;
	p = varint_put(p, sequence);
	p = varint_put(p, zigzag(b->t_ms));
	p = varint_put(p, b->owner);
	p = varint_put(p, b->n_samples);
	p = varint_put(p, b->n_columns);
	p = varint_put(p, n_slots);
	p = varint_put(p, b->n_rows);
	p = varint_put(p, n_groups);
	p = varint_put(p, b->n_metadata);
	used(out, p);
	return 0;
}

static int payload_encode(struct buf *out, struct frame_states *t, const struct batch *b,
			  uint64_t sequence)
{
	uint32_t last_frame = 0;
	uint16_t n_slots;
	int r = head_encode(out, b, sequence);
	for (size_t i = 0; i < b->n_columns && r == 0; i++)
		r = column_encode(out, t, &b->columns[i], &last_frame);
	for (size_t i = 0, n; i < b->n_rows && r == 0; i += n) {
		n = group_len(b, i, &n_slots);
		r = group_encode(out, t, &b->rows[i], n, n_slots, &last_frame);
	}
	for (size_t i = 0; i < b->n_metadata && r == 0; i++)
		r = metadata_encode(out, &b->metadata[i]);
	if (r == 0 && batch_side_any(b))
		r = batch_side_encode(out, b);
	return r;
}

int batch_encode(struct buf *out, struct frame_states *t, const struct batch *b, uint64_t sequence)
{
	size_t start = record_begin(out, RECORD_BATCH);
	int r = payload_encode(out, t, b, sequence);
	record_end(out, start);
	if (r == 0 && !buf_failed(out))
		return 0;
	out->len = start;
	out->failed = false;
	frame_states_forget(t);
	return ERR_NOMEM;
}
