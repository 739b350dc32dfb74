/* Cursors: memory, files, both in turn, deletion underneath, damage. */
#include "fixture.h"

enum { SLOTS = 100 };

/* Reads on: every batch must be the one expected, `skipped` adds up. Returns how many batches. */
struct walk {
	unsigned next; /* number of the batch expected; by its time */
	uint64_t samples, skipped;
	unsigned batches;
};

static void walk_on(struct wal_cursor *c, struct walk *k, unsigned max)
{
	struct batch *b;
	uint64_t skipped;
	int r = 0;
	for (unsigned i = 0; i < max && (r = wal_cursor_next(c, &b, &skipped)) == 0; i++) {
		unsigned number = (unsigned)(b->t_ms - 1000);
		assert_true(number >= k->next);
		if (skipped == 0)
			assert_int_equal(number, k->next);
		assert_int_equal(b->n_columns, 1);
		for (unsigned s = 0; s < SLOTS; s++)
			assert_true(b->columns[0].values[s] == bits_of_double(number + s));
		assert_int_equal(b->end.sequence - b->pos.sequence, b->n_samples);
		assert_int_equal(b->end.sequence, (number + 1) * SLOTS);
		struct wal_pos pos = wal_cursor_pos(c);
		assert_memory_equal(&pos, &b->end, sizeof pos);
		k->next = number + 1;
		k->samples += b->n_samples;
		k->skipped += skipped;
		k->batches++;
		batch_unref(b);
	}
	if (r)
		assert_int_equal(r, 1);
}

static struct wal_cursor *cursor_at(struct fixture *fx, struct wal_pos pos, uint64_t want_skipped)
{
	struct wal_cursor *c;
	uint64_t skipped;
	assert_int_equal(wal_cursor_new(fx->w, pos, &c, &skipped), 0);
	assert_int_equal(skipped, want_skipped);
	return c;
}

