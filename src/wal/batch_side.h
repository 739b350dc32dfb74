/* What a batch record carries beside floats: histograms, exemplars, start times. They need nothing
 * from other records. Pure, as codec.h. */
#pragma once

#include "batch_codec.h"
#include "batch_input.h"

/* The shortest forms on disk: frame, slot, flags, schema, sum, zero threshold, two counts; frame,
 * slot, time, value, labels' three lengths; frame, slot, length, start of a run of slots. */
enum { HISTOGRAM_BYTES_MIN = 8, EXEMPLAR_BYTES_MIN = 7, START_RUN_BYTES_MIN = 4 };

static inline bool batch_side_any(const struct batch *b)
{
	return (b->n_histograms | b->n_exemplars | b->n_starts) != 0;
}

/* Whether all slots are in range. */
bool batch_side_sound(const struct batch *b);
/* What the section takes at most. */
size_t batch_side_encoded_max(const struct batch *b);
/* Appends the section. 0 or ERR_NOMEM. */
int batch_side_encode(struct buf *out, const struct batch *b);
/* Reads the section, which is all that is left of the record, into b unless it is NULL, and tells
 * h, whose time is known, the counts. 0; BROKEN, also when it is too large
 * for b; ERR_NOMEM. */
int batch_side_decode(struct input *in, struct batch *b, struct batch_head *h);
