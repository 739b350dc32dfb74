/* Series that a page brings: pending while it is read, put into frames once it turned out good. */
#include "page_reader.h"

/* The budget is asked for this much at a time. */
enum { CLAIM_BYTES = 64 << 10 };

void page_reader_deinit(struct reader *r)
{
	map_deinit(&r->slot_index);
	map_deinit(&r->pending_index);
	free(r->pending);
	free(r->rows.v);
	free(r->histograms.v);
	free(r->exemplars.v);
	free(r->starts.v);
	page_nhcb_free(r->nhcb);
	size_t rows = r->rows.cap * sizeof(struct row) +
		      r->histograms.cap * sizeof(struct histogram_row) +
		      r->exemplars.cap * sizeof(struct exemplar_row) +
		      r->starts.cap * sizeof(struct start_row);
	budget_release(BUDGET_PAGES, rows + (r->claimed == SIZE_MAX ? 0 : r->claimed));
}

/* A page is as one with its owner: both together may be as large as what is free. */
bool reader_may_grow(struct reader *r, size_t bytes)
{
	if (bytes <= r->claimed - r->grown) {
		r->grown += bytes;
		return true;
	}
	size_t own = r->o->charged + r->claimed;
	size_t want = r->grown + bytes - r->claimed + CLAIM_BYTES;
	if (own + want > budget_fair(own, SIZE_MAX))
		return false;
	budget_charge(BUDGET_PAGES, want);
	r->claimed += want;
	r->grown += bytes;
	return true;
}

void *rows_add(struct rows *rows, size_t size)
{
	if (rows->n == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 64;
		/* A few bytes of a page become a row of many. */
		if (cap > LIMIT_PAGE_BYTES / size || (cap - rows->cap) * size > budget_room())
			return NULL;
		void *v = reallocarray(rows->v, cap, size);
		if (!v)
			return NULL;
		budget_charge(BUDGET_PAGES, (cap - rows->cap) * size);
		rows->v = v;
		rows->cap = cap;
	}
	return (char *)rows->v + rows->n++ * size;
}

int push_row(struct reader *r, struct row row)
{
	struct row *at = rows_add(&r->rows, sizeof *at);
	if (!at)
		return ERR_NOMEM;
	*at = row;
	return 0;
}

int push_histogram(struct reader *r, struct place at, int64_t t_ms, const struct histogram *h)
{
	struct histogram copy;
	if (histogram_copy(&copy, h, &r->batch->arena) != 0)
		return ERR_NOMEM;
	struct histogram_row *row = rows_add(&r->histograms, sizeof *row);
	if (!row)
		return ERR_NOMEM;
	*row = (struct histogram_row){at, t_ms, copy};
	return 0;
}

int push_start(struct reader *r, struct place at, int64_t start_ms)
{
	struct start_row *row = rows_add(&r->starts, sizeof *row);
	if (!row)
		return ERR_NOMEM;
	*row = (struct start_row){at, start_ms};
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
		if (cap > LIMIT_PAGE_BYTES / sizeof(struct pending))
			return ERR_NOMEM;
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
		p->ref = SLOT_NONE;
		if (p->last_ms == INT64_MIN)
			continue; /* all of it was refused */
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
		if (p->has_untimed_row)
			bit_set(f->seen_now, slot);
		if (p->has_row) {
			if (frame_list_take_time(frames, p->ref, p->last_ms) < 0)
				return ERR_NOMEM;
			if (r->env->opt->track_timestamps_staleness)
				bit_set(f->seen_now, slot);
		}
		if (r->env->features && r->env->features->start_zero)
			frame_list_exchange_sample_ms(frames, p->ref, p->last_ms);
	}
	struct line_table *t = &r->o->lines;
	for (uint32_t i = r->replaced ? 0 : r->o->lines_mark; i < t->n; i++) {
		struct line *line = &t->v[i];
		if (!(line->flags & LINE_PENDING))
			continue;
		line->ref = r->pending[line->ref].ref;
		line->flags &= (uint8_t)~LINE_PENDING;
		line->flags |= line->ref == SLOT_NONE ? LINE_UNPLACED : 0;
	}
	return 0;
}

static uint32_t ref_of(const struct reader *r, struct place at)
{
	return at.pending ? r->pending[at.ref].ref : at.ref;
}

static uint32_t frame_of(const struct reader *r, uint32_t ref)
{
	return r->o->frames.v[ref >> 8].id;
}

