/* Classic histograms as native ones with custom buckets (convert_classic_histograms_to_nhcb): the
 * arithmetic. What belongs to one histogram is found by page_nhcb.c. Behaves as
 * prometheus/prometheus util/convertnhcb.
 */
#pragma once

#include <ampagent/model/histogram.h>

struct nhcb_bucket {
	double bound;
	double count; /* cumulative */
};

/* The parts of one histogram as they come, in any order. */
struct nhcb {
	struct nhcb_bucket *buckets;
	uint32_t n, cap;
	double count, sum;
	bool has_count;
	bool broken; /* a part contradicted another: nothing can be made of it */
};

void nhcb_deinit(struct nhcb *n);
DEFINE_CLEANUP(struct nhcb, nhcb_deinit)
/* Forgets the parts, keeps the memory. */
void nhcb_reset(struct nhcb *n);
/* Each: 0 or ERR_NOMEM. A part that makes no sense sets broken. */
int nhcb_add_bucket(struct nhcb *n, double bound, double count);
int nhcb_add_count(struct nhcb *n, double count);
int nhcb_add_sum(struct nhcb *n, double sum);
/* The histogram, compacted (few empty buckets stay where counts are integers, as with Prometheus):
 * integer counts when all are whole. One whose count is below its last bucket comes out with a
 * negative bucket: histogram_check() is the caller's. 0; 1 when the parts do not make one; or
 * ERR_NOMEM. */
int nhcb_convert(struct nhcb *n, struct arena *arena, struct histogram *out);
