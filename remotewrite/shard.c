/* Walking and cutting. */
#include "shard.h"

#include "encode_v2.h"
#include "position.h"
#include "symbols.h"

#include <ampagent/base/err.h>

static uint32_t present_between(const struct batch_column *col, uint32_t from, uint32_t to)
{
	uint32_t n = 0;
	for (uint32_t slot = from; slot < to; slot++)
		n += image_bit(col->present, slot);
	return n;
}

uint64_t shard_entry_items(const struct queue_entry *e, uint32_t n, uint32_t index)
{
	const struct batch *b = e->batch;
	if (!b)
		return index == 0;
	if (n == 1)
		return b->n_samples;
	uint64_t items = 0;
	for (size_t i = 0; i < b->n_columns; i++)
		if (frame_shard(b->columns[i].frame, n) == index)
			items += b->columns[i].n_present;
	for (size_t i = 0; i < b->n_rows; i++)
		items += frame_shard(b->rows[i].frame, n) == index;
	for (size_t i = 0; i < b->n_histograms; i++)
		items += frame_shard(b->histograms[i].frame, n) == index;
	return items;
}

/* Passes present slots of a column until `left` items are behind. */
static uint32_t slot_after(const struct batch_column *col, uint64_t left)
{
	uint32_t slot = 0;
	for (; slot < col->n_slots && left > 0; slot++)
		left -= image_bit(col->present, slot);
	return slot;
}

struct cursor shard_cursor_at(const struct queue *q, uint32_t n, uint32_t index, uint64_t no,
			      uint64_t own)
{
	struct cursor c = {.no = no};
	const struct batch *b = queue_at(q, no)->batch;
	if (!b || own == 0)
		return c;
	uint64_t items = shard_entry_items(queue_at(q, no), n, index);
	if (own >= items)
		return (struct cursor){.no = no + 1};
	c.own = own;
	for (; c.item < b->n_columns; c.item++) {
		const struct batch_column *col = &b->columns[c.item];
		if (frame_shard(col->frame, n) != index)
			continue;
		if (col->n_present > own) {
			c.slot = slot_after(col, own);
			return c;
		}
		own -= col->n_present;
	}
	for (size_t i = 0; i < b->n_rows && own > 0; i++, c.item++)
		own -= frame_shard(b->rows[i].frame, n) == index;
	for (size_t i = 0; i < b->n_histograms && own > 0; i++, c.item++)
		own -= frame_shard(b->histograms[i].frame, n) == index;
	return c;
}

void shard_skip_idle(const struct shard_walk *w, struct cursor *c)
{
	while (c->no < queue_end(w->queue) &&
	       c->own >= shard_entry_items(queue_at(w->queue, c->no), w->n, w->index))
		*c = (struct cursor){.no = c->no + 1};
}

struct building {
	const struct shard_walk *w;
	const struct build_limits *limits;
	struct images *images;
	struct image_scratch *scratch;
	int64_t now_ms;
	struct buf *out;
	struct built *res;
	struct cursor c;
	const struct queue_entry *e;
	bool full;
};

static void saw_time(struct built *res, int64_t t_ms)
{
	if (res->newest_ms < t_ms)
		res->newest_ms = t_ms;
	if (res->oldest_ms > t_ms)
		res->oldest_ms = t_ms;
}

/* Books n own samples under a reason, or as sent. */
static void pass(struct building *b, uint64_t *booked, uint64_t n)
{
	*booked += n;
	b->res->items += n;
	b->c.own += n;
	if (!b->e->overlap)
		b->res->beyond += n;
}

static void pass_result(struct building *b, const struct encode_result *r)
{
	struct books *books = &b->res->books;
	pass(b, &books->sent, r->samples);
	pass(b, &books->dropped[DROP_WRITE_RELABEL], r->dropped);
	pass(b, &books->dropped[DROP_LABELS_LOST], r->labels_lost);
	pass(b, &books->dropped[DROP_TOO_OLD], r->too_old);
}

