/* What struct wal is made of, and who may touch what.
 *
 *   queue_mutex   the queue of what is to be written, what the writer tells those who wait, and
 *                 the ledger
 *   mutex         what readers see: head, segments, tail, holds, counters
 *   defs.mutex    the index of definitions
 *   (none)        the writer thread's own
 *
 * A mutex is never taken while another one is held.
 */
#pragma once

#include <ampagent/wal.h>
#include <pthread.h>

#include "append.h"
#include "defs.h"
#include "frames.h"
#include "ledger.h"
#include "store.h"

/* Buckets double from the first; the last has no limit. */
enum { SYNC_BUCKETS = 16 };
#define SYNC_FIRST_SECONDS 0.001

struct segment {
	uint64_t number;
	uint64_t first;     /* sequence of its first sample */
	uint64_t size;      /* bytes that may be read */
	int64_t created_ms; /* by segments_clock_ms() */
};

/* Fresh batches in order: the log's end, in memory. */
struct tail {
	struct batch **ring;
	size_t start, n, cap;
	size_t bytes, max_bytes;
};

struct hold {
	char *key;
	struct wal_pos pos;
};

enum op_kind { OP_BATCH, OP_RETIRE, OP_ADVANCE };

struct op {
	enum op_kind kind;
	uint32_t frame;
	uint64_t sequence;
	struct batch *batch;
	size_t bytes; /* of the batch */
};

/* What the log said of a frame before it was opened, for wal_owner_find() and wal_owner_left(). */
struct recent_frame {
	uint32_t frame, owner;
	uint16_t n_slots;
	bool asked; /* its owner was found */
	int64_t last_t_ms;
	int64_t gap_ms; /* between its last two batches; 0 = there was one */
	uint64_t alive[FRAME_SLOTS / 64];
};

struct recent {
	struct map map;
	struct recent_frame *v;
	uint32_t *by_owner; /* places in v in order of owner and frame; made when first needed */
	size_t n, cap;
	int64_t until_ms; /* monotonic: forgotten then */
};

/* A position that the writer is to store. One for each key, kept until the key is dropped. */
struct position_put {
	char *key;
	struct buf content; /* what waits; empty when nothing does */
	uint64_t put, done; /* how many were */
	bool waits, storing;
	bool holds; /* hold is raised when it is stored */
	struct wal_pos hold;
	int error; /* errno of the last try; 0: it went well */
};

struct queue {
	struct op *v;
	size_t n, cap;
	size_t n_batches;
	size_t batch_bytes; /* of the batches */
	uint64_t put;       /* ops ever queued */
	uint64_t written;   /* of them written */
	uint64_t synced;    /* of them on stable storage */
	uint64_t sync_to;   /* of them asked to be synced */
	uint64_t failures;  /* tries that failed */
	struct position_put **positions;
	size_t n_positions;
	bool positions_wait;
	bool stop;
};

/* The writer thread's. */
struct writer {
	int fd; /* the segment written to */
	struct append end;
	struct frame_states states;
	struct buf out;
	struct batch **batches; /* encoded in out, not yet shown */
	size_t n, cap;
	struct wal_pos pos;      /* after what is in out */
	struct wal_pos read_end; /* after its last batch */
	uint64_t size;           /* of the segment on disk, without out */
	int64_t created_ms;      /* of the segment, likewise */
	bool dirty;
	int64_t dirty_since_ms;
	uint32_t *retired; /* frames to be told as such after the next sync */
	size_t n_retired, cap_retired;
	bool took_batch; /* since the log was opened */
	int64_t complained_ms;
	unsigned tries;
	uint64_t lost;      /* samples given up because the log was closed while writing failed */
	bool ledger_stands; /* a ledger record stands in the segment, or in out */
};

struct wal {
	struct wal_options opt;
	int64_t wall_offset_ms; /* of the wall clock to the monotonic one, when it was opened */
	char *dir;
	struct store store;
	struct defs defs;

