/* The side section of batch records. docs/WAL_FORMAT.md has the layout. */
#include "batch_side.h"

#include "batch_format.h"
#include <ampagent/base/err.h>
#include <ampagent/model/frontcode.h>

enum {
	/* The longest value with the rubbish after it. */
	VALUE_ROOM = VALUE_MAX_BYTES + 8,
	/* All of a histogram but its arrays. */
	HISTOGRAM_ROOM = 11 * VARINT_MAX + 2 + 4 * VALUE_ROOM,
	SPAN_ROOM = 2 * VARINT_MAX,
	EXEMPLAR_ROOM = 2 * VARINT_MAX + 1 + VALUE_ROOM,
	RUN_ROOM = 2 * VARINT_MAX + 2,
	HEAD_ROOM = 3 * VARINT_MAX,
	/* Front-coded labels beside their bytes. */
	LABELS_ROOM = 3 * VARINT_MAX,
};

/* What each list is told against: the element before. Writer and reader keep the same. */
struct chain {
	uint32_t frame;
	int64_t t_ms;
	int64_t start_ms;
	const double *bounds;
	uint32_t n_bounds;
	struct sv labels;
};

bool batch_side_sound(const struct batch *b)
{
	for (size_t i = 0; i < b->n_histograms; i++)
		if (b->histograms[i].slot >= FRAME_SLOTS)
			return false;
	for (size_t i = 0; i < b->n_exemplars; i++)
		if (b->exemplars[i].slot >= FRAME_SLOTS)
			return false;
	for (size_t i = 0; i < b->n_starts; i++)
		if (b->starts[i].slot >= FRAME_SLOTS)
			return false;
	return true;
}

/* ---- writing ---- */

static uint8_t *room(struct buf *out, size_t n)
{
	return buf_reserve(out, n) ? NULL : (uint8_t *)out->ptr + out->len;
}

static void used(struct buf *out, const uint8_t *end)
{
	out->len = (size_t)((const char *)end - out->ptr);
}

static uint8_t *frame_put(uint8_t *p, struct chain *c, uint32_t frame)
{
	p = varint_put(p, zigzag((int64_t)frame - c->frame));
	c->frame = frame;
	return p;
}

static uint8_t *step_put(uint8_t *p, int64_t *before, int64_t v)
{
	p = varint_put(p, zigzag((int64_t)((uint64_t)v - (uint64_t)*before)));
	*before = v;
	return p;
}

static bool bounds_again(const struct chain *c, const struct histogram *h)
{
	return h->n_bounds == c->n_bounds &&
	       (h->bounds == c->bounds ||
		memcmp(h->bounds, c->bounds, h->n_bounds * sizeof *h->bounds) == 0);
}

