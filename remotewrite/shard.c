/* Walking and cutting. */
#include "shard.h"

#include "position.h"

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

static struct encode_slice slice(const struct building *b, uint32_t from)
{
	return (struct encode_slice){
		.from = from,
		.max = b->limits->max_samples - (uint32_t)b->res->books.sent,
		.raw_max = b->limits->raw_max,
	};
}

static int build_column(struct building *b)
{
	const struct batch_column *col = &b->e->batch->columns[b->c.item];
	if (frame_shard(col->frame, b->w->n) == b->w->index) {
		pass_former(b, col);
		int64_t t_ms = b->e->batch->t_ms;
		if (t_ms < b->limits->oldest_ms) {
			pass(b, &b->res->books.dropped[DROP_TOO_OLD],
			     present_between(col, b->c.slot, col->n_slots));
			b->c.slot = col->n_slots;
		}
		if (b->c.slot < col->n_slots) {
			if (fenced(b, col->frame))
				return 0;
			struct image *im;
			struct encode_result r;
			struct encode_slice s = slice(b, b->c.slot);
			if (images_get(b->images, b->scratch, col->frame, col->n_slots, b->now_ms,
				       &im) ||
			    encode_column(b->out, im, b->scratch, col, t_ms, &s, &r))
				return ERR_NOMEM;
			pass_result(b, &r);
			b->c.slot = r.next;
			if (r.samples > 0)
				saw_time(b->res, t_ms);
			if (r.next < col->n_slots) {
				b->full = true;
				return 0;
			}
		}
	}
	b->c.item++;
	b->c.slot = 0;
	return 0;
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
	const struct cursor *f = former_of(b->w, frame);
	for (; from < to && f && !(f->no < b->c.no || (f->no == b->c.no && f->item <= b->c.item));
	     from++) {
		b->res->items++;
		b->c.own++;
		b->c.item++;
	}
	if (from == to || fenced(b, frame))
		return 0;
	uint16_t n_slots = 0;
	for (uint32_t i = from; i < to; i++)
		if (batch->rows[i].slot >= n_slots)
			n_slots = (uint16_t)(batch->rows[i].slot + 1);
	struct image *im;
	struct encode_result r;
	struct encode_slice s = slice(b, from);
	if (images_get(b->images, b->scratch, frame, n_slots, b->now_ms, &im) ||
	    encode_rows(b->out, im, b->scratch, batch->rows, to, b->limits->oldest_ms, &s, &r))
		return ERR_NOMEM;
	pass_result(b, &r);
	for (uint32_t i = from; i < r.next; i++)
		if (batch->rows[i].t_ms >= b->limits->oldest_ms)
			saw_time(b->res, batch->rows[i].t_ms);
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
		while (b->c.item < batch->n_columns + batch->n_rows) {
			int r = b->c.item < batch->n_columns ? build_column(b) : build_rows(b);
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
	while (!b.full && b.c.no < queue_end(w->queue)) {
		b.e = queue_at(w->queue, b.c.no);
		if (b.e->pos.sequence >= limits->sequence_end)
			break;
		int r = build_entry(&b);
		if (r < 0)
			return r;
	}
	res->end = b.c;
	return 0;
}
