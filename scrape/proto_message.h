/* The messages inside a metric, read from the wire: what proto_parser.c and proto_histogram.c
 * share.
 *
 * Readers of messages add to what is there, so that a message that comes in several parts is read
 * as one, as protobuf wants it. Arrays are read in two rounds: without arrays only their lengths
 * are counted; then, with arrays of those lengths and the counts at 0, they are filled. Nothing is
 * allocated that the message's own bytes do not ask for. Codes of all: 0; 2 broken, with the
 * reason.
 */
#pragma once

#include "proto_parser.h"
#include "proto_wire.h"

/* google.protobuf.Timestamp */
struct proto_time {
	bool present;
	int64_t seconds;
	int32_t nanos;
};

int proto_time_read(struct sv message, struct proto_time *t, struct err *err);
/* Milliseconds, as Prometheus counts them: overflow wraps. 0 when it is not present. */
int64_t proto_time_ms(const struct proto_time *t);

/* LabelPair. checked: names must not be empty, names and values must be UTF-8. */
int proto_label_read(struct sv message, bool checked, struct label *out, struct err *err);

struct proto_raw_exemplar {
	bool present;
	uint64_t bits;
	struct proto_time time;
	struct label *labels; /* NULL: counted only */
	size_t n_labels;
};

int proto_exemplar_read(struct sv message, struct proto_raw_exemplar *x, struct err *err);
struct proto_exemplar proto_exemplar_of(const struct proto_raw_exemplar *x);

/* A classic histogram's bucket. */
struct proto_bucket {
	uint64_t bits; /* the float count, else the integer one as a double */
	double bound;
	struct sv message; /* .ptr NULL when there is no exemplar */
};

/* The exemplar is added to x. */
int proto_bucket_read(struct sv message, struct proto_bucket *b, struct proto_raw_exemplar *x,
		      struct err *err);

struct proto_side {
	struct histogram_span *spans;
	union histogram_number *deltas, *counts;
	size_t n_spans, n_deltas, n_counts;
};

struct proto_histogram {
	uint64_t count, zero_count;
	uint64_t count_bits, sum_bits;
	double zero_count_float, zero_threshold;
	int32_t schema;
	struct proto_time start;
	struct proto_side side[HISTOGRAM_SIDES];
	struct proto_bucket *buckets;
	struct sv *exemplars; /* their messages */
	size_t n_buckets, n_exemplars;
};

int proto_histogram_read(struct sv message, struct proto_histogram *h, struct err *err);
/* Between the rounds: 0 or ERR_NOMEM. */
int proto_histogram_alloc(struct proto_histogram *h, struct arena *arena);
bool proto_histogram_is_native(const struct proto_histogram *h);
/* Which exemplars of a histogram: from...to of its own ones or of its buckets'; times: only those
 * that have one. */
struct proto_exemplar_range {
	bool own, times;
	size_t from, to;
};

/* 0 or ERR_NOMEM. */
int proto_histogram_exemplars(const struct proto_histogram *h,
			      const struct proto_exemplar_range *range, struct arena *arena,
			      const struct proto_exemplar **out, size_t *n, struct err *err);
/* The count of a classic histogram, as bits of a double. */
uint64_t proto_histogram_count(const struct proto_histogram *h);
/* Whether spans and buckets of a native histogram match: 0, or 2 with the reason. */
int proto_histogram_check(const struct proto_histogram *h, struct err *err);
/* The native histogram, compacted; it was checked: 0 or ERR_NOMEM. */
int proto_histogram_native(const struct proto_histogram *h, bool gauge, struct arena *arena,
			   struct histogram *out);

enum proto_metric_type {
	PROTO_COUNTER,
	PROTO_GAUGE,
	PROTO_SUMMARY,
	PROTO_UNTYPED,
	PROTO_HISTOGRAM,
	PROTO_GAUGE_HISTOGRAM,
	N_PROTO_TYPES
};

struct proto_quantile {
	uint64_t quantile, value; /* bits of doubles */
};

struct proto_summary {
	uint64_t count, sum_bits;
	struct proto_quantile *quantiles; /* NULL: counted only */
	size_t n_quantiles;
	struct proto_time start;
};

struct proto_counter {
	uint64_t bits;
	struct proto_time start;
	struct proto_raw_exemplar exemplar;
};

struct proto_metric {
	struct sv message;
	int64_t t_ms;
	uint64_t gauge, untyped;
	struct proto_counter counter;
	struct proto_summary summary;
	struct proto_histogram histogram;
	size_t n_labels;
	struct label *labels; /* NULL: counted only; else with room for le or quantile */
	uint64_t labels_key;
};

/* Reads everything of m->message but the labels, whatever the family's type: a broken part of
 * another type breaks the page too. What is repeated goes to the arena. 0, 2 or ERR_NOMEM. */
int proto_metric_read(struct proto_metric *m, int32_t type, struct arena *arena, struct err *err);
/* Once a metric: labels and their key. 0, 2 or ERR_NOMEM. */
int proto_metric_labels(struct proto_metric *m, struct arena *arena, struct err *err);
/* Keyed hashes, chained. */
uint64_t proto_key_add(uint64_t key, struct sv s);
uint64_t proto_key_add_label(uint64_t key, const struct label *l);
