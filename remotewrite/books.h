/* The books of a destination: every sample of the log since `base` is sent, dropped for a reason,
 * or still queued. Sent and dropped move only together with the positions of the shards, so that
 *
 *     base + sent + dropped over all reasons + queued = sequence of the log's head
 *
 * holds whenever a position file is read back.
 */
#pragma once

#include <stdint.h>

enum drop_reason {
	DROP_WRITE_RELABEL,
	DROP_TOO_OLD,
	DROP_ANSWERED_400,
	DROP_ANSWERED_429,
	DROP_ANSWERED_4XX,
	DROP_ANSWERED_OTHER,
	DROP_HA_DEDUPLICATED,
	DROP_REPEATED,
	DROP_TOO_LARGE,
	DROP_LOG_BOUND,
	DROP_DAMAGED,
	DROP_LABELS_LOST,
	DROP_DESTINATION_REMOVED,
	DROP_HISTOGRAMS_NOT_SENT, /* send_native_histograms is false */
	DROP_NHCB_IN_RW1,         /* custom buckets, which 1.0 has no place for */
	DROP_ANSWERED_PARTIAL,    /* the answer says that less was written */
	DROP_SERIES_LIMIT,        /* new series, while the peer has too many */
	DROP_REASONS_,
};

/* What a request, or a destination since its base, did to samples. */
struct books {
	uint64_t sent;
	uint64_t dropped[DROP_REASONS_];
};

static inline uint64_t books_dropped(const struct books *b)
{
	uint64_t n = 0;
	for (int i = 0; i < DROP_REASONS_; i++)
		n += b->dropped[i];
	return n;
}

static inline uint64_t books_total(const struct books *b)
{
	return b->sent + books_dropped(b);
}

static inline void books_add(struct books *to, const struct books *b)
{
	to->sent += b->sent;
	for (int i = 0; i < DROP_REASONS_; i++)
		to->dropped[i] += b->dropped[i];
}

/* "answered_400" ...; NULL at DROP_REASONS_. */
const char *drop_reason_name(enum drop_reason r);
