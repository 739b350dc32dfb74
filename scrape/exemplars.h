/* The last exemplar of each series of an owner: targets repeat an exemplar until a newer one comes,
 * and only a new one is worth telling.
 */
#pragma once

#include <ampagent/base/map.h>
#include <ampagent/model/labels.h>

struct exemplar_last {
	uint64_t series; /* hash of its labels */
	uint64_t hash;   /* of the exemplar */
};

struct exemplar_memory {
	struct exemplar_last *v;
	uint32_t n, cap;
	struct map index;
};

#define EXEMPLAR_MEMORY_NULL ((struct exemplar_memory){NULL, 0, 0, MAP_NULL})

/* Memory held. */
size_t exemplar_memory_bytes(const struct exemplar_memory *m);
/* Forgets all: what targets still show is told once more. */
void exemplar_memory_clear(struct exemplar_memory *m);
/* Remembers hash as the series' last exemplar: 1 when it was that already, 0 when it is new (also
 * without memory). */
int exemplar_memory_take(struct exemplar_memory *m, uint64_t series, uint64_t hash);