static void pass_histograms(struct building *b, const struct encode_result *r)
{
	struct books *books = &b->res->books, *own = &b->res->histograms;
	pass_result(b, r);
	pass(b, &books->dropped[DROP_HISTOGRAMS_NOT_SENT], r->not_sent);
	pass(b, &books->dropped[DROP_NHCB_IN_RW1], r->nhcb);
	pass(b, &books->dropped[DROP_TOO_LARGE], r->too_large);
	own->sent += r->samples;
	own->dropped[DROP_WRITE_RELABEL] += r->dropped;
	own->dropped[DROP_LABELS_LOST] += r->labels_lost;
	own->dropped[DROP_TOO_OLD] += r->too_old;
	own->dropped[DROP_HISTOGRAMS_NOT_SENT] += r->not_sent;
	own->dropped[DROP_NHCB_IN_RW1] += r->nhcb;
	own->dropped[DROP_TOO_LARGE] += r->too_large;
}

static void pass_exemplars(struct building *b, const struct exemplar_counts *c)
{
	struct books *books = &b->res->exemplars;
	books->sent += c->sent;
	books->dropped[DROP_WRITE_RELABEL] += c->dropped;
	books->dropped[DROP_LABELS_LOST] += c->labels_lost;
	books->dropped[DROP_TOO_OLD] += c->too_old;
	books->dropped[DROP_TOO_LARGE] += c->too_large;
}

/* The former shard's place in this entry, when it ends inside it. */
static const struct cursor *former_of(const struct shard_walk *w, uint32_t frame)
{
	return w->n_former ? &w->former[frame_shard(frame, w->n_former)] : NULL;
}

/* Samples that the former shard had done are passed without booking: they are in the books. */
static void pass_former(struct building *b, const struct batch_column *col)
{
	const struct cursor *f = former_of(b->w, col->frame);
	if (!f || f->no < b->c.no || (f->no == b->c.no && f->item < b->c.item))
		return;
	uint32_t to = f->no > b->c.no || f->item > b->c.item ? col->n_slots : f->slot;
	if (to <= b->c.slot)
		return;
	uint32_t n = present_between(col, b->c.slot, to);
	b->res->items += n;
	b->c.own += n;
	b->c.slot = to;
}

static bool fenced(struct building *b, uint32_t frame)
{
	if (b->w->n == 1 || !b->w->fence || fence_need(b->w->fence, b->c.no, frame) <= b->w->lowest)
		return false;
	b->res->fenced = true;
	b->full = true;
	return true;
}

/* ---- series that the peer has not taken before ---- */

/* Whether any of the slots is such a one. In a frame of n_slots; once all of them are proven this
 * costs one comparison. */
static void note_unproven(struct building *b, struct image *im, uint16_t n_slots,
			  const uint64_t slots[FRAME_SLOTS / 64])
{
	struct accepted *t = b->limits->accepted;
	if (im->proven >= n_slots || !t)
		return;
	accepted_meet(t, im->frame, im->n_slots, b->now_ms);
	if (accepted_all(t, im->frame, n_slots))
		im->proven = n_slots;
	else if (!b->limits->shed && !accepted_covers(t, im->frame, slots))
		b->res->unproven = true;
}

static bool is_shed(const struct building *b, uint32_t frame, uint16_t slot)
{
	return b->limits->shed && !accepted_has(b->limits->accepted, frame, slot);
}

/* The column without its new series. */
static struct batch_column without_new(const struct building *b, const struct batch_column *col)
{
	struct batch_column c = *col;
	accepted_keep(b->limits->accepted, col->frame, c.present);
	return c;
}

/* Books what is in the whole column and not in the other, with their exemplars. */
static void pass_shed(struct building *b, const struct batch_column *col,
		      const struct batch_column *sent, uint32_t to, struct extras *extras)
{
	uint32_t shed = present_between(col, b->c.slot, to) - present_between(sent, b->c.slot, to);
	pass(b, &b->res->books.dropped[DROP_SERIES_LIMIT], shed);
	for (uint32_t slot = b->c.slot; extras->n_exemplars > 0 && slot < to; slot++) {
		uint32_t n = 0;
		if (image_bit(col->present, slot) && !image_bit(sent->present, slot))
			extras_exemplars(extras, (uint16_t)slot, &n);
		b->res->exemplars.dropped[DROP_SERIES_LIMIT] += n;
	}
}

