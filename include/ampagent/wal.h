/* The log: crash-safe, bounded, written by one thread, read by cursors. docs/WAL_FORMAT.md has the
 * bytes.
 *
 * Batches go in on one side in order; each gets a position whose sequence is the number of its
 * first sample since the log began, so a position is also a count. Cursors read from any position
 * that is still there: fresh batches from the memory tail, older ones from the files. Destinations
 * keep their own durable position files beside the segments (wal_position_*).
 *
 * The directory: <storage.agent.path>/ampagent/ with LOCK, FORMAT, seg-*, def-*, pos-*. A
 * Prometheus data-agent/ at the same place is left untouched.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/metrics.h>
#include <ampagent/model/batch.h>
#include <ampagent/model/refused.h>
#include <stdlib.h>

struct wal;

/* What a power loss may take; kill -9 takes what still waits in memory to be written, always. */
enum wal_durability {
	WAL_DURABILITY_INTERVAL, /* what was written within sync_interval_ms */
	WAL_DURABILITY_NONE,     /* what the system has not written by itself: segments are synced
				  * when they end and the log when it is closed, positions never */
	WAL_DURABILITY_ALWAYS,   /* nothing that a reader saw or wal_flush() told */
};

struct wal_options {
	struct sv dir; /* storage.agent.path */
	bool memory;   /* no files: segments in anonymous memory, bounded by max_bytes */
	uint64_t max_bytes;
	int64_t max_age_ms; /* 0 = off */
	enum wal_durability durability;
	int64_t sync_interval_ms;
	size_t segment_bytes; /* 0 = WAL_SEGMENT_BYTES */
	size_t tail_bytes;    /* 0 = WAL_TAIL_BYTES */
};

enum { WAL_E_LOCKED = 1, WAL_E_UNWRITABLE, WAL_E_FORMAT };

/* Opens or creates, repairs a torn tail (everything up to the last whole record stays), starts the
 * writer thread and a new segment. WAL_E_LOCKED: another process holds it. WAL_E_UNWRITABLE: the
 * directory cannot be written (the caller may open again with memory set). WAL_E_FORMAT: made by an
 * unknown version. Each with the reason. */
int wal_open(const struct wal_options *opt, struct wal **out, struct err *err);
/* Writes what is queued, syncs, stops the thread. */
void wal_close(struct wal *w);

/* First frame and owner numbers that no definition has used. */
uint32_t wal_next_frame(const struct wal *w);
uint32_t wal_next_owner(const struct wal *w);
/* For scrape_env.owners: the slots of an owner as the log knows them. */
uint32_t wal_owner_find(void *wal, struct labels owner,
			void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				   bool alive, int64_t last_t_ms),
			void *fcls);
/* For the same: owners that had live series when the log was opened and that wal_owner_find() was
 * not asked for since. The number of the first one above `after`, 0 when there is none; last_t_ms
 * is its last batch's time, gap_ms what lay between its last two (0 or nonsense: not known). With
 * fn, which is called for each frame with live series (alive has a bit for each), it counts as
 * asked for. */
uint32_t wal_owner_left(void *wal, uint32_t after, int64_t *last_t_ms, int64_t *gap_ms,
			void (*fn)(void *fcls, uint32_t frame, uint16_t n_slots,
				   const uint64_t *alive),
			void *fcls);
/* The sink: put() takes the reference and queues; 1 when WAL_QUEUE_BATCHES are waiting. Negative
 * for a batch that breaks batch.h's rules (a column of no or too many slots): still the caller's.
 */
struct batch_sink wal_sink(struct wal *w);
/* Blocks until everything put so far is written (and synced when sync). 0; negative as soon as a
 * write fails (what was put stays queued and is tried again). */
int wal_flush(struct wal *w, bool sync);
/* The same without blocking: asks for everything put so far to be written and synced, and tells
 * whether it is. */
uint64_t wal_sync_begin(struct wal *w);
bool wal_sync_done(struct wal *w, uint64_t begun);

/* The scrape side says that a frame will not be used again: its definitions go when no unsent batch
 * needs them. */
void wal_frame_retire(struct wal *w, uint32_t frame);

/* Moves the head's sequence up, in a new segment, when a stored position is ahead of the log (power
 * loss): the numbers in between were given to samples that are gone. Before the first put().
 * Nothing when it is not above the head. 0 or negative. */
int wal_advance_sequence(struct wal *w, uint64_t sequence);

/* Labels of a frame's slots from `from` on, in order, as far as they are defined now; returns how
 * many slots the frame has (0: unknown frame). Thread-safe. fn's labels are valid during the call.
 */
uint16_t wal_frame_labels(struct wal *w, uint32_t frame, uint16_t from,
			  void (*fn)(void *cls, uint16_t slot, struct labels labels), void *cls);

/* The position after the newest written batch / of the oldest one still there. */
struct wal_pos wal_head(struct wal *w);
struct wal_pos wal_tail(struct wal *w);

/* Called on the writer thread after new batches were written: post to a loop, no more. */
void wal_on_written(struct wal *w, void (*fn)(void *cls), void *cls);

/* ---- reading ---- */

struct wal_cursor;

/* A position older than the oldest segment is moved up to it (*skipped samples are told); one ahead
 * of the head (power loss) down to it. `from` may be wal_head(). Positions between batches only.
 * 0 or negative. */
