/* Encoding remote write 2.0 requests (io.prometheus.write.v2.Request): a TimeSeries a sample, with
 * what belongs to it: start time, exemplars, and the metadata of its family where that is known.
 *
 * Series are put into out as they come; encode_v2_finish() puts the request's strings before them.
 */
#pragma once

#include "encode.h"

/* As encode_column(), encode_rows() and encode_histograms(). ERR_NOMEM leaves out as it was, and
 * the request is to be begun anew. */
int encode_v2_column(const struct encode_job *j, const struct batch_column *col, int64_t t_ms,
		     struct encode_result *res);
int encode_v2_rows(const struct encode_job *j, const struct batch_row *rows, uint32_t n,
		   struct encode_result *res);
int encode_v2_histograms(const struct encode_job *j, const struct batch_histogram *v, uint32_t n,
			 struct encode_result *res);
/* 0 or ERR_NOMEM with out as it was. */
int encode_v2_finish(struct buf *out, const struct symbols *symbols);