/* A row or a histogram. */
static void pass_shed_item(struct building *b, uint32_t frame, uint16_t slot)
{
	struct extras extras;
	uint32_t n;
	extras_find(&extras, b->e->batch, frame, b->c.item, b->limits->as.exemplars);
	extras_exemplars(&extras, slot, &n);
	b->res->exemplars.dropped[DROP_SERIES_LIMIT] += n;
	pass(b, &b->res->books.dropped[DROP_SERIES_LIMIT], 1);
	b->c.item++;
}

/* Of one frame, from an item on that is `from` in its list; slots are theirs. 0 or ERR_NOMEM. */
static int begin_job(struct building *b, uint32_t frame, uint16_t n_slots,
		     const uint64_t slots[FRAME_SLOTS / 64], uint32_t from, struct extras *extras,
		     struct encode_job *j)
{
	struct image *im;
	if (images_get(b->images, b->scratch, frame, n_slots, b->now_ms, &im))
		return ERR_NOMEM;
	note_unproven(b, im, n_slots, slots);
	extras_find(extras, b->e->batch, frame, b->c.item, b->limits->as.exemplars);
	*j = (struct encode_job){
		.out = b->out,
		.im = im,
		.s = b->scratch,
		.as = &b->limits->as,
		.extras = extras,
		.oldest_ms = b->limits->oldest_ms,
		.slice = {.from = from,
			  .max = b->limits->max_samples - (uint32_t)b->res->books.sent,
			  .raw_max = b->limits->raw_max},
	};
	return 0;
}

static bool is_v2(const struct building *b)
{
	return b->limits->as.protocol == REMOTEWRITE_V2;
}

static int encode_one_column(const struct encode_job *j, const struct batch_column *col,
			     int64_t t_ms, struct encode_result *r)
{
	if (j->as->protocol == REMOTEWRITE_V2)
		return encode_v2_column(j, col, t_ms, r);
	if (encode_column(j->out, j->im, j->s, col, t_ms, &j->slice, r))
		return ERR_NOMEM;
	if (j->extras->n_exemplars == 0)
		return 0;
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	for (uint32_t slot = j->slice.from; slot < r->next; slot++)
		slots[slot / 64] |= col->present[slot / 64] & UINT64_C(1) << (slot % 64);
	return encode_exemplars(j, slots);
}

/* The rest of a column from the cursor's slot on. */
static int build_slots(struct building *b, const struct batch_column *col)
{
	struct extras extras;
	struct encode_job j;
	struct encode_result r;
	int64_t t_ms = b->e->batch->t_ms;
	struct batch_column old;
	const struct batch_column *sent = col;
	if (begin_job(b, col->frame, col->n_slots, col->present, b->c.slot, &extras, &j))
		return ERR_NOMEM;
	if (b->limits->shed) {
		old = without_new(b, col);
		sent = &old;
	}
	if (encode_one_column(&j, sent, t_ms, &r))
		return ERR_NOMEM;
	pass_result(b, &r);
	if (sent != col)
		pass_shed(b, col, sent, r.next, &extras);
	if (extras.n_exemplars > 0)
		pass_exemplars(b, &extras.counts);
	b->c.slot = r.next;
	if (r.samples > 0)
		saw_time(b->res, t_ms);
	b->full = r.next < col->n_slots;
	return 0;
}

static int build_column(struct building *b)
{
	const struct batch_column *col = &b->e->batch->columns[b->c.item];
	if (frame_shard(col->frame, b->w->n) == b->w->index) {
		pass_former(b, col);
		if (b->e->batch->t_ms < b->limits->oldest_ms) {
			pass(b, &b->res->books.dropped[DROP_TOO_OLD],
			     present_between(col, b->c.slot, col->n_slots));
			b->c.slot = col->n_slots;
		}
		if (b->c.slot < col->n_slots) {
			if (fenced(b, col->frame))
				return 0;
			int r = build_slots(b, col);
			if (r < 0 || b->full)
				return r;
		}
	}
	b->c.item++;
	b->c.slot = 0;
	return 0;
}