int wal_cursor_new(struct wal *w, struct wal_pos from, struct wal_cursor **out, uint64_t *skipped);
void wal_cursor_free(struct wal_cursor *c);
/* The next batch, with its pos and end: 0 and *out (a reference for the caller, shared and
 * immutable; batches read from files have no defs), 1 when there is none yet. A segment deleted
 * underneath, or damaged bytes, are skipped: *skipped says how many samples were lost that way
 * before this batch (the destination counts them as dropped). pos and end always span n_samples, so
 * what batches hold plus what was skipped adds up to the sequence. */
int wal_cursor_next(struct wal_cursor *c, struct batch **out, uint64_t *skipped);
struct wal_pos wal_cursor_pos(const struct wal_cursor *c);

/* The lowest position a reader still needs: segments wholly before the lowest of all are deleted.
 * Registered by key (the destination's file name); a registration of gone destinations is dropped
 * with wal_position_drop(). */
void wal_hold(struct wal *w, struct sv key, struct wal_pos pos);

/* ---- durable positions ---- */

/* The content is the destination's; the log stores it atomically beside the segments.
 * 0; 1 when there is none (load) or it cannot be written (store); 2 when it cannot be read. */
int wal_position_load(struct wal *w, struct sv key, struct buf *out, struct err *err);
int wal_position_store(struct wal *w, struct sv key, struct sv content, struct err *err);
/* The same without waiting, but for a key's first: the writer thread stores it, and what wal_hold()
 * says of this key until then takes effect no earlier. 0; 1 with the reason when the last one tried
 * could not be stored. The content is taken in any case, but without memory. wal_close() stores
 * what still waits. */
int wal_position_put(struct wal *w, struct sv key, struct sv content, struct err *err);
void wal_position_drop(struct wal *w, struct sv key);
/* Keys that have a file. */
void wal_position_each(struct wal *w, void (*fn)(void *cls, struct sv key), void *cls);

/* ---- what never got into the log ---- */

enum { WAL_REASONS_MAX = 64, WAL_REASON_BYTES = 32 };

struct wal_refused {
	char reason[WAL_REASON_BYTES];
	uint64_t scrapes, samples;
};

/* Sums over all runs. Scraped since then is base to head, and what was refused. */
struct wal_ledger {
	int64_t since_ms;     /* wall clock when they began */
	uint64_t base;        /* the log's sequence then */
	uint64_t passed_over; /* numbers given up because positions were ahead of the log */
	/* As enum refused; then those of the log itself, then those of other versions. */
	size_t n;
	struct wal_refused v[WAL_REASONS_MAX];
};

/* Where refusals are told. They are in the log no later than the batch put after them, or the sync
 * interval when none comes. */
struct refused_sink wal_refused_sink(struct wal *w);
void wal_refused_get(struct wal *w, struct wal_ledger *out);

/* ---- looking ---- */

struct wal_stats {
	struct wal_pos head, tail;
	uint64_t bytes; /* on disk: segments and definitions */
	uint64_t defs_bytes;
	uint64_t memory_bytes; /* held in memory */
	uint64_t segments;
	uint64_t frames, owners;
	uint64_t batches_written, samples_written, bytes_written;
	uint64_t queue;          /* batches waiting to be written */
	uint64_t dropped_bounds; /* samples in segments deleted for size or age while still held */
	uint64_t repaired_bytes; /* cut or skipped at start */
	bool memory;
	bool failed; /* writing failed: the reason is logged */
};
void wal_stats_get(struct wal *w, struct wal_stats *out);
void wal_collect(struct wal *w, struct metrics_writer *mw);

/* Prints a directory's content as text, for `ampagent wal`: 0; 1 with the reason. Read-only; works
 * while another process writes. verbose prints samples. */
int wal_print(const char *dir, bool verbose, FILE *out, struct err *err);

/* ---- checking ---- */

struct wal_place {
	struct wal_pos pos; /* of a batch */
	uint64_t own;       /* samples of it, of this shard's frames, that are done */
};

/* What a position file says, in numbers that the log can check. */
struct wal_position_books {
	int64_t base; /* sequence at which the books begin */
	uint64_t sent;
	/* At most so many samples before the places are lost and not among the dropped yet. */
	uint64_t unsettled;
	struct wal_refused dropped[WAL_REASONS_MAX]; /* scrapes are 0 */
	size_t n_dropped;
	struct wal_place *places; /* one a shard */
	size_t n;
	struct wal_place *former; /* of the shards before these: what lies before either is done */
	size_t n_former;
};

static inline void wal_position_books_deinit(struct wal_position_books *b)
{
	free(b->places);
	free(b->former);
	*b = (struct wal_position_books){0};
}

/* The content of position files is their writer's: how to read it. */
struct wal_position_reader {
	/* 0, then the caller frees; 1 with the reason; ERR_NOMEM. */
	int (*read)(struct sv content, struct wal_position_books *out, struct err *err);
	/* The shard of a frame, of so many. */
	uint32_t (*shard)(uint32_t frame, uint32_t n);
};

enum { WAL_VERIFY_DISAGREES = 1, WAL_VERIFY_UNREADABLE };

/* Recomputes everything from a directory's files alone and prints where they disagree, for
 * `ampagent wal verify`: 0; WAL_VERIFY_DISAGREES; WAL_VERIFY_UNREADABLE with the reason. Read-only;
 * works while another process writes, and on a copy. */
int wal_verify(const char *dir, const struct wal_position_reader *positions, bool json, FILE *out,
	       struct err *err);
