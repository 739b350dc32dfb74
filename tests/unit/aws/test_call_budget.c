/* Tokens of retries by host; pauses. */
#include "call_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static void test_bucket_empties_and_fills(void **state)
{
	struct aws_call_budget b = {0};
	struct sv host = SV("sts.eu-west-1.amazonaws.com");
	for (int i = 0; i < 100; i++)
		assert_true(call_budget_take(&b, host, 5));
	assert_false(call_budget_take(&b, host, 5));
	assert_false(call_budget_take(&b, host, 1));
	for (int i = 0; i < 4; i++)
		call_budget_give(&b, host, 1);
	assert_false(call_budget_take(&b, host, 5));
	call_budget_give(&b, host, 1);
	assert_true(call_budget_take(&b, host, 5));
	/* More than was spent is not kept. */
	call_budget_give(&b, host, 100000);
	for (int i = 0; i < 50; i++)
		assert_true(call_budget_take(&b, host, 10));
	assert_false(call_budget_take(&b, host, 10));
}

static void test_hosts_do_not_share(void **state)
{
	struct aws_call_budget b = {0};
	char name[32];
	for (int i = 0; i < CALL_BUDGET_HOSTS; i++) {
		snprintf(name, sizeof name, "host-%d", i);
		assert_true(call_budget_take(&b, sv_of(name), 500 - (unsigned)i));
		assert_false(call_budget_take(&b, sv_of(name), 20));
	}
	/* One more takes the place of the one that has most left; the others stay as they are. */
	assert_true(call_budget_take(&b, SV("another"), 500));
	assert_false(call_budget_take(&b, SV("host-0"), 5));
	assert_false(call_budget_take(&b, SV("another"), 5));
	/* Who was never here has nothing to get back. */
	call_budget_give(&b, SV("unknown"), 500);
	assert_false(call_budget_take(&b, SV("host-0"), 5));
}

static void test_costs(void **state)
{
	static const struct {
		enum aws_verdict verdict;
		enum http_result result;
		unsigned cost;
	} cases[] = {
		{AWS_CALL_OK, HTTP_OK, 0},
		{AWS_CALL_THROTTLED, HTTP_OK, 5},
		{AWS_CALL_TRANSIENT, HTTP_OK, 5},
		{AWS_CALL_UNREACHABLE, HTTP_NETWORK, 5},
		{AWS_CALL_UNREACHABLE, HTTP_TIMEOUT, 10},
		{AWS_CALL_UNREACHABLE, HTTP_TOO_LARGE, 0},
		{AWS_CALL_UNREACHABLE, HTTP_LOCAL, 0},
		{AWS_CALL_UNREACHABLE, HTTP_NO_ROOM, 0},
		{AWS_CALL_CLOCK, HTTP_OK, 0},
		{AWS_CALL_EXPIRED, HTTP_OK, 0},
		{AWS_CALL_DENIED, HTTP_OK, 0},
		{AWS_CALL_REFUSED, HTTP_OK, 0},
		{AWS_CALL_NO_KEYS, HTTP_LOCAL, 0},
	};
	for (size_t i = 0; i < LEN(cases); i++)
		assert_int_equal(call_retry_cost(cases[i].verdict, cases[i].result), cases[i].cost);
}

static void test_pauses_double_up_to_a_bound(void **state)
{
	static const struct {
		enum aws_verdict verdict;
		unsigned n;
		int64_t bound_ms;
	} cases[] = {
		{AWS_CALL_THROTTLED, 1, 1000},   {AWS_CALL_THROTTLED, 2, 2000},
		{AWS_CALL_THROTTLED, 5, 16000},  {AWS_CALL_THROTTLED, 6, 20000},
		{AWS_CALL_THROTTLED, 60, 20000}, {AWS_CALL_TRANSIENT, 1, 100},
		{AWS_CALL_TRANSIENT, 2, 200},    {AWS_CALL_UNREACHABLE, 1, 100},
		{AWS_CALL_TRANSIENT, 9, 20000},  {AWS_CALL_TRANSIENT, 4000000000, 20000},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t random = 88172645463325252u;
		int64_t least = INT64_MAX, most = 0;
		for (int k = 0; k < 2000; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			int64_t ms = call_retry_delay_ms(cases[i].verdict, cases[i].n, SV_NULL, 0,
							 random);
			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
		}
		/* All of the bound is used, and nothing beyond it. */
		assert_in_range(most, cases[i].bound_ms * 9 / 10, cases[i].bound_ms);
		assert_in_range(least, 0, cases[i].bound_ms / 10);
	}
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"", 0},
		{"0", 0},
		{"3", 3000},
		{" 3 ", 3000},
		{"20", 20000},
		{"21", 20000},
		{"99999999999999999999", 0},
		{"18446744073709551615", 20000},
		{"-3", 0},
		{"soon", 0},
		{"Sun, 06 Nov 1994 08:49:40 GMT", 3000},
		{"Sun, 06 Nov 1994 08:49:30 GMT", 0},
		{"Sun, 06 Nov 2094 08:49:37 GMT", 20000},
	};
	const int64_t now_ms = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
	for (size_t i = 0; i < LEN(cases); i++)
		assert_int_equal(
			call_retry_delay_ms(AWS_CALL_TRANSIENT, 1, sv_of(cases[i].text), now_ms, 0),
			cases[i].ms);
	/* What chance gives is not shortened. */
	assert_int_equal(call_retry_delay_ms(AWS_CALL_THROTTLED, 6, SV("3"), now_ms, 19999), 19999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket_empties_and_fills),
		cmocka_unit_test(test_hosts_do_not_share),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_pauses_double_up_to_a_bound),
		cmocka_unit_test(test_retry_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
