/* Pacing. */
#include "pace.h"

enum {
	/* One refusal may come for each request in flight: they are one cut. */
	CUT_EVERY_MS = 1000,
	/* One refusal among so many requests is chance. */
	OFTEN_AMONG = 50,
	/* Without a refusal for so long, the peer takes more than it did. */
	LONG_MS = 30000,
	FORGET_MS = 300000,
	LARGER_EVERY_MS = 5000,
	SMALLER_AFTER_MS = 60000,
	LARGER_MAX = 3,
	/* Larger requests would meet the bounds of bytes, and be made in vain. */
	LARGER_SAMPLES = 20000,
	LARGER_DEADLINE_MS = 30000,
};

#define RATE_FLOOR 1000.0 /* samples a second */
#define CUT_LEAST 0.9     /* of the rate, what a refusal leaves of it at most */
#define CUT_MOST 0.5      /* and at least */
#define RISE 0.005        /* of the ceiling, a second */
#define RISE_LONG 0.1     /* of the rate, a second, when nothing was refused for long */
#define RISE_BLIND 0.5    /* of the rate, a second, while nothing is known of the peer */
#define TOKENS_S 1.0      /* what may be saved up */

static struct pace_second *second_of(struct pace *p, int64_t now_ms)
{
	int64_t no = now_ms / 1000;
	struct pace_second *s = &p->last[(uint64_t)no % PACE_SECONDS];
	if (s->no != no)
		*s = (struct pace_second){.no = no};
	return s;
}

void pace_taken(struct pace *p, int64_t now_ms, uint64_t n)
{
	if (n == 0)
		return;
	if (p->began_ms == 0)
		p->began_ms = now_ms;
	second_of(p, now_ms)->taken += n;
}

/* All since then, as far back as is known. Seconds count whole. */
static struct pace_second sum_since(const struct pace *p, int64_t now_ms, int64_t since_ms)
{
	struct pace_second sum = {.no = since_ms / 1000};
	if (sum.no <= now_ms / 1000 - PACE_SECONDS)
		sum.no = now_ms / 1000 - PACE_SECONDS + 1;
	if (sum.no < p->began_ms / 1000)
		sum.no = p->began_ms / 1000;
	for (unsigned i = 0; i < PACE_SECONDS; i++) {
		if (p->last[i].no < sum.no)
			continue;
		sum.taken += p->last[i].taken;
		sum.requests += p->last[i].requests;
		sum.refused += p->last[i].refused;
	}
	return sum;
}

/* What went through since then, a second. */
static double taken_rate(const struct pace *p, int64_t now_ms, int64_t since_ms)
{
	struct pace_second sum = sum_since(p, now_ms, since_ms);
	double seconds = (double)(now_ms - sum.no * 1000) / 1000;
	return (double)sum.taken / (seconds > 1 ? seconds : 1);
}

static bool refused_often(const struct pace *p, int64_t now_ms)
{
	struct pace_second sum = sum_since(p, now_ms, now_ms - PACE_SECONDS / 2 * 1000);
	return (uint64_t)sum.refused * OFTEN_AMONG >= sum.requests;
}

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* How much the rate rises in a second. */
static double rise(const struct pace *p, int64_t now_ms)
{
	if (p->ceiling <= 0)
		return p->rate * RISE_BLIND;
	return now_ms - p->refused_ms > LONG_MS ? p->rate * RISE_LONG : p->ceiling * RISE;
}

/* What went in the last seconds; requests may come in bursts. */
static double known_rate(const struct pace *p, int64_t now_ms)
{
	double late = taken_rate(p, now_ms, now_ms - PACE_SECONDS / 2 * 1000);
	double all = taken_rate(p, now_ms, now_ms - PACE_SECONDS * 1000);
	return late > all ? late : all;
}

/* The rate rises with time, tokens with the rate. */
static void go_on(struct pace *p, int64_t now_ms)
{
	double seconds = (double)(now_ms - p->at_ms) / 1000;
	p->at_ms = now_ms;
	if (p->rate <= 0 || seconds <= 0)
		return;
	if (now_ms - p->refused_ms >= FORGET_MS) {
		p->rate = 0;
		return;
	}
	p->tokens += p->rate * seconds;
	/* A rate that is not made use of shows nothing. */
	if (p->tokens < p->rate * TOKENS_S)
		p->rate += seconds * rise(p, now_ms);
	else
		p->tokens = p->rate * TOKENS_S;
}

void pace_refused(struct pace *p, int64_t now_ms)
{
	go_on(p, now_ms);
	second_of(p, now_ms)->refused++;
	if (!refused_often(p, now_ms))
		return;
	p->refused_ms = now_ms;
	double known = known_rate(p, now_ms);
	if (p->rate <= 0)
		p->rate = known * CUT_LEAST;
	else if (now_ms - p->cut_ms >= CUT_EVERY_MS)
		/* A peer that refuses takes just what it can. */
		p->rate = clamp(taken_rate(p, now_ms, p->cut_ms), p->rate * CUT_MOST,
				p->rate * CUT_LEAST);
	else
		return;
	/* One that has taken nothing of late has not shown what it can take. */
	bool blind = known < RATE_FLOOR;
	if (blind || p->rate < RATE_FLOOR)
		p->rate = RATE_FLOOR;
	p->ceiling = blind ? 0 : p->rate / CUT_LEAST;
	p->cut_ms = now_ms;
	if (p->tokens > 0)
		p->tokens = 0;
}

int64_t pace_next(struct pace *p, int64_t now_ms)
{
	go_on(p, now_ms);
	if (p->rate <= 0 || p->tokens >= 0)
		return now_ms;
	return now_ms + (int64_t)(-p->tokens / p->rate * 1000) + 1;
}

void pace_spend(struct pace *p, int64_t now_ms, uint64_t n)
{
	second_of(p, now_ms)->requests++;
	if (p->rate > 0)
		p->tokens -= (double)n;
}

bool pace_holds(const struct pace *p)
{
	return p->rate > 0 || p->larger > 0;
}

/* ---- fewer requests ---- */

static void grow_smaller(struct pace *p, int64_t now_ms)
{
	while (p->larger > 0 && now_ms - p->larger_ms >= SMALLER_AFTER_MS) {
		p->larger--;
		p->larger_ms += SMALLER_AFTER_MS;
	}
}

void pace_refused_requests(struct pace *p, int64_t now_ms)
{
	grow_smaller(p, now_ms);
	if (p->larger == 0 || (p->larger < LARGER_MAX && now_ms - p->larger_ms >= LARGER_EVERY_MS))
		p->larger++;
	else if (p->larger < LARGER_MAX)
		return;
	p->larger_ms = now_ms;
}

uint64_t pace_max_samples(struct pace *p, int64_t now_ms, uint64_t configured)
{
	grow_smaller(p, now_ms);
	if (p->larger == 0 || configured >= LARGER_SAMPLES)
		return configured;
	uint64_t n = configured << p->larger;
	return n < LARGER_SAMPLES ? n : LARGER_SAMPLES;
}

int64_t pace_deadline_ms(struct pace *p, int64_t now_ms, int64_t configured_ms)
{
	grow_smaller(p, now_ms);
	if (p->larger == 0 || configured_ms >= LARGER_DEADLINE_MS)
		return configured_ms;
	int64_t ms = configured_ms << p->larger;
	return ms < LARGER_DEADLINE_MS ? ms : LARGER_DEADLINE_MS;
}
