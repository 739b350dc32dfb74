/* signing_log: what is said about keys and clocks, once for all destinations that share them. */
#pragma once

#include "signing.h"

/* One set of credentials, or one peer's clock. */
struct signing_seen {
	struct signing_seen *next;
	const void *what;    /* struct aws_credentials or struct aws_clock: its address only */
	unsigned generation; /* of destinations, when it was last there */
	/* credentials */
	bool asked, found, failing, stale;
	int64_t fetched_ms, told_at;
	/* a clock */
	bool wrong;
};

/* Zero is empty. */
struct signing_log {
	struct signing_seen *keys, *clocks;
	unsigned generation;
};

void signing_log_deinit(struct signing_log *l);
/* To be called often: says what has changed since the last call. url: of the destination, for
 * people. */
void signing_log_see(struct signing_log *l, struct signing *g, struct sv url, int64_t mono_ms,
		     int64_t wall_ms);
/* Other destinations are there: when each has been seen, what none of them had is forgotten. */
void signing_log_begin(struct signing_log *l);
void signing_log_end(struct signing_log *l);
