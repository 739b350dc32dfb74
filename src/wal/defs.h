/* Definitions: which labels an owner and the slots of a frame have. They stand in files of their
 * own (def-*); memory holds where, not what.
 *
 * Adding and writing is the writer thread's; looking is anybody's.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>
#include <pthread.h>

#include "append.h"

/* One open definition file, shared by the index and readers of the moment. */
struct def_file {
	int refs; /* atomic */
	int fd;
	uint64_t number;
	uint64_t size;
	uint64_t live; /* bytes of records that the index points to */
};

/* A record that defines slots [first, first + n) of a frame. */
struct def_extent {
	struct def_file *file;
	uint32_t offset, bytes;
	uint16_t first, n;
};

struct def_frame {
	uint32_t frame, owner;
	uint64_t last_segment; /* its newest values may be here, not after */
	uint16_t n_slots;      /* defined without a hole from 0 on */
	uint16_t n_extents, cap_extents;
	bool used;             /* this place of the table is taken */
	bool hole;             /* a definition was lost: takes no new slots, is not inherited */
	bool leaves;           /* is not inherited: it is about to be retired */
	bool retired;          /* will not be used again */
	uint64_t retired_file; /* the file that says so */
	struct def_extent *extents;
};

struct def_owner {
	uint32_t owner;
	bool used;
	bool claimed; /* used or asked for since the log was opened */
	uint32_t n_frames;
	uint64_t hash; /* of its labels, stable */
	uint64_t last_segment;
	struct def_file *file;
	uint32_t offset, bytes;
};

/* A definition made, not yet written: what the index will say of it. */
struct def_pending {
	uint8_t type;
	uint32_t frame, owner;
	uint16_t first, n;
	uint64_t hash;
	uint32_t offset, bytes; /* in the buffer; then in the file */
};

struct defs {
	struct store *store;
	pthread_mutex_t mutex; /* the tables below */
	struct map frame_map, owner_map, label_map;
	struct def_frame *frames;
	size_t n_frames, cap_frames;
	struct def_owner *owners;
	size_t n_owners, cap_owners;
	size_t live_frames, live_owners;
	struct def_file **files; /* in order of number; the last is written to */
	size_t n_files, cap_files;
	uint32_t next_frame, next_owner; /* above every number seen */
	uint64_t segment;                /* the one that is written to */
	uint64_t repaired_bytes;

	/* the writer thread's */
	struct buf out;
	struct def_pending *pending;
	size_t n_pending, cap_pending;
	bool dirty;
	bool keep;         /* what is not synced, see append.h */
	struct append end; /* of the newest file */
};

void defs_init(struct defs *d, struct store *store);
void defs_deinit(struct defs *d);
/* Reads all definition files. last_segment is what frames found are taken to be used in. 0,
 * ERR_NOMEM, or 1 with the reason when a file cannot be opened. */
int defs_load(struct defs *d, uint64_t last_segment, struct err *err);

/* ---- the writer's ---- */

/* Notes a batch's definitions, to be written by defs_write(): 0 or ERR_NOMEM (nothing noted). */
int defs_add(struct defs *d, const struct batch *b);
/* Notes that a frame will not be used again: 0 or ERR_NOMEM. */
int defs_retire(struct defs *d, uint32_t frame);
/* The same for this run only, at once: nobody takes the frame up again. */
void defs_mark_retired(struct defs *d, uint32_t frame);
/* Writes what is noted and then shows it to readers: 0, or -1 with errno (to be tried again). */
int defs_write(struct defs *d);
/* 0, or -1 with errno. */
int defs_sync(struct defs *d);
/* The frame has values in the segment that is written to. */
void defs_touch(struct defs *d, uint32_t frame, uint32_t owner);
/* A new segment begins; those before `oldest` are gone. Forgets what no values and no owner need,
 * carries the live records of files that are mostly dead over into the newest file and removes
 * them. */
void defs_next_segment(struct defs *d, uint64_t segment, uint64_t oldest);

/* ---- anybody's ---- */

typedef void defs_slot_fn(void *cls, uint16_t slot, struct labels labels);
/* As wal_frame_labels(). */
uint16_t defs_labels(struct defs *d, uint32_t frame, uint16_t from, defs_slot_fn *fn, void *cls);
/* The owner with these labels, claimed from now on; 0 when there is none. */
uint32_t defs_owner_find(struct defs *d, struct labels labels);
/* The frame is not given to anybody any more; what is in the log of it is still needed. */
void defs_leave(struct defs *d, uint32_t frame);
/* Its frames that can go on being used, ascending; *out is malloc'd. The number. */
size_t defs_owner_frames(struct defs *d, uint32_t owner, uint32_t **out);

struct defs_stats {
	uint64_t bytes, frames, owners, memory_bytes, files;
};
void defs_stats_get(struct defs *d, struct defs_stats *out);

/* ---- among defs*.c ---- */

struct def_frame *defs_find_frame(const struct defs *d, uint32_t frame);
struct def_owner *defs_find_owner(const struct defs *d, uint32_t owner);
/* Shows one record of a file to the index. With the mutex held. 0 or ERR_NOMEM. */
int defs_index(struct defs *d, struct def_file *file, const struct def_pending *p);
void defs_drop_frame(struct defs *d, struct def_frame *f);
void defs_drop_owner(struct defs *d, struct def_owner *o);

struct def_file *def_file_new(int fd, uint64_t number, uint64_t size);
struct def_file *def_file_ref(struct def_file *f);
void def_file_unref(struct def_file *f);
/* Appends it to the list, taking the reference. 0 or ERR_NOMEM. */
int defs_add_file(struct defs *d, struct def_file *f);
/* Reads one record into buf: 0; 1 when it is not there any more as it was; ERR_NOMEM. */
int def_file_read(const struct def_file *f, uint32_t offset, uint32_t bytes, struct buf *buf,
		  struct record *rec);

/* Notes the FRAME record of n definitions of one frame with ascending slots. */
int defs_note_frame(struct defs *d, uint32_t owner, const struct batch_def *v, size_t n);
/* Notes a record as it is. */
int defs_note_copy(struct defs *d, const struct record *rec);
/* Writes and indexes what is noted, without merging. 0, or -1 with errno. */
int defs_write_noted(struct defs *d);
void defs_forget_noted(struct defs *d);
/* Writes all slots of a frame anew as one record: 0; 1 when they cannot be read; ERR_NOMEM. */
int defs_carry_frame(struct defs *d, uint32_t frame);

/* What a record says: 0, or 1 when it is broken. Offset and bytes are not set. */
int def_record_get(const struct record *rec, struct def_pending *out);
/* Calls fn for each slot of a FRAME record from `from` on: 0, 1 when broken, ERR_NOMEM. */
int def_record_slots(const struct record *rec, uint16_t from, defs_slot_fn *fn, void *cls);
/* The labels of an OWNER record. */
struct labels def_record_labels(const struct record *rec);
