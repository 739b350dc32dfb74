/* A remote-write request, 1.0 or 2.0, as plain structs. Everything lives in the caller's arena. */
#pragma once

#include <ampagent/base/arena.h>

struct wire_label {
	struct sv name, value;
};

struct wire_sample {
	int64_t t_ms;
	uint64_t bits;    /* of the double, as sent */
	int64_t start_ms; /* 2.0; 0 = not told */
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
	const double *custom_values;
	size_t n_custom_values;
	int32_t reset_hint;
	int64_t start_ms; /* 2.0; 0 = not told */
	uint64_t digest;  /* equal for equal histograms, stable across runs; times are not in it */
};

struct wire_exemplar {
	struct wire_label *labels;
	size_t n_labels;
	int64_t t_ms;
	uint64_t bits;
	uint64_t digest; /* of value and labels */
};

struct wire_series {
	struct wire_label *labels;
	size_t n_labels;
	struct wire_sample *samples;
	size_t n_samples;
	struct wire_histogram *histograms;
	size_t n_histograms;
	struct wire_exemplar *exemplars;
	size_t n_exemplars;
	bool v2;
	const char *fault; /* 2.0: why the series cannot be read, NULL when it can */
};

enum wire_version { WIRE_V1, WIRE_V2 };

struct wire_request {
	struct wire_series *series;
	size_t n_series;
	size_t n_metadata; /* 2.0: series that tell any */
	enum wire_version version;
};

enum { DECODE_MALFORMED = 1, DECODE_TOO_LARGE = 2, DECODE_BAD_SYMBOLS = 3 };

/* 0; DECODE_MALFORMED when raw is no WriteRequest; DECODE_TOO_LARGE when its structs do not fit the
 * arena. */
int decode_write_request(struct sv raw, struct arena *arena, struct wire_request *out);
/* The same for 2.0. DECODE_BAD_SYMBOLS: the first symbol is not the empty one. A reference to a
 * symbol that there is not is a fault of its series. */
int decode_request_v2(struct sv raw, struct arena *arena, struct wire_request *out);

/* The value of the label of that name; SV_NULL when there is none. */
static inline struct sv wire_label_get(const struct wire_series *s, struct sv name)
{
	for (size_t i = 0; i < s->n_labels; i++)
		if (sv_eq(s->labels[i].name, name))
			return s->labels[i].value;
	return SV_NULL;
}
