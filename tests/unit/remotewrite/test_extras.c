#include "../../../remotewrite/extras.h"

#include "cmocka_all.h"
#include "make.h"

#include <stdlib.h>

static uint32_t count(const struct extras *x, uint16_t slot)
{
	uint32_t n;
	const struct batch_exemplar *v = extras_exemplars(x, slot, &n);
	assert_int_equal(v != NULL, n > 0);
	return n;
}

/* By a plain search: what each item should carry, and since when it counts. */
static void check_batch(const struct batch *b)
{
	struct make_item *items;
	size_t n = make_items(b, &items);
	uint32_t item = 0;
	for (size_t i = 0; i < n;) {
		bool column = item < b->n_columns;
		size_t end = i + (column ? b->columns[item].n_present : 1);
		for (; i < end; i++) {
			struct extras x;
			uint32_t len;
			extras_find(&x, b, items[i].frame, item, true);
			const struct batch_exemplar *v = extras_exemplars(&x, items[i].slot, &len);
			assert_int_equal(len, items[i].n_exemplars);
			assert_ptr_equal(v, items[i].exemplars);
			if (!items[i].h)
				assert_int_equal(extras_start(&x, items[i].slot),
						 items[i].start_ms);
			extras_carried(&x, items[i].slot);
			assert_int_equal(count(&x, items[i].slot), 0);
			extras_find(&x, b, items[i].frame, item, false);
			assert_int_equal(count(&x, items[i].slot), 0);
		}
		item++;
	}
	free(items);
}

static void test_random_batches(void **state)
{
	uint64_t rng = 99;
	for (int i = 0; i < 60; i++) {
		struct batch *b = make_random_batch(&rng, 0, 1000);
		check_batch(b);
		batch_unref(b);
	}
}

static void test_edges(void **state)
{
	struct batch_start starts[] = {{1, 0, 10}, {1, 255, 20}, {3, 7, 30}};
	struct batch_exemplar ex[] = {{1, 255, 5, 0, LABELS_NULL},
				      {1, 255, 6, 0, LABELS_NULL},
				      {3, 0, 7, 0, LABELS_NULL}};
	struct batch b = {.starts = starts, .n_starts = 3, .exemplars = ex, .n_exemplars = 3};
	struct extras x;
	extras_find(&x, &b, 1, 0, true);
	assert_int_equal(extras_start(&x, 0), 10);
	assert_int_equal(extras_start(&x, 255), 20);
	assert_int_equal(extras_start(&x, 7), 0);
	assert_int_equal(count(&x, 255), 2);
	assert_int_equal(count(&x, 0), 0);
	assert_int_equal(count(&x, 256), 0); /* no frame has it */
	extras_find(&x, &b, 2, 0, true);
	assert_int_equal(extras_start(&x, 0), 0);
	assert_int_equal(count(&x, 255), 0);
	extras_find(&x, &b, 3, 0, true);
	assert_int_equal(extras_start(&x, 7), 30);
	assert_int_equal(count(&x, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_batches),
		cmocka_unit_test(test_edges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
