/* The event loop: epoll, timers, signals and a wake-up, one a thread.
 *
 * A watcher is embedded in its owner. The loop never owns an fd: remove the watcher before closing.
 * Callbacks run exactly once per event, never from inside the call that starts them, never after a
 * removal. `now` is read once a turn.
 */
#pragma once

#include <ampagent/base/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop_fd {
	struct loop *loop; /* NULL when not added */
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	void (*ready)(void *cls, uint32_t events);
	void *cls;
};

struct loop_timer {
	struct loop *loop; /* NULL when not armed */
	int64_t at_ms;     /* monotonic */
	uint32_t heap;     /* place in the heap */
	void (*fire)(void *cls);
	void *cls;
};

int loop_new(struct loop **out, struct err *err);
void loop_free(struct loop *loop);
/* Runs until loop_stop(); returns 0, or a negative code a callback gave to loop_fail(). */
int loop_run(struct loop *loop);
/* From the loop's own thread or any other. */
void loop_stop(struct loop *loop);
void loop_fail(struct loop *loop, int code);
/* Times of this turn. */
int64_t loop_now_ms(const struct loop *loop);  /* monotonic */
int64_t loop_wall_ms(const struct loop *loop); /* since 1970 */

/* 0 or 1 with the reason. Set fd, events, ready, cls before. */
int loop_fd_add(struct loop *loop, struct loop_fd *w, struct err *err);
void loop_fd_events(struct loop_fd *w, uint32_t events);
void loop_fd_remove(struct loop_fd *w);

/* (Re)arms; fires once. Set fire and cls before. */
void loop_timer_at(struct loop *loop, struct loop_timer *t, int64_t at_ms);
void loop_timer_in(struct loop *loop, struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
	return t->loop != NULL;
}

/* Signals through signalfd: blocks them in the calling thread (call before others start). */
int loop_signals(struct loop *loop, const int *signals, int n, void (*fn)(void *cls, int signo),
		 void *cls, struct err *err);

/* Runs fn(cls) once on the loop's thread soon. Callable from any thread; calls made before the
 * loop turns are merged when fn and cls are equal. 0 or ERR_NOMEM. */
int loop_post(struct loop *loop, void (*fn)(void *cls), void *cls);
