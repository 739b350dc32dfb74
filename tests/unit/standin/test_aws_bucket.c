#include "check.h"

#include "../../../src/standin/aws_bucket.h"

static int take_all(struct aws_bucket *b, double rate, double burst, int64_t now_ms)
{
	int n = 0;
	while (n < 1000 && aws_bucket_take(b, rate, burst, now_ms))
		n++;
	return n;
}

static void a_full_bucket_has_its_burst(void **state)
{
	struct aws_bucket b = {0, 0};
	assert_int_equal(take_all(&b, 20, 50, 1000), 50);
	assert_int_equal(take_all(&b, 20, 50, 1000), 0);
}

static void it_fills_with_time_and_no_further(void **state)
{
	struct aws_bucket b = {0, 0};
	take_all(&b, 20, 50, 1000);
	assert_int_equal(take_all(&b, 20, 50, 1500), 10);
	assert_int_equal(take_all(&b, 20, 50, 1540), 0);
	assert_int_equal(take_all(&b, 20, 50, 1550), 1);
	assert_int_equal(take_all(&b, 20, 50, 3600000), 50);
}

static void refusals_cost_nothing(void **state)
{
	struct aws_bucket b = {0, 0};
	take_all(&b, 1, 2, 0);
	for (int64_t ms = 0; ms < 1000; ms += 10)
		assert_false(aws_bucket_take(&b, 1, 2, ms));
	assert_true(aws_bucket_take(&b, 1, 2, 1000));
}

static void no_rate_is_no_limit(void **state)
{
	struct aws_bucket b = {0, 0};
	assert_int_equal(take_all(&b, 0, 0, 0), 1000);
}

static void at_least_one_fits(void **state)
{
	struct aws_bucket b = {0, 0};
	assert_int_equal(take_all(&b, 1, 0, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_has_its_burst),
		cmocka_unit_test(it_fills_with_time_and_no_further),
		cmocka_unit_test(refusals_cost_nothing),
		cmocka_unit_test(no_rate_is_no_limit),
		cmocka_unit_test(at_least_one_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
