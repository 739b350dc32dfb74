#include "signals.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* A post for which there is no memory is tried again after this long. */
enum { RETRY_MS = 100 };

struct signals {
	struct signals_options opt;
	pthread_t thread;
	int signal_fd, wake_fd;
	atomic_bool ready, ended;
	atomic_uint stops;
	atomic_llong end_by_ms;      /* monotonic; 0 = not */
	bool reload_owed, stop_owed; /* the thread's own */
};

static void wake(struct signals *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->wake_fd, &one, sizeof one);
	(void)n;
}

/* A pipe that nobody reads must not be what keeps the process. */
static bool may_log(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static _Noreturn void end_by_force(void)
{
	if (may_log())
		log_error("ended by force: something stands still; what is not in the log is lost");
	_exit(SIGNALS_FORCED);
}

void signals_end_by(struct signals *s, int64_t mono_ms)
{
	long long was = atomic_load(&s->end_by_ms);
	while ((was == 0 || mono_ms < was) &&
	       !atomic_compare_exchange_weak(&s->end_by_ms, &was, mono_ms))
		;
	wake(s);
}

static void take(struct signals *s, uint32_t signo)
{
	if (signo == SIGHUP) {
		s->reload_owed = true;
		return;
	}
	if (!atomic_load(&s->ready)) {
		if (may_log())
			log_info("stopped before the start was over", "signal",
				 signo == SIGTERM ? "SIGTERM" : "SIGINT");
		_exit(0);
	}
	bool first = atomic_fetch_add(&s->stops, 1) == 0;
	if (first && may_log())
		log_info("stopping", "signal", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	signals_end_by(s, clock_mono_ms() + (first ? s->opt.stop_ms : SIGNALS_HURRY_MS));
	s->stop_owed = true;
}

static void post_owed(struct signals *s)
{
	if (s->reload_owed && loop_post(s->opt.loop, s->opt.reload, s->opt.cls) == 0)
		s->reload_owed = false;
	if (s->stop_owed && loop_post(s->opt.loop, s->opt.stop, s->opt.cls) == 0)
		s->stop_owed = false;
}

static int wait_ms(struct signals *s)
{
	long long end = atomic_load(&s->end_by_ms);
	int64_t left = end ? end - clock_mono_ms() : -1;
	if (end && left <= 0)
		end_by_force();
	if ((s->reload_owed || s->stop_owed) && (left < 0 || left > RETRY_MS))
		return RETRY_MS;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void *run(void *cls)
{
	struct signals *s = cls;
	struct pollfd fds[] = {{.fd = s->signal_fd, .events = POLLIN},
			       {.fd = s->wake_fd, .events = POLLIN}};
	pthread_setname_np(pthread_self(), "signals");
	while (!atomic_load(&s->ended)) {
		struct signalfd_siginfo info;
		uint64_t count;
		if (poll(fds, 2, wait_ms(s)) < 0 && errno != EINTR)
			break;
		while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
			take(s, info.ssi_signo);
		ssize_t n = read(s->wake_fd, &count, sizeof count);
		(void)n;
		post_owed(s);
	}
	return NULL;
}

static void close_all(struct signals *s)
{
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}
DEFINE_CLEANUP_PTR(struct signals, close_all)

void signals_hold(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int signals_new(const struct signals_options *opt, struct signals **out, struct err *err)
{
	_cleanup_(close_allp) struct signals *s = calloc(1, sizeof *s);
	sigset_t set;
	if (!s)
		return err_set(err, 1, "out of memory");
	s->opt = *opt;
	s->signal_fd = s->wake_fd = -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	int r = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (r != 0)
		return err_set(err, 1, "pthread_sigmask: %s", strerror(r));
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->signal_fd < 0 || s->wake_fd < 0)
		return err_set(err, 1, "signals cannot be watched: %s", strerror(errno));
	r = pthread_create(&s->thread, NULL, run, s);
	if (r != 0)
		return err_set(err, 1, "a thread cannot be started: %s", strerror(r));
	*out = take_ptr(s);
	return 0;
}

void signals_ready(struct signals *s)
{
	atomic_store(&s->ready, true);
}

unsigned signals_stops(struct signals *s)
{
	return atomic_load(&s->stops);
}

void signals_free(struct signals *s)
{
	if (!s)
		return;
	atomic_store(&s->ended, true);
	wake(s);
	pthread_join(s->thread, NULL);
	close_all(s);
}
