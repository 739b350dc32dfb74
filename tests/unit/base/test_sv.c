#include "check.h"

#include <stdlib.h>

static void finds(void **state)
{
	assert_int_equal(sv_find(SV("a=b=c"), '='), 1);
	assert_int_equal(sv_find(SV("abc"), '='), 3);
	assert_int_equal(sv_find(SV_NULL, '='), 0);
	assert_int_equal(sv_find_sv(SV("one two two"), SV("two")), 4);
	assert_int_equal(sv_find_sv(SV("one"), SV("two")), 3);
	assert_int_equal(sv_find_sv(SV("on"), SV("one")), 2);
	assert_int_equal(sv_find_sv(SV("one"), SV("")), 0);
}

static void compares(void **state)
{
	assert_true(sv_eq(SV_NULL, SV("")));
	assert_false(sv_eq(SV("a"), SV("A")));
	assert_true(sv_eq_nocase(SV("Content-Type"), SV("content-TYPE")));
	assert_false(sv_eq_nocase(SV("a"), SV("ab")));
	/* Only letters fold: '@' and '`' differ by the same bit. */
	assert_false(sv_eq_nocase(SV("@"), SV("`")));
	assert_true(sv_cmp(SV("a"), SV("ab")) < 0);
	assert_true(sv_cmp(SV("b"), SV("ab")) > 0);
	assert_true(sv_cmp(SV("\xff"), SV("a")) > 0);
	assert_int_equal(sv_cmp(SV("x"), SV("x")), 0);
	assert_true(sv_starts_with(SV("abc"), SV("ab")));
	assert_false(sv_starts_with(SV("a"), SV("ab")));
	assert_true(sv_ends_with(SV("abc"), SV("bc")));
	assert_false(sv_ends_with(SV("c"), SV("bc")));
}

static void trims(void **state)
{
	assert_sv(sv_trim(SV(" \t\r\n\v\fa b\n ")), "a b");
	assert_sv(sv_trim(SV("  ")), "");
	assert_sv(sv_trim(SV_NULL), "");
	assert_sv(sv_from(SV("abc"), 1), "bc");
	assert_sv(sv_from(SV("abc"), 9), "");
}

static void reads_unsigned(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},   {"00012", 0, 12}, {"18446744073709551615", 0, UINT64_MAX},
		{"", 1, 0},    {"-1", 1, 0},     {"18446744073709551616", 1, 0},
		{"1 ", 1, 0},  {"+1", 1, 0},     {"99999999999999999999999", 1, 0},
		{"12a", 1, 0},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		uint64_t v = 0;
		assert_int_equal(sv_to_u64(sv_of(cases[i].text), &v), cases[i].result);
		assert_int_equal(v, cases[i].value);
	}
}

static void reads_signed(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"-0", 0, 0},
		{"-12", 0, -12},
		{"9223372036854775807", 0, INT64_MAX},
		{"-9223372036854775808", 0, INT64_MIN},
		{"9223372036854775808", 1, 0},
		{"-9223372036854775809", 1, 0},
		{"-", 1, 0},
		{"--1", 1, 0},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		int64_t v = 0;
		assert_int_equal(sv_to_i64(sv_of(cases[i].text), &v), cases[i].result);
		assert_int_equal(v, cases[i].value);
	}
}

static void copies(void **state)
{
	char *copy = sv_dup(sv_make("abcdef", 3));
	assert_string_equal(copy, "abc");
	free(copy);
	copy = sv_dup(SV_NULL);
	assert_string_equal(copy, "");
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),        cmocka_unit_test(compares),
		cmocka_unit_test(trims),        cmocka_unit_test(reads_unsigned),
		cmocka_unit_test(reads_signed), cmocka_unit_test(copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
