/* When sources are asked again: by simulation, event by event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "refresh.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t lives[] = {3 * SECOND, 20 * SECOND, 15 * MINUTE, 20 * MINUTE,
				HOUR,       90 * MINUTE, 6 * HOUR,    24 * HOUR};
enum { N_LIVES = sizeof lives / sizeof lives[0] };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state ^ (*state >> 29);
}

static uint64_t stir_seed(uint64_t seed, unsigned n)
{
	uint64_t state = seed * 1000 + n;
	next_random(&state);
	return next_random(&state);
}

static struct refresh fresh(int64_t at_ms, int64_t life_ms)
{
	return (struct refresh){.fetched_ms = at_ms, .life_ms = life_ms, .forced_ms = INT64_MIN};
}

/* Where the first fetch may lie, by life. */
static void advisory_windows(void **state)
{
	static const struct {
		int64_t life_ms, first_ms, last_ms;
	} cases[] = {
		{3 * SECOND, 1500, 2100},
		{MINUTE, 30 * SECOND, 42 * SECOND},
		{10 * MINUTE, 5 * MINUTE, 9 * MINUTE},
		{15 * MINUTE, 10 * MINUTE, 14 * MINUTE},
		{20 * MINUTE, 15 * MINUTE, 19 * MINUTE},
		{21 * MINUTE, 10 * MINUTE + 30 * SECOND, 20 * MINUTE},
		{HOUR, 45 * MINUTE, 59 * MINUTE},
		{89 * MINUTE, 74 * MINUTE, 88 * MINUTE},
		{90 * MINUTE, 45 * MINUTE, 89 * MINUTE},
		{6 * HOUR, 5 * HOUR, 6 * HOUR - MINUTE},
		{24 * HOUR, 23 * HOUR, 24 * HOUR - MINUTE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct refresh r = fresh(5000, cases[i].life_ms);
		uint64_t seed = i + 1;
		int64_t low = INT64_MAX, high = INT64_MIN;
		for (int n = 0; n < 4000; n++) {
			uint64_t random = next_random(&seed);
			int64_t at = refresh_at(&r, random) - 5000;
			assert_int_equal(refresh_at(&r, random) - 5000, at);
			low = at < low ? at : low;
			high = at > high ? at : high;
		}
		int64_t span = cases[i].last_ms - cases[i].first_ms;
		assert_in_range(low, cases[i].first_ms, cases[i].first_ms + span / 100 + 1);
		assert_in_range(high, cases[i].last_ms - span / 100 - 1, cases[i].last_ms);
		assert_true(low >= cases[i].life_ms / 2);
	}
}

/* Ten thousand agents that began within a second of each other: however many fall into the busiest
 * hundredth of the window, it is no crowd. */
static void a_fleet_does_not_ask_at_once(void **state)
{
	enum { AGENTS = 10000, PARTS = 100 };
	for (size_t i = 0; i < N_LIVES; i++) {
		unsigned hits[PARTS + 1] = {0};
		struct refresh r = fresh(0, lives[i]);
		int64_t first = refresh_at(&r, 0), last = refresh_at(&r, UINT64_MAX);
		uint64_t seed = 99;
		for (int n = 0; n < AGENTS; n++) {
			int64_t at = refresh_at(&r, next_random(&seed));
			assert_in_range(at, first, last);
			hits[(at - first) * PARTS / (last - first + 1)]++;
		}
		for (int n = 0; n < PARTS; n++)
			assert_in_range(hits[n], 40, 180);
	}
}

/* All of a fleet fail at the same moment, as when a source goes away: they come back apart, and
 * ever further. */
static void failures_part(void **state)
{
	enum { AGENTS = 1000 };
	for (unsigned failures = 1; failures < 20; failures++) {
		struct refresh r = fresh(0, 6 * HOUR);
		uint64_t seed = failures;
		int64_t low = INT64_MAX, high = 0;
		r.failures = failures;
		r.failed_ms = 10 * HOUR;
		for (int n = 0; n < AGENTS; n++) {
			int64_t wait = refresh_at(&r, next_random(&seed)) - r.failed_ms;
			low = wait < low ? wait : low;
			high = wait > high ? wait : high;
		}
		int64_t top = failures < 10 ? SECOND << (failures - 1) : 10 * MINUTE;
		assert_in_range(high, top * 8 / 10, top);
		assert_in_range(low, failures < 10 ? top / 2 : 150 * SECOND, top * 6 / 10);
	}
}

/* A source that stays down for `down_ms` from some moment on, asked by the rule until it is back:
 * how often it was asked meanwhile, and how long after its return. */
static void outages(void **state)
{
	for (size_t i = 0; i < N_LIVES; i++) {
		for (uint64_t seed = 1; seed < 50; seed++) {
			struct refresh r = fresh(0, lives[i]);
			uint64_t random = seed * UINT64_C(0x123456789abcdef);
			int64_t down_ms = lives[i] * 3;
			int64_t at = refresh_at(&r, random);
			int64_t back = at + down_ms;
			unsigned asked = 0;
			while (at < back) {
				asked++;
				r.failures++;
				r.failed_ms = at;
				int64_t next = refresh_at(&r, random);
				assert_true(next >= at + 500);
				assert_true(next <= at + 10 * MINUTE);
				at = next;
			}
			assert_true(refresh_expired(&r, back));
			/* A little after it is back, and seldom while it was away. */
			int64_t most = lives[i] / 12 < SECOND ? SECOND : lives[i] / 12;
			assert_true(at - back <= (most < 10 * MINUTE ? most : 10 * MINUTE));
			int64_t often = down_ms / (most < 5 * MINUTE ? most : 5 * MINUTE);
			assert_true(asked <= (unsigned)(often * 2 + 12));
			assert_true(asked >= 2);
		}
	}
}

/* A second try fits before the end of keys whose first refresh came last. */
static void a_second_try_comes_in_time(void **state)
{
	for (size_t i = 1; i < N_LIVES; i++) {
		struct refresh r = fresh(0, lives[i]);
		r.failed_ms = refresh_at(&r, UINT64_MAX);
		r.failures = 1;
		assert_true(refresh_at(&r, UINT64_MAX) < lives[i]);
	}
}

/* Sources that keep their keys and change them only some minutes before the end: what comes in
 * between is the same with less to live. They are asked a few times, and the change is not missed.
 */
static void sources_that_change_late(void **state)
{
	for (size_t i = 2; i < N_LIVES; i++) {
		for (uint64_t seed = 1; seed < 200; seed++) {
			int64_t change = lives[i] - 4 * MINUTE, now = 0;
			unsigned asked = 0;
			while (now < change) {
				struct refresh r = fresh(now, lives[i] - now);
				now = refresh_at(&r, stir_seed(seed, asked++));
				assert_true(asked <= 8);
			}
			assert_true(now < lives[i]);
		}
	}
}

static void without_keys(void **state)
{
	struct refresh r = {.fetched_ms = INT64_MIN, .forced_ms = INT64_MIN};
	assert_true(refresh_at(&r, 7) == INT64_MIN);
	assert_false(refresh_expired(&r, INT64_MAX));
	int64_t at = 1000;
	for (unsigned n = 1; n < 40; n++) {
		int64_t top = n < 6 ? SECOND << (n - 1) : 30 * SECOND;
		r.failures = n;
		r.failed_ms = at;
		int64_t next = refresh_at(&r, 7);
		assert_in_range(next - at, top / 2, top);
		at = next;
	}
}

static void keys_without_an_end(void **state)
{
	struct refresh r = fresh(0, 0);
	assert_true(refresh_at(&r, 7) == INT64_MAX);
	r.failures = 3;
	assert_true(refresh_at(&r, 7) == INT64_MAX);
	assert_false(refresh_expired(&r, INT64_MAX));
	assert_true(refresh_may_force(&r, 0));
}

/* What comes with next to no life is not fetched without a pause, and no sum overflows. */
static void extremes(void **state)
{
	struct refresh r = fresh(0, 1);
	assert_int_equal(refresh_at(&r, 0), SECOND);
	assert_true(refresh_expired(&r, 1));
	assert_false(refresh_expired(&r, 0));
	r = fresh(HOUR, INT64_MAX);
	assert_true(refresh_at(&r, UINT64_MAX) == INT64_MAX);
	r.failures = UINT32_MAX;
	r.failed_ms = 0;
	assert_in_range(refresh_at(&r, 3), 150 * SECOND, 10 * MINUTE);
}

static void forced_fetches(void **state)
{
	static const struct {
		int64_t life_ms, pause_ms;
	} cases[] = {{3 * SECOND, SECOND},    {20 * SECOND, 5 * SECOND}, {2 * MINUTE, 30 * SECOND},
		     {HOUR, 30 * SECOND},     {0, 30 * SECOND},          {1, SECOND},
		     {24 * HOUR, 30 * SECOND}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct refresh r = fresh(0, cases[i].life_ms);
		assert_true(refresh_may_force(&r, 0));
		r.forced_ms = 100;
		assert_false(refresh_may_force(&r, 100));
		assert_false(refresh_may_force(&r, 100 + cases[i].pause_ms - 1));
		assert_true(refresh_may_force(&r, 100 + cases[i].pause_ms));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advisory_windows),
		cmocka_unit_test(a_fleet_does_not_ask_at_once),
		cmocka_unit_test(failures_part),
		cmocka_unit_test(outages),
		cmocka_unit_test(a_second_try_comes_in_time),
		cmocka_unit_test(sources_that_change_late),
		cmocka_unit_test(without_keys),
		cmocka_unit_test(keys_without_an_end),
		cmocka_unit_test(extremes),
		cmocka_unit_test(forced_fetches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
