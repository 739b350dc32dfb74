/* Decoding with protobuf-c's generated code: the agent's encoder is written by hand, so this is the
 * second opinion on it. The only file that sees protobuf-c.
 *
 * Its messages are many small allocations; they all come from the arena and are freed with it.
 */
#include "decode.h"

#include "remote.pb-c.h"
#include <ampagent/base/hash.h>

struct arena_allocator {
	struct arena *arena;
	bool full;
};

static void *arena_allocator_alloc(void *cls, size_t size)
{
	struct arena_allocator *a = cls;
	void *p = arena_alloc(a->arena, size);
	a->full |= !p;
	return p;
}

static void arena_allocator_free(void *cls, void *p)
{
}

static struct sv view(const ProtobufCBinaryData *bytes)
{
	return sv_make((const char *)bytes->data, bytes->len);
}

static int convert_labels(struct arena *arena, Standin__Label *const *in, size_t n,
			  struct wire_label **out)
{
	*out = arena_calloc(arena, n, sizeof **out);
	if (n > 0 && !*out)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct wire_label){
			.name = view(&in[i]->name),
			.value = view(&in[i]->value),
		};
	return 0;
}

static int convert_samples(struct arena *arena, const Standin__TimeSeries *in,
			   struct wire_series *out)
{
	out->n_samples = in->n_samples;
	out->samples = arena_calloc(arena, in->n_samples, sizeof *out->samples);
	if (in->n_samples > 0 && !out->samples)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_samples; i++)
		out->samples[i] = (struct wire_sample){
			.t_ms = in->samples[i]->timestamp,
			.bits = in->samples[i]->value,
		};
	return 0;
}

static int convert_spans(struct arena *arena, Standin__BucketSpan *const *in, size_t n,
			 struct wire_buckets *out)
{
	struct wire_span *spans = arena_calloc(arena, n, sizeof *spans);
	if (n > 0 && !spans)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		spans[i] = (struct wire_span){.offset = in[i]->offset, .length = in[i]->length};
	out->spans = spans;
	out->n_spans = n;
	return 0;
}

static uint64_t mix(uint64_t h, const void *ptr, size_t len)
{
	uint64_t pair[2] = {h, hash_stable(ptr, len)};
	return hash_stable(pair, sizeof pair);
}

static uint64_t exemplar_digest(const struct wire_exemplar *e)
{
	uint64_t sum = e->bits;
	for (size_t i = 0; i < e->n_labels; i++) {
		sum = mix(sum, e->labels[i].name.ptr, e->labels[i].name.len);
		sum = mix(sum, e->labels[i].value.ptr, e->labels[i].value.len);
	}
	return sum;
}

static int convert_exemplars(struct arena *arena, const Standin__TimeSeries *in,
			     struct wire_series *out)
{
	out->n_exemplars = in->n_exemplars;
	out->exemplars = arena_calloc(arena, in->n_exemplars, sizeof *out->exemplars);
	if (in->n_exemplars > 0 && !out->exemplars)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_exemplars; i++) {
		const Standin__Exemplar *from = in->exemplars[i];
		struct wire_exemplar *e = &out->exemplars[i];
		*e = (struct wire_exemplar){
			.n_labels = from->n_labels,
			.t_ms = from->timestamp,
			.bits = from->value,
		};
		if (convert_labels(arena, from->labels, from->n_labels, &e->labels) != 0)
			return DECODE_TOO_LARGE;
		e->digest = exemplar_digest(e);
	}
	return 0;
}

static uint64_t mix_buckets(uint64_t h, const struct wire_buckets *b)
{
	h = mix(h, b->spans, b->n_spans * sizeof *b->spans);
	h = mix(h, b->deltas, b->n_deltas * sizeof *b->deltas);
	return mix(h, b->counts, b->n_counts * sizeof *b->counts);
}

static uint64_t digest(const struct wire_histogram *h, const Standin__Histogram *in)
{
	uint64_t scalars[] = {h->count_int, h->zero_count_int, h->sum_bits,
			      (uint64_t)(uint32_t)h->schema, (uint64_t)(uint32_t)in->reset_hint};
	double doubles[] = {h->count_float, h->zero_count_float, h->zero_threshold};
	uint64_t sum = mix(h->is_float, scalars, sizeof scalars);
	sum = mix(sum, doubles, sizeof doubles);
	sum = mix_buckets(sum, &h->negative);
	sum = mix_buckets(sum, &h->positive);
	return mix(sum, in->custom_values, in->n_custom_values * sizeof *in->custom_values);
}

