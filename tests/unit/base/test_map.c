#include "check.h"

#include <ampagent/base/err.h>
#include <ampagent/base/hash.h>
#include <ampagent/base/map.h>

enum { N = 20000 };

static uint64_t keys[N];
static bool present[N];

static uint64_t key_of(uint32_t value, void *cls)
{
	return keys[value];
}

/* How often value is found under its key. */
static int count(const struct map *m, uint32_t value)
{
	int n = 0;
	for (struct map_iter it = map_find(m, keys[value]); map_next(m, &it);)
		n += it.value == value;
	return n;
}

static bool erase(struct map *m, uint32_t value)
{
	for (struct map_iter it = map_find(m, keys[value]); map_next(m, &it);)
		if (it.value == value) {
			map_erase(m, &it);
			return true;
		}
	return false;
}

static void empty_finds_nothing(void **state)
{
	struct map m = MAP_NULL;
	struct map_iter it = map_find(&m, 42);
	assert_false(map_next(&m, &it));
	map_clear(&m);
	map_deinit(&m);
}

/* Against an array of flags, through growth and tombstones. */
static void holds_what_was_put(void **state)
{
	_cleanup_(map_deinit) struct map m = MAP_NULL;
	uint64_t seed = 88172645463325252;
	for (uint32_t i = 0; i < N; i++)
		keys[i] = next_random(&seed);
	memset(present, 0, sizeof present);
	for (int i = 0; i < 200000; i++) {
		uint32_t v = (uint32_t)(next_random(&seed) % N);
		if (present[v])
			assert_true(erase(&m, v));
		else
			assert_int_equal(map_insert(&m, keys[v], v, key_of, NULL), 0);
		present[v] = !present[v];
	}
	uint32_t live = 0;
	for (uint32_t v = 0; v < N; v++) {
		assert_int_equal(count(&m, v), present[v]);
		live += present[v];
	}
	assert_int_equal(m.live, live);
	assert_true(m.used >= m.live && m.used <= m.mask);
	map_clear(&m);
	assert_int_equal(count(&m, 1), 0);
}

/* Equal hashes are all offered; different tags in one chain are not. */
static void offers_every_candidate(void **state)
{
	_cleanup_(map_deinit) struct map m = MAP_NULL;
	for (uint32_t v = 0; v < 100; v++) {
		keys[v] = v < 50 ? 7 : UINT64_C(0x100000007);
		assert_int_equal(map_insert(&m, keys[v], v, key_of, NULL), 0);
	}
	int n = 0;
	for (struct map_iter it = map_find(&m, 7); map_next(&m, &it); n++)
		assert_true(it.value < 50);
	assert_int_equal(n, 50);
}

/* Without growth tombstones must not fill the table. */
static void churn_stays_small(void **state)
{
	_cleanup_(map_deinit) struct map m = MAP_NULL;
	uint64_t seed = 1;
	for (int i = 0; i < 100000; i++) {
		keys[0] = next_random(&seed);
		assert_int_equal(map_insert(&m, keys[0], 0, key_of, NULL), 0);
		assert_true(erase(&m, 0));
	}
	assert_true(m.mask < 64);
	assert_int_equal(m.live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_finds_nothing),
		cmocka_unit_test(holds_what_was_put),
		cmocka_unit_test(offers_every_candidate),
		cmocka_unit_test(churn_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
