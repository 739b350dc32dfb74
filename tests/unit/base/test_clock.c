#include "check.h"

#include <ampagent/base/clock.h>

static void formats(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1767323045678, "2026-01-02T03:04:05.678Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-62135596800000, "0001-01-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		char text[RFC3339_MAX];
		assert_string_equal(clock_format_rfc3339(text, cases[i].ms), cases[i].text);
	}
	char text[RFC3339_MAX];
	clock_format_rfc3339(text, INT64_MAX);
	clock_format_rfc3339(text, INT64_MIN);
}

static void parses_http_dates(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
	};
	for (size_t i = 0; i < N_OF(good); i++) {
		int64_t s = -1;
		assert_int_equal(clock_parse_http_date(good[i].text, strlen(good[i].text), &s), 0);
		assert_int_equal(s, good[i].seconds);
	}
	static const char *const bad[] = {
		"",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Now 1994 08:49:37 GMT",
		"Xun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Wed, 29 Feb 2023 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, -6 Nov 1994 08:49:37 GMT",
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		int64_t s;
		assert_int_equal(clock_parse_http_date(bad[i], strlen(bad[i]), &s), 1);
	}
}

static void runs_forward(void **state)
{
	assert_true(clock_wall_ms() > 1700000000000);
	int64_t before = clock_mono_ns();
	assert_true(clock_mono_ns() >= before);
	assert_true(clock_mono_ms() >= before / 1000000);
	int64_t thread = clock_thread_cpu_ns();
	assert_true(thread > 0 && clock_process_cpu_ns() >= thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(parses_http_dates),
		cmocka_unit_test(runs_forward),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
