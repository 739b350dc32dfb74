/* A log with one byte wrong, for every byte, and cut off, at every length.
 *
 * Each time it opens, a cursor reads to its end, and what it gives is as it was written: missing is
 * only what was damaged and what depends on it, and all that is missing was counted. Labels are
 * right or not there.
 *
 * Which part of that is done is the program's argument, so that they run beside each other.
 */
#include "side.h"

#include "../../../src/wal/codec.h"

#include <dirent.h>

enum { BATCHES = 14, FRAMES = 4, FILES_MAX = 16, FILE_BYTES = 1 << 14 };

static const char *part;

struct file {
	char name[64];
	char bytes[FILE_BYTES];
	size_t n;
};

struct sample_log {
	struct fixture fx;
	struct file files[FILES_MAX];
	size_t n_files;
	struct batch *batches[BATCHES];
	unsigned n_batches;
	struct wal_pos tail;
	uint64_t end;                    /* sequence after the last sample */
	uint16_t slots[FRAMES + 1];      /* of each frame */
	char labels[FRAMES + 1][32][64]; /* as text */
};

/* ---- writing it ---- */

static void add_rows(struct batch *b, unsigned k)
{
	struct batch_row *v = arena_calloc(&b->arena, 3, sizeof *v);
	for (unsigned i = 0; i < 3; i++)
		v[i] = (struct batch_row){3, (uint16_t)i, 500 + k * 10 + i,
					  bits_of_double(k + i / 4.0)};
	b->rows = v;
	b->n_rows = 3;
}

static void add_metadata(struct batch *b)
{
	struct batch_metadata *m = arena_calloc(&b->arena, 1, sizeof *m);
	*m = (struct batch_metadata){METRIC_COUNTER, SV("f1"), SV("what it counts"), SV("bytes")};
	b->metadata = m;
	b->n_metadata = 1;
}

static void add_side(struct batch *b, unsigned k)
{
	side_add_histogram(b, side_simple(&b->arena, 4, 0, b->t_ms, k));
	struct batch_exemplar *e = arena_calloc(&b->arena, 1, sizeof *e);
	*e = (struct batch_exemplar){1, 2, b->t_ms - 1, bits_of_double(k), LABELS_NULL};
	e->labels = fx_labels(&b->arena, "trace", k);
	b->exemplars = e;
	b->n_exemplars = 1;
	struct batch_start *s = arena_calloc(&b->arena, 1, sizeof *s);
	*s = (struct batch_start){1, 0, 400};
	b->starts = s;
	b->n_starts = 1;
}

static struct batch *sample_batch(unsigned k)
{
	struct batch *b = fx_empty(1, 1000 + k);
	if (k == 0) {
		fx_define_owner(b);
		fx_define(b, 1, 0, 9);
		fx_define(b, 2, 0, 4);
		fx_define(b, 3, 0, 3);
		fx_define(b, 4, 0, 1);
	}
	if (k == 5)
		fx_define(b, 2, 4, 3);
	struct batch_column *c = fx_column(b, 1, 9, 10.0 * k);
	for (unsigned i = 0; i < 4; i++)
		c->values[i] = bits_of_double(i + 0.5);
	if (k % 3 == 1)
		c->present[0] &= ~UINT64_C(4);
	if (k % 2 == 0)
		fx_column(b, 2, k < 5 ? 4 : 7, k * 0.25);
	if (k % 4 == 1)
		add_rows(b, k);
	if (k % 5 == 2)
		add_metadata(b);
	if (k % 3 == 2)
		add_side(b, k);
	return b;
}

static void load_files(struct sample_log *l)
{
	char path[200];
	fx_path(&l->fx, path, sizeof path, "");
	DIR *d = opendir(path);
	assert_non_null(d);
	l->n_files = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		assert_true(l->n_files < FILES_MAX);
		struct file *f = &l->files[l->n_files++];
		snprintf(f->name, sizeof f->name, "%s", e->d_name);
		fx_path(&l->fx, path, sizeof path, f->name);
		FILE *in = fopen(path, "rb");
		assert_non_null(in);
		f->n = fread(f->bytes, 1, sizeof f->bytes, in);
		assert_true(f->n < sizeof f->bytes);
		fclose(in);
	}
	closedir(d);
}

