/* proto_histogram: Histogram messages, and the small messages inside them and other metrics. */
#include "proto_message.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>
#include <ampagent/base/varint.h>

int proto_time_read(struct sv message, struct proto_time *t, struct err *err)
{
	static const struct proto_shape shape = {
		"Timestamp", {[1] = PROTO_WANT_VARINT, [2] = PROTO_WANT_VARINT}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	t->present = true;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		if (f.number == 1)
			t->seconds = (int64_t)f.value;
		else
			t->nanos = (int32_t)(uint32_t)f.value;
	}
	return r == 1 ? 0 : r;
}

int64_t proto_time_ms(const struct proto_time *t)
{
	return (int64_t)((uint64_t)t->seconds * 1000 + (uint64_t)(int64_t)(t->nanos / 1000000));
}

int proto_label_read(struct sv message, bool checked, struct label *out, struct err *err)
{
	static const struct proto_shape shape = {"LabelPair",
						 {[1] = PROTO_WANT_BYTES, [2] = PROTO_WANT_BYTES}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	*out = (struct label){SV(""), SV("")};
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		if (checked && !utf8_valid(f.bytes))
			return err_set(err, 2, "a label's %s is not UTF-8",
				       f.number == 1 ? "name" : "value");
		if (checked && f.number == 1 && f.bytes.len == 0)
			return err_set(err, 2, "a label's name is empty");
		*(f.number == 1 ? &out->name : &out->value) = f.bytes;
	}
	return r == 1 ? 0 : r;
}

int proto_exemplar_read(struct sv message, struct proto_raw_exemplar *x, struct err *err)
{
	static const struct proto_shape shape = {
		"Exemplar",
		{[1] = PROTO_WANT_BYTES, [2] = PROTO_WANT_FIXED64, [3] = PROTO_WANT_BYTES}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	x->present = true;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		int sub = 0;
		struct label label;
		switch (f.number) {
		case 1:
			sub = proto_label_read(f.bytes, false, &label, err);
			if (x->labels)
				x->labels[x->n_labels] = label;
			x->n_labels++;
			break;
		case 2:
			x->bits = f.value;
			break;
		case 3:
			sub = proto_time_read(f.bytes, &x->time, err);
		}
		if (sub != 0)
			return sub;
	}
	return r == 1 ? 0 : r;
}

struct proto_exemplar proto_exemplar_of(const struct proto_raw_exemplar *x)
{
	return (struct proto_exemplar){
		.labels = x->labels,
		.n_labels = x->n_labels,
		.bits = x->bits,
		.has_time = x->time.present,
		.t_ms = proto_time_ms(&x->time),
	};
}

/* Where both are told the float one counts, unless it is 0. */
static uint64_t count_bits(uint64_t integer, uint64_t float_bits)
{
	return double_of_bits(float_bits) == 0 ? bits_of_double((double)integer) : float_bits;
}

int proto_bucket_read(struct sv message, struct proto_bucket *b, struct proto_raw_exemplar *x,
		      struct err *err)
{
	static const struct proto_shape shape = {"Bucket",
						 {[1] = PROTO_WANT_VARINT,
						  [2] = PROTO_WANT_FIXED64,
						  [3] = PROTO_WANT_BYTES,
						  [4] = PROTO_WANT_FIXED64}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	uint64_t integer = 0, float_bits = 0;
	int r;
	*b = (struct proto_bucket){0};
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		int sub = 0;
		switch (f.number) {
		case 1:
			integer = f.value;
			break;
		case 2:
			b->bound = double_of_bits(f.value);
			break;
		case 3:
			b->message = message;
			sub = proto_exemplar_read(f.bytes, x, err);
			break;
		case 4:
			float_bits = f.value;
		}
		if (sub != 0)
			return sub;
	}
	b->bits = count_bits(integer, float_bits);
	return r == 1 ? 0 : r;
}

static int32_t unzigzag32(uint32_t v)
{
	return (int32_t)(v >> 1 ^ (0 - (v & 1)));
}

static int span_read(struct sv message, struct histogram_span *s, struct err *err)
{
	static const struct proto_shape shape = {
		"BucketSpan", {[1] = PROTO_WANT_VARINT, [2] = PROTO_WANT_VARINT}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	*s = (struct histogram_span){0};
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		if (f.number == 1)
			s->offset = unzigzag32((uint32_t)f.value);
		else
			s->length = (uint32_t)f.value;
	}
	return r == 1 ? 0 : r;
}

