/* Definitions: labels of frames, what is found after a restart, dead ones going. */
#include "fixture.h"

#include <dirent.h>

struct seen {
	unsigned n, alive;
	uint16_t next;
	uint32_t frame;
	int64_t last_t_ms;
	bool alive_slots[FRAME_SLOTS];
};

static void check_slot(void *cls, uint16_t slot, struct labels labels)
{
	struct seen *s = cls;
	char name[16], i[16];
	snprintf(name, sizeof name, "f%u", s->frame);
	snprintf(i, sizeof i, "%u", slot);
	assert_true(sv_eq(labels_get(labels, SV("__name__")), sv_of(name)));
	assert_true(sv_eq(labels_get(labels, SV("i")), sv_of(i)));
	assert_int_equal(slot, s->next);
	s->next++;
	s->n++;
}

static void check_frame(struct fixture *fx, uint32_t frame, uint16_t from, uint16_t n_slots)
{
	struct seen s = {.frame = frame, .next = from};
	assert_int_equal(wal_frame_labels(fx->w, frame, from, check_slot, &s), n_slots);
	assert_int_equal(s.n, n_slots > from ? n_slots - from : 0);
}

static void check_owned(void *cls, struct series_ref ref, struct labels labels, bool alive,
			int64_t last_t_ms)
{
	struct seen *s = cls;
	if (s->frame != ref.frame) {
		assert_true(ref.frame > s->frame);
		s->frame = ref.frame;
		s->next = 0;
	}
	check_slot(s, ref.slot, labels);
	s->alive += alive;
	s->alive_slots[ref.slot] = alive;
	s->last_t_ms = last_t_ms;
}

static uint32_t find_owner(struct fixture *fx, uint32_t owner, struct seen *s)
{
	_cleanup_(arena_deinit) struct arena a;
	arena_init(&a, 1 << 16);
	*s = (struct seen){0};
	return wal_owner_find(fx->w, fx_labels(&a, "owner", owner), check_owned, s);
}

static unsigned count_files(struct fixture *fx, const char *prefix)
{
	char path[128];
	snprintf(path, sizeof path, "%s/ampagent", fx->dir);
	DIR *d = opendir(path);
	unsigned n = 0;
	for (struct dirent *e; (e = readdir(d));)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static void flush(struct fixture *fx)
{
	assert_int_equal(wal_flush(fx->w, true), 0);
}

static void labels_are_found(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1);
	fx_define_owner(b);
	fx_define(b, 1, 0, 256);
	fx_define(b, 2, 0, 10);
	fx_put(&fx, b);
	flush(&fx);
	check_frame(&fx, 1, 0, 256);
	check_frame(&fx, 1, 255, 256);
	check_frame(&fx, 1, 256, 256);
	check_frame(&fx, 2, 3, 10);
	check_frame(&fx, 3, 0, 0);
	fx_reopen(&fx);
	assert_int_equal(wal_next_frame(fx.w), 3);
	assert_int_equal(wal_next_owner(fx.w), 2);
	check_frame(&fx, 1, 0, 256);
	check_frame(&fx, 2, 0, 10);
	fx_deinit(&fx);
}

/* Series that come one by one: small records are merged, and all stay readable. */
static void slots_come_one_by_one(void **state)
{
	for (unsigned memory = 0; memory < 2; memory++) {
		struct fixture fx;
		fx_init(&fx);
		fx.opt.memory = memory;
		fx_open(&fx);
		for (unsigned i = 0; i < 200; i++) {
			struct batch *b = fx_empty(1, 1 + i);
			if (i == 0)
				fx_define_owner(b);
			fx_define(b, 1, i, 1);
			fx_define(b, 2, i, 1);
			fx_put(&fx, b);
			flush(&fx);
			check_frame(&fx, 1, (uint16_t)i, (uint16_t)(i + 1));
		}
		check_frame(&fx, 1, 0, 200);
		check_frame(&fx, 2, 0, 200);
		if (!memory) {
			fx_reopen(&fx);
			check_frame(&fx, 1, 0, 200);
			check_frame(&fx, 2, 100, 200);
		}
		fx_deinit(&fx);
	}
}

