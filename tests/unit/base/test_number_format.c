#include "check.h"
#include "go_floats.h"

#include <ampagent/base/number.h>

static void prints_as_go(void **state)
{
	for (size_t i = 0; i < N_OF(go_floats); i++) {
		char text[NUMBER_MAX];
		size_t n = number_format(text, double_of_bits(go_floats[i].bits));
		assert_string_equal(text, go_floats[i].text);
		assert_int_equal(n, strlen(text));
	}
}

static void reads_back(void **state)
{
	uint64_t seed = 20261121;
	for (int i = 0; i < 100000; i++) {
		/* Every other one denormal or small, where digits are few. */
		uint64_t bits = next_random(&seed);
		if (i % 2)
			bits >>= 12 + i % 52;
		if ((bits >> 52 & 0x7ff) == 0x7ff)
			continue;
		char text[NUMBER_MAX];
		size_t n = number_format(text, double_of_bits(bits));
		uint64_t back = 0;
		assert_int_equal(number_parse(sv_make(text, n), &back), 0);
		assert_int_equal(back, bits);
	}
}

static void prints_for_openmetrics(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{1, "1.0"},
		{0, "0.0"},
		{-1, "-1.0"},
		{0.5, "0.5"},
		{100000, "100000.0"},
		{1e6, "1e+06"},
		{1.5e-7, "1.5e-07"},
		{__builtin_inf(), "+Inf"},
		{-__builtin_inf(), "-Inf"},
		{__builtin_nan(""), "NaN"},
		{-0.0, "0.0"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		char text[NUMBER_MAX];
		assert_int_equal(number_format_openmetrics(text, cases[i].v),
				 strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_as_go),
		cmocka_unit_test(reads_back),
		cmocka_unit_test(prints_for_openmetrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
