/* Values: every pair of bits comes back, and common steps are short. */
#include "fixture.h"

#include "../../../src/wal/codec.h"

static size_t check(uint64_t prev, uint64_t cur)
{
	uint8_t bytes[VALUE_MAX_BYTES + 8];
	uint64_t got = ~cur;
	uint8_t *end = value_put(bytes, prev, cur);
	size_t n = (size_t)(end - bytes);
	assert_in_range(n, 1, VALUE_MAX_BYTES);
	assert_ptr_equal(value_get(bytes, end, prev, &got), end);
	if (got != cur)
		print_error("prev %016" PRIx64 " cur %016" PRIx64 " got %016" PRIx64 "\n", prev,
			    cur, got);
	assert_true(got == cur);
	/* Cut anywhere, it is broken, not misread. */
	for (size_t cut = 0; cut < n; cut++)
		assert_null(value_get(bytes, bytes + cut, prev, &got));
	return n;
}

static void special_values(void **state)
{
	const uint64_t v[] = {
		0,
		UINT64_C(0x8000000000000000), /* -0 */
		VALUE_STALE_BITS,
		VALUE_NAN_BITS,
		UINT64_C(0x7ff8000000000000),
		UINT64_C(0xfff0000000000001), /* signalling, with a payload */
		UINT64_C(0x7ff0000000000000),
		UINT64_C(0xfff0000000000000),
		1, /* smallest denormal */
		UINT64_MAX,
		bits_of_double(1),
		bits_of_double(-1),
		bits_of_double(0.1),
		bits_of_double(-12.34),
		bits_of_double(9007199254740991.0),
		bits_of_double(9007199254740992.0),
		bits_of_double(-9007199254740991.0),
		bits_of_double(9007199254740993.0),
		bits_of_double(1e300),
		bits_of_double(11258999068426.24), /* near the limit of the decimals */
		bits_of_double(1125899906842.623),
	};
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
		for (size_t k = 0; k < sizeof v / sizeof v[0]; k++)
			check(v[i], v[k]);
}

static void random_values(void **state)
{
	uint64_t seed = 42;
	uint64_t prev = 0;
	for (int i = 0; i < 200000; i++) {
		uint64_t r = fx_random(&seed), cur = 0;
		double scale = (double[]){1, 1e2, 1e3, 1e6, 1e9}[r % 5];
		switch (r >> 61) {
		case 0:
			cur = fx_random(&seed);
			break;
		case 1:
			cur = prev + (r & 0xff);
			break;
		case 2:
			cur = prev ^ (r & 0xff) << (r >> 8 & 0x38);
			break;
		case 3:
			cur = bits_of_double((double)(int64_t)(r >> (r & 63)));
			break;
		default:
			cur = bits_of_double((double)(int64_t)(r >> 16 >> (r & 31)) / scale);
			break;
		}
		check(prev, cur);
		prev = cur;
	}
}

static void common_steps_are_short(void **state)
{
	static const struct {
		double prev, cur;
		size_t max;
	} cases[] = {
		{0, 0, 1},
		{0, 1, 1},
		{0, 63, 1},
		{1e6, 1e6 - 64, 1},
		{1e6, 1e6 + 65, 2},
		{1e12, 1e12 + 6000, 2},
		{0, 1234567, 4},
		{4096.0 * 1000, 4096.0 * 1003, 3},
		{0, 1, 1},
		{0, 1099511627776.0, 3}, /* 2^40: three bytes of it are not zero */
		{12345.67, 12350.12, 3},
		{0.001, 0.002, 2},
		{1.5, 2.5, 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = check(bits_of_double(cases[i].prev), bits_of_double(cases[i].cur));
		if (n > cases[i].max)
			print_error("%g -> %g: %zu bytes\n", cases[i].prev, cases[i].cur, n);
		assert_true(n <= cases[i].max);
	}
}

/* Whatever the bytes, reading stays inside them. */
static void rubbish_is_survived(void **state)
{
	uint64_t seed = 7;
	for (int i = 0; i < 100000; i++) {
		uint64_t raw[2] = {fx_random(&seed), fx_random(&seed)}, got;
		const uint8_t *p = (const uint8_t *)raw;
		size_t n = fx_random(&seed) % sizeof raw;
		const uint8_t *end = value_get(p, p + n, fx_random(&seed), &got);
		assert_true(!end || (end > p && end <= p + n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(special_values),
		cmocka_unit_test(random_values),
		cmocka_unit_test(common_steps_are_short),
		cmocka_unit_test(rubbish_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
