/* The tail: fresh batches in memory, so that a reader that keeps up never touches a file. */
#include "log.h"

void tail_deinit(struct tail *t)
{
	for (size_t i = 0; i < t->n; i++)
		batch_unref(t->ring[(t->start + i) % t->cap]);
	free(t->ring);
	*t = (struct tail){.max_bytes = t->max_bytes};
}

static void drop_first(struct tail *t)
{
	struct batch *b = t->ring[t->start];
	t->bytes -= b->bytes;
	t->start = (t->start + 1) % t->cap;
	t->n--;
	batch_unref(b);
}

static int grow(struct tail *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct batch **ring = reallocarray(NULL, cap, sizeof(*ring));
	if (!ring)
		return 1;
	for (size_t i = 0; i < t->n; i++)
		ring[i] = t->ring[(t->start + i) % t->cap];
	free(t->ring);
	t->ring = ring;
	t->start = 0;
	t->cap = cap;
	return 0;
}

/* The tail has no gaps: a batch that cannot be kept takes all older ones with it. */
void tail_push(struct tail *t, struct batch *b)
{
	bool keep = b->bytes <= t->max_bytes && (t->n < t->cap || grow(t) == 0);
	size_t max = keep ? t->max_bytes - b->bytes : 0;
	while (t->n > 0 && (!keep || t->bytes > max))
		drop_first(t);
	if (!keep)
		return;
	t->ring[(t->start + t->n++) % t->cap] = batch_ref(b);
	t->bytes += b->bytes;
}

struct batch *tail_find(const struct tail *t, struct wal_pos pos)
{
	if (t->n == 0 || pos_cmp(pos, t->ring[t->start]->pos) < 0)
		return NULL;
	size_t lo = 0, hi = t->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (pos_cmp(t->ring[(t->start + mid) % t->cap]->pos, pos) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n ? t->ring[(t->start + lo) % t->cap] : NULL;
}
