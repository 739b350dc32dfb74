#include "proto_writer.h"

#include <ampagent/base/number.h>
#include <ampagent/base/varint.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void put(struct buf *b, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];
	buf_append(b, bytes, (size_t)(varint_put(bytes, v) - bytes));
}

static void tag(struct buf *b, uint32_t field, unsigned type)
{
	put(b, (uint64_t)field << 3 | type);
}

void pw_varint(struct buf *b, uint32_t field, uint64_t v)
{
	tag(b, field, 0);
	put(b, v);
}

void pw_signed(struct buf *b, uint32_t field, int64_t v)
{
	pw_varint(b, field, zigzag(v));
}

void pw_double(struct buf *b, uint32_t field, double v)
{
	uint64_t bits = bits_of_double(v);
	uint8_t bytes[8];
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(bits >> 8 * i);
	tag(b, field, 1);
	buf_append(b, bytes, sizeof bytes);
}

void pw_text(struct buf *b, uint32_t field, struct sv text)
{
	tag(b, field, 2);
	put(b, text.len);
	buf_sv(b, text);
}

size_t pw_begin(struct buf *b, uint32_t field)
{
	tag(b, field, 2);
	return b->len;
}

void pw_end(struct buf *b, size_t at)
{
	size_t n = b->len - at, head = varint_len(n);
	static const uint8_t room[VARINT_MAX];
	buf_append(b, room, head);
	assert_false(buf_failed(b));
	memmove(b->ptr + at + head, b->ptr + at, n);
	varint_put((uint8_t *)b->ptr + at, n);
}

void pw_label(struct buf *b, struct sv name, struct sv value)
{
	size_t at = pw_begin(b, 1);
	pw_text(b, 1, name);
	pw_text(b, 2, value);
	pw_end(b, at);
}

void pw_time(struct buf *b, uint32_t field, int64_t seconds, int32_t nanos)
{
	size_t at = pw_begin(b, field);
	pw_varint(b, 1, (uint64_t)seconds);
	pw_varint(b, 2, (uint64_t)(int64_t)nanos);
	pw_end(b, at);
}

void pw_exemplar(struct buf *b, uint32_t field, struct sv id, double v, int64_t seconds)
{
	size_t at = pw_begin(b, field);
	pw_label(b, SV("id"), id);
	pw_double(b, 2, v);
	if (seconds >= 0)
		pw_time(b, 3, seconds, 0);
	pw_end(b, at);
}

void pw_bucket(struct buf *b, uint64_t count, double bound)
{
	size_t at = pw_begin(b, 3);
	pw_varint(b, 1, count);
	pw_double(b, 2, bound);
	pw_end(b, at);
}

void pw_span(struct buf *b, uint32_t field, int32_t offset, uint32_t length)
{
	size_t at = pw_begin(b, field);
	pw_signed(b, 1, offset);
	pw_varint(b, 2, length);
	pw_end(b, at);
}

size_t pw_family(struct buf *b, struct sv name, unsigned type)
{
	size_t at = b->len;
	pw_text(b, 1, name);
	pw_varint(b, 3, type);
	return at;
}

static void print_number(struct buf *out, uint64_t bits)
{
	char text[NUMBER_MAX];
	number_format(text, double_of_bits(bits));
	buf_printf(out, " %s", text);
}

static void print_labels(struct buf *out, const struct label *v, size_t n)
{
	buf_char(out, '{');
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%.*s=\"%.*s\"", i ? "," : "", SV_ARG(v[i].name),
			   SV_ARG(v[i].value));
	buf_char(out, '}');
}

static void print_count(struct buf *out, const struct histogram *h, union histogram_number v)
{
	if (h->is_float)
		print_number(out, v.u);
	else
		buf_printf(out, " %llu", (unsigned long long)v.u);
}

static void print_histogram(struct buf *out, const struct histogram *h)
{
	buf_printf(out, " %s%s schema %d count", h->is_float ? "float" : "integer",
		   h->reset == HISTOGRAM_GAUGE ? " gauge" : "", h->schema);
	print_count(out, h, h->count);
	buf_printf(out, " sum");
	print_number(out, h->sum_bits);
	buf_printf(out, " zero");
	print_count(out, h, h->zero_count);
	print_number(out, bits_of_double(h->zero_threshold));
	for (unsigned i = HISTOGRAM_SIDES; i-- > 0;) {
		const struct histogram_side *s = &h->side[i];
		buf_printf(out, i == HISTOGRAM_POSITIVE ? " pos" : " neg");
		for (uint32_t k = 0; k < s->n_spans; k++)
			buf_printf(out, " %d:%u", s->spans[k].offset, s->spans[k].length);
		buf_printf(out, " [");
		for (uint32_t k = 0; k < s->n_buckets; k++)
			if (h->is_float)
				print_number(out, s->buckets[k].u);
			else
				buf_printf(out, " %lld", (long long)s->buckets[k].delta);
		buf_printf(out, " ]");
	}
	if (h->schema == HISTOGRAM_SCHEMA_CUSTOM)
		buf_printf(out, " bounds");
	for (uint32_t k = 0; k < h->n_bounds; k++)
		print_number(out, bits_of_double(h->bounds[k]));
}

static void print_entry(struct buf *out, const struct proto_entry *e)
{
	if (e->kind == PROTO_ENTRY_FAMILY) {
		buf_printf(out, "# %.*s %s help(%.*s) unit(%.*s)\n", SV_ARG(e->family),
			   metric_type_name(e->type), SV_ARG(e->help), SV_ARG(e->unit));
		return;
	}
	buf_sv(out, e->name);
	print_labels(out, e->labels, e->n_labels);
	if (e->kind == PROTO_ENTRY_HISTOGRAM)
		print_histogram(out, &e->histogram);
	else
		print_number(out, e->bits);
	if (e->has_time)
		buf_printf(out, " @%lld", (long long)e->t_ms);
	if (e->start_ms != 0)
		buf_printf(out, " start %lld", (long long)e->start_ms);
	for (size_t i = 0; i < e->n_exemplars; i++) {
		const struct proto_exemplar *x = &e->exemplars[i];
		buf_printf(out, " # ");
		print_labels(out, x->labels, x->n_labels);
		print_number(out, x->bits);
		if (x->has_time)
			buf_printf(out, " @%lld", (long long)x->t_ms);
	}
	buf_char(out, '\n');
}

char *pw_print(struct sv page, struct proto_options options)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 1 << 24);
	_cleanup_(proto_reader_freep) struct proto_reader *r = proto_reader_new(page, options);
	assert_non_null(r);
	struct proto_entry e;
	struct err err = ERR_NULL;
	int code;
	size_t offset = 0;
	while ((code = proto_next(r, &e, &err)) == 0) {
		print_entry(&out, &e);
		assert_true(proto_offset(r) >= offset && proto_offset(r) <= page.len);
		offset = proto_offset(r);
		assert_true(e.kind == PROTO_ENTRY_FAMILY || e.family.len <= e.name.len);
		if (e.kind == PROTO_ENTRY_HISTOGRAM)
			assert_int_equal(e.histogram.start_ms, e.start_ms);
	}
	assert_true(code == 1 || code == 2);
	if (code == 1) {
		assert_int_equal(proto_offset(r), page.len);
		buf_printf(&out, "end");
	} else {
		assert_int_not_equal(err.msg[0], 0);
		buf_printf(&out, "broken: %s", err.msg);
	}
	assert_int_equal(proto_next(r, &e, &err), code);
	char *text = buf_take(&out);
	assert_non_null(text);
	return text;
}
