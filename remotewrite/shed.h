/* shed: new series, while the peer has as many as it may.
 *
 * A request that brings a new series to a full workspace is answered 400 although all else of it is
 * stored, so that its samples can only be booked as perhaps refused. After such an answer samples
 * of series that the peer has never taken are dropped here for a minute, under a reason of their
 * own, and the others go through requests that are answered 200. Then one request brings new ones
 * again, to see: refused again, the wait doubles, up to ten minutes.
 */
#pragma once

#include "accepted.h"

enum {
	SHED_FIRST_MS = 60000,
	SHED_MAX_MS = 600000,
	/* An agent whose log is new does not know what it sent before: what it brings in its first
	 * minutes counts as taken. */
	SHED_LEARN_MS = 600000,
};

struct shed {
	struct accepted accepted;
	int64_t wait_ms;  /* 0 = nothing is shed */
	int64_t until_ms; /* monotonic; then one request probes */
	int64_t swept_ms;
	bool learns;
	int64_t learns_until_ms; /* 0 = not begun */
};

struct destination;
struct slot;

/* first_frame: the first that the log had not used when it was opened. */
void shed_init(struct shed *s, uint32_t first_frame);
void shed_deinit(struct shed *s);
/* Whether the request that is about to be cut goes without new series; else it may be the probe. */
bool shed_cut(struct slot *s);
/* It was cut. */
void shed_built(struct slot *s);
/* Its answer: the peer took it; it refused it for its new series; it refused it for something else
 * (known: stored but for the sample that it named). Before the request is over. */
void shed_taken(struct slot *s);
void shed_refused(struct slot *s);
void shed_other(struct slot *s, bool stored);
/* Now and then: forgets series that have gone. */
void shed_sweep(struct destination *d);
