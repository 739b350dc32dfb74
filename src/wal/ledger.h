/* The sums of what never got into the log, as a record of segments. Pure, as codec.h. Private to
 * the room; docs/WAL_FORMAT.md has the bytes.
 */
#pragma once

#include <ampagent/wal.h>

#include "codec.h"

/* Reasons that the log itself knows; they follow those of enum refused. */
enum ledger_own {
	LEDGER_UNWRITTEN, /* given up because the log was closed while it could not be written */
	LEDGER_TORN,      /* in a record that was not whole when the log was opened */
	LEDGER_OWN_,
};

enum { LEDGER_RECORD_MAX = 4096 };

/* Sums of zero, with the names that are known. */
void ledger_init(struct wal_ledger *l);
/* Appends the record: what is not zero. sequence: of the sample that follows. 0; ERR_NOMEM with out
 * as before. */
int ledger_encode(struct buf *out, const struct wal_ledger *l, uint64_t sequence);
/* 0, or 1 when the payload is broken. Names not known are kept after the known ones. */
int ledger_decode(struct sv payload, struct wal_ledger *out, uint64_t *sequence);
/* Whether every sum of b is at least that of a: what a later record must be. *what: the first name
 * that is not; may be NULL. */
bool ledger_follows(const struct wal_ledger *a, const struct wal_ledger *b, const char **what);
