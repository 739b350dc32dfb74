#include "frames.h"

#include <ampagent/base/err.h>
#include <ampagent/base/number.h>

static void frame_deinit(struct frame *f)
{
	free(f->hash);
	free(f->last_ms);
	free(f->sample_ms);
	f->hash = NULL;
	f->last_ms = NULL;
	f->sample_ms = NULL;
}

void frame_list_deinit(struct frame_list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		frame_deinit(&l->v[i]);
	free(l->v);
	free(l->times);
	*l = (struct frame_list){0};
}

size_t frame_list_bytes(const struct frame_list *l)
{
	size_t n = l->cap_times * sizeof *l->times;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct frame *f = &l->v[i];
		unsigned arrays = 1U + (f->last_ms != NULL) + (f->sample_ms != NULL);
		/* Its place, and half a place of room ahead. */
		n += sizeof *f + sizeof *f / 2 + (size_t)f->cap * arrays * sizeof *f->hash;
	}
	return n;
}

/* What a series takes in a request: label framing and one sample around the label bytes. */
static uint32_t raw_size(struct labels labels)
{
	return labels.len + 4 * (uint32_t)labels_count(labels) + 24;
}

static struct frame *add_frame(struct frame_list *l, enum frame_kind kind, uint32_t id)
{
	if ((l->n & (l->n - 1)) == 0) { /* grows at powers of two */
		struct frame *v = realloc(l->v, (l->n ? 2 * (size_t)l->n : 1) * sizeof *v);
		if (!v)
			return NULL;
		l->v = v;
	}
	struct frame *f = &l->v[l->n++];
	*f = (struct frame){.id = id, .kind = (uint8_t)kind, .column_ms = INT64_MIN};
	l->open[kind] = l->n;
	return f;
}

