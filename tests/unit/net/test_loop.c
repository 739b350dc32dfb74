/* The loop: order of timers, what callbacks may do to watchers and timers, posts, signals. */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct loop *loop;

static int setup(void **state)
{
	struct err err = ERR_NULL;
	return loop_new(&loop, &err);
}

static int teardown(void **state)
{
	loop_free(loop);
	return 0;
}

static void stop(void *cls)
{
	loop_stop(loop);
}

struct noted {
	struct loop_timer timer;
	int id;
	struct noted *cancels; /* when it fires */
	struct noted *arms;
	int64_t arm_in;
};

static int order[2000], n_order;

static void note(void *cls)
{
	struct noted *n = cls;
	assert_false(loop_timer_armed(&n->timer));
	order[n_order++] = n->id;
	if (n->cancels)
		loop_timer_cancel(&n->cancels->timer);
	if (n->arms)
		loop_timer_in(loop, &n->arms->timer, n->arm_in);
}

static void arm(struct noted *n, int id, int64_t at_ms)
{
	n->id = id;
	n->timer.fire = note;
	n->timer.cls = n;
	loop_timer_at(loop, &n->timer, at_ms);
}

static void run_for(int64_t ms)
{
	struct loop_timer end = {.fire = stop};
	loop_timer_in(loop, &end, ms);
	rig_run(loop);
}

static void timers_fire_in_order(void **state)
{
	enum { N = 1000 };
	static struct noted timers[N];
	int64_t now = loop_now_ms(loop);
	n_order = 0;
	memset(timers, 0, sizeof(timers));
	for (int i = 0; i < N; i++)
		arm(&timers[i], i, now + (i * 7919) % 20);
	for (int i = 0; i < N; i += 3)
		loop_timer_cancel(&timers[i].timer);
	for (int i = 1; i < N; i += 3) /* moved: by time, then by the order of arming */
		loop_timer_at(loop, &timers[i].timer, now + 20 - (i * 7919) % 20);
	run_for(40);
	assert_int_equal(n_order, N - (N + 2) / 3);
	for (int i = 1; i < n_order; i++) {
		const struct loop_timer *a = &timers[order[i - 1]].timer;
		const struct loop_timer *b = &timers[order[i]].timer;
		assert_true(a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->seq < b->seq));
	}
}

static void a_timer_cancels_and_arms_others(void **state)
{
	struct noted a = {0}, b = {0}, c = {0};
	int64_t now = loop_now_ms(loop);
	n_order = 0;
	a.cancels = &b;
	a.arms = &c;
	arm(&a, 1, now);
	arm(&b, 2, now);
	c.id = 3;
	c.timer.fire = note;
	c.timer.cls = &c;
	run_for(5);
	assert_int_equal(n_order, 2);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 3);
}

/* A timer that re-arms itself for "at once" must let others have their turn. */
static int rounds;

static void again(void *cls)
{
	struct loop_timer *t = cls;
	rounds++;
	loop_timer_at(loop, t, 0);
}

static void readable(void *cls, uint32_t events)
{
	loop_stop(loop);
}

