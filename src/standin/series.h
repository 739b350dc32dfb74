/* What is known of each series: its newest sample, how many there were, and enough of the recent
 * ones to tell a sample that is sent again from one that is new.
 *
 * The order rules are those of Prometheus's head block, which AMP's storage keeps:
 *  - newer than the series' newest: stored;
 *  - the time of the newest: fine with the same value (and not stored again), else refused;
 *  - older: stored while it is no more than the window behind the newest sample of *all* series,
 *    refused beyond it.
 * One rule is stricter: an older sample whose time is stored with another value is refused, where
 * the service would drop it without a word.
 */
#pragma once

#include "decode.h"
#include <ampagent/base/arena.h>
#include <ampagent/base/map.h>

struct series_seen {
	int64_t t_ms;
	uint64_t value; /* bits of a float, digest of a histogram */
};

struct series {
	uint64_t hash;
	const char *key; /* labels: varint length and bytes of each name and value */
	uint32_t key_len;
	uint32_t n_labels;
	uint64_t count; /* samples stored */
	int64_t last_ms;
	uint64_t last_value;
	bool last_is_histogram;
	struct series_seen *seen; /* a ring that grows while the table's budget lasts */
	uint32_t seen_cap, seen_next, seen_len;
	struct series_seen *exemplars; /* the last SERIES_EXEMPLARS, made with the first one */
	uint32_t exemplars_len, exemplars_next;
};

enum { SERIES_EXEMPLARS = 16 };

struct series_table {
	struct series *list;
	size_t n, cap;
	struct map map;
	struct arena keys;
	size_t seen_total; /* ring entries of all series */
	int64_t newest_ms; /* of all series */
	bool any;
	int64_t window_ms;
	uint64_t limit; /* 0 = none */
};

void series_table_init(struct series_table *t, int64_t window_ms, uint64_t limit);
void series_table_deinit(struct series_table *t);
DEFINE_CLEANUP(struct series_table, series_table_deinit)

/* The series of these labels, made when missing: 0 and *index, or 1 when it would be one too many
 * (the limit, or memory). */
int series_get(struct series_table *t, const struct wire_label *labels, size_t n_labels,
	       size_t *index);

/* The same without making it: 1 when there is none. */
int series_find(const struct series_table *t, const struct wire_label *labels, size_t n_labels,
		size_t *index);

enum series_verdict {
	SERIES_STORED,
	SERIES_STORED_LATE,   /* out of order, inside the window */
	SERIES_DUPLICATE,     /* same time, same value: accepted, not stored again */
	SERIES_CONFLICT,      /* same time, other value */
	SERIES_OUT_OF_ORDER,  /* older than the newest, and there is no window */
	SERIES_TOO_OLD,       /* behind the window */
	SERIES_TOO_OLD_AGAIN, /* behind the window, and stored already */
};

/* Judges a sample and stores what is to be stored. */
enum series_verdict series_append(struct series_table *t, size_t index, int64_t t_ms,
				  uint64_t value, bool is_histogram);
/* True when this time and value were stored, as far as is remembered. */
bool series_remembers(const struct series_table *t, size_t index, int64_t t_ms, uint64_t value);
/* Whether the exemplar is none of those that the series had lately; remembers it. */
bool series_exemplar(struct series_table *t, size_t index, int64_t t_ms, uint64_t digest);
/* Fills labels (room for n_labels) with views of the series' labels. */
void series_labels(const struct series *s, struct wire_label *labels);
