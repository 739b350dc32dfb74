/* What was there when the log is opened: the list of segments, the head, a torn end. */
#include <ampagent/base/clock.h>
#include <errno.h>
#include <sys/stat.h>

#include "batch_codec.h"
#include "log.h"
#include "reader.h"

enum {
	/* Segments begun within this time, and the one before them, are read for the state of
	 * series: older series would get no staleness markers any more. */
	RECENT_MS = 10 * 60 * 1000,
	/* How long a producer may ask for that state. */
	RECENT_KEPT_MS = 15 * 60 * 1000,
	BATCH_BYTES_MAX = WAL_RECORD_BYTES * 2,
	NOT_A_SEGMENT = 2, /* neither header nor record */
};

struct found {
	struct wal *w;
	int r;
};

static void add_segment(void *cls, const char *name)
{
	struct found *f = cls;
	struct segment s = {0};
	if (f->r == 0 && store_number(name, FILE_SEGMENT, &s.number) == 0)
		f->r = segment_add(f->w, &s);
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* A segment without a header is known by its first whole record. 0; 1 when there is none either. */
static int identify(struct reader *r, struct segment *s)
{
	struct record rec;
	struct batch_head head;
	uint64_t at;
	int e;
	while ((e = reader_next(r, &rec, &at)) == 0)
		if (rec.type == RECORD_BATCH && batch_head_get(rec.payload, &head) == 0) {
			s->first = head.sequence;
			s->created_ms = head.t_ms;
			return 0;
		}
	return e;
}

/* A reader at the segment's first record: 0, or 1 with the reason. */
static int open_segment(struct wal *w, struct segment *s, struct reader *r, struct err *err)
{
	char name[STORE_NAME_MAX];
	struct stat st;
	int fd = store_open(&w->store, store_name(name, FILE_SEGMENT, s->number));
	if (fd < 0)
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	reader_init(r, fd, FILE_HEADER_BYTES, 0);
	if (fstat(fd, &st) != 0)
		return err_set(err, 1, "%s: %s", name, strerror(errno));
	s->size = r->limit = (uint64_t)st.st_size;
	return 0;
}

static uint32_t at_least(uint32_t v, uint32_t min)
{
	return v > min ? v : min;
}

static int load_header(struct wal *w, struct segment *s, struct err *err)
{
	uint8_t raw[FILE_HEADER_BYTES];
	struct file_header h;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	int e = open_segment(w, s, &r, err);
	if (e)
		return e;
	ssize_t n = read_at(r.fd, raw, sizeof raw, 0);
	if (n < 0 || file_header_get(raw, (size_t)n, FILE_SEGMENT, &h)) {
		w->stats.repaired_bytes += n > 0 ? (uint64_t)n : 0;
		e = identify(&r, s);
		return e > 0 ? NOT_A_SEGMENT : e;
	}
	s->first = h.sequence;
	s->created_ms = h.created_ms;
	w->defs.next_frame = at_least(h.next_frame, w->defs.next_frame);
	w->defs.next_owner = at_least(h.next_owner, w->defs.next_owner);
	return 0;
}

static void note_frame(struct wal *w, uint32_t frame)
{
	w->defs.next_frame = at_least(frame + 1, w->defs.next_frame);
}

/* Numbers that a batch uses are taken, even when their definitions were lost. */
static void note_numbers(struct wal *w, const struct batch *b)
{
	w->defs.next_owner = at_least(b->owner + 1, w->defs.next_owner);
	for (size_t i = 0; i < b->n_columns; i++)
		note_frame(w, b->columns[i].frame);
	for (size_t i = 0; i < b->n_rows; i++)
		note_frame(w, b->rows[i].frame);
	for (size_t i = 0; i < b->n_histograms; i++)
		note_frame(w, b->histograms[i].frame);
	for (size_t i = 0; i < b->n_exemplars; i++)
		note_frame(w, b->exemplars[i].frame);
}

/* Only how many samples a record has. */
static int note_sequence(const struct record *rec, struct frame_states *states, struct wal_pos *end)
{
	struct batch_head head;
	frame_states_deinit(states);
	if (batch_head_get(rec->payload, &head) == 0 &&
	    head.sequence + head.n_samples > end->sequence)
		end->sequence = head.sequence + head.n_samples;
	return 0;
}

static int scan_record(struct wal *w, const struct record *rec, struct frame_states *states,
		       struct wal_pos *end)
{
	struct batch_head head;
	uint32_t lost;
	/* More memory than there is now may have written this: what does not fit is not known of
	 * the series in it, but how many samples it has. */
	size_t max = budget_fair(0, BATCH_BYTES_MAX);
	_cleanup_(batch_unrefp) struct batch *b = batch_new(max);
	if (!b)
		return ERR_NOMEM;
	int r = batch_decode(rec->payload, states, b, &head, &lost);
	if (r == ERR_NOMEM && max < BATCH_BYTES_MAX)
		return note_sequence(rec, states, end);
	if (r)
		return r < 0 ? r : 0;
	if (states->bytes > budget_fair(states->bytes, SIZE_MAX))
		frame_states_deinit(states);
	if (head.sequence + head.n_samples > end->sequence)
		end->sequence = head.sequence + head.n_samples;
	note_numbers(w, b);
	return recent_note(&w->recent, b);
}

/* The newest one wins; one that cannot be read is as good as none. */
static void take_ledger(struct wal *w, const struct record *rec)
{
	struct wal_ledger l;
	uint64_t sequence;
	if (ledger_decode(rec->payload, &l, &sequence) == 0)
		w->ledger = l;
}

/* Reads all of a segment; *end is the place after its last whole record. */
static int scan(struct wal *w, struct reader *r, struct wal_pos *end)
{
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	states.part = BUDGET_SERIES;
	struct record rec;
	uint64_t at;
	int e;
	while ((e = reader_next(r, &rec, &at)) == 0) {
		int failed = rec.type == RECORD_BATCH ? scan_record(w, &rec, &states, end) : 0;
		if (rec.type == RECORD_LEDGER)
			take_ledger(w, &rec);
		if (failed)
			return failed;
	}
	end->offset = r->end;
	w->stats.repaired_bytes += r->skipped;
	return e < 0 ? e : 0;
}

static void forget_segment(struct wal *w, size_t i)
{
	char name[STORE_NAME_MAX];
	store_remove(&w->store, store_name(name, FILE_SEGMENT, w->segments[i].number));
	w->n_segments--;
	memmove(&w->segments[i], &w->segments[i + 1], (w->n_segments - i) * sizeof w->segments[0]);
}

/* The record that was being written: when its first bytes are there and its sequence is the one
 * that was due, they say how many samples it was to hold. */
static uint64_t torn_samples(int fd, struct wal_pos end, uint64_t size)
{
	uint8_t raw[128];
	struct batch_head head;
	size_t n = size - end.offset < sizeof raw ? (size_t)(size - end.offset) : sizeof raw;
	ssize_t got = read_at(fd, raw, n, end.offset);
	if (got <= RECORD_HEAD_BYTES || raw[0] != RECORD_MAGIC_0 || raw[1] != RECORD_MAGIC_1 ||
	    raw[2] != RECORD_BATCH)
		return 0;
	struct sv payload =
		sv_make((const char *)raw + RECORD_HEAD_BYTES, (size_t)got - RECORD_HEAD_BYTES);
	if (batch_head_get(payload, &head) || head.sequence != end.sequence)
		return 0;
	return head.n_samples;
}

/* Only the newest segment can be torn. One that has no whole record at all is of no use. */
static void repair_newest(struct wal *w, int fd, struct wal_pos end)
{
	struct segment *s = &w->segments[w->n_segments - 1];
	if (end.offset < s->size)
		w->torn = torn_samples(fd, end, s->size);
	if (end.offset <= FILE_HEADER_BYTES) {
		forget_segment(w, w->n_segments - 1);
		return;
	}
	if (end.offset < s->size && ftruncate(fd, (off_t)end.offset) == 0)
		s->size = end.offset;
}

static int load_records(struct wal *w, size_t i, struct err *err)
{
	struct segment *s = &w->segments[i];
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct wal_pos end = {s->number, 0, s->first};
	int e = open_segment(w, s, &r, err);
	/* What a killed process left in the page cache is shown from now on. Should it fail, what
	 * is missing after a power loss is counted as any damage. */
	if (e == 0 && i + 1 == w->n_segments && w->opt.durability != WAL_DURABILITY_NONE)
		fdatasync(r.fd);
	if (e == 0)
		e = scan(w, &r, &end);
	if (e)
		return e;
	if (end.sequence > w->head.sequence)
		w->head.sequence = end.sequence;
	if (i + 1 == w->n_segments)
		repair_newest(w, r.fd, end);
	return 0;
}

/* Of a segment that need not be read for anything else. */
static int load_ledger(struct wal *w, size_t i, struct err *err)
{
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct record rec;
	uint64_t at;
	int e = open_segment(w, &w->segments[i], &r, err);
	if (e)
		return e;
	while ((e = reader_next(&r, &rec, &at)) == 0)
		if (rec.type == RECORD_LEDGER)
			take_ledger(w, &rec);
	return e < 0 ? e : 0;
}

static size_t first_recent(const struct wal *w)
{
	int64_t since = clock_wall_ms() - RECENT_MS;
	size_t i = w->n_segments;
	while (i > 0 && w->segments[i - 1].created_ms >= since)
		i--;
	return i > 0 ? i - 1 : 0;
}

static int load_headers(struct wal *w, struct err *err)
{
	for (size_t i = 0; i < w->n_segments;) {
		int r = load_header(w, &w->segments[i], err);
		if (r == NOT_A_SEGMENT) {
			w->stats.repaired_bytes += w->segments[i].size;
			forget_segment(w, i);
			continue;
		}
		if (r)
			return r;
		i++;
	}
	return 0;
}

int segments_load(struct wal *w, struct err *err)
{
	struct found f = {w, 0};
	if (store_each(&w->store, add_segment, &f))
		return err_set(err, 1, "listing: %s", strerror(errno));
	if (f.r)
		return f.r;
	if (w->n_segments > 1)
		qsort(w->segments, w->n_segments, sizeof w->segments[0], compare_segments);
	w->min_segment = segments_next_number(w);
	w->recent.until_ms = clock_mono_ms() + RECENT_KEPT_MS;
	int r = load_headers(w, err);
	size_t n = w->n_segments;
	size_t recent = first_recent(w);
	for (size_t i = recent; i < n && r == 0; i++)
		r = load_records(w, i, err);
	while (r == 0 && w->ledger.n == 0 && recent > 0)
		r = load_ledger(w, --recent, err);
	return r ? r : recent_done(&w->recent);
}
