#include "check.h"

#include <ampagent/base/hash.h>

static void known_values(void **state)
{
	assert_int_equal(hash_stable("", 0), UINT64_C(0x2d06800538d394c2));
	assert_int_equal(hash_xxh64("", 0), UINT64_C(0xef46db3751d8e999));
	assert_int_equal(hash_xxh64("abc", 3), UINT64_C(0x44bc2cf5ad770999));
	assert_int_equal(hash_fnv1a(HASH_FNV1A_INIT, "", 0), UINT64_C(0xcbf29ce484222325));
	assert_int_equal(hash_fnv1a(HASH_FNV1A_INIT, "foobar", 6), UINT64_C(0x85944171f73967e8));
	uint64_t chained = hash_fnv1a(hash_fnv1a(HASH_FNV1A_INIT, "foo", 3), "bar", 3);
	assert_int_equal(chained, UINT64_C(0x85944171f73967e8));
}

static void the_key_matters(void **state)
{
	static const char text[] = "http_requests_total{code=\"200\",method=\"get\"}";
	for (size_t n = 0; n < sizeof text; n++) {
		hash_set_key(1);
		uint64_t one = hash_keyed(text, n);
		assert_int_equal(hash_keyed(text, n), one);
		assert_int_not_equal(hash_stable(text, n), one);
		hash_set_key(2);
		assert_int_not_equal(hash_keyed(text, n), one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(the_key_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