/* In memory, in files, and with segments so small that boundaries are met all the time. */
static void everything_is_read(void **state)
{
	static const struct {
		bool memory;
		size_t tail_bytes, segment_bytes;
	} cases[] = {
		{false, 0, 0},   {false, 1, 0},   {false, 1, 2000}, {false, 20000, 2000},
		{true, 1, 2000}, {true, 0, 2000}, {true, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture fx;
		struct walk k = {0};
		fx_init(&fx);
		fx.opt.memory = cases[i].memory;
		fx.opt.tail_bytes = cases[i].tail_bytes;
		fx.opt.segment_bytes = cases[i].segment_bytes;
		fx_open(&fx);
		struct wal_pos start = wal_head(fx.w);
		wal_hold(fx.w, SV("d"), start);
		struct wal_cursor *c = cursor_at(&fx, start, 0);
		for (unsigned n = 0; n < 100; n++) {
			fx_write(&fx, n, SLOTS);
			if (n % 7 == 0)
				walk_on(c, &k, 3);
			if (n == 60)
				walk_on(c, &k, UINT32_MAX);
		}
		walk_on(c, &k, UINT32_MAX);
		assert_int_equal(k.batches, 100);
		assert_int_equal(k.samples, 100 * SLOTS);
		assert_int_equal(k.skipped, 0);
		wal_cursor_free(c);

		/* Again from every place where a batch ends. */
		c = cursor_at(&fx, start, 0);
		for (unsigned n = 0; n < 100; n += 9) {
			struct walk part = {.next = n};
			struct wal_cursor *other = cursor_at(&fx, wal_cursor_pos(c), 0);
			walk_on(other, &part, UINT32_MAX);
			assert_int_equal(part.batches, 100 - n);
			wal_cursor_free(other);
			part = (struct walk){.next = n};
			walk_on(c, &part, 9);
		}
		wal_cursor_free(c);
		fx_deinit(&fx);
	}
}

static void a_restart_goes_on(void **state)
{
	struct fixture fx;
	struct walk k = {0};
	fx_init(&fx);
	fx.opt.segment_bytes = 3000;
	fx_open(&fx);
	struct wal_pos start = wal_head(fx.w), middle = start;
	wal_hold(fx.w, SV("d"), start);
	for (unsigned n = 0; n < 50; n++) {
		if (n == 20)
			middle = wal_head(fx.w);
		fx_write(&fx, n, SLOTS);
	}
	struct wal_pos head = wal_head(fx.w);
	fx_reopen(&fx);
	assert_int_equal(wal_head(fx.w).sequence, head.sequence);
	assert_true(wal_head(fx.w).segment > head.segment);
	wal_hold(fx.w, SV("d"), start);
	struct wal_cursor *c = cursor_at(&fx, middle, 0);
	struct wal_cursor *at_old_head = cursor_at(&fx, head, 0);
	k.next = 20;
	walk_on(c, &k, 10);
	/* Frames go on without being defined again. */
	for (unsigned n = 50; n < 60; n++)
		fx_write(&fx, n, SLOTS);
	walk_on(c, &k, UINT32_MAX);
	assert_int_equal(k.batches, 40);
	k = (struct walk){.next = 50};
	walk_on(at_old_head, &k, UINT32_MAX);
	assert_int_equal(k.batches, 10);
	wal_cursor_free(c);
	wal_cursor_free(at_old_head);
	fx_deinit(&fx);
}

static void an_old_position_moves_up(void **state)
{
	struct fixture fx;
	struct walk k = {0};
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx.opt.max_bytes = 10000;
	fx.opt.tail_bytes = 1;
	fx_open(&fx);
	struct wal_pos start = wal_head(fx.w);
	wal_hold(fx.w, SV("d"), start);
	struct wal_cursor *early = cursor_at(&fx, start, 0);
	fx_write(&fx, 0, SLOTS);
	walk_on(early, &k, 1); /* has the first segment open */
	for (unsigned n = 1; n < 200; n++)
		fx_write(&fx, n, SLOTS);
	struct wal_stats st;
	wal_stats_get(fx.w, &st);
	assert_true(st.bytes <= 10000 + 2000);
	assert_true(st.tail.sequence > 0);
	assert_int_equal(st.dropped_bounds, st.tail.sequence);

	struct wal_cursor *late = cursor_at(&fx, start, st.tail.sequence);
	struct walk rest = {.next = (unsigned)(st.tail.sequence / SLOTS)};
	walk_on(late, &rest, UINT32_MAX);
	assert_int_equal(rest.samples + st.tail.sequence, 200 * SLOTS);
	assert_int_equal(rest.skipped, 0);

	walk_on(early, &k, UINT32_MAX);
	assert_int_equal(k.samples + k.skipped, 200 * SLOTS);
	assert_int_equal(k.skipped, st.tail.sequence - SLOTS);
	wal_cursor_free(early);
	wal_cursor_free(late);
	fx_deinit(&fx);
}

/* Memory still has what the files have not: nothing is skipped. */
static void the_tail_outlives_segments(void **state)
{
	struct fixture fx;
	struct walk k = {0};
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx.opt.max_bytes = 4000;
	fx_open(&fx);
	struct wal_cursor *c = cursor_at(&fx, wal_head(fx.w), 0);
	for (unsigned n = 0; n < 100; n++)
		fx_write(&fx, n, SLOTS);
	walk_on(c, &k, UINT32_MAX);
	assert_int_equal(k.samples, 100 * SLOTS);
	assert_int_equal(k.skipped, 0);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

static void a_position_ahead_is_clamped(void **state)
{
	struct fixture fx;
	struct walk k = {.next = 5};
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 5; n++)
		fx_write(&fx, n, SLOTS);
	struct wal_pos ahead = wal_head(fx.w);
	ahead.sequence += 1000;
	ahead.offset += 1 << 20;
	struct wal_cursor *c = cursor_at(&fx, ahead, 0);
	struct wal_pos at = wal_cursor_pos(c), head = wal_head(fx.w);
	assert_memory_equal(&at, &head, sizeof at);
	fx_write(&fx, 5, SLOTS);
	walk_on(c, &k, UINT32_MAX);
	assert_int_equal(k.batches, 1);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

static void the_sequence_can_be_advanced(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 5; n++)
		fx_write(&fx, n, SLOTS);
	struct wal_pos behind = wal_head(fx.w);
	assert_int_equal(wal_advance_sequence(fx.w, 100), 0);
	assert_int_equal(wal_head(fx.w).sequence, 500);
	assert_int_equal(wal_advance_sequence(fx.w, 10 * SLOTS), 0);
	assert_int_equal(wal_head(fx.w).sequence, 10 * SLOTS);
	struct wal_cursor *c = cursor_at(&fx, behind, 0);
	fx_write(&fx, 10, SLOTS);
	struct walk k = {.next = 5};
	walk_on(c, &k, UINT32_MAX);
	assert_int_equal(k.batches, 1);
	assert_int_equal(k.skipped, 5 * SLOTS);
	wal_cursor_free(c);
	fx_close(&fx);
	fx_open(&fx);
	assert_int_equal(wal_head(fx.w).sequence, 11 * SLOTS);
	fx_deinit(&fx);
}

/* The destinations tell one after the other how far they are: the first one's lead must not cost
 * the others what they still have to send. */
static void advancing_lets_nothing_go(void **state)
{
	struct fixture fx;
	struct walk k = {0};
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	const struct wal_pos start = wal_head(fx.w);
	wal_hold(fx.w, SV("slow"), start);
	for (unsigned n = 0; n < 30; n++)
		fx_write(&fx, n, SLOTS);
	fx_reopen(&fx);
	assert_int_equal(wal_advance_sequence(fx.w, 60 * SLOTS), 0);
	wal_hold(fx.w, SV("fast"), wal_head(fx.w));
	assert_int_equal(wal_advance_sequence(fx.w, 70 * SLOTS), 0);
	struct wal_cursor *c = cursor_at(&fx, start, 0);
	walk_on(c, &k, UINT32_MAX);
	assert_int_equal(k.batches, 30);
	assert_int_equal(k.skipped, 0);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

/* A position that names a place that cannot be: what counts is the sequence. */
static void a_wrong_place_is_found_by_sequence(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx.opt.segment_bytes = 2000;
	fx_open(&fx);
	wal_hold(fx.w, SV("d"), wal_head(fx.w));
	for (unsigned n = 0; n < 60; n++)
		fx_write(&fx, n, SLOTS);
	const struct wal_pos wrong[] = {
		{1, UINT64_C(1) << 40, 30 * SLOTS},
		{2, 3, 30 * SLOTS},
		{99, 48, 30 * SLOTS},
		{wal_head(fx.w).segment, 48, 30 * SLOTS},
	};
	for (unsigned tail = 0; tail < 2; tail++) {
		for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
			struct walk k = {.next = 30};
			struct wal_cursor *c = cursor_at(&fx, wrong[i], 0);
			walk_on(c, &k, UINT32_MAX);
			assert_int_equal(k.batches, 30);
			assert_int_equal(k.skipped, 0);
			wal_cursor_free(c);
		}
		fx_reopen(&fx);
	}
	fx_deinit(&fx);
}

static size_t slurp(const char *path, char *dst, size_t max)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(dst, 1, max, f);
	fclose(f);
	return n;
}

