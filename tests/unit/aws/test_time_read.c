/* Times of RFC 3339 in every form that AWS and its tools write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/aws/time.h>

static void good_times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2011-07-15T23:28:33.359Z", 1310772513359},
		{"2026-11-21T16:10:32Z", 1795277432000},
		{"2026-11-21T16:10:32.1Z", 1795277432100},
		{"2026-11-21T16:10:32.123456789Z", 1795277432123},
		{"2026-11-21T16:10:32.999999999999Z", 1795277432999},
		{"2026-11-21 16:10:32Z", 1795277432000},
		{"2026-11-21t16:10:32z", 1795277432000},
		{"2026-11-21T16:10:32+00:00", 1795277432000},
		{"2026-11-21T18:40:32+02:30", 1795277432000},
		{"2026-11-21T08:10:32.5-08:00", 1795277432500},
		{"2000-02-29T12:00:00Z", 951825600000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"2038-01-19T03:14:08Z", 2147483648000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
		{"1970-01-01T01:00:00+01:00", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ms = -1;
		if (aws_time_read(sv_of(cases[i].text), &ms) != 0)
			fail_msg("%s is refused", cases[i].text);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void bad_times(void **state)
{
	static const char *const cases[] = {
		"",
		"2026-11-21",
		"2026-11-21T16:10Z",
		"2026-11-21T16:10:32",
		"2026-11-21T16:10:32.Z",
		"2026-11-21T16:10:32,5Z",
		"2026-11-21T16:10:32Zx",
		" 2026-11-21T16:10:32Z",
		"2026-11-21T16:10:32Z ",
		"2026-11-21X16:10:32Z",
		"2026-11-21  16:10:32Z",
		"2026-11-21T16:10:32+0200",
		"2026-11-21T16:10:32+02",
		"2026-11-21T16:10:32+24:00",
		"2026-11-21T16:10:32+02:60",
		"2026-11-21T24:00:00Z",
		"2026-11-21T16:60:00Z",
		"2026-11-21T16:10:61Z",
		"2026-00-21T16:10:32Z",
		"2026-13-21T16:10:32Z",
		"2026-11-00T16:10:32Z",
		"2026-11-31T16:10:32Z",
		"2023-02-29T16:10:32Z",
		"2100-02-29T16:10:32Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:59:59+01:00",
		"9999-12-31T23:59:59-00:01",
		"12026-11-21T16:10:32Z",
		"202-11-21T16:10:32Z",
		"-026-11-21T16:10:32Z",
		"2026-1-21T16:10:32Z",
		"20261121T161032Z",
		"1795277432",
		"Sat, 21 Nov 2026 16:10:32 GMT",
		"2026-11-21T16:10:32.000000000000000000000000000000000Z",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ms = 77;
		if (aws_time_read(sv_of(cases[i]), &ms) != 1)
			fail_msg("%s is taken", cases[i]);
		assert_int_equal(ms, 77);
	}
	int64_t ms;
	assert_int_equal(aws_time_read(sv_make("2026-11-21T16:10:32Z\0", 21), &ms), 1);
	assert_int_equal(aws_time_read(sv_make("2026-11-21\0"
					       "16:10:32Z",
					       20),
				       &ms),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_times),
		cmocka_unit_test(bad_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
