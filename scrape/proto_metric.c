/* proto_metric: Metric messages of every type. */
#include "proto_message.h"

/* A Gauge or an Untyped. */
static int value_read(struct sv message, uint64_t *bits, struct err *err)
{
	static const struct proto_shape shape = {"Gauge", {[1] = PROTO_WANT_FIXED64}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0)
		*bits = f.value;
	return r == 1 ? 0 : r;
}

static int counter_read(struct sv message, struct proto_counter *c, struct err *err)
{
	static const struct proto_shape shape = {
		"Counter",
		{[1] = PROTO_WANT_FIXED64, [2] = PROTO_WANT_BYTES, [3] = PROTO_WANT_BYTES}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		int sub = 0;
		if (f.number == 1)
			c->bits = f.value;
		else if (f.number == 2)
			sub = proto_exemplar_read(f.bytes, &c->exemplar, err);
		else
			sub = proto_time_read(f.bytes, &c->start, err);
		if (sub != 0)
			return sub;
	}
	return r == 1 ? 0 : r;
}

static int quantile_add(struct sv message, struct proto_summary *s, struct err *err)
{
	static const struct proto_shape shape = {
		"Quantile", {[1] = PROTO_WANT_FIXED64, [2] = PROTO_WANT_FIXED64}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	struct proto_quantile q = {0};
	int r;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0)
		*(f.number == 1 ? &q.quantile : &q.value) = f.value;
	if (s->quantiles)
		s->quantiles[s->n_quantiles] = q;
	s->n_quantiles++;
	return r == 1 ? 0 : r;
}

static int summary_read(struct sv message, struct proto_summary *s, struct err *err)
{
	static const struct proto_shape shape = {"Summary",
						 {[1] = PROTO_WANT_VARINT,
						  [2] = PROTO_WANT_FIXED64,
						  [3] = PROTO_WANT_BYTES,
						  [4] = PROTO_WANT_BYTES}};
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	while ((r = proto_wire_next(&w, &shape, &f, err)) == 0) {
		int sub = 0;
		switch (f.number) {
		case 1:
			s->count = f.value;
			break;
		case 2:
			s->sum_bits = f.value;
			break;
		case 3:
			sub = quantile_add(f.bytes, s, err);
			break;
		case 4:
			sub = proto_time_read(f.bytes, &s->start, err);
		}
		if (sub != 0)
			return sub;
	}
	return r == 1 ? 0 : r;
}

static const struct proto_shape metric_shape = {"Metric",
						{[1] = PROTO_WANT_BYTES,
						 [2] = PROTO_WANT_BYTES,
						 [3] = PROTO_WANT_BYTES,
						 [4] = PROTO_WANT_BYTES,
						 [5] = PROTO_WANT_BYTES,
						 [6] = PROTO_WANT_VARINT,
						 [7] = PROTO_WANT_BYTES}};

/* Everything of the message but the labels, whatever the family's type: a broken part of another
 * type breaks the page too. */
static int metric_read(struct proto_metric *m, struct err *err)
{
	struct proto_wire w = proto_wire_of(m->message);
	struct proto_field f;
	int r;
	while ((r = proto_wire_next(&w, &metric_shape, &f, err)) == 0) {
		int sub = 0;
		switch (f.number) {
		case 1:
			m->n_labels++;
			break;
		case 2:
			sub = value_read(f.bytes, &m->gauge, err);
			break;
		case 3:
			sub = counter_read(f.bytes, &m->counter, err);
			break;
		case 4:
			sub = summary_read(f.bytes, &m->summary, err);
			break;
		case 5:
			sub = value_read(f.bytes, &m->untyped, err);
			break;
		case 6:
			m->t_ms = (int64_t)f.value;
			break;
		case 7:
			sub = proto_histogram_read(f.bytes, &m->histogram, err);
		}
		if (sub != 0)
			return sub;
	}
	return r == 1 ? 0 : r;
}

