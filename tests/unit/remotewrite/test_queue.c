#include "../../../remotewrite/queue.h"

#include "cmocka_all.h"

#include <ampagent/base/err.h>

static struct queue_entry entry_at(uint64_t sequence)
{
	return (struct queue_entry){.pos = {1, 0, sequence}, .end = sequence + 1};
}

static void test_numbers_stay(void **state)
{
	struct queue q = {0};
	uint64_t pushed = 0;
	/* It wraps and grows at many fills; what number n was stays number n. */
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < round % 37; i++) {
			struct queue_entry e = entry_at(pushed++);
			assert_int_equal(queue_push(&q, &e), 0);
		}
		assert_int_equal(queue_end(&q), pushed);
		for (uint64_t no = q.first; no < queue_end(&q); no++)
			assert_int_equal(queue_at(&q, no)->pos.sequence, no);
		queue_trim(&q, q.first + (uint64_t)(round % 31));
	}
	queue_trim(&q, pushed + 100);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.first, pushed);
	queue_deinit(&q);
}

static void test_owns_batches(void **state)
{
	struct queue q = {0};
	struct batch *b = batch_new(1 << 16);
	assert_non_null(b);
	batch_seal(b);
	for (uint64_t i = 0; i < 5; i++) {
		struct queue_entry e = entry_at(i);
		e.batch = batch_ref(b);
		assert_int_equal(queue_push(&q, &e), 0);
	}
	struct queue_entry lost = entry_at(5);
	assert_int_equal(queue_push(&q, &lost), 0);
	assert_int_equal(q.bytes, 5 * b->bytes);
	assert_int_equal(b->refs, 6);
	queue_trim(&q, 2);
	assert_int_equal(q.bytes, 3 * b->bytes);
	assert_int_equal(b->refs, 4);
	queue_deinit(&q);
	assert_int_equal(b->refs, 1);
	batch_unref(b);
}

static void test_reserve(void **state)
{
	struct queue q = {0};
	assert_int_equal(queue_reserve(&q, 17), 0);
	const struct queue_entry *ring = q.ring;
	uint32_t cap = q.cap;
	assert_true(cap >= 17);
	for (uint64_t i = 0; i < 17; i++) {
		struct queue_entry e = entry_at(i);
		assert_int_equal(queue_push(&q, &e), 0);
	}
	assert_ptr_equal(q.ring, ring);
	assert_int_equal(queue_reserve(&q, cap - 17), 0);
	assert_ptr_equal(q.ring, ring);
	assert_int_equal(queue_reserve(&q, cap - 16), 0);
	assert_int_equal(q.cap, 2 * cap);
	for (uint64_t no = 0; no < 17; no++)
		assert_int_equal(queue_at(&q, no)->pos.sequence, no);
	queue_deinit(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_stay),
		cmocka_unit_test(test_owns_batches),
		cmocka_unit_test(test_reserve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
