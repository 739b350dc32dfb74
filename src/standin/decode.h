/* A remote-write 1.0 request as plain structs. Everything lives in the caller's arena. */
#pragma once

#include <ampagent/base/arena.h>

struct wire_label {
	struct sv name, value;
};

struct wire_sample {
	int64_t t_ms;
	uint64_t bits; /* of the double, as sent */
};

struct wire_span {
	int32_t offset;
	uint32_t length;
};

/* One side of a native histogram: deltas for integer counts, counts for float ones. */
struct wire_buckets {
	const struct wire_span *spans;
	size_t n_spans;
	const int64_t *deltas;
	size_t n_deltas;
	const double *counts;
	size_t n_counts;
};

struct wire_histogram {
	int64_t t_ms;
	bool is_float;
	uint64_t count_int, zero_count_int;
	double count_float, zero_count_float;
	uint64_t sum_bits;
	int32_t schema;
	double zero_threshold;
	struct wire_buckets negative, positive;
	size_t n_custom_values;
	uint64_t digest; /* equal for equal histograms, stable across runs; the time is not in it */
};

struct wire_series {
	struct wire_label *labels;
	size_t n_labels;
	struct wire_sample *samples;
	size_t n_samples;
	struct wire_histogram *histograms;
	size_t n_histograms;
	size_t n_exemplars;
};

struct wire_request {
	struct wire_series *series;
	size_t n_series;
	size_t n_metadata;
};

enum { DECODE_MALFORMED = 1, DECODE_TOO_LARGE = 2 };

/* 0; DECODE_MALFORMED when raw is no WriteRequest; DECODE_TOO_LARGE when its structs do not fit the
 * arena. */
int decode_write_request(struct sv raw, struct arena *arena, struct wire_request *out);

/* The value of the label of that name; SV_NULL when there is none. */
static inline struct sv wire_label_get(const struct wire_series *s, struct sv name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (sv_eq(s->labels[i].name, name))
			return s->labels[i].value;
	return SV_NULL;
}
