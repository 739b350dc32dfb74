/* Owners whose targets do not come back after the log was opened anew. */
#include "side.h"

#include <signal.h>
#include <sys/resource.h>

enum { SLOTS = 70, LEFT_MAX = 8, FRAMES_MAX = 16 };

struct left {
	uint32_t owners[LEFT_MAX];
	int64_t last_ms[LEFT_MAX], gap_ms[LEFT_MAX];
	unsigned n;
	uint32_t frames[FRAMES_MAX];
	uint16_t n_slots[FRAMES_MAX];
	uint64_t alive[FRAMES_MAX][FRAME_SLOTS / 64];
	unsigned n_frames;
};

static void note_frame(void *cls, uint32_t frame, uint16_t n_slots, const uint64_t *alive)
{
	struct left *l = cls;
	assert_true(l->n_frames < FRAMES_MAX);
	l->frames[l->n_frames] = frame;
	l->n_slots[l->n_frames] = n_slots;
	memcpy(l->alive[l->n_frames++], alive, sizeof l->alive[0]);
}

static struct left left_of(struct fixture *fx)
{
	struct left l = {.n = 0};
	int64_t last_ms, gap_ms;
	for (uint32_t at = 0;
	     (at = wal_owner_left(fx->w, at, &last_ms, &gap_ms, NULL, NULL)) != 0;) {
		assert_int_equal(wal_owner_left(fx->w, at - 1, &last_ms, &gap_ms, note_frame, &l),
				 at);
		assert_true(l.n < LEFT_MAX);
		l.owners[l.n] = at;
		l.last_ms[l.n] = last_ms;
		l.gap_ms[l.n++] = gap_ms;
	}
	return l;
}

static void ignore_slot(void *cls, struct series_ref ref, struct labels labels, bool alive,
			int64_t last_t_ms)
{
}

static uint32_t ask(struct fixture *fx, unsigned owner)
{
	_cleanup_(arena_deinit) struct arena a;
	arena_init(&a, 1 << 20);
	return wal_owner_find(fx->w, fx_labels(&a, "owner", owner), ignore_slot, NULL);
}

/* A batch of an owner whose frames have its number times ten and up. */
static struct batch *batch_of(uint32_t owner, int64_t t_ms, bool first, unsigned frames)
{
	struct batch *b = fx_empty(owner, t_ms);
	if (first)
		fx_define_owner(b);
	for (unsigned i = 0; i < frames; i++) {
		if (first)
			fx_define(b, owner * 10 + i, 0, SLOTS);
		fx_column(b, owner * 10 + i, SLOTS, (double)t_ms);
	}
	return b;
}

static void all_series_are_told(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	for (uint32_t owner = 1; owner <= 3; owner++)
		fx_put(&fx, batch_of(owner, 1000 * owner, true, 2));
	fx_put(&fx, batch_of(2, 2100, false, 2));
	fx_put(&fx, batch_of(2, 2150, false, 2));
	assert_int_equal(left_of(&fx).n, 0);
	fx_reopen(&fx);
	struct left l = left_of(&fx);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.n_frames, 6);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(l.owners[i], i + 1);
	assert_int_equal(l.last_ms[0], 1000);
	assert_int_equal(l.gap_ms[0], 0);
	assert_int_equal(l.last_ms[1], 2150);
	assert_int_equal(l.gap_ms[1], 50);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(l.frames[i], (i / 2 + 1) * 10 + i % 2);
		assert_int_equal(l.n_slots[i], SLOTS);
		assert_true(l.alive[i][0] == UINT64_MAX && l.alive[i][1] == 63);
		assert_true(l.alive[i][2] == 0 && l.alive[i][3] == 0);
	}
	/* Told once; and there is none above the highest number. */
	assert_int_equal(left_of(&fx).n, 0);
	fx_reopen(&fx);
	int64_t last_ms, gap_ms;
	assert_int_equal(wal_owner_left(fx.w, UINT32_MAX, &last_ms, &gap_ms, NULL, NULL), 0);
	fx_deinit(&fx);
}

