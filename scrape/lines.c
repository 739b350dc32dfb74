#include "lines.h"

#include <ampagent/base/err.h>

/* Pages without a surprise after which the index is given back. */
enum { REST_PAGES = 3 };

void line_table_deinit(struct line_table *t)
{
	free(t->v);
	map_deinit(&t->by_hash);
	*t = LINE_TABLE_NULL;
}

size_t line_table_bytes(const struct line_table *t)
{
	return t->cap * sizeof *t->v + map_bytes(&t->by_hash);
}

static uint64_t line_hash(uint32_t value, void *cls)
{
	const struct line_table *t = cls;
	return t->v[value].hash;
}

static void drop_index(struct line_table *t)
{
	map_deinit(&t->by_hash);
	t->indexed = false;
}

static int make_index(struct line_table *t)
{
	t->looked = true;
	if (t->indexed)
		return 0;
	for (uint32_t i = 0; i < t->n; i++) {
		if (map_insert(&t->by_hash, t->v[i].hash, i, line_hash, t) != 0) {
			drop_index(t);
			return ERR_NOMEM;
		}
	}
	t->indexed = true;
	return 0;
}

uint32_t line_table_find(struct line_table *t, uint64_t hash, size_t len)
{
	if (make_index(t) != 0)
		return LINE_NONE;
	for (struct map_iter it = map_find(&t->by_hash, hash); map_next(&t->by_hash, &it);) {
		const struct line *line = &t->v[it.value];
		if (line->hash == hash && line->len == len)
			return it.value;
	}
	return LINE_NONE;
}

static int resize(struct line_table *t, uint32_t cap)
{
	struct line *v = realloc(t->v, (cap ? cap : 1) * sizeof *v);
	if (!v)
		return ERR_NOMEM;
	t->v = v;
	t->cap = cap;
	return 0;
}

uint32_t line_table_add(struct line_table *t, uint64_t hash, size_t len, uint8_t flags)
{
	if (make_index(t) != 0)
		return LINE_NONE;
	if (t->n == t->cap && resize(t, t->cap + t->cap / 2 + 16) != 0)
		return LINE_NONE;
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
	for (uint32_t i = n; t->indexed && i < t->n; i++)
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
	_cleanup_(freep) uint32_t *moved = malloc((t->n ? t->n : 1) * sizeof *moved);
	if (!moved)
		return ERR_NOMEM;
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		moved[i] = t->v[i].gen == gen ? n : LINE_NONE;
		if (moved[i] != LINE_NONE)
			t->v[n++] = t->v[i];
	}
	for (uint32_t i = 0; i < n; i++)
		t->v[i].next = t->v[i].next == LINE_NONE ? LINE_NONE : moved[t->v[i].next];
	t->first = t->first == LINE_NONE ? LINE_NONE : moved[t->first];
	t->n = n;
	drop_index(t);
	return resize(t, n);
}

void line_table_rest(struct line_table *t)
{
	if (t->looked) {
		t->looked = false;
		t->at_rest = 0;
		return;
	}
	if (t->at_rest > REST_PAGES || t->at_rest++ < REST_PAGES)
		return;
	drop_index(t);
	resize(t, t->n);
}
