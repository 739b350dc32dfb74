#include "check.h"

#include "../../../src/base/crc32c.h"
#include <ampagent/base/hash.h>

/* RFC 3720, appendix B.4. */
static void known_values(void **state)
{
	uint8_t data[32];
	memset(data, 0, sizeof data);
	assert_int_equal(hash_crc32c(0, data, 32), 0x8a9136aa);
	memset(data, 0xff, sizeof data);
	assert_int_equal(hash_crc32c(0, data, 32), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		data[i] = i;
	assert_int_equal(hash_crc32c(0, data, 32), 0x46dd794e);
	assert_int_equal(hash_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(hash_crc32c(0, "", 0), 0);
}

static void both_ways_agree(void **state)
{
	uint8_t data[257];
	uint64_t seed = 99;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)next_random(&seed);
	for (size_t from = 0; from < 9; from++)
		for (size_t n = 0; n + from <= sizeof data; n++)
			assert_int_equal(hash_crc32c((uint32_t)n, data + from, n),
					 crc32c_tables((uint32_t)n, data + from, n));
}

static void continues(void **state)
{
	assert_int_equal(hash_crc32c(hash_crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
	assert_int_equal(crc32c_tables(crc32c_tables(0, "1", 1), "23456789", 8), 0xe3069283);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(both_ways_agree),
		cmocka_unit_test(continues),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