/* Room for what the first round counted, and the second round: 0, 2 or ERR_NOMEM. */
static int metric_fill(struct proto_metric *m, int32_t type, struct arena *arena, struct err *err)
{
	struct proto_raw_exemplar *x = &m->counter.exemplar;
	struct proto_summary *s = &m->summary;
	if (type == PROTO_COUNTER && x->n_labels > 0) {
		x->labels = arena_alloc(arena, x->n_labels * sizeof *x->labels);
		if (!x->labels)
			return ERR_NOMEM;
	} else if (type == PROTO_SUMMARY && s->n_quantiles > 0) {
		s->quantiles = arena_alloc(arena, s->n_quantiles * sizeof *s->quantiles);
		if (!s->quantiles)
			return ERR_NOMEM;
	} else if (type == PROTO_HISTOGRAM || type == PROTO_GAUGE_HISTOGRAM) {
		if (proto_histogram_alloc(&m->histogram, arena) != 0)
			return ERR_NOMEM;
	} else {
		return 0;
	}
	x->n_labels = 0;
	s->n_quantiles = 0;
	m->n_labels = 0;
	return metric_read(m, err);
}

int proto_metric_read(struct proto_metric *m, int32_t type, struct arena *arena, struct err *err)
{
	int r = metric_read(m, err);
	return r != 0 ? r : metric_fill(m, type, arena, err);
}

uint64_t proto_key_add(uint64_t key, struct sv s)
{
	uint64_t parts[2] = {key, hash_keyed(s.ptr, s.len)};
	return hash_keyed(parts, sizeof parts);
}

uint64_t proto_key_add_label(uint64_t key, const struct label *l)
{
	/* A sum: labels in another order are the same series. */
	return key + proto_key_add(proto_key_add(1, l->name), l->value);
}

int proto_metric_labels(struct proto_metric *m, struct arena *arena, struct err *err)
{
	if (m->labels)
		return 0;
	m->labels = arena_alloc(arena, (m->n_labels + 1) * sizeof *m->labels);
	if (!m->labels)
		return ERR_NOMEM;
	struct proto_wire w = proto_wire_of(m->message);
	struct proto_field f;
	size_t n = 0;
	m->labels_key = 0;
	while (proto_wire_next(&w, &metric_shape, &f, NULL) == 0) {
		if (f.number != 1)
			continue;
		int code = proto_label_read(f.bytes, true, &m->labels[n], err);
		if (code != 0)
			return code;
		m->labels_key = proto_key_add_label(m->labels_key, &m->labels[n++]);
	}
	return 0;
}

/* Adds the exemplar of bucket i, or the i-th of the native histogram's own, to x. */
static int exemplar_at(const struct proto_histogram *h, bool own, size_t i,
		       struct proto_raw_exemplar *x, struct err *err)
{
	if (own)
		return proto_exemplar_read(h->exemplars[i], x, err);
	struct proto_bucket b;
	return h->buckets[i].message.ptr ? proto_bucket_read(h->buckets[i].message, &b, x, err) : 0;
}

static int exemplar_fill(const struct proto_histogram *h, bool own, size_t i, struct arena *arena,
			 struct proto_raw_exemplar *x, struct err *err)
{
	struct label *labels = arena_alloc(arena, x->n_labels * sizeof *labels);
	if (!labels)
		return ERR_NOMEM;
	*x = (struct proto_raw_exemplar){.labels = labels};
	return exemplar_at(h, own, i, x, err);
}

int proto_histogram_exemplars(const struct proto_histogram *h,
			      const struct proto_exemplar_range *range, struct arena *arena,
			      const struct proto_exemplar **out, size_t *n, struct err *err)
{
	struct proto_exemplar *v = NULL;
	for (int round = 0; round < 2; round++) {
		*n = 0;
		for (size_t i = range->from; i < range->to; i++) {
			struct proto_raw_exemplar x = {0};
			int r = exemplar_at(h, range->own, i, &x, err);
			if (r == 0 && (!x.present || (range->times && !x.time.present)))
				continue;
			if (r == 0 && v)
				r = exemplar_fill(h, range->own, i, arena, &x, err);
			if (r != 0)
				return r;
			if (v)
				v[*n] = proto_exemplar_of(&x);
			++*n;
		}
		if (*n == 0)
			break;
		if (!v && !(v = arena_alloc(arena, *n * sizeof *v)))
			return ERR_NOMEM;
	}
	*out = v;
	return 0;
}
