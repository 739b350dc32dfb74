/* shard: a cursor over the queue that sees only its own frames, and the cutting of requests.
 *
 * Samples of a batch are in order: columns, slot by slot, then rows, then histograms. A lost
 * stretch counts as one item of shard 0, so that it is passed, and booked, exactly once.
 */
#pragma once

#include "accepted.h"
#include "encode.h"
#include "fence.h"
#include "images.h"
#include "queue.h"

/* A place between two samples. item: column, n_columns + row, or n_columns + n_rows + histogram. */
struct cursor {
	uint64_t no; /* queue entry */
	uint32_t item;
	uint32_t slot;
	uint64_t own; /* this shard's items of the entry before the place */
};

/* Order of places of one shard, and of samples of any shards. */
static inline bool cursor_before(const struct cursor *a, uint64_t no, uint32_t item, uint32_t slot)
{
	if (a->no != no)
		return a->no < no;
	return a->item != item ? a->item < item : a->slot < slot;
}

/* Who walks: shard `index` of `n`; samples before the former shards' places are done. */
struct shard_walk {
	const struct queue *queue;
	uint32_t n, index;
	const struct cursor *former;
	uint32_t n_former;
	const struct fence *fence; /* NULL = none */
	uint64_t lowest;           /* entry that all shards have reached */
};

struct build_limits {
	uint32_t max_samples;
	size_t raw_max;
	int64_t oldest_ms;     /* samples before it are too old; INT64_MIN = off */
	uint64_t sequence_end; /* entries that begin at or after it are left for later */
	struct encode_as as;
	/* What the peer has taken before; NULL = not asked. shed: other series are passed over. */
	struct accepted *accepted;
	bool shed;
};

/* A request as cut: what it holds, and where the shard stands once it is done. */
struct built {
	struct cursor end;
	struct books books;      /* sent = samples encoded; dropped ones are passed over */
	struct books histograms; /* those of books that are histograms */
	struct books exemplars;  /* beside books: exemplars have no place in the log's sequence */
	uint64_t items;          /* own items passed */
	uint64_t beyond;         /* booked samples of entries outside the overlap */
	int64_t oldest_ms, newest_ms;
	bool fenced;   /* cut short until other shards are as far: see fence.h */
	bool unproven; /* it holds series that the peer has not taken before */
};

/* Own items of an entry. */
uint64_t shard_entry_items(const struct queue_entry *e, uint32_t n, uint32_t index);
/* The place after `own` items of entry no. */
struct cursor shard_cursor_at(const struct queue *q, uint32_t n, uint32_t index, uint64_t no,
			      uint64_t own);
/* Moves on over entries that hold nothing more for this shard. */
void shard_skip_idle(const struct shard_walk *w, struct cursor *c);
/* Encodes from `from` into out (reset by the caller) until a limit or the end. 0 or ERR_NOMEM. A
 * request of 2.0 is whole, strings first. */
int shard_build(const struct shard_walk *w, struct cursor from, const struct build_limits *limits,
		struct images *images, struct image_scratch *scratch, int64_t now_ms,
		struct buf *out, struct built *res);
