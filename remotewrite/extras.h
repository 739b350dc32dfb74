/* extras: what a batch says about a frame's samples beside their values: exemplars and start times.
 *
 * Exemplars have no place in the log's sequence: they go with a sample of their slot, into the
 * same request. That is the slot's sample in the batch's column; else its first row; else its first
 * histogram. When that one does not go, they do not.
 */
#pragma once

#include <ampagent/model/batch.h>

/* Books of their own, for metrics. */
struct exemplar_counts {
	uint32_t sent;
	uint32_t dropped; /* with their series: write relabeling */
	uint32_t labels_lost;
	uint32_t too_old;
	uint32_t too_large; /* the request had no room */
};

struct extras {
	const struct batch_exemplar *exemplars; /* the frame's */
	uint32_t n_exemplars;
	const struct batch_start *starts; /* the frame's */
	uint32_t n_starts;
	/* Slots whose exemplars go with the items at hand. */
	uint64_t carry[FRAME_SLOTS / 64];
	struct exemplar_counts counts;
};

/* Finds the frame's; `item` is the first of those at hand, in the order of a batch's items: what
 * items before it have carried is not carried again. */
void extras_find(struct extras *x, const struct batch *b, uint32_t frame, uint32_t item,
		 bool exemplars);
/* Since when the slot counts; 0 = not known. */
int64_t extras_start(const struct extras *x, uint16_t slot);
/* The slot's exemplars and how many; none unless it carries them. */
const struct batch_exemplar *extras_exemplars(const struct extras *x, uint16_t slot, uint32_t *n);
/* They went: no later item carries them. */
void extras_carried(struct extras *x, uint16_t slot);
