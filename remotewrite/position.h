/* What a destination knows about its place in the log, and its text form.
 *
 * Frame f belongs to shard frame_shard(f, n) of n. A shard walks the log in order and takes only
 * its own frames; its place is {batch, how many of its own samples of that batch are done}. When
 * the number of shards changes, the places of the former shards are kept as a former epoch: a
 * sample is done when it lies before its shard's place in either. At most two epochs: the former
 * one is forgotten once all present shards have passed it, and only then may the number change
 * again.
 */
#pragma once

#include "books.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/model/batch.h>

enum { SHARDS_MAX = 1024 };

/* Stable for ever: positions on disk depend on it. */
static inline uint32_t frame_shard(uint32_t frame, uint32_t n)
{
	uint32_t h = frame;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	h ^= h >> 16;
	return h % n;
}

struct shard_place {
	struct wal_pos pos; /* of a batch */
	uint64_t own;       /* this shard's samples of it that are done */
};

struct position {
	int64_t base; /* sequence at which the books begin */
	struct books books;
	bool clean; /* written with no request in flight: nothing after it was sent */
	/* Nothing from this sequence on was sent while this was the newest position file;
	 * UINT64_MAX: not told, by an older version. */
	uint64_t reach;
	/* At most so many samples before the places are lost and not in the books yet. */
	uint64_t unsettled;
	uint32_t n;
	struct shard_place *shards;
	uint32_t n_former; /* 0 = none */
	struct shard_place *former;
};

#define POSITION_NULL ((struct position){0})
/* 1024 shards twice, and the reasons. */
#define POSITION_BYTES KiB(512)

void position_deinit(struct position *p);
DEFINE_CLEANUP(struct position, position_deinit)

/* Appends the JSON text: 0 or 1 when out is full. key is told for readers' sake. */
int position_write(struct buf *out, const struct position *p, struct sv key);
/* 0; 1 with the reason when text is not a position of a version known here. ERR_NOMEM. */
int position_parse(struct sv text, struct position *out, struct err *err);

/* Where reading has to begin: the lowest place of all. */
struct wal_pos position_lowest(const struct position *p);
/* Every place set to pos: a destination that begins, or moves, there. */
int position_start(struct position *p, struct wal_pos pos, uint32_t n);

static inline bool wal_pos_before(struct wal_pos a, struct wal_pos b)
{
	return a.segment != b.segment ? a.segment < b.segment : a.offset < b.offset;
}