static void a_busy_timer_does_not_starve_fds(void **state)
{
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	struct loop_timer t = {.fire = again, .cls = &t};
	struct loop_fd w = {.fd = fds[0], .events = EPOLLIN, .ready = readable};
	assert_int_equal(loop_fd_add(loop, &w, NULL), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	loop_timer_in(loop, &t, 0);
	rig_run(loop);
	assert_true(rounds < 10);
	loop_timer_cancel(&t);
	loop_fd_remove(&w);
	close(fds[0]);
	close(fds[1]);
}

/* --- fds --- */

struct pair {
	int fds[2];
	struct loop_fd w;
	struct pair *other;
	int called;
};

static void pair_open(struct pair *p)
{
	assert_int_equal(pipe2(p->fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(p->fds[1], "x", 1), 1);
	p->w.fd = p->fds[0];
	p->w.events = EPOLLIN;
	p->w.cls = p;
	assert_int_equal(loop_fd_add(loop, &p->w, NULL), 0);
}

static void pair_close(struct pair *p)
{
	loop_fd_remove(&p->w);
	assert_null(p->w.loop);
	close(p->fds[0]);
	close(p->fds[1]);
}

/* Whoever is called first takes the other one away and opens new pipes, which get its numbers. */
static void remove_other(void *cls, uint32_t events)
{
	struct pair *p = cls;
	char c;
	p->called++;
	assert_int_equal(read(p->w.fd, &c, 1), 1);
	if (p->other) {
		struct pair *other = take_ptr(p->other);
		int number = other->fds[0];
		pair_close(other);
		other->other = NULL;
		pair_open(other);
		assert_int_equal(other->fds[0], number);
	}
}

static void watcher_removed_in_a_callback(void **state)
{
	struct pair a = {.w.ready = remove_other}, b = {.w.ready = remove_other};
	a.other = &b;
	b.other = &a;
	pair_open(&a);
	pair_open(&b);
	run_for(5);
	assert_int_equal(a.called, 1);
	assert_int_equal(b.called, 1); /* by its new pipe, in a later turn */
	pair_close(&a);
	pair_close(&b);
	loop_fd_remove(&a.w); /* again: nothing */
}

static void fd_errors_and_events(void **state)
{
	struct err err = ERR_NULL;
	struct loop_fd bad = {.fd = -1, .events = EPOLLIN};
	assert_int_equal(loop_fd_add(loop, &bad, &err), 1);
	assert_non_null(strstr(err.msg, "-1"));
	struct pair p = {.w.ready = remove_other};
	pair_open(&p);
	loop_fd_events(&p.w, 0);
	run_for(3);
	assert_int_equal(p.called, 0);
	loop_fd_events(&p.w, EPOLLIN);
	run_for(3);
	assert_int_equal(p.called, 1);
	pair_close(&p);
}

/* --- posts --- */

static int posts_a, posts_b;

static void post_a(void *cls)
{
	posts_a++;
}

static void post_b(void *cls)
{
	posts_b++;
	if (cls && posts_b < 5)
		loop_post(loop, post_b, cls);
	else
		loop_stop(loop);
}

static void posts_are_merged(void **state)
{
	int x;
	posts_a = posts_b = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(loop_post(loop, post_a, NULL), 0);
	assert_int_equal(loop_post(loop, post_a, &x), 0);
	for (int i = 0; i < 40; i++) /* more than the first allocation */
		assert_int_equal(loop_post(loop, post_a, (char *)&x + 1 + i), 0);
	assert_int_equal(loop_post(loop, post_b, &x), 0);
	rig_run(loop);
	assert_int_equal(posts_a, 42);
	assert_int_equal(posts_b, 5); /* what a post posts runs too */
}

static void *post_from_thread(void *cls)
{
	for (int i = 0; i < 1000; i++)
		loop_post(loop, post_a, NULL);
	loop_post(loop, post_b, NULL);
	return NULL;
}

static void posts_come_from_threads(void **state)
{
	pthread_t thread;
	posts_a = posts_b = 0;
	assert_int_equal(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
	rig_run(loop);
	pthread_join(thread, NULL);
	run_for(1);
	assert_true(posts_a >= 1 && posts_a <= 1000);
	assert_int_equal(posts_b, 1);
}

/* --- the rest --- */

static void fail_twice(void *cls)
{
	loop_fail(loop, -7);
	loop_fail(loop, -8);
}

static void failure_is_returned_once(void **state)
{
	struct loop_timer t = {.fire = fail_twice};
	loop_timer_in(loop, &t, 0);
	assert_int_equal(loop_run(loop), -7);
	loop_stop(loop); /* before the run: ends it at once */
	assert_int_equal(loop_run(loop), 0);
}

static int caught;

static void on_signal(void *cls, int signo)
{
	caught = signo;
	loop_stop(loop);
}

static void signals_arrive_on_the_loop(void **state)
{
	const int signals[] = {SIGUSR1, SIGUSR2};
	struct err err = ERR_NULL;
	assert_int_equal(loop_signals(loop, signals, 2, on_signal, NULL, &err), 0);
	assert_int_equal(loop_signals(loop, signals, 2, on_signal, NULL, &err), 1);
	raise(SIGUSR2);
	rig_run(loop);
	assert_int_equal(caught, SIGUSR2);
}

static void check_now(void *cls)
{
	int64_t now = loop_now_ms(loop), wall = loop_wall_ms(loop);
	usleep(3000);
	assert_int_equal(loop_now_ms(loop), now);
	assert_int_equal(loop_wall_ms(loop), wall);
	loop_stop(loop);
}

static void one_now_a_turn(void **state)
{
	struct loop_timer t = {.fire = check_now};
	int64_t before = loop_now_ms(loop);
	usleep(3000);
	assert_true(loop_now_ms(loop) > before); /* not running: the clock itself */
	loop_timer_in(loop, &t, 1);
	rig_run(loop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_order),
		TEST(a_timer_cancels_and_arms_others),
		TEST(a_busy_timer_does_not_starve_fds),
		TEST(watcher_removed_in_a_callback),
		TEST(fd_errors_and_events),
		TEST(posts_are_merged),
		TEST(posts_come_from_threads),
		TEST(failure_is_returned_once),
		TEST(signals_arrive_on_the_loop),
		TEST(one_now_a_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
