/* The frames of an owner, as the scrape side sees them: which slots there are, which were seen last
 * time, and the column that the scrape now running fills.
 *
 * Seen and "has a sample" are two bitmaps: a scrape that fails half-way has seen what stood before
 * the bad line (no staleness marker for it) but keeps no sample.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

enum frame_kind {
	FRAME_PLAIN,
	FRAME_TIMED,  /* series that come with timestamps of their own */
	FRAME_REPORT, /* up, scrape_duration_seconds ... */
	FRAME_KINDS,
};

enum { FRAME_WORDS = FRAME_SLOTS / 64 };

struct frame {
	uint32_t id;
	uint16_t n; /* slots */
	uint16_t cap;
	uint8_t kind;
	uint32_t raw_bytes; /* of its series on the wire, estimated */
	int64_t column_ms;  /* of its last column; INT64_MIN when it has had none */
	uint64_t seen_before[FRAME_WORDS];
	uint64_t seen_now[FRAME_WORDS];
	uint64_t present[FRAME_WORDS]; /* slots with a value in the running scrape */
	/* Slots whose sample of the running scrape's time is not in the column: a histogram, or a
	 * row. */
	uint64_t apart[FRAME_WORDS];
	uint64_t *values;    /* of the running scrape, in its batch's memory; NULL = untouched */
	uint16_t values_cap; /* 0 without values */
	uint64_t *hash;      /* of each slot's final labels */
	int64_t *last_ms;    /* last own timestamp of each slot; NULL when none had one */
	/* Last sample of each slot, where zero samples at start times are wanted; else NULL. */
	int64_t *sample_ms;
};

/* A slot's time before the running scrape moved it: of last_ms, or of sample_ms. */
struct frame_time {
	uint32_t ref;
	bool of_sample;
	int64_t before_ms;
};

struct frame_list {
	struct frame *v;
	uint32_t n;
	uint32_t n_stale;         /* markers of the running scrape */
	struct frame_time *times; /* moved in the running scrape, in order */
	size_t n_times, cap_times;
	uint32_t open[FRAME_KINDS]; /* index + 1 of the youngest frame of each kind; 0 = none */
};

#define SLOT_NONE UINT32_MAX

static inline uint32_t slot_ref(uint32_t frame_index, unsigned slot)
{
	return frame_index << 8 | slot;
}

static inline bool bit_get(const uint64_t *words, unsigned i)
{
	return words[i / 64] >> (i % 64) & 1;
}

static inline void bit_clear(uint64_t *words, unsigned i)
{
	words[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

static inline void bit_set(uint64_t *words, unsigned i)
{
	words[i / 64] |= UINT64_C(1) << (i % 64);
}

void frame_list_deinit(struct frame_list *l);
/* Memory held. */
size_t frame_list_bytes(const struct frame_list *l);
/* A slot that the log already knows (frames in order, slots in order); last_ms: the last batch that
 * its frame was in. 0 or ERR_NOMEM. */
int frame_list_restore(struct frame_list *l, struct series_ref ref, struct labels labels,
		       bool alive, int64_t last_ms);
/* A new slot in the youngest frame of that kind, or in a new frame that takes *next_id.
 * Returns its ref, SLOT_NONE without memory. */
uint32_t frame_list_add(struct frame_list *l, enum frame_kind kind, struct labels labels,
			uint64_t hash, uint32_t *next_id);
/* Takes back the slots and frames added since `mark` was taken, and the times moved since the last
 * turn. */
struct frame_mark {
	uint32_t n;
	uint16_t open_n[FRAME_KINDS];
	uint32_t open[FRAME_KINDS];
	uint32_t open_bytes[FRAME_KINDS];
};
struct frame_mark frame_list_mark(const struct frame_list *l);
void frame_list_rollback(struct frame_list *l, const struct frame_mark *mark);
/* Index of all slots by the hash of their labels (values are refs): 0 or ERR_NOMEM. */
int frame_list_index(const struct frame_list *l, struct map *out);
/* SLOT_NONE when there is none. Of several, which a kill before a frame was given up leaves behind,
 * the one that a marker is owed for, else the youngest. */
uint32_t frame_list_find(const struct frame_list *l, const struct map *index, uint64_t hash);

/* Sets a slot's value in the running scrape. 0, 1 when it has one already, or ERR_NOMEM. */
int frame_put(struct frame *f, unsigned slot, uint64_t bits, struct batch *batch);
/* As frame_put, but replaces. */
int frame_replace(struct frame *f, unsigned slot, uint64_t bits, struct batch *batch);
/* Frees what is left of a frame that no line refers to and no marker is owed for, moves the others
 * up and tells their new places: moved[i] is frame i's, SLOT_NONE for a gone one, whose number goes
 * to retire(). used[i] says that frame i is still referred to. */
void frame_list_compact(struct frame_list *l, const bool *used, uint32_t *moved,
			void (*retire)(void *cls, uint32_t id), void *cls);

/* The time of a slot's last sample, before `t_ms` takes its place; INT64_MIN when it has had none.
 * Kept from the first call on. Without memory the answer is INT64_MAX: no zero sample then. */
int64_t frame_list_exchange_sample_ms(struct frame_list *l, uint32_t ref, int64_t t_ms);
/* Remembers a sample's own time: 0; 1 when it is not after the last one; ERR_NOMEM. */
int frame_list_take_time(struct frame_list *l, uint32_t ref, int64_t t_ms);
/* A slot's last own time; INT64_MIN when it has had none. */
static inline int64_t frame_last_ms(const struct frame *f, unsigned slot)
{
	return f->last_ms ? f->last_ms[slot] : INT64_MIN;
}

/* Puts a staleness marker for each slot seen before and not now. t_ms is the marker's time.
 * 0 or ERR_NOMEM. */
int frame_list_mark_stale(struct frame_list *l, int64_t t_ms, struct batch *batch);
/* Moves the columns of the running scrape into the batch. 0 or ERR_NOMEM. */
int frame_list_columns(struct frame_list *l, struct batch *batch);
/* Ends the scrape of t_ms: forgets the columns (they belong to the batch); what was seen now
 * becomes what was seen before. */
void frame_list_turn(struct frame_list *l, int64_t t_ms);
/* Forgets the columns and keeps what was seen. */
void frame_list_drop_columns(struct frame_list *l);
/* Forgets what was seen in the running scrape. */
void frame_list_forget_seen(struct frame_list *l);
