/* The hot path of sending: no label is looked at, nothing is allocated but the output's growth. */
#include "encode.h"

#include <ampagent/base/err.h>
#include <ampagent/base/varint.h>

/* Tag and length of a TimeSeries, and the Sample after its labels: tag, length, tag, value, tag,
 * timestamp. */
enum { SERIES_HEAD_MAX = 1 + VARINT_MAX, SAMPLE_MAX = 2 + 9 + 1 + VARINT_MAX };

/* Walks an image in slot order. prev is what the next item refers to: a place in the output, or one
 * of the two scratch buffers when that slot was passed over. */
struct walk {
	const struct image *im;
	struct image_scratch *s;
	const uint8_t *p;
	const char *prev;
	size_t prev_len;
	int scratch; /* which one to expand into next */
};

static int walk_init(struct walk *w, const struct image *im, struct image_scratch *s)
{
	*w = (struct walk){.im = im, .s = s, .p = im->bytes};
	for (int i = 0; i < 2; i++) {
		buf_reset(&s->expand[i]);
		if (buf_reserve(&s->expand[i], im->max_len + 1))
			return ERR_NOMEM;
	}
	return 0;
}

static inline char *expand(struct walk *w, const struct image_item *it, char *dst)
{
	memcpy(dst, w->prev, it->prefix);
	memcpy(dst + it->prefix, it->own, it->middle);
	memcpy(dst + it->prefix + it->middle, w->prev + w->prev_len - it->suffix, it->suffix);
	w->prev = dst;
	w->prev_len = it->prefix + it->middle + it->suffix;
	return dst + w->prev_len;
}

static inline void walk_pass(struct walk *w)
{
	struct image_item it;
	w->p = image_item_next(w->p, &it);
	char *dst = w->s->expand[w->scratch].ptr;
	if (!w->prev)
		w->prev = dst; /* first item: shares nothing */
	expand(w, &it, dst);
	w->scratch ^= 1;
}

struct sample_tail {
	uint8_t bytes[SAMPLE_MAX];
	unsigned len;
	unsigned value_at;
};

/* Everything after the labels but the value. */
static void sample_tail_init(struct sample_tail *t, int64_t t_ms)
{
	uint8_t *p = t->bytes;
	*p++ = 0x12; /* TimeSeries.samples */
	*p++ = (uint8_t)(1 + 8 + 1 + varint_len((uint64_t)t_ms));
	*p++ = 0x09; /* Sample.value */
	t->value_at = (unsigned)(p - t->bytes);
	memset(p, 0, 8);
	p += 8;
	*p++ = 0x10; /* Sample.timestamp */
	p = varint_put(p, (uint64_t)t_ms);
	t->len = (unsigned)(p - t->bytes);
}

/* Whether the growing output has room for a series of this image. Growth may move what prev points
 * at, so that is re-based. */
static inline int make_room(struct buf *out, struct walk *w, size_t need)
{
	if (out->cap - out->len >= need)
		return 0;
	const char *old = out->ptr;
	bool inside = old && w->prev >= old && w->prev < old + out->cap;
	size_t at = inside ? (size_t)(w->prev - old) : 0;
	/* By half at least: byte-wise growth of a large buffer would copy it again and again. */
	size_t more = need > out->cap / 2 ? need : out->cap / 2;
	if (out->len + more > out->max)
		more = need;
	if (buf_reserve(out, more)) {
		out->failed = false;
		return 1;
	}
	if (inside)
		w->prev = out->ptr + at;
	return 0;
}

static inline uint8_t *put_head(uint8_t *p, size_t body)
{
	*p++ = 0x0a; /* WriteRequest.timeseries */
	return varint_put(p, body);
}

/* One sample at the walk's item: 0, or 1 when out has no room. */
static inline int put_sample(struct buf *out, struct walk *w, struct sample_tail *t, uint64_t bits)
{
	if (make_room(out, w, SERIES_HEAD_MAX + w->im->max_len + SAMPLE_MAX))
		return 1;
	struct image_item it;
	w->p = image_item_next(w->p, &it);
	size_t labels = it.prefix + it.middle + it.suffix;
	uint8_t *p = put_head((uint8_t *)out->ptr + out->len, labels + t->len);
	if (!w->prev)
		w->prev = (char *)p;
	p = (uint8_t *)expand(w, &it, (char *)p);
	memcpy(p, t->bytes, t->len);
	memcpy(p + t->value_at, &bits, sizeof bits);
	out->len = (size_t)(p + t->len - (uint8_t *)out->ptr);
	return 0;
}

