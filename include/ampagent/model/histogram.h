/* Native histograms: exponential ones (schema -4 to 8) and ones with custom bucket bounds (schema
 * -53), with integer or float counts, as Prometheus has them (model/histogram).
 *
 * A histogram is a view: its arrays belong to an arena or to the message it was read from. What
 * changes one puts new arrays into the arena given and leaves the old ones alone.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

enum {
	HISTOGRAM_SCHEMA_MIN = -4,
	HISTOGRAM_SCHEMA_MAX = 8,
	HISTOGRAM_SCHEMA_CUSTOM = -53,
};

enum histogram_reset {
	HISTOGRAM_RESET_UNKNOWN,
	HISTOGRAM_RESET_YES,
	HISTOGRAM_RESET_NO,
	HISTOGRAM_GAUGE
};

/* A run of buckets: offset is the gap to the run before (to index 0 for the first). */
struct histogram_span {
	int32_t offset;
	uint32_t length;
};

/* u where counts are integers, f where they are floats, delta where buckets of an integer histogram
 * are told by their difference to the one before. */
union histogram_number {
	uint64_t u;
	int64_t delta;
	double f;
};

enum { HISTOGRAM_NEGATIVE, HISTOGRAM_POSITIVE, HISTOGRAM_SIDES };

struct histogram_side {
	const struct histogram_span *spans;
	uint32_t n_spans;
	/* Integer: differences (delta). Float: counts (f). */
	const union histogram_number *buckets;
	uint32_t n_buckets;
};

struct histogram {
	int32_t schema;
	bool is_float;
	enum histogram_reset reset;
	int64_t start_ms;  /* since when it counts; 0 = not known */
	uint64_t sum_bits; /* a double's bits: the staleness marker must survive */
	double zero_threshold;
	union histogram_number zero_count;
	union histogram_number count;
	struct histogram_side side[HISTOGRAM_SIDES];
	const double *bounds; /* schema -53: upper bounds, without +Inf */
	uint32_t n_bounds;
};

/* Every function below is safe for any histogram whose arrays have the stated lengths. One whose
 * span lengths do not add up to its buckets, or (in reduce and limit) with a gap below zero, is
 * left as it is with 0; histogram_check() refuses it.
 *
 * What Prometheus's storage refuses (histogram.Validate): 0, or 1 with the reason. Unknown schemas
 * are refused too. */
int histogram_check(const struct histogram *h, struct err *err);
/* Empty buckets and empty spans go, spans without a gap are joined (Compact(0)). 0 or ERR_NOMEM
 * with h as it was. */
int histogram_compact(struct histogram *h, struct arena *arena);
/* Lowers an exponential histogram's schema to `schema`, which is not above its own. 0 or ERR_NOMEM
 * with h as it was. */
int histogram_reduce(struct histogram *h, int schema, struct arena *arena);
/* The schema that native_histogram_min_bucket_factor allows at most. */
int histogram_schema_for_factor(double factor);
/* Applies a job's limits as Prometheus's scrape does: max_schema first, then halves the resolution
 * until there are at most `limit` buckets (0 = no limit). 0; 1 when it cannot be brought below; or
 * ERR_NOMEM. */
int histogram_limit(struct histogram *h, uint64_t limit, int max_schema, struct arena *arena);
/* All arrays into the arena: 0 or ERR_NOMEM. */
int histogram_copy(struct histogram *out, const struct histogram *h, struct arena *arena);
/* By meaning of every field; bounds, spans and buckets one by one; doubles by their bits. */
bool histogram_eq(const struct histogram *a, const struct histogram *b);
