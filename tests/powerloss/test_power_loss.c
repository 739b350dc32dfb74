/* The power is cut after every single thing that the log does to its files.
 *
 * A child writes a log under preload.c and says on the way what it was told or saw. The journal is
 * then gone through: at each of its entries what the disk may hold is made, opened and read.
 * Nothing that is read may be wrong, and what the mode promises must be there.
 */
#include "../unit/wal/fixture.h"

#include "../../src/wal/defs.h"
#include "../../src/wal/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"

enum { BATCHES = 220, FRAMES_MAX = 200, SLOTS_MAX = 60 };
/* What the child says. */
enum mark { MARK_FIRST, MARK_SEEN, MARK_LOGGED, MARK_SYNCED, MARK_POSITION, MARK_CLOSED, MARKS };

static const char *self, *preload;

static const struct {
	const char *name;
	enum wal_durability durability;
	unsigned faults; /* per mille */
} modes[] = {
	{"interval", WAL_DURABILITY_INTERVAL, 0}, {"always", WAL_DURABILITY_ALWAYS, 0},
	{"none", WAL_DURABILITY_NONE, 0},         {"interval", WAL_DURABILITY_INTERVAL, 15},
	{"always", WAL_DURABILITY_ALWAYS, 15},
};

/* ---- the child ---- */

__attribute__((weak)) void powerloss_mark(uint32_t what, uint64_t which);

struct load {
	struct fixture fx;
	uint64_t rng;
	struct wal_cursor *cursor;
	uint32_t frames[4]; /* alive */
	unsigned slots[4];
	uint64_t sequence;
};

static uint64_t value_of(uint32_t frame, unsigned slot, unsigned k)
{
	return bits_of_double(k / (1 + slot % 4) * 100.0 + slot + frame * 1e6);
}

static void put(struct load *l, struct batch *b)
{
	struct batch_sink sink = wal_sink(l->fx.w);
	batch_seal(b);
	powerloss_mark(MARK_FIRST, l->sequence);
	l->sequence += b->n_samples;
	while (sink.put(sink.cls, b) != 0)
		usleep(1000);
}

static void fill(struct batch *b, uint32_t frame, unsigned n, unsigned k, bool stale)
{
	const struct batch_column *c = fx_column(b, frame, n, 0);
	for (unsigned i = 0; i < n; i++)
		c->values[i] = stale ? VALUE_STALE_BITS : value_of(frame, i, k);
}

/* Reads all that there is, as a destination does, and stores how far it came. */
static void follow(struct load *l)
{
	struct batch *b;
	uint64_t skipped;
	char text[64];
	while (wal_cursor_next(l->cursor, &b, &skipped) == 0) {
		powerloss_mark(MARK_SEEN, b->end.sequence);
		batch_unref(b);
	}
	if (fx_random(&l->rng) % 3 > 0)
		return;
	struct wal_pos pos = wal_cursor_pos(l->cursor);
	snprintf(text, sizeof text, "%" PRIu64, pos.sequence);
	powerloss_mark(MARK_POSITION, pos.sequence);
	wal_position_put(l->fx.w, SV("d"), sv_of(text), NULL);
	wal_hold(l->fx.w, SV("d"), pos);
}

static void load_step(struct load *l, unsigned k, uint32_t *next_frame)
{
	struct batch *b = fx_empty(1, 1000 + k);
	unsigned pick = (unsigned)(fx_random(&l->rng) % 100), at = pick % 4;
	if (k == 0)
		fx_define_owner(b);
	if (l->frames[at] != 0 && pick < 8) {
		fill(b, l->frames[at], l->slots[at], k, true);
		put(l, b);
		wal_frame_retire(l->fx.w, l->frames[at]);
		l->frames[at] = 0;
		return;
	}
	if (l->frames[at] == 0) {
		l->frames[at] = (*next_frame)++;
		l->slots[at] = 1 + pick % 20;
		fx_define(b, l->frames[at], 0, l->slots[at]);
	} else if (pick < 30 && l->slots[at] + 5 < SLOTS_MAX) {
		fx_define(b, l->frames[at], l->slots[at], 5);
		l->slots[at] += 5;
	}
	for (unsigned i = 0; i < 4; i++)
		if (l->frames[i] != 0 && (i == at || fx_random(&l->rng) % 3 > 0))
			fill(b, l->frames[i], l->slots[i], k, false);
	put(l, b);
}