static int add_slot(struct frame *f, uint64_t hash, uint32_t raw)
{
	if (f->n == f->cap) {
		uint16_t cap = f->cap ? (uint16_t)(f->cap * 2) : 8;
		uint64_t *v = realloc(f->hash, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		f->hash = v;
		if (f->last_ms) {
			int64_t *t = realloc(f->last_ms, cap * sizeof *t);
			if (!t)
				return ERR_NOMEM;
			for (unsigned i = f->cap; i < cap; i++)
				t[i] = INT64_MIN;
			f->last_ms = t;
		}
		if (f->sample_ms) {
			int64_t *t = realloc(f->sample_ms, cap * sizeof *t);
			if (!t)
				return ERR_NOMEM;
			f->sample_ms = t;
		}
		f->cap = cap;
	}
	if (f->last_ms)
		f->last_ms[f->n] = INT64_MIN;
	if (f->sample_ms)
		f->sample_ms[f->n] = INT64_MIN;
	f->hash[f->n++] = hash;
	f->raw_bytes += raw;
	return 0;
}

int frame_list_restore(struct frame_list *l, struct series_ref ref, struct labels labels,
		       bool alive, int64_t last_ms)
{
	struct frame *f = l->n ? &l->v[l->n - 1] : NULL;
	if (!f || f->id != ref.frame) {
		f = add_frame(l, FRAME_PLAIN, ref.frame);
		if (!f)
			return ERR_NOMEM;
	}
	int r = add_slot(f, labels_hash(labels), raw_size(labels));
	if (r == 0 && alive) {
		bit_set(f->seen_before, f->n - 1u);
		f->column_ms = last_ms;
	}
	return r;
}

uint32_t frame_list_add(struct frame_list *l, enum frame_kind kind, struct labels labels,
			uint64_t hash, uint32_t *next_id)
{
	uint32_t raw = raw_size(labels);
	struct frame *f = l->open[kind] ? &l->v[l->open[kind] - 1] : NULL;
	if (!f || f->n == FRAME_SLOTS || (f->n > 0 && f->raw_bytes + raw > FRAME_RAW_BYTES)) {
		f = add_frame(l, kind, *next_id);
		if (!f)
			return SLOT_NONE;
		(*next_id)++;
	}
	if (add_slot(f, hash, raw) != 0)
		return SLOT_NONE;
	return slot_ref((uint32_t)(f - l->v), f->n - 1u);
}

struct frame_mark frame_list_mark(const struct frame_list *l)
{
	struct frame_mark m = {.n = l->n};
	for (int k = 0; k < FRAME_KINDS; k++) {
		m.open[k] = l->open[k];
		m.open_n[k] = l->open[k] ? l->v[l->open[k] - 1].n : 0;
		m.open_bytes[k] = l->open[k] ? l->v[l->open[k] - 1].raw_bytes : 0;
	}
	return m;
}

static void forget_times(struct frame_list *l)
{
	free(l->times);
	l->times = NULL;
	l->n_times = 0;
	l->cap_times = 0;
}

void frame_list_rollback(struct frame_list *l, const struct frame_mark *mark)
{
	for (size_t i = l->n_times; i > 0; i--) {
		const struct frame_time *t = &l->times[i - 1];
		struct frame *f = &l->v[t->ref >> 8];
		(t->of_sample ? f->sample_ms : f->last_ms)[t->ref & 255] = t->before_ms;
	}
	forget_times(l);
	for (uint32_t i = mark->n; i < l->n; i++)
		frame_deinit(&l->v[i]);
	l->n = mark->n;
	for (int k = 0; k < FRAME_KINDS; k++) {
		l->open[k] = mark->open[k];
		if (!mark->open[k])
			continue;
		struct frame *f = &l->v[mark->open[k] - 1];
		f->n = mark->open_n[k];
		f->raw_bytes = mark->open_bytes[k];
		for (unsigned i = f->n; i < FRAME_SLOTS; i++) {
			f->seen_now[i / 64] &= ~(UINT64_C(1) << (i % 64));
			f->present[i / 64] &= ~(UINT64_C(1) << (i % 64));
			f->apart[i / 64] &= ~(UINT64_C(1) << (i % 64));
		}
	}
}

static uint64_t ref_hash(uint32_t ref, void *cls)
{
	const struct frame_list *l = cls;
	return l->v[ref >> 8].hash[ref & 255];
}

int frame_list_index(const struct frame_list *l, struct map *out)
{
	union {
		const struct frame_list *in;
		void *cls;
	} self = {.in = l};
	for (uint32_t i = 0; i < l->n; i++) {
		for (unsigned s = 0; s < l->v[i].n; s++) {
			int r = map_insert(out, l->v[i].hash[s], slot_ref(i, s), ref_hash,
					   self.cls);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

uint32_t frame_list_find(const struct frame_list *l, const struct map *index, uint64_t hash)
{
	uint32_t found = SLOT_NONE, found_id = 0;
	bool is_alive = false;
	for (struct map_iter it = map_find(index, hash); map_next(index, &it);) {
		const struct frame *f = &l->v[it.value >> 8];
		unsigned slot = it.value & 255;
		if (f->hash[slot] != hash)
			continue;
		bool alive = bit_get(f->seen_before, slot);
		if (found != SLOT_NONE &&
		    (alive < is_alive || (alive == is_alive && f->id < found_id)))
			continue;
		found = it.value;
		found_id = f->id;
		is_alive = alive;
	}
	return found;
}

/* Makes the running scrape's column at least n slots long. */
static int grow_column(struct frame *f, unsigned n, struct batch *batch)
{
	if (f->values && n <= f->values_cap)
		return 0;
	unsigned cap = f->cap > n ? f->cap : n;
	uint64_t *values = arena_calloc(&batch->arena, cap, sizeof *values);
	if (!values)
		return ERR_NOMEM;
	if (f->values)
		memcpy(values, f->values, f->values_cap * sizeof *values);
	f->values = values;
	f->values_cap = (uint16_t)cap;
	return 0;
}

int frame_replace(struct frame *f, unsigned slot, uint64_t bits, struct batch *batch)
{
	if (grow_column(f, slot + 1, batch) != 0)
		return ERR_NOMEM;
	f->values[slot] = bits;
	bit_set(f->present, slot);
	return 0;
}

int frame_put(struct frame *f, unsigned slot, uint64_t bits, struct batch *batch)
{
	if (bit_get(f->present, slot))
		return 1;
	return frame_replace(f, slot, bits, batch);
}

/* Room for one more entry, made before anything is changed. */
static int reserve_time(struct frame_list *l)
{
	if (l->n_times < l->cap_times)
		return 0;
	size_t cap = l->cap_times ? l->cap_times * 2 : 16;
	struct frame_time *v = realloc(l->times, cap * sizeof *v);
	if (!v)
		return ERR_NOMEM;
	l->times = v;
	l->cap_times = cap;
	return 0;
}

int frame_list_take_time(struct frame_list *l, uint32_t ref, int64_t t_ms)
{
	struct frame *f = &l->v[ref >> 8];
	unsigned slot = ref & 255;
	if (!f->last_ms) {
		f->last_ms = malloc(f->cap * sizeof *f->last_ms);
		if (!f->last_ms)
			return ERR_NOMEM;
		for (unsigned i = 0; i < f->cap; i++)
			f->last_ms[i] = INT64_MIN;
	}
	if (t_ms <= f->last_ms[slot])
		return 1;
	if (reserve_time(l) != 0)
		return ERR_NOMEM;
	l->times[l->n_times++] = (struct frame_time){ref, false, f->last_ms[slot]};
	f->last_ms[slot] = t_ms;
	return 0;
}

int64_t frame_list_exchange_sample_ms(struct frame_list *l, uint32_t ref, int64_t t_ms)
{
	struct frame *f = &l->v[ref >> 8];
	unsigned slot = ref & 255;
	if (!f->sample_ms) {
		f->sample_ms = malloc(f->cap * sizeof *f->sample_ms);
		if (!f->sample_ms)
			return INT64_MAX;
		for (unsigned i = 0; i < f->n; i++)
			f->sample_ms[i] = f->column_ms;
	}
	int64_t before = f->sample_ms[slot];
	if (t_ms <= before)
		return before;
	if (reserve_time(l) != 0)
		return INT64_MAX;
	l->times[l->n_times++] = (struct frame_time){ref, true, before};
	f->sample_ms[slot] = t_ms;
	return before;
}

static int mark_slot(struct frame_list *l, uint32_t ref, int64_t t_ms, struct batch *batch)
{
	struct frame *f = &l->v[ref >> 8];
	if (frame_last_ms(f, ref & 255) != INT64_MIN) {
		int r = frame_list_take_time(l, ref, t_ms);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (f->sample_ms)
		frame_list_exchange_sample_ms(l, ref, t_ms);
	int r = frame_put(f, ref & 255, VALUE_STALE_BITS, batch);
	l->n_stale += r == 0;
	return r < 0 ? r : 0;
}

int frame_list_mark_stale(struct frame_list *l, int64_t t_ms, struct batch *batch)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct frame *f = &l->v[i];
		for (unsigned w = 0; w < FRAME_WORDS; w++) {
			uint64_t gone = f->seen_before[w] & ~f->seen_now[w];
			for (; gone; gone &= gone - 1) {
				unsigned slot = w * 64 + (unsigned)__builtin_ctzll(gone);
				int r = mark_slot(l, slot_ref(i, slot), t_ms, batch);
				if (r != 0)
					return r;
			}
		}
	}
	return 0;
}

int frame_list_columns(struct frame_list *l, struct batch *batch)
{
	size_t n = 0;
	for (uint32_t i = 0; i < l->n; i++)
		n += l->v[i].values != NULL;
	batch->columns = arena_calloc(&batch->arena, n ? n : 1, sizeof *batch->columns);
	if (!batch->columns)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < l->n; i++) {
		struct frame *f = &l->v[i];
		if (!f->values)
			continue;
		if (grow_column(f, f->n, batch) != 0)
			return ERR_NOMEM;
		struct batch_column *c = &batch->columns[batch->n_columns++];
		c->frame = f->id;
		c->n_slots = f->n;
		c->values = f->values;
		memcpy(c->present, f->present, sizeof c->present);
		for (unsigned w = 0; w < FRAME_WORDS; w++)
			c->n_present =
				(uint16_t)(c->n_present + __builtin_popcountll(f->present[w]));
	}
	return 0;
}

void frame_list_drop_columns(struct frame_list *l)
{
	l->n_stale = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		l->v[i].values = NULL;
		l->v[i].values_cap = 0;
		memset(l->v[i].present, 0, sizeof l->v[i].present);
		memset(l->v[i].apart, 0, sizeof l->v[i].apart);
	}
}

void frame_list_compact(struct frame_list *l, const bool *used, uint32_t *moved,
			void (*retire)(void *cls, uint32_t id), void *cls)
{
	uint32_t n = 0;
	uint32_t open[FRAME_KINDS] = {0};
	for (uint32_t i = 0; i < l->n; i++) {
		struct frame *f = &l->v[i];
		bool owed = false;
		for (unsigned w = 0; w < FRAME_WORDS; w++)
			owed = owed || f->seen_before[w] != 0;
		bool is_open = l->open[f->kind] == i + 1;
		if (!used[i] && !owed && !is_open && f->kind != FRAME_REPORT) {
			moved[i] = SLOT_NONE;
			retire(cls, f->id);
			frame_deinit(f);
			continue;
		}
		if (is_open)
			open[f->kind] = n + 1;
		moved[i] = n;
		l->v[n++] = *f;
	}
	memcpy(l->open, open, sizeof open);
	/* The array keeps a power of two's room: shrink it to the one that n needs. */
	size_t cap = 1;
	while (cap < n)
		cap *= 2;
	struct frame *v = realloc(l->v, cap * sizeof *v);
	if (v)
		l->v = v;
	l->n = n;
}

void frame_list_turn(struct frame_list *l, int64_t t_ms)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct frame *f = &l->v[i];
		if (f->values)
			f->column_ms = t_ms;
		memcpy(f->seen_before, f->seen_now, sizeof f->seen_before);
		memset(f->seen_now, 0, sizeof f->seen_now);
	}
	frame_list_drop_columns(l);
	forget_times(l);
}

void frame_list_forget_seen(struct frame_list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		memset(l->v[i].seen_now, 0, sizeof l->v[i].seen_now);
}