static void set_absent(struct batch_column *c, unsigned slot)
{
	c->present[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

static void owners_are_found(void **state)
{
	struct fixture fx;
	struct seen s;
	fx_init(&fx);
	fx_open(&fx);
	for (uint32_t owner = 1; owner <= 3; owner++) {
		struct batch *b = fx_empty(owner, 1000);
		fx_define_owner(b);
		fx_define(b, owner * 2, 0, 100);
		fx_define(b, owner * 2 + 1, 0, 50);
		fx_column(b, owner * 2, 100, 1);
		fx_column(b, owner * 2 + 1, 50, 1);
		fx_put(&fx, b);
	}
	/* Owner 2: slot 70 ends, 71 is away this time, 72 ends and is away, 73 ends and comes back.
	 */
	struct batch *b = fx_empty(2, 2000);
	struct batch_column *c = fx_column(b, 4, 100, 1);
	c->values[70] = c->values[72] = c->values[73] = VALUE_STALE_BITS;
	set_absent(c, 71);
	fx_put(&fx, b);
	b = fx_empty(2, 3000);
	c = fx_column(b, 4, 100, 1);
	set_absent(c, 70);
	set_absent(c, 72);
	fx_put(&fx, b);
	/* Within one run, too, what is defined is found; what is alive the producer knows itself.
	 */
	flush(&fx);
	assert_int_equal(find_owner(&fx, 2, &s), 2);
	assert_int_equal(s.n, 150);
	assert_int_equal(find_owner(&fx, 4, &s), 0);
	fx_reopen(&fx);
	assert_int_equal(wal_next_owner(fx.w), 4);
	assert_int_equal(find_owner(&fx, 1, &s), 1);
	assert_int_equal(s.n, 150);
	assert_int_equal(s.alive, 150);
	assert_int_equal(s.last_t_ms, 1000);
	assert_int_equal(find_owner(&fx, 2, &s), 2);
	assert_int_equal(s.n, 150);
	assert_int_equal(s.alive, 148);
	fx_reopen(&fx);
	assert_int_equal(find_owner(&fx, 2, &s), 2);
	assert_int_equal(s.alive, 148);
	assert_int_equal(find_owner(&fx, 4, &s), 0);
	fx_deinit(&fx);
}

/* The state goes over segments: a frame's last word may be in the one before. */
static void alive_goes_over_restarts(void **state)
{
	struct fixture fx;
	struct seen s;
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 3; n++)
		fx_write(&fx, n, 10);
	fx_reopen(&fx);
	struct batch *b = fx_empty(1, 5000);
	struct batch_column *c = fx_column(b, 1, 10, 0);
	for (unsigned i = 1; i < 10; i++)
		set_absent(c, i);
	c->values[0] = VALUE_STALE_BITS;
	fx_put(&fx, b);
	fx_reopen(&fx);
	assert_int_equal(find_owner(&fx, 1, &s), 1);
	assert_int_equal(s.n, 10);
	assert_int_equal(s.alive, 9);
	assert_false(s.alive_slots[0]);
	assert_int_equal(s.last_t_ms, 5000);
	fx_deinit(&fx);
}

/* A sample's own time may lie ahead of the scrape's; the next scrape is still newer than the last.
 */
static void rows_do_not_move_the_time_of_the_last_scrape(void **state)
{
	struct fixture fx;
	struct seen s;
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, 10);
	struct batch *b = fx_empty(1, 5000);
	b->rows = arena_calloc(&b->arena, 1, sizeof *b->rows);
	b->rows[0] = (struct batch_row){1, 3, 500000, 0};
	b->n_rows = 1;
	fx_put(&fx, b);
	fx_reopen(&fx);
	assert_int_equal(find_owner(&fx, 1, &s), 1);
	assert_int_equal(s.last_t_ms, 5000);
	fx_deinit(&fx);
}

/* Values without labels (the definitions did not reach the disk): the frame is not inherited, and
 * its number not given again. */
static void frames_without_labels_are_not_used_again(void **state)
{
	struct fixture fx;
	struct seen s;
	fx_init(&fx);
	fx_open(&fx);
	fx_write(&fx, 0, 10);
	struct batch *b = fx_empty(1, 2000);
	fx_column(b, 1, 12, 0);
	fx_column(b, 40, 3, 0);
	fx_put(&fx, b);
	fx_reopen(&fx);
	assert_int_equal(wal_next_frame(fx.w), 41);
	assert_int_equal(find_owner(&fx, 1, &s), 1);
	assert_int_equal(s.n, 0);
	check_frame(&fx, 1, 0, 10);
	fx_deinit(&fx);
}

static void retired_frames_are_not_inherited(void **state)
{
	struct fixture fx;
	struct seen s;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 1);
	fx_define_owner(b);
	fx_define(b, 1, 0, 5);
	fx_define(b, 2, 0, 5);
	fx_column(b, 1, 5, 0);
	fx_column(b, 2, 5, 0);
	fx_put(&fx, b);
	wal_frame_retire(fx.w, 1);
	fx_reopen(&fx);
	assert_int_equal(find_owner(&fx, 1, &s), 1);
	assert_int_equal(s.n, 5);
	assert_int_equal(s.frame, 2);
	/* Until its values are gone its labels stay. */
	check_frame(&fx, 1, 0, 5);
	fx_deinit(&fx);
}