static void put_file(struct sample_log *l, const char *name, const char *bytes, size_t n)
{
	char path[200];
	fx_path(&l->fx, path, sizeof path, name);
	FILE *out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(out);
}

/* As it was written, without what opening it left. */
static void restore(struct sample_log *l)
{
	char path[200];
	fx_path(&l->fx, path, sizeof path, "");
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d));) {
		fx_path(&l->fx, path, sizeof path, e->d_name);
		if (e->d_name[0] != '.')
			remove(path);
	}
	closedir(d);
	for (size_t i = 0; i < l->n_files; i++)
		put_file(l, l->files[i].name, l->files[i].bytes, l->files[i].n);
}

struct note {
	struct sample_log *l;
	uint32_t frame;
	bool check;
};

static void note_labels(void *cls, uint16_t slot, struct labels labels)
{
	struct note *n = cls;
	char text[64];
	struct sv name = labels_get(labels, SV("__name__")), i = labels_get(labels, SV("i"));
	snprintf(text, sizeof text, "%.*s %.*s", SV_ARG(name), SV_ARG(i));
	assert_true(slot < 32);
	if (n->check)
		assert_string_equal(text, n->l->labels[n->frame][slot]);
	else
		snprintf(n->l->labels[n->frame][slot], sizeof text, "%s", text);
}

static void sample_init(struct sample_log *l)
{
	*l = (struct sample_log){0};
	fx_init(&l->fx);
	if (access("/dev/shm", W_OK) == 0) {
		fx_remove(l->fx.dir);
		snprintf(l->fx.dir, sizeof l->fx.dir, "/dev/shm/ampagent-wal-XXXXXX");
		assert_non_null(mkdtemp(l->fx.dir));
		l->fx.opt.dir = sv_of(l->fx.dir);
	}
	l->fx.opt.segment_bytes = 450;
	fx_open(&l->fx);
	l->tail = wal_tail(l->fx.w);
	wal_hold(l->fx.w, SV("d"), l->tail);
	for (unsigned k = 0; k < BATCHES; k++) {
		fx_put(&l->fx, sample_batch(k));
		assert_int_equal(wal_flush(l->fx.w, false), 0);
		if (k == 3 || k == 8)
			assert_int_equal(wal_position_store(l->fx.w, SV("d"),
							    k == 3 ? SV("three") : SV("eight"),
							    NULL),
					 0);
	}
	wal_frame_retire(l->fx.w, 4);
	fx_close(&l->fx);
	load_files(l);
}

static void sample_deinit(struct sample_log *l)
{
	for (unsigned i = 0; i < l->n_batches; i++)
		batch_unref(l->batches[i]);
	fx_remove(l->fx.dir);
}

/* ---- reading it ---- */

/* What was written, as the undamaged log gives it. */
static void read_all(struct sample_log *l)
{
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped;
	l->fx.opt.durability = WAL_DURABILITY_NONE;
	fx_open(&l->fx);
	assert_int_equal(wal_cursor_new(l->fx.w, l->tail, &c, &skipped), 0);
	while (wal_cursor_next(c, &b, &skipped) == 0) {
		assert_int_equal(skipped, 0);
		l->end = b->end.sequence;
		l->batches[l->n_batches++] = b;
	}
	wal_cursor_free(c);
	assert_int_equal(l->n_batches, BATCHES);
	assert_true(l->batches[BATCHES - 1]->pos.segment >= 3);
	for (uint32_t f = 1; f <= FRAMES; f++)
		l->slots[f] =
			wal_frame_labels(l->fx.w, f, 0, note_labels, &(struct note){l, f, false});
	fx_close(&l->fx);
	restore(l);
}

static void same_column(const struct batch_column *a, const struct batch *want)
{
	const struct batch_column *b = NULL;
	for (size_t i = 0; i < want->n_columns; i++)
		if (want->columns[i].frame == a->frame)
			b = &want->columns[i];
	assert_non_null(b);
	assert_int_equal(a->n_slots, b->n_slots);
	assert_memory_equal(a->present, b->present, sizeof a->present);
	for (unsigned i = 0; i < a->n_slots; i++)
		if (a->present[i / 64] >> (i % 64) & 1)
			assert_true(a->values[i] == b->values[i]);
}

