/* The first fetch comes by chance anywhere in the window but for its last three fifths (at most
 * a minute), which are there for a second try. What fails is tried again from a second on, ever
 * more slowly.
 */
#include "refresh.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : least(v, high);
}

/* 0 to span, by 31 of the random bits. */
static int64_t spread(int64_t span, uint64_t random)
{
	int64_t part = (int64_t)(random >> 33);
	return span / INT64_C(0x80000000) * part +
	       span % INT64_C(0x80000000) * part / INT64_C(0x80000000);
}

/* Other bits for each failure, so that those who failed at the same time part. */
static uint64_t stir(uint64_t random, unsigned round)
{
	uint64_t x = random + (uint64_t)(round + 1) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static int64_t window_ms(int64_t life_ms)
{
	int64_t window = 60 * MINUTE;
	if (life_ms <= 20 * MINUTE)
		window = 5 * MINUTE;
	else if (life_ms < 90 * MINUTE)
		window = 15 * MINUTE;
	return least(window, life_ms / 2);
}

/* A sum that stays at the end of time. */
static int64_t later(int64_t at_ms, int64_t delay_ms)
{
	return at_ms > INT64_MAX - delay_ms ? INT64_MAX : at_ms + delay_ms;
}

/* Doubling from a second up to cap, the upper half of it by chance. */
static int64_t pause_ms(unsigned failures, int64_t cap_ms, uint64_t random)
{
	int64_t pause = SECOND;
	for (unsigned i = 1; i < failures && pause < cap_ms; i++)
		pause *= 2;
	pause = least(pause, cap_ms);
	return pause / 2 + spread(pause - pause / 2, stir(random, failures));
}

static int64_t failure_cap(int64_t life_ms, uint64_t random)
{
	int64_t most = 5 * MINUTE + spread(5 * MINUTE, stir(random, 0));
	return clamp(life_ms / 12, SECOND, most);
}

int64_t refresh_at(const struct refresh *r, uint64_t random)
{
	if (r->fetched_ms == INT64_MIN) {
		if (r->failures == 0)
			return INT64_MIN;
		return later(r->failed_ms, pause_ms(r->failures, 30 * SECOND, random));
	}
	if (r->life_ms == 0)
		return INT64_MAX;
	if (r->failures)
		return later(r->failed_ms,
			     pause_ms(r->failures, failure_cap(r->life_ms, random), random));
	int64_t window = window_ms(r->life_ms);
	int64_t reserve = least(window * 3 / 5, MINUTE);
	int64_t wait = r->life_ms - window + spread(window - reserve, random);
	/* What came with hardly any life is not asked for all the time. */
	return later(r->fetched_ms, wait < SECOND ? SECOND : wait);
}

bool refresh_may_force(const struct refresh *r, int64_t now_ms)
{
	if (r->forced_ms == INT64_MIN)
		return true;
	int64_t least_ms = r->life_ms ? clamp(r->life_ms / 4, SECOND, 30 * SECOND) : 30 * SECOND;
	return now_ms - r->forced_ms >= least_ms;
}

bool refresh_expired(const struct refresh *r, int64_t now_ms)
{
	return r->fetched_ms != INT64_MIN && r->life_ms > 0 && now_ms - r->fetched_ms >= r->life_ms;
}
