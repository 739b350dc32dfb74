/* Pacing against simulated peers: a bucket of so many samples a second, and shards that send, wait
 * and come back as those of a destination do.
 */
#include "cmocka_all.h"

#include "../../../remotewrite/pace.h"

enum {
	SHARDS_MAX = 16,
	REQUEST = 2000,
	LATENCY_MS = 20,
	MIN_BACKOFF_MS = 30,
	MAX_BACKOFF_MS = 5000
};

struct scene {
	double limit, burst; /* the peer's, in samples a second and samples */
	unsigned stray;      /* of so many requests one is refused for nothing; 0 = none */
	double demand;       /* what there is to send, a second; 0 = always some */
	unsigned shards;
	struct pace p;
	int64_t now_ms;
	double bucket, waiting;
	struct {
		int64_t answer_ms, retry_ms, backoff_ms;
	} v[SHARDS_MAX];
	uint64_t delivered, refused, random;
};

static struct scene scene(double limit, double burst, unsigned shards)
{
	return (struct scene){.limit = limit,
			      .burst = burst,
			      .bucket = burst,
			      .shards = shards,
			      .now_ms = 1000000};
}

static void answer(struct scene *s, unsigned i)
{
	s->v[i].answer_ms = 0;
	s->random = s->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	bool stray = s->stray > 0 && (s->random >> 33) % s->stray == 0;
	if (s->bucket >= REQUEST && !stray) {
		s->bucket -= REQUEST;
		s->delivered += REQUEST;
		s->v[i].backoff_ms = 0;
		pace_taken(&s->p, s->now_ms, REQUEST);
		return;
	}
	s->refused++;
	s->waiting += REQUEST;
	pace_refused(&s->p, s->now_ms);
	int64_t ms = s->v[i].backoff_ms ? s->v[i].backoff_ms * 2 : MIN_BACKOFF_MS;
	s->v[i].backoff_ms = ms < MAX_BACKOFF_MS ? ms : MAX_BACKOFF_MS;
	s->v[i].retry_ms = s->now_ms + s->v[i].backoff_ms;
}

static void tick(struct scene *s)
{
	s->now_ms++;
	s->bucket += s->limit / 1000;
	if (s->bucket > s->burst)
		s->bucket = s->burst;
	s->waiting += s->demand / 1000;
	for (unsigned i = 0; i < s->shards; i++) {
		if (s->v[i].answer_ms != 0 && s->v[i].answer_ms <= s->now_ms)
			answer(s, i);
		if (s->v[i].answer_ms != 0 || s->v[i].retry_ms > s->now_ms ||
		    (s->demand > 0 && s->waiting < REQUEST) ||
		    pace_next(&s->p, s->now_ms) > s->now_ms)
			continue;
		pace_spend(&s->p, s->now_ms, REQUEST);
		s->waiting -= REQUEST;
		s->v[i].answer_ms = s->now_ms + LATENCY_MS;
	}
}

static void run(struct scene *s, int seconds)
{
	for (int i = 0; i < seconds * 1000; i++)
		tick(s);
}

struct seen {
	double rate, refused; /* a second; a minute */
};

static struct seen watch(struct scene *s, int seconds)
{
	uint64_t delivered = s->delivered, refused = s->refused;
	run(s, seconds);
	return (struct seen){(double)(s->delivered - delivered) / seconds,
			     (double)(s->refused - refused) * 60 / seconds};
}

static void test_unpaced(void **state)
{
	struct scene s = scene(1e9, 1e9, 4);
	run(&s, 60);
	assert_int_equal(s.refused, 0);
	assert_true(s.p.rate == 0);
	assert_false(pace_holds(&s.p));
	assert_int_equal(pace_next(&s.p, 7), 7);
}

/* Nearly all that the peer takes, with few refusals. */
static void test_settles(void **state)
{
	static const double limits[] = {1000, 5000, 70000, 300000};
	static const double bursts[] = {1, 14};
	static const unsigned shards[] = {1, 4, 16};
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 2; k++) {
			for (size_t n = 0; n < 3; n++) {
				double burst = limits[i] * bursts[k];
				struct scene s =
					scene(limits[i], burst < 4000 ? 4000 : burst, shards[n]);
				double most = shards[n] * REQUEST * 1000.0 / LATENCY_MS;
				run(&s, 120);
				struct seen seen = watch(&s, 600);
				double want = most < limits[i] ? most : limits[i];
				if (seen.rate < 0.9 * want || seen.rate > 1.01 * want)
					fail_msg("limit %g burst %g shards %u: %g delivered",
						 limits[i], burst, shards[n], seen.rate);
				if (seen.refused > 12 + 0.01 * 60 * want / REQUEST)
					fail_msg("limit %g burst %g shards %u: %g refused a minute",
						 limits[i], burst, shards[n], seen.refused);
			}
		}
	}
}

/* Without pacing the same shards are refused far more often: what the bound above is worth. */
static void test_what_it_saves(void **state)
{
	struct scene s = scene(20000, 20000, 8);
	run(&s, 120);
	struct seen paced = watch(&s, 300);
	uint64_t refused = 0;
	s = scene(20000, 20000, 8);
	for (int i = 0; i < 300000; i++) {
		tick(&s);
		s.p = (struct pace){0};
	}
	refused = s.refused;
	assert_true(paced.refused * 5 * 10 < (double)refused);
}