static void who_is_asked_for_is_not_left(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	for (uint32_t owner = 1; owner <= 3; owner++)
		fx_put(&fx, batch_of(owner, 1000, true, 1));
	fx_reopen(&fx);
	assert_int_equal(ask(&fx, 2), 2);
	assert_int_equal(ask(&fx, 9), 0);
	struct left l = left_of(&fx);
	assert_int_equal(l.n, 2);
	assert_true(l.owners[0] == 1 && l.owners[1] == 3);
	assert_int_equal(ask(&fx, 1), 1);
	assert_int_equal(ask(&fx, 3), 3);
	assert_int_equal(left_of(&fx).n, 0);
	fx_deinit(&fx);
}

static void put_marks(struct fixture *fx, uint32_t owner, int64_t t_ms, unsigned from)
{
	struct batch *b = fx_empty(owner, t_ms);
	struct batch_column *c = fx_column(b, owner * 10, SLOTS, 0);
	memset(c->present, 0, sizeof c->present);
	for (unsigned i = from; i < SLOTS; i++) {
		c->present[i / 64] |= UINT64_C(1) << (i % 64);
		c->values[i] = VALUE_STALE_BITS;
	}
	fx_put(fx, b);
}

/* Markers that were written before, by this run or one that was killed, are not owed again. */
static void what_is_marked_is_not_left(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	fx_put(&fx, batch_of(1, 1000, true, 1));
	fx_put(&fx, batch_of(2, 1000, true, 1));
	put_marks(&fx, 1, 2000, 0);
	put_marks(&fx, 2, 2000, 65);
	fx_reopen(&fx);
	struct left l = left_of(&fx);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.owners[0], 2);
	assert_int_equal(l.last_ms[0], 2000);
	assert_int_equal(l.gap_ms[0], 1000);
	assert_true(l.n_frames == 1 && l.alive[0][0] == UINT64_MAX && l.alive[0][1] == 1);
	put_marks(&fx, 2, 3000, 0);
	fx_reopen(&fx);
	assert_int_equal(left_of(&fx).n, 0);
	fx_deinit(&fx);
}

static void put_histogram(struct fixture *fx, uint32_t frame, uint16_t slot, int64_t t_ms)
{
	uint64_t seed = 7;
	struct batch *b = fx_empty(1, t_ms);
	b->histograms = arena_calloc(&b->arena, 1, sizeof *b->histograms);
	b->n_histograms = 1;
	side_random_histogram(b, &seed, 0, b->histograms);
	b->histograms->frame = frame;
	b->histograms->slot = slot;
	b->histograms->t_ms = t_ms;
	b->histograms->h.sum_bits = 0;
	fx_put(fx, b);
}

/* A native histogram is alive until its marker, which is a plain value; rows make nothing alive. */
static void histograms_and_rows(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	struct batch *b = fx_empty(1, 1000);
	fx_define_owner(b);
	fx_define(b, 10, 0, SLOTS);
	fx_define(b, 11, 0, 1);
	b->rows = arena_calloc(&b->arena, 1, sizeof *b->rows);
	b->rows[0] = (struct batch_row){11, 0, 900, bits_of_double(1)};
	b->n_rows = 1;
	fx_put(&fx, b);
	put_histogram(&fx, 10, 3, 2000);
	fx_reopen(&fx);
	struct left l = left_of(&fx);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.n_frames, 1);
	assert_int_equal(l.frames[0], 10);
	assert_true(l.alive[0][0] == 8 && l.alive[0][1] == 0);
	put_marks(&fx, 1, 3000, 0);
	fx_reopen(&fx);
	assert_int_equal(left_of(&fx).n, 0);
	fx_deinit(&fx);
}

/* Values whose labels were lost could not be delivered, nor could their markers; what is retired
 * has had them. */
static void frames_that_are_of_no_use(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	struct batch *b = batch_of(1, 1000, true, 2);
	fx_column(b, 15, SLOTS, 1);
	/* Of this one the last five only. */
	fx_define(b, 16, 0, 65);
	fx_column(b, 16, SLOTS, 1);
	fx_put(&fx, b);
	wal_frame_retire(fx.w, 10);
	fx_reopen(&fx);
	struct left l = left_of(&fx);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.n_frames, 2);
	assert_true(l.frames[0] == 11 && l.n_slots[0] == SLOTS);
	assert_true(l.frames[1] == 16 && l.n_slots[1] == 65);
	assert_true(l.alive[1][0] == UINT64_MAX && l.alive[1][1] == 1);
	fx_deinit(&fx);
}

