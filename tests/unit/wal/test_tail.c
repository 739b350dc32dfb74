/* The tail: bounded, without gaps, searched by position. */
#include "fixture.h"

#include "../../../src/wal/log.h"

static struct batch *batch_at(uint64_t segment, uint64_t offset, size_t bytes)
{
	struct batch *b = fx_empty(1, 1);
	b->bytes = bytes;
	b->pos = (struct wal_pos){segment, offset, 0};
	b->end = (struct wal_pos){segment, offset + 10, 0};
	return b;
}

static void push(struct tail *t, uint64_t segment, uint64_t offset, size_t bytes)
{
	struct batch *b = batch_at(segment, offset, bytes);
	tail_push(t, b);
	batch_unref(b);
}

static void finds_what_follows(void **state)
{
	struct tail t = {.max_bytes = 1000};
	assert_null(tail_find(&t, (struct wal_pos){1, 48, 0}));
	push(&t, 1, 48, 100);
	push(&t, 1, 58, 100);
	push(&t, 2, 48, 100);
	assert_null(tail_find(&t, (struct wal_pos){1, 47, 0}));
	assert_int_equal(tail_find(&t, (struct wal_pos){1, 48, 0})->pos.offset, 48);
	assert_int_equal(tail_find(&t, (struct wal_pos){1, 58, 0})->pos.offset, 58);
	/* The end of a segment and the start of the next are one place. */
	assert_int_equal(tail_find(&t, (struct wal_pos){1, 68, 0})->pos.segment, 2);
	assert_null(tail_find(&t, (struct wal_pos){2, 58, 0}));
	tail_deinit(&t);
}

static void is_bounded(void **state)
{
	struct tail t = {.max_bytes = 1000};
	for (uint64_t i = 0; i < 500; i++) {
		push(&t, 1, 48 + 10 * i, 90);
		assert_true(t.bytes <= 1000);
		assert_true(t.n <= 11);
	}
	assert_int_equal(t.n, 11);
	assert_null(tail_find(&t, (struct wal_pos){1, 48 + 10 * 488, 0}));
	assert_non_null(tail_find(&t, (struct wal_pos){1, 48 + 10 * 489, 0}));
	tail_deinit(&t);
}

/* What does not fit leaves nothing behind it: older ones would be followed by a gap. */
static void a_large_batch_empties_it(void **state)
{
	struct tail t = {.max_bytes = 1000};
	push(&t, 1, 48, 100);
	push(&t, 1, 58, 1001);
	assert_int_equal(t.n, 0);
	assert_int_equal(t.bytes, 0);
	push(&t, 1, 68, 1000);
	assert_int_equal(t.n, 1);
	assert_null(tail_find(&t, (struct wal_pos){1, 58, 0}));
	tail_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_follows),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(a_large_batch_empties_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