static uint64_t bits_of(double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

/* Targets have many histograms of few kinds of bounds: they are told once for those in a row. */
static uint8_t *bounds_put(uint8_t *p, struct chain *c, const struct histogram *h)
{
	if (bounds_again(c, h))
		return varint_put(p, 0);
	p = varint_put(p, h->n_bounds);
	uint64_t before = 0;
	for (uint32_t i = 0; i < h->n_bounds; i++) {
		uint64_t bits = bits_of(h->bounds[i]);
		p = value_put(p, before, bits);
		before = bits;
	}
	c->bounds = h->bounds;
	c->n_bounds = h->n_bounds;
	return p;
}

static uint8_t *count_put(uint8_t *p, bool is_float, union histogram_number n)
{
	return is_float ? value_put(p, 0, n.u) : varint_put(p, n.u);
}

static uint8_t *side_put(uint8_t *p, bool is_float, const struct histogram_side *s)
{
	p = varint_put(p, s->n_spans);
	for (uint32_t i = 0; i < s->n_spans; i++) {
		p = varint_put(p, zigzag(s->spans[i].offset));
		p = varint_put(p, s->spans[i].length);
	}
	p = varint_put(p, s->n_buckets);
	uint64_t before = 0;
	for (uint32_t i = 0; i < s->n_buckets; i++) {
		if (!is_float) {
			p = varint_put(p, zigzag(s->buckets[i].delta));
			continue;
		}
		p = value_put(p, before, s->buckets[i].u);
		before = s->buckets[i].u;
	}
	return p;
}

static bool side_any(const struct histogram_side *s)
{
	return s->n_spans > 0 || s->n_buckets > 0;
}

static size_t histogram_room(const struct histogram *h)
{
	size_t n = HISTOGRAM_ROOM + (size_t)h->n_bounds * VALUE_ROOM;
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		n += (size_t)h->side[i].n_spans * SPAN_ROOM +
		     (size_t)h->side[i].n_buckets * VALUE_ROOM;
	return n;
}

size_t batch_side_encoded_max(const struct batch *b)
{
	size_t n = HEAD_ROOM + b->n_starts * RUN_ROOM;
	for (size_t i = 0; i < b->n_histograms; i++)
		n += histogram_room(&b->histograms[i].h);
	for (size_t i = 0; i < b->n_exemplars; i++)
		n += EXEMPLAR_ROOM + LABELS_ROOM + b->exemplars[i].labels.len;
	return n;
}

static uint8_t flags_of(const struct batch_histogram *v, const struct chain *c)
{
	const struct histogram *h = &v->h;
	unsigned flags = ((unsigned)h->reset & HISTOGRAM_RESET_MASK) << HISTOGRAM_RESET_SHIFT;
	flags |= h->is_float ? HISTOGRAM_IS_FLOAT : 0;
	flags |= v->t_ms != c->t_ms ? HISTOGRAM_TIME : 0;
	flags |= h->start_ms != c->start_ms ? HISTOGRAM_START : 0;
	flags |= h->n_bounds > 0 ? HISTOGRAM_BOUNDS : 0;
	for (unsigned i = 0; i < HISTOGRAM_SIDES; i++)
		flags |= side_any(&h->side[i]) ? (unsigned)HISTOGRAM_SIDES_AT << i : 0;
	return (uint8_t)flags;
}

static int histogram_encode(struct buf *out, struct chain *c, const struct batch_histogram *v)
{
	const struct histogram *h = &v->h;
	uint8_t flags = flags_of(v, c), *p = room(out, histogram_room(h));
	if (!p)
		return ERR_NOMEM;
	p = frame_put(p, c, v->frame);
	*p++ = (uint8_t)v->slot;
	*p++ = flags;
	p = varint_put(p, zigzag(h->schema));
	if (flags & HISTOGRAM_TIME)
		p = step_put(p, &c->t_ms, v->t_ms);
	if (flags & HISTOGRAM_START)
		p = step_put(p, &c->start_ms, h->start_ms);
	p = value_put(p, 0, h->sum_bits);
	p = value_put(p, 0, bits_of(h->zero_threshold));
	p = count_put(p, h->is_float, h->zero_count);
	p = count_put(p, h->is_float, h->count);
	for (unsigned i = 0; i < HISTOGRAM_SIDES; i++)
		if (side_any(&h->side[i]))
			p = side_put(p, h->is_float, &h->side[i]);
	if (flags & HISTOGRAM_BOUNDS)
		p = bounds_put(p, c, h);
	used(out, p);
	return 0;
}

static int exemplar_encode(struct buf *out, struct chain *c, const struct batch_exemplar *e)
{
	struct sv labels = sv_make(e->labels.ptr, e->labels.len);
	uint8_t *p = room(out, EXEMPLAR_ROOM);
	if (!p)
		return ERR_NOMEM;
	p = frame_put(p, c, e->frame);
	*p++ = (uint8_t)e->slot;
	p = step_put(p, &c->t_ms, e->t_ms);
	p = value_put(p, 0, e->bits);
	used(out, p);
	if (frontcode_put(out, c->labels, labels))
		return ERR_NOMEM;
	c->labels = labels;
	return 0;
}

/* How many starts from `from` on are of slots in a row and the same. */
static size_t run_len(const struct batch *b, size_t from)
{
	const struct batch_start *v = &b->starts[from];
	size_t n = 1;
	while (from + n < b->n_starts && v[n].frame == v->frame && v[n].slot == v->slot + n &&
	       v[n].start_ms == v->start_ms)
		n++;
	return n;
}

static int run_encode(struct buf *out, struct chain *c, const struct batch_start *s, size_t n)
{
	uint8_t *p = room(out, RUN_ROOM);
	if (!p)
		return ERR_NOMEM;
	p = frame_put(p, c, s->frame);
	*p++ = (uint8_t)s->slot;
	*p++ = (uint8_t)(n - 1);
	p = step_put(p, &c->start_ms, s->start_ms);
	used(out, p);
	return 0;
}

int batch_side_encode(struct buf *out, const struct batch *b)
{
	struct chain c = {.t_ms = b->t_ms};
	int r = 0;
	buf_varint(out, b->n_histograms);
	buf_varint(out, b->n_exemplars);
	buf_varint(out, b->n_starts);
	for (size_t i = 0; i < b->n_histograms && r == 0; i++)
		r = histogram_encode(out, &c, &b->histograms[i]);
	c.frame = 0;
	c.t_ms = b->t_ms;
	for (size_t i = 0; i < b->n_exemplars && r == 0; i++)
		r = exemplar_encode(out, &c, &b->exemplars[i]);
	c.frame = 0;
	for (size_t i = 0, n; i < b->n_starts && r == 0; i += n) {
		n = run_len(b, i);
		r = run_encode(out, &c, &b->starts[i], n);
	}
	return r == 0 && !buf_failed(out) ? 0 : ERR_NOMEM;
}

/* ---- reading ---- */

/* An array of the batch: *out is NULL when there is no batch or nothing to hold. The caller has
 * checked n against the bytes that are left, so that n * size does not overflow. */
static int array_new(struct batch *b, size_t n, size_t size, void *out)
{
	void *p = NULL;
	if (b && n > 0) {
		p = arena_alloc(&b->arena, n * size);
		if (!p)
			return n * size > b->arena.max - b->arena.used ? BROKEN : ERR_NOMEM;
	}
	memcpy(out, &p, sizeof p);
	return 0;
}

static int get_spans(struct input *in, struct batch *b, struct histogram_side *s)
{
	struct histogram_span *spans = NULL;
	uint64_t n, length;
	int64_t offset;
	if (get_varint(in, input_left(in) / 2, &n))
		return BROKEN;
	int r = array_new(b, n, sizeof *spans, &spans);
	for (uint64_t i = 0; i < n && r == 0; i++) {
		if (get_i64(in, &offset) || offset < INT32_MIN || offset > INT32_MAX ||
		    get_varint(in, UINT32_MAX, &length))
			return BROKEN;
		if (spans)
			spans[i] = (struct histogram_span){(int32_t)offset, (uint32_t)length};
	}
	s->spans = spans;
	s->n_spans = (uint32_t)n;
	return r;
}

static int get_buckets(struct input *in, struct batch *b, bool is_float, struct histogram_side *s)
{
	union histogram_number *buckets = NULL, v = {.u = 0};
	uint64_t n;
	if (get_varint(in, input_left(in), &n) || n > UINT32_MAX)
		return BROKEN;
	int r = array_new(b, n, sizeof *buckets, &buckets);
	for (uint64_t i = 0; i < n && r == 0; i++) {
		if (is_float ? get_value(in, v.u, &v.u) : get_i64(in, &v.delta))
			return BROKEN;
		if (buckets)
			buckets[i] = v;
	}
	s->buckets = buckets;
	s->n_buckets = (uint32_t)n;
	return r;
}

/* Bounds told again are the array before, not a copy, so that a short record stays short. */
static int get_bounds(struct input *in, struct batch *b, struct chain *c)
{
	double *bounds = NULL;
	uint64_t n, bits = 0;
	if (get_varint(in, input_left(in), &n) || n > UINT32_MAX)
		return BROKEN;
	if (n == 0)
		return c->n_bounds > 0 ? 0 : BROKEN;
	int r = array_new(b, n, sizeof *bounds, &bounds);
	for (uint64_t i = 0; i < n && r == 0; i++) {
		if (get_value(in, bits, &bits))
			return BROKEN;
		if (bounds)
			memcpy(&bounds[i], &bits, sizeof bits);
	}
	c->bounds = bounds;
	c->n_bounds = (uint32_t)n;
	return r;
}

static int get_count(struct input *in, bool is_float, union histogram_number *out)
{
	return is_float ? get_value(in, 0, &out->u) : get_varint(in, UINT64_MAX, &out->u);
}

static int get_scalars(struct input *in, struct chain *c, struct batch_histogram *v, uint8_t *flags)
{
	struct histogram *h = &v->h;
	uint8_t slot;
	int64_t schema;
	uint64_t threshold;
	if (get_frame(in, &c->frame) || get_byte(in, &slot) || get_byte(in, flags) ||
	    get_i64(in, &schema) || schema < INT32_MIN || schema > INT32_MAX ||
	    (*flags & HISTOGRAM_TIME && get_step(in, &c->t_ms)) ||
	    (*flags & HISTOGRAM_START && get_step(in, &c->start_ms)) ||
	    get_value(in, 0, &h->sum_bits) || get_value(in, 0, &threshold))
		return BROKEN;
	v->frame = c->frame;
	v->slot = slot;
	v->t_ms = c->t_ms;
	h->schema = (int32_t)schema;
	h->is_float = *flags & HISTOGRAM_IS_FLOAT;
	h->reset = (enum histogram_reset)(*flags >> HISTOGRAM_RESET_SHIFT & HISTOGRAM_RESET_MASK);
	h->start_ms = c->start_ms;
	memcpy(&h->zero_threshold, &threshold, sizeof threshold);
	return get_count(in, h->is_float, &h->zero_count) || get_count(in, h->is_float, &h->count)
		       ? BROKEN
		       : 0;
}

static int get_histogram(struct input *in, struct batch *b, struct chain *c)
{
	struct batch_histogram v = {0};
	uint8_t flags = 0;
	int r = get_scalars(in, c, &v, &flags);
	for (unsigned i = 0; i < HISTOGRAM_SIDES && r == 0; i++) {
		if (!(flags & HISTOGRAM_SIDES_AT << i))
			continue;
		r = get_spans(in, b, &v.h.side[i]);
		if (r == 0)
			r = get_buckets(in, b, v.h.is_float, &v.h.side[i]);
	}
	if (r == 0 && flags & HISTOGRAM_BOUNDS) {
		r = get_bounds(in, b, c);
		v.h.bounds = c->bounds;
		v.h.n_bounds = c->n_bounds;
	}
	if (r == 0 && b)
		b->histograms[b->n_histograms++] = v;
	return r;
}

/* Exemplars may have labels that label sets may not, such as empty ones: the block must only be one
 * that a walk comes to the end of. */
static bool block_whole(struct sv block)
{
	struct labels set = {block.ptr, (uint32_t)block.len};
	struct label l;
	size_t at = 0;
	while (at < block.len)
		if (!labels_next(set, &at, &l))
			return false;
	return true;
}

/* Without a batch the bytes are not kept, only the length that the next one is told against. */
static int get_labels(struct input *in, struct batch *b, struct chain *c)
{
	struct input look = *in;
	uint64_t prefix, suffix, middle;
	size_t len;
	char *text;
	if (get_varint(&look, c->labels.len, &prefix) ||
	    get_varint(&look, c->labels.len - prefix, &suffix) ||
	    get_varint(&look, LIMIT_LABELS_BYTES, &middle) || middle > input_left(&look) ||
	    (len = (size_t)(prefix + suffix + middle)) > LIMIT_LABELS_BYTES)
		return BROKEN;
	int r = array_new(b, len, 1, &text);
	if (r)
		return r;
	if (text && !frontcode_get(in->p, in->end, c->labels, text, len, &len))
		return BROKEN;
	in->p = look.p + middle;
	c->labels = sv_make(text, len);
	return text && !block_whole(c->labels) ? BROKEN : 0;
}

static int get_exemplar(struct input *in, struct batch *b, struct chain *c)
{
	struct batch_exemplar e = {0};
	uint8_t slot;
	if (get_frame(in, &c->frame) || get_byte(in, &slot) || get_step(in, &c->t_ms) ||
	    get_value(in, 0, &e.bits))
		return BROKEN;
	int r = get_labels(in, b, c);
	if (r || !b)
		return r;
	e.frame = c->frame;
	e.slot = slot;
	e.t_ms = c->t_ms;
	e.labels = (struct labels){c->labels.ptr, (uint32_t)c->labels.len};
	b->exemplars[b->n_exemplars++] = e;
	return 0;
}

static int get_run(struct input *in, struct batch *b, struct chain *c, uint32_t *left)
{
	uint8_t slot, more;
	if (get_frame(in, &c->frame) || get_byte(in, &slot) || get_byte(in, &more) ||
	    get_step(in, &c->start_ms) || slot + more >= FRAME_SLOTS || more >= *left)
		return BROKEN;
	*left -= more + 1U;
	for (unsigned i = 0; b && i <= more; i++)
		b->starts[b->n_starts++] =
			(struct batch_start){c->frame, (uint16_t)(slot + i), c->start_ms};
	return 0;
}

static int get_side_head(struct input *in, struct batch *b, struct batch_head *h)
{
	if (get_u32(in, &h->n_histograms) || get_u32(in, &h->n_exemplars) ||
	    get_u32(in, &h->n_starts))
		return BROKEN;
	uint64_t left = input_left(in);
	/* An empty section is not written. */
	if ((h->n_histograms | h->n_exemplars | h->n_starts) == 0 ||
	    h->n_histograms > left / HISTOGRAM_BYTES_MIN ||
	    h->n_exemplars > left / EXEMPLAR_BYTES_MIN ||
	    h->n_starts > left / START_RUN_BYTES_MIN * FRAME_SLOTS)
		return BROKEN;
	if (!b)
		return 0;
	int r = array_new(b, h->n_histograms, sizeof *b->histograms, &b->histograms);
	if (r == 0)
		r = array_new(b, h->n_exemplars, sizeof *b->exemplars, &b->exemplars);
	if (r == 0)
		r = array_new(b, h->n_starts, sizeof *b->starts, &b->starts);
	return r;
}

int batch_side_decode(struct input *in, struct batch *b, struct batch_head *h)
{
	struct chain c = {.t_ms = h->t_ms};
	int r = get_side_head(in, b, h);
	if (r)
		return r;
	for (uint32_t i = 0; i < h->n_histograms && r == 0; i++)
		r = get_histogram(in, b, &c);
	c.frame = 0;
	c.t_ms = h->t_ms;
	for (uint32_t i = 0; i < h->n_exemplars && r == 0; i++)
		r = get_exemplar(in, b, &c);
	c.frame = 0;
	for (uint32_t left = h->n_starts; left > 0 && r == 0;)
		r = get_run(in, b, &c, &left);
	return r;
}
