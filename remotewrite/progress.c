/* Progress.
 *
 * Invariants: every shard's done <= queue_end; the queue's first entry is at or below the lowest
 * done; waiting is the number of own items at or after done; sent and dropped are what lies before
 * the places of the present or the former shards.
 */
#include "progress.h"

#include <ampagent/base/err.h>
#include <stdlib.h>

static bool at_or_above(const struct shard_place *p, uint64_t sequence, bool inside)
{
	return p->pos.sequence > sequence || (p->pos.sequence == sequence && p->own > 0 && !inside);
}

static void overlap_find(struct progress *p, const struct shard_place *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (!at_or_above(&v[i], p->overlap_top, p->overlap_top_inside))
			continue;
		p->overlap_top = v[i].pos.sequence;
		p->overlap_top_inside = v[i].own > 0;
	}
}

void progress_deinit(struct progress *p)
{
	queue_deinit(&p->queue);
	fence_deinit(&p->fence);
	free(p->shards);
	free(p->former);
	free(p->former_at);
	*p = (struct progress){0};
}

static int former_alloc(struct progress *p, uint32_t n)
{
	struct cursor *c = calloc(n ? n : 1, sizeof *c);
	struct shard_place *at = calloc(n ? n : 1, sizeof *at);
	if (!c || !at) {
		free(c);
		free(at);
		return ERR_NOMEM;
	}
	free(p->former);
	free(p->former_at);
	p->former = c;
	p->former_at = at;
	p->n_former = n;
	return 0;
}

int progress_init(struct progress *p, const struct position *from)
{
	*p = (struct progress){.n = from->n,
			       .base = from->base,
			       .books = from->books,
			       .unsettled = from->unsettled};
	p->end = position_lowest(from);
	p->shards = calloc(from->n, sizeof *p->shards);
	if (!p->shards || former_alloc(p, from->n_former)) {
		progress_deinit(p);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < from->n; i++)
		p->shards[i] = (struct progress_shard){.pending = true, .resume = from->shards[i]};
	for (uint32_t i = 0; i < from->n_former; i++) {
		p->former[i].no = UINT64_MAX;
		p->former_at[i] = from->former[i];
	}
	p->overlap_top = p->end.sequence;
	overlap_find(p, from->shards, from->n);
	overlap_find(p, from->former, from->n_former);
	p->overlap_end = p->overlap_top;
	p->overlap_reason = DROP_LOG_BOUND;
	p->settling = true;
	return 0;
}

/* A shard that begins inside entry no, or has passed it, or is new to it. */
static void shard_meets(struct progress *p, uint32_t i, uint64_t no)
{
	struct progress_shard *s = &p->shards[i];
	const struct queue_entry *e = queue_at(&p->queue, no);
	uint64_t items = shard_entry_items(e, p->n, i);
	if (s->pending && e->pos.sequence < s->resume.pos.sequence) {
		s->done = (struct cursor){.no = no + 1};
		return;
	}
	if (s->pending && e->pos.sequence == s->resume.pos.sequence && e->batch)
		s->done = shard_cursor_at(&p->queue, p->n, i, no, s->resume.own);
	s->pending = false;
	s->waiting += s->done.no > no ? 0 : s->done.no == no ? items - s->done.own : items;
}

static void former_meets(struct progress *p, uint32_t i, uint64_t no)
{
	const struct queue_entry *e = queue_at(&p->queue, no);
	const struct shard_place *at = &p->former_at[i];
	if (p->former[i].no != UINT64_MAX || e->pos.sequence < at->pos.sequence)
		return;
	if (e->pos.sequence == at->pos.sequence && e->batch)
		p->former[i] = shard_cursor_at(&p->queue, p->n_former, i, no, at->own);
	else
		p->former[i] = (struct cursor){.no = no};
}

static uint64_t lowest_done(const struct progress *p)
{
	uint64_t low = queue_end(&p->queue);
	for (uint32_t i = 0; i < p->n; i++)
		if (p->shards[i].done.no < low)
			low = p->shards[i].done.no;
	return low;
}

static int push(struct progress *p, struct queue_entry *e)
{
	e->overlap = p->settling && (e->pos.sequence < p->overlap_top ||
				     (e->pos.sequence == p->overlap_top && p->overlap_top_inside));
	if (queue_push(&p->queue, e))
		return ERR_NOMEM;
	uint64_t no = queue_end(&p->queue) - 1;
	if (e->batch)
		fence_note(&p->fence, e->batch, no, lowest_done(p), p->queue.first);
	if (e->overlap) {
		p->overlap_end_no = no + 1;
		if (p->overlap_end < e->end)
			p->overlap_end = e->end;
		if (!e->batch) {
			p->overlap_reason = e->reason;
			p->unsettled += e->end - e->pos.sequence;
		}
	} else {
		p->overlap_read = true;
	}
	for (uint32_t i = 0; i < p->n_former; i++)
		former_meets(p, i, no);
	for (uint32_t i = 0; i < p->n; i++)
		shard_meets(p, i, no);
	return 0;
}

