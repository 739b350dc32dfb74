/* arena: a list of chunks, each twice the one before, bump-allocated. */
#include <ampagent/base/arena.h>

enum { ALIGN = 16, FIRST_CHUNK = 1024, LARGEST_CHUNK = 1 << 20 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of bytes */
	size_t used;
	_Alignas(ALIGN) char bytes[];
};

static void chunks_free(struct arena_chunk *c, enum budget_part part)
{
	while (c) {
		struct arena_chunk *next = c->next;
		budget_release(part, sizeof *c + c->size);
		free(c);
		c = next;
	}
}

void arena_deinit(struct arena *a)
{
	chunks_free(a->chunks, a->part);
	*a = (struct arena){.max = a->max, .part = a->part};
}

void arena_wipe(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks; c; c = c->next)
		explicit_bzero(c->bytes, c->used);
	arena_deinit(a);
}

void arena_reset(struct arena *a)
{
	if (a->chunks) {
		chunks_free(a->chunks->next, a->part);
		a->chunks->next = NULL;
		a->chunks->used = 0;
	}
	a->used = 0;
}

size_t arena_held(const struct arena *a)
{
	size_t n = 0;
	for (const struct arena_chunk *c = a->chunks; c; c = c->next)
		n += sizeof *c + c->size;
	return n;
}

void arena_move(struct arena *a, enum budget_part part)
{
	if (part != a->part)
		budget_move(a->part, part, arena_held(a));
	a->part = (uint8_t)part;
}

static int chunk_add(struct arena *a, size_t n)
{
	size_t size = a->chunks ? a->chunks->size * 2 : FIRST_CHUNK;
	if (size > LARGEST_CHUNK)
		size = LARGEST_CHUNK;
	if (size < n)
		size = n;
	struct arena_chunk *c = malloc(sizeof *c + size);
	if (!c)
		return 1;
	c->next = a->chunks;
	c->size = size;
	c->used = 0;
	budget_charge(a->part, sizeof *c + size);
	a->chunks = c;
	return 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > a->max - a->used)
		return NULL;
	size_t rounded = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (rounded < n)
		return NULL;
	if (!a->chunks || rounded > a->chunks->size - a->chunks->used)
		if (chunk_add(a, rounded) != 0)
			return NULL;
	void *p = a->chunks->bytes + a->chunks->used;
	a->chunks->used += rounded;
	a->used += n;
	return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	void *p = arena_alloc(a, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}

char *arena_strdup(struct arena *a, struct sv s)
{
	char *copy = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct sv arena_dup(struct arena *a, struct sv s)
{
	char *copy = arena_strdup(a, s);
	return copy ? sv_make(copy, s.len) : SV_NULL;
}