static void delta_add(struct proto_side *s, uint64_t v)
{
	if (s->deltas)
		s->deltas[s->n_deltas].delta = unzigzag(v);
	s->n_deltas++;
}

static void count_add(struct proto_side *s, uint64_t bits)
{
	if (s->counts)
		s->counts[s->n_counts].u = bits;
	s->n_counts++;
}

/* Deltas or counts, one or packed. */
static int numbers_read(struct proto_wire *w, const struct proto_field *f, bool deltas,
			struct proto_side *s, struct err *err)
{
	void (*add)(struct proto_side *, uint64_t) = deltas ? delta_add : count_add;
	if (f->type != PROTO_BYTES) {
		add(s, f->value);
		return 0;
	}
	const char *stop = proto_wire_unpack(w, f);
	while (w->p < stop) {
		uint64_t v;
		if (!(deltas ? proto_wire_varint(w, &v) : proto_wire_fixed64(w, &v)))
			return err_set(err, 2, "Histogram: a bucket of field %d is cut short",
				       f->number);
		add(s, v);
	}
	return 0;
}

enum { FIELD_SPANS, FIELD_DELTAS, FIELD_COUNTS };

/* The fields 9 to 14: negative spans, deltas, counts, then the positive ones. */
static int side_read(struct proto_wire *w, const struct proto_field *f, struct proto_histogram *h,
		     struct err *err)
{
	struct proto_side *s = &h->side[f->number < 12 ? HISTOGRAM_NEGATIVE : HISTOGRAM_POSITIVE];
	int what = (f->number - 9) % 3;
	if (what != FIELD_SPANS)
		return numbers_read(w, f, what == FIELD_DELTAS, s, err);
	struct histogram_span span;
	int r = span_read(f->bytes, &span, err);
	if (s->spans)
		s->spans[s->n_spans] = span;
	s->n_spans++;
	return r;
}

static int bucket_add(struct sv message, struct proto_histogram *h, struct err *err)
{
	struct proto_bucket b;
	struct proto_raw_exemplar x = {0};
	int r = proto_bucket_read(message, &b, &x, err);
	if (h->buckets)
		h->buckets[h->n_buckets] = b;
	h->n_buckets++;
	return r;
}

static int exemplar_add(struct sv message, struct proto_histogram *h, struct err *err)
{
	struct proto_raw_exemplar x = {0};
	int r = proto_exemplar_read(message, &x, err);
	if (h->exemplars)
		h->exemplars[h->n_exemplars] = message;
	h->n_exemplars++;
	return r;
}

static int histogram_field(struct proto_wire *w, const struct proto_field *f,
			   struct proto_histogram *h, struct err *err)
{
	switch (f->number) {
	case 1:
		h->count = f->value;
		return 0;
	case 2:
		h->sum_bits = f->value;
		return 0;
	case 3:
		return bucket_add(f->bytes, h, err);
	case 4:
		h->count_bits = f->value;
		return 0;
	case 5:
		h->schema = unzigzag32((uint32_t)f->value);
		return 0;
	case 6:
		h->zero_threshold = double_of_bits(f->value);
		return 0;
	case 7:
		h->zero_count = f->value;
		return 0;
	case 8:
		h->zero_count_float = double_of_bits(f->value);
		return 0;
	case 15:
		return proto_time_read(f->bytes, &h->start, err);
	case 16:
		return exemplar_add(f->bytes, h, err);
	default:
		return side_read(w, f, h, err);
	}
}

int proto_histogram_read(struct sv message, struct proto_histogram *h, struct err *err)
{
	static const struct proto_shape shape = {"Histogram",
						 {[1] = PROTO_WANT_VARINT,
						  [2] = PROTO_WANT_FIXED64,
						  [3] = PROTO_WANT_BYTES,
						  [4] = PROTO_WANT_FIXED64,
						  [5] = PROTO_WANT_VARINT,
						  [6] = PROTO_WANT_FIXED64,
						  [7] = PROTO_WANT_VARINT,
						  [8] = PROTO_WANT_FIXED64,
						  [9] = PROTO_WANT_BYTES,
						  [10] = PROTO_WANT_VARINTS,
						  [11] = PROTO_WANT_FIXED64S,
						  [12] = PROTO_WANT_BYTES,
						  [13] = PROTO_WANT_VARINTS,
						  [14] = PROTO_WANT_FIXED64S,
						  [15] = PROTO_WANT_BYTES,
						  [16] = PROTO_WANT_BYTES}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		int sub = histogram_field(&w, &f, h, err);
		if (sub != 0)
			return sub;
	}
	return r == 1 ? 0 : r;
}

