/* The strings lie in the request's own bytes, so that nothing is copied when it is finished. */
#include "symbols.h"

#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/varint.h>
#include <stdlib.h>

enum { CELLS_KEPT = 65536 };

void symbols_reset(struct symbols *t)
{
	buf_reset(&t->wire);
	if (t->n > 0)
		map_clear(&t->index);
	t->n = 0;
	t->name_key = 0;
	t->family.name = 0;
}

struct symbols *symbols_new(void)
{
	struct symbols *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->index = MAP_NULL;
	buf_init(&t->wire, 2 * SEND_RAW_BYTES);
	return t;
}

void symbols_free(struct symbols *t)
{
	if (!t)
		return;
	buf_deinit(&t->wire);
	map_deinit(&t->index);
	free(t->v);
	free(t);
}

void symbols_shrink(struct symbols *t, size_t keep)
{
	symbols_reset(t);
	buf_shrink(&t->wire, keep);
	if (t->cap <= CELLS_KEPT)
		return;
	free(t->v);
	t->v = NULL;
	t->cap = 0;
	map_deinit(&t->index);
	t->index = MAP_NULL;
}

static struct sv text_of(const struct symbols *t, uint32_t i)
{
	return sv_make(t->wire.ptr + t->v[i].at, t->v[i].len);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	struct sv s = text_of(cls, value);
	return hash_keyed(s.ptr, s.len);
}

static int append(struct symbols *t, struct sv s)
{
	uint8_t head[1 + VARINT_MAX];
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 256;
		struct symbol *v = reallocarray(t->v, cap, sizeof *v);
		if (!v)
			return ERR_NOMEM;
		t->v = v;
		t->cap = cap;
	}
	head[0] = 0x22; /* Request.symbols */
	if (buf_append(&t->wire, head, (size_t)(varint_put(head + 1, s.len) - head)))
		return ERR_NOMEM;
	t->v[t->n] = (struct symbol){(uint32_t)t->wire.len, (uint32_t)s.len};
	if (buf_sv(&t->wire, s))
		return ERR_NOMEM;
	t->n++;
	return 0;
}

int symbols_ref(struct symbols *t, struct sv s, uint32_t *ref)
{
	*ref = 0;
	if (t->n == 0 && append(t, SV_NULL))
		return ERR_NOMEM;
	if (s.len == 0)
		return 0;
	uint64_t h = hash_keyed(s.ptr, s.len);
	for (struct map_iter it = map_find(&t->index, h); map_next(&t->index, &it);) {
		if (sv_eq(text_of(t, it.value), s)) {
			*ref = it.value;
			return 0;
		}
	}
	if (append(t, s) || map_insert(&t->index, h, t->n - 1, rehash, t))
		return ERR_NOMEM;
	*ref = t->n - 1;
	return 0;
}
