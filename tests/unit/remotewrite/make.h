/* Batches made by hand, for tests of what walks them. */
#pragma once

#include "../../../remotewrite/images.h"

struct shape {
	uint64_t sequence; /* where it begins */
	int64_t t_ms;
	uint32_t first;        /* number of the first column's frame */
	uint32_t n_columns;    /* one frame each */
	uint16_t slots;        /* of a column; slot i is absent when i % 8 == absent */
	uint16_t absent;       /* 8 = none */
	uint32_t n_rows;       /* five to a frame, frames from 40 on */
	uint32_t n_histograms; /* five to a frame, frames from 50 on */
};

/* One item of a batch, in the log's order, as it should arrive. */
struct make_item {
	uint32_t frame;
	uint16_t slot;
	int64_t t_ms, start_ms;
	uint64_t bits;
	const struct histogram *h;              /* NULL: a plain sample */
	const struct batch_exemplar *exemplars; /* those that go with it */
	uint32_t n_exemplars;
};

/* One reference. Its position is {1, 16 + sequence, sequence}. */
struct batch *make_batch(const struct shape *shape);
/* Everything a batch may hold, at random; one reference. Frames 0 to 12, slots 0 to 31. */
struct batch *make_random_batch(uint64_t *rng, uint64_t sequence, int64_t t_ms);
/* Its items in order, found the plain way: how many; the caller frees *out. */
size_t make_items(const struct batch *b, struct make_item **out);
uint64_t make_random(uint64_t *rng, uint64_t below);
/* A histogram at random, in the batch's arena. */
struct histogram make_histogram(struct arena *arena, uint64_t *rng);
/* Labels of 32 slots of any frame. */
struct label_source make_labels(void);
