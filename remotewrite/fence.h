/* fence: keeps the order of a series that changes its frame.
 *
 * A series that was away for long, or whose definition was lost, comes back in another slot, maybe
 * in a frame of another shard. Slots are given once, so this can only be where a frame gets slots:
 * there the shard waits until all shards are past the owner's batch before. A batch that brings no
 * new slots waits for nothing, but for the first one of a frame in a segment: each run of the agent
 * begins one, and may find a series that the log knows twice in the other of its slots; and but for
 * the one after a batch that only ends series, as the page is read anew then. An owner
 * that is new may be an old one whose definition was lost with the run before: its first batches
 * wait for all that lies before the segment.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

/* An owner or a frame, as last seen. */
struct fence_known {
	uint32_t id;
	uint32_t n_slots; /* of a frame */
	uint64_t last_no; /* entry of the queue */
	uint64_t segment; /* of the log, of a frame */
	bool owner;
};

struct fence_event {
	uint64_t no;   /* the entry in which the frame grew */
	uint64_t need; /* the entry that all shards have to reach before */
	uint32_t frame;
};

struct fence {
	struct fence_known *known;
	uint32_t n_known, cap_known;
	struct map map;
	struct fence_event *events; /* in order of no */
	uint32_t n_events, cap_events;
	uint64_t segment;    /* of the newest batch */
	uint64_t segment_no; /* its first entry */
	uint64_t blind_to;   /* memory was out: every frame of the entries below waits for all */
};

void fence_deinit(struct fence *f);
/* Entry no holds the batch; `lowest` is what all shards have reached, `first` the oldest entry of
 * the queue. */
void fence_note(struct fence *f, const struct batch *b, uint64_t no, uint64_t lowest,
		uint64_t first);
/* What all shards have to reach before samples of the frame in entry no may go; 0 = nothing. */
uint64_t fence_need(const struct fence *f, uint64_t no, uint32_t frame);
