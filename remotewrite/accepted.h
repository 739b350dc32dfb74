/* accepted: which series a destination's peer has taken at least once, by frame and slot.
 *
 * Nothing here is stored: of a frame of an earlier run all series count as taken that it has when
 * it is first met. The service counts a series as active for two hours after its last sample, so
 * what was not sent for that long is forgotten here too.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

#define ACCEPTED_IDLE_MS (2 * 3600 * INT64_C(1000))

struct accepted_frame {
	uint32_t frame;
	int64_t used_ms; /* monotonic */
	uint64_t slots[FRAME_SLOTS / 64];
};

struct accepted {
	uint32_t first; /* frames below it are taken whole until they are met */
	struct accepted_frame *v;
	uint32_t n, cap;
	struct map index; /* frame to place in v */
};

void accepted_init(struct accepted *t, uint32_t first);
void accepted_deinit(struct accepted *t);
/* The series have other labels from now on, which are new to the peer: all that are known so far
 * count as taken, for better too many than too few. */
void accepted_renew(struct accepted *t);
/* A frame is met that has n slots. */
void accepted_meet(struct accepted *t, uint32_t frame, unsigned n, int64_t now_ms);
/* Without memory they are not noted: 0 or ERR_NOMEM. */
int accepted_add(struct accepted *t, uint32_t frame, const uint64_t slots[FRAME_SLOTS / 64],
		 int64_t now_ms);
bool accepted_has(const struct accepted *t, uint32_t frame, unsigned slot);
/* All slots below n. */
bool accepted_all(const struct accepted *t, uint32_t frame, unsigned n);
/* All that are set in slots. */
bool accepted_covers(const struct accepted *t, uint32_t frame,
		     const uint64_t slots[FRAME_SLOTS / 64]);
/* Clears those of slots that are not. */
void accepted_keep(const struct accepted *t, uint32_t frame, uint64_t slots[FRAME_SLOTS / 64]);
/* The frame is in use. */
void accepted_touch(struct accepted *t, uint32_t frame, int64_t now_ms);
void accepted_sweep(struct accepted *t, int64_t now_ms);
