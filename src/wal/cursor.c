/* Cursors: one reader's way through the log.
 *
 * A cursor has one position and two ways to go on from it. Within the tail it takes batches from
 * memory. Before the tail it reads the files, for which it needs the last values of the frames:
 * they are rebuilt by reading its segment from the start, and given up as soon as it enters the
 * tail.
 *
 * Invariant: pos.sequence plus what pending_skipped says is never above the sequence of what comes
 * next; whatever lies between is added to pending_skipped when the next batch is found.
 */
#include "batch_codec.h"
#include "log.h"
#include "reader.h"

enum {
	BATCH_BYTES_MAX = WAL_RECORD_BYTES * 2,
	/* The last values that deltas are told against, as a batch. */
	LARGEST_PART = BUDGET_READ_BACK_PART,
};

struct wal_cursor {
	struct wal *w;
	struct wal_pos pos;
	uint64_t pending_skipped; /* lost, not yet told */
	struct reader reader;     /* at pos when open; of segment pos.segment */
	bool open;
	struct frame_states states;
};

/* Where the next batch is. */
enum place { PLACE_NONE, PLACE_MEMORY, PLACE_FILE, PLACE_MOVED };

static void close_file(struct wal_cursor *c)
{
	reader_deinit(&c->reader);
	c->open = false;
}

static void move_to(struct wal_cursor *c, struct wal_pos pos)
{
	if (pos.sequence > c->pos.sequence)
		c->pending_skipped += pos.sequence - c->pos.sequence;
	else
		pos.sequence = c->pos.sequence;
	c->pos = pos;
	close_file(c);
}

/* With the log's mutex held. limit: bytes of the segment that may be read. */
static enum place look(struct wal_cursor *c, struct batch **out, uint64_t *limit)
{
	struct wal *w = c->w;
	struct batch *b = tail_find(&w->tail, c->pos);
	if (b) {
		*out = batch_ref(b);
		return PLACE_MEMORY;
	}
	if (pos_cmp(c->pos, w->read_end) >= 0)
		return PLACE_NONE;
	size_t i = 0;
	while (w->segments[i].number < c->pos.segment)
		i++;
	if (w->segments[i].number == c->pos.segment && c->pos.offset >= w->segments[i].size)
		i++;
	const struct segment *s = &w->segments[i];
	if (s->number != c->pos.segment) {
		move_to(c, (struct wal_pos){s->number, FILE_HEADER_BYTES, s->first});
		return PLACE_MOVED;
	}
	*limit = s->size;
	return PLACE_FILE;
}

/* Beyond the bound all of them are given up: what is told against them is lost, up to the next full
 * columns. */
static void bound_states(struct wal_cursor *c)
{
	if (c->states.bytes > budget_bound(SIZE_MAX, LARGEST_PART))
		frame_states_deinit(&c->states);
}

static int replay(struct wal_cursor *c)
{
	struct record rec;
	struct batch_head head;
	uint64_t at;
	uint32_t lost;
	int e;
	c->reader.limit = c->pos.offset;
	while ((e = reader_next(&c->reader, &rec, &at)) == 0) {
		if (rec.type == RECORD_BATCH &&
		    batch_decode(rec.payload, &c->states, NULL, &head, &lost) < 0)
			return ERR_NOMEM;
		bound_states(c);
	}
	c->reader.offset = c->pos.offset;
	return e < 0 ? e : 0;
}

/* 0; 1 when the file is not there; ERR_NOMEM. */
static int open_file(struct wal_cursor *c)
{
	char name[STORE_NAME_MAX];
	int fd = store_open(&c->w->store, store_name(name, FILE_SEGMENT, c->pos.segment));
	if (fd < 0)
		return 1;
	reader_init(&c->reader, fd, FILE_HEADER_BYTES, 0);
	frame_states_next_segment(&c->states);
	int r = replay(c);
	if (r == 0)
		c->open = true;
	else
		close_file(c);
	return r;
}

/* Makes a batch of a record. 0; 1 when it gives none (what is lost is noted); ERR_NOMEM. */
static int take_record(struct wal_cursor *c, const struct record *rec, struct batch **out)
{
	struct batch_head head;
	uint32_t lost;
	if (rec->type != RECORD_BATCH)
		return 1;
	size_t max = budget_bound(BATCH_BYTES_MAX, LARGEST_PART);
	_cleanup_(batch_unrefp) struct batch *b = batch_new(max);
	if (!b)
		return ERR_NOMEM;
	arena_move(&b->arena, BUDGET_QUEUES);
	int r = batch_decode(rec->payload, &c->states, b, &head, &lost);
	/* One that can never be read, written when there was more memory: lost, or nothing after
	 * it would ever be sent. */
	if (r == ERR_NOMEM && max < BATCH_BYTES_MAX && b->arena.used > max / 2) {
		frame_states_deinit(&c->states);
		r = 1;
	}
	bound_states(c);
	if (r < 0)
		return r;
	c->pos.offset = c->reader.offset;
	if (r)
		return r;
	uint64_t end = head.sequence + head.n_samples;
	/* Taken before: only when a position was moved by its sequence to the segment's start. */
	if (end <= c->pos.sequence && head.sequence < c->pos.sequence)
		return 1;
	if (head.sequence > c->pos.sequence)
		c->pending_skipped += head.sequence - c->pos.sequence;
	c->pending_skipped += lost;
	c->pos.sequence = end;
	b->end = c->pos;
	if (b->n_samples == 0 && b->n_metadata == 0 && b->n_exemplars == 0)
		return 1;
	*out = take_ptr(b);
	return 0;
}

