/* Reading batch records. The bytes passed their checksum, but nothing is believed: every count is
 * checked against what is left before it is used.
 */
#include <ampagent/base/err.h>

#include "batch_codec.h"
#include "batch_format.h"
#include "batch_input.h"
#include "batch_side.h"

static int get_head(struct input *in, struct batch_head *h)
{
	uint64_t left = input_left(in);
	h->n_histograms = h->n_exemplars = h->n_starts = 0;
	if (get_varint(in, UINT64_MAX, &h->sequence) || get_i64(in, &h->t_ms) ||
	    get_u32(in, &h->owner) || get_u32(in, &h->n_samples) || get_u32(in, &h->n_columns) ||
	    get_u32(in, &h->n_slots) || get_u32(in, &h->n_rows) || get_u32(in, &h->n_groups) ||
	    get_u32(in, &h->n_metadata))
		return BROKEN;
	/* A column takes at least 4 bytes, a row 2, metadata 4; what is neither in a column nor a
	 * row is a histogram. */
	if (h->n_columns > left / 4 || h->n_slots > (uint64_t)h->n_columns * FRAME_SLOTS ||
	    h->n_rows > left / 2 || h->n_groups > h->n_rows || h->n_metadata > left / 4 ||
	    h->n_samples > (uint64_t)h->n_slots + h->n_rows + left / HISTOGRAM_BYTES_MIN)
		return BROKEN;
	return 0;
}

int batch_head_get(struct sv payload, struct batch_head *out)
{
	struct input in = {(const uint8_t *)payload.ptr,
			   (const uint8_t *)payload.ptr + payload.len};
	return get_head(&in, out);
}

/* Where decoded samples go: into the batch as far as there is one. */
struct output {
	struct batch *b;
	uint64_t *values; /* of the columns to come */
	uint32_t slots_left;
	uint32_t taken, lost; /* samples */
};

static bool arena_fits(const struct batch *b, const struct batch_head *h)
{
	uint64_t need = (uint64_t)h->n_columns * sizeof(struct batch_column) +
			(uint64_t)h->n_slots * sizeof(uint64_t) +
			(uint64_t)h->n_rows * sizeof(struct batch_row) +
			(uint64_t)h->n_metadata * sizeof(struct batch_metadata) + 4096;
	return need <= b->arena.max - b->arena.used;
}

static int output_init(struct output *o, struct batch *b, const struct batch_head *h)
{
	*o = (struct output){.b = b, .slots_left = h->n_slots};
	if (!b)
		return 0;
	if (!arena_fits(b, h))
		return BROKEN;
	/* One piece, so that the arena needs one chunk of the right size. */
	size_t columns = h->n_columns * sizeof(struct batch_column);
	size_t values = h->n_slots * sizeof(uint64_t);
	size_t rows = h->n_rows * sizeof(struct batch_row);
	size_t metadata = h->n_metadata * sizeof(struct batch_metadata);
	char *p = arena_alloc(&b->arena, columns + values + rows + metadata);
	if (!p)
		return ERR_NOMEM;
	b->columns = (struct batch_column *)p;
	o->values = (uint64_t *)(p + columns);
	b->rows = (struct batch_row *)(p + columns + values);
	b->metadata = (struct batch_metadata *)(p + columns + values + rows);
	b->owner = h->owner;
	b->t_ms = h->t_ms;
	return 0;
}

/* The frame's state when the values that this piece is told against are known, else *known false
 * and a state of zeros to read along with. */
static struct frame_state *state_for(struct frame_states *t, uint32_t frame, uint16_t n,
				     uint32_t columns, bool *known)
{
	struct frame_state *s = frame_states_get(t, frame, n);
	if (!s)
		return NULL;
	*known = columns == 0 || (s->columns > 0 && s->columns == columns);
	if (columns == 0 || !*known)
		memset(s->values, 0, s->n * sizeof *s->values);
	s->columns = columns;
	return s;
}

