/* metadata: distinct {family, type, help, unit} as seen in batches: sent whole every interval in
 * 1.0, with each series in 2.0. One table serves all destinations. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/map.h>
#include <ampagent/model/batch.h>

/* AMP keeps 20 000 metrics with metadata; help texts are cut where AMP refuses them, and units no
 * later. */
enum { METADATA_ENTRIES_MAX = 20000, METADATA_HELP_MAX = 1024 };
#define METADATA_BYTES (8u << 20)

struct metadata_table {
	struct arena arena;
	struct batch_metadata *v;
	uint32_t n, cap;
	struct map index;
	struct map families; /* to the youngest entry of each */
	uint64_t refused;    /* beyond the maxima */
};

void metadata_table_init(struct metadata_table *t);
void metadata_table_deinit(struct metadata_table *t);
/* Adds what is new in the batch. */
void metadata_table_add(struct metadata_table *t, const struct batch *b);
/* The family that a series of this name belongs to: the one of the same name, else one whose type
 * gives its series the name's ending. NULL when none is known. */
const struct batch_metadata *metadata_table_find(const struct metadata_table *t, struct sv series);
/* Appends entries [from, to) as one uncompressed request: how many fitted below raw_max (at least
 * one), 0 when out is full. */
uint32_t metadata_encode(const struct metadata_table *t, uint32_t from, uint32_t to, size_t raw_max,
			 struct buf *out);