/* A batch, and what is missing before it. */
int progress_reserve(struct progress *p)
{
	return queue_reserve(&p->queue, 2);
}

static int add_lost(struct progress *p, uint64_t to, enum drop_reason reason, int64_t now_ms)
{
	if (to <= p->end.sequence)
		return 0;
	struct queue_entry e = {.pos = p->end, .end = to, .loaded_ms = now_ms, .reason = reason};
	if (push(p, &e))
		return ERR_NOMEM;
	p->end.sequence = to;
	return 0;
}

int progress_add(struct progress *p, struct batch *b, enum drop_reason lost, int64_t now_ms)
{
	if (progress_reserve(p) || add_lost(p, b->pos.sequence, lost, now_ms))
		return ERR_NOMEM;
	if (b->n_samples > 0) {
		struct queue_entry e = {.batch = b,
					.pos = b->pos,
					.end = b->pos.sequence + b->n_samples,
					.loaded_ms = now_ms};
		if (push(p, &e))
			return ERR_NOMEM;
	}
	p->end = b->end;
	if (b->n_samples == 0)
		batch_unref(b);
	return 0;
}

static void settle(struct progress *p);

int progress_read_to(struct progress *p, struct wal_pos end, enum drop_reason lost, int64_t now_ms)
{
	if (add_lost(p, end.sequence, lost, now_ms))
		return ERR_NOMEM;
	p->end = end;
	p->overlap_read = true;
	settle(p);
	return 0;
}

static struct shard_walk walk(const struct progress *p, uint32_t index)
{
	return (struct shard_walk){.queue = &p->queue,
				   .n = p->n,
				   .index = index,
				   .former = p->former,
				   .n_former = p->n_former,
				   .fence = &p->fence,
				   .lowest = lowest_done(p)};
}

/* Whether a stored place lies ahead of what was read; else its batch was met, or never will be. */
static bool is_ahead(const struct progress *p, const struct shard_place *at)
{
	return p->end.sequence < at->pos.sequence ||
	       (p->end.sequence == at->pos.sequence && at->own > 0);
}

/* A shard with nothing waiting stands at the end of what was read. */
static void move_idle(struct progress *p, uint32_t i)
{
	struct progress_shard *s = &p->shards[i];
	if (s->pending && is_ahead(p, &s->resume))
		return;
	s->pending = false;
	if (s->waiting == 0) {
		if (s->done.no < queue_end(&p->queue))
			s->done = (struct cursor){.no = queue_end(&p->queue)};
		return;
	}
	struct shard_walk w = walk(p, i);
	shard_skip_idle(&w, &s->done);
}

struct shard_walk progress_walk(struct progress *p, uint32_t index)
{
	for (uint32_t i = 0; i < p->n; i++)
		move_idle(p, i);
	return walk(p, index);
}

uint64_t progress_waiting(struct progress *p, uint32_t index, int64_t *oldest_loaded_ms)
{
	struct progress_shard *s = &p->shards[index];
	if (s->waiting == 0)
		return 0;
	move_idle(p, index);
	*oldest_loaded_ms = queue_at(&p->queue, s->done.no)->loaded_ms;
	return s->waiting;
}

/* The former places are of use until every present shard is past all of them. */
static void forget_former(struct progress *p)
{
	for (uint32_t i = 0; i < p->n_former; i++) {
		struct cursor f = p->former[i];
		if (f.no == UINT64_MAX) {
			if (is_ahead(p, &p->former_at[i]))
				return;
			/* It stands at the end of what was read. */
			f = (struct cursor){.no = queue_end(&p->queue)};
		}
		for (uint32_t k = 0; k < p->n; k++)
			if (cursor_before(&p->shards[k].done, f.no, f.item, f.slot))
				return;
	}
	p->n_former = 0;
}

/* Once all shards are past the overlap, everything below its end is done: what is missing in the
 * books was lost, and booked samples that a power loss took from the log lower the base. */
static void settle(struct progress *p)
{
	if (!p->settling || !p->overlap_read || lowest_done(p) < p->overlap_end_no)
		return;
	p->settling = false;
	p->unsettled = 0;
	int64_t below = (int64_t)(books_total(&p->books) - p->beyond);
	int64_t missing = (int64_t)p->overlap_end - p->base - below;
	p->settled = missing;
	if (missing > 0)
		p->books.dropped[p->overlap_reason] += (uint64_t)missing;
	else
		p->base += missing;
}

static void advance(struct progress *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		move_idle(p, i);
	settle(p);
	/* Until then they say what was done of a batch that is gone. */
	if (p->n_former > 0 && !p->settling)
		forget_former(p);
	queue_trim(&p->queue, lowest_done(p));
}

