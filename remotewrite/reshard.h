/* reshard: how many shards a destination should have, from what came in and went out of late.
 *
 * More when a backlog would last and all shards are at work, fewer when they mostly rest; neither
 * while the peer fails or throttles, for then the numbers say nothing. No clock and no destination:
 * what was measured is told, counters by their sums since the beginning.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct reshard_in {
	int64_t now_ms;
	uint64_t logged, done; /* samples; the difference waits */
	uint64_t answers;      /* to requests */
	uint64_t failed;       /* of them: not taken */
	int64_t busy_ms;       /* of all shards: time with a request under way */
	int64_t busiest_ms;    /* of the one with most of it, since reshard_begun() */
	bool held;             /* throttled, or the number may not change now */
	uint32_t shards, min, max;
	uint64_t max_samples; /* of a request */
};

struct reshard {
	bool begun;
	bool held; /* at some time in this window */
	struct reshard_in from;
	double in_rate; /* samples a second, smoothed */
	/* A growth on trial: what there was before it. */
	uint32_t tried_from, tried_to;
	double tried_rate;
	int64_t grow_at_ms; /* not before: the last growth did not help */
	int64_t hold_ms;
	/* Calm, and how busy the shards were since. */
	int64_t calm_ms, calm_busy_ms;
	bool calm;
};

/* Whether the last call began a new window at this time. */
static inline bool reshard_begun(const struct reshard *r, int64_t now_ms)
{
	return r->from.now_ms == now_ms;
}
/* The number wanted now; call it now and then, at least every few seconds. */
uint32_t reshard_wanted(struct reshard *r, const struct reshard_in *in);