/* Passes the items of a run that the former shard had done; how many. */
static uint32_t pass_former_items(struct building *b, uint32_t frame, uint32_t n)
{
	const struct cursor *f = former_of(b->w, frame);
	uint32_t i = 0;
	for (; i < n && f && !(f->no < b->c.no || (f->no == b->c.no && f->item <= b->c.item));
	     i++) {
		b->res->items++;
		b->c.own++;
		b->c.item++;
	}
	return i;
}

/* Notes a slot of a run; the number of slots up to it or to those before. */
static uint16_t run_slot(uint64_t slots[FRAME_SLOTS / 64], uint16_t n, uint16_t slot)
{
	if (slot < FRAME_SLOTS)
		slots[slot / 64] |= UINT64_C(1) << (slot % 64);
	return slot >= n ? (uint16_t)(slot + 1) : n;
}

/* Slots of a run whose exemplars go: those whose first item does. */
struct carriers {
	uint64_t seen[FRAME_SLOTS / 64], go[FRAME_SLOTS / 64];
};

static void carriers_add(struct carriers *c, uint16_t slot, bool goes)
{
	uint64_t bit = UINT64_C(1) << (slot % 64);
	if (slot >= FRAME_SLOTS || (c->seen[slot / 64] & bit))
		return;
	c->seen[slot / 64] |= bit;
	if (goes)
		c->go[slot / 64] |= bit;
}

static int encode_run_rows(const struct encode_job *j, const struct batch_row *rows, uint32_t to,
			   struct encode_result *r)
{
	if (j->as->protocol == REMOTEWRITE_V2)
		return encode_v2_rows(j, rows, to, r);
	if (encode_rows(j->out, j->im, j->s, rows, to, j->oldest_ms, &j->slice, r))
		return ERR_NOMEM;
	if (j->extras->n_exemplars == 0)
		return 0;
	struct carriers c = {{0}, {0}};
	for (uint32_t i = j->slice.from; i < r->next; i++)
		carriers_add(&c, rows[i].slot, rows[i].t_ms >= j->oldest_ms);
	return encode_exemplars(j, c.go);
}

/* A run of rows of one frame. */
static int build_rows(struct building *b)
{
	const struct batch *batch = b->e->batch;
	uint32_t from = b->c.item - (uint32_t)batch->n_columns, to = from;
	uint32_t frame = batch->rows[from].frame;
	while (to < batch->n_rows && batch->rows[to].frame == frame)
		to++;
	if (frame_shard(frame, b->w->n) != b->w->index) {
		b->c.item += to - from;
		return 0;
	}
	from += pass_former_items(b, frame, to - from);
	if (from == to || fenced(b, frame))
		return 0;
	if (is_shed(b, frame, batch->rows[from].slot)) {
		pass_shed_item(b, frame, batch->rows[from].slot);
		return 0;
	}
	uint16_t n_slots = 0;
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	for (uint32_t i = from; i < to; i++) {
		if (is_shed(b, frame, batch->rows[i].slot))
			to = i;
		else
			n_slots = run_slot(slots, n_slots, batch->rows[i].slot);
	}
	struct extras extras;
	struct encode_job j;
	struct encode_result r;
	if (begin_job(b, frame, n_slots, slots, from, &extras, &j) ||
	    encode_run_rows(&j, batch->rows, to, &r))
		return ERR_NOMEM;
	pass_result(b, &r);
	pass_exemplars(b, &extras.counts);
	for (uint32_t i = from; i < r.next; i++)
		if (batch->rows[i].t_ms >= b->limits->oldest_ms)
			saw_time(b->res, batch->rows[i].t_ms);
	b->c.item += r.next - from;
	b->full = r.next < to;
	return 0;
}

static int encode_run_histograms(const struct encode_job *j, const struct batch_histogram *v,
				 uint32_t to, struct encode_result *r)
{
	if (j->as->protocol == REMOTEWRITE_V2)
		return encode_v2_histograms(j, v, to, r);
	if (encode_histograms(j, v, to, r))
		return ERR_NOMEM;
	if (j->extras->n_exemplars == 0 || !j->as->histograms)
		return 0;
	struct carriers c = {{0}, {0}};
	for (uint32_t i = j->slice.from; i < r->next; i++)
		carriers_add(&c, v[i].slot,
			     v[i].t_ms >= j->oldest_ms && v[i].h.schema != HISTOGRAM_SCHEMA_CUSTOM);
	return encode_exemplars(j, c.go);
}