void progress_commit(struct progress *p, uint32_t index, const struct built *built,
		     const struct books *books)
{
	struct progress_shard *s = &p->shards[index];
	books_add(&p->books, books);
	p->beyond += built->beyond;
	s->done = built->end;
	s->waiting -= built->items;
	advance(p);
}

bool progress_may_reshard(const struct progress *p)
{
	if (p->n_former > 0 || p->settling)
		return false;
	for (uint32_t i = 0; i < p->n; i++)
		if (p->shards[i].pending)
			return false;
	return true;
}

static struct shard_place place_of(const struct progress *p, const struct cursor *c)
{
	if (c->no >= queue_end(&p->queue))
		return (struct shard_place){.pos = p->end};
	return (struct shard_place){.pos = queue_at(&p->queue, c->no)->pos, .own = c->own};
}

/* Shards that all stand at the same batch border need no former epoch. */
static bool all_at(const struct progress *p, const struct cursor *c)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->shards[i].done.no != c->no || p->shards[i].done.own > 0)
			return false;
	return true;
}

int progress_reshard(struct progress *p, uint32_t n)
{
	struct progress_shard *v = calloc(n, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	advance(p);
	struct cursor start = {.no = lowest_done(p)};
	if (!all_at(p, &start)) {
		if (former_alloc(p, p->n)) {
			free(v);
			return ERR_NOMEM;
		}
		for (uint32_t i = 0; i < p->n; i++) {
			p->former[i] = p->shards[i].done;
			p->former_at[i] = place_of(p, &p->shards[i].done);
		}
	}
	free(p->shards);
	p->shards = v;
	p->n = n;
	for (uint32_t i = 0; i < n; i++) {
		v[i].done = start;
		for (uint64_t no = start.no; no < queue_end(&p->queue); no++)
			v[i].waiting += shard_entry_items(queue_at(&p->queue, no), n, i);
	}
	return 0;
}

/* A shard that has not met its batch yet stands where it stood; so does one whose batch is gone,
 * until what it had done of that batch is settled with the rest. */
static struct shard_place shard_place_of(const struct progress *p, uint32_t i)
{
	const struct progress_shard *s = &p->shards[i];
	if (s->pending)
		return s->resume;
	struct shard_place at = place_of(p, &s->done);
	if (p->settling && at.own == 0 && at.pos.sequence == s->resume.pos.sequence)
		at.own = s->resume.own;
	return at;
}

int progress_position(struct progress *p, struct position *out)
{
	*out = POSITION_NULL;
	/* Before the books are read: it may settle them. */
	advance(p);
	_cleanup_(position_deinit) struct position pos = {
		.base = p->base, .books = p->books, .unsettled = p->unsettled};
	pos.shards = calloc(p->n, sizeof *pos.shards);
	pos.former = calloc(p->n_former ? p->n_former : 1, sizeof *pos.former);
	if (!pos.shards || !pos.former)
		return ERR_NOMEM;
	pos.n = p->n;
	for (uint32_t i = 0; i < p->n; i++)
		pos.shards[i] = shard_place_of(p, i);
	pos.n_former = p->n_former;
	for (uint32_t i = 0; i < p->n_former; i++)
		pos.former[i] = p->former_at[i];
	*out = pos;
	pos = POSITION_NULL;
	return 0;
}

struct wal_pos progress_hold(struct progress *p)
{
	advance(p);
	uint64_t low = lowest_done(p);
	return low < queue_end(&p->queue) ? queue_at(&p->queue, low)->pos : p->end;
}

uint64_t progress_queued(const struct progress *p, struct wal_pos head)
{
	int64_t n = (int64_t)head.sequence - p->base - (int64_t)books_total(&p->books);
	return n > 0 ? (uint64_t)n : 0;
}

/* Of the entries that are not done; a lost stretch waits as one item of shard 0. */
static uint64_t count_waiting(const struct progress *p)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < p->n; i++)
		n += p->shards[i].waiting;
	for (uint64_t no = p->shards[0].done.no; no < queue_end(&p->queue); no++) {
		const struct queue_entry *e = queue_at(&p->queue, no);
		if (!e->batch)
			n += e->end - e->pos.sequence - 1;
	}
	return n;
}

bool progress_balanced(const struct progress *p)
{
	uint64_t booked = (uint64_t)(p->base + (int64_t)books_total(&p->books));
	uint64_t low = lowest_done(p);
	if (p->settling)
		return true;
	if (p->n_former == 0)
		return booked + count_waiting(p) == p->end.sequence;
	if (low < queue_end(&p->queue))
		low = queue_at(&p->queue, low)->pos.sequence;
	else
		low = p->end.sequence;
	return low <= booked && booked <= p->end.sequence;
}
