/* A table of bitmaps: 56 bytes for up to 256 series. */
#include "accepted.h"

#include <ampagent/base/err.h>
#include <stdlib.h>

void accepted_init(struct accepted *t, uint32_t first)
{
	*t = (struct accepted){.first = first, .index = MAP_NULL};
}

void accepted_deinit(struct accepted *t)
{
	free(t->v);
	map_deinit(&t->index);
	*t = (struct accepted){.index = MAP_NULL};
}

void accepted_renew(struct accepted *t)
{
	uint32_t first = t->first;
	for (uint32_t i = 0; i < t->n; i++)
		if (t->v[i].frame >= first)
			first = t->v[i].frame + 1;
	accepted_deinit(t);
	accepted_init(t, first);
}

static uint64_t frame_hash(uint32_t frame)
{
	uint64_t h = frame * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct accepted *t = cls;
	return frame_hash(t->v[value].frame);
}

static struct accepted_frame *find(const struct accepted *t, uint32_t frame, struct map_iter *it)
{
	*it = map_find(&t->index, frame_hash(frame));
	while (map_next(&t->index, it))
		if (t->v[it->value].frame == frame)
			return &t->v[it->value];
	return NULL;
}

static int insert(struct accepted *t, uint32_t frame, struct accepted_frame **out)
{
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 16;
		struct accepted_frame *v = realloc(t->v, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct accepted_frame){.frame = frame};
	if (map_insert(&t->index, frame_hash(frame), t->n, rehash, t))
		return ERR_NOMEM;
	*out = &t->v[t->n++];
	return 0;
}

int accepted_add(struct accepted *t, uint32_t frame, const uint64_t slots[FRAME_SLOTS / 64],
		 int64_t now_ms)
{
	struct map_iter it;
	struct accepted_frame *f = find(t, frame, &it);
	if (!f && insert(t, frame, &f))
		return ERR_NOMEM;
	f->used_ms = now_ms;
	for (unsigned i = 0; i < FRAME_SLOTS / 64; i++)
		f->slots[i] |= slots[i];
	return 0;
}

void accepted_meet(struct accepted *t, uint32_t frame, unsigned n, int64_t now_ms)
{
	struct map_iter it;
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	if (frame >= t->first || find(t, frame, &it))
		return;
	for (unsigned i = 0; i < n && i < FRAME_SLOTS; i++)
		slots[i / 64] |= UINT64_C(1) << (i % 64);
	accepted_add(t, frame, slots, now_ms);
}

static const uint64_t *slots_of(const struct accepted *t, uint32_t frame)
{
	static const uint64_t none[FRAME_SLOTS / 64];
	static const uint64_t whole[FRAME_SLOTS / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX,
							 UINT64_MAX};
	struct map_iter it;
	const struct accepted_frame *f = find(t, frame, &it);
	return f ? f->slots : frame < t->first ? whole : none;
}

bool accepted_has(const struct accepted *t, uint32_t frame, unsigned slot)
{
	return slot < FRAME_SLOTS && (slots_of(t, frame)[slot / 64] >> (slot % 64) & 1);
}

bool accepted_all(const struct accepted *t, uint32_t frame, unsigned n)
{
	const uint64_t *slots = slots_of(t, frame);
	if (n > FRAME_SLOTS)
		return false;
	for (unsigned i = 0; i < n / 64; i++)
		if (slots[i] != UINT64_MAX)
			return false;
	uint64_t rest = n % 64 ? (UINT64_C(1) << (n % 64)) - 1 : 0;
	return rest == 0 || (slots[n / 64] & rest) == rest;
}

bool accepted_covers(const struct accepted *t, uint32_t frame,
		     const uint64_t slots[FRAME_SLOTS / 64])
{
	const uint64_t *taken = slots_of(t, frame);
	uint64_t missing = 0;
	for (unsigned i = 0; i < FRAME_SLOTS / 64; i++)
		missing |= slots[i] & ~taken[i];
	return missing == 0;
}

void accepted_keep(const struct accepted *t, uint32_t frame, uint64_t slots[FRAME_SLOTS / 64])
{
	const uint64_t *taken = slots_of(t, frame);
	for (unsigned i = 0; i < FRAME_SLOTS / 64; i++)
		slots[i] &= taken[i];
}

void accepted_touch(struct accepted *t, uint32_t frame, int64_t now_ms)
{
	struct map_iter it;
	struct accepted_frame *f = find(t, frame, &it);
	if (f)
		f->used_ms = now_ms;
}

/* The last one takes the freed place. */
static void remove_at(struct accepted *t, uint32_t i)
{
	struct map_iter it;
	find(t, t->v[i].frame, &it);
	map_erase(&t->index, &it);
	uint32_t last = t->n - 1;
	if (i != last) {
		find(t, t->v[last].frame, &it);
		t->index.cells[it.cell].value = i;
		t->v[i] = t->v[last];
	}
	t->n = last;
}

void accepted_sweep(struct accepted *t, int64_t now_ms)
{
	for (uint32_t i = 0; i < t->n;) {
		if (now_ms - t->v[i].used_ms > ACCEPTED_IDLE_MS)
			remove_at(t, i);
		else
			i++;
	}
}
