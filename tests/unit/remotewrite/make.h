/* Batches made by hand, for tests of what walks them. */
#pragma once

#include "../../../remotewrite/images.h"

struct shape {
	uint64_t sequence; /* where it begins */
	int64_t t_ms;
	uint32_t first;     /* number of the first column's frame */
	uint32_t n_columns; /* one frame each */
	uint16_t slots;     /* of a column; slot i is absent when i % 8 == absent */
	uint16_t absent;    /* 8 = none */
	uint32_t n_rows;    /* five to a frame, frames from 40 on */
};

/* One reference. Its position is {1, 16 + sequence, sequence}. */
struct batch *make_batch(const struct shape *shape);
/* Labels of 32 slots of any frame. */
struct label_source make_labels(void);
