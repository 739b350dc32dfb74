/* Signals, taken by a thread of their own. So they are heard while the log is being opened, and the
 * process ends in time after SIGTERM even when the loop or a disk stands still: ending is safe at
 * any moment, as kill -9 is.
 */
#pragma once

#include <ampagent/net/loop.h>

enum {
	SIGNALS_FORCED = 4,     /* exit code when something had to be cut short */
	SIGNALS_HURRY_MS = 2000 /* for ending in order after a second SIGTERM */
};

struct signals;

struct signals_options {
	struct loop *loop;
	void (*reload)(void *cls); /* on the loop, after SIGHUP */
	/* On the loop, after SIGTERM or SIGINT; signals_stops() says how many there were. */
	void (*stop)(void *cls);
	void *cls;
	int64_t stop_ms; /* the process ends at most this long after the first of them */
};

/* First thing in the process: a SIGHUP that comes before signals_new() waits for it, instead of
 * ending the process. Who watches a file may send one at any time. */
void signals_hold(void);
/* Blocks the signals in the calling thread: before others start. Until signals_ready() SIGTERM and
 * SIGINT end the process at once with 0. 0, or 1 with the reason. */
int signals_new(const struct signals_options *opt, struct signals **out, struct err *err);
void signals_ready(struct signals *s);
unsigned signals_stops(struct signals *s);
/* The process ends by then, with SIGNALS_FORCED if it is still there; of several times the first
 * holds. */
void signals_end_by(struct signals *s, int64_t mono_ms);
/* Before the loop is freed. NULL is fine. */
void signals_free(struct signals *s);
