/* Encoding remote write requests: pure functions from images and batches to bytes.
 *
 * Each sample is a TimeSeries of its own, as Prometheus sends it. Values are written even when
 * zero: it keeps every sample's layout the same and costs nothing after compression.
 */
#pragma once

#include "extras.h"
#include "image.h"

#include <ampagent/base/buf.h>
#include <ampagent/model/batch.h>
#include <ampagent/remotewrite_options.h>

/* A stretch of a column: present slots from `from` on, at most max encoded samples, as long as out
 * stays below raw_max (but at least one when out was empty). */
struct encode_slice {
	uint32_t from;
	uint32_t max;
	size_t raw_max;
};

struct encode_result {
	uint32_t next;        /* slot to go on with; n_slots at the end */
	uint32_t samples;     /* encoded */
	uint32_t dropped;     /* passed over: write relabeling */
	uint32_t labels_lost; /* passed over: labels not in the image, or unusable */
	uint32_t too_old;     /* passed over: rows before oldest_ms */
	/* Histograms passed over. */
	uint32_t not_sent;  /* the destination gets none */
	uint32_t nhcb;      /* custom buckets, which 1.0 has no place for */
	uint32_t too_large; /* no request could hold it */
};

/* ---- the hot path: 1.0, columns and rows ---- */

/* 0, or ERR_NOMEM with out as it was. */
int encode_column(struct buf *out, const struct image *im, struct image_scratch *s,
		  const struct batch_column *col, int64_t t_ms, const struct encode_slice *slice,
		  struct encode_result *res);
/* Samples with times of their own: rows[slice->from .. n_rows) are all of the image's frame.
 * Rows older than oldest_ms are passed over and counted. next is the row to go on with. */
int encode_rows(struct buf *out, const struct image *im, struct image_scratch *s,
		const struct batch_row *rows, uint32_t n_rows, int64_t oldest_ms,
		const struct encode_slice *slice, struct encode_result *res);
/* One MetricMetadata of a WriteRequest: 0 or 1 when full. */
int encode_metadata(struct buf *out, const struct batch_metadata *m);

/* ---- everything else ---- */

struct symbols;
struct metadata_table;

/* What a destination is told, and how. */
struct encode_as {
	enum remotewrite_protocol protocol;
	bool exemplars, histograms;
	/* 2.0 only. */
	struct symbols *symbols;
	const struct metadata_table *metadata;
};

/* Items of one frame to be encoded; slice.from is the first of them. */
struct encode_job {
	struct buf *out;
	const struct image *im;
	struct image_scratch *s;
	const struct encode_as *as;
	struct extras *extras;
	int64_t oldest_ms;
	struct encode_slice slice;
};

/* 1.0: histograms v[slice.from .. n), all of the image's frame. next is the one to go on with. 0,
 * or ERR_NOMEM with out as it was. */
int encode_histograms(const struct encode_job *j, const struct batch_histogram *v, uint32_t n,
		      struct encode_result *res);
/* 1.0: the exemplars of the slots, series by series; what is put, and what is not, is counted in
 * the extras. 0 or ERR_NOMEM with out as it was. */
int encode_exemplars(const struct encode_job *j, const uint64_t slots[FRAME_SLOTS / 64]);

/* The Histogram message of either protocol into out, which is emptied; a start time when there is
 * one and with_start is set. 0; 1 when it may be larger than out's maximum; ERR_NOMEM. */
int encode_histogram(struct buf *out, const struct histogram *h, int64_t t_ms, bool with_start);

/* Room that exemplars may take beyond raw_max: they go with their samples, after which a request
 * may be full. */
static inline bool encode_exemplars_fit(size_t len, size_t raw_max)
{
	return len <= raw_max + raw_max / 2;
}
