/* A log's files record by record: headers, checksums, sequences, definitions, ledger records.
 *
 * v->head is the sequence that has to come next. Damage is told where it is; how many samples were
 * in it shows in the next sequence, so that finding stays open until then.
 */
#include <ampagent/base/err.h>
#include <inttypes.h>

#include "batch_codec.h"
#include "defs.h"
#include "ledger.h"
#include "verify.h"

enum { BATCH_BYTES_MAX = WAL_RECORD_BYTES * 2, TORN_ZEROS = 32 };

#define DAMAGE_ADVICE                                                                              \
	"destinations that had not read them count them as dropped{damaged}; check the disk"

/* ---- frames ---- */

static uint64_t frame_hash(uint32_t frame)
{
	return hash_keyed(&frame, sizeof frame);
}

static uint64_t rehash(uint32_t value, void *cls)
{
	return frame_hash(((struct verify *)cls)->frames[value].frame);
}

static struct verify_frame *frame_find(const struct verify *v, uint32_t frame)
{
	for (struct map_iter it = map_find(&v->frame_map, frame_hash(frame));
	     map_next(&v->frame_map, &it);)
		if (v->frames[it.value].frame == frame)
			return &v->frames[it.value];
	return NULL;
}

/* The frame, made when it is not there; NULL without memory. */
static struct verify_frame *frame_get(struct verify *v, uint32_t frame)
{
	struct verify_frame *f = frame_find(v, frame);
	if (f)
		return f;
	if (v->n_frames == v->cap_frames) {
		size_t cap = v->cap_frames ? v->cap_frames * 2 : 64;
		f = reallocarray(v->frames, cap, sizeof *f);
		if (!f) {
			v->no_memory = true;
			return NULL;
		}
		v->frames = f;
		v->cap_frames = cap;
	}
	v->frames[v->n_frames] = (struct verify_frame){.frame = frame};
	if (map_insert(&v->frame_map, frame_hash(frame), (uint32_t)v->n_frames, rehash, v)) {
		v->no_memory = true;
		return NULL;
	}
	return &v->frames[v->n_frames++];
}

/* ---- definitions ---- */

struct defining {
	struct verify_frame *f;
};