/* The next batch of the file up to limit: 0; 1 when there is none; ERR_NOMEM. */
static int read_file(struct wal_cursor *c, uint64_t limit, struct batch **out)
{
	struct record rec;
	uint64_t at;
	int r = c->open ? 0 : open_file(c);
	if (r < 0)
		return r;
	while (r == 0) {
		c->reader.limit = limit;
		if ((r = reader_next(&c->reader, &rec, &at)) != 0)
			break;
		if ((r = take_record(c, &rec, out)) <= 0) {
			if (r == 0)
				(*out)->pos = (struct wal_pos){c->pos.segment, at,
							       c->pos.sequence - (*out)->n_samples};
			return r;
		}
		r = 0;
	}
	/* Whatever is left before the limit cannot be read. */
	if (r > 0)
		c->pos.offset = limit;
	return r;
}

/* 0; 1 when the batch was taken before (see take_record()), and is let go. */
static int enter_tail(struct wal_cursor *c, struct batch **b)
{
	struct wal_pos pos = (*b)->pos, end = (*b)->end;
	if (c->open || c->states.n > 0) {
		close_file(c);
		frame_states_deinit(&c->states);
	}
	if (end.sequence <= c->pos.sequence && pos.sequence < c->pos.sequence) {
		end.sequence = c->pos.sequence;
		c->pos = end;
		batch_unref(take_ptr(*b));
		return 1;
	}
	if (pos.sequence > c->pos.sequence)
		c->pending_skipped += pos.sequence - c->pos.sequence;
	c->pos = end;
	return 0;
}

int wal_cursor_next(struct wal_cursor *c, struct batch **out, uint64_t *skipped)
{
	*skipped = 0;
	for (;;) {
		uint64_t limit = 0;
		pthread_mutex_lock(&c->w->mutex);
		enum place place = look(c, out, &limit);
		pthread_mutex_unlock(&c->w->mutex);
		if (place == PLACE_NONE)
			return 1;
		if (place == PLACE_MOVED)
			continue;
		int r = place == PLACE_MEMORY ? enter_tail(c, out) : read_file(c, limit, out);
		if (r < 0) {
			/* The record was not taken: the next call reads it again. */
			close_file(c);
			return r;
		}
		if (r > 0)
			continue;
		*skipped = c->pending_skipped;
		c->pending_skipped = 0;
		return 0;
	}
}

/* ---- where to begin; with the mutex held ---- */

/* The segment that the position names, provided that the position can be in it. */
static const struct segment *named_segment(const struct wal *w, struct wal_pos pos)
{
	for (size_t i = 0; i < w->n_segments; i++) {
		const struct segment *s = &w->segments[i];
		if (s->number == pos.segment && pos.offset >= FILE_HEADER_BYTES &&
		    pos.offset <= s->size && pos.sequence >= s->first)
			return s;
	}
	return NULL;
}

/* The sequence is what counts: a position that fits nowhere is looked up by it. */
static struct wal_pos place_position(const struct wal *w, struct wal_pos pos)
{
	if (pos.sequence > w->head.sequence)
		return w->head;
	if (named_segment(w, pos))
		return pos;
	size_t i = w->n_segments - 1;
	while (i > 0 && w->segments[i].first > pos.sequence)
		i--;
	uint64_t first = w->segments[i].first;
	return (struct wal_pos){w->segments[i].number, FILE_HEADER_BYTES,
				pos.sequence > first ? pos.sequence : first};
}

int wal_cursor_new(struct wal *w, struct wal_pos from, struct wal_cursor **out, uint64_t *skipped)
{
	struct wal_cursor *c = calloc(1, sizeof *c);
	*skipped = 0;
	if (!c)
		return ERR_NOMEM;
	c->w = w;
	c->states.part = BUDGET_QUEUES;
	c->reader = READER_NULL;
	pthread_mutex_lock(&w->mutex);
	c->pos = place_position(w, from);
	pthread_mutex_unlock(&w->mutex);
	if (c->pos.sequence > from.sequence)
		*skipped = c->pos.sequence - from.sequence;
	*out = c;
	return 0;
}

void wal_cursor_free(struct wal_cursor *c)
{
	if (!c)
		return;
	close_file(c);
	frame_states_deinit(&c->states);
	free(c);
}

struct wal_pos wal_cursor_pos(const struct wal_cursor *c)
{
	return c->pos;
}