/* As fx_define(), with a label that no coding makes small: files fill. */
static void define_noisy(struct batch *b, uint32_t frame, unsigned n)
{
	uint64_t seed = frame * UINT64_C(0x9e3779b97f4a7c15);
	fx_define(b, frame, 0, n);
	for (unsigned i = 0; i < n; i++) {
		struct label_builder lb;
		char text[64];
		snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, fx_random(&seed),
			 fx_random(&seed));
		label_builder_init(&lb, &b->arena);
		label_builder_load(&lb, b->defs[b->n_defs - n + i].labels);
		label_builder_set(&lb, SV("noise"), arena_dup(&b->arena, sv_of(text)));
		assert_int_equal(
			label_builder_finish(&lb, &b->arena, &b->defs[b->n_defs - n + i].labels),
			0);
	}
}

/* Frames come and go for long: files and index stay small, the living stay readable. */
static void dead_definitions_go(void **state)
{
	enum { N = 2200 };
	for (unsigned memory = 0; memory < 2; memory++) {
		struct fixture fx;
		struct wal_stats st;
		fx_init(&fx);
		fx.opt.memory = memory;
		fx.opt.segment_bytes = 100000;
		fx_open(&fx);
		/* Owner 1 stays; owner k has frame k, used for some rounds. */
		struct batch *b = fx_empty(1, 1);
		fx_define_owner(b);
		fx_define(b, 1, 0, 100);
		fx_put(&fx, b);
		for (uint32_t k = 2; k < N; k++) {
			b = fx_empty(k, k);
			fx_define_owner(b);
			define_noisy(b, k, 256);
			fx_column(b, k, 256, k * 1.7);
			fx_put(&fx, b);
			b = fx_empty(1, k);
			fx_column(b, 1, 100, k * 1.1);
			fx_put(&fx, b);
			if (k > 10)
				wal_frame_retire(fx.w, k - 8);
			if (k % 50 == 0) {
				assert_int_equal(wal_flush(fx.w, false), 0);
				wal_hold(fx.w, SV("d"), wal_head(fx.w));
				check_frame(&fx, 1, 0, 100);
				check_frame(&fx, k, 0, 256);
				check_frame(&fx, k - 3, 0, 256);
			}
		}
		flush(&fx);
		wal_stats_get(fx.w, &st);
		assert_true(st.frames < 200);
		assert_true(st.owners < 200);
		assert_true(st.defs_bytes < 2 * WAL_DEFS_FILE_BYTES);
		if (memory) {
			fx_deinit(&fx);
			continue;
		}
		fx_reopen(&fx);
		/* The first file was filled, and went. */
		assert_int_equal(count_files(&fx, "def-0000000000000001"), 0);
		assert_true(count_files(&fx, "def-") <= 2);
		struct seen s;
		assert_int_equal(find_owner(&fx, 1, &s), 1);
		assert_int_equal(s.n, 100);
		assert_int_equal(find_owner(&fx, N - 1, &s), N - 1);
		assert_int_equal(s.n, 256);
		assert_int_equal(wal_next_frame(fx.w), N);
		fx_deinit(&fx);
	}
}

/* Owners that nobody asks for after a restart go when their values are gone. */
static void owners_that_do_not_return_go(void **state)
{
	struct fixture fx;
	struct wal_stats st;
	struct seen s;
	fx_init(&fx);
	fx.opt.segment_bytes = 4000;
	fx_open(&fx);
	for (uint32_t k = 1; k <= 10; k++) {
		struct batch *b = fx_empty(k, 1);
		fx_define_owner(b);
		fx_define(b, k, 0, 20);
		fx_column(b, k, 20, 0);
		fx_put(&fx, b);
	}
	fx_reopen(&fx);
	assert_int_equal(find_owner(&fx, 3, &s), 3);
	for (unsigned i = 0; i < 1000; i++) {
		struct batch *b = fx_empty(3, 100 + i);
		fx_column(b, 3, 20, i * 0.3);
		fx_put(&fx, b);
		if (i % 100 == 0) {
			assert_int_equal(wal_flush(fx.w, false), 0);
			wal_hold(fx.w, SV("d"), wal_head(fx.w));
		}
	}
	flush(&fx);
	wal_stats_get(fx.w, &st);
	assert_int_equal(st.frames, 1);
	assert_int_equal(st.owners, 1);
	check_frame(&fx, 3, 0, 20);
	check_frame(&fx, 4, 0, 0);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_found),
		cmocka_unit_test(slots_come_one_by_one),
		cmocka_unit_test(owners_are_found),
		cmocka_unit_test(alive_goes_over_restarts),
		cmocka_unit_test(rows_do_not_move_the_time_of_the_last_scrape),
		cmocka_unit_test(frames_without_labels_are_not_used_again),
		cmocka_unit_test(retired_frames_are_not_inherited),
		cmocka_unit_test(dead_definitions_go),
		cmocka_unit_test(owners_that_do_not_return_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
