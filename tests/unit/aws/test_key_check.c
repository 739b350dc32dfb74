/* What no AWS key has is refused, by its place, and never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chain.h"
#include <ampagent/base/limits.h>

static void test_bytes(void **state)
{
	char key[8] = "hidd.en";
	for (int c = 0; c < 256; c++) {
		struct err err = ERR_NULL;
		key[4] = (char)c;
		int r = aws_key_part_check(sv_make(key, 7), "the key", &err);
		assert_int_equal(r, c <= ' ' || c >= 0x7f);
		if (r != 0) {
			assert_non_null(strstr(err.msg, "the key"));
			assert_non_null(strstr(err.msg, "(at byte 5)"));
			assert_null(strstr(err.msg, "hidd"));
		}
	}
	assert_int_equal(aws_key_part_check(SV_NULL, "none", NULL), 0);
}

static void test_length(void **state)
{
	struct err err = ERR_NULL;
	char *key = malloc(LIMIT_SECRET_BYTES + 1);
	assert_non_null(key);
	memset(key, 'k', LIMIT_SECRET_BYTES + 1);
	assert_int_equal(aws_key_part_check(sv_make(key, LIMIT_SECRET_BYTES), "k", &err), 0);
	assert_int_equal(aws_key_part_check(sv_make(key, LIMIT_SECRET_BYTES + 1), "k", &err), 1);
	assert_non_null(strstr(err.msg, "longer than 65536 bytes"));
	free(key);
}

static void test_shown(void **state)
{
	static const struct {
		const char *key;
		bool shown;
	} cases[] = {
		{"AKIAIOSFODNN7EXAMPLE", true},
		{"ASIA7", true},
		{"", true},
		{"made-up/secret", false},
		{"wJalrXUtnFEMI+K7MDENGbPxRfiCYEXAMPLEKEY0", false},
		{"\"AKIAIOSFODNN7EXAMPLE\"", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sv shown = aws_access_key_shown(sv_of(cases[i].key));
		assert_int_equal(sv_eq(shown, sv_of(cases[i].key)), cases[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
