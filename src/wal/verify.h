/* Checking a log's files: what verify*.c share. Nothing here is used by a running log, and nothing
 * that a running log counts is believed.
 */
#pragma once

#include <ampagent/wal.h>

#include "frames.h"
#include "reader.h"
#include "store.h"

enum { FINDINGS_MAX = 1000, FINDING_TEXT_MAX = 320 };

struct finding {
	bool note; /* worth knowing; all agrees nevertheless */
	const char *what;
	char file[STORE_NAME_MAX];
	uint64_t offset, bytes, samples;
	char text[FINDING_TEXT_MAX]; /* what it is and what to do */
};

/* A file as it was when the check began: deleted or grown since, it reads the same. */
struct verify_file {
	char name[STORE_NAME_MAX];
	uint64_t number, size;
	int fd;
};

struct verify_files {
	struct verify_file *v;
	size_t n, cap;
};

/* Sequences [from, to) that no record holds. */
struct sequence_gap {
	uint64_t from, to;
};

struct verify_frame {
	uint32_t frame;
	uint64_t defined[FRAME_SLOTS / 64];
	uint64_t nameless; /* samples of slots that are not defined */
};

struct verify_place {
	struct wal_place place;
	bool met;          /* a record begins or ends there */
	uint64_t sequence; /* of the samples before it */
	bool bounded;      /* the next batch was read */
	uint64_t next;     /* its sequence */
	uint64_t items;    /* its samples of this shard */
};

struct verify_position {
	char file[STORE_NAME_MAX];
	struct buf content; /* of the file, as first read */
	char key[128];
	bool readable;
	struct wal_position_books books;
	struct verify_place *places; /* present ones, then former ones */
	size_t n_places;
	uint64_t *own;    /* samples of a batch met so far, one a place */
	uint64_t low;     /* sequence below which all is done */
	uint64_t top;     /* and from which on nothing is */
	uint64_t undone;  /* samples of batches that the places have not passed */
	uint64_t queued;  /* by the books */
	uint64_t counted; /* by the places; */
	uint64_t less;    /* so many less are right too: in gaps, which may be booked already */
	bool agrees;
};

struct verify {
	const struct wal_position_reader *reader;
	struct store store;
	struct verify_files segments, defs;
	struct verify_position *positions;
	size_t n_positions, cap_positions;

	struct finding *findings;
	size_t n_findings, cap_findings; /* kept */
	uint64_t n_disagree, n_notes;    /* all */

	struct map frame_map;
	struct verify_frame *frames;
	size_t n_frames, cap_frames;

	struct sequence_gap *gaps;
	size_t n_gaps, cap_gaps;
	uint64_t gap_samples;

	bool begun; /* first and head are known */
	uint64_t first, head;
	uint64_t batches, samples, damaged_bytes;
	bool has_ledger;
	struct wal_ledger ledger; /* the newest */
	uint64_t leapt;           /* numbers left out between segments since that */
	struct finding *open;     /* damage whose samples the next sequence tells */
	bool no_memory;
};

struct finding_at {
	bool note;
	const char *what, *file;
	uint64_t offset, bytes, samples;
};

/* ---- verify.c ---- */

/* Adds a finding; NULL when there are too many already. */
struct finding *verify_note(struct verify *v, const struct finding_at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- verify_walk.c: files record by record ---- */

int verify_read_defs(struct verify *v);
int verify_read_segments(struct verify *v);

/* ---- verify_books.c: positions against what was read ---- */

/* Whether the position file is one, and what it says. 0 or ERR_NOMEM. */
int verify_position_read(struct verify *v, struct verify_position *p);
void verify_position_deinit(struct verify_position *p);
/* While segments are read: a record begins or ends here, with so many samples before it. */
void verify_boundary(struct verify *v, uint64_t segment, uint64_t offset, uint64_t sequence);
/* A batch whose samples have the sequences up to its end. */
void verify_count(struct verify *v, const struct batch *b, uint64_t sequence);
/* After all segments: what the positions say, and whether it is so. */
void verify_books(struct verify *v);

/* ---- verify_print.c ---- */

int verify_print_text(const struct verify *v, FILE *out);
int verify_print_json(const struct verify *v, FILE *out);
