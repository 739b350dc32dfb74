#include "peer.h"

#include "cmocka_all.h"
#include "remote.pb-c.h"

#include <ampagent/base/compress.h>
#include <stdio.h>

static void *own(struct peer_request *out, size_t n)
{
	void *p = arena_calloc(&out->arena, n ? n : 1, 1);
	assert_non_null(p);
	return p;
}

static size_t put_label(char *dst, size_t size, size_t at, ProtobufCBinaryData name,
			ProtobufCBinaryData value)
{
	at += (size_t)snprintf(dst + at, size - at, "%s%.*s=\"%.*s\"", at ? "," : "", (int)name.len,
			       (const char *)name.data, (int)value.len, (const char *)value.data);
	assert_true(at < size);
	return at;
}

/* ---- histograms ---- */

static void copy_spans(struct peer_request *out, struct histogram_side *side, size_t n,
		       Standin__BucketSpan **v)
{
	struct histogram_span *spans = own(out, n * sizeof *spans);
	for (size_t i = 0; i < n; i++)
		spans[i] = (struct histogram_span){v[i]->offset, v[i]->length};
	side->spans = spans;
	side->n_spans = (uint32_t)n;
}

static void copy_buckets(struct peer_request *out, struct histogram_side *side, size_t n_deltas,
			 const int64_t *deltas, size_t n_counts, const double *counts)
{
	union histogram_number *v = own(out, (n_deltas + n_counts) * sizeof *v);
	assert_true(n_deltas == 0 || n_counts == 0);
	for (size_t i = 0; i < n_deltas; i++)
		v[i].delta = deltas[i];
	for (size_t i = 0; i < n_counts; i++)
		v[i].f = counts[i];
	side->buckets = v;
	side->n_buckets = (uint32_t)(n_deltas + n_counts);
}

static void copy_histogram(struct peer_request *out, struct peer_sample *s,
			   const Standin__Histogram *m)
{
	struct histogram *h = &s->h;
	s->is_histogram = true;
	s->t_ms = m->timestamp;
	h->is_float = m->count_case == STANDIN__HISTOGRAM__COUNT_COUNT_FLOAT;
	assert_true(m->count_case != STANDIN__HISTOGRAM__COUNT__NOT_SET);
	assert_int_equal(m->zero_count_case,
			 h->is_float ? STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT
				     : STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT);
	if (h->is_float) {
		h->count.f = m->count_float;
		h->zero_count.f = m->zero_count_float;
	} else {
		h->count.u = m->count_int;
		h->zero_count.u = m->zero_count_int;
	}
	h->sum_bits = m->sum;
	h->schema = m->schema;
	h->zero_threshold = m->zero_threshold;
	h->reset = (enum histogram_reset)m->reset_hint;
	h->start_ms = m->start_timestamp;
	copy_spans(out, &h->side[HISTOGRAM_NEGATIVE], m->n_negative_spans, m->negative_spans);
	copy_spans(out, &h->side[HISTOGRAM_POSITIVE], m->n_positive_spans, m->positive_spans);
	copy_buckets(out, &h->side[HISTOGRAM_NEGATIVE], m->n_negative_deltas, m->negative_deltas,
		     m->n_negative_counts, m->negative_counts);
	copy_buckets(out, &h->side[HISTOGRAM_POSITIVE], m->n_positive_deltas, m->positive_deltas,
		     m->n_positive_counts, m->positive_counts);
	double *bounds = own(out, m->n_custom_values * sizeof *bounds);
	for (size_t i = 0; i < m->n_custom_values; i++)
		bounds[i] = m->custom_values[i];
	h->bounds = bounds;
	h->n_bounds = (uint32_t)m->n_custom_values;
}

static void unpack(struct sv body, bool plain, struct buf *raw)
{
	buf_init(raw, 64 << 20);
	if (plain)
		assert_int_equal(buf_sv(raw, body), 0);
	else
		assert_int_equal(snappy_block_decompress(raw, body), 0);
}

static void begin(struct peer_request *out, size_t n)
{
	*out = (struct peer_request){.n = 0};
	arena_init(&out->arena, 256 << 20);
	out->v = calloc(n + 1, sizeof *out->v);
	assert_non_null(out->v);
}

/* ---- 1.0 ---- */

static void copy_exemplars(struct peer_request *out, struct peer_sample *s,
			   const Standin__TimeSeries *ts)
{
	s->exemplars = own(out, ts->n_exemplars * sizeof *s->exemplars);
	s->n_exemplars = ts->n_exemplars;
	for (size_t i = 0; i < ts->n_exemplars; i++) {
		const Standin__Exemplar *e = ts->exemplars[i];
		struct peer_exemplar *to = &s->exemplars[i];
		size_t at = 0;
		for (size_t k = 0; k < e->n_labels; k++)
			at = put_label(to->labels, sizeof to->labels, at, e->labels[k]->name,
				       e->labels[k]->value);
		to->bits = e->value;
		to->t_ms = e->timestamp;
	}
}

