#include "../../../scrape/exemplars.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_only_new_ones(void **state)
{
	struct exemplar_memory m = EXEMPLAR_MEMORY_NULL;
	assert_int_equal(exemplar_memory_take(&m, 1, 10), 0);
	assert_int_equal(exemplar_memory_take(&m, 1, 10), 1);
	assert_int_equal(exemplar_memory_take(&m, 2, 10), 0);
	assert_int_equal(exemplar_memory_take(&m, 1, 11), 0);
	/* Only the last one is remembered. */
	assert_int_equal(exemplar_memory_take(&m, 1, 10), 0);
	assert_int_equal(m.n, 2);
	exemplar_memory_clear(&m);
	assert_int_equal(exemplar_memory_take(&m, 1, 10), 0);
	exemplar_memory_clear(&m);
}

static void test_many_series(void **state)
{
	struct exemplar_memory m = EXEMPLAR_MEMORY_NULL;
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 1; i <= 5000; i++)
			assert_int_equal(exemplar_memory_take(&m, i * 7919, i), round);
	assert_int_equal(m.n, 5000);
	exemplar_memory_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_new_ones),
		cmocka_unit_test(test_many_series),
	};
	return cmocka_run_group_tests_name("exemplars", tests, NULL, NULL);
}
