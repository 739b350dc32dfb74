/* progress: what of the log a destination has read, where its shards stand in it, and its books.
 *
 * No I/O and no clock: destination.c feeds batches in and commits what was answered. Positions and
 * books move only in progress_commit(), together.
 */
#pragma once

#include "position.h"
#include "shard.h"

struct progress_shard {
	struct cursor done;
	uint64_t waiting; /* own items of the queue at or after done */
	/* A place from an earlier run whose batch has not been read yet. */
	bool pending;
	struct shard_place resume;
};

struct progress {
	struct queue queue;
	struct fence fence;
	struct wal_pos end; /* what has been read */
	int64_t base;
	struct books books;
	uint32_t n;
	struct progress_shard *shards;
	uint32_t n_former;
	struct cursor *former;         /* no = UINT64_MAX while pending */
	struct shard_place *former_at; /* as stored; for pending ones and the next position file */
	/* Places stored by an earlier run may lie beyond the lowest one. overlap_top is the highest
	 * of them; until all shards have passed it, what was lost below it cannot be told from what
	 * was done, so it is booked when they have: see settle(). */
	bool settling;
	bool overlap_read; /* an entry beyond the overlap was read, or the log's end */
	uint64_t overlap_top;
	bool overlap_top_inside; /* the highest place lies inside the batch that begins there */
	uint64_t overlap_end_no; /* number after the last entry of the overlap */
	uint64_t overlap_end;    /* sequence after it */
	uint64_t beyond;         /* samples booked above it */
	enum drop_reason overlap_reason;
	/* At most so many samples of the overlap are lost, those that earlier runs passed included.
	 */
	uint64_t unsettled;
	int64_t settled; /* samples that settling moved: lost ones, or minus those the log forgot */
};

void progress_deinit(struct progress *p);
/* Goes on from a position whose places all are at or below the log's head; reading begins at
 * position_lowest(). 0 or ERR_NOMEM. */
int progress_init(struct progress *p, const struct position *from);

/* Call before the next batch is taken from the log, which gives it once only: the following
 * progress_add() or progress_read_to() then cannot fail. 0 or ERR_NOMEM. */
int progress_reserve(struct progress *p);
/* The next batch in log order: takes the reference. Samples missing in between are told as lost,
 * with the reason. 0 or ERR_NOMEM with nothing taken. */
int progress_add(struct progress *p, struct batch *b, enum drop_reason lost, int64_t now_ms);
/* Everything up to end has been read. Samples missing at the end are told as lost. */
int progress_read_to(struct progress *p, struct wal_pos end, enum drop_reason lost, int64_t now_ms);

struct shard_walk progress_walk(struct progress *p, uint32_t index);
/* Items waiting and when the oldest of them was read; 0 when there is none. */
uint64_t progress_waiting(struct progress *p, uint32_t index, int64_t *oldest_loaded_ms);
/* A request is done with: books are what became of its samples (as built, or with sent moved to a
 * reason). */
void progress_commit(struct progress *p, uint32_t index, const struct built *built,
		     const struct books *books);

/* The number of shards may change now (no request is out, which the caller sees to). */
bool progress_may_reshard(const struct progress *p);
int progress_reshard(struct progress *p, uint32_t n);

/* The places as they may be stored now. The caller frees. 0 or ERR_NOMEM. */
int progress_position(struct progress *p, struct position *out);
/* The lowest place: nothing before it is needed any more. */
struct wal_pos progress_hold(struct progress *p);
/* Samples of the log up to head that are neither sent nor dropped. */
uint64_t progress_queued(const struct progress *p, struct wal_pos head);
/* Whether the books hold what the places say: base, sent, dropped and what waits, counted item by
 * item, are what was read. With former places, or while an overlap is not settled, what waits
 * cannot be counted so: then only whether the books lie between the lowest place and the end. */
bool progress_balanced(const struct progress *p);
