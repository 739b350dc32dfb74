/* A log directory as text. Read-only: takes no lock and repairs nothing, so it also works beside a
 * running agent, whose newest record may then be seen half-written.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/err.h>
#include <ampagent/base/number.h>
#include <ampagent/wal.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "batch_codec.h"
#include "defs.h"
#include "ledger.h"
#include "print_histogram.h"
#include "reader.h"

enum { BATCH_BYTES_MAX = WAL_RECORD_BYTES * 2, LABELS_TEXT_MAX = 1 << 20 };

struct names {
	char (*v)[STORE_NAME_MAX];
	size_t n, cap;
	bool failed;
};

struct printer {
	struct store store;
	struct defs defs; /* loaded for verbose */
	FILE *out;
	bool verbose;
	uint64_t segments, samples, damaged_bytes;
	uint64_t next_sequence; /* what the next record should begin with; 0 at first */
};

static void add_name(void *cls, const char *name)
{
	struct names *list = cls;
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 32;
		void *v = reallocarray(list->v, cap, sizeof list->v[0]);
		if (!v) {
			list->failed = true;
			return;
		}
		list->v = v;
		list->cap = cap;
	}
	snprintf(list->v[list->n++], STORE_NAME_MAX, "%s", name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* ---- samples ---- */

static void print_series(struct printer *p, uint32_t frame, unsigned slot, struct labels labels)
{
	_cleanup_(buf_deinit) struct buf text;
	buf_init(&text, LABELS_TEXT_MAX);
	if (labels.len > 0)
		labels_print(&text, labels);
	else
		buf_sv(&text, SV("(definition lost)"));
	fprintf(p->out, "    %" PRIu32 ":%u %.*s", frame, slot, SV_ARG(buf_view(&text)));
}

static void print_value(struct printer *p, uint64_t bits, int64_t t_ms)
{
	char value[NUMBER_MAX] = "stale";
	if (bits != VALUE_STALE_BITS)
		number_format(value, double_of_bits(bits));
	fprintf(p->out, " %s %" PRId64, value, t_ms);
}

/* A column whose slots are printed as their labels come. */
struct column_print {
	struct printer *p;
	const struct batch_column *c;
	int64_t t_ms;
	unsigned next;
};

static void print_column_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct column_print *cp = cls;
	const struct batch_column *c = cp->c;
	cp->next = slot + 1U;
	if (slot >= c->n_slots || !(c->present[slot / 64] >> (slot % 64) & 1))
		return;
	print_series(cp->p, c->frame, slot, labels);
	print_value(cp->p, c->values[slot], cp->t_ms);
	fputc('\n', cp->p->out);
}

static void print_column(struct printer *p, const struct batch_column *c, int64_t t_ms)
{
	struct column_print cp = {p, c, t_ms, 0};
	defs_labels(&p->defs, c->frame, 0, print_column_slot, &cp);
	while (cp.next < c->n_slots)
		print_column_slot(&cp, (uint16_t)cp.next, LABELS_NULL);
}

/* One slot's line begins with its series. */
struct slot_print {
	struct printer *p;
	uint32_t frame;
	uint16_t slot;
	bool done;
};

static void print_one_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct slot_print *sp = cls;
	if (slot != sp->slot || sp->done)
		return;
	print_series(sp->p, sp->frame, slot, labels);
	sp->done = true;
}

static void print_slot(struct printer *p, uint32_t frame, uint16_t slot)
{
	struct slot_print sp = {p, frame, slot, false};
	defs_labels(&p->defs, frame, slot, print_one_slot, &sp);
	print_one_slot(&sp, slot, LABELS_NULL);
}

static void print_side_lists(struct printer *p, const struct batch *b)
{
	for (size_t i = 0; i < b->n_histograms; i++) {
		const struct batch_histogram *h = &b->histograms[i];
		print_slot(p, h->frame, h->slot);
		wal_print_histogram(p->out, &h->h);
		fprintf(p->out, " %" PRId64 "\n", h->t_ms);
	}
	for (size_t i = 0; i < b->n_exemplars; i++) {
		const struct batch_exemplar *e = &b->exemplars[i];
		_cleanup_(buf_deinit) struct buf text;
		buf_init(&text, LABELS_TEXT_MAX);
		labels_print(&text, e->labels);
		print_slot(p, e->frame, e->slot);
		fprintf(p->out, " # %.*s", SV_ARG(buf_view(&text)));
		print_value(p, e->bits, e->t_ms);
		fputc('\n', p->out);
	}
	for (size_t i = 0; i < b->n_starts; i++) {
		print_slot(p, b->starts[i].frame, b->starts[i].slot);
		fprintf(p->out, " since %" PRId64 "\n", b->starts[i].start_ms);
	}
}

