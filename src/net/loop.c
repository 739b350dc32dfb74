/* The loop: one epoll instance, a heap of timers, a queue of posts.
 *
 * Why it is safe against what callbacks do:
 *  - A watcher's address is the epoll key. One epoll_wait() fills `events`; removing a watcher also
 *    wipes its place in what is left of that array, so that a removed watcher (perhaps freed, its
 *    fd number perhaps in use again) is never called.
 *  - Timers order by (time, arming). Arming clamps the time to this turn's now and a turn fires
 *    only what was armed before it began, so a timer that re-arms itself for "at once" cannot
 *    starve the fds.
 *  - Posts are taken as a whole before the first of them runs; what they post runs next turn.
 *
 * Only loop_post(), loop_stop() and loop_fail() may come from other threads: they touch `posts`
 * under the mutex, the atomics, and the eventfd.
 */
#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/net/loop.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 128, SIGNALS_PER_READ = 8 };

struct post {
	void (*fn)(void *cls);
	void *cls;
};

struct posts {
	struct post *items;
	size_t n;
	size_t cap;
};

struct loop {
	int epoll_fd;
	int wake_fd;
	int signal_fd;
	struct loop_fd wake;
	struct loop_fd signal;
	void (*signal_fn)(void *cls, int signo);
	void *signal_cls;

	struct epoll_event events[EVENTS_PER_TURN];
	int n_events;
	int next_event; /* events before this one are done */

	struct loop_timer **heap;
	size_t n_timers;
	size_t heap_cap;
	uint64_t next_seq;

	pthread_mutex_t lock;
	struct posts posts;    /* under lock */
	struct posts draining; /* taken by this turn */

	bool running;
	int64_t now_ms;
	int64_t wall_ms;
	atomic_bool stop;
	atomic_int code;
};

static void wake_up(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t n = write(loop->wake_fd, &one, sizeof(one));
	(void)n; /* EAGAIN: the counter is full, so the loop wakes anyway */
}

static void on_wake(void *cls, uint32_t events)
{
	struct loop *loop = cls;
	uint64_t count;
	ssize_t n = read(loop->wake_fd, &count, sizeof(count));
	(void)n;
}

static void read_clocks(struct loop *loop)
{
	loop->now_ms = clock_mono_ms();
	loop->wall_ms = clock_wall_ms();
}

DEFINE_CLEANUP_PTR(struct loop, loop_free)

int loop_new(struct loop **out, struct err *err)
{
	_cleanup_(loop_freep) struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return ERR_NOMEM;
	loop->epoll_fd = loop->wake_fd = loop->signal_fd = -1;
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return err_set(err, 1, "epoll_create1: %s", strerror(errno));
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return err_set(err, 1, "eventfd: %s", strerror(errno));
	loop->wake = (struct loop_fd){
		.fd = loop->wake_fd, .events = EPOLLIN, .ready = on_wake, .cls = loop};
	int r = loop_fd_add(loop, &loop->wake, err);
	if (r != 0)
		return r;
	read_clocks(loop);
	*out = take_ptr(loop);
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(!loop->running);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->heap);
	free(loop->posts.items);
	free(loop->draining.items);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int64_t loop_now_ms(const struct loop *loop)
{
	/* Before the first turn nobody refreshes the clock: a timer armed after a long start-up
	 * must not count from loop_new(). */
	return loop->running ? loop->now_ms : clock_mono_ms();
}

int64_t loop_wall_ms(const struct loop *loop)
{
	return loop->running ? loop->wall_ms : clock_wall_ms();
}

/* --- fds --- */

int loop_fd_add(struct loop *loop, struct loop_fd *w, struct err *err)
{
	struct epoll_event ev = {.events = w->events, .data.ptr = w};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
		return err_set(err, 1, "cannot watch fd %d: %s", w->fd, strerror(errno));
	w->loop = loop;
	return 0;
}

void loop_fd_events(struct loop_fd *w, uint32_t events)
{
	if (!w->loop || w->events == events)
		return;
	struct epoll_event ev = {.events = events, .data.ptr = w};
	w->events = events;
	epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
}

