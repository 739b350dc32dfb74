/* The last values of frames. */
#include <ampagent/base/budget.h>
#include <ampagent/base/hash.h>

#include "frames.h"

static uint64_t frame_hash(uint32_t frame)
{
	return hash_keyed(&frame, sizeof frame);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	const struct frame_states *t = cls;
	return frame_hash(t->v[value].frame);
}

static void held(struct frame_states *t, size_t more, size_t less)
{
	t->bytes += more - less;
	budget_charge(t->part, more);
	budget_release(t->part, less);
}

void frame_states_deinit(struct frame_states *t)
{
	uint8_t part = t->part;
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].values);
	free(t->v);
	map_deinit(&t->map);
	held(t, 0, t->bytes);
	*t = FRAME_STATES_NULL;
	t->part = part;
}

struct frame_state *frame_states_find(const struct frame_states *t, uint32_t frame)
{
	for (struct map_iter it = map_find(&t->map, frame_hash(frame)); map_next(&t->map, &it);)
		if (t->v[it.value].frame == frame)
			return &t->v[it.value];
	return NULL;
}

static struct frame_state *state_add(struct frame_states *t, uint32_t frame)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct frame_state *v = reallocarray(t->v, cap, sizeof *v);
		if (!v)
			return NULL;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct frame_state){.frame = frame};
	if (map_insert(&t->map, frame_hash(frame), (uint32_t)t->n, rehash, t) != 0)
		return NULL;
	return &t->v[t->n++];
}

struct frame_state *frame_states_get(struct frame_states *t, uint32_t frame, uint16_t n)
{
	struct frame_state *s = frame_states_find(t, frame);
	if (!s && !(s = state_add(t, frame)))
		return NULL;
	if (n <= s->n)
		return s;
	if (n > s->cap) {
		unsigned cap = (n + 15U) & ~15U;
		uint64_t *values = reallocarray(s->values, cap, sizeof *values);
		if (!values)
			return NULL;
		held(t, (cap - s->cap) * sizeof *values, 0);
		s->values = values;
		s->cap = (uint16_t)cap;
	}
	memset(s->values + s->n, 0, (size_t)(n - s->n) * sizeof *s->values);
	s->n = n;
	return s;
}

void frame_states_release(struct frame_states *t, uint32_t frame)
{
	struct frame_state *s = frame_states_find(t, frame);
	if (!s)
		return;
	held(t, 0, s->cap * sizeof *s->values);
	free(s->values);
	*s = (struct frame_state){.frame = frame};
}

/* The map holds indices, so moving states means filling it anew. With no more entries than before
 * it does not grow; should it fail all the same, the state is given up and the next column is full.
 */
void frame_states_next_segment(struct frame_states *t)
{
	size_t kept = 0;
	map_clear(&t->map);
	for (size_t i = 0; i < t->n; i++) {
		struct frame_state *s = &t->v[i];
		t->v[kept] = *s;
		if (s->columns == 0 ||
		    map_insert(&t->map, frame_hash(s->frame), (uint32_t)kept, rehash, t) != 0) {
			held(t, 0, s->cap * sizeof *s->values);
			free(t->v[kept].values);
			continue;
		}
		kept++;
	}
	t->n = kept;
	frame_states_forget(t);
}

void frame_states_forget(struct frame_states *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->v[i].columns = 0;
}
