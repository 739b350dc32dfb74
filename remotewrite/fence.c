#include "fence.h"

#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/number.h>
#include <stdlib.h>

static uint64_t hash_of(uint32_t id, bool owner)
{
	const uint64_t key = (uint64_t)id << 1 | owner;
	return hash_keyed(&key, sizeof key);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct fence_known *k = &((const struct fence *)cls)->known[value];
	return hash_of(k->id, k->owner);
}

void fence_deinit(struct fence *f)
{
	free(f->known);
	free(f->events);
	map_deinit(&f->map);
	*f = (struct fence){0};
}

static struct fence_known *find(const struct fence *f, uint32_t id, bool owner)
{
	for (struct map_iter it = map_find(&f->map, hash_of(id, owner)); map_next(&f->map, &it);)
		if (f->known[it.value].id == id && f->known[it.value].owner == owner)
			return &f->known[it.value];
	return NULL;
}

/* Who is not in the queue any more is forgotten: coming back costs a frame one wait. */
static int make_room(struct fence *f, uint64_t first)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < f->n_known; i++)
		if (f->known[i].last_no >= first)
			f->known[n++] = f->known[i];
	f->n_known = n;
	if (n >= f->cap_known / 2) {
		uint32_t cap = f->cap_known ? f->cap_known * 2 : 64;
		struct fence_known *v = reallocarray(f->known, cap, sizeof *v);
		if (v) {
			f->known = v;
			f->cap_known = cap;
		}
	}
	map_clear(&f->map);
	for (uint32_t i = 0; i < n; i++)
		if (map_insert(&f->map, rehash(i, f), i, rehash, f))
			return ERR_NOMEM;
	return n < f->cap_known ? 0 : ERR_NOMEM;
}

static int add(struct fence *f, uint32_t id, bool owner, uint64_t no, uint64_t first,
	       struct fence_known **out)
{
	if (f->n_known == f->cap_known && make_room(f, first))
		return ERR_NOMEM;
	uint32_t i = f->n_known;
	f->known[i] = (struct fence_known){.id = id, .owner = owner, .last_no = no};
	if (map_insert(&f->map, hash_of(id, owner), i, rehash, f))
		return ERR_NOMEM;
	f->n_known++;
	*out = &f->known[i];
	return 0;
}

static int add_event(struct fence *f, const struct fence_event *e, uint64_t lowest)
{
	if (f->n_events == f->cap_events) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < f->n_events; i++)
			if (f->events[i].need > lowest)
				f->events[n++] = f->events[i];
		f->n_events = n;
	}
	if (f->n_events >= f->cap_events / 2) {
		uint32_t cap = f->cap_events ? f->cap_events * 2 : 16;
		struct fence_event *v = reallocarray(f->events, cap, sizeof *v);
		if (!v)
			return ERR_NOMEM;
		f->events = v;
		f->cap_events = cap;
	}
	f->events[f->n_events++] = *e;
	return 0;
}

struct noting {
	struct fence *f;
	uint64_t no, lowest, first, need;
	uint64_t segment;
};

/* Every series of it ends: the page after it is read anew, and may tell a series that the log knows
 * twice by the other slot. Mostly the first value says no. */
static bool ends_all(const struct batch *b)
{
	bool any = false;
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (unsigned w = 0; c->n_present > 0 && w < FRAME_SLOTS / 64; w++)
			for (uint64_t left = c->present[w]; left; left &= left - 1) {
				unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);
				if (c->values[slot] != VALUE_STALE_BITS)
					return false;
				any = true;
			}
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		if (b->rows[i].bits != VALUE_STALE_BITS)
			return false;
		any = true;
	}
	return any && b->n_histograms == 0;
}

static int note_frame(struct noting *t, uint32_t frame, uint32_t n_slots)
{
	struct fence_known *k = find(t->f, frame, false);
	if (!k && add(t->f, frame, false, t->no, t->first, &k))
		return ERR_NOMEM;
	k->last_no = t->no;
	if (k->segment != t->segment)
		k->n_slots = 0;
	k->segment = t->segment;
	if (n_slots <= k->n_slots)
		return 0;
	const struct fence_event e = {t->no, t->need, frame};
	if (t->need > t->lowest && add_event(t->f, &e, t->lowest))
		return ERR_NOMEM;
	k->n_slots = n_slots;
	return 0;
}

static void forget_slots(struct fence *f, uint32_t frame)
{
	struct fence_known *k = find(f, frame, false);
	if (k)
		k->n_slots = 0;
}

static int note(struct fence *f, const struct batch *b, uint64_t no, uint64_t lowest,
		uint64_t first)
{
	if (f->segment != b->end.segment) {
		f->segment = b->end.segment;
		f->segment_no = no;
	}
	struct noting t = {f, no, lowest, first, 0, b->end.segment};
	struct fence_known *owner = find(f, b->owner, true);
	t.need = owner ? owner->last_no + 1 : f->segment_no;
	for (size_t i = 0; i < b->n_columns; i++)
		if (note_frame(&t, b->columns[i].frame, b->columns[i].n_slots))
			return ERR_NOMEM;
	for (size_t i = 0; i < b->n_rows; i++)
		if (note_frame(&t, b->rows[i].frame, b->rows[i].slot + 1U))
			return ERR_NOMEM;
	for (size_t i = 0; i < b->n_histograms; i++)
		if (note_frame(&t, b->histograms[i].frame, b->histograms[i].slot + 1U))
			return ERR_NOMEM;
	if (ends_all(b)) {
		for (size_t i = 0; i < b->n_columns; i++)
			forget_slots(f, b->columns[i].frame);
		for (size_t i = 0; i < b->n_rows; i++)
			forget_slots(f, b->rows[i].frame);
	}
	/* Frames may have moved the table. */
	owner = find(f, b->owner, true);
	if (!owner && add(f, b->owner, true, no, first, &owner))
		return ERR_NOMEM;
	owner->last_no = no;
	return 0;
}

void fence_note(struct fence *f, const struct batch *b, uint64_t no, uint64_t lowest,
		uint64_t first)
{
	if (note(f, b, no, lowest, first))
		f->blind_to = no + 1;
}

uint64_t fence_need(const struct fence *f, uint64_t no, uint32_t frame)
{
	if (no < f->blind_to)
		return no;
	uint32_t lo = 0, hi = f->n_events;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (f->events[mid].no < no)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < f->n_events && f->events[lo].no == no; lo++)
		if (f->events[lo].frame == frame)
			return f->events[lo].need;
	return 0;
}
