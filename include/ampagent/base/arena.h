/* arena: memory named by a task and freed at once.
 *
 * Allocations are zeroed nowhere and aligned to 16 bytes; they live until arena_reset() or
 * arena_deinit(). Past its maximum, or without memory, an allocation returns NULL and the arena
 * stays usable.
 */
#pragma once

#include <ampagent/base/budget.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/sv.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first */
	size_t used;                /* bytes handed out since the last reset */
	size_t max;
	uint8_t part; /* enum budget_part that its chunks are charged to */
};

#define ARENA_NULL ((struct arena){NULL, 0, 0, 0})

static inline void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){NULL, 0, max, 0};
}

/* As arena_init; what it holds is charged. */
static inline void arena_init_in(struct arena *a, size_t max, enum budget_part part)
{
	*a = (struct arena){NULL, 0, max, (uint8_t)part};
}

void arena_deinit(struct arena *a);
/* Overwrites what was handed out since the last reset, then as arena_deinit(): for secrets. */
void arena_wipe(struct arena *a);
/* Forgets everything; keeps one chunk for the next round. */
void arena_reset(struct arena *a);
/* What it holds is another part's from now on. */
void arena_move(struct arena *a, enum budget_part part);
void *arena_alloc(struct arena *a, size_t n);
/* Memory it holds from the system, more than is handed out: for budgets. */
size_t arena_held(const struct arena *a);
/* As arena_alloc, zeroed; NULL also when n * size overflows. */
void *arena_calloc(struct arena *a, size_t n, size_t size);
/* A NUL-terminated copy (the NUL is beyond .len); ptr NULL when there is no room. */
struct sv arena_dup(struct arena *a, struct sv s);
/* The same as a C string. */
char *arena_strdup(struct arena *a, struct sv s);

DEFINE_CLEANUP(struct arena, arena_deinit)
DEFINE_CLEANUP(struct arena, arena_wipe)
