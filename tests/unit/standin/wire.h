/* Requests written by hand, byte by byte: the decoder is checked against the wire format, not
 * against another user of its own code. */
#pragma once

#include <ampagent/base/compress.h>
#include <ampagent/base/number.h>
#include <ampagent/base/varint.h>

enum { WIRE_MAX = 1 << 20 };

static inline void put_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];
	buf_append(b, bytes, (size_t)(varint_put(bytes, v) - bytes));
}

static inline void put_uint(struct buf *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static inline void put_fixed64(struct buf *b, unsigned field, uint64_t v)
{
	put_varint(b, field << 3 | 1);
	for (int i = 0; i < 8; i++)
		buf_char(b, (char)(v >> (8 * i)));
}

static inline void put_double(struct buf *b, unsigned field, double v)
{
	put_fixed64(b, field, bits_of_double(v));
}

static inline void put_bytes(struct buf *b, unsigned field, struct sv v)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, v.len);
	buf_sv(b, v);
}

static inline void put_label(struct buf *series, struct sv name, struct sv value)
{
	_cleanup_(buf_deinit) struct buf label = BUF_NULL;
	buf_init(&label, WIRE_MAX);
	put_bytes(&label, 1, name);
	put_bytes(&label, 2, value);
	put_bytes(series, 1, buf_view(&label));
}

/* "__name__=up,job=x" */
static inline void put_labels(struct buf *series, const char *text)
{
	struct sv rest = sv_of(text);
	while (rest.len > 0) {
		struct sv one = sv_make(rest.ptr, sv_find(rest, ','));
		size_t equals = sv_find(one, '=');
		rest = sv_from(rest, one.len + 1);
		put_label(series, sv_make(one.ptr, equals), sv_from(one, equals + 1));
	}
}

static inline void put_sample_bits(struct buf *series, int64_t t_ms, uint64_t bits)
{
	_cleanup_(buf_deinit) struct buf sample = BUF_NULL;
	buf_init(&sample, WIRE_MAX);
	put_fixed64(&sample, 1, bits);
	put_uint(&sample, 2, (uint64_t)t_ms);
	put_bytes(series, 2, buf_view(&sample));
}

static inline void put_sample(struct buf *series, int64_t t_ms, double value)
{
	put_sample_bits(series, t_ms, bits_of_double(value));
}

/* A span of n buckets and their deltas, as fields `spans` and `deltas`. */
static inline void put_buckets(struct buf *h, unsigned spans, unsigned deltas,
			       const int64_t *values, size_t n)
{
	_cleanup_(buf_deinit) struct buf span = BUF_NULL, packed = BUF_NULL;
	buf_init(&span, WIRE_MAX);
	buf_init(&packed, WIRE_MAX);
	put_uint(&span, 1, zigzag(0));
	put_uint(&span, 2, n);
	for (size_t i = 0; i < n; i++)
		put_varint(&packed, zigzag(values[i]));
	put_bytes(h, spans, buf_view(&span));
	put_bytes(h, deltas, buf_view(&packed));
}

/* An integer histogram with two positive buckets of 1 and 2 observations and the given count. */
static inline void put_histogram(struct buf *series, int64_t t_ms, int32_t schema, uint64_t count)
{
	static const int64_t deltas[] = {1, 1};
	_cleanup_(buf_deinit) struct buf h = BUF_NULL;
	buf_init(&h, WIRE_MAX);
	put_uint(&h, 1, count);
	put_double(&h, 3, 4.5);
	put_uint(&h, 4, zigzag(schema) & 0xffffffff);
	put_double(&h, 5, 0.001);
	put_uint(&h, 6, 0);
	put_buckets(&h, 11, 12, deltas, 2);
	put_uint(&h, 15, (uint64_t)t_ms);
	put_bytes(series, 4, buf_view(&h));
}

/* Appends the series to a request and empties it. */
static inline void put_series(struct buf *request, struct buf *series)
{
	put_bytes(request, 1, buf_view(series));
	buf_reset(series);
}

/* One series with one sample. */
static inline void put_one(struct buf *request, const char *labels, int64_t t_ms, double value)
{
	_cleanup_(buf_deinit) struct buf series = BUF_NULL;
	buf_init(&series, WIRE_MAX);
	put_labels(&series, labels);
	put_sample(&series, t_ms, value);
	put_series(request, &series);
}
