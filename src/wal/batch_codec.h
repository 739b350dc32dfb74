/* Batches as records: RECORD_BATCH's payload. Pure, as codec.h.
 */
#pragma once

#include "codec.h"
#include "frames.h"

struct batch_head {
	uint64_t sequence; /* of the first sample */
	int64_t t_ms;
	uint32_t owner;
	uint32_t n_samples;
	uint32_t n_columns, n_slots; /* n_slots over all columns */
	uint32_t n_rows, n_groups;
	uint32_t n_metadata;
	uint32_t n_histograms, n_exemplars, n_starts; /* by batch_decode() only, else 0 */
};

/* Whether the batch is one that can be written: slots in range, at least one a column. */
bool batch_sound(const struct batch *b);
/* What its record takes at most. */
size_t batch_encoded_max(const struct batch *b);
/* Appends the record; t has the last values and gets the new ones. 0; ERR_NOMEM when out is full or
 * memory is gone: then out is as long as before and t has forgotten everything. */
int batch_encode(struct buf *out, struct frame_states *t, const struct batch *b, uint64_t sequence);

/* Reads the counts. 0, or 1 when broken. */
int batch_head_get(struct sv payload, struct batch_head *out);
/* Applies a payload to t and, unless b is NULL, fills b (fresh from batch_new()): columns and rows
 * whose frame's values are not known are left out and counted in *lost; b->n_samples + *lost is
 * head->n_samples. pos and end are the caller's. 0; 1 when broken (what was applied is forgotten)
 * or too large for b; ERR_NOMEM. */
int batch_decode(struct sv payload, struct frame_states *t, struct batch *b,
		 struct batch_head *head, uint32_t *lost);
