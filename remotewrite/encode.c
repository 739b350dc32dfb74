/* The hot path of sending: no label is looked at, nothing is allocated but the output's growth. */
#include "encode.h"

#include "walk.h"

#include <ampagent/base/varint.h>

/* Tag and length of a TimeSeries, and the Sample after its labels: tag, length, tag, value, tag,
 * timestamp. */
enum { SERIES_HEAD_MAX = 1 + VARINT_MAX, SAMPLE_MAX = 2 + 9 + 1 + VARINT_MAX };

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

static inline uint8_t *put_head(uint8_t *p, size_t body)
{
	*p++ = 0x0a; /* WriteRequest.timeseries */
	return varint_put(p, body);
}

/* One sample at the walk's item: 0, or 1 when out has no room. */
static inline int put_sample(struct buf *out, struct walk *w, struct sample_tail *t, uint64_t bits)
{
	if (walk_room(w, out, SERIES_HEAD_MAX + w->im->max_len + SAMPLE_MAX))
		return 1;
	struct image_item it;
	w->p = image_item_next(w->p, &it);
	size_t labels = it.prefix + it.middle + it.suffix;
	uint8_t *p = put_head((uint8_t *)out->ptr + out->len, labels + t->len);
	if (!w->prev)
		w->prev = (char *)p;
	p = (uint8_t *)walk_expand(w, &it, (char *)p);
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
	struct image_item passed;
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
				walk_pass(&w, &passed);
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
