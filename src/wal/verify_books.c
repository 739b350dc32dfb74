/* Positions against the log: what the books say is queued is counted again, sample by sample, by
 * the places of the shards.
 */
#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/varint.h>
#include <inttypes.h>

#include "verify.h"

/* magic 4, CRC-32C of the rest 4, key length varint, key, content */
enum { POSITION_HEAD_BYTES = 8 };

void verify_position_deinit(struct verify_position *p)
{
	buf_deinit(&p->content);
	wal_position_books_deinit(&p->books);
	free(p->places);
	free(p->own);
	p->places = NULL;
	p->own = NULL;
}

/* 0 and views of the file; 1 when it is damaged. */
static int unpack(struct sv file, struct sv *key, struct sv *content)
{
	const uint8_t *p = (const uint8_t *)file.ptr, *end = p + file.len;
	uint64_t len;
	if (file.len < POSITION_HEAD_BYTES || memcmp(p, "AMPP", 4) != 0 ||
	    u32_get(p + 4) !=
		    hash_crc32c(0, p + POSITION_HEAD_BYTES, file.len - POSITION_HEAD_BYTES))
		return 1;
	p = varint_get(p + POSITION_HEAD_BYTES, end, &len);
	if (!p || len > (uint64_t)(end - p))
		return 1;
	*key = sv_make((const char *)p, len);
	*content = sv_make((const char *)p + len, (size_t)(end - p) - len);
	return 0;
}

static int make_places(struct verify_position *p)
{
	const struct wal_position_books *b = &p->books;
	p->n_places = b->n + b->n_former;
	p->places = calloc(p->n_places, sizeof *p->places);
	p->own = calloc(p->n_places, sizeof *p->own);
	if (!p->places || !p->own)
		return ERR_NOMEM;
	p->low = UINT64_MAX;
	for (size_t i = 0; i < p->n_places; i++) {
		struct wal_place at = i < b->n ? b->places[i] : b->former[i - b->n];
		p->places[i].place = at;
		if (at.pos.sequence < p->low)
			p->low = at.pos.sequence;
		if (at.pos.sequence + (at.own > 0) > p->top)
			p->top = at.pos.sequence + (at.own > 0);
	}
	return 0;
}

int verify_position_read(struct verify *v, struct verify_position *p)
{
	struct sv key, content;
	struct err why = ERR_NULL;
	struct finding_at where = {false, "position", p->file, 0, 0, 0};
	if (unpack(buf_view(&p->content), &key, &content)) {
		verify_note(v, &where,
			    "the file is damaged: delivery goes on from the one before, "
			    "or begins at the log's end");
		return 0;
	}
	snprintf(p->key, sizeof p->key, "%.*s", SV_ARG(key));
	int r = v->reader->read(content, &p->books, &why);
	if (r > 0)
		verify_note(v, &where, "not a position: %s", why.msg);
	if (r != 0)
		return r < 0 ? r : 0;
	p->readable = true;
	return make_places(p);
}

/* ---- while segments are read ---- */

void verify_boundary(struct verify *v, uint64_t segment, uint64_t offset, uint64_t sequence)
{
	for (size_t i = 0; i < v->n_positions; i++)
		for (size_t k = 0; k < v->positions[i].n_places; k++) {
			struct verify_place *at = &v->positions[i].places[k];
			if (at->place.pos.segment != segment || at->place.pos.offset != offset)
				continue;
			at->met = true;
			at->sequence = sequence;
		}
}

/* The next batch bounds what a place before it may say. */
static void bound_places(struct verify_position *p, uint64_t sequence)
{
	for (size_t k = 0; k < p->n_places; k++) {
		struct verify_place *at = &p->places[k];
		if (at->met && !at->bounded) {
			at->bounded = true;
			at->next = sequence;
		}
	}
}

/* One more sample of a frame: whether it is done by the present or the former shards. */
static bool is_done(const struct verify *v, struct verify_position *p, uint32_t frame,
		    uint64_t sequence, size_t first, size_t n)
{
	size_t k = first + v->reader->shard(frame, (uint32_t)n);
	struct verify_place *at = &p->places[k];
	uint64_t nth = p->own[k]++;
	if (at->place.pos.sequence != sequence)
		return at->place.pos.sequence > sequence;
	at->items++;
	return nth < at->place.own;
}

static void count_sample(const struct verify *v, struct verify_position *p, uint32_t frame,
			 uint64_t sequence)
{
	const struct wal_position_books *b = &p->books;
	bool done = is_done(v, p, frame, sequence, 0, b->n);
	if (b->n_former > 0)
		done |= is_done(v, p, frame, sequence, b->n, b->n_former);
	p->undone += !done;
}

static void count_batch(const struct verify *v, struct verify_position *p, const struct batch *b,
			uint64_t sequence)
{
	memset(p->own, 0, p->n_places * sizeof *p->own);
	for (size_t i = 0; i < b->n_columns; i++)
		for (unsigned k = 0; k < b->columns[i].n_present; k++)
			count_sample(v, p, b->columns[i].frame, sequence);
	for (size_t i = 0; i < b->n_rows; i++)
		count_sample(v, p, b->rows[i].frame, sequence);
	for (size_t i = 0; i < b->n_histograms; i++)
		count_sample(v, p, b->histograms[i].frame, sequence);
}

