/* Targets that do not come back after a restart. The log knows which of their series were alive;
 * once discovery has told of all targets they are given two intervals to appear, as the end of a
 * run is, and then end with markers: at the time that their next scrape would have had, owner by
 * owner, each read from the log only when its turn has come. What was written is in the log, so a
 * run that is killed half-way is gone on with by the next.
 */
#include "pool.h"

#include <ampagent/base/log.h>
#include <ampagent/base/number.h>

enum {
	/* Owners looked at in one turn of the loop. */
	LEFT_A_TURN = 32,
	LEFT_RETRY_MS = 200,
	/* When there is no job any more that could tell. */
	DEFAULT_INTERVAL_MS = 60000,
};

/* How often the owner was scraped: what lay between its last two batches; with one batch, or a
 * pause longer than any series is looked back for, the longest interval of today's jobs. */
static int64_t interval_of(const struct scrape *s, int64_t gap_ms)
{
	if (gap_ms > 0 && gap_ms <= LOOKBACK_MS)
		return gap_ms;
	int64_t longest = 0;
	for (size_t i = 0; i < s->n_pools; i++) {
		if (s->pools[i]->opt->interval_ms > longest)
			longest = s->pools[i]->opt->interval_ms;
	}
	return longest > 0 ? longest : DEFAULT_INTERVAL_MS;
}

struct marking {
	struct batch *batch;
	size_t cap;
	bool failed;
};

static struct batch_column *add_column(struct marking *m)
{
	struct batch *b = m->batch;
	if (b->n_columns == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 4;
		struct batch_column *v = arena_calloc(&b->arena, cap, sizeof *v);
		if (!v)
			return NULL;
		if (b->n_columns > 0)
			memcpy(v, b->columns, b->n_columns * sizeof *v);
		b->columns = v;
		m->cap = cap;
	}
	return &b->columns[b->n_columns];
}

static void mark_frame(void *cls, uint32_t frame, uint16_t n_slots, const uint64_t *alive)
{
	struct marking *m = cls;
	struct batch_column *c = m->failed ? NULL : add_column(m);
	uint64_t *values = c ? arena_calloc(&m->batch->arena, n_slots, sizeof *values) : NULL;
	if (!values) {
		m->failed = true;
		return;
	}
	*c = (struct batch_column){.frame = frame, .n_slots = n_slots, .values = values};
	memcpy(c->present, alive, sizeof c->present);
	for (unsigned i = 0; i < n_slots; i++) {
		if (!bit_get(alive, i))
			continue;
		values[i] = VALUE_STALE_BITS;
		c->n_present++;
	}
	m->batch->n_columns++;
}

/* 0: the log has it, or it came too late; 1: later. */
static int put_batch(struct scrape *s)
{
	struct left *l = &s->left;
	struct batch *b = l->batch;
	uint32_t n = b->n_samples;
	int64_t now = loop_wall_ms(s->env.loop);
	batch_ref(b);
	if (s->env.sink.put(s->env.sink.cls, b) != 0) {
		batch_unref(b);
		if (now - b->t_ms < LOOKBACK_MS)
			return 1;
		log_error("the log takes no markers: series of a target that is gone do not end");
	} else {
		for (size_t i = 0; i < b->n_columns; i++)
			s->env.frame_retire(s->env.frame_retire_cls, b->columns[i].frame);
		l->owners++;
		l->samples += n;
		s->samples_put += n;
		metric_add(M_SCRAPE_SAMPLES, n);
		metric_add(M_SCRAPE_STALE_MARKERS, n);
	}
	batch_unref(take_ptr(l->batch));
	return 0;
}

/* As put_batch(), for the owner after the last one. */
static int end_owner(struct scrape *s, int64_t last_ms, int64_t interval_ms)
{
	int64_t now = loop_wall_ms(s->env.loop), gap_ms;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(LIMIT_PAGE_BYTES);
	struct marking m = {.batch = b, .failed = !b};
	if (!b)
		return 1;
	b->t_ms = last_ms + interval_ms < now ? last_ms + interval_ms : now;
	if (b->t_ms <= last_ms)
		b->t_ms = last_ms + 1;
	b->owner = s->env.owners.left(s->env.owners.cls, s->left.after, &last_ms, &gap_ms,
				      mark_frame, &m);
	if (m.failed)
		log_error("no memory for the markers of a target that is gone");
	if (m.failed || b->n_columns == 0)
		return 0;
	batch_seal(b);
	s->left.batch = take_ptr(b);
	return put_batch(s);
}

/* The owner after the last one: 0; 1 when the log takes no more now; 2 at the end. */
static int look_at_next(struct scrape *s, bool all_due)
{
	struct left *l = &s->left;
	int64_t last_ms, gap_ms, now = loop_wall_ms(s->env.loop);
	if (l->batch && put_batch(s) != 0)
		return 1;
	uint32_t owner =
		s->env.owners.left(s->env.owners.cls, l->after, &last_ms, &gap_ms, NULL, NULL);
	if (owner == 0)
		return 2;
	int64_t interval_ms = interval_of(s, gap_ms);
	int64_t due_ms = l->from_ms + 2 * interval_ms;
	int r = 0;
	if (last_ms > now || now - last_ms >= LOOKBACK_MS)
		r = 0;
	else if (all_due || loop_now_ms(s->env.loop) >= due_ms)
		r = end_owner(s, last_ms, interval_ms);
	else if (l->next_ms == 0 || due_ms < l->next_ms)
		l->next_ms = due_ms;
	/* Also when the log takes its markers later: they are made. */
	if (r == 0 || l->batch)
		l->after = owner;
	return r;
}

static void left_due(void *cls)
{
	struct scrape *s = cls;
	struct left *l = &s->left;
	int r = 0;
	if (s->stopping)
		return;
	for (int i = 0; r == 0 && i < LEFT_A_TURN; i++)
		r = look_at_next(s, false);
	if (r < 2) {
		loop_timer_in(s->env.loop, &l->timer, r == 0 ? 0 : LEFT_RETRY_MS);
		return;
	}
	if (l->next_ms > 0)
		loop_timer_at(s->env.loop, &l->timer, l->next_ms);
	else if (l->owners > 0)
		log_info("series of targets that did not come back have ended", "targets",
			 FMT("%llu", (unsigned long long)l->owners), "series",
			 FMT("%llu", (unsigned long long)l->samples));
	l->after = 0;
	l->next_ms = 0;
}

void scrape_found_all(struct scrape *s)
{
	struct left *l = &s->left;
	if (l->begun || !s->env.owners.left)
		return;
	l->begun = true;
	l->from_ms = loop_now_ms(s->env.loop);
	l->timer = (struct loop_timer){.fire = left_due, .cls = s};
	loop_timer_in(s->env.loop, &l->timer, 0);
}

int scrape_left_end(struct scrape *s)
{
	int r = 0;
	if (!s->env.owners.left || (s->left.begun && !loop_timer_armed(&s->left.timer)))
		return 0;
	s->left.after = 0;
	while (r == 0)
		r = look_at_next(s, true);
	return r == 1;
}

void scrape_left_free(struct scrape *s)
{
	loop_timer_cancel(&s->left.timer);
	batch_unref(s->left.batch);
}