static void note_slot(void *cls, struct series_ref ref, struct labels labels, bool alive,
		      int64_t last_t_ms)
{
	uint32_t *seen = cls;
	assert_in_range(ref.frame, 10, 11);
	seen[ref.frame - 10]++;
}

static void note_time(void *cls, struct series_ref ref, struct labels labels, bool alive,
		      int64_t last_t_ms)
{
	*(int64_t *)cls = last_t_ms;
}

/* A clock that was ahead was set right: the time of the last batch counts, not the latest. */
static void the_last_time_is_that_of_the_last_batch(void **state)
{
	struct fixture fx;
	_cleanup_(arena_deinit) struct arena a;
	arena_init(&a, 1 << 20);
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	fx_put(&fx, batch_of(1, 1000, true, 1));
	fx_put(&fx, batch_of(1, 3601000, false, 1));
	fx_put(&fx, batch_of(1, 2000, false, 1));
	fx_reopen(&fx);
	assert_int_equal(left_of(&fx).last_ms[0], 2000);
	int64_t last_ms = 0;
	assert_int_equal(wal_owner_find(fx.w, fx_labels(&a, "owner", 1), note_time, &last_ms), 1);
	assert_int_equal(last_ms, 2000);
	fx_deinit(&fx);
}

static void set_file_limit(rlim_t max)
{
	struct rlimit rl;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &rl), 0);
	rl.rlim_cur = max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* A frame that was retired is not given to the target that comes back, even while the disk keeps
 * the log from noting it: its labels are about to go. */
static void what_is_retired_does_not_come_back(void **state)
{
	_cleanup_(arena_deinit) struct arena a;
	uint32_t seen[2] = {0};
	struct fixture fx;
	signal(SIGXFSZ, SIG_IGN);
	arena_init(&a, 1 << 20);
	fx_init(&fx);
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	fx_put(&fx, batch_of(1, 1000, true, 2));
	assert_int_equal(wal_flush(fx.w, false), 0);
	set_file_limit(1);
	fx_put(&fx, batch_of(1, 2000, false, 2));
	assert_true(wal_flush(fx.w, false) < 0);
	wal_frame_retire(fx.w, 10);
	assert_int_equal(wal_owner_find(fx.w, fx_labels(&a, "owner", 1), note_slot, seen), 1);
	assert_true(seen[0] == 0 && seen[1] == SLOTS);
	set_file_limit(RLIM_INFINITY);
	while (wal_flush(fx.w, true) != 0)
		;
	assert_int_equal(wal_owner_find(fx.w, fx_labels(&a, "owner", 1), note_slot, seen), 1);
	assert_true(seen[0] == 0 && seen[1] == 2 * SLOTS);
	fx_deinit(&fx);
}

/* Asking for everything to be synced waits for nothing; being told so does not come early. */
static void syncing_can_be_asked_for(void **state)
{
	struct fixture fx;
	signal(SIGXFSZ, SIG_IGN);
	fx_init(&fx);
	fx_open(&fx);
	assert_true(wal_sync_done(fx.w, wal_sync_begin(fx.w)));
	fx_put(&fx, batch_of(1, 1000, true, 1));
	uint64_t begun = wal_sync_begin(fx.w);
	for (int i = 0; !wal_sync_done(fx.w, begun) && i < 20000; i++)
		usleep(1000);
	assert_true(wal_sync_done(fx.w, begun));
	set_file_limit(1);
	fx_put(&fx, batch_of(1, 2000, false, 1));
	begun = wal_sync_begin(fx.w);
	assert_true(wal_flush(fx.w, false) < 0);
	assert_false(wal_sync_done(fx.w, begun));
	set_file_limit(RLIM_INFINITY);
	for (int i = 0; !wal_sync_done(fx.w, begun) && i < 20000; i++)
		usleep(1000);
	assert_true(wal_sync_done(fx.w, begun));
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_series_are_told),
		cmocka_unit_test(who_is_asked_for_is_not_left),
		cmocka_unit_test(what_is_marked_is_not_left),
		cmocka_unit_test(histograms_and_rows),
		cmocka_unit_test(frames_that_are_of_no_use),
		cmocka_unit_test(the_last_time_is_that_of_the_last_batch),
		cmocka_unit_test(what_is_retired_does_not_come_back),
		cmocka_unit_test(syncing_can_be_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
