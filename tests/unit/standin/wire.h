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

/* trace="..." and a value, as field 3 of a 1.0 series. */
static inline void put_exemplar(struct buf *series, const char *trace, int64_t t_ms, double value)
{
	_cleanup_(buf_deinit) struct buf e = BUF_NULL;
	buf_init(&e, WIRE_MAX);
	put_label(&e, SV("trace"), sv_of(trace));
	put_double(&e, 2, value);
	put_uint(&e, 3, (uint64_t)t_ms);
	put_bytes(series, 3, buf_view(&e));
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

/* ---- 2.0 ---- */

/* The symbols of a request, "" first. */
struct symbols {
	const char *list[64];
	size_t n;
};

static inline uint64_t symbol(struct symbols *t, const char *text)
{
	if (t->n == 0)
		t->list[t->n++] = "";
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i], text) == 0)
			return i;
	t->list[t->n] = text;
	return t->n++;
}

/* Labels as packed references, field 1; name, value, ..., NULL. */
static inline void put_refs(struct buf *out, struct symbols *t, const char *const *labels)
{
	_cleanup_(buf_deinit) struct buf packed = BUF_NULL;
	buf_init(&packed, WIRE_MAX);
	for (size_t i = 0; labels[i]; i++)
		put_varint(&packed, symbol(t, labels[i]));
	put_bytes(out, 1, buf_view(&packed));
}

#define PUT_REFS(out, table, ...) put_refs(out, table, (const char *const[]){__VA_ARGS__, NULL})

static inline void put_sample_v2(struct buf *series, int64_t t_ms, double value, int64_t start_ms)
{
	_cleanup_(buf_deinit) struct buf sample = BUF_NULL;
	buf_init(&sample, WIRE_MAX);
	put_double(&sample, 1, value);
	put_uint(&sample, 2, (uint64_t)t_ms);
	if (start_ms != 0)
		put_uint(&sample, 3, (uint64_t)start_ms);
	put_bytes(series, 2, buf_view(&sample));
}

/* A float histogram with custom bounds 0.5 and 1, two buckets, a start. */
static inline void put_histogram_v2(struct buf *series, int64_t t_ms, double second_bound)
{
	_cleanup_(buf_deinit) struct buf h = BUF_NULL, packed = BUF_NULL;
	buf_init(&h, WIRE_MAX);
	buf_init(&packed, WIRE_MAX);
	put_double(&h, 2, 3.5);
	put_double(&h, 3, 4.5);
	put_uint(&h, 4, zigzag(-53));
	put_double(&h, 7, 0);
	put_bytes(&h, 11, SV("\x08\x02\x10\x02")); /* offset 1, length 2 */
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 8; i++)
			buf_char(&packed, (char)(bits_of_double(k ? 2 : 1.5) >> (8 * i)));
	put_bytes(&h, 13, buf_view(&packed));
	put_uint(&h, 14, 3);
	put_uint(&h, 15, (uint64_t)t_ms);
	buf_reset(&packed);
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 8; i++)
			buf_char(&packed,
				 (char)(bits_of_double(k ? second_bound : 0.5) >> (8 * i)));
	put_bytes(&h, 16, buf_view(&packed));
	put_uint(&h, 17, 77);
	put_bytes(series, 3, buf_view(&h));
}

static inline void put_exemplar_v2(struct buf *series, struct symbols *t, const char *trace,
				   int64_t t_ms, double value)
{
	_cleanup_(buf_deinit) struct buf e = BUF_NULL;
	buf_init(&e, WIRE_MAX);
	PUT_REFS(&e, t, "trace", trace);
	put_double(&e, 2, value);
	put_uint(&e, 3, (uint64_t)t_ms);
	put_bytes(series, 4, buf_view(&e));
}

static inline void put_metadata_v2(struct buf *series, uint64_t type, uint64_t help, uint64_t unit)
{
	_cleanup_(buf_deinit) struct buf m = BUF_NULL;
	buf_init(&m, WIRE_MAX);
	put_uint(&m, 1, type);
	put_uint(&m, 3, help);
	put_uint(&m, 4, unit);
	put_bytes(series, 5, buf_view(&m));
}

/* Appends the series to a request and empties it. */
static inline void put_series_v2(struct buf *request, struct buf *series)
{
	put_bytes(request, 5, buf_view(series));
	buf_reset(series);
}

static inline void put_symbols(struct buf *request, struct symbols *t)
{
	symbol(t, "");
	for (size_t i = 0; i < t->n; i++)
		put_bytes(request, 4, sv_of(t->list[i]));
}
