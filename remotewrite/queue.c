/* A ring indexed by entry number: cap is a power of two, entry no lies at no % cap. */
#include "queue.h"

#include <ampagent/base/err.h>

void queue_deinit(struct queue *q)
{
	queue_trim(q, queue_end(q));
	free(q->ring);
	*q = (struct queue){0};
}

int queue_reserve(struct queue *q, uint32_t n)
{
	uint32_t cap = q->cap ? q->cap : 16;
	while (cap - q->n < n)
		cap *= 2;
	if (cap == q->cap)
		return 0;
	struct queue_entry *ring = calloc(cap, sizeof *ring);
	if (!ring)
		return ERR_NOMEM;
	for (uint64_t no = q->first; no < queue_end(q); no++)
		ring[no & (cap - 1)] = *queue_at(q, no);
	free(q->ring);
	q->ring = ring;
	q->cap = cap;
	return 0;
}

int queue_push(struct queue *q, const struct queue_entry *e)
{
	if (queue_reserve(q, 1))
		return ERR_NOMEM;
	q->n++;
	*queue_at(q, queue_end(q) - 1) = *e;
	if (e->batch)
		q->bytes += e->batch->bytes;
	return 0;
}

void queue_trim(struct queue *q, uint64_t no)
{
	while (q->n > 0 && q->first < no) {
		struct queue_entry *e = queue_at(q, q->first);
		if (e->batch)
			q->bytes -= e->batch->bytes;
		batch_unref(e->batch);
		q->first++;
		q->n--;
	}
}
