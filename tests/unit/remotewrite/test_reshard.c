/* The number of shards in simulated hours: a log that fills, a peer that takes time. */
#include "cmocka_all.h"

#include "../../../remotewrite/reshard.h"

#include <math.h>

enum { TICK_MS = 100, MAX_SAMPLES = 2000 };

struct scene {
	/* The peer: how long one request takes, and what it can take from all shards. */
	double request_ms, capacity;
	bool away, throttles;
	double skew;      /* how many times its even part the busiest shard has */
	double fails;     /* of the requests, those that fail and are sent again */
	double load;      /* samples a second */
	uint32_t burst_s; /* all of it at once, so often */
	uint32_t min, max;
	/* going on */
	struct reshard r;
	double logged, done, answers, failed, busy_ms, busiest_ms;
	int64_t now_ms;
	uint32_t shards, most;
	unsigned changes, turns_back; /* a change against the one before */
	int direction;
};

static struct scene scene(double request_ms, double load)
{
	return (struct scene){.request_ms = request_ms,
			      .capacity = 1e12,
			      .load = load,
			      .min = 1,
			      .max = 50,
			      .shards = 1,
			      .now_ms = 1000000};
}

static void change(struct scene *s, uint32_t n)
{
	int direction = n > s->shards ? 1 : -1;
	if (n == s->shards)
		return;
	s->changes++;
	s->turns_back += s->direction != 0 && direction != s->direction;
	s->direction = direction;
	s->shards = n;
	s->most = n > s->most ? n : s->most;
}

static void tick(struct scene *s)
{
	double second = TICK_MS / 1000.0;
	s->now_ms += TICK_MS;
	if (s->burst_s == 0)
		s->logged += s->load * second;
	else if (s->now_ms % (s->burst_s * 1000) == 0)
		s->logged += s->load * s->burst_s;
	double a_shard = MAX_SAMPLES * 1000 / s->request_ms;
	/* With everything even all shards give their all; else the first has `skew` times its part,
	 * and the others wait for it. */
	double all =
		s->skew > 1 && s->shards > 1 ? a_shard * s->shards / s->skew : a_shard * s->shards;
	double can = all < s->capacity ? all : s->capacity;
	double n = s->logged - s->done < can * second ? s->logged - s->done : can * second;
	if (s->away)
		n = 0;
	/* Where the peer is what is short, requests of all shards wait for it. */
	double busy = can > 0 ? n / (can * second) : 0;
	double skew = s->skew > 1 && s->shards > 1 ? s->skew : 1;
	s->busy_ms += TICK_MS * s->shards * (s->away ? 0 : busy) / skew;
	s->busiest_ms += TICK_MS * (s->away ? 0 : busy);
	s->done += n;
	double requests = s->away ? second / 5 * s->shards : n / MAX_SAMPLES;
	s->answers += requests;
	s->failed += s->away ? requests : requests * s->fails;
	/* Requests that are not full wait for five seconds. */
	if (n > 0 && s->now_ms % 5000 == 0)
		s->answers += s->shards;
	const struct reshard_in in = {
		.now_ms = s->now_ms,
		.logged = (uint64_t)s->logged,
		.done = (uint64_t)s->done,
		.answers = (uint64_t)s->answers,
		.busy_ms = (int64_t)s->busy_ms,
		.busiest_ms = (int64_t)s->busiest_ms,
		.failed = (uint64_t)s->failed,
		.held = s->throttles,
		.shards = s->shards,
		.min = s->min,
		.max = s->max,
		.max_samples = MAX_SAMPLES,
	};
	change(s, reshard_wanted(&s->r, &in));
	if (reshard_begun(&s->r, s->now_ms))
		s->busiest_ms = 0;
	assert_in_range(s->shards, s->min, s->max);
}

static void run(struct scene *s, int seconds)
{
	for (int i = 0; i < seconds * 1000 / TICK_MS; i++)
		tick(s);
}

static double queued(const struct scene *s)
{
	return s->logged - s->done;
}

/* Seconds until next to nothing waits. */
static int catch_up(struct scene *s, int limit_s)
{
	for (int i = 0; i < limit_s; i++) {
		if (queued(s) < s->load * 2 + MAX_SAMPLES)
			return i;
		run(s, 1);
	}
	fail_msg("%g samples still wait after %d s", queued(s), limit_s);
	return limit_s;
}

static void test_steady(void **state)
{
	static const double loads[] = {5, 200, 1000, 20000, 35000};
	for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		struct scene s = scene(50, loads[i]);
		run(&s, 3600);
		assert_int_equal(s.changes, 0);
	}
}

/* As many as are needed come and stay; they go when the load is gone. */
static void test_step(void **state)
{
	struct scene s = scene(200, 1000); /* 10,000 samples a second and shard */
	run(&s, 600);
	assert_int_equal(s.changes, 0);
	s.load = 30000;
	run(&s, 240);
	assert_true(queued(&s) < 10000);
	assert_in_range(s.shards, 4, 8);
	run(&s, 3600);
	assert_in_range(s.shards, 4, 8);
	assert_true(s.turns_back <= 1);
	s.load = 1000;
	run(&s, 300);
	assert_int_equal(s.shards, 1);
	assert_true(s.turns_back <= 2);
	unsigned changes = s.changes;
	run(&s, 3600);
	assert_int_equal(s.changes, changes);
}

