#include "lines.h"

#include <ampagent/base/err.h>

void line_table_deinit(struct line_table *t)
{
	free(t->v);
	map_deinit(&t->by_hash);
	*t = LINE_TABLE_NULL;
}

static uint64_t line_hash(uint32_t value, void *cls)
{
	const struct line_table *t = cls;
	return t->v[value].hash;
}

uint32_t line_table_find(const struct line_table *t, uint64_t hash, size_t len)
{
	for (struct map_iter it = map_find(&t->by_hash, hash); map_next(&t->by_hash, &it);) {
		const struct line *line = &t->v[it.value];
		if (line->hash == hash && line->len == len)
			return it.value;
	}
	return LINE_NONE;
}

uint32_t line_table_add(struct line_table *t, uint64_t hash, size_t len, uint8_t flags)
{
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap + t->cap / 2 : 64;
		struct line *v = realloc(t->v, cap * sizeof *v);
		if (!v)
			return LINE_NONE;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct line){
		.hash = hash, .next = LINE_NONE, .len = (uint16_t)len, .flags = flags};
	if (map_insert(&t->by_hash, hash, t->n, line_hash, t) != 0)
		return LINE_NONE;
	return t->n++;
}

static void erase(struct line_table *t, uint32_t index)
{
	for (struct map_iter it = map_find(&t->by_hash, t->v[index].hash);
	     map_next(&t->by_hash, &it);) {
		if (it.value == index) {
			map_erase(&t->by_hash, &it);
			return;
		}
	}
}

void line_table_truncate(struct line_table *t, uint32_t n)
{
	if (n >= t->n)
		return;
	for (uint32_t i = n; i < t->n; i++)
		erase(t, i);
	t->n = n;
	for (uint32_t i = 0; i < n; i++) {
		if (t->v[i].next >= n)
			t->v[i].next = LINE_NONE;
	}
	if (t->first >= n)
		t->first = LINE_NONE;
}

int line_table_compact(struct line_table *t, uint32_t gen)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n; i++)
		n += t->v[i].gen == gen;
	_cleanup_(freep) uint32_t *moved = malloc((t->n ? t->n : 1) * sizeof *moved);
	struct line *v = malloc((n ? n : 1) * sizeof *v);
	if (!moved || !v) {
		free(v);
		return ERR_NOMEM;
	}
	uint32_t at = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		moved[i] = LINE_NONE;
		if (t->v[i].gen == gen) {
			moved[i] = at;
			v[at++] = t->v[i];
		}
	}
	for (uint32_t i = 0; i < n; i++)
		v[i].next = v[i].next == LINE_NONE ? LINE_NONE : moved[v[i].next];
	t->first = t->first == LINE_NONE ? LINE_NONE : moved[t->first];
	free(t->v);
	t->v = v;
	t->n = n;
	t->cap = n ? n : 1;
	map_deinit(&t->by_hash);
	for (uint32_t i = 0; i < n; i++) {
		int r = map_insert(&t->by_hash, v[i].hash, i, line_hash, t);
		if (r != 0)
			return r;
	}
	return 0;
}
