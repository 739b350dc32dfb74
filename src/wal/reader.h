/* Reads one file's records in order, past damage.
 */
#pragma once

#include "codec.h"

struct reader {
	int fd;           /* owned; -1 when closed */
	uint64_t offset;  /* of the next record */
	uint64_t limit;   /* bytes of the file that may be read */
	uint64_t end;     /* where the last whole record ended */
	uint64_t skipped; /* bytes passed over because no record was there */
	struct buf window;
	uint64_t window_at; /* file offset of the window's first byte */
};

#define READER_NULL ((struct reader){.fd = -1})

/* Takes fd over. Records from offset up to limit. */
void reader_init(struct reader *r, int fd, uint64_t offset, uint64_t limit);
void reader_deinit(struct reader *r);
/* The next record, its payload a view until the next call, and where it starts: 0; 1 when no whole
 * record is left before the limit (r->end tells where damage at the end begins); ERR_NOMEM. Raising
 * r->limit makes it go on. */
int reader_next(struct reader *r, struct record *out, uint64_t *at);

DEFINE_CLEANUP(struct reader, reader_deinit)
