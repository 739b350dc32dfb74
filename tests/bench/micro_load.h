/* What the microbenchmarks of the log and of remote write work on: one target of the simulator's
 * pages, taken apart. */
#pragma once

#include <ampagent/model/batch.h>

enum {
	LOAD_SERIES = 5000,
	LOAD_SCRAPES = 64,
	LOAD_FRAMES = (LOAD_SERIES + FRAME_SLOTS - 1) / FRAME_SLOTS
};

struct micro_load {
	struct labels labels[LOAD_SERIES];
	struct batch *scrapes[LOAD_SCRAPES]; /* 30 % of the values differ from one to the next */
};

/* Made at the first call, never freed. */
const struct micro_load *micro_load(void);
