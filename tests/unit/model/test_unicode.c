#include "../../../src/model/unicode.h"
#include <ampagent/base/hash.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* FNV-1a over lower, upper (three bytes each, low first) and the two classes (1 word, 2 printable)
 * of every rune, as Go 1.26 with Unicode 15.0.0 has them. */
#define EVERY_RUNE UINT64_C(0x0cea1025c9fd2f37)

static void test_tables_are_those_of_go(void **state)
{
	uint64_t h = HASH_FNV1A_INIT;
	for (uint32_t r = 0; r <= 0x10ffff; r++) {
		uint32_t l = rune_to_lower(r), u = rune_to_upper(r);
		bool word = rune_is_word(r), print = rune_is_print(r);
		uint8_t bytes[] = {(uint8_t)l,
				   (uint8_t)(l >> 8),
				   (uint8_t)(l >> 16),
				   (uint8_t)u,
				   (uint8_t)(u >> 8),
				   (uint8_t)(u >> 16),
				   (uint8_t)(word | print << 1)};
		h = hash_fnv1a(h, bytes, sizeof bytes);
	}
	assert_true(h == EVERY_RUNE);
}

static void test_decode_and_encode(void **state)
{
	for (uint32_t r = 0; r <= 0x10ffff; r++) {
		char bytes[RUNE_MAX_BYTES];
		uint32_t back;
		if (r >= 0xd800 && r < 0xe000)
			continue;
		size_t n = rune_encode(bytes, r);
		assert_int_equal(rune_decode(sv_make(bytes, n), &back), n);
		assert_int_equal(back, r);
		/* A sequence that is cut short is one bad byte. */
		if (n > 1) {
			assert_int_equal(rune_decode(sv_make(bytes, n - 1), &back), 1);
			assert_int_equal(back, RUNE_BAD);
		}
	}
}

static void test_bad_bytes(void **state)
{
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "\xe2\x28\xa1",
					  "\xe2\x82\x28"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t rune;
		assert_int_equal(rune_decode(sv_of(bad[i]), &rune), 1);
		assert_int_equal(rune, RUNE_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_those_of_go),
		cmocka_unit_test(test_decode_and_encode),
		cmocka_unit_test(test_bad_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
