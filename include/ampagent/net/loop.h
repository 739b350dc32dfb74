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
	uint64_t seq;      /* order of arming: equal times fire in it */
	uint32_t heap;     /* place in the heap */
	void (*fire)(void *cls);
	void *cls;
};

/* 0, ERR_NOMEM, or 1 with the reason. */
int loop_new(struct loop **out, struct err *err);
/* Watchers and armed timers are forgotten, not touched: they may be gone already. */
void loop_free(struct loop *loop);
/* Runs until loop_stop(); returns 0, or the first negative code given to loop_fail(). May be run
 * again. A stop that came before the run ends it at once. */
int loop_run(struct loop *loop);
/* From the loop's own thread or any other. */
void loop_stop(struct loop *loop);
void loop_fail(struct loop *loop, int code);
/* Times of this turn (of the call, while the loop does not run). Loop's own thread only. */
int64_t loop_now_ms(const struct loop *loop);  /* monotonic */
int64_t loop_wall_ms(const struct loop *loop); /* since 1970 */

/* 0 or 1 with the reason. Set fd, events, ready, cls before. */
int loop_fd_add(struct loop *loop, struct loop_fd *w, struct err *err);
void loop_fd_events(struct loop_fd *w, uint32_t events);
void loop_fd_remove(struct loop_fd *w);

/* (Re)arms; fires once, not in the turn that armed it. Equal times fire in the order of arming; a
 * time that has passed means next turn. Set fire and cls before, the rest zero. Without memory the
 * loop fails with ERR_NOMEM. */
void loop_timer_at(struct loop *loop, struct loop_timer *t, int64_t at_ms);
void loop_timer_in(struct loop *loop, struct loop_timer *t, int64_t delay_ms);
void loop_timer_cancel(struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
	return t->loop != NULL;
}

/* Signals through signalfd: blocks them in the calling thread (call before others start). Once a
 * loop. 0 or 1 with the reason. */
int loop_signals(struct loop *loop, const int *signals, int n, void (*fn)(void *cls, int signo),
		 void *cls, struct err *err);

/* Runs fn(cls) once on the loop's thread soon. Callable from any thread; calls made before the
 * loop turns are merged when fn and cls are equal. 0 or ERR_NOMEM. */
int loop_post(struct loop *loop, void (*fn)(void *cls), void *cls);
