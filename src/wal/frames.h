/* The last values of frames: what a delta column is told against. The writer has one such table, a
 * cursor that reads files has its own.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

struct frame_state {
	uint32_t frame;
	uint32_t columns; /* since and with its full column in this segment; 0: values unknown */
	uint16_t n;       /* slots */
	uint16_t cap;
	uint64_t *values;
};

struct frame_states {
	struct map map; /* frame number -> index into v */
	struct frame_state *v;
	size_t n, cap;
	size_t bytes; /* held for values */
	uint8_t part; /* enum budget_part that they are charged to */
};

#define FRAME_STATES_NULL ((struct frame_states){.map = MAP_NULL})

void frame_states_deinit(struct frame_states *t);
/* The state of a frame, or NULL. Valid until the next frame_states_get(). */
struct frame_state *frame_states_find(const struct frame_states *t, uint32_t frame);
/* The state, made when it is not there, with room for n slots (new ones zero). NULL without memory.
 */
struct frame_state *frame_states_get(struct frame_states *t, uint32_t frame, uint16_t n);
/* The frame is retired: its values are freed. */
void frame_states_release(struct frame_states *t, uint32_t frame);
/* A new segment begins: no values are known. Frames that the last one did not touch are freed. */
void frame_states_next_segment(struct frame_states *t);
/* No values are known, nothing is freed: after an encoding that failed half-way. */
void frame_states_forget(struct frame_states *t);

DEFINE_CLEANUP(struct frame_states, frame_states_deinit)
