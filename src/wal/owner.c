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
	free(r->by_owner);
	*r = (struct recent){0};
}

static struct recent_frame *find(const struct recent *r, uint32_t frame)
{
	for (struct map_iter it = map_find(&r->map, frame_hash(frame)); map_next(&r->map, &it);)
		if (r->v[it.value].frame == frame)
			return &r->v[it.value];
	return NULL;
}

static struct recent_frame *get(struct recent *r, uint32_t frame, uint32_t owner)
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
	r->v[r->n] = (struct recent_frame){.frame = frame, .owner = owner, .last_t_ms = INT64_MIN};
	if (map_insert(&r->map, frame_hash(frame), (uint32_t)r->n, rehash, r))
		return NULL;
	return &r->v[r->n++];
}

static void note_slots(struct recent_frame *f, unsigned n_slots, int64_t t_ms)
{
	if (n_slots > f->n_slots)
		f->n_slots = (uint16_t)n_slots;
	if (t_ms == f->last_t_ms)
		return;
	/* A lower one: the clock was set back. What is read may be anything: no overflow. */
	if (f->last_t_ms != INT64_MIN && t_ms > f->last_t_ms)
		f->gap_ms = (int64_t)((uint64_t)t_ms - (uint64_t)f->last_t_ms);
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
		struct recent_frame *f = get(r, b->histograms[i].frame, b->owner);
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
		struct recent_frame *f = get(r, b->columns[i].frame, b->owner);
		if (!f)
			return ERR_NOMEM;
		note_slots(f, b->columns[i].n_slots, b->t_ms);
		note_column(f, &b->columns[i]);
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		struct recent_frame *f = get(r, b->rows[i].frame, b->owner);
		if (!f)
			return ERR_NOMEM;
		/* The batch's time: a row's own may lie in the future. */
		note_slots(f, b->rows[i].slot + 1U, b->t_ms);
	}
	return note_histograms(r, b);
}

/* ---- owners ---- */

static int compare_owners(const void *a, const void *b, void *cls)
{
	const struct recent_frame *v = cls;
	const struct recent_frame *x = &v[*(const uint32_t *)a], *y = &v[*(const uint32_t *)b];
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->frame < y->frame ? -1 : x->frame > y->frame;
}

int recent_done(struct recent *r)
{
	if (r->n == 0)
		return 0;
	r->by_owner = reallocarray(NULL, r->n, sizeof *r->by_owner);
	if (!r->by_owner)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n; i++)
		r->by_owner[i] = (uint32_t)i;
	qsort_r(r->by_owner, r->n, sizeof *r->by_owner, compare_owners, r->v);
	return 0;
}

static struct recent_frame *owned_at(const struct recent *r, size_t i)
{
	return &r->v[r->by_owner[i]];
}

/* Where the frames of owners from `owner` on begin. */
static size_t owned_from(const struct recent *r, uint32_t owner)
{
	size_t low = 0, high = r->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (owned_at(r, mid)->owner < owner)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Forgets everything when nobody needs it any more; with the mutex held. */
static void expire(struct recent *r)
{
	if (r->n > 0 && clock_mono_ms() > r->until_ms)
		recent_deinit(r);
}

static void note_asked(struct wal *w, uint32_t owner)
{
	pthread_mutex_lock(&w->mutex);
	const struct recent *r = &w->recent;
	for (size_t i = owned_from(r, owner); i < r->n && owned_at(r, i)->owner == owner; i++)
		owned_at(r, i)->asked = true;
	pthread_mutex_unlock(&w->mutex);
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
	expire(&w->recent);
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
	note_asked(w, number);
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

/* What is known of the owner whose frames begin at place i; returns where the next one's begin. */
static size_t sum_up(const struct recent *r, size_t i, bool *live, int64_t *last_t_ms,
		     int64_t *gap_ms)
{
	uint32_t owner = owned_at(r, i)->owner;
	*live = false;
	*last_t_ms = INT64_MIN;
	*gap_ms = 0;
	for (; i < r->n && owned_at(r, i)->owner == owner; i++) {
		const struct recent_frame *f = owned_at(r, i);
		for (unsigned k = 0; k < FRAME_SLOTS / 64; k++)
			*live |= !f->asked && f->alive[k] != 0;
		if (f->last_t_ms > *last_t_ms || (f->last_t_ms == *last_t_ms && *gap_ms == 0)) {
			*last_t_ms = f->last_t_ms;
			*gap_ms = f->gap_ms;
		}
	}
	return i;
}

/* Only slots whose labels are known: nothing else can be delivered. */
static bool keep_labelled(struct recent_frame *f, unsigned n_labelled)
{
	uint64_t any = 0;
	if (f->n_slots > n_labelled)
		f->n_slots = (uint16_t)n_labelled;
	for (unsigned k = 0; k < FRAME_SLOTS / 64; k++) {
		unsigned below = f->n_slots > k * 64 ? f->n_slots - k * 64 : 0;
		if (below < 64)
			f->alive[k] &= (UINT64_C(1) << below) - 1;
		any |= f->alive[k];
	}
	return any != 0;
}

static void tell_frames(struct wal *w, uint32_t owner,
			void (*fn)(void *fcls, uint32_t frame, uint16_t n_slots,
				   const uint64_t *alive),
			void *fcls)
{
	_cleanup_(freep) uint32_t *frames = NULL;
	size_t n = defs_owner_frames(&w->defs, owner, &frames);
	for (size_t i = 0; i < n; i++) {
		struct recent_frame f;
		if (recent_take(w, frames[i], &f) &&
		    keep_labelled(&f, defs_labels(&w->defs, frames[i], FRAME_SLOTS, NULL, NULL)))
			fn(fcls, f.frame, f.n_slots, f.alive);
	}
}

uint32_t wal_owner_left(void *wal, uint32_t after, int64_t *last_t_ms, int64_t *gap_ms,
			void (*fn)(void *fcls, uint32_t frame, uint16_t n_slots,
				   const uint64_t *alive),
			void *fcls)
{
	struct wal *w = wal;
	uint32_t owner = 0;
	pthread_mutex_lock(&w->mutex);
	const struct recent *r = &w->recent;
	expire(&w->recent);
	for (size_t i = after < UINT32_MAX ? owned_from(r, after + 1) : r->n; i < r->n;) {
		bool live;
		size_t next = sum_up(r, i, &live, last_t_ms, gap_ms);
		owner = owned_at(r, i)->owner;
		if (live)
			break;
		owner = 0;
		i = next;
	}
	pthread_mutex_unlock(&w->mutex);
	if (owner && fn) {
		tell_frames(w, owner, fn, fcls);
		note_asked(w, owner);
	}
	return owner;
}