void verify_count(struct verify *v, const struct batch *b, uint64_t sequence)
{
	if (b->n_samples == 0)
		return;
	for (size_t i = 0; i < v->n_positions; i++) {
		struct verify_position *p = &v->positions[i];
		if (!p->readable)
			continue;
		bound_places(p, sequence);
		if (sequence >= p->top)
			p->undone += b->n_samples;
		else if (sequence >= p->low)
			count_batch(v, p, b, sequence);
	}
}

/* ---- after them ---- */

static const struct verify_file *segment_of(const struct verify *v, uint64_t number)
{
	for (size_t i = 0; i < v->segments.n; i++)
		if (v->segments.v[i].number == number)
			return &v->segments.v[i];
	return NULL;
}

/* A place in a file that is there must be a record's beginning or end, with its sequence: up to the
 * next batch's, when what lies between was lost. */
static void check_place(struct verify *v, const struct verify_position *p, size_t k)
{
	const struct verify_place *at = &p->places[k];
	struct wal_pos pos = at->place.pos;
	const struct verify_file *file = segment_of(v, pos.segment);
	struct finding_at where = {false, "position", p->file, pos.offset, 0, 0};
	if (pos.sequence > v->head || !file)
		return; /* told of the destination as a whole */
	if (!at->met) {
		/* The segment was cut off there, and the head moved up. */
		where.note = pos.offset > file->size;
		verify_note(v, &where, "shard %zu stands at %" PRIu64 ":%" PRIu64 ", %s", k,
			    pos.segment, pos.offset,
			    where.note ? "behind the segment's end: its sequence counts"
				       : "where no record begins: delivery finds its place by the "
					 "sequence");
		return;
	}
	uint64_t next = at->bounded ? at->next : v->head;
	if (pos.sequence < at->sequence || pos.sequence > next)
		verify_note(v, &where,
			    "shard %zu has sequence %" PRIu64 " where the log has %" PRIu64
			    ": was the file of another log put here?",
			    k, pos.sequence, at->sequence);
	else if (at->place.own > 0 && at->bounded && at->items < at->place.own)
		verify_note(v, &where,
			    "shard %zu has done %" PRIu64 " of %" PRIu64
			    " samples of its frames in a batch",
			    k, at->place.own, at->items);
}

/* What no record holds was booked by who passed it: certain before the lowest and after the highest
 * place only. */
static void count_gaps(const struct verify *v, struct verify_position *p)
{
	for (size_t i = 0; i < v->n_gaps; i++) {
		uint64_t from = v->gaps[i].from, n = v->gaps[i].to - from;
		if (v->gaps[i].to <= p->low)
			continue;
		if (from >= p->top) {
			p->counted += n;
		} else {
			p->less += n;
			p->counted += n;
		}
	}
}

static uint64_t booked(const struct verify_position *p)
{
	uint64_t n = (uint64_t)p->books.base + p->books.sent;
	for (size_t i = 0; i < p->books.n_dropped; i++)
		n += p->books.dropped[i].samples;
	return n;
}

static void check_deleted(struct verify *v, struct verify_position *p)
{
	if (p->low >= v->first)
		return;
	uint64_t n = v->first - p->low;
	p->counted += n;
	p->less += n;
	struct finding_at where = {true, "deleted", p->file, 0, 0, n};
	verify_note(v, &where,
		    "up to %" PRIu64 " samples were deleted before they were sent, because of the "
		    "log's size or age bound: they are counted as dropped{log_bound} when delivery "
		    "comes there",
		    n);
}

static void check_books(struct verify *v, struct verify_position *p)
{
	uint64_t sum = booked(p);
	struct finding_at where = {false, "books", p->file, 0, 0, 0};
	for (size_t k = 0; k < p->n_places; k++)
		check_place(v, p, k);
	check_deleted(v, p);
	count_gaps(v, p);
	p->less += p->books.unsettled;
	p->counted += p->undone + p->books.unsettled;
	p->queued = sum <= v->head ? v->head - sum : 0;
	if (p->top > v->head || sum > v->head) {
		where.samples = (p->top > sum ? p->top : sum) - v->head;
		verify_note(v, &where,
			    "%" PRIu64 " samples ahead of the log, whose newest part was lost: at "
			    "the next start the log's head moves up",
			    where.samples);
		return;
	}
	p->agrees = p->queued <= p->counted && p->queued + p->less >= p->counted;
	if (p->agrees)
		return;
	where.samples = p->queued > p->counted ? p->queued - p->counted : p->counted - p->queued;
	verify_note(v, &where,
		    "base + sent + dropped is %" PRIu64 ", which leaves %" PRIu64
		    " of the log's %" PRIu64 "; by the places %" PRIu64
		    " are not done: keep a copy of the log and report it",
		    sum, p->queued, v->head, p->counted);
}

void verify_books(struct verify *v)
{
	for (size_t i = 0; i < v->n_positions; i++)
		if (v->positions[i].readable)
			check_books(v, &v->positions[i]);
}
