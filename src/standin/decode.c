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

static int convert_labels(struct arena *arena, const Standin__TimeSeries *in,
			  struct wire_series *out)
{
	out->n_labels = in->n_labels;
	out->labels = arena_calloc(arena, in->n_labels, sizeof *out->labels);
	if (in->n_labels > 0 && !out->labels)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_labels; i++)
		out->labels[i] = (struct wire_label){
			.name = view(&in->labels[i]->name),
			.value = view(&in->labels[i]->value),
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
		.n_custom_values = in->n_custom_values,
	};
	if (convert_spans(arena, in->negative_spans, in->n_negative_spans, &out->negative) != 0 ||
	    convert_spans(arena, in->positive_spans, in->n_positive_spans, &out->positive) != 0)
		return DECODE_TOO_LARGE;
	out->digest = digest(out, in);
	return 0;
}

static int convert_histograms(struct arena *arena, const Standin__TimeSeries *in,
			      struct wire_series *out)
{
	out->n_histograms = in->n_histograms;
	out->histograms = arena_calloc(arena, in->n_histograms, sizeof *out->histograms);
	if (in->n_histograms > 0 && !out->histograms)
		return DECODE_TOO_LARGE;
	for (size_t i = 0; i < in->n_histograms; i++)
		if (convert_histogram(arena, in->histograms[i], &out->histograms[i]) != 0)
			return DECODE_TOO_LARGE;
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
		series->n_exemplars = in->n_exemplars;
		if (convert_labels(arena, in, series) != 0 ||
		    convert_samples(arena, in, series) != 0 ||
		    convert_histograms(arena, in, series) != 0)
			return DECODE_TOO_LARGE;
	}
	return 0;
}