static void spit(const char *path, const char *src, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(src, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Opens a log whose first segment is as given, reads all, adds one batch and reads that: delivered
 * and skipped must come to what the head's sequence says. */
static void check_books(struct fixture *fx, struct walk *k)
{
	const struct wal_pos start = {1, 48, 0};
	fx_open(fx);
	wal_hold(fx->w, SV("d"), start);
	uint64_t samples = wal_head(fx->w).sequence;
	struct wal_cursor *c = cursor_at(fx, start, 0);
	walk_on(c, k, UINT32_MAX);
	struct batch *b = fx_empty(9, 99);
	fx_column(b, 50, 1, 0);
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
	uint64_t skipped;
	assert_int_equal(wal_cursor_next(c, &b, &skipped), 0);
	assert_int_equal(b->pos.sequence, samples);
	k->skipped += skipped;
	assert_int_equal(k->samples + k->skipped, samples);
	batch_unref(b);
	wal_cursor_free(c);
	fx_close(fx);
}

/* One byte of a segment is wrong: the books balance, wherever it is. A second segment shows that
 * the damage ends with its own. */
static void damage_is_counted(void **state)
{
	struct fixture fx;
	char path[128], second[128];
	static char first_bytes[1 << 16], second_bytes[1 << 16];
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned n = 0; n < 20; n++)
		fx_write(&fx, n, SLOTS);
	fx_reopen(&fx);
	for (unsigned n = 20; n < 25; n++)
		fx_write(&fx, n, SLOTS);
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	/* The second was the end's mark. */
	fx_path(&fx, second, sizeof second, "seg-0000000000000003");
	size_t n_first = slurp(path, first_bytes, sizeof first_bytes);
	size_t n_second = slurp(second, second_bytes, sizeof second_bytes);
	/* The header and the ledger record hold no samples. */
	size_t samples_at = 48 + 11 + (uint8_t)first_bytes[48 + 3];
	for (size_t at = 0; at < n_first; at += 13) {
		struct walk k = {0};
		first_bytes[at] ^= 0x55;
		spit(path, first_bytes, n_first);
		check_books(&fx, &k);
		first_bytes[at] ^= 0x55;
		assert_true(k.batches >= 5);
		assert_int_equal(k.samples, at < samples_at ? 25 * SLOTS : k.samples);
		if (at >= samples_at)
			assert_true(k.samples < 25 * SLOTS);
		/* Away with what check_books() added. */
		for (unsigned i = 4; i < 9; i++) {
			char name[32], other[128];
			snprintf(name, sizeof name, "seg-%016u", i);
			fx_path(&fx, other, sizeof other, name);
			remove(other);
		}
		spit(second, second_bytes, n_second);
	}
	fx_deinit(&fx);
}

static bool no_memory;

struct batch *__real_batch_new(size_t max);
struct batch *__wrap_batch_new(size_t max);
struct batch *__wrap_batch_new(size_t max)
{
	return no_memory ? NULL : __real_batch_new(max);
}

/* What there was no memory for is read when there is some. */
static void no_memory_loses_nothing(void **state)
{
	struct fixture fx;
	struct walk k = {0};
	struct batch *b;
	uint64_t skipped;
	fx_init(&fx);
	fx.opt.tail_bytes = 1;
	fx_open(&fx);
	struct wal_cursor *c = cursor_at(&fx, wal_head(fx.w), 0);
	for (unsigned n = 0; n < 20; n++)
		fx_write(&fx, n, SLOTS);
	for (unsigned n = 0; n < 20; n++) {
		if (n % 3 == 0) {
			no_memory = true;
			assert_int_equal(wal_cursor_next(c, &b, &skipped), ERR_NOMEM);
			no_memory = false;
		}
		walk_on(c, &k, 1);
	}
	assert_int_equal(k.batches, 20);
	assert_int_equal(k.skipped, 0);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(a_restart_goes_on),
		cmocka_unit_test(an_old_position_moves_up),
		cmocka_unit_test(the_tail_outlives_segments),
		cmocka_unit_test(a_position_ahead_is_clamped),
		cmocka_unit_test(the_sequence_can_be_advanced),
		cmocka_unit_test(advancing_lets_nothing_go),
		cmocka_unit_test(a_wrong_place_is_found_by_sequence),
		cmocka_unit_test(damage_is_counted),
		cmocka_unit_test(no_memory_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
