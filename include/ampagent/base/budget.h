/* budget: how much memory the process may use, and what uses it.
 *
 * One budget for the process, from the limit that a flag or the control group sets. Buffers, arenas
 * and tables charge what they hold when they grow and when they are freed, never for a sample; so a
 * charge is two relaxed additions. Charges are always booked; the limit only decides what the
 * questions below answer. Without a limit there is always room.
 *
 * Fairness needs no bookkeeping: whatever may grow large may be as large as what is free beside it.
 * One that grows without end so stops at half of the room, two at a third each, and small ones
 * always find room.
 */
#pragma once

#include <ampagent/base/sv.h>

enum budget_part {
	BUDGET_NONE,      /* not charged */
	BUDGET_PAGES,     /* bodies in flight, the inflated page, what reading a page takes */
	BUDGET_BATCHES,   /* being made, or waiting for the log */
	BUDGET_TAIL,      /* written, and still held by the tail or a destination */
	BUDGET_QUEUES,    /* read back from the log, requests */
	BUDGET_SERIES,    /* lines, frames, last values, images, the index of definitions */
	BUDGET_METADATA,  /* kept for the API */
	BUDGET_EXEMPLARS, /* the last one of each series */
	BUDGET_OTHER,     /* resident beyond the charges and the reserve, as measured */
	BUDGET_PARTS,
};

/* "pages" ... */
const char *budget_part_name(enum budget_part part);

/* What is given up as memory gets short, in this order; each level includes those before it. */
enum budget_level {
	BUDGET_CALM,
	BUDGET_SHED_METADATA,
	BUDGET_SHED_EXEMPLARS,
	BUDGET_SHED_SERIES, /* no new ones */
	BUDGET_SHED_TARGET, /* the largest target is left out */
};

/* limit 0 = none. Before threads start. */
void budget_set(uint64_t limit);
uint64_t budget_limit(void);
/* What of the limit may be charged: the rest is reserved for code, libraries, stacks and what the
 * allocator wastes. 0 = no limit. */
uint64_t budget_total(void);
/* That rule, for tests. */
uint64_t budget_of_limit(uint64_t limit);

void budget_charge(enum budget_part part, size_t n);
void budget_release(enum budget_part part, size_t n);
void budget_move(enum budget_part from, enum budget_part to, size_t n);
uint64_t budget_used(enum budget_part part);
uint64_t budget_used_all(void);

/* What is free; SIZE_MAX without a limit. */
size_t budget_room(void);
/* How large something may become that has charged `own` bytes already: as large as what is free
 * beside it, never more than max. Something small may always be made: the reserve has room for it.
 */
size_t budget_fair(size_t own, size_t max);
/* A batch that is read back from the log may take this part of the budget; what is made must stay
 * clearly below. */
enum { BUDGET_READ_BACK_PART = 4, BUDGET_BATCH_PART = 5 };

/* A bound of a queue: max, or with a limit at most one n-th of the budget. */
size_t budget_bound(size_t max, unsigned n);

/* The level that follows `now`: up at 60, 70, 80 and 90 hundredths of the budget, down again 10
 * hundredths below. */
enum budget_level budget_level_next(enum budget_level now, uint64_t used, uint64_t total);
/* The present level. Pages do not count: they come and go, and have to fit into what is free. One
 * thread asks. */
enum budget_level budget_level(void);

/* Looks at the process's resident memory: what it has beyond the charges and the reserve is booked
 * as BUDGET_OTHER, after the allocator was told to give back what it can. Now and then, by one
 * thread. */
void budget_measure(void);
