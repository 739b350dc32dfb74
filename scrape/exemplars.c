#include "exemplars.h"

#include <ampagent/base/err.h>

void exemplar_memory_clear(struct exemplar_memory *m)
{
	free(m->v);
	map_deinit(&m->index);
	*m = EXEMPLAR_MEMORY_NULL;
}

size_t exemplar_memory_bytes(const struct exemplar_memory *m)
{
	return m->cap * sizeof *m->v + map_bytes(&m->index);
}

static uint64_t series_hash(uint32_t value, void *cls)
{
	const struct exemplar_memory *m = cls;
	return m->v[value].series;
}

int exemplar_memory_take(struct exemplar_memory *m, uint64_t series, uint64_t hash)
{
	for (struct map_iter it = map_find(&m->index, series); map_next(&m->index, &it);) {
		struct exemplar_last *last = &m->v[it.value];
		if (last->series != series)
			continue;
		bool same = last->hash == hash;
		last->hash = hash;
		return same;
	}
	if (m->n == m->cap) {
		uint32_t cap = m->cap ? m->cap * 2 : 16;
		struct exemplar_last *v = realloc(m->v, cap * sizeof *v);
		if (!v)
			return 0;
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n] = (struct exemplar_last){series, hash};
	if (map_insert(&m->index, series, m->n, series_hash, m) == 0)
		m->n++;
	return 0;
}