/* One shard has far more than its part: the others' rest must not hide it. */
static void test_uneven(void **state)
{
	struct scene s = scene(200, 20000);
	s.skew = 1.6;
	run(&s, 300);
	assert_true(queued(&s) < 10000);
	assert_in_range(s.shards, 4, 8);
	run(&s, 3600);
	assert_true(s.turns_back <= 2);
	s.load = 100;
	run(&s, 400);
	assert_int_equal(s.shards, 1);
}

static void test_outage(void **state)
{
	struct scene s = scene(50, 20000); /* 40,000 samples a second and shard */
	run(&s, 600);
	s.away = true;
	run(&s, 3600);
	assert_int_equal(s.changes, 0);
	s.away = false;
	/* One shard would take an hour. */
	assert_true(catch_up(&s, 600) <= 300);
	assert_in_range(s.most, 4, 50);
	run(&s, 300);
	assert_int_equal(s.shards, 1);
	assert_true(s.turns_back <= 1);
	unsigned changes = s.changes;
	run(&s, 3600);
	assert_int_equal(s.changes, changes);
}

/* What the peer can take is less than what shards could send: more of them are tried, given back,
 * and tried again more and more rarely. */
static void test_slow_peer(void **state)
{
	struct scene s = scene(50, 20000);
	s.capacity = 30000;
	s.logged = 100e6;
	run(&s, 3600);
	assert_in_range(s.most, 1, 2);
	assert_true(s.changes <= 20);
	int limit = (int)(queued(&s) / 10000) + 60;
	catch_up(&s, limit);
	run(&s, 300);
	assert_int_equal(s.shards, 1);
}

/* Latency far above the window. */
static void test_distant_peer(void **state)
{
	struct scene s = scene(8000, 2000); /* 250 samples a second and shard */
	run(&s, 1200);
	/* A request under way for each shard, and one that waits. */
	assert_true(queued(&s) <= 2 * s.shards * MAX_SAMPLES);
	assert_in_range(s.shards, 8, 32);
	run(&s, 3600);
	assert_true(s.turns_back <= 2);
}

/* A failure now and then does not keep a backlog from going. */
static void test_flaky_peer(void **state)
{
	struct scene s = scene(200, 30000);
	s.fails = 0.05;
	run(&s, 600);
	assert_in_range(s.shards, 4, 8);
	assert_true(queued(&s) < 10000);
	s = scene(200, 30000);
	s.fails = 0.5;
	run(&s, 600);
	assert_int_equal(s.changes, 0);
}

static void test_throttling_peer(void **state)
{
	struct scene s = scene(50, 100000);
	s.throttles = true;
	run(&s, 1200);
	assert_int_equal(s.changes, 0);
	s.throttles = false;
	run(&s, 60);
	assert_true(s.shards > 1);
	uint32_t n = s.shards;
	s.throttles = true;
	s.load = 10;
	run(&s, 1200);
	assert_int_equal(s.shards, n);
}

/* One target with a long interval: all comes at once, and there is time for it. */
static void test_bursts(void **state)
{
	struct scene s = scene(500, 50000 / 60.0);
	s.burst_s = 60;
	run(&s, 3600);
	assert_int_equal(s.changes, 0);
	s.shards = 32;
	run(&s, 600);
	assert_int_equal(s.shards, 1);
	run(&s, 3600);
	assert_int_equal(s.shards, 1);
}

static void test_bounds(void **state)
{
	struct scene s = scene(200, 1000);
	s.min = s.shards = 4;
	run(&s, 600);
	assert_int_equal(s.shards, 4);
	assert_int_equal(s.changes, 0);
	s.max = 5;
	s.load = 1e6;
	run(&s, 600);
	assert_int_equal(s.shards, 5);
	/* Other bounds count at once. */
	s.max = 4;
	s.min = 2;
	tick(&s);
	assert_int_equal(s.shards, 4);
	s.min = s.max = 9;
	tick(&s);
	assert_int_equal(s.shards, 9);
}

/* Whatever the load does, the number follows it within its bounds and comes to rest. */
static void test_any_load(void **state)
{
	uint64_t x = 88172645463325252u;
	for (int round = 0; round < 40; round++) {
		struct scene s = scene(10 + (double)(round * 37 % 400), 0);
		s.max = 1 + (uint32_t)round % 50;
		for (int i = 0; i < 40; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			s.load = pow(10, (double)(x % 45) / 10);
			s.away = x % 7 == 0;
			run(&s, 30);
		}
		s.load = 10;
		s.away = false;
		catch_up(&s, 3600 * 24);
		run(&s, 400);
		assert_int_equal(s.shards, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),     cmocka_unit_test(test_step),
		cmocka_unit_test(test_uneven),     cmocka_unit_test(test_outage),
		cmocka_unit_test(test_slow_peer),  cmocka_unit_test(test_distant_peer),
		cmocka_unit_test(test_flaky_peer), cmocka_unit_test(test_throttling_peer),
		cmocka_unit_test(test_bursts),     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_any_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
