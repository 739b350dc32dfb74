/* Series that a page brings: pending while it is read, put into frames once it turned out good. */
#include "page_reader.h"

void page_reader_deinit(struct reader *r)
{
	map_deinit(&r->slot_index);
	map_deinit(&r->pending_index);
	free(r->pending);
	free(r->rows);
}

int push_row(struct reader *r, struct row row)
{
	if (r->n_rows == r->cap_rows) {
		size_t cap = r->cap_rows ? r->cap_rows * 2 : 64;
		struct row *v = realloc(r->rows, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		r->rows = v;
		r->cap_rows = cap;
	}
	r->rows[r->n_rows++] = row;
	return 0;
}

static uint64_t pending_hash(uint32_t value, void *cls)
{
	const struct reader *r = cls;
	return r->pending[value].hash;
}

int find_series(struct reader *r, uint64_t hash, uint32_t *ref, bool *is_pending)
{
	if (!r->indexed) {
		int result = frame_list_index(&r->o->frames, &r->slot_index);
		if (result != 0)
			return result;
		r->indexed = true;
	}
	*is_pending = false;
	*ref = frame_list_find(&r->o->frames, &r->slot_index, hash);
	if (*ref != SLOT_NONE)
		return 0;
	for (struct map_iter it = map_find(&r->pending_index, hash);
	     map_next(&r->pending_index, &it);) {
		if (r->pending[it.value].hash == hash) {
			*is_pending = true;
			*ref = it.value;
			return 0;
		}
	}
	return 0;
}

int add_pending(struct reader *r, struct labels labels, uint64_t hash, bool timed, uint32_t *out)
{
	if (r->n_pending == r->cap_pending) {
		uint32_t cap = r->cap_pending ? r->cap_pending * 2 : 64;
		struct pending *v = realloc(r->pending, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		r->pending = v;
		r->cap_pending = cap;
	}
	struct sv copy = arena_dup(&r->batch->arena, sv_make(labels.ptr, labels.len));
	if (!copy.ptr)
		return ERR_NOMEM;
	r->pending[r->n_pending] = (struct pending){.labels = {copy.ptr, labels.len},
						    .hash = hash,
						    .last_ms = INT64_MIN,
						    .timed = timed};
	*out = r->n_pending++;
	return map_insert(&r->pending_index, hash, *out, pending_hash, r);
}

static int pending_cmp(const void *a, const void *b, void *cls)
{
	const struct pending *pending = cls;
	const struct pending *x = &pending[*(const uint32_t *)a];
	const struct pending *y = &pending[*(const uint32_t *)b];
	if (x->timed != y->timed)
		return x->timed - y->timed;
	int c = sv_cmp(labels_get(x->labels, LABEL_NAME), labels_get(y->labels, LABEL_NAME));
	if (c != 0)
		return c;
	return sv_cmp(sv_make(x->labels.ptr, x->labels.len), sv_make(y->labels.ptr, y->labels.len));
}

/* Puts the pending series into frames, alike ones beside each other, and defines them. */
static int place_pending(struct reader *r)
{
	if (r->n_pending == 0)
		return 0;
	_cleanup_(freep) uint32_t *order = malloc(r->n_pending * sizeof *order);
	r->batch->defs =
		arena_alloc(&r->batch->arena, (r->n_pending + REPORT_MAX) * sizeof *r->batch->defs);
	if (!order || !r->batch->defs)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < r->n_pending; i++)
		order[i] = i;
	qsort_r(order, r->n_pending, sizeof *order, pending_cmp, r->pending);
	struct frame_list *frames = &r->o->frames;
	for (uint32_t i = 0; i < r->n_pending; i++) {
		struct pending *p = &r->pending[order[i]];
		p->ref = frame_list_add(frames, p->timed ? FRAME_TIMED : FRAME_PLAIN, p->labels,
					p->hash, r->env->next_frame);
		if (p->ref == SLOT_NONE)
			return ERR_NOMEM;
		struct frame *f = &frames->v[p->ref >> 8];
		unsigned slot = p->ref & 255;
		r->batch->defs[r->batch->n_defs++] =
			(struct batch_def){f->id, (uint16_t)slot, p->labels};
		if (p->has_value) {
			if (frame_put(f, slot, p->bits, r->batch) < 0)
				return ERR_NOMEM;
			bit_set(f->seen_now, slot);
		}
		if (p->has_row) {
			if (frame_list_take_time(frames, p->ref, p->last_ms) < 0)
				return ERR_NOMEM;
			if (r->env->opt->track_timestamps_staleness)
				bit_set(f->seen_now, slot);
		}
	}
	struct line_table *t = &r->o->lines;
	for (uint32_t i = r->o->lines_mark; i < t->n; i++) {
		if (t->v[i].flags & LINE_PENDING) {
			t->v[i].ref = r->pending[t->v[i].ref].ref;
			t->v[i].flags &= (uint8_t)~LINE_PENDING;
		}
	}
	return 0;
}

static int place_rows(struct reader *r)
{
	if (r->n_rows == 0)
		return 0;
	struct batch *b = r->batch;
	b->rows = arena_alloc(&b->arena, r->n_rows * sizeof *b->rows);
	if (!b->rows)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		uint32_t ref = row->pending ? r->pending[row->ref].ref : row->ref;
		b->rows[b->n_rows++] = (struct batch_row){
			r->o->frames.v[ref >> 8].id, (uint16_t)(ref & 255), row->t_ms, row->bits};
	}
	return 0;
}

int page_place(struct reader *r, struct sv page)
{
	int result = place_pending(r);
	if (result == 0)
		result = place_rows(r);
	if (result == 0 && r->meta_changed)
		result = page_metadata(page, r->batch);
	return result;
}
