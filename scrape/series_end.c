/* Ends all series with markers, targets staying: from here on the same series go by other labels,
 * and the old ones must not linger beside them. */
#include "pool.h"

#include <ampagent/base/log.h>

/* 0; 1 when the log takes no more now. */
static int end_owner(struct scrape *s, struct owner *o, int64_t t_ms)
{
	if (o->ended == s->series_ends || o->last_ms == INT64_MIN)
		return 0;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(LIMIT_PAGE_BYTES);
	if (!b)
		return 1;
	b->t_ms = t_ms > o->last_ms ? t_ms : o->last_ms + 1;
	if (page_end_of_run(o, b) != 0)
		return 1;
	uint32_t n = b->n_samples;
	t_ms = b->t_ms;
	if (n > 0 && s->env.sink.put(s->env.sink.cls, b) != 0) {
		page_rollback(o);
		return 1;
	}
	if (n > 0)
		take_ptr(b);
	s->samples_put += n;
	metric_add(M_SCRAPE_SAMPLES, n);
	page_commit(o, NULL, t_ms);
	o->ended = s->series_ends;
	o->ended_ms = t_ms;
	return 0;
}

void scrape_series_end_begin(struct scrape *s)
{
	s->series_ends++;
}

int scrape_series_end(struct scrape *s)
{
	int64_t now = loop_wall_ms(s->env.loop);
	for (size_t p = 0; p < s->n_pools; p++) {
		for (size_t i = 0; i < s->pools[p]->n_targets; i++) {
			/* A scrape under way has its time already: it comes after the marker. */
			const struct target *t = s->pools[p]->targets[i];
			if (end_owner(s, t->owner, t->transfer ? t->t_ms - 1 : now) != 0)
				return 1;
		}
	}
	/* One that waits for its end of run has it now; not later, as a target that takes it over
	 * may be scraped before. */
	for (size_t i = 0; i < s->n_owners; i++) {
		struct owner *o = s->owners[i];
		int64_t t_ms = o->marker_ms < now ? o->marker_ms : now;
		if (!o->in_use && end_owner(s, o, t_ms) != 0)
			return 1;
	}
	return scrape_left_end(s);
}
