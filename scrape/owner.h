/* Owners: what is remembered of a target's series, by {job, public labels}.
 *
 * An owner outlives its target: a target that is rebuilt with the same labels (rediscovery, reload,
 * a changed __ label) takes it over with its frames and the markers it owes. One that nobody takes
 * over gets its end-of-run markers and goes.
 */
#pragma once

#include "exemplars.h"
#include "frames.h"
#include "lines.h"
#include "metadata.h"

#include <ampagent/scrape.h>

enum { REPORT_MAX = 8 };

/* A series whose last sample is older than this needs no marker: queries no longer see it. */
enum { LOOKBACK_MS = 5 * 60 * 1000 };

struct owner {
	uint32_t id;
	bool in_log;       /* its definition has been written */
	bool in_use;       /* a target has it */
	bool cut;          /* not all that the log knows of it was taken: memory */
	bool interrupted;  /* its last target was stopped in the middle of a scrape */
	int64_t marker_ms; /* without one: wall time that its end-of-run markers carry, */
	int64_t due_ms;    /* and when they are written */
	uint32_t ended;    /* the last common end of series that it had its markers in, */
	int64_t ended_ms;  /* and their time */
	struct labels key; /* public labels of the target; owned */
	uint64_t key_hash;
	uint64_t page_hash; /* without a target: lines are kept for one that has this; 0 = none */
	struct frame_list frames;
	struct line_table lines;
	uint32_t gen;                /* of the page being read, or the last one */
	uint32_t good_gen;           /* of the last page that was good */
	uint32_t good_lines;         /* how many lines there were after it */
	int64_t last_ms;             /* time of the last batch handed over; INT64_MIN when none */
	uint32_t report[REPORT_MAX]; /* refs of the report series; SLOT_NONE until first used */
	size_t charged;              /* of the budget: lines and frames */
	size_t charged_exemplars;
	bool metadata_shed; /* its pages have some that was not kept */
	struct exemplar_memory exemplars;
	struct metadata_list *metadata; /* of its last page that brought any; NULL = none */

	/* The scrape being made: what page_rollback() goes back to. */
	bool marked;
	bool page_good;  /* a page was read and is kept */
	bool page_empty; /* it had no byte: what is known of lines stays as it was */
	uint32_t lines_mark;
	struct frame_mark frames_mark;
};

/* A new owner, its frames taken from the log when it knows the key. NULL without memory. */
struct owner *owner_new(struct labels key, const struct owner_lookup *lookup, uint32_t *next_owner,
			int64_t now_ms);
void owner_free(struct owner *o);
/* Charges the budget with what it holds now. */
void owner_charge(struct owner *o);
/* Before a new target uses it: its pages may look different, so lines are learnt anew; frames and
 * what was seen stay. */
void owner_adopt(struct owner *o);
/* Before one uses it whose pages and rules are the same: everything stays. */
void owner_resume(struct owner *o);
DEFINE_CLEANUP_PTR(struct owner, owner_free)