static bool array_alloc(struct arena *arena, void *array, size_t *n, size_t size)
{
	/* Counted from bytes that are in memory: no overflow. */
	void *p = arena_alloc(arena, *n * size);
	memcpy(array, &p, sizeof p);
	*n = 0;
	return p != NULL;
}

int proto_histogram_alloc(struct proto_histogram *h, struct arena *arena)
{
	bool ok = array_alloc(arena, &h->buckets, &h->n_buckets, sizeof *h->buckets) &&
		  array_alloc(arena, &h->exemplars, &h->n_exemplars, sizeof *h->exemplars);
	for (unsigned i = 0; ok && i < HISTOGRAM_SIDES; i++) {
		struct proto_side *s = &h->side[i];
		ok = array_alloc(arena, &s->spans, &s->n_spans, sizeof *s->spans) &&
		     array_alloc(arena, &s->deltas, &s->n_deltas, sizeof *s->deltas) &&
		     array_alloc(arena, &s->counts, &s->n_counts, sizeof *s->counts);
	}
	return ok ? 0 : ERR_NOMEM;
}

bool proto_histogram_is_native(const struct proto_histogram *h)
{
	return h->side[HISTOGRAM_POSITIVE].n_spans > 0 || h->side[HISTOGRAM_NEGATIVE].n_spans > 0 ||
	       h->zero_threshold > 0 || h->zero_count > 0;
}

uint64_t proto_histogram_count(const struct proto_histogram *h)
{
	return count_bits(h->count, h->count_bits);
}

static int side_check(const struct proto_side *s, bool is_float, const char *name, struct err *err)
{
	size_t n = is_float ? s->n_counts : s->n_deltas;
	uint64_t wanted = 0;
	for (size_t i = 0; i < s->n_spans; i++)
		wanted += s->spans[i].length;
	if (wanted != n || n > UINT32_MAX || s->n_spans > UINT32_MAX)
		return err_set(err, 2, "%s side: spans require %llu buckets, have %zu", name,
			       (unsigned long long)wanted, n);
	return 0;
}

static bool histogram_is_float(const struct proto_histogram *h)
{
	return double_of_bits(h->count_bits) > 0 || h->zero_count_float > 0;
}

int proto_histogram_check(const struct proto_histogram *h, struct err *err)
{
	bool is_float = histogram_is_float(h);
	int r = side_check(&h->side[HISTOGRAM_POSITIVE], is_float, "positive", err);
	return r != 0 ? r : side_check(&h->side[HISTOGRAM_NEGATIVE], is_float, "negative", err);
}

int proto_histogram_native(const struct proto_histogram *h, bool gauge, struct arena *arena,
			   struct histogram *out)
{
	bool is_float = histogram_is_float(h);
	*out = (struct histogram){
		.schema = h->schema,
		.is_float = is_float,
		.reset = gauge ? HISTOGRAM_GAUGE : HISTOGRAM_RESET_UNKNOWN,
		.start_ms = proto_time_ms(&h->start),
		.sum_bits = h->sum_bits,
		.zero_threshold = h->zero_threshold,
	};
	if (is_float) {
		out->count.u = h->count_bits;
		out->zero_count.f = h->zero_count_float;
	} else {
		out->count.u = h->count;
		out->zero_count.u = h->zero_count;
	}
	for (unsigned i = 0; i < HISTOGRAM_SIDES; i++) {
		const struct proto_side *s = &h->side[i];
		out->side[i] = (struct histogram_side){
			.spans = s->spans,
			.n_spans = (uint32_t)s->n_spans,
			.buckets = is_float ? s->counts : s->deltas,
			.n_buckets = (uint32_t)(is_float ? s->n_counts : s->n_deltas),
		};
	}
	return histogram_compact(out, arena);
}