static int convert_histogram(struct arena *arena, const Standin__Histogram *in,
			     struct wire_histogram *out)
{
	bool zero_int = in->zero_count_case == STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_INT;
	bool zero_float = in->zero_count_case == STANDIN__HISTOGRAM__ZERO_COUNT_ZERO_COUNT_FLOAT;
	bool is_float = in->count_case == STANDIN__HISTOGRAM__COUNT_COUNT_FLOAT;
	bool is_int = in->count_case == STANDIN__HISTOGRAM__COUNT_COUNT_INT;
	*out = (struct wire_histogram){
		.t_ms = in->timestamp,
		.is_float = is_float,
		.count_int = is_int ? in->count_int : 0,
		.count_float = is_float ? in->count_float : 0,
		.zero_count_int = zero_int ? in->zero_count_int : 0,
		.zero_count_float = zero_float ? in->zero_count_float : 0,
		.sum_bits = in->sum,
		.schema = in->schema,
		.zero_threshold = in->zero_threshold,
		.negative = {.deltas = in->negative_deltas,
			     .n_deltas = in->n_negative_deltas,
			     .counts = in->negative_counts,
			     .n_counts = in->n_negative_counts},
		.positive = {.deltas = in->positive_deltas,
			     .n_deltas = in->n_positive_deltas,
			     .counts = in->positive_counts,
			     .n_counts = in->n_positive_counts},
		.custom_values = in->custom_values,
		.n_custom_values = in->n_custom_values,
		.reset_hint = in->reset_hint,
	};
	if (convert_spans(arena, in->negative_spans, in->n_negative_spans, &out->negative) != 0 ||
	    convert_spans(arena, in->positive_spans, in->n_positive_spans, &out->positive) != 0)
		return DECODE_TOO_LARGE;
	out->digest = digest(out, in);
	return 0;
}

static int convert_histograms(struct arena *arena, Standin__Histogram *const *in, size_t n,
			      struct wire_series *out)
{
	out->n_histograms = n;
	out->histograms = arena_calloc(arena, n, sizeof *out->histograms);
	if (n > 0 && !out->histograms)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < n; i++) {
		if (convert_histogram(arena, in[i], &out->histograms[i]) != 0)
			return DECODE_TOO_LARGE;
		if (out->v2)
			out->histograms[i].start_ms = in[i]->start_timestamp;
	}
	return 0;
}

int decode_write_request(struct sv raw, struct arena *arena, struct wire_request *out)
{
	struct arena_allocator cls = {.arena = arena};
	ProtobufCAllocator allocator = {
		.alloc = arena_allocator_alloc,
		.free = arena_allocator_free,
		.allocator_data = &cls,
	};
	*out = (struct wire_request){0};
	Standin__WriteRequest *message = standin__write_request__unpack(
		&allocator, raw.len, (const uint8_t *)(raw.ptr ? raw.ptr : ""));
	if (!message)
		return cls.full ? DECODE_TOO_LARGE : DECODE_MALFORMED;

	out->n_metadata = message->n_metadata;
	out->n_series = message->n_timeseries;
	out->series = arena_calloc(arena, out->n_series, sizeof *out->series);
	if (out->n_series > 0 && !out->series)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < out->n_series; i++) {
		const Standin__TimeSeries *in = message->timeseries[i];
		struct wire_series *series = &out->series[i];
		series->n_labels = in->n_labels;
		if (convert_labels(arena, in->labels, in->n_labels, &series->labels) != 0 ||
		    convert_samples(arena, in, series) != 0 ||
		    convert_exemplars(arena, in, series) != 0 ||
		    convert_histograms(arena, in->histograms, in->n_histograms, series) != 0)
			return DECODE_TOO_LARGE;
	}
	return 0;
}

/* --- 2.0 --- */

