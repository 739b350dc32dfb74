/* Signals to a process of its own, which does what one of these says. */
#include "signals.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { RELOADED = 10, STOPPED = 20, LONG_MS = 60000, SHORT_MS = 100 };

struct child {
	struct loop *loop;
	struct signals *signals;
	struct signals_options opt;
	int go; /* a byte tells the parent that signals may come */
	unsigned reloads;
	int code; /* of its end */
	unsigned until;
};

static void on_reload(void *cls)
{
	struct child *c = cls;
	c->reloads++;
	c->code = RELOADED;
	loop_stop(c->loop);
}

static void on_stop(void *cls)
{
	struct child *c = cls;
	if (signals_stops(c->signals) < c->until)
		return;
	c->code = STOPPED + (int)signals_stops(c->signals);
	loop_stop(c->loop);
}

static void tell(struct child *c)
{
	assert_int_equal(write(c->go, "", 1), 1);
}

static void hang(void)
{
	for (;;)
		pause();
}

static void starting(struct child *c)
{
	tell(c);
	hang();
}

static void turning(struct child *c)
{
	signals_ready(c->signals);
	tell(c);
	loop_run(c->loop);
}

static void standing_still(struct child *c)
{
	signals_ready(c->signals);
	tell(c);
	hang();
}

static void ending(struct child *c)
{
	signals_ready(c->signals);
	signals_end_by(c->signals, clock_mono_ms() + SHORT_MS);
	/* The first of several times holds. */
	signals_end_by(c->signals, clock_mono_ms() + LONG_MS);
	tell(c);
	hang();
}

/* A reload was asked for before anybody listened. */
static void asked_early(struct child *c)
{
	turning(c);
}

/* Nobody reads what it has to say. */
static void not_heard(struct child *c)
{
	int pipes[2];
	static const char bytes[65536];
	assert_int_equal(pipe2(pipes, 0), 0);
	assert_int_equal(write(pipes[1], bytes, sizeof bytes), sizeof bytes);
	dup2(pipes[1], STDERR_FILENO);
	ending(c);
}

static _Noreturn void be_child(void (*fn)(struct child *c), int go, int64_t stop_ms, unsigned until)
{
	struct err err = ERR_NULL;
	struct child c = {.go = go, .until = until};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	if (fn == asked_early) {
		signals_hold();
		kill(getpid(), SIGHUP);
	}
	if (loop_new(&c.loop, &err) != 0)
		_exit(99);
	c.opt = (struct signals_options){.loop = c.loop,
					 .reload = on_reload,
					 .stop = on_stop,
					 .cls = &c,
					 .stop_ms = stop_ms};
	if (signals_new(&c.opt, &c.signals, &err) != 0)
		_exit(98);
	fn(&c);
	signals_free(c.signals);
	loop_free(c.loop);
	_exit(c.code);
}

struct started {
	pid_t pid;
};

static struct started start(void (*fn)(struct child *c), int64_t stop_ms, unsigned until)
{
	int pipes[2];
	char byte;
	assert_int_equal(pipe(pipes), 0);
	struct started s = {fork()};
	if (s.pid == 0)
		be_child(fn, pipes[1], stop_ms, until);
	assert_true(s.pid > 0);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	return s;
}

static int code_of(struct started s)
{
	int status;
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_start_is_given_up(void **state)
{
	static const int signos[] = {SIGTERM, SIGINT};
	for (size_t i = 0; i < 2; i++) {
		struct started s = start(starting, LONG_MS, 1);
		kill(s.pid, SIGHUP);
		kill(s.pid, signos[i]);
		assert_int_equal(code_of(s), 0);
	}
}

static void the_loop_is_told(void **state)
{
	struct started s = start(turning, LONG_MS, 1);
	kill(s.pid, SIGHUP);
	assert_int_equal(code_of(s), RELOADED);
	s = start(turning, LONG_MS, 1);
	kill(s.pid, SIGTERM);
	assert_int_equal(code_of(s), STOPPED + 1);
	assert_int_equal(code_of(start(asked_early, LONG_MS, 1)), RELOADED);
	/* Two at once are two. */
	s = start(turning, LONG_MS, 2);
	kill(s.pid, SIGTERM);
	kill(s.pid, SIGINT);
	assert_int_equal(code_of(s), STOPPED + 2);
}

/* The first signal begins the time that a stop may take. */
static void what_stands_still_is_ended(void **state)
{
	struct started s = start(standing_still, SHORT_MS, 1);
	kill(s.pid, SIGTERM);
	assert_int_equal(code_of(s), SIGNALS_FORCED);
	s = start(ending, LONG_MS, 1);
	assert_int_equal(code_of(s), SIGNALS_FORCED);
	s = start(not_heard, LONG_MS, 1);
	assert_int_equal(code_of(s), SIGNALS_FORCED);
}

static void a_second_signal_shortens_it(void **state)
{
	struct started s = start(standing_still, LONG_MS, 1);
	int64_t began = clock_mono_ms();
	kill(s.pid, SIGTERM);
	kill(s.pid, SIGINT);
	assert_int_equal(code_of(s), SIGNALS_FORCED);
	assert_true(clock_mono_ms() - began < LONG_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_is_given_up),
		cmocka_unit_test(the_loop_is_told),
		cmocka_unit_test(what_stands_still_is_ended),
		cmocka_unit_test(a_second_signal_shortens_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