static void print_samples(struct printer *p, const struct batch *b)
{
	for (size_t i = 0; i < b->n_columns; i++)
		print_column(p, &b->columns[i], b->t_ms);
	for (size_t i = 0; i < b->n_rows; i++) {
		print_slot(p, b->rows[i].frame, b->rows[i].slot);
		print_value(p, b->rows[i].bits, b->rows[i].t_ms);
		fputc('\n', p->out);
	}
	print_side_lists(p, b);
	for (size_t i = 0; i < b->n_metadata; i++)
		fprintf(p->out, "    metadata %.*s %s\n", SV_ARG(b->metadata[i].family),
			metric_type_name(b->metadata[i].type));
}

/* ---- segments ---- */

static int print_batch(struct printer *p, const struct record *rec, uint64_t segment, uint64_t at,
		       struct frame_states *states)
{
	struct batch_head h;
	uint32_t lost;
	char when[RFC3339_MAX];
	_cleanup_(batch_unrefp) struct batch *b = batch_new(BATCH_BYTES_MAX);
	if (!b)
		return ERR_NOMEM;
	int r = batch_decode(rec->payload, states, b, &h, &lost);
	if (r < 0)
		return r;
	if (r > 0) {
		fprintf(p->out, "  %" PRIu64 ":%" PRIu64 " broken batch, %zu bytes\n", segment, at,
			rec->bytes);
		return 0;
	}
	if (p->next_sequence != 0 && h.sequence != p->next_sequence)
		fprintf(p->out, "  gap: sequence %" PRIu64 " follows %" PRIu64 "\n", h.sequence,
			p->next_sequence);
	p->next_sequence = h.sequence + h.n_samples;
	p->samples += h.n_samples;
	fprintf(p->out,
		"  %" PRIu64 ":%" PRIu64 " sequence=%" PRIu64 " time=%s owner=%" PRIu32
		" samples=%" PRIu32 " columns=%" PRIu32 " rows=%" PRIu32 " metadata=%" PRIu32
		" bytes=%zu",
		segment, at, h.sequence, clock_format_rfc3339(when, h.t_ms), h.owner, h.n_samples,
		h.n_columns, h.n_rows, h.n_metadata, rec->bytes);
	if (h.n_histograms > 0 || h.n_exemplars > 0 || h.n_starts > 0)
		fprintf(p->out, " histograms=%" PRIu32 " exemplars=%" PRIu32 " starts=%" PRIu32,
			h.n_histograms, h.n_exemplars, h.n_starts);
	if (lost > 0)
		fprintf(p->out, " undecodable=%" PRIu32, lost);
	fputc('\n', p->out);
	if (p->verbose)
		print_samples(p, b);
	return 0;
}

static void print_ledger(struct printer *p, const struct record *rec, uint64_t segment, uint64_t at)
{
	struct wal_ledger l;
	uint64_t sequence;
	char when[RFC3339_MAX];
	fprintf(p->out, "  %" PRIu64 ":%" PRIu64 " ledger ", segment, at);
	if (ledger_decode(rec->payload, &l, &sequence)) {
		fprintf(p->out, "broken, %zu bytes\n", rec->bytes);
		return;
	}
	fprintf(p->out, "sequence=%" PRIu64 " since=%s base=%" PRIu64 " passed_over=%" PRIu64,
		sequence, clock_format_rfc3339(when, l.since_ms), l.base, l.passed_over);
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].scrapes > 0 || l.v[i].samples > 0)
			fprintf(p->out, " %s=%" PRIu64 "/%" PRIu64, l.v[i].reason, l.v[i].scrapes,
				l.v[i].samples);
	fputc('\n', p->out);
}

static void print_damage(struct printer *p, const char *name, const struct reader *r)
{
	if (r->skipped == 0)
		return;
	uint64_t size = r->offset;
	if (size - r->end == r->skipped)
		fprintf(p->out, "  %s: %" PRIu64 " bytes after the last whole record\n", name,
			r->skipped);
	else
		fprintf(p->out, "  %s: %" PRIu64 " damaged bytes skipped\n", name, r->skipped);
	p->damaged_bytes += r->skipped;
}