static void test_limit_changes(void **state)
{
	struct scene s = scene(50000, 100000, 4);
	run(&s, 120);
	s.limit = 10000;
	run(&s, 60);
	struct seen seen = watch(&s, 300);
	assert_true(seen.rate > 0.9 * 10000);
	assert_true(seen.refused < 12);
	s.limit = 50000;
	run(&s, 360);
	seen = watch(&s, 300);
	assert_true(seen.rate > 0.9 * 50000);
	/* A load below the limit: after a quiet time nothing is held back any more. */
	s.demand = 20000;
	s.waiting = 0;
	run(&s, 330);
	assert_true(s.p.rate == 0);
	assert_false(pace_holds(&s.p));
}

/* It begins with what went through, not with a guess. */
static void test_begins_with_what_went(void **state)
{
	struct pace p = {0};
	int64_t now = 500000;
	for (int i = 0; i < 100; i++, now += 100)
		pace_taken(&p, now, 1000);
	pace_refused(&p, now);
	assert_true(p.rate > 8500 && p.rate < 9500);
	/* Refusals of requests that were under way are not cuts of their own. */
	double rate = p.rate;
	for (int i = 0; i < 16; i++)
		pace_refused(&p, now + i);
	assert_true(p.rate >= rate && p.rate < rate * 1.01);
	pace_refused(&p, now + 1100);
	assert_true(p.rate < rate && p.rate > rate * 0.45);
	assert_true(pace_holds(&p));
}

/* Refused before anything was taken: the rate is found by going up fast. */
static void test_begins_blind(void **state)
{
	struct scene s = scene(50000, 50000, 4);
	s.bucket = 0;
	run(&s, 60);
	struct seen seen = watch(&s, 60);
	assert_true(seen.rate > 0.9 * 50000);
	assert_true(s.refused < 60);
}

/* After a time in which nothing was taken it is soon as before. */
static void test_nothing_for_a_while(void **state)
{
	struct scene s = scene(50000, 50000, 4);
	run(&s, 60);
	s.limit = 0;
	run(&s, 300);
	uint64_t refused = s.refused;
	s.limit = 50000;
	run(&s, 60);
	struct seen seen = watch(&s, 120);
	assert_true(seen.rate > 0.9 * 50000);
	/* Meanwhile it was asked now and then. */
	assert_in_range(refused, 20, 600);
}

/* Refusals that have nothing to do with the rate: rare ones change nothing, and when there were
 * many it goes on as before soon after the last. */
static void test_stray_refusals(void **state)
{
	struct scene s = scene(1e9, 1e9, 4);
	struct seen free = watch(&s, 60);
	s.stray = 100;
	struct seen rare = watch(&s, 300);
	assert_true(rare.refused > 60);
	assert_true(rare.rate > 0.7 * free.rate);
	s.stray = 2;
	run(&s, 60);
	s.stray = 0;
	run(&s, 120);
	assert_true(watch(&s, 60).rate > 0.9 * free.rate);
}

/* A peer that takes nothing at all: slowly, but never not at all. */
static void test_floor(void **state)
{
	struct pace p = {0};
	int64_t now = 500000;
	pace_taken(&p, now, 1000000);
	for (int i = 0; i < 200; i++, now += 2000)
		pace_refused(&p, now);
	assert_true(p.rate >= 1000);
	pace_spend(&p, now, 20000);
	int64_t next = pace_next(&p, now);
	assert_in_range(next, now + 1, now + 21000);
	assert_int_equal(pace_next(&p, next + 1), next + 1);
}

static void test_larger_requests(void **state)
{
	struct pace p = {0};
	int64_t now = 500000;
	assert_int_equal(pace_max_samples(&p, now, 2000), 2000);
	assert_int_equal(pace_deadline_ms(&p, now, 5000), 5000);
	pace_refused_requests(&p, now);
	for (int i = 0; i < 10; i++)
		pace_refused_requests(&p, now + i);
	assert_true(pace_holds(&p));
	assert_int_equal(pace_max_samples(&p, now, 2000), 4000);
	assert_int_equal(pace_deadline_ms(&p, now, 5000), 10000);
	for (int i = 0; i < 9; i++)
		pace_refused_requests(&p, now += 5000);
	assert_int_equal(pace_max_samples(&p, now, 2000), 16000);
	assert_int_equal(pace_max_samples(&p, now, 10000), 20000);
	assert_int_equal(pace_max_samples(&p, now, 30000), 30000);
	assert_int_equal(pace_deadline_ms(&p, now, 5000), 30000);
	assert_int_equal(pace_deadline_ms(&p, now, 60000), 60000);
	/* Step by step as before, and not paced by samples all the while. */
	assert_int_equal(pace_next(&p, now), now);
	assert_int_equal(pace_max_samples(&p, now + 60000, 2000), 8000);
	assert_int_equal(pace_max_samples(&p, now + 180000, 2000), 2000);
	assert_false(pace_holds(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unpaced),
		cmocka_unit_test(test_settles),
		cmocka_unit_test(test_what_it_saves),
		cmocka_unit_test(test_limit_changes),
		cmocka_unit_test(test_begins_with_what_went),
		cmocka_unit_test(test_begins_blind),
		cmocka_unit_test(test_nothing_for_a_while),
		cmocka_unit_test(test_stray_refusals),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_larger_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
