#include "check.h"

#include <ampagent/base/arena.h>
#include <ampagent/base/budget.h>
#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>

static int forget(void **state)
{
	budget_set(0);
	for (int p = BUDGET_PAGES; p < BUDGET_PARTS; p++)
		budget_release((enum budget_part)p, budget_used((enum budget_part)p));
	return 0;
}

static void without_a_limit_there_is_room(void **state)
{
	budget_charge(BUDGET_SERIES, SIZE_MAX / 4);
	assert_int_equal(budget_limit(), 0);
	assert_int_equal(budget_total(), 0);
	assert_true(budget_room() == SIZE_MAX);
	assert_true(budget_fair(5, 1000) == 1000);
	assert_true(budget_bound(1000, 8) == 1000);
	assert_int_equal(budget_level(), BUDGET_CALM);
	budget_measure();
	assert_int_equal(budget_used(BUDGET_OTHER), 0);
}

static void some_of_a_limit_is_reserved(void **state)
{
	assert_true(budget_of_limit(MiB(32)) == MiB(20));
	assert_true(budget_of_limit(MiB(1024)) == MiB(1024 - 128 - 8));
	/* Too little is shared as well as can be. */
	assert_true(budget_of_limit(MiB(8)) == MiB(2));
	for (uint64_t n = 1; n < MiB(64); n += 99991)
		assert_true(budget_of_limit(n) < n && budget_of_limit(n) >= n / 4);
}

static void parts_add_up(void **state)
{
	budget_charge(BUDGET_PAGES, 100);
	budget_charge(BUDGET_TAIL, 20);
	budget_charge(BUDGET_NONE, 7);
	assert_int_equal(budget_used_all(), 120);
	budget_move(BUDGET_PAGES, BUDGET_BATCHES, 60);
	assert_int_equal(budget_used(BUDGET_PAGES), 40);
	assert_int_equal(budget_used(BUDGET_BATCHES), 60);
	assert_int_equal(budget_used_all(), 120);
	budget_release(BUDGET_TAIL, 20);
	assert_int_equal(budget_used_all(), 100);
	assert_string_equal(budget_part_name(BUDGET_PAGES), "pages");
	assert_string_equal(budget_part_name(BUDGET_OTHER), "other");
}

/* One that takes all it may stops at half; more of them leave the same to each. */
static void large_ones_share(void **state)
{
	budget_set(MiB(32));
	size_t own[4] = {0};
	for (int round = 0; round < 64; round++) {
		for (int i = 0; i < 4; i++) {
			size_t may = budget_fair(own[i], MiB(512));
			if (may <= own[i])
				continue;
			budget_charge(BUDGET_PAGES, may - own[i]);
			own[i] = may;
		}
		assert_true(budget_used_all() <= budget_total());
	}
	/* The first took half of it before the others came, which is as much as is then free. */
	assert_true(own[0] >= MiB(9) && own[0] <= MiB(10));
	for (int i = 1; i < 4; i++)
		assert_true(own[i] > 0);
	assert_true(budget_room() > 0);
	assert_true(budget_fair(0, KiB(64)) == KiB(64));
}

static void a_bound_is_a_share(void **state)
{
	budget_set(MiB(32));
	assert_true(budget_bound(MiB(4), 16) == budget_total() / 16);
	assert_true(budget_bound(KiB(4), 16) == KiB(4));
}

static void levels_come_in_order(void **state)
{
	static const struct {
		enum budget_level now;
		unsigned used;
		enum budget_level next;
	} rows[] = {
		{BUDGET_CALM, 0, BUDGET_CALM},
		{BUDGET_CALM, 599, BUDGET_CALM},
		{BUDGET_CALM, 600, BUDGET_SHED_METADATA},
		{BUDGET_CALM, 700, BUDGET_SHED_EXEMPLARS},
		{BUDGET_CALM, 800, BUDGET_SHED_SERIES},
		{BUDGET_CALM, 900, BUDGET_SHED_TARGET},
		{BUDGET_CALM, 5000, BUDGET_SHED_TARGET},
		/* Ten hundredths below, not at once. */
		{BUDGET_SHED_TARGET, 899, BUDGET_SHED_TARGET},
		{BUDGET_SHED_TARGET, 800, BUDGET_SHED_TARGET},
		{BUDGET_SHED_TARGET, 799, BUDGET_SHED_SERIES},
		{BUDGET_SHED_SERIES, 699, BUDGET_SHED_EXEMPLARS},
		{BUDGET_SHED_EXEMPLARS, 599, BUDGET_SHED_METADATA},
		{BUDGET_SHED_METADATA, 500, BUDGET_SHED_METADATA},
		{BUDGET_SHED_METADATA, 499, BUDGET_CALM},
		{BUDGET_SHED_TARGET, 0, BUDGET_CALM},
		{BUDGET_SHED_METADATA, 850, BUDGET_SHED_SERIES},
	};
	for (size_t i = 0; i < N_OF(rows); i++)
		assert_int_equal(budget_level_next(rows[i].now, rows[i].used, 1000), rows[i].next);
	assert_int_equal(budget_level_next(BUDGET_SHED_TARGET, 5, 0), BUDGET_CALM);
}