static void define_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct defining *d = cls;
	d->f->defined[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static int take_definition(struct verify *v, const struct verify_file *file,
			   const struct record *rec, uint64_t at)
{
	struct def_pending def;
	struct finding_at where = {false, "definitions", file->name, at, rec->bytes, 0};
	if (def_record_get(rec, &def)) {
		verify_note(v, &where, "a whole record that is no definition; %s",
			    "series whose labels it held are defined anew when their target is");
		return 0;
	}
	if (def.type != RECORD_FRAME)
		return 0;
	struct defining d = {frame_get(v, def.frame)};
	int r = d.f ? def_record_slots(rec, 0, define_slot, &d) : ERR_NOMEM;
	if (r > 0)
		verify_note(v, &where, "labels of frame %" PRIu32 " that cannot be read",
			    def.frame);
	return r < 0 ? r : 0;
}

static void check_header(struct verify *v, const struct verify_file *file, enum file_kind kind,
			 struct file_header *h, bool *good, bool newest)
{
	uint8_t raw[FILE_HEADER_BYTES];
	ssize_t n = read_at(file->fd, raw, sizeof raw, 0);
	*good = n >= 0 && file_header_get(raw, (size_t)n, kind, h) == 0;
	/* A killed process made the name, no more. */
	bool unfinished = newest && file->size < FILE_HEADER_BYTES;
	struct finding_at where = {unfinished, "header", file->name, 0, FILE_HEADER_BYTES, 0};
	if (!*good)
		verify_note(v, &where, "%s",
			    unfinished ? "the file was not begun; it goes at the next start"
				       : "the header is damaged; records tell what it said");
	else if (h->number != file->number)
		verify_note(v, &where, "the header says it is number %" PRIu64 "; was it renamed?",
			    h->number);
}

/* The end of the newest file that is no whole record: cut short by a kill or being written now, or
 * zeros that a power loss left. Anything else is damage. */
static bool is_torn(int fd, uint64_t from, uint64_t size)
{
	uint8_t raw[RECORD_HEAD_BYTES], tail[TORN_ZEROS];
	struct record rec;
	size_t need, n_tail = size - from < TORN_ZEROS ? (size_t)(size - from) : TORN_ZEROS;
	ssize_t n = read_at(fd, raw, sizeof raw, from);
	if (n <= 0 || read_at(fd, tail, n_tail, size - n_tail) != (ssize_t)n_tail)
		return false;
	size_t zeros = 0;
	while (zeros < n_tail && tail[zeros] == 0)
		zeros++;
	int e = record_get(sv_make((const char *)raw, (size_t)n), &rec, &need);
	return zeros == n_tail || (e == RECORD_E_SHORT && need > size - from);
}

static void note_damage(struct verify *v, const struct verify_file *file, const struct reader *r,
			uint64_t from, uint64_t to, bool newest)
{
	struct finding_at where = {false, "damage", file->name, from, to - from, 0};
	if (newest && to == file->size && is_torn(r->fd, from, file->size)) {
		where.note = true;
		where.what = "torn";
		verify_note(
			v, &where,
			"a record that is not whole: being written, or cut off at the next start");
		return;
	}
	v->damaged_bytes += to - from;
	v->open = verify_note(v, &where, "no whole record; " DAMAGE_ADVICE);
}

/* Each file is read once: the reader closes it. */
static void begin(struct reader *r, struct verify_file *file)
{
	reader_init(r, file->fd, FILE_HEADER_BYTES, file->size);
	file->fd = -1;
}

int verify_read_defs(struct verify *v)
{
	for (size_t i = 0; i < v->defs.n; i++) {
		struct verify_file *file = &v->defs.v[i];
		_cleanup_(reader_deinit) struct reader r = READER_NULL;
		struct file_header h;
		struct record rec;
		bool good, newest = i + 1 == v->defs.n;
		uint64_t at, end = FILE_HEADER_BYTES;
		int e, bad = 0;
		check_header(v, file, FILE_DEFS, &h, &good, newest);
		begin(&r, file);
		while ((e = reader_next(&r, &rec, &at)) == 0 && bad == 0) {
			if (at > end)
				note_damage(v, file, &r, end, at, newest);
			end = at + rec.bytes;
			bad = take_definition(v, file, &rec, at);
		}
		if (e < 0 || bad < 0)
			return ERR_NOMEM;
		if (file->size > end)
			note_damage(v, file, &r, end, file->size, newest);
	}
	v->open = NULL;
	return 0;
}

/* ---- sequences ---- */

static void gap_add(struct verify *v, uint64_t from, uint64_t to)
{
	if (v->n_gaps == v->cap_gaps) {
		size_t cap = v->cap_gaps ? v->cap_gaps * 2 : 16;
		struct sequence_gap *g = reallocarray(v->gaps, cap, sizeof *g);
		if (!g) {
			v->no_memory = true;
			return;
		}
		v->gaps = g;
		v->cap_gaps = cap;
	}
	v->gaps[v->n_gaps++] = (struct sequence_gap){from, to};
	v->gap_samples += to - from;
}

/* What comes next has this sequence. */
static void meet_sequence(struct verify *v, const struct verify_file *file, uint64_t at,
			  uint64_t sequence)
{
	struct finding_at where = {false, "gap", file->name, at, 0, 0};
	if (!v->begun) {
		v->begun = true;
		v->first = v->head = sequence;
	}
	if (sequence > v->head) {
		where.samples = sequence - v->head;
		if (v->open)
			v->open->samples += where.samples;
		else
			verify_note(v, &where,
				    "sequence %" PRIu64 " follows %" PRIu64
				    ": records are missing; " DAMAGE_ADVICE,
				    sequence, v->head);
		gap_add(v, v->head, sequence);
	} else if (sequence < v->head) {
		where.what = "order";
		verify_note(v, &where,
			    "sequence %" PRIu64 " follows %" PRIu64
			    ": numbers were given twice; keep a copy of the log and report it",
			    sequence, v->head);
	}
	v->open = NULL;
	v->head = sequence;
}

/* A segment's first sequence may leave numbers out; whether that is in order, the ledger tells. */
static void meet_segment(struct verify *v, const struct verify_file *file,
			 const struct file_header *h)
{
	if (v->begun && !v->open && h->sequence > v->head) {
		v->leapt += h->sequence - v->head;
		gap_add(v, v->head, h->sequence);
		v->head = h->sequence;
	}
	meet_sequence(v, file, 0, h->sequence);
}

/* ---- records of segments ---- */

static void check_labels(struct verify *v, const struct batch *b)
{
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		struct verify_frame *f = frame_get(v, c->frame);
		for (unsigned k = 0; f && k < FRAME_SLOTS / 64; k++)
			f->nameless +=
				(uint64_t)__builtin_popcountll(c->present[k] & ~f->defined[k]);
	}
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct batch_row *r = &b->rows[i];
		struct verify_frame *f = frame_get(v, r->frame);
		if (f)
			f->nameless += !(f->defined[r->slot / 64] >> (r->slot % 64) & 1);
	}
	for (size_t i = 0; i < b->n_histograms; i++) {
		const struct batch_histogram *h = &b->histograms[i];
		struct verify_frame *f = frame_get(v, h->frame);
		if (f)
			f->nameless += !(f->defined[h->slot / 64] >> (h->slot % 64) & 1);
	}
}

static void broken_batch(struct verify *v, const struct verify_file *file, uint64_t at,
			 const struct record *rec)
{
	struct batch_head head;
	struct finding_at where = {false, "damage", file->name, at, rec->bytes, 0};
	bool known = batch_head_get(rec->payload, &head) == 0;
	if (known) {
		meet_sequence(v, file, at, head.sequence);
		gap_add(v, v->head, v->head + head.n_samples);
		v->head += head.n_samples;
		where.samples = head.n_samples;
	}
	v->damaged_bytes += rec->bytes;
	struct finding *f = verify_note(v, &where,
					"a batch whose checksum holds cannot be decoded; "
					"keep a copy of the log and report it");
	v->open = known ? NULL : f;
}

