#include "check.h"
#include "hard_numbers.h"

#include <ampagent/base/number.h>

#include <stdio.h>
#include <stdlib.h>

/* Parses a copy without anything after it, so that reading past the end is seen. */
static int parse(const char *text, uint64_t *bits)
{
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	memcpy(copy, text, n);
	int r = number_parse(sv_make(copy, n), bits);
	free(copy);
	return r;
}

static void hard_cases(void **state)
{
	for (size_t i = 0; i < N_OF(hard_numbers); i++) {
		uint64_t bits = 0;
		int r = parse(hard_numbers[i].text, &bits);
		if (r != 0 || bits != hard_numbers[i].bits)
			fail_msg("%s: %d, %016llx", hard_numbers[i].text, r,
				 (unsigned long long)bits);
	}
}

static void words(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;
	} good[] = {
		{"inf", UINT64_C(0x7ff0000000000000)},
		{"+Inf", UINT64_C(0x7ff0000000000000)},
		{"-INF", UINT64_C(0xfff0000000000000)},
		{"Infinity", UINT64_C(0x7ff0000000000000)},
		{"-infinity", UINT64_C(0xfff0000000000000)},
		{"NaN", VALUE_NAN_BITS},
		{"nan", VALUE_NAN_BITS},
		{"nAN", VALUE_NAN_BITS},
	};
	for (size_t i = 0; i < N_OF(good); i++) {
		uint64_t bits = 0;
		assert_int_equal(parse(good[i].text, &bits), 0);
		assert_int_equal(bits, good[i].bits);
	}
}

/* Which texts Go's strconv.ParseFloat takes, and what it makes of them (printed by Go 1.26). */
static void what_go_takes(void **state)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t bits;
	} cases[] = {
		{"1_0", true, UINT64_C(0x4024000000000000)},
		{"_1", false, 0},
		{"1_", false, 0},
		{"1__0", false, 0},
		{"0x1p3", true, UINT64_C(0x4020000000000000)},
		{"0X1P-3", true, UINT64_C(0x3fc0000000000000)},
		{"0x1", false, 0},
		{"0x_1p3", true, UINT64_C(0x4020000000000000)},
		{"0x1_fp2", true, UINT64_C(0x405f000000000000)},
		{"-0x1.8p1", true, UINT64_C(0xc008000000000000)},
		{"0x.8p1", true, UINT64_C(0x3ff0000000000000)},
		{"0xp1", false, 0},
		{"0x1p", false, 0},
		{"1_0e1_0", true, UINT64_C(0x42374876e8000000)},
		{"1_0.5", true, UINT64_C(0x4025000000000000)},
		{"1._5", false, 0},
		{"0_1", true, UINT64_C(0x3ff0000000000000)},
		{"0x1p1024", false, 0},
		{"0x1p-1080", true, UINT64_C(0x0000000000000000)},
		{"inf_", false, 0},
		{"+nan", false, 0},
		{"0b1", false, 0},
		{"0o7", false, 0},
		{"1e999", false, 0},
		{"0x1.fffffffffffff8p0", true, UINT64_C(0x4000000000000000)},
		{"0x1p+2", true, UINT64_C(0x4010000000000000)},
		{"1e_5", false, 0},
		{"0x1p_2", false, 0},
		{"i_nf", false, 0},
		{"NaN", true, UINT64_C(0x7ff8000000000001)},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		uint64_t bits = 0;
		int r = number_parse_go(sv_of(cases[i].text), &bits);
		if (r != !cases[i].good || (r == 0 && bits != cases[i].bits))
			fail_msg("%s: %d, %016llx", cases[i].text, r, (unsigned long long)bits);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"+",
		"-",
		".",
		"e5",
		".e5",
		"1e",
		"1e+",
		"1e-",
		"1e+-5",
		"--1",
		"+-1",
		"1 ",
		" 1",
		"1\n",
		"1.2.3",
		"1..2",
		"1e5.5",
		"1e5e5",
		"0x10",
		"0x1p-2",
		"1_000",
		"0b1",
		"1,5",
		"1f",
		"+nan",
		"-nan",
		"nan(1)",
		"infin",
		"infinit",
		"infinityx",
		"in",
		"na",
		"--inf",
		"12345678a",
		"123456789012345678901234567890x",
		"1.5x",
		"1e999",
		"-1e999",
		"1e309",
		"1.8e308",
		"1.7976931348623159e308",
		"1e99999999999999999999999999999",
		"\xd9\xa1",
		"1797693134862315708145274237317043567980705675258449965989174768031572607800285387"
		"6058955863276687817154045895351438246423432132688946418276846754670353751698604991"
		"0576551282076245490090389328944075868508455133942304583236903222948165808559332123"
		"3477479792620414472316873817718091929988125040402618412485836800",
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		uint64_t bits = 7;
		if (parse(bad[i], &bits) != 1)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	uint64_t bits;
	assert_int_equal(number_parse(sv_make("1\0", 2), &bits), 1);
}