static int get_bitmap(struct input *in, unsigned n, uint64_t bits[FRAME_SLOTS / 64])
{
	unsigned bytes = (n + 7) / 8;
	if ((size_t)(in->end - in->p) < bytes)
		return BROKEN;
	for (unsigned i = 0; i < bytes; i++)
		bits[i / 8] |= (uint64_t)in->p[i] << (i % 8 * 8);
	in->p += bytes;
	/* Bits past the last slot must be clear. */
	return n % 64 && bits[n / 64] >> (n % 64) ? BROKEN : 0;
}

static void set_all(unsigned n, uint64_t bits[FRAME_SLOTS / 64])
{
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++)
		bits[w] = n >= (w + 1) * 64 ? ~UINT64_C(0)
			  : n > w * 64      ? (UINT64_C(1) << (n - w * 64)) - 1
					    : 0;
}

static int get_column_head(struct input *in, uint32_t *frame, struct batch_column *c,
			   uint64_t changed[FRAME_SLOTS / 64], uint32_t *columns)
{
	uint8_t last_slot, flags;
	if (get_frame(in, frame) || get_byte(in, &last_slot) || get_byte(in, &flags) ||
	    get_u32(in, columns))
		return BROKEN;
	*c = (struct batch_column){.frame = *frame, .n_slots = (uint16_t)(last_slot + 1)};
	memset(changed, 0, FRAME_SLOTS / 8);
	if (flags & COLUMN_ALL_PRESENT)
		set_all(c->n_slots, c->present);
	else if (get_bitmap(in, c->n_slots, c->present))
		return BROKEN;
	if (flags & COLUMN_ALL_CHANGED)
		set_all(c->n_slots, changed);
	else if (!(flags & COLUMN_NONE_CHANGED) && get_bitmap(in, c->n_slots, changed))
		return BROKEN;
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++)
		c->n_present = (uint16_t)(c->n_present + __builtin_popcountll(c->present[w]));
	return 0;
}

/* Changed values of a frame whose state is not known are read past, not understood. */
static int get_values(struct input *in, struct frame_state *s, bool known,
		      const uint64_t changed[FRAME_SLOTS / 64])
{
	const uint8_t *p = in->p, *end = in->end;
	uint64_t ignored;
	for (unsigned w = 0; w < FRAME_SLOTS / 64; w++)
		for (uint64_t bits = changed[w]; bits; bits &= bits - 1) {
			uint64_t *v = &s->values[w * 64 + (unsigned)__builtin_ctzll(bits)];
			p = value_get(p, end, *v, known ? v : &ignored);
			if (!p)
				return BROKEN;
		}
	in->p = p;
	return 0;
}

static int get_column(struct input *in, struct frame_states *t, struct output *o, uint32_t *frame)
{
	struct batch_column c;
	uint64_t changed[FRAME_SLOTS / 64];
	uint32_t columns;
	bool known;
	if (get_column_head(in, frame, &c, changed, &columns) || c.n_slots > o->slots_left)
		return BROKEN;
	struct frame_state *s = state_for(t, c.frame, c.n_slots, columns, &known);
	if (!s)
		return ERR_NOMEM;
	if (get_values(in, s, known, changed))
		return BROKEN;
	o->slots_left -= c.n_slots;
	s->columns = known ? columns + 1 : 0;
	if (!known) {
		o->lost += c.n_present;
		return 0;
	}
	o->taken += c.n_present;
	if (o->b) {
		c.values = o->values;
		memcpy(c.values, s->values, c.n_slots * sizeof *c.values);
		o->values += c.n_slots;
		o->b->columns[o->b->n_columns++] = c;
	}
	return 0;
}

struct group {
	uint32_t frame, columns, n;
	uint16_t n_slots;
};

static int get_group_head(struct input *in, uint32_t *frame, struct group *g)
{
	uint8_t last_slot;
	if (get_frame(in, frame) || get_byte(in, &last_slot) || get_u32(in, &g->columns) ||
	    get_u32(in, &g->n))
		return BROKEN;
	g->frame = *frame;
	g->n_slots = (uint16_t)(last_slot + 1);
	return 0;
}