/* A run of histograms of one frame. */
static int build_histograms(struct building *b)
{
	const struct batch *batch = b->e->batch;
	const struct batch_histogram *v = batch->histograms;
	uint32_t from = b->c.item - (uint32_t)(batch->n_columns + batch->n_rows), to = from;
	uint32_t frame = v[from].frame;
	while (to < batch->n_histograms && v[to].frame == frame)
		to++;
	if (frame_shard(frame, b->w->n) != b->w->index) {
		b->c.item += to - from;
		return 0;
	}
	from += pass_former_items(b, frame, to - from);
	if (from == to || fenced(b, frame))
		return 0;
	if (is_shed(b, frame, v[from].slot)) {
		pass_shed_item(b, frame, v[from].slot);
		b->res->histograms.dropped[DROP_SERIES_LIMIT]++;
		return 0;
	}
	uint16_t n_slots = 0;
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	for (uint32_t i = from; i < to; i++) {
		if (is_shed(b, frame, v[i].slot))
			to = i;
		else
			n_slots = run_slot(slots, n_slots, v[i].slot);
	}
	struct extras extras;
	struct encode_job j;
	struct encode_result r;
	if (begin_job(b, frame, n_slots, slots, from, &extras, &j) ||
	    encode_run_histograms(&j, v, to, &r))
		return ERR_NOMEM;
	pass_histograms(b, &r);
	pass_exemplars(b, &extras.counts);
	for (uint32_t i = from; r.samples > 0 && i < r.next; i++)
		if (v[i].t_ms >= b->limits->oldest_ms)
			saw_time(b->res, v[i].t_ms);
	b->c.item += r.next - from;
	b->full = r.next < to;
	return 0;
}

/* Shard 0 books what was lost; what the former shard 0 had passed is in the books. */
static void pass_lost(struct building *b)
{
	if (b->w->index != 0)
		return;
	bool booked = b->e->overlap || (b->w->n_former > 0 && b->w->former[0].no > b->c.no);
	if (!booked) {
		uint64_t n = b->e->end - b->e->pos.sequence;
		b->res->books.dropped[b->e->reason] += n;
		b->res->beyond += n;
	}
	b->res->items++;
}

static int build_entry(struct building *b)
{
	const struct batch *batch = b->e->batch;
	if (!batch) {
		pass_lost(b);
	} else {
		size_t rows_at = batch->n_columns, histograms_at = rows_at + batch->n_rows;
		while (b->c.item < histograms_at + batch->n_histograms) {
			int r = b->c.item < rows_at         ? build_column(b)
				: b->c.item < histograms_at ? build_rows(b)
							    : build_histograms(b);
			if (r < 0)
				return r;
			if (b->full)
				return 0;
		}
	}
	b->c = (struct cursor){.no = b->c.no + 1};
	return 0;
}

int shard_build(const struct shard_walk *w, struct cursor from, const struct build_limits *limits,
		struct images *images, struct image_scratch *scratch, int64_t now_ms,
		struct buf *out, struct built *res)
{
	*res = (struct built){.oldest_ms = INT64_MAX, .newest_ms = INT64_MIN};
	struct building b = {.w = w,
			     .limits = limits,
			     .images = images,
			     .scratch = scratch,
			     .now_ms = now_ms,
			     .out = out,
			     .res = res,
			     .c = from};
	if (is_v2(&b))
		symbols_reset(limits->as.symbols);
	while (!b.full && b.c.no < queue_end(w->queue)) {
		b.e = queue_at(w->queue, b.c.no);
		if (b.e->pos.sequence >= limits->sequence_end)
			break;
		int r = build_entry(&b);
		if (r < 0)
			return r;
	}
	res->end = b.c;
	return is_v2(&b) && res->books.sent > 0 ? encode_v2_finish(out, limits->as.symbols) : 0;
}
