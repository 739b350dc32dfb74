/* The agent's stop: what runs is let finish, local targets (sidecars, which go when the agent goes)
 * are scraped once more, so that what they counted since their last turn is not lost. One that went
 * first is no failure to be told of: neither up=0 nor markers, or each deployment would leave gaps.
 */
#include "pool.h"

#include <ampagent/base/clock.h>

/* A target that is going answers soon or not at all. */
enum { LAST_TIMEOUT_MS = 5000 };

bool scrape_last_discards(struct target *t, bool good)
{
	struct scrape *s = t->pool->scrape;
	if (!s->stopping || !t->local)
		return false;
	if (good) {
		s->last.good += t->last;
		return false;
	}
	s->last.discarded++;
	scrape_refuse(s, REFUSED_STOPPED, 1, 0);
	return true;
}

/* Newer than the last sample, which may be of this very millisecond. */
static int64_t last_time(const struct target *t)
{
	int64_t now = loop_wall_ms(t->pool->scrape->env.loop);
	return now == t->owner->last_ms ? now + 1 : now;
}

static void last_due(void *cls)
{
	struct target *t = cls;
	struct scrape *s = t->pool->scrape;
	struct err err = ERR_NULL;
	int64_t timeout_ms = s->last_until_ms - loop_now_ms(s->env.loop);
	s->last_waiting--;
	if (timeout_ms > LAST_TIMEOUT_MS)
		timeout_ms = LAST_TIMEOUT_MS;
	if (timeout_ms > t->timeout_ms)
		timeout_ms = t->timeout_ms;
	if (timeout_ms <= 0) {
		s->last.cut_off++;
		scrape_refuse(s, REFUSED_STOPPED, 1, 0);
		return;
	}
	t->t_ms = last_time(t);
	t->start_ns = clock_mono_ns();
	if (scraper_request(t, timeout_ms, &err) != 0)
		scrape_last_discards(t, false);
}

void scrape_last_follows(struct target *t)
{
	struct scrape *s = t->pool->scrape;
	if (!s->stopping || !t->local || t->last || t->transfer)
		return;
	if (t->pool->over_target_limit || quarantine_is_in(t))
		return;
	t->last = true;
	s->last_waiting++;
	t->timer.fire = last_due;
	loop_timer_in(s->env.loop, &t->timer, 0);
}

void scrape_stop(struct scrape *s, int64_t until_ms)
{
	s->stopping = true;
	s->last_until_ms = until_ms;
	for (size_t p = 0; p < s->n_pools; p++) {
		for (size_t i = 0; i < s->pools[p]->n_targets; i++) {
			struct target *t = s->pools[p]->targets[i];
			loop_timer_cancel(&t->timer);
			t->timer.cls = t;
			scrape_last_follows(t);
		}
	}
}

void scrape_cut_off(struct scrape *s)
{
	for (size_t p = 0; p < s->n_pools; p++) {
		for (size_t i = 0; i < s->pools[p]->n_targets; i++) {
			struct target *t = s->pools[p]->targets[i];
			bool waits = t->last && loop_timer_armed(&t->timer);
			if (t->transfer)
				scraper_cut_off(t);
			else if (!waits)
				continue;
			loop_timer_cancel(&t->timer);
			s->last_waiting -= waits;
			s->last.cut_off++;
			scrape_refuse(s, REFUSED_STOPPED, 1, 0);
		}
	}
}

struct scrape_last scrape_last(const struct scrape *s)
{
	return s->last;
}
