/* What the log knows of an owner's series when their target starts again. */
#include <ampagent/base/clock.h>
#include <ampagent/base/number.h>

#include "log.h"

static uint64_t frame_hash(uint32_t frame)
{
	return hash_keyed(&frame, sizeof frame);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	return frame_hash(((struct recent *)cls)->v[value].frame);
}

void recent_deinit(struct recent *r)
{
	map_deinit(&r->map);
	free(r->v);
	*r = (struct recent){0};
}

static struct recent_frame *find(const struct recent *r, uint32_t frame)
{
	for (struct map_iter it = map_find(&r->map, frame_hash(frame)); map_next(&r->map, &it);)
		if (r->v[it.value].frame == frame)
			return &r->v[it.value];
	return NULL;
}

static struct recent_frame *get(struct recent *r, uint32_t frame)
{
	struct recent_frame *f = find(r, frame);
	if (f)
		return f;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct recent_frame *v = reallocarray(r->v, cap, sizeof *v);
		if (!v)
			return NULL;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n] = (struct recent_frame){.frame = frame, .last_t_ms = INT64_MIN};
	if (map_insert(&r->map, frame_hash(frame), (uint32_t)r->n, rehash, r))
		return NULL;
	return &r->v[r->n++];
}

static void note_slots(struct recent_frame *f, unsigned n_slots, int64_t t_ms)
{
	if (n_slots > f->n_slots)
		f->n_slots = (uint16_t)n_slots;
	if (t_ms > f->last_t_ms)
		f->last_t_ms = t_ms;
}

static void note_column(struct recent_frame *f, const struct batch_column *c)
{
	for (unsigned i = 0; i < c->n_slots; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);
		if (!(c->present[i / 64] & bit))
			continue;
		if (c->values[i] == VALUE_STALE_BITS)
			f->alive[i / 64] &= ~bit;
		else
			f->alive[i / 64] |= bit;
	}
}

/* Of a series that exposes its own timestamps nothing is alive, see below. */
static void note_histogram(struct recent_frame *f, const struct batch_histogram *h, int64_t t_ms)
{
	uint64_t bit = UINT64_C(1) << (h->slot % 64);
	if (h->h.sum_bits == VALUE_STALE_BITS)
		f->alive[h->slot / 64] &= ~bit;
	else if (h->t_ms == t_ms)
		f->alive[h->slot / 64] |= bit;
}

static int note_histograms(struct recent *r, const struct batch *b)
{
	for (size_t i = 0; i < b->n_histograms; i++) {
		struct recent_frame *f = get(r, b->histograms[i].frame);
		if (!f)
			return ERR_NOMEM;
		note_slots(f, b->histograms[i].slot + 1U, b->t_ms);
		note_histogram(f, &b->histograms[i], b->t_ms);
	}
	return 0;
}

/* Series with timestamps of their own get no staleness markers, so rows make nothing alive. */
int recent_note(struct recent *r, const struct batch *b)
{
	for (size_t i = 0; i < b->n_columns; i++) {
		struct recent_frame *f = get(r, b->columns[i].frame);
		if (!f)
			return ERR_NOMEM;
		note_slots(f, b->columns[i].n_slots, b->t_ms);
		note_column(f, &b->columns[i]);
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		struct recent_frame *f = get(r, b->rows[i].frame);
		if (!f)
			return ERR_NOMEM;
		/* The batch's time: a row's own may lie in the future. */
		note_slots(f, b->rows[i].slot + 1U, b->t_ms);
	}
	return note_histograms(r, b);
}

/* One frame's labels, held until all of them were read: a frame that cannot be read whole must not
 * be used again, or its slots would get other series. */
struct slots {
	struct arena arena;
	struct labels v[FRAME_SLOTS];
	unsigned n;
	bool failed;
};

static void hold_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct slots *s = cls;
	struct sv copy = arena_dup(&s->arena, sv_make(labels.ptr, labels.len));
	if (!copy.ptr || slot != s->n) {
		s->failed = true;
		return;
	}
	s->v[s->n++] = (struct labels){copy.ptr, (uint32_t)copy.len};
}

static bool recent_take(struct wal *w, uint32_t frame, struct recent_frame *out)
{
	pthread_mutex_lock(&w->mutex);
	if (w->recent.n > 0 && clock_mono_ms() > w->recent.until_ms)
		recent_deinit(&w->recent);
	const struct recent_frame *f = find(&w->recent, frame);
	if (f)
		*out = *f;
	pthread_mutex_unlock(&w->mutex);
	return f != NULL;
}

uint32_t wal_owner_find(void *wal, struct labels owner,
			void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				   bool alive, int64_t last_t_ms),
			void *fcls)
{
	struct wal *w = wal;
	uint32_t number = defs_owner_find(&w->defs, owner);
	_cleanup_(freep) uint32_t *frames = NULL;
	_cleanup_(freep) struct slots *s = number ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return 0;
	arena_init(&s->arena, WAL_RECORD_BYTES);
	size_t n = defs_owner_frames(&w->defs, number, &frames);
	for (size_t i = 0; i < n; i++) {
		struct recent_frame f = {0};
		arena_reset(&s->arena);
		s->n = 0;
		s->failed = false;
		recent_take(w, frames[i], &f);
		uint16_t n_slots = defs_labels(&w->defs, frames[i], 0, hold_slot, s);
		/* Values without labels: the definitions after these were lost. */
		if (s->failed || s->n != n_slots || f.n_slots > s->n)
			continue;
		for (unsigned k = 0; k < s->n; k++)
			fn(fcls, (struct series_ref){frames[i], (uint16_t)k}, s->v[k],
			   f.alive[k / 64] >> (k % 64) & 1, f.last_t_ms);
	}
	arena_deinit(&s->arena);
	return number;
}