static int take_batch(struct verify *v, const struct verify_file *file, uint64_t at,
		      const struct record *rec, struct frame_states *states, uint64_t *undecodable)
{
	struct batch_head head;
	uint32_t lost;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(BATCH_BYTES_MAX);
	if (!b)
		return ERR_NOMEM;
	int r = batch_decode(rec->payload, states, b, &head, &lost);
	if (r > 0)
		broken_batch(v, file, at, rec);
	if (r != 0)
		return r < 0 ? r : 0;
	meet_sequence(v, file, at, head.sequence);
	if (lost > 0)
		gap_add(v, v->head, v->head + lost);
	*undecodable += lost;
	/* As a reader sees it: what cannot be decoded is missing before the rest. */
	verify_count(v, b, head.sequence + lost);
	check_labels(v, b);
	v->head += head.n_samples;
	v->batches++;
	v->samples += b->n_samples;
	return 0;
}

static void note_leap(struct verify *v, const struct verify_file *file, uint64_t at, bool booked)
{
	struct finding_at where = {booked,  booked ? "passed_over" : "gap", file->name, at, 0,
				   v->leapt};
	verify_note(
		v, &where, "%" PRIu64 " numbers were left out between segments: %s", v->leapt,
		booked ? "the newest part of the log had been lost after it was sent"
		       : "records at the end of one, or a whole one, are missing; " DAMAGE_ADVICE);
	v->leapt = 0;
}

static void take_ledger(struct verify *v, const struct verify_file *file, uint64_t at,
			const struct record *rec)
{
	struct wal_ledger l;
	uint64_t sequence;
	const char *what;
	struct finding_at where = {false, "ledger", file->name, at, rec->bytes, 0};
	if (ledger_decode(rec->payload, &l, &sequence)) {
		verify_note(v, &where,
			    "a ledger record whose checksum holds cannot be decoded; "
			    "the one before it counts");
		return;
	}
	meet_sequence(v, file, at, sequence);
	if (v->has_ledger && !ledger_follows(&v->ledger, &l, &what))
		verify_note(v, &where,
			    "sums of what was refused are lower than before (%s); "
			    "was a part of the log put back from a copy?",
			    what);
	if (v->leapt > 0)
		note_leap(v, file, at,
			  !v->has_ledger || l.passed_over - v->ledger.passed_over >= v->leapt);
	v->ledger = l;
	v->has_ledger = true;
}

static int take_record(struct verify *v, const struct verify_file *file, uint64_t at,
		       const struct record *rec, struct frame_states *states, uint64_t *undecodable)
{
	struct finding_at where = {false, "record", file->name, at, rec->bytes, 0};
	switch (rec->type) {
	case RECORD_BATCH:
		return take_batch(v, file, at, rec, states, undecodable);
	case RECORD_LEDGER:
		take_ledger(v, file, at, rec);
		return 0;
	default:
		verify_note(v, &where, "a record of type %d does not belong into a segment",
			    rec->type);
		return 0;
	}
}

static int read_segment(struct verify *v, struct verify_file *file, bool newest)
{
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct file_header h;
	struct record rec;
	bool good;
	uint64_t at, end = FILE_HEADER_BYTES, undecodable = 0;
	int e;
	check_header(v, file, FILE_SEGMENT, &h, &good, newest);
	if (good)
		meet_segment(v, file, &h);
	begin(&r, file);
	while ((e = reader_next(&r, &rec, &at)) == 0) {
		if (at > end)
			note_damage(v, file, &r, end, at, newest);
		verify_boundary(v, file->number, at, v->head);
		if (take_record(v, file, at, &rec, &states, &undecodable) < 0)
			return ERR_NOMEM;
		end = at + rec.bytes;
	}
	verify_boundary(v, file->number, end, v->head);
	if (file->size > end)
		note_damage(v, file, &r, end, file->size, newest);
	struct finding_at where = {false, "undecodable", file->name, 0, 0, undecodable};
	if (undecodable > 0)
		verify_note(v, &where,
			    "%" PRIu64 " samples after damage stand against values that "
			    "it took; " DAMAGE_ADVICE,
			    undecodable);
	return e < 0 ? e : 0;
}

int verify_read_segments(struct verify *v)
{
	for (size_t i = 0; i < v->segments.n; i++) {
		int r = read_segment(v, &v->segments.v[i], i + 1 == v->segments.n);
		if (r < 0)
			return r;
	}
	if (v->leapt > 0)
		note_leap(v, &v->segments.v[v->segments.n - 1], 0, false);
	for (size_t i = 0; i < v->n_frames; i++) {
		const struct verify_frame *f = &v->frames[i];
		struct finding_at where = {false, "definitions", NULL, 0, 0, f->nameless};
		if (f->nameless > 0)
			verify_note(v, &where,
				    "%" PRIu64 " samples of frame %" PRIu32 " have no labels: they "
				    "are counted as dropped{labels_lost}",
				    f->nameless, f->frame);
	}
	return 0;
}
