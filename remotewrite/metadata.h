/* metadata: distinct {family, type, help, unit} as seen in batches, sent whole every interval.
 * One table serves all destinations. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

/* AMP keeps 20 000 metrics with metadata; help texts are cut where AMP refuses them. */
enum { METADATA_ENTRIES_MAX = 20000, METADATA_HELP_MAX = 1024 };
#define METADATA_BYTES (8u << 20)

struct metadata_table {
	struct arena arena;
	struct batch_metadata *v;
	uint32_t n, cap;
	struct map index;
	uint64_t refused; /* beyond the maxima */
};

void metadata_table_init(struct metadata_table *t);
void metadata_table_deinit(struct metadata_table *t);
/* Adds what is new in the batch. */
void metadata_table_add(struct metadata_table *t, const struct batch *b);
/* Appends entries [from, to) as one uncompressed request: how many fitted below raw_max (at least
 * one), 0 when out is full. */
uint32_t metadata_encode(const struct metadata_table *t, uint32_t from, uint32_t to, size_t raw_max,
			 struct buf *out);