/* What is told of slots beside their values is sorted by slot, so that readers walk it along. */
struct side {
	uint32_t ref;
	uint32_t i; /* keeps the order of the page within a slot */
};

static int side_cmp(const void *a, const void *b)
{
	const struct side *x = a, *y = b;
	if (x->ref != y->ref)
		return x->ref < y->ref ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* The order in which rows of `size` bytes, which begin with their place, go into the batch; the
 * caller frees. NULL without memory. */
static struct side *side_order(const struct reader *r, const struct rows *rows, size_t size)
{
	struct side *order = malloc((rows->n ? rows->n : 1) * sizeof *order);
	if (!order)
		return NULL;
	for (size_t i = 0; i < rows->n; i++) {
		struct place at;
		memcpy(&at, (const char *)rows->v + i * size, sizeof at);
		order[i] = (struct side){ref_of(r, at), (uint32_t)i};
	}
	qsort(order, rows->n, sizeof *order, side_cmp);
	return order;
}

static int place_rows(struct reader *r)
{
	struct batch *b = r->batch;
	const struct row *rows = r->rows.v;
	if (r->rows.n == 0)
		return 0;
	/* The page's order costs least, but readers look for the row that carries exemplars. */
	bool sorted = r->exemplars.n > 0;
	_cleanup_(freep) struct side *order = sorted ? side_order(r, &r->rows, sizeof *rows) : NULL;
	b->rows = arena_alloc(&b->arena, r->rows.n * sizeof *b->rows);
	if (!b->rows || (sorted && !order))
		return ERR_NOMEM;
	for (size_t i = 0; i < r->rows.n; i++) {
		const struct row *row = &rows[sorted ? order[i].i : i];
		uint32_t ref = ref_of(r, row->at);
		b->rows[b->n_rows++] = (struct batch_row){frame_of(r, ref), (uint16_t)(ref & 255),
							  row->t_ms, row->bits};
	}
	return 0;
}

static int place_histograms(struct reader *r)
{
	struct batch *b = r->batch;
	const struct histogram_row *rows = r->histograms.v;
	if (r->histograms.n == 0)
		return 0;
	_cleanup_(freep) struct side *order = side_order(r, &r->histograms, sizeof *rows);
	b->histograms = arena_alloc(&b->arena, r->histograms.n * sizeof *b->histograms);
	if (!order || !b->histograms)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->histograms.n; i++) {
		const struct histogram_row *row = &rows[order[i].i];
		uint32_t ref = order[i].ref;
		b->histograms[b->n_histograms++] = (struct batch_histogram){
			frame_of(r, ref), (uint16_t)(ref & 255), row->t_ms, row->h};
	}
	return 0;
}

static int place_exemplars(struct reader *r)
{
	struct batch *b = r->batch;
	const struct exemplar_row *rows = r->exemplars.v;
	if (r->exemplars.n == 0)
		return 0;
	_cleanup_(freep) struct side *order = side_order(r, &r->exemplars, sizeof *rows);
	b->exemplars = arena_alloc(&b->arena, r->exemplars.n * sizeof *b->exemplars);
	if (!order || !b->exemplars)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->exemplars.n; i++) {
		struct batch_exemplar *e = &b->exemplars[b->n_exemplars++];
		*e = rows[order[i].i].e;
		e->frame = frame_of(r, order[i].ref);
		e->slot = (uint16_t)(order[i].ref & 255);
	}
	return 0;
}

/* At most one a slot: the first. */
static int place_starts(struct reader *r)
{
	struct batch *b = r->batch;
	const struct start_row *rows = r->starts.v;
	if (r->starts.n == 0)
		return 0;
	_cleanup_(freep) struct side *order = side_order(r, &r->starts, sizeof *rows);
	b->starts = arena_alloc(&b->arena, r->starts.n * sizeof *b->starts);
	if (!order || !b->starts)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->starts.n; i++) {
		uint32_t ref = order[i].ref;
		if (i > 0 && ref == order[i - 1].ref)
			continue;
		b->starts[b->n_starts++] = (struct batch_start){
			frame_of(r, ref), (uint16_t)(ref & 255), rows[order[i].i].start_ms};
	}
	return 0;
}

int page_place(struct reader *r)
{
	int result = place_pending(r);
	if (result == 0)
		result = place_rows(r);
	if (result == 0)
		result = place_histograms(r);
	if (result == 0)
		result = place_exemplars(r);
	return result == 0 ? place_starts(r) : result;
}
