/* queue: the batches a destination has read from the log and not yet finished, in log order.
 *
 * An entry is a batch (a reference), or a stretch of the log that was lost before it could be read.
 * Entries have numbers that never repeat; the lowest leave when every shard has passed them.
 */
#pragma once

#include "books.h"

#include <ampagent/model/batch.h>

struct queue_entry {
	struct batch *batch; /* NULL: lost */
	struct wal_pos pos;  /* where it begins */
	uint64_t end;        /* sequence after it */
	int64_t loaded_ms;   /* monotonic */
	/* Begins below a place stored by an earlier run: some of its samples may have been done
	 * before, so how many are lost here is found out at the end of the overlap. */
	bool overlap;
	enum drop_reason reason; /* of what is lost */
};

struct queue {
	struct queue_entry *ring;
	uint32_t cap, n;
	uint64_t first; /* number of the oldest entry */
	size_t bytes;   /* of batches held */
};

void queue_deinit(struct queue *q);
/* Room for n more entries, so that pushing them cannot fail. 0 or ERR_NOMEM. */
int queue_reserve(struct queue *q, uint32_t n);
/* Takes the entry's batch reference when it returns 0; ERR_NOMEM. */
int queue_push(struct queue *q, const struct queue_entry *e);
/* Lets go of entries below no. */
void queue_trim(struct queue *q, uint64_t no);

static inline uint64_t queue_end(const struct queue *q)
{
	return q->first + q->n;
}

static inline struct queue_entry *queue_at(const struct queue *q, uint64_t no)
{
	return &q->ring[no & (q->cap - 1)];
}
