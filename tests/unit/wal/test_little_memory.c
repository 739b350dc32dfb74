/* A log that is used with less memory than wrote it. */
#include "fixture.h"

#include <ampagent/base/limits.h>

#include <signal.h>
#include <sys/resource.h>

enum {
	SLOTS = 256,
	LIMIT = 16 << 20, /* 6 MiB of it may be charged */
};

static int forget(void **state)
{
	budget_set(0);
	assert_int_equal(budget_used_all(), 0);
	return 0;
}

/* A batch of one owner's frames from `frame` on, defined the first time. */
static struct batch *many_frames(uint32_t owner, uint32_t frame, unsigned n, unsigned k)
{
	struct batch *b = fx_empty(owner, 1000 + k);
	if (k == 0) {
		fx_define_owner(b);
		b->defs = arena_calloc(&b->arena, (size_t)n * SLOTS, sizeof *b->defs);
	}
	b->columns = arena_calloc(&b->arena, n, sizeof *b->columns);
	struct labels labels[SLOTS];
	for (unsigned s = 0; k == 0 && s < SLOTS; s++)
		labels[s] = fx_labels(&b->arena, "f", s);
	for (unsigned i = 0; i < n; i++) {
		struct batch_column *c = &b->columns[b->n_columns++];
		c->frame = frame + i;
		c->n_slots = SLOTS;
		c->values = arena_calloc(&b->arena, SLOTS, sizeof *c->values);
		memset(c->present, 0xff, sizeof c->present);
		for (unsigned s = 0; s < SLOTS; s++) {
			c->values[s] = bits_of_double(k * 7 + i + s);
			if (k == 0)
				b->defs[b->n_defs++] =
					(struct batch_def){c->frame, (uint16_t)s, labels[s]};
		}
	}
	batch_seal(b);
	return b;
}

static void put(struct fixture *fx, struct batch *b)
{
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
}

static void set_file_limit(rlim_t max)
{
	struct rlimit rl;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &rl), 0);
	rl.rlim_cur = max < rl.rlim_max ? max : rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

/* Two hundred and fifty-six batches wait for a disk, but not of any size. */
static unsigned queued_until_refused(struct fixture *fx)
{
	struct batch_sink sink = wal_sink(fx->w);
	for (unsigned k = 1;; k++) {
		struct batch *b = many_frames(1, 1, 100, k);
		if (sink.put(sink.cls, b) == 0)
			continue;
		batch_unref(b);
		return k - 1;
	}
}

static void large_batches_wait_within_the_budget(void **state)
{
	for (int limited = 0; limited < 2; limited++) {
		struct fixture fx;
		signal(SIGXFSZ, SIG_IGN);
		budget_set(limited ? LIMIT : 0);
		fx_init(&fx);
		fx_open(&fx);
		put(&fx, many_frames(1, 1, 100, 0));
		set_file_limit(wal_head(fx.w).offset + 10);
		unsigned n = queued_until_refused(&fx);
		size_t each = 100 * SLOTS * sizeof(uint64_t);
		if (limited) {
			assert_true(n >= 1 && n * each <= budget_total() / 4);
			assert_true(budget_used_all() <= budget_total());
		} else {
			assert_int_equal(n, WAL_QUEUE_BATCHES);
		}
		set_file_limit(RLIM_INFINITY);
		while (wal_flush(fx.w, false) != 0)
			;
		/* There is room again. */
		put(&fx, many_frames(1, 1, 100, n + 1));
		assert_int_equal(wal_head(fx.w).sequence, (n + 2) * 100 * SLOTS);
		fx_deinit(&fx);
	}
}

static void even_one_that_is_larger_than_its_share_is_taken(void **state)
{
	struct fixture fx;
	budget_set(LIMIT);
	fx_init(&fx);
	fx_open(&fx);
	put(&fx, many_frames(1, 1, 1000, 1));
	assert_int_equal(wal_head(fx.w).sequence, 1000 * SLOTS);
	fx_deinit(&fx);
}

static void the_tail_has_its_share(void **state)
{
	struct fixture fx;
	budget_set(LIMIT);
	fx_init(&fx);
	fx_open(&fx);
	for (unsigned k = 0; k < 20; k++)
		put(&fx, many_frames(1, 1, 40, k));
	assert_true(budget_used(BUDGET_TAIL) > 0);
	assert_true(budget_used(BUDGET_TAIL) <= budget_total() / 16);
	/* Only the buffer that is coded into. */
	assert_true(budget_used(BUDGET_BATCHES) <= KiB(256));
	fx_deinit(&fx);
}

/* Written with memory for it: a batch and a table of last values that no longer fit are not known,
 * what is small is, and every sample has its place in the count. */
static void what_a_larger_one_wrote_is_opened_and_counted(void **state)
{
	enum { LARGE = 1000, ROUNDS = 4 };
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct wal_pos start = wal_head(fx.w);
	wal_hold(fx.w, SV("d"), start);
	for (unsigned k = 0; k < ROUNDS; k++) {
		put(&fx, many_frames(1, 1, LARGE, k));
		put(&fx, many_frames(2, 5001, 1, k));
	}
	uint64_t head = wal_head(fx.w).sequence;
	fx_close(&fx);
	assert_int_equal(head, ROUNDS * (LARGE + 1) * SLOTS);

	budget_set(LIMIT);
	fx_open(&fx);
	assert_int_equal(wal_head(fx.w).sequence, head);
	assert_int_equal(wal_next_frame(fx.w), 5002);
	put(&fx, many_frames(2, 5001, 1, ROUNDS));
	struct wal_cursor *c;
	struct batch *b;
	uint64_t skipped, samples = 0, lost = 0;
	unsigned small = 0;
	assert_int_equal(wal_cursor_new(fx.w, start, &c, &skipped), 0);
	while (wal_cursor_next(c, &b, &skipped) == 0) {
		samples += b->n_samples;
		lost += skipped;
		assert_int_equal(b->owner, 2);
		for (unsigned s = 0; s < SLOTS; s++)
			assert_true(b->columns[0].values[s] ==
				    bits_of_double((double)(b->t_ms - 1000) * 7 + s));
		small++;
		batch_unref(b);
		assert_true(budget_used_all() <= budget_total());
	}
	/* The first, told in full, and what was written since. */
	assert_true(small >= 2);
	assert_int_equal(samples + lost, head + SLOTS);
	assert_true(lost >= ROUNDS * LARGE * SLOTS);
	wal_cursor_free(c);
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(large_batches_wait_within_the_budget, forget),
		cmocka_unit_test_teardown(even_one_that_is_larger_than_its_share_is_taken, forget),
		cmocka_unit_test_teardown(the_tail_has_its_share, forget),
		cmocka_unit_test_teardown(what_a_larger_one_wrote_is_opened_and_counted, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
