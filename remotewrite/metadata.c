/* Metadata is a comfort, never a duty: what does not fit is counted and left out. */
#include "metadata.h"

#include "encode.h"

#include <ampagent/base/hash.h>
#include <stdlib.h>

void metadata_table_init(struct metadata_table *t)
{
	*t = (struct metadata_table){.index = MAP_NULL};
	arena_init(&t->arena, METADATA_BYTES);
}

void metadata_table_deinit(struct metadata_table *t)
{
	arena_deinit(&t->arena);
	free(t->v);
	map_deinit(&t->index);
	*t = (struct metadata_table){.index = MAP_NULL};
}

static uint64_t hash_of(const struct batch_metadata *m)
{
	uint64_t h = hash_keyed(m->family.ptr, m->family.len);
	h = h * 31 + hash_keyed(m->help.ptr, m->help.len);
	h = h * 31 + hash_keyed(m->unit.ptr, m->unit.len);
	return (h + (uint64_t)m->type) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct metadata_table *t = cls;
	return hash_of(&t->v[value]);
}

static bool same(const struct batch_metadata *a, const struct batch_metadata *b)
{
	return a->type == b->type && sv_eq(a->family, b->family) && sv_eq(a->help, b->help) &&
	       sv_eq(a->unit, b->unit);
}

static bool known(const struct metadata_table *t, const struct batch_metadata *m, uint64_t h)
{
	for (struct map_iter it = map_find(&t->index, h); map_next(&t->index, &it);)
		if (same(&t->v[it.value], m))
			return true;
	return false;
}

static int grow(struct metadata_table *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct batch_metadata *v = realloc(t->v, cap * sizeof *v);
	if (!v)
		return 1;
	t->v = v;
	t->cap = cap;
	return 0;
}

static bool add(struct metadata_table *t, const struct batch_metadata *m, uint64_t h)
{
	if (t->n == METADATA_ENTRIES_MAX || (t->n == t->cap && grow(t)))
		return false;
	struct batch_metadata own = {.type = m->type,
				     .family = arena_dup(&t->arena, m->family),
				     .help = arena_dup(&t->arena, m->help),
				     .unit = arena_dup(&t->arena, m->unit)};
	if (!own.family.ptr || !own.help.ptr || !own.unit.ptr)
		return false;
	t->v[t->n] = own;
	if (map_insert(&t->index, h, t->n, rehash, t))
		return false;
	t->n++;
	return true;
}

/* Cuts between characters. */
static struct sv cut(struct sv s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return sv_make(s.ptr, max);
}

void metadata_table_add(struct metadata_table *t, const struct batch *b)
{
	for (size_t i = 0; i < b->n_metadata; i++) {
		struct batch_metadata m = b->metadata[i];
		m.help = cut(m.help, METADATA_HELP_MAX);
		uint64_t h = hash_of(&m);
		if (!known(t, &m, h) && !add(t, &m, h))
			t->refused++;
	}
}

uint32_t metadata_encode(const struct metadata_table *t, uint32_t from, uint32_t to, size_t raw_max,
			 struct buf *out)
{
	uint32_t i = from;
	for (; i < to && i < t->n; i++) {
		size_t before = out->len;
		if (encode_metadata(out, &t->v[i])) {
			out->len = before;
			break;
		}
		if (out->len > raw_max && i > from) {
			out->len = before;
			break;
		}
	}
	return i - from;
}