void loop_fd_remove(struct loop_fd *w)
{
	struct loop *loop = w->loop;
	if (!loop)
		return;
	/* Fails when the fd is closed already: then the kernel has forgotten it by itself. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = loop->next_event; i < loop->n_events; i++) {
		if (loop->events[i].data.ptr == w)
			loop->events[i].data.ptr = NULL;
	}
	w->loop = NULL;
}

static void dispatch_events(struct loop *loop)
{
	for (loop->next_event = 0; loop->next_event < loop->n_events;) {
		struct epoll_event *ev = &loop->events[loop->next_event++];
		struct loop_fd *w = ev->data.ptr;
		if (w)
			w->ready(w->cls, ev->events);
	}
	loop->n_events = 0;
}

/* --- timers: a binary min-heap; a timer knows its place --- */

static bool earlier(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void heap_put(struct loop *loop, size_t i, struct loop_timer *t)
{
	loop->heap[i] = t;
	t->heap = (uint32_t)i;
}

static void sift_up(struct loop *loop, size_t i)
{
	struct loop_timer *t = loop->heap[i];
	while (i > 0 && earlier(t, loop->heap[(i - 1) / 2])) {
		heap_put(loop, i, loop->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(loop, i, t);
}

static void sift_down(struct loop *loop, size_t i)
{
	struct loop_timer *t = loop->heap[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= loop->n_timers)
			break;
		if (child + 1 < loop->n_timers && earlier(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (!earlier(loop->heap[child], t))
			break;
		heap_put(loop, i, loop->heap[child]);
		i = child;
	}
	heap_put(loop, i, t);
}

void loop_timer_cancel(struct loop_timer *t)
{
	struct loop *loop = t->loop;
	if (!loop)
		return;
	size_t i = t->heap;
	struct loop_timer *last = loop->heap[--loop->n_timers];
	t->loop = NULL;
	if (last == t)
		return;
	heap_put(loop, i, last);
	sift_up(loop, i);
	sift_down(loop, last->heap);
}

void loop_timer_at(struct loop *loop, struct loop_timer *t, int64_t at_ms)
{
	loop_timer_cancel(t);
	if (loop->n_timers == loop->heap_cap) {
		size_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
		struct loop_timer **heap = realloc(loop->heap, cap * sizeof(*heap));
		if (!heap) {
			/* A timer that is lost would hang its owner: better to end. */
			loop_fail(loop, ERR_NOMEM);
			return;
		}
		loop->heap = heap;
		loop->heap_cap = cap;
	}
	int64_t now = loop_now_ms(loop);
	t->at_ms = at_ms > now ? at_ms : now;
	t->seq = loop->next_seq++;
	t->loop = loop;
	heap_put(loop, loop->n_timers++, t);
	sift_up(loop, t->heap);
}

void loop_timer_in(struct loop *loop, struct loop_timer *t, int64_t delay_ms)
{
	loop_timer_at(loop, t, loop_now_ms(loop) + (delay_ms > 0 ? delay_ms : 0));
}

static void fire_timers(struct loop *loop)
{
	uint64_t first_new = loop->next_seq;
	while (loop->n_timers > 0) {
		struct loop_timer *t = loop->heap[0];
		if (t->at_ms > loop->now_ms || t->seq >= first_new)
			break;
		loop_timer_cancel(t);
		t->fire(t->cls);
	}
}

/* Milliseconds epoll may sleep. The clock is read anew because this turn's work took time. */
static int wait_ms(const struct loop *loop)
{
	if (loop->n_timers == 0)
		return -1;
	int64_t left = loop->heap[0]->at_ms - clock_mono_ms();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

/* --- posts --- */

int loop_post(struct loop *loop, void (*fn)(void *cls), void *cls)
{
	int r = 0;
	pthread_mutex_lock(&loop->lock);
	struct posts *q = &loop->posts;
	bool was_empty = q->n == 0;
	size_t i = 0;
	while (i < q->n && (q->items[i].fn != fn || q->items[i].cls != cls))
		i++;
	if (i == q->n && q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 16;
		struct post *items = realloc(q->items, cap * sizeof(*items));
		if (items) {
			q->items = items;
			q->cap = cap;
		} else {
			r = ERR_NOMEM;
		}
	}
	if (r == 0 && i == q->n)
		q->items[q->n++] = (struct post){fn, cls};
	pthread_mutex_unlock(&loop->lock);
	if (r == 0 && was_empty)
		wake_up(loop);
	return r;
}

static void run_posts(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct posts taken = loop->posts;
	loop->posts = loop->draining;
	loop->draining = taken;
	pthread_mutex_unlock(&loop->lock);
	for (size_t i = 0; i < loop->draining.n; i++)
		loop->draining.items[i].fn(loop->draining.items[i].cls);
	loop->draining.n = 0;
}

/* --- signals --- */

static void on_signal(void *cls, uint32_t events)
{
	struct loop *loop = cls;
	struct signalfd_siginfo info[SIGNALS_PER_READ];
	ssize_t n = read(loop->signal_fd, info, sizeof(info));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++)
		loop->signal_fn(loop->signal_cls, (int)info[i].ssi_signo);
}

int loop_signals(struct loop *loop, const int *signals, int n, void (*fn)(void *cls, int signo),
		 void *cls, struct err *err)
{
	if (loop->signal_fd >= 0)
		return err_set(err, 1, "signals are watched already");
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	int r = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r != 0)
		return err_set(err, 1, "pthread_sigmask: %s", strerror(r));
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return err_set(err, 1, "signalfd: %s", strerror(errno));
	loop->signal_fn = fn;
	loop->signal_cls = cls;
	loop->signal = (struct loop_fd){
		.fd = loop->signal_fd, .events = EPOLLIN, .ready = on_signal, .cls = loop};
	return loop_fd_add(loop, &loop->signal, err);
}

/* --- the turn --- */

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	wake_up(loop);
}

void loop_fail(struct loop *loop, int code)
{
	int none = 0; /* the first failure is the cause, later ones its consequences */
	atomic_compare_exchange_strong(&loop->code, &none, code);
	loop_stop(loop);
}

int loop_run(struct loop *loop)
{
	loop->running = true;
	read_clocks(loop);
	while (!atomic_load(&loop->stop)) {
		int n = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, wait_ms(loop));
		if (n < 0 && errno != EINTR) {
			loop_fail(loop, ERR_FATAL);
			break;
		}
		loop->n_events = n > 0 ? n : 0;
		read_clocks(loop);
		dispatch_events(loop);
		run_posts(loop);
		fire_timers(loop);
	}
	loop->running = false;
	atomic_store(&loop->stop, false);
	return atomic_exchange(&loop->code, 0);
}