static void copy_series(struct peer_request *out, const Standin__TimeSeries *ts)
{
	struct peer_sample *s = &out->v[out->n++];
	size_t at = 0;
	for (size_t i = 0; i < ts->n_labels; i++)
		at = put_label(s->labels, sizeof s->labels, at, ts->labels[i]->name,
			       ts->labels[i]->value);
	copy_exemplars(out, s, ts);
	if (ts->n_samples + ts->n_histograms == 0 && ts->n_exemplars > 0) {
		s->only_exemplars = true;
		return;
	}
	if (ts->n_samples + ts->n_histograms != 1 || ts->n_exemplars > 0) {
		out->not_single++;
		return;
	}
	if (ts->n_histograms == 1) {
		assert_int_equal(ts->histograms[0]->start_timestamp, 0);
		copy_histogram(out, s, ts->histograms[0]);
		return;
	}
	assert_true(ts->samples[0]->has_value);
	assert_true(ts->samples[0]->has_timestamp);
	s->bits = ts->samples[0]->value;
	s->t_ms = ts->samples[0]->timestamp;
}

void peer_decode(struct sv body, bool plain, struct peer_request *out)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL;
	unpack(body, plain, &raw);
	Standin__WriteRequest *m = standin__write_request__unpack(
		NULL, raw.len, (const uint8_t *)(raw.ptr ? raw.ptr : ""));
	assert_non_null(m);
	begin(out, m->n_timeseries);
	out->n_metadata = m->n_metadata;
	for (size_t i = 0; i < m->n_timeseries; i++)
		copy_series(out, m->timeseries[i]);
	standin__write_request__free_unpacked(m, NULL);
}

/* ---- 2.0 ---- */

static ProtobufCBinaryData symbol(const Standin__Request *m, uint32_t ref)
{
	assert_true(ref < m->n_symbols);
	return m->symbols[ref];
}

static void copy_refs(const Standin__Request *m, size_t n, const uint32_t *refs, char *dst,
		      size_t size)
{
	size_t at = 0;
	assert_int_equal(n % 2, 0);
	for (size_t i = 0; i < n; i += 2) {
		struct ProtobufCBinaryData name = symbol(m, refs[i]);
		if (i > 0) {
			struct ProtobufCBinaryData last = symbol(m, refs[i - 2]);
			struct sv a = sv_make((char *)last.data, last.len),
				  b = sv_make((char *)name.data, name.len);
			assert_true(sv_cmp(a, b) < 0);
		}
		at = put_label(dst, size, at, name, symbol(m, refs[i + 1]));
	}
}

static void copy_symbol(const Standin__Request *m, uint32_t ref, char dst[64])
{
	struct ProtobufCBinaryData s = symbol(m, ref);
	snprintf(dst, 64, "%.*s", (int)s.len, (const char *)s.data);
}

static void copy_series_v2(struct peer_request *out, const Standin__Request *m,
			   const Standin__TimeSeriesV2 *ts)
{
	struct peer_sample *s = &out->v[out->n++];
	copy_refs(m, ts->n_labels_refs, ts->labels_refs, s->labels, sizeof s->labels);
	s->exemplars = own(out, ts->n_exemplars * sizeof *s->exemplars);
	s->n_exemplars = ts->n_exemplars;
	for (size_t i = 0; i < ts->n_exemplars; i++) {
		const Standin__ExemplarV2 *e = ts->exemplars[i];
		copy_refs(m, e->n_labels_refs, e->labels_refs, s->exemplars[i].labels,
			  sizeof s->exemplars[i].labels);
		s->exemplars[i].bits = e->value;
		s->exemplars[i].t_ms = e->timestamp;
	}
	if (ts->metadata) {
		s->type = ts->metadata->type;
		copy_symbol(m, ts->metadata->help_ref, s->help);
		copy_symbol(m, ts->metadata->unit_ref, s->unit);
	}
	if (ts->n_samples + ts->n_histograms != 1) {
		out->not_single++;
		return;
	}
	if (ts->n_histograms == 1) {
		copy_histogram(out, s, ts->histograms[0]);
		s->start_ms = s->h.start_ms;
		return;
	}
	s->bits = ts->samples[0]->value;
	s->t_ms = ts->samples[0]->timestamp;
	s->start_ms = ts->samples[0]->start_timestamp;
}

void peer_decode_v2(struct sv body, bool plain, struct peer_request *out)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL;
	unpack(body, plain, &raw);
	Standin__Request *m =
		standin__request__unpack(NULL, raw.len, (const uint8_t *)(raw.ptr ? raw.ptr : ""));
	assert_non_null(m);
	assert_int_equal(m->base.n_unknown_fields, 0);
	begin(out, m->n_timeseries);
	out->n_symbols = m->n_symbols;
	assert_true(m->n_symbols > 0 && m->symbols[0].len == 0);
	for (size_t i = 0; i < m->n_timeseries; i++)
		copy_series_v2(out, m, m->timeseries[i]);
	standin__request__free_unpacked(m, NULL);
}

void peer_free(struct peer_request *r)
{
	free(r->v);
	if (r->v)
		arena_deinit(&r->arena);
	*r = (struct peer_request){0};
}

void peer_labels_text(char dst[512], struct labels set)
{
	struct label l;
	size_t n = 0;
	dst[0] = 0;
	for (size_t at = 0; labels_next(set, &at, &l);)
		n += (size_t)snprintf(dst + n, 512 - n, "%s%.*s=\"%.*s\"", n ? "," : "",
				      SV_ARG(l.name), SV_ARG(l.value));
}