/* As written, but that columns and rows may be missing. */
static void same_batch(const struct batch *a, const struct batch *b)
{
	assert_int_equal(a->t_ms, b->t_ms);
	assert_int_equal(a->owner, b->owner);
	assert_int_equal(a->end.sequence, b->end.sequence);
	for (size_t i = 0; i < a->n_columns; i++)
		same_column(&a->columns[i], b);
	assert_true(a->n_rows == 0 || a->n_rows == b->n_rows);
	for (size_t i = 0; i < a->n_rows; i++)
		assert_true(a->rows[i].frame == b->rows[i].frame &&
			    a->rows[i].slot == b->rows[i].slot &&
			    a->rows[i].t_ms == b->rows[i].t_ms &&
			    a->rows[i].bits == b->rows[i].bits);
	side_assert_same(a, b);
	assert_int_equal(a->n_metadata, b->n_metadata);
	for (size_t i = 0; i < a->n_metadata; i++)
		assert_true(sv_eq(a->metadata[i].help, b->metadata[i].help) &&
			    sv_eq(a->metadata[i].unit, b->metadata[i].unit) &&
			    sv_eq(a->metadata[i].family, b->metadata[i].family) &&
			    a->metadata[i].type == b->metadata[i].type);
}

struct seen {
	bool there[BATCHES];
	uint64_t samples_of[BATCHES];
	uint64_t samples, skipped;
};

static void read_damaged(struct sample_log *l, struct seen *s)
{
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped;
	*s = (struct seen){0};
	assert_int_equal(wal_cursor_new(l->fx.w, l->tail, &c, &skipped), 0);
	s->skipped = skipped;
	while (wal_cursor_next(c, &b, &skipped) == 0) {
		unsigned k = (unsigned)(b->t_ms - 1000);
		assert_true(k < BATCHES && !s->there[k]);
		s->there[k] = true;
		same_batch(b, l->batches[k]);
		s->samples_of[k] = b->n_samples;
		s->samples += b->n_samples;
		s->skipped += skipped;
		batch_unref(b);
	}
	/* What is missing at the end is told by where the cursor stands. */
	s->skipped += wal_cursor_pos(c).sequence - (s->samples + s->skipped) - l->tail.sequence;
	wal_cursor_free(c);
}

static void check_labels(struct sample_log *l, bool all)
{
	for (uint32_t f = 1; f <= FRAMES; f++) {
		uint16_t n =
			wal_frame_labels(l->fx.w, f, 0, note_labels, &(struct note){l, f, true});
		assert_true(n <= l->slots[f]);
		if (all)
			assert_int_equal(n, l->slots[f]);
	}
}

/* The next scrape defines anew what was lost: whatever it is given, it is read back so. */
static void check_goes_on(struct sample_log *l)
{
	uint32_t frame = wal_next_frame(l->fx.w);
	uint64_t skipped, head = wal_head(l->fx.w).sequence;
	struct wal_cursor *c;
	assert_true(frame > 3);
	assert_int_equal(wal_cursor_new(l->fx.w, wal_head(l->fx.w), &c, &skipped), 0);
	struct batch *b = fx_empty(wal_next_owner(l->fx.w), 5000), *got;
	fx_define_owner(b);
	fx_define(b, frame, 0, 2);
	fx_column(b, frame, 2, 1);
	fx_put(&l->fx, b);
	assert_int_equal(wal_flush(l->fx.w, false), 0);
	assert_int_equal(wal_cursor_next(c, &got, &skipped), 0);
	assert_int_equal(got->pos.sequence, head);
	batch_unref(got);
	wal_cursor_free(c);
}

/* How many samples of a batch are left when what is told of these frames cannot be understood. */
static uint64_t samples_without(const struct batch *b, const bool lost[FRAMES + 1])
{
	uint64_t n = b->n_histograms;
	for (size_t i = 0; i < b->n_columns; i++)
		n += lost[b->columns[i].frame] ? 0 : b->columns[i].n_present;
	for (size_t i = 0; i < b->n_rows; i++)
		n += !lost[b->rows[i].frame];
	return n;
}

static void add_frames(const struct batch *b, bool lost[FRAMES + 1])
{
	for (size_t i = 0; i < b->n_columns; i++)
		lost[b->columns[i].frame] = true;
	for (size_t i = 0; i < b->n_rows; i++)
		lost[b->rows[i].frame] = true;
}

