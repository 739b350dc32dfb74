/* map: linear probing from the hash's lower half; the upper half is the tag.
 *
 * Invariants: cells is a power of two; at least a quarter of the cells are empty, so every probe
 * ends; live <= used.
 */
#include <ampagent/base/err.h>
#include <ampagent/base/map.h>

#include <string.h>

#define CELL_EMPTY UINT32_C(0xffffffff)
#define CELL_TOMB UINT32_C(0xfffffffe)

enum { FIRST_CELLS = 16 };

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

void map_deinit(struct map *m)
{
	free(m->cells);
	*m = MAP_NULL;
}

void map_clear(struct map *m)
{
	if (m->cells)
		memset(m->cells, 0xff, ((size_t)m->mask + 1) * sizeof *m->cells);
	m->live = 0;
	m->used = 0;
}

struct map_iter map_find(const struct map *m, uint64_t hash)
{
	return (struct map_iter){.pos = (uint32_t)hash & m->mask,
				 .tag = tag_of(hash),
				 .left = m->cells ? m->mask + 1 : 0};
}

bool map_next(const struct map *m, struct map_iter *it)
{
	for (; it->left > 0; it->left--) {
		uint32_t at = it->pos;
		const struct map_cell *c = &m->cells[at];
		if (c->value == CELL_EMPTY) {
			it->left = 0;
			return false;
		}
		it->pos = (at + 1) & m->mask;
		if (c->value != CELL_TOMB && c->tag == it->tag) {
			it->value = c->value;
			it->cell = at;
			it->left--;
			return true;
		}
	}
	return false;
}

/* Puts a pair into the first cell that holds none. */
static void place(struct map *m, uint64_t hash, uint32_t value)
{
	uint32_t at = (uint32_t)hash & m->mask;
	while (m->cells[at].value < CELL_TOMB)
		at = (at + 1) & m->mask;
	if (m->cells[at].value == CELL_EMPTY)
		m->used++;
	m->live++;
	m->cells[at] = (struct map_cell){tag_of(hash), value};
}

/* A new table at most half full: growth when it is live cells that fill it, the same or a smaller
 * size when it is tombstones. */
static int rebuild(struct map *m, uint64_t (*rehash)(uint32_t value, void *cls), void *cls)
{
	size_t cells = FIRST_CELLS;
	while (cells / 2 < (size_t)m->live + 1)
		cells *= 2;
	if (cells > (size_t)UINT32_MAX / 2 + 1)
		return ERR_NOMEM;
	struct map next = {.cells = malloc(cells * sizeof *next.cells),
			   .mask = (uint32_t)(cells - 1)};
	if (!next.cells)
		return ERR_NOMEM;
	map_clear(&next);
	for (size_t i = 0; m->cells && i <= m->mask; i++)
		if (m->cells[i].value < CELL_TOMB)
			place(&next, rehash(m->cells[i].value, cls), m->cells[i].value);
	free(m->cells);
	*m = next;
	return 0;
}

int map_insert(struct map *m, uint64_t hash, uint32_t value,
	       uint64_t (*rehash)(uint32_t value, void *cls), void *cls)
{
	size_t cells = m->cells ? (size_t)m->mask + 1 : 0;
	if ((size_t)m->used + 1 > cells - cells / 4) {
		int r = rebuild(m, rehash, cls);
		if (r != 0)
			return r;
	}
	place(m, hash, value);
	return 0;
}

void map_erase(struct map *m, const struct map_iter *it)
{
	m->cells[it->cell].value = CELL_TOMB;
	m->live--;
}