	pthread_mutex_t queue_mutex;
	pthread_cond_t queue_cond; /* to the writer */
	pthread_cond_t done_cond;  /* from the writer */
	struct queue queue;
	struct wal_ledger ledger;
	int64_t ledger_due_ms; /* monotonic: changes must be written by then; 0 = none */
	uint64_t torn;         /* samples cut off when it was opened, as far as known */

	pthread_mutex_t mutex;
	struct wal_pos head;
	struct wal_pos read_end; /* after the newest batch; up to head there is none */
	struct segment *segments;
	size_t n_segments, cap_segments;
	uint64_t min_segment; /* numbers below were used, if only by files that are gone */
	struct tail tail;
	struct hold *holds;
	size_t n_holds;
	void (*on_written)(void *cls);
	void *on_written_cls;
	struct recent recent;
	struct wal_stats stats;              /* the counters only */
	uint32_t sync_buckets[SYNC_BUCKETS]; /* how long syncing took */
	double sync_seconds;
	size_t states_bytes; /* of the writer's last values */
	bool failed;

	struct writer writer;
	uint32_t next_frame, next_owner; /* as the log was opened */
	pthread_t thread;
	bool thread_started;
};

/* Order of places; the sequence is not looked at. */
static inline int pos_cmp(struct wal_pos a, struct wal_pos b)
{
	if (a.segment != b.segment)
		return a.segment < b.segment ? -1 : 1;
	return a.offset < b.offset ? -1 : a.offset > b.offset;
}

/* ---- tail.c; with the mutex held ---- */

void tail_deinit(struct tail *t);
/* Takes its own reference; gives up older ones above max_bytes. What does not fit is not kept. */
void tail_push(struct tail *t, struct batch *b);
/* The first batch at or after pos (no reference), provided that the tail reaches back to pos. */
struct batch *tail_find(const struct tail *t, struct wal_pos pos);

/* ---- segments.c ---- */

/* What segments' age is told by: the wall clock as it was at the start, so that a leap of it does
 * not make all that waits too old. */
int64_t segments_clock_ms(const struct wal *w);
/* A new segment after the last one, whose first sample has that sequence. 0, or -1 with errno. */
int segment_begin(struct wal *w, uint64_t sequence);
/* Deletes what bounds and holds let go. at_begin: a new segment was just begun. */
void segments_trim(struct wal *w, bool at_begin);
/* Deletes what no hold needs: the disk is full. */
void segments_make_room(struct wal *w);
/* Appends to the list; with the mutex held. 0 or ERR_NOMEM. */
int segment_add(struct wal *w, const struct segment *s);

/* ---- writer.c ---- */

void *writer_run(void *wal);
int op_push(struct wal *w, const struct op *op);

/* ---- position.c ---- */

/* The writer's: stores what was put. */
void positions_store(struct wal *w);
void positions_deinit(struct queue *q);
/* With the mutex held. */
void hold_set(struct wal *w, struct sv key, struct wal_pos pos);

/* ---- repair.c ---- */

/* Reads the directory's segments: the list, the head's sequence, the recent frames. A torn end of
 * the newest segment is cut off. 0; 1 with the reason; ERR_NOMEM. */
int segments_load(struct wal *w, struct err *err);
/* The number that the next segment will have. */
uint64_t segments_next_number(const struct wal *w);

/* ---- ledger.c ---- */

/* New sums when none were found in the segments; before the writer thread. */
void ledger_begin(struct wal *w);
/* Adds to a sum of the log's own. */
void ledger_note_own(struct wal *w, enum ledger_own why, uint64_t samples);
void ledger_note_passed_over(struct wal *w, uint64_t samples);
/* The writer's: the record at the end of the chunk. 0 or ERR_NOMEM. */
int ledger_append(struct wal *w);

/* ---- owner.c ---- */

/* Notes a batch read when the log was opened. 0 or ERR_NOMEM. */
int recent_note(struct recent *r, const struct batch *b);
/* After the last batch: 0 or ERR_NOMEM. */
int recent_done(struct recent *r);
void recent_deinit(struct recent *r);
