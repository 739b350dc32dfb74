/* Metadata is a comfort, never a duty: what does not fit is counted and left out. */
#include "metadata.h"

#include "encode.h"

#include <ampagent/base/hash.h>
#include <stdlib.h>

void metadata_table_init(struct metadata_table *t)
{
	*t = (struct metadata_table){.index = MAP_NULL, .families = MAP_NULL};
	arena_init(&t->arena, METADATA_BYTES);
}

void metadata_table_deinit(struct metadata_table *t)
{
	arena_deinit(&t->arena);
	free(t->v);
	map_deinit(&t->index);
	map_deinit(&t->families);
	*t = (struct metadata_table){.index = MAP_NULL, .families = MAP_NULL};
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

static uint64_t rehash_family(uint32_t value, void *cls)
{
	const struct sv *family = &((const struct metadata_table *)cls)->v[value].family;
	return hash_keyed(family->ptr, family->len);
}

static struct map_cell *family_cell(const struct metadata_table *t, struct sv family, uint64_t h)
{
	for (struct map_iter it = map_find(&t->families, h); map_next(&t->families, &it);)
		if (sv_eq(t->v[it.value].family, family))
			return &t->families.cells[it.cell];
	return NULL;
}

/* The youngest entry stands for its family. */
static int name_family(struct metadata_table *t, uint32_t i)
{
	uint64_t h = rehash_family(i, t);
	struct map_cell *cell = family_cell(t, t->v[i].family, h);
	if (!cell)
		return map_insert(&t->families, h, i, rehash_family, t);
	cell->value = i;
	return 0;
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
	/* Without memory the family is not found by name: its series go without metadata. */
	name_family(t, t->n - 1);
	return true;
}

/* Endings that series of a family have beside its name. */
struct ending {
	struct sv text;
	unsigned types; /* bits by enum metric_type */
};

#define TYPE(t) (1u << METRIC_##t)

const struct batch_metadata *metadata_table_find(const struct metadata_table *t, struct sv series)
{
	static const struct ending endings[] = {
		{{"_total", 6}, TYPE(COUNTER)},
		{{"_bucket", 7}, TYPE(HISTOGRAM) | TYPE(GAUGEHISTOGRAM)},
		{{"_count", 6}, TYPE(HISTOGRAM) | TYPE(SUMMARY)},
		{{"_sum", 4}, TYPE(HISTOGRAM) | TYPE(SUMMARY)},
		{{"_gcount", 7}, TYPE(GAUGEHISTOGRAM)},
		{{"_gsum", 5}, TYPE(GAUGEHISTOGRAM)},
		{{"_created", 8}, TYPE(COUNTER) | TYPE(HISTOGRAM) | TYPE(SUMMARY)},
		{{"_info", 5}, TYPE(INFO)},
	};
	const struct map_cell *cell = family_cell(t, series, hash_keyed(series.ptr, series.len));
	for (size_t i = 0; !cell && i < sizeof endings / sizeof endings[0]; i++) {
		struct sv end = endings[i].text;
		if (!sv_ends_with(series, end))
			continue;
		struct sv family = sv_make(series.ptr, series.len - end.len);
		cell = family_cell(t, family, hash_keyed(family.ptr, family.len));
		if (cell && !(endings[i].types >> t->v[cell->value].type & 1))
			cell = NULL;
	}
	return cell ? &t->v[cell->value] : NULL;
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
		m.unit = cut(m.unit, METADATA_HELP_MAX);
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