static void pages_do_not_press(void **state)
{
	budget_set(MiB(32));
	budget_charge(BUDGET_PAGES, MiB(19));
	assert_int_equal(budget_level(), BUDGET_CALM);
	budget_charge(BUDGET_SERIES, MiB(13));
	assert_int_equal(budget_level(), BUDGET_SHED_METADATA);
	budget_charge(BUDGET_METADATA, MiB(6));
	assert_int_equal(budget_level(), BUDGET_SHED_TARGET);
	assert_int_equal(budget_room(), 0);
	budget_release(BUDGET_METADATA, MiB(6));
	assert_int_equal(budget_level(), BUDGET_SHED_EXEMPLARS);
	budget_release(BUDGET_SERIES, MiB(4));
	assert_int_equal(budget_level(), BUDGET_CALM);
}

static void buffers_and_arenas_charge_what_they_hold(void **state)
{
	struct buf b;
	buf_init_in(&b, KiB(64), BUDGET_PAGES);
	for (int i = 0; i < 10000; i++)
		buf_char(&b, 'x');
	assert_int_equal(budget_used(BUDGET_PAGES), b.cap);
	buf_shrink(&b, 16);
	assert_int_equal(budget_used(BUDGET_PAGES), 0);
	buf_char(&b, 'x');
	assert_int_equal(budget_used(BUDGET_PAGES), b.cap);
	free(buf_take(&b));
	assert_int_equal(budget_used_all(), 0);

	struct arena a;
	arena_init_in(&a, MiB(1), BUDGET_BATCHES);
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 1000));
	assert_int_equal(budget_used(BUDGET_BATCHES), arena_held(&a));
	arena_move(&a, BUDGET_TAIL);
	assert_int_equal(budget_used(BUDGET_BATCHES), 0);
	assert_int_equal(budget_used(BUDGET_TAIL), arena_held(&a));
	arena_reset(&a);
	assert_int_equal(budget_used(BUDGET_TAIL), arena_held(&a));
	arena_deinit(&a);
	assert_int_equal(budget_used_all(), 0);
}

/* What nothing is charged for is found in what the kernel says. */
static void what_is_not_charged_is_measured(void **state)
{
	budget_set(MiB(64));
	budget_measure();
	uint64_t before = budget_used(BUDGET_OTHER);
	char *hidden = malloc(MiB(24));
	assert_non_null(hidden);
	memset(hidden, 1, MiB(24));
	budget_measure();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	assert_int_equal(budget_used(BUDGET_OTHER), before);
#else
	assert_true(budget_used(BUDGET_OTHER) >= before + MiB(15));
#endif
	assert_int_equal(hidden[MiB(12)], 1);
	free(hidden);
	budget_measure();
	assert_true(budget_used(BUDGET_OTHER) <= before + MiB(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_a_limit_there_is_room, forget),
		cmocka_unit_test_teardown(some_of_a_limit_is_reserved, forget),
		cmocka_unit_test_teardown(parts_add_up, forget),
		cmocka_unit_test_teardown(large_ones_share, forget),
		cmocka_unit_test_teardown(a_bound_is_a_share, forget),
		cmocka_unit_test_teardown(levels_come_in_order, forget),
		cmocka_unit_test_teardown(pages_do_not_press, forget),
		cmocka_unit_test_teardown(buffers_and_arenas_charge_what_they_hold, forget),
		cmocka_unit_test_teardown(what_is_not_charged_is_measured, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
