/* Joint 2, scrape to log: an owned batch, one scrape of one target.
 *
 * Frames: a frame is up to FRAME_SLOTS series of one owner; series_ref {frame, slot} names a
 * series for ever (slots are never given to another series). Frame and owner numbers are given by
 * the producer, start above what the log already has (wal_open() tells) and never repeat.
 *
 * What a batch defines precedes what uses it: owner and slot definitions first, then values.
 * A batch is immutable once handed over; ref-counted because the log's tail, and each destination,
 * read the same one.
 */
#pragma once

#include <ampagent/base/cleanup.h>
#include <ampagent/base/limits.h>
#include <ampagent/model/histogram.h>
#include <ampagent/model/labels.h>

struct series_ref {
	uint32_t frame;
	uint16_t slot;
};

/* Where a record stands in the log, and the number of its first sample since the log began. */
struct wal_pos {
	uint64_t segment;
	uint64_t offset;
	uint64_t sequence;
};

/* Frames belong to {job, public labels of the target}: a target rebuilt with the same ones
 * inherits them. labels is the key (job is among its public labels). */
struct batch_owner {
	uint32_t owner;
	struct labels labels;
};

/* A new slot. Slots of a frame are defined in order 0, 1, 2 ... */
struct batch_def {
	uint32_t frame;
	uint16_t slot;
	struct labels labels;
};

/* One value a slot. Bit i of present says that slot i has a sample at batch.t_ms; values[i] is
 * meaningful only then (producers repeat the last value else, so that it costs nothing). */
struct batch_column {
	uint32_t frame;
	uint16_t n_slots;
	uint16_t n_present;
	uint64_t present[FRAME_SLOTS / 64];
	uint64_t *values; /* n_slots doubles as bits */
};

/* A sample with a time of its own, in order. Those of one frame stand together where the batch has
 * exemplars, for speed only. */
struct batch_row {
	uint32_t frame;
	uint16_t slot;
	int64_t t_ms;
	uint64_t bits;
};

/* A native histogram: one sample of its slot, at a time of its own or at batch.t_ms. Those of one
 * frame stand together, in time order within a slot. The staleness marker of such a series is an
 * ordinary value in a column. */
struct batch_histogram {
	uint32_t frame;
	uint16_t slot;
	int64_t t_ms;
	struct histogram h;
};

/* Not a sample: it has no sequence number. Those of one slot stand together, sorted by frame and
 * slot; labels as exposed, sorted. */
struct batch_exemplar {
	uint32_t frame;
	uint16_t slot;
	int64_t t_ms;
	uint64_t bits;
	struct labels labels;
};

/* Since when the slot's samples of this batch count (histograms have their own). At most one a
 * slot, sorted by frame and slot. */
struct batch_start {
	uint32_t frame;
	uint16_t slot;
	int64_t start_ms;
};

enum metric_type {
	METRIC_UNKNOWN,
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_GAUGEHISTOGRAM,
	METRIC_SUMMARY,
	METRIC_INFO,
	METRIC_STATESET,
};

/* "counter" ...; unknown for METRIC_UNKNOWN. */
const char *metric_type_name(enum metric_type t);

struct batch_metadata {
	enum metric_type type;
	struct sv family;
	struct sv help;
	struct sv unit;
};

struct batch {
	int refs; /* atomic */
	uint32_t owner;
	int64_t t_ms;
	uint32_t n_samples; /* present values, rows and histograms */
	struct wal_pos pos; /* set by the log when it is written */
	struct wal_pos end; /* the position after it */

	struct batch_owner *new_owner; /* NULL when the owner is known to the log */
	struct batch_def *defs;
	size_t n_defs;
	struct batch_column *columns;
	size_t n_columns;
	struct batch_row *rows;
	size_t n_rows;
	struct batch_histogram *histograms;
	size_t n_histograms;
	struct batch_exemplar *exemplars;
	size_t n_exemplars;
	struct batch_start *starts;
	size_t n_starts;
	struct batch_metadata *metadata;
	size_t n_metadata;

	size_t bytes;       /* memory held, for budgets */
	struct arena arena; /* everything above lives here */
};

/* max bounds its memory. One reference, owned by the caller. NULL without memory. */
struct batch *batch_new(size_t max);
struct batch *batch_ref(struct batch *b);
/* Thread-safe; frees with the last reference. NULL is fine. */
void batch_unref(struct batch *b);
/* n_samples recounted from columns, rows and histograms, bytes from the arena: call before handing
 * over. */
void batch_seal(struct batch *b);

DEFINE_CLEANUP_PTR(struct batch, batch_unref)

/* The sink: takes the reference. 0; 1 when it can take no more now, or none as large as this (the
 * batch is still the caller's, who drops and counts it). */
struct batch_sink {
	int (*put)(void *cls, struct batch *b);
	void *cls;
};
