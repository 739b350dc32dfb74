/* The line table by itself: index, order, truncation, packing. */
#include "../../../scrape/lines.h"

#include <ampagent/base/err.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t hash_of(uint32_t i)
{
	return (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* n lines in a chain, of generation 1. */
static void fill(struct line_table *t, uint32_t n)
{
	uint32_t prev = LINE_NONE;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t line = line_table_add(t, hash_of(i), i % 100 + 1, 0);
		assert_int_equal(line, i);
		t->v[line].gen = 1;
		line_table_chain(t, prev, line);
		prev = line;
	}
}

static void finds_by_hash_and_length(void **state)
{
	struct line_table t = LINE_TABLE_NULL;
	assert_int_equal(line_table_find(&t, hash_of(0), 1), LINE_NONE);
	fill(&t, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(line_table_find(&t, hash_of(i), i % 100 + 1), i);
		assert_int_equal(line_table_find(&t, hash_of(i), i % 100 + 2), LINE_NONE);
	}
	assert_int_equal(line_table_find(&t, hash_of(1000), 1), LINE_NONE);
	assert_int_equal(t.first, 0);
	assert_int_equal(t.v[998].next, 999);
	assert_int_equal(t.v[999].next, LINE_NONE);
	line_table_deinit(&t);
}

static void truncation_leaves_no_way_to_what_is_gone(void **state)
{
	struct line_table t = LINE_TABLE_NULL;
	fill(&t, 100);
	/* A line that came before the mark was followed by one after it. */
	line_table_chain(&t, 3, 99);
	line_table_truncate(&t, 60);
	assert_int_equal(t.n, 60);
	assert_int_equal(t.v[3].next, LINE_NONE);
	assert_int_equal(t.v[59].next, LINE_NONE);
	assert_int_equal(t.v[58].next, 59);
	assert_int_equal(line_table_find(&t, hash_of(60), 61), LINE_NONE);
	assert_int_equal(line_table_find(&t, hash_of(59), 60), 59);
	/* The freed places are used again. */
	assert_int_equal(line_table_add(&t, hash_of(500), 7, 0), 60);
	assert_int_equal(line_table_find(&t, hash_of(500), 7), 60);
	line_table_truncate(&t, 0);
	assert_int_equal(t.first, LINE_NONE);
	assert_int_equal(line_table_find(&t, hash_of(0), 1), LINE_NONE);
	line_table_deinit(&t);
}

static void the_index_is_given_back_and_made_again(void **state)
{
	struct line_table t = LINE_TABLE_NULL;
	fill(&t, 100);
	assert_true(t.indexed);
	for (int i = 0; i < 10; i++)
		line_table_rest(&t);
	assert_false(t.indexed);
	assert_null(t.by_hash.cells);
	assert_int_equal(t.cap, t.n);
	/* Truncating does not need it. */
	line_table_truncate(&t, 90);
	assert_int_equal(line_table_find(&t, hash_of(95), 96), LINE_NONE);
	assert_int_equal(line_table_find(&t, hash_of(89), 90), 89);
	assert_true(t.indexed);
	for (int i = 0; i < 10; i++)
		line_table_rest(&t);
	assert_false(t.indexed);
	assert_int_equal(line_table_add(&t, hash_of(95), 96, 0), 90);
	assert_int_equal(line_table_find(&t, hash_of(95), 96), 90);
	assert_int_equal(line_table_find(&t, hash_of(0), 1), 0);
	line_table_deinit(&t);
}

static void looking_keeps_the_index(void **state)
{
	struct line_table t = LINE_TABLE_NULL;
	fill(&t, 10);
	for (int i = 0; i < 20; i++) {
		line_table_find(&t, hash_of(1), 2);
		line_table_rest(&t);
		assert_true(t.indexed);
	}
	line_table_deinit(&t);
}

static void packing_keeps_order_and_chain(void **state)
{
	struct line_table t = LINE_TABLE_NULL;
	fill(&t, 100);
	for (uint32_t i = 0; i < 100; i += 2)
		t.v[i].gen = 2;
	for (uint32_t i = 0; i < 98; i += 2)
		line_table_chain(&t, i, i + 2);
	assert_int_equal(line_table_compact(&t, 2), 0);
	assert_int_equal(t.n, 50);
	assert_int_equal(t.cap, 50);
	assert_int_equal(t.first, 0);
	for (uint32_t i = 0; i < 50; i++) {
		assert_true(t.v[i].hash == hash_of(2 * i));
		/* The last one's successor was packed away. */
		assert_int_equal(t.v[i].next, i < 49 ? i + 1 : LINE_NONE);
		assert_int_equal(line_table_find(&t, hash_of(2 * i), 2 * i % 100 + 1), i);
		assert_int_equal(line_table_find(&t, hash_of(2 * i + 1), (2 * i + 1) % 100 + 1),
				 LINE_NONE);
	}
	/* Nothing stays: the table can still grow. */
	assert_int_equal(line_table_compact(&t, 3), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(t.first, LINE_NONE);
	assert_int_equal(line_table_add(&t, hash_of(0), 1, 0), 0);
	line_table_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_hash_and_length),
		cmocka_unit_test(truncation_leaves_no_way_to_what_is_gone),
		cmocka_unit_test(the_index_is_given_back_and_made_again),
		cmocka_unit_test(looking_keeps_the_index),
		cmocka_unit_test(packing_keeps_order_and_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
