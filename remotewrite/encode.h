/* Encoding remote write 1.0 requests: pure functions from images and columns to bytes.
 *
 * Each sample is a TimeSeries of its own, as Prometheus sends it. Values are written even when
 * zero: it keeps every sample's layout the same and costs nothing after compression.
 */
#pragma once

#include "image.h"

#include <ampagent/base/buf.h>
#include <ampagent/model/batch.h>

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
};

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