/* 0; DECODE_TOO_LARGE; or with *fault set, and no labels. */
static int resolve_labels(struct arena *arena, const Standin__Request *r, const uint32_t *refs,
			  size_t n_refs, struct wire_label **out, size_t *n, const char **fault)
{
	*n = 0;
	if (n_refs % 2 != 0)
		*fault = "an odd number of label references";
	for (size_t i = 0; i < n_refs; i++)
		if (refs[i] >= r->n_symbols)
			*fault = "a label reference beyond the symbols";
	if (*fault)
		return 0;
	*out = arena_calloc(arena, n_refs / 2, sizeof **out);
	if (n_refs > 0 && !*out)
		return DECODE_TOO_LARGE;
	for (*n = 0; *n < n_refs / 2; (*n)++)
		(*out)[*n] = (struct wire_label){
			.name = view(&r->symbols[refs[2 * *n]]),
			.value = view(&r->symbols[refs[2 * *n + 1]]),
		};
	return 0;
}

static int convert_samples_v2(struct arena *arena, const Standin__TimeSeriesV2 *in,
			      struct wire_series *out)
{
	out->n_samples = in->n_samples;
	out->samples = arena_calloc(arena, in->n_samples, sizeof *out->samples);
	if (in->n_samples > 0 && !out->samples)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_samples; i++)
		out->samples[i] = (struct wire_sample){
			.t_ms = in->samples[i]->timestamp,
			.bits = in->samples[i]->value,
			.start_ms = in->samples[i]->start_timestamp,
		};
	return 0;
}

static int convert_exemplars_v2(struct arena *arena, const Standin__Request *r,
				const Standin__TimeSeriesV2 *in, struct wire_series *out)
{
	out->n_exemplars = in->n_exemplars;
	out->exemplars = arena_calloc(arena, in->n_exemplars, sizeof *out->exemplars);
	if (in->n_exemplars > 0 && !out->exemplars)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_exemplars; i++) {
		const Standin__ExemplarV2 *from = in->exemplars[i];
		struct wire_exemplar *e = &out->exemplars[i];
		*e = (struct wire_exemplar){.t_ms = from->timestamp, .bits = from->value};
		if (resolve_labels(arena, r, from->labels_refs, from->n_labels_refs, &e->labels,
				   &e->n_labels, &out->fault) != 0)
			return DECODE_TOO_LARGE;
		e->digest = exemplar_digest(e);
	}
	return 0;
}

static int convert_series_v2(struct arena *arena, const Standin__Request *r,
			     const Standin__TimeSeriesV2 *in, struct wire_series *out)
{
	const Standin__MetadataV2 *m = in->metadata;
	*out = (struct wire_series){.v2 = true};
	if (m && (m->help_ref >= r->n_symbols || m->unit_ref >= r->n_symbols))
		out->fault = "a metadata reference beyond the symbols";
	if (resolve_labels(arena, r, in->labels_refs, in->n_labels_refs, &out->labels,
			   &out->n_labels, &out->fault) != 0 ||
	    convert_samples_v2(arena, in, out) != 0 ||
	    convert_exemplars_v2(arena, r, in, out) != 0 ||
	    convert_histograms(arena, in->histograms, in->n_histograms, out) != 0)
		return DECODE_TOO_LARGE;
	return 0;
}

static bool tells_metadata(const Standin__TimeSeriesV2 *in)
{
	const Standin__MetadataV2 *m = in->metadata;
	return m && (m->type != 0 || m->help_ref != 0 || m->unit_ref != 0);
}

int decode_request_v2(struct sv raw, struct arena *arena, struct wire_request *out)
{
	struct arena_allocator cls = {.arena = arena};
	ProtobufCAllocator allocator = {
		.alloc = arena_allocator_alloc,
		.free = arena_allocator_free,
		.allocator_data = &cls,
	};
	*out = (struct wire_request){.version = WIRE_V2};
	Standin__Request *r = standin__request__unpack(&allocator, raw.len,
						       (const uint8_t *)(raw.ptr ? raw.ptr : ""));
	if (!r)
		return cls.full ? DECODE_TOO_LARGE : DECODE_MALFORMED;
	if (r->n_symbols > 0 ? r->symbols[0].len > 0 : r->n_timeseries > 0)
		return DECODE_BAD_SYMBOLS;
	out->n_series = r->n_timeseries;
	out->series = arena_calloc(arena, out->n_series, sizeof *out->series);
	if (out->n_series > 0 && !out->series)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < out->n_series; i++) {
		if (convert_series_v2(arena, r, r->timeseries[i], &out->series[i]) != 0)
			return DECODE_TOO_LARGE;
		out->n_metadata += tells_metadata(r->timeseries[i]);
	}
	return 0;
}