/* What strtod says, for texts whose shape is known to be a number. */
static void as_strtod(const char *text)
{
	uint64_t got = 0;
	double want = strtod(text, NULL);
	int r = number_parse(sv_of(text), &got);
	bool overflow = want == __builtin_inf() || want == -__builtin_inf();
	if (r != overflow || (r == 0 && got != bits_of_double(want)))
		fail_msg("%s: %d, %016llx", text, r, (unsigned long long)got);
}

enum { ROUNDS = 1000000 };

static void printed_doubles(void **state)
{
	static const int digits[] = {6, 15, 16, 17, 19, 25};
	uint64_t seed = 1;
	for (int i = 0; i < ROUNDS; i++) {
		char text[64];
		double v = double_of_bits(next_random(&seed));
		if (v - v != 0)
			continue;
		snprintf(text, sizeof text, "%.*g", digits[i % N_OF(digits)], v);
		as_strtod(text);
	}
}

/* Digits, a point somewhere, an exponent somewhere: every shape and every length to 40. */
static void random_digits(void **state)
{
	uint64_t seed = 2;
	for (int i = 0; i < ROUNDS; i++) {
		char text[80];
		size_t n = 0, digits = 1 + next_random(&seed) % (i % 4 ? 20 : 40);
		size_t point = next_random(&seed) % (2 * digits);
		uint64_t zeros = next_random(&seed) % 8 ? 0 : next_random(&seed) % digits;
		for (size_t k = 0; k < digits; k++) {
			if (k == point)
				text[n++] = '.';
			text[n++] = k < zeros ? '0' : (char)('0' + next_random(&seed) % 10);
		}
		int exponent = (int)(next_random(&seed) % (i % 2 ? 60 : 700)) - (i % 2 ? 30 : 350);
		if (i % 3)
			snprintf(text + n, sizeof text - n, "e%d", exponent);
		else
			text[n] = '\0';
		as_strtod(text);
	}
}

/* The very middle between two doubles and a digit to either side of it, at all magnitudes: ways 2
 * to 4 must agree on the tie. */
static void middles(void **state)
{
	uint64_t seed = 3;
	for (int i = 0; i < 2000; i++) {
		/* Middles of doubles up to 2^63 are exact in long double and in at most 1100
		 * digits. */
		uint64_t bits =
			(UINT64_C(0x340) << 52) + next_random(&seed) % (UINT64_C(0xfe) << 52);
		long double middle = ((long double)double_of_bits(bits) +
				      (long double)double_of_bits(bits + 1)) /
				     2;
		char text[400];
		int n = snprintf(text, sizeof text - 2, "%.300Lf", middle);
		as_strtod(text);
		text[n] = '1';
		text[n + 1] = '\0';
		as_strtod(text);
		text[n] = '\0';
		char *last = text + n - 1;
		while (*last == '0' || *last == '.')
			*last-- = '\0';
		(*last)--;
		as_strtod(text);
	}
}

static void digits_beyond_any_use(void **state)
{
	enum { LONG = 5000 };
	static char text[LONG + 16];
	for (size_t zeros = 0; zeros < 2; zeros++)
		for (size_t n = 700; n < LONG; n += 43) {
			/* 1 + 2^-53, a tie, then zeros, then perhaps something. */
			static const char tie[] =
				"1.00000000000000011102230246251565404236316680908203125";
			memset(text, '0', n);
			memcpy(text, tie, sizeof tie - 1);
			text[n] = '\0';
			if (zeros)
				text[n - 1] = '1';
			uint64_t bits = 0;
			assert_int_equal(number_parse(sv_make(text, n), &bits), 0);
			assert_int_equal(bits, UINT64_C(0x3ff0000000000000) + zeros);
		}
	/* 10^-4990, and an exponent that brings it back. */
	uint64_t bits = 0;
	memset(text, '0', LONG);
	text[1] = '.';
	memcpy(text + 4991, "1e4990", 6);
	assert_int_equal(number_parse(sv_make(text, 4997), &bits), 0);
	assert_int_equal(bits, UINT64_C(0x3ff0000000000000));
	memset(text, '9', LONG);
	assert_int_equal(number_parse(sv_make(text, LONG), &bits), 1);
	memcpy(text + LONG, "e-5000", 6);
	assert_int_equal(number_parse(sv_make(text, LONG + 6), &bits), 0);
	assert_int_equal(bits, UINT64_C(0x3ff0000000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hard_cases),      cmocka_unit_test(words),
		cmocka_unit_test(refuses),         cmocka_unit_test(what_go_takes),
		cmocka_unit_test(printed_doubles), cmocka_unit_test(random_digits),
		cmocka_unit_test(middles),         cmocka_unit_test(digits_beyond_any_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
