/* map: open addressing from a 64-bit hash to a 32-bit index, for tables whose entries live in an
 * array of their own. The map stores hashes' lower bits only through the index: the caller says
 * whether an entry matches.
 *
 *   for (struct map_iter it = map_find(&m, h); map_next(&m, &it); )
 *           if (entries[it.value].hash == h && same(...)) return it.value;
 *
 * Deleting marks a tombstone; growth drops them. Values are anything below MAP_VALUE_MAX.
 */
#pragma once

#include <ampagent/base/cleanup.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_VALUE_MAX UINT32_C(0xfffffffd)

struct map_cell {
	uint32_t tag; /* upper half of the hash */
	uint32_t value;
};

struct map {
	struct map_cell *cells;
	uint32_t mask; /* cells - 1; 0 when empty */
	uint32_t live;
	uint32_t used; /* live and tombstones */
};

#define MAP_NULL ((struct map){NULL, 0, 0, 0})

struct map_iter {
	uint32_t pos;
	uint32_t tag;
	uint32_t value; /* valid after map_next() returned true */
	uint32_t cell;  /* for map_erase() */
	uint32_t left;
};

void map_deinit(struct map *m);
void map_clear(struct map *m);
struct map_iter map_find(const struct map *m, uint64_t hash);
/* Next candidate whose hash tag is equal; false at the end. */
bool map_next(const struct map *m, struct map_iter *it);
/* rehash(value, cls) gives the full hash of a stored value when the table grows.
 * 0, or ERR_NOMEM. */
int map_insert(struct map *m, uint64_t hash, uint32_t value,
	       uint64_t (*rehash)(uint32_t value, void *cls), void *cls);
void map_erase(struct map *m, const struct map_iter *it);

/* Memory held. */
static inline size_t map_bytes(const struct map *m)
{
	return m->cells ? ((size_t)m->mask + 1) * sizeof *m->cells : 0;
}

DEFINE_CLEANUP(struct map, map_deinit)
