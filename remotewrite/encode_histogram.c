/* The Histogram message, whose fields have the same numbers in both protocols. */
#include "encode.h"

#include <ampagent/base/err.h>
#include <ampagent/base/varint.h>
#include <string.h>

/* Fields that occur once, with tags: counts, sum, schema, thresholds, hint and times, and the heads
 * of the packed ones. */
enum { FIXED_MAX = 160, SPAN_MAX = 2 + 1 + 5 + 1 + 5 };

static size_t bound_of(const struct histogram *h)
{
	size_t n = FIXED_MAX + (size_t)h->n_bounds * 8;
	for (int i = 0; i < HISTOGRAM_SIDES; i++)
		n += (size_t)h->side[i].n_spans * SPAN_MAX +
		     (size_t)h->side[i].n_buckets * VARINT_MAX;
	return n;
}

static uint8_t *put_fixed(uint8_t *p, uint64_t bits)
{
	memcpy(p, &bits, sizeof bits);
	return p + sizeof bits;
}

static uint64_t bits_of(double f)
{
	uint64_t bits;
	memcpy(&bits, &f, sizeof bits);
	return bits;
}

static uint8_t *put_double(uint8_t *p, uint8_t tag, uint64_t bits)
{
	if (bits == 0)
		return p;
	*p++ = tag;
	return put_fixed(p, bits);
}

/* Of a oneof: always there, so that the receiver knows which kind it is. */
static uint8_t *put_count(uint8_t *p, uint8_t field, bool is_float, union histogram_number n)
{
	if (is_float) {
		*p++ = (uint8_t)((field + 1) << 3 | 1);
		return put_fixed(p, bits_of(n.f));
	}
	*p++ = (uint8_t)(field << 3);
	return varint_put(p, n.u);
}

static uint8_t *put_spans(uint8_t *p, uint8_t tag, const struct histogram_side *side)
{
	for (uint32_t i = 0; i < side->n_spans; i++) {
		const struct histogram_span *s = &side->spans[i];
		uint64_t offset = zigzag(s->offset);
		*p++ = tag;
		*p++ = (uint8_t)((s->offset ? 1 + varint_len(offset) : 0) +
				 (s->length ? 1 + varint_len(s->length) : 0));
		if (s->offset) {
			*p++ = 0x08;
			p = varint_put(p, offset);
		}
		if (s->length) {
			*p++ = 0x10;
			p = varint_put(p, s->length);
		}
	}
	return p;
}

static uint8_t *put_counts(uint8_t *p, uint8_t tag, const struct histogram_side *side)
{
	if (side->n_buckets == 0)
		return p;
	*p++ = tag;
	p = varint_put(p, (uint64_t)side->n_buckets * 8);
	for (uint32_t i = 0; i < side->n_buckets; i++)
		p = put_fixed(p, bits_of(side->buckets[i].f));
	return p;
}

static uint8_t *put_deltas(uint8_t *p, uint8_t tag, const struct histogram_side *side)
{
	size_t len = 0;
	for (uint32_t i = 0; i < side->n_buckets; i++)
		len += varint_len(zigzag(side->buckets[i].delta));
	if (len == 0)
		return p;
	*p++ = tag;
	p = varint_put(p, len);
	for (uint32_t i = 0; i < side->n_buckets; i++)
		p = varint_put(p, zigzag(side->buckets[i].delta));
	return p;
}

static uint8_t *put_side(uint8_t *p, uint8_t field, const struct histogram *h, int which)
{
	const struct histogram_side *side = &h->side[which];
	p = put_spans(p, (uint8_t)(field << 3 | 2), side);
	if (h->is_float)
		return put_counts(p, (uint8_t)((field + 2) << 3 | 2), side);
	return put_deltas(p, (uint8_t)((field + 1) << 3 | 2), side);
}

static uint8_t *put_bounds(uint8_t *p, const struct histogram *h)
{
	if (h->n_bounds == 0)
		return p;
	p = varint_put(p, 16 << 3 | 2);
	p = varint_put(p, (uint64_t)h->n_bounds * 8);
	for (uint32_t i = 0; i < h->n_bounds; i++)
		p = put_fixed(p, bits_of(h->bounds[i]));
	return p;
}

int encode_histogram(struct buf *out, const struct histogram *h, int64_t t_ms, bool with_start)
{
	size_t bound = bound_of(h);
	buf_reset(out);
	if (bound > out->max)
		return 1;
	if (buf_reserve(out, bound))
		return ERR_NOMEM;
	uint8_t *p = (uint8_t *)out->ptr;
	p = put_count(p, 1, h->is_float, h->count);
	p = put_double(p, 0x19, h->sum_bits);
	if (h->schema) {
		*p++ = 0x20;
		p = varint_put(p, zigzag(h->schema));
	}
	p = put_double(p, 0x29, bits_of(h->zero_threshold));
	p = put_count(p, 6, h->is_float, h->zero_count);
	p = put_side(p, 8, h, HISTOGRAM_NEGATIVE);
	p = put_side(p, 11, h, HISTOGRAM_POSITIVE);
	/* Our order of hints is the message's. */
	if (h->reset) {
		*p++ = 0x70;
		*p++ = (uint8_t)h->reset;
	}
	*p++ = 0x78;
	p = varint_put(p, (uint64_t)t_ms);
	p = put_bounds(p, h);
	if (with_start && h->start_ms != 0) {
		p = varint_put(p, 17 << 3);
		p = varint_put(p, (uint64_t)h->start_ms);
	}
	out->len = (size_t)(p - (uint8_t *)out->ptr);
	return 0;
}