static int get_row(struct input *in, struct frame_state *s, bool known, const struct group *g,
		   struct batch_row *r)
{
	uint8_t flags, slot = (uint8_t)r->slot;
	if (get_byte(in, &flags) || (flags & ROW_SLOT && get_byte(in, &slot)) ||
	    (flags & ROW_TIME && get_step(in, &r->t_ms)) || slot >= g->n_slots)
		return BROKEN;
	r->slot = slot;
	if (get_value(in, s->values[slot], &r->bits))
		return BROKEN;
	if (known)
		s->values[slot] = r->bits;
	return 0;
}

static int get_group(struct input *in, struct frame_states *t, struct output *o, uint32_t *frame,
		     uint32_t *rows_left)
{
	struct group g;
	bool known;
	if (get_group_head(in, frame, &g) || g.n == 0 || g.n > *rows_left)
		return BROKEN;
	struct frame_state *s = state_for(t, g.frame, g.n_slots, g.columns, &known);
	if (!s)
		return ERR_NOMEM;
	struct batch_row r = {.frame = g.frame};
	for (uint32_t i = 0; i < g.n; i++) {
		if (get_row(in, s, known, &g, &r))
			return BROKEN;
		if (known && o->b)
			o->b->rows[o->b->n_rows++] = r;
		r.slot++;
	}
	*rows_left -= g.n;
	s->columns = known ? g.columns + 1 : 0;
	*(known ? &o->taken : &o->lost) += g.n;
	return 0;
}

static int get_text(struct input *in, struct batch *b, struct sv *out)
{
	uint64_t len;
	if (get_varint(in, (uint64_t)(in->end - in->p), &len) || len > (uint64_t)(in->end - in->p))
		return BROKEN;
	*out = SV_NULL;
	if (b && len > 0) {
		*out = arena_dup(&b->arena, sv_make((const char *)in->p, len));
		if (!out->ptr)
			return len + 1 > b->arena.max - b->arena.used ? BROKEN : ERR_NOMEM;
	}
	in->p += len;
	return 0;
}

static int get_metadata(struct input *in, struct output *o)
{
	struct batch_metadata m;
	uint8_t type;
	int r;
	if (get_byte(in, &type) || type > METRIC_STATESET)
		return BROKEN;
	m.type = (enum metric_type)type;
	if ((r = get_text(in, o->b, &m.family)) || (r = get_text(in, o->b, &m.help)) ||
	    (r = get_text(in, o->b, &m.unit)))
		return r;
	if (o->b)
		o->b->metadata[o->b->n_metadata++] = m;
	return 0;
}

static int get_body(struct input *in, struct frame_states *t, struct output *o,
		    struct batch_head *h)
{
	uint32_t frame = 0, rows_left = h->n_rows;
	int r = 0;
	for (uint32_t i = 0; i < h->n_columns && r == 0; i++)
		r = get_column(in, t, o, &frame);
	for (uint32_t i = 0; i < h->n_groups && r == 0; i++)
		r = get_group(in, t, o, &frame, &rows_left);
	for (uint32_t i = 0; i < h->n_metadata && r == 0; i++)
		r = get_metadata(in, o);
	if (r == 0 && in->p != in->end)
		r = batch_side_decode(in, o->b, h);
	if (r)
		return r;
	/* Every byte and every count must be accounted for. */
	return in->p == in->end && o->slots_left == 0 && rows_left == 0 &&
			       o->taken + (uint64_t)o->lost + h->n_histograms == h->n_samples
		       ? 0
		       : BROKEN;
}

int batch_decode(struct sv payload, struct frame_states *t, struct batch *b,
		 struct batch_head *head, uint32_t *lost)
{
	struct input in = {(const uint8_t *)payload.ptr,
			   (const uint8_t *)payload.ptr + payload.len};
	struct output o;
	*lost = 0;
	if (get_head(&in, head))
		return BROKEN;
	int r = output_init(&o, b, head);
	if (r == 0)
		r = get_body(&in, t, &o, head);
	if (r) {
		frame_states_forget(t);
		return r;
	}
	*lost = o.lost;
	if (b)
		batch_seal(b);
	return 0;
}
