/* What a leap of the wall clock does to the age of samples. */
#include "../../../remotewrite/age.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define T0 INT64_C(784111777000)
#define DATE SV("Sun, 06 Nov 1994 08:49:37 GMT")
#define HOUR_LATER SV("Sun, 06 Nov 1994 09:49:37 GMT")

enum { HOUR = 3600 * 1000 };

static void runs_with_the_wall_clock(void **state)
{
	struct age_clock c = {.set = false};
	assert_int_equal(age_clock_now(&c, 0, T0), T0);
	assert_int_equal(age_clock_now(&c, 10 * HOUR, T0 + 10 * HOUR), T0 + 10 * HOUR);
	/* Drifts, small steps, steps back. */
	assert_int_equal(age_clock_now(&c, 10 * HOUR, T0 + 10 * HOUR + 50000),
			 T0 + 10 * HOUR + 50000);
	assert_int_equal(age_clock_now(&c, 10 * HOUR, T0), T0);
}

static void a_leap_waits_for_an_answer(void **state)
{
	struct age_clock c = {.set = false};
	age_clock_now(&c, 0, T0 - 5000);
	assert_int_equal(age_clock_now(&c, 5000, T0 + HOUR), T0);
	assert_int_equal(age_clock_now(&c, 6000, T0 + HOUR + 1000), T0 + 1000);
	/* The peer says that it is not later. */
	age_clock_answer(&c, 5000, T0 + HOUR, DATE);
	assert_int_equal(age_clock_now(&c, 7000, T0 + HOUR + 2000), T0 + 2000);
	/* The clock is set right. */
	assert_int_equal(age_clock_now(&c, 8000, T0 + 3000), T0 + 3000);
}

/* After a machine slept: the monotonic clock stood still. */
static void a_leap_that_is_right(void **state)
{
	struct age_clock c = {.set = false};
	age_clock_now(&c, 0, T0);
	assert_int_equal(age_clock_now(&c, 0, T0 + HOUR), T0);
	age_clock_answer(&c, 0, T0 + HOUR, HOUR_LATER);
	assert_int_equal(age_clock_now(&c, 0, T0 + HOUR), T0 + HOUR);
}

static void answers_without_a_date(void **state)
{
	static const struct sv texts[] = {{"", 0}, {"yesterday", 9}};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct age_clock c = {.set = false};
		age_clock_now(&c, 0, T0);
		age_clock_answer(&c, 0, T0 + HOUR, texts[i]);
		assert_int_equal(age_clock_now(&c, 0, T0 + HOUR), T0 + HOUR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_with_the_wall_clock),
		cmocka_unit_test(a_leap_waits_for_an_answer),
		cmocka_unit_test(a_leap_that_is_right),
		cmocka_unit_test(answers_without_a_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