static inline bool full(const struct buf *out, size_t raw_max, const struct image *im)
{
	return out->len > 0 && out->len + SERIES_HEAD_MAX + im->max_len + SAMPLE_MAX > raw_max;
}

int encode_column(struct buf *out, const struct image *im, struct image_scratch *s,
		  const struct batch_column *col, int64_t t_ms, const struct encode_slice *slice,
		  struct encode_result *res)
{
	*res = (struct encode_result){.next = slice->from};
	struct walk w;
	if (walk_init(&w, im, s))
		return ERR_NOMEM;
	struct sample_tail tail;
	sample_tail_init(&tail, t_ms);
	size_t start = out->len;
	uint32_t slot = 0;
	for (; slot < col->n_slots; slot++) {
		bool known = slot < im->n_slots;
		bool lost = !known || image_bit(im->unusable, slot);
		bool dropped = known && image_bit(im->dropped, slot);
		bool present = slot >= slice->from && image_bit(col->present, slot);
		if (!present) {
			if (!lost && !dropped)
				walk_pass(&w);
			continue;
		}
		if (lost) {
			res->labels_lost++;
		} else if (dropped) {
			res->dropped++;
		} else if (res->samples >= slice->max || full(out, slice->raw_max, im)) {
			break;
		} else if (put_sample(out, &w, &tail, col->values[slot])) {
			out->len = start;
			return ERR_NOMEM;
		} else {
			res->samples++;
		}
	}
	res->next = slot;
	return 0;
}

/* Brings the walk to a slot that has an item. Rows mostly come in slot order, so it seldom starts
 * again. */
static int walk_to(struct walk *w, unsigned *at, unsigned slot)
{
	if (slot < *at) {
		if (walk_init(w, w->im, w->s))
			return ERR_NOMEM;
		*at = 0;
	}
	for (; *at < slot; ++*at)
		if (!image_bit(w->im->dropped, *at) && !image_bit(w->im->unusable, *at))
			walk_pass(w);
	*at = slot + 1;
	return 0;
}

int encode_rows(struct buf *out, const struct image *im, struct image_scratch *s,
		const struct batch_row *rows, uint32_t n_rows, int64_t oldest_ms,
		const struct encode_slice *slice, struct encode_result *res)
{
	*res = (struct encode_result){.next = slice->from};
	struct walk w;
	if (walk_init(&w, im, s))
		return ERR_NOMEM;
	size_t start = out->len;
	unsigned at = 0;
	uint32_t i = slice->from;
	for (; i < n_rows; i++) {
		const struct batch_row *row = &rows[i];
		if (row->t_ms < oldest_ms) {
			res->too_old++;
		} else if (row->slot >= im->n_slots || image_bit(im->unusable, row->slot)) {
			res->labels_lost++;
		} else if (image_bit(im->dropped, row->slot)) {
			res->dropped++;
		} else if (res->samples >= slice->max || full(out, slice->raw_max, im)) {
			break;
		} else {
			struct sample_tail tail;
			sample_tail_init(&tail, row->t_ms);
			if (walk_to(&w, &at, row->slot) || put_sample(out, &w, &tail, row->bits)) {
				out->len = start;
				return ERR_NOMEM;
			}
			res->samples++;
		}
	}
	res->next = i;
	return 0;
}

static void put_bytes(struct buf *out, uint8_t tag, struct sv s)
{
	if (s.len == 0)
		return;
	uint8_t head[1 + VARINT_MAX];
	head[0] = tag;
	buf_append(out, head, (size_t)(varint_put(head + 1, s.len) - head));
	buf_sv(out, s);
}

static size_t bytes_len(struct sv s)
{
	return s.len ? 1 + varint_len(s.len) + s.len : 0;
}

int encode_metadata(struct buf *out, const struct batch_metadata *m)
{
	/* Our order of types is the message's. */
	size_t body =
		(m->type ? 2 : 0) + bytes_len(m->family) + bytes_len(m->help) + bytes_len(m->unit);
	uint8_t head[1 + VARINT_MAX];
	head[0] = 0x1a; /* WriteRequest.metadata */
	buf_append(out, head, (size_t)(varint_put(head + 1, body) - head));
	if (m->type) {
		uint8_t type[2] = {0x08, (uint8_t)m->type};
		buf_append(out, type, sizeof type);
	}
	put_bytes(out, 0x12, m->family);
	put_bytes(out, 0x22, m->help);
	put_bytes(out, 0x2a, m->unit);
	return buf_failed(out) ? 1 : 0;
}
