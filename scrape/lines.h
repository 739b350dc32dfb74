/* The line table of an owner: what each line of its page was last time.
 *
 * A page comes back with the same lines in the same order, so each line remembers which one came
 * after it. Matching a page is then, for each line, one length, one delimiter and one hash to
 * check. Only a line that is not where it was expected is looked up in the map, and only an unknown
 * one is parsed.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/base/sv.h>

#define LINE_NONE UINT32_MAX

enum line_flag {
	LINE_META = 1,     /* a comment, or a family of a protobuf page */
	LINE_DROPPED = 2,  /* metric relabeling drops it */
	LINE_PENDING = 4,  /* ref counts the series that this page brought, not yet a slot */
	LINE_BRACED = 8,   /* the text ends with '}' */
	LINE_UNKNOWN = 16, /* none of its samples was taken since a good page lacked it */
	/* Formats whose grammar the text was checked by. A line without either is no text: its hash
	 * is a key that protobuf or a conversion made. */
	LINE_TEXT = 32,
	LINE_OPENMETRICS = 64,
	LINE_UNPLACED =
		128, /* known, but without a slot: only bad pages had it, or refused samples */
};

/* Lines with one of these have no slot: their ref means nothing. */
enum { LINE_SLOTLESS = LINE_META | LINE_DROPPED | LINE_UNPLACED };

struct line {
	uint64_t hash; /* of the raw text: series, or the whole comment; or a key */
	uint32_t next; /* the line expected after this one */
	uint32_t gen;  /* the last page it was in */
	uint32_t ref;  /* frame index << 8 | slot, see slot_ref() */
	uint16_t len;  /* of the raw text; of a key, how many labels it has */
	uint8_t flags;
	uint8_t type; /* a TYPE comment: metric type + 1; else 0 */
};

struct line_table {
	struct line *v;
	uint32_t n, cap;
	uint32_t first; /* expected at the start of a page */
	/* Only while pages bring lines that are not where they were expected. */
	struct map by_hash;
	bool indexed;    /* by_hash is there */
	bool looked;     /* since the last line_table_rest() */
	uint8_t at_rest; /* pages in a row without looking */
};

#define LINE_TABLE_NULL ((struct line_table){NULL, 0, 0, LINE_NONE, MAP_NULL})

/* Longer texts are parsed each time. */
enum { LINE_LEN_MAX = UINT16_MAX };

void line_table_deinit(struct line_table *t);
/* Memory held. */
size_t line_table_bytes(const struct line_table *t);
/* LINE_NONE when there is none (or no memory for the index: the line is then parsed anew). */
uint32_t line_table_find(struct line_table *t, uint64_t hash, size_t len);
/* A new line at the end of the table; LINE_NONE without memory. */
uint32_t line_table_add(struct line_table *t, uint64_t hash, size_t len, uint8_t flags);
/* Forgets the lines from n on. */
void line_table_truncate(struct line_table *t, uint32_t n);
/* Forgets the lines whose gen is not `gen`, keeping the order of the rest. */
int line_table_compact(struct line_table *t, uint32_t gen);

/* After each good page: when pages have come back unchanged for a while, gives back the index and
 * spare room. */
void line_table_rest(struct line_table *t);

/* Notes that b follows a (a may be LINE_NONE: the page starts with b). */
static inline void line_table_chain(struct line_table *t, uint32_t a, uint32_t b)
{
	if (a == LINE_NONE)
		t->first = b;
	else
		t->v[a].next = b;
}