static int print_segment(struct printer *p, const char *name, uint64_t number)
{
	_cleanup_(frame_states_deinit) struct frame_states states = FRAME_STATES_NULL;
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	uint8_t raw[FILE_HEADER_BYTES];
	struct file_header h;
	struct stat st;
	char when[RFC3339_MAX];
	int fd = store_open(&p->store, name);
	/* Deleted since it was listed. */
	if (fd < 0)
		return 0;
	reader_init(&r, fd, FILE_HEADER_BYTES, 0);
	if (fstat(fd, &st) == 0)
		r.limit = (uint64_t)st.st_size;
	ssize_t n = read_at(fd, raw, sizeof raw, 0);
	p->segments++;
	if (n >= 0 && file_header_get(raw, (size_t)n, FILE_SEGMENT, &h) == 0)
		fprintf(p->out, "%s: %" PRIu64 " bytes, created %s, first sequence %" PRIu64 "\n",
			name, r.limit, clock_format_rfc3339(when, h.created_ms), h.sequence);
	else
		fprintf(p->out, "%s: %" PRIu64 " bytes, header damaged\n", name, r.limit);
	struct record rec;
	uint64_t at;
	int e;
	while ((e = reader_next(&r, &rec, &at)) == 0) {
		int failed =
			rec.type == RECORD_BATCH ? print_batch(p, &rec, number, at, &states) : 0;
		if (rec.type == RECORD_LEDGER)
			print_ledger(p, &rec, number, at);
		if (failed)
			return failed;
	}
	print_damage(p, name, &r);
	return e < 0 ? e : 0;
}

/* ---- definitions ---- */

static int print_defs(struct printer *p, const char *name)
{
	_cleanup_(reader_deinit) struct reader r = READER_NULL;
	struct stat st;
	int fd = store_open(&p->store, name);
	if (fd < 0)
		return 0;
	reader_init(&r, fd, FILE_HEADER_BYTES, 0);
	if (fstat(fd, &st) == 0)
		r.limit = (uint64_t)st.st_size;
	uint64_t at, owners = 0, records = 0, slots = 0, retired = 0;
	struct record rec;
	int e;
	while ((e = reader_next(&r, &rec, &at)) == 0) {
		struct def_pending d;
		if (def_record_get(&rec, &d))
			continue;
		owners += d.type == RECORD_OWNER;
		records += d.type == RECORD_FRAME;
		slots += d.type == RECORD_FRAME ? d.n : 0;
		retired += d.type == RECORD_RETIRED;
	}
	fprintf(p->out,
		"%s: %" PRIu64 " bytes, %" PRIu64 " owners, %" PRIu64 " slots in %" PRIu64
		" frame records, %" PRIu64 " retired\n",
		name, r.limit, owners, slots, records, retired);
	print_damage(p, name, &r);
	return e < 0 ? e : 0;
}

static void print_position(struct printer *p, const char *name)
{
	struct stat st;
	_cleanup_(close_fdp) int fd = store_open(&p->store, name);
	if (fd >= 0 && fstat(fd, &st) == 0)
		fprintf(p->out, "%s: %lld bytes\n", name, (long long)st.st_size);
}

/* ---- all of it ---- */

static int print_file(struct printer *p, const char *name)
{
	uint64_t number;
	if (store_number(name, FILE_DEFS, &number) == 0)
		return print_defs(p, name);
	if (store_number(name, FILE_SEGMENT, &number) == 0)
		return print_segment(p, name, number);
	if (sv_starts_with(sv_of(name), SV("pos-")))
		print_position(p, name);
	return 0;
}

static int print_all(struct printer *p, struct names *list)
{
	int r = p->verbose ? defs_load(&p->defs, 0, NULL) : 0;
	if (list->n > 1)
		qsort(list->v, list->n, sizeof list->v[0], compare_names);
	for (size_t i = 0; i < list->n && r >= 0; i++)
		r = print_file(p, list->v[i]);
	fprintf(p->out, "%" PRIu64 " segments, %" PRIu64 " samples, %" PRIu64 " damaged bytes\n",
		p->segments, p->samples, p->damaged_bytes);
	return r;
}

int wal_print(const char *dir, bool verbose, FILE *out, struct err *err)
{
	struct printer p = {.store = STORE_NULL, .out = out, .verbose = verbose};
	struct names list = {0};
	defs_init(&p.defs, &p.store);
	int r = store_open_look(&p.store, dir, err);
	if (r == 0 && (store_each(&p.store, add_name, &list) || list.failed))
		r = err_set(err, 1, "%s: %s", dir, strerror(errno));
	if (r == 0 && print_all(&p, &list) < 0)
		r = err_set(err, 1, "%s: out of memory", dir);
	free(list.v);
	defs_deinit(&p.defs);
	store_deinit(&p.store);
	return r;
}