static int run_load(const char *dir, unsigned mode, uint64_t seed)
{
	struct load l = {.rng = seed * 2 + 1};
	uint64_t skipped;
	snprintf(l.fx.dir, sizeof l.fx.dir, "%s", dir);
	l.fx.opt = (struct wal_options){.dir = sv_of(l.fx.dir),
					.durability = modes[mode].durability,
					.sync_interval_ms = 3,
					.segment_bytes = 3000,
					.tail_bytes = 20000};
	fx_open(&l.fx);
	wal_hold(l.fx.w, SV("d"), wal_head(l.fx.w));
	assert_int_equal(wal_cursor_new(l.fx.w, wal_head(l.fx.w), &l.cursor, &skipped), 0);
	uint32_t next_frame = wal_next_frame(l.fx.w);
	for (unsigned k = 0; k < BATCHES; k++) {
		load_step(&l, k, &next_frame);
		uint64_t pick = fx_random(&l.rng) % 20;
		if (pick < 8 && wal_flush(l.fx.w, false) == 0)
			powerloss_mark(MARK_LOGGED, l.sequence);
		else if (pick < 10 && wal_flush(l.fx.w, true) == 0)
			powerloss_mark(MARK_SYNCED, l.sequence);
		if (pick % 2)
			follow(&l);
		if (pick == 19)
			usleep(5000);
	}
	/* Faults come and go: what is told is told, at some time. */
	for (int i = 0; i < 100; i++)
		if (wal_flush(l.fx.w, true) == 0) {
			powerloss_mark(MARK_SYNCED, l.sequence);
			break;
		}
	follow(&l);
	wal_cursor_free(l.cursor);
	fx_close(&l.fx);
	powerloss_mark(MARK_CLOSED, l.sequence);
	return 0;
}

/* ---- the parent ---- */

struct journal {
	char *bytes;
	size_t n;
	uint64_t first[BATCHES + 1]; /* of each batch, by what was told */
	unsigned n_batches;
};