/* The batches that are hit are gone, and what later ones of the segment tell of their frames. */
static void check_missing(const struct sample_log *l, const struct seen *s, const char *name,
			  size_t at, size_t n)
{
	bool lost[FRAMES + 1] = {false};
	uint64_t segment = 0;
	sscanf(name, "seg-%" SCNu64, &segment);
	for (unsigned k = 0; k < BATCHES; k++) {
		const struct batch *b = l->batches[k];
		bool damaged = b->pos.segment == segment;
		bool hit = damaged && b->pos.offset < at + n && b->end.offset > at;
		uint64_t want = hit ? 0 : damaged ? samples_without(b, lost) : b->n_samples;
		if (hit)
			add_frames(b, lost);
		if (s->samples_of[k] != want)
			fail_msg("%s at %zu: batch %u has %" PRIu64 " samples, not %" PRIu64, name,
				 at, k, s->samples_of[k], want);
		assert_true(hit ? !s->there[k] : s->there[k] || want == 0);
	}
}

static void check_position(struct sample_log *l, const char *name)
{
	_cleanup_(buf_deinit) struct buf text;
	buf_init(&text, 1 << 16);
	bool newest = strncmp(name, "pos-", 4) == 0 && !strstr(name, ".old");
	assert_int_equal(wal_position_load(l->fx.w, SV("d"), &text, NULL), 0);
	assert_true(sv_eq(buf_view(&text), newest ? SV("three") : SV("eight")));
}

/* Opens the log with this content of file f. Damage lies from byte `at` on, `n` bytes. */
static void check(struct sample_log *l, const struct file *f, size_t at, size_t n)
{
	struct seen s;
	struct wal_stats st;
	fx_open(&l->fx);
	read_damaged(l, &s);
	assert_int_equal(s.samples + s.skipped, l->end - l->tail.sequence);
	assert_int_equal(wal_head(l->fx.w).sequence, l->end);
	bool is_def = strncmp(f->name, "def-", 4) == 0;
	check_labels(l, !is_def);
	check_missing(l, &s, f->name, at, n);
	check_position(l, f->name);
	wal_stats_get(l->fx.w, &st);
	if (is_def && n == 1)
		assert_true(st.repaired_bytes > 0 || at < FILE_HEADER_BYTES);
	check_goes_on(l);
	fx_close(&l->fx);
}

static bool mine(const char *name)
{
	return (strncmp(name, "seg-", 4) == 0) == (strstr(part, "segments") != NULL);
}

static void one_wrong_byte(void **state)
{
	static struct sample_log l;
	unsigned cases = 0;
	sample_init(&l);
	read_all(&l);
	for (size_t i = 0; i < l.n_files; i++) {
		struct file *f = &l.files[i];
		for (size_t at = 0; at < f->n && mine(f->name); at++) {
			const unsigned char flips[] = {
				(unsigned char)(1 << at % 8), 0xff, 0x03, 0x80, 0x10, 0x7f};
			for (size_t k = 0; k < (at < 64 ? sizeof flips : 2); k++) {
				f->bytes[at] ^= (char)flips[k];
				put_file(&l, f->name, f->bytes, f->n);
				check(&l, f, at, 1);
				f->bytes[at] ^= (char)flips[k];
				restore(&l);
				cases++;
			}
		}
	}
	print_message("%u cases\n", cases);
	assert_true(cases > 300);
	sample_deinit(&l);
}

static void every_length(void **state)
{
	static struct sample_log l;
	unsigned cases = 0;
	sample_init(&l);
	read_all(&l);
	for (size_t i = 0; i < l.n_files; i++) {
		const struct file *f = &l.files[i];
		for (size_t n = 0; n < f->n && mine(f->name); n++) {
			put_file(&l, f->name, f->bytes, n);
			check(&l, f, n, f->n - n);
			restore(&l);
			cases++;
		}
	}
	print_message("%u cases\n", cases);
	assert_true(cases > 300);
	sample_deinit(&l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest wrong[] = {cmocka_unit_test(one_wrong_byte)};
	const struct CMUnitTest cut[] = {cmocka_unit_test(every_length)};
	if (argc != 2)
		return 2;
	part = argv[1];
	return strncmp(part, "bytes", 5) == 0 ? cmocka_run_group_tests(wrong, NULL, NULL)
					      : cmocka_run_group_tests(cut, NULL, NULL);
}