static const char *base_dir(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static void spawn(const char *root, const char *journal, unsigned mode, uint64_t seed)
{
	char mode_text[16], seed_text[32], text[64], options[512];
	const char *asan = getenv("ASAN_OPTIONS");
	snprintf(mode_text, sizeof mode_text, "%u", mode);
	snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
	snprintf(text, sizeof text, "%" PRIu64 ":%u", seed, modes[mode].faults);
	snprintf(options, sizeof options, "verify_asan_link_order=0:%s", asan ? asan : "");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("AMPAGENT_POWERLOSS_ROOT", root, 1);
		setenv("AMPAGENT_POWERLOSS_JOURNAL", journal, 1);
		setenv("AMPAGENT_POWERLOSS_FAULTS", text, 1);
		setenv("ASAN_OPTIONS", options, 1);
		setenv("LD_PRELOAD", preload, 1);
		execl(self, self, "--load", root, mode_text, seed_text, (char *)NULL);
		_exit(127);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void journal_read(struct journal *j, const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	j->n = (size_t)st.st_size;
	j->bytes = malloc(j->n);
	assert_non_null(j->bytes);
	assert_int_equal(fread(j->bytes, 1, j->n, f), j->n);
	fclose(f);
	struct journal_head h;
	const char *at = j->bytes;
	for (size_t left = j->n, n; (n = journal_next(at, left, &h)) > 0; at += n, left -= n) {
		if (h.kind == JOURNAL_MARK && h.file == MARK_FIRST)
			j->first[j->n_batches++] = h.at;
		else if (h.kind == JOURNAL_MARK && h.file == MARK_CLOSED)
			j->first[j->n_batches] = h.at;
	}
	assert_int_equal(j->n_batches, BATCHES);
}

/* What one cut left. */
struct view {
	const struct journal *j;
	struct fixture fx;
	bool read[BATCHES], whole[BATCHES]; /* whole: with all samples and labels */
	uint16_t last_slots[FRAMES_MAX];
	bool ended[FRAMES_MAX], retired[FRAMES_MAX];
	uint64_t last_at[FRAMES_MAX]; /* of its last values */
	uint16_t slot;                /* next one whose labels are due */
	uint32_t frame;
	uint64_t batches;
	uint64_t position; /* put last */
	uint64_t needed;   /* from here on */
};

static void check_label(void *cls, uint16_t slot, struct labels labels)
{
	struct view *v = cls;
	char name[16], text[16];
	snprintf(name, sizeof name, "f%u", v->frame);
	snprintf(text, sizeof text, "%u", slot);
	assert_int_equal(slot, v->slot++);
	assert_true(sv_eq(labels_get(labels, SV("__name__")), sv_of(name)));
	assert_true(sv_eq(labels_get(labels, SV("i")), sv_of(text)));
}

static void check_column(struct view *v, const struct batch_column *c, unsigned k, bool *whole)
{
	v->frame = c->frame;
	v->slot = 0;
	uint16_t n = wal_frame_labels(v->fx.w, c->frame, 0, check_label, v);
	assert_true(v->slot <= n);
	*whole = *whole && n >= c->n_slots && v->slot == n;
	assert_true(c->frame < FRAMES_MAX);
	for (unsigned i = 0; i < c->n_slots; i++) {
		bool stale = c->values[i] == VALUE_STALE_BITS;
		assert_true(stale || c->values[i] == value_of(c->frame, i, k));
		v->ended[c->frame] = stale;
	}
	v->last_slots[c->frame] = c->n_slots;
	v->last_at[c->frame] = v->j->first[k];
}

static void check_batches(struct view *v)
{
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped, sum = 0, last = 0;
	struct wal_pos tail = wal_tail(v->fx.w);
	assert_int_equal(wal_cursor_new(v->fx.w, tail, &c, &skipped), 0);
	while (wal_cursor_next(c, &b, &skipped) == 0) {
		unsigned k = (unsigned)(b->t_ms - 1000);
		bool whole = b->n_samples == v->j->first[k + 1] - v->j->first[k];
		assert_true(k < v->j->n_batches);
		assert_int_equal(b->end.sequence, v->j->first[k + 1]);
		for (size_t i = 0; i < b->n_columns; i++)
			check_column(v, &b->columns[i], k, &whole);
		v->read[k] = true;
		v->whole[k] = whole;
		sum += b->n_samples + skipped;
		last = b->end.sequence;
		v->batches++;
		batch_unref(b);
	}
	assert_int_equal(sum, v->batches ? last - tail.sequence : 0);
	wal_cursor_free(c);
}

static void note_retired(void *cls, const char *name)
{
	struct view *v = cls;
	char path[128];
	struct stat st;
	struct record rec;
	struct def_pending p;
	uint64_t at, number;
	if (store_number(name, FILE_DEFS, &number) != 0)
		return;
	fx_path(&v->fx, path, sizeof path, name);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	_cleanup_(reader_deinit) struct reader r;
	reader_init(&r, fd, 0, (uint64_t)st.st_size);
	while (reader_next(&r, &rec, &at) == 0)
		if (rec.type == RECORD_RETIRED && def_record_get(&rec, &p) == 0 &&
		    p.frame < FRAMES_MAX)
			v->retired[p.frame] = true;
}

/* A frame that was given up for good has its markers, as far as it has values that are needed. */
static void check_ends(struct view *v)
{
	char path[128];
	fx_path(&v->fx, path, sizeof path, "");
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		note_retired(v, e->d_name);
	closedir(d);
	for (uint32_t f = 1; f < FRAMES_MAX; f++)
		if (v->retired[f] && v->last_slots[f] > 0 && !v->ended[f] &&
		    v->last_at[f] >= v->needed)
			fail_msg("frame %u is retired and not ended: %s", f, v->fx.dir);
}

/* What is below the position may be gone, even in the middle: the removal of one segment is there,
 * that of the one before is not. On a full disk segments go although positions cannot be stored. */
static void check_position(struct view *v, enum wal_durability durability, bool faults)
{
	_cleanup_(buf_deinit) struct buf text;
	uint64_t sequence;
	buf_init(&text, 1 << 16);
	v->needed = faults ? v->position : wal_tail(v->fx.w).sequence;
	if (wal_position_load(v->fx.w, SV("d"), &text, NULL) != 0)
		return;
	assert_int_equal(sv_to_u64(buf_view(&text), &sequence), 0);
	assert_true(sequence <= v->position);
	if (durability == WAL_DURABILITY_NONE)
		return;
	if (!faults) {
		assert_true(wal_tail(v->fx.w).sequence <= sequence);
		v->needed = sequence;
	}
	if (durability == WAL_DURABILITY_ALWAYS)
		assert_true(sequence <= wal_head(v->fx.w).sequence);
	assert_int_equal(wal_advance_sequence(v->fx.w, sequence), 0);
	assert_true(wal_head(v->fx.w).sequence >= sequence);
}

/* Life goes on: what is written now is there after the next start. */
static void check_goes_on(struct view *v)
{
	uint64_t before = wal_head(v->fx.w).sequence;
	uint32_t frame = wal_next_frame(v->fx.w);
	struct batch *b = fx_empty(wal_next_owner(v->fx.w), 99);
	fx_define_owner(b);
	fx_define(b, frame, 0, 7);
	fx_column(b, frame, 7, 1);
	fx_put(&v->fx, b);
	fx_reopen(&v->fx);
	assert_int_equal(wal_head(v->fx.w).sequence, before + 7);
	v->frame = frame;
	v->slot = 0;
	assert_int_equal(wal_frame_labels(v->fx.w, frame, 0, check_label, v), 7);
	assert_int_equal(v->slot, 7);
}

/* promised: up to there nothing may be missing. */
static void check_cut(const struct journal *j, struct disk *d, unsigned mode, uint64_t seed,
		      uint64_t promised, uint64_t position)
{
	static struct view v;
	v = (struct view){.j = j, .position = position};
	snprintf(v.fx.dir, sizeof v.fx.dir, "%s/ampagent-cut-XXXXXX", base_dir());
	assert_non_null(mkdtemp(v.fx.dir));
	disk_cut(d, seed, v.fx.dir);
	v.fx.opt = (struct wal_options){.dir = sv_of(v.fx.dir), .durability = WAL_DURABILITY_NONE};
	fx_open(&v.fx);
	uint64_t tail = wal_tail(v.fx.w).sequence, head = wal_head(v.fx.w).sequence;
	check_batches(&v);
	check_position(&v, modes[mode].durability, modes[mode].faults > 0);
	if (modes[mode].durability != WAL_DURABILITY_NONE)
		check_ends(&v);
	for (unsigned k = 0; k < j->n_batches && j->first[k + 1] <= promised; k++)
		if (!v.whole[k] && j->first[k] >= v.needed)
			fail_msg("%s, faults %u, seed %" PRIu64 ": batch %u is not %s: %" PRIu64
				 " to %" PRIu64 ", promised %" PRIu64 ", log from %" PRIu64
				 " to %" PRIu64 " in %s",
				 modes[mode].name, modes[mode].faults, seed, k,
				 v.read[k] ? "whole" : "there", j->first[k], j->first[k + 1],
				 promised, tail, head, v.fx.dir);
	check_goes_on(&v);
	fx_deinit(&v.fx);
}

static bool is_promise(unsigned mode, uint32_t mark)
{
	switch (modes[mode].durability) {
	case WAL_DURABILITY_ALWAYS:
		return mark == MARK_SEEN || mark == MARK_LOGGED || mark == MARK_SYNCED;
	case WAL_DURABILITY_INTERVAL:
		return mark == MARK_SYNCED;
	default:
		return mark == MARK_SYNCED || mark == MARK_CLOSED;
	}
}

static unsigned replay(const struct journal *j, unsigned mode, uint64_t seed, unsigned step)
{
	struct disk *d = disk_new();
	struct journal_head h;
	const char *at = j->bytes;
	uint64_t promised = 0, position = 0;
	unsigned entries = 0, cuts = 0;
	for (size_t left = j->n, n; (n = journal_next(at, left, &h)) > 0; at += n, left -= n) {
		disk_apply(d, &h, at + sizeof h);
		if (h.kind == JOURNAL_MARK) {
			if (is_promise(mode, h.file) && h.at > promised)
				promised = h.at;
			if (h.file == MARK_POSITION)
				position = h.at;
			continue;
		}
		if (entries++ % step == 0 || left == n) {
			check_cut(j, d, mode, seed * 100003 + entries, promised, position);
			cuts++;
		}
	}
	disk_free(d);
	return cuts;
}

static void run(unsigned mode, uint64_t seed, unsigned step)
{
	char root[64], path[80];
	struct journal j = {0};
	snprintf(root, sizeof root, "%s/ampagent-root-XXXXXX", base_dir());
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof path, "%s.journal", root);
	spawn(root, path, mode, seed);
	journal_read(&j, path);
	unsigned cuts = replay(&j, mode, seed, step);
	print_message("%s, faults %u, seed %" PRIu64 ": %u cuts\n", modes[mode].name,
		      modes[mode].faults, seed, cuts);
	assert_true(cuts > 50);
	free(j.bytes);
	remove(path);
	fx_remove(root);
}

static void nothing_promised_is_lost(void **state)
{
	const unsigned step = getenv("POWER_LOSS_STEP")
				      ? (unsigned)strtoul(getenv("POWER_LOSS_STEP"), NULL, 10)
				      : 4;
	const unsigned seeds = getenv("POWER_LOSS_SEEDS")
				       ? (unsigned)strtoul(getenv("POWER_LOSS_SEEDS"), NULL, 10)
				       : 1;
	for (uint64_t seed = 1; seed <= seeds; seed++)
		for (unsigned mode = 0; mode < sizeof modes / sizeof modes[0]; mode++)
			run(mode, seed, step);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "--load") == 0)
		return run_load(argv[2], (unsigned)strtoul(argv[3], NULL, 10),
				strtoull(argv[4], NULL, 10));
	if (argc != 2)
		return 2;
	self = argv[0];
	preload = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_promised_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
