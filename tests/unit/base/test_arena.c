#include "check.h"

#include <ampagent/base/arena.h>

static void is_aligned_and_apart(void **state)
{
	_cleanup_(arena_deinit) struct arena a = ARENA_NULL;
	arena_init(&a, 1 << 20);
	char *before = NULL;
	for (size_t n = 0; n < 300; n++) {
		char *p = arena_alloc(&a, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, (int)n, n);
		if (n > 1)
			assert_int_equal((uint8_t)before[n - 2], (uint8_t)(n - 1));
		before = p;
	}
}

static void has_a_maximum(void **state)
{
	_cleanup_(arena_deinit) struct arena a = ARENA_NULL;
	arena_init(&a, 1000);
	assert_non_null(arena_alloc(&a, 600));
	assert_null(arena_alloc(&a, 401));
	assert_non_null(arena_alloc(&a, 400));
	assert_null(arena_alloc(&a, 1));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 1000));
	arena_deinit(&a);
	arena_init(&a, SIZE_MAX);
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	assert_null(arena_calloc(&a, SIZE_MAX / 2, 3));
}

static void reset_keeps_one_chunk(void **state)
{
	_cleanup_(arena_deinit) struct arena a = ARENA_NULL;
	arena_init(&a, 1 << 24);
	for (int i = 0; i < 100; i++)
		arena_alloc(&a, 10000);
	void *kept = a.chunks;
	arena_reset(&a);
	assert_ptr_equal(a.chunks, kept);
	arena_alloc(&a, 10000);
	assert_ptr_equal(a.chunks, kept);
}

static void copies(void **state)
{
	_cleanup_(arena_deinit) struct arena a = ARENA_NULL;
	arena_init(&a, 64);
	struct sv copy = arena_dup(&a, sv_make("abcdef", 3));
	assert_sv(copy, "abc");
	assert_int_equal(copy.ptr[3], '\0');
	assert_string_equal(arena_strdup(&a, SV_NULL), "");
	uint64_t *zeros = arena_calloc(&a, 4, 8);
	assert_int_equal(zeros[0] | zeros[1] | zeros[2] | zeros[3], 0);
	assert_null(arena_dup(&a, SV("0123456789012345678901234567890")).ptr);
}

/* What wipes is asked at the moment of the freeing: after it nobody may look. */
static const char *secrets[3];
static int seen_wiped, seen_whole;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	for (size_t i = 0; p && i < sizeof secrets / sizeof *secrets; i++) {
		if (!secrets[i])
			continue;
		seen_whole += strcmp(secrets[i], "hunter2") == 0;
		seen_wiped += memcmp(secrets[i], "\0\0\0\0\0\0\0", 8) == 0;
		secrets[i] = NULL;
	}
	__real_free(p);
}

/* One secret in each of three chunks. */
static void put_secrets(struct arena *a)
{
	seen_wiped = seen_whole = 0;
	for (size_t i = 0; i < 3; i++) {
		secrets[i] = arena_strdup(a, SV("hunter2"));
		assert_non_null(secrets[i]);
		arena_alloc(a, 5000);
	}
}

static void wipes_before_it_frees(void **state)
{
	struct arena a = ARENA_NULL;
	arena_init(&a, 1 << 20);
	put_secrets(&a);
	arena_deinit(&a);
	assert_int_equal(seen_whole, 3);
	put_secrets(&a);
	arena_wipe(&a);
	assert_int_equal(seen_wiped, 3);
	assert_null(a.chunks);
	assert_int_equal(a.used, 0);
	assert_int_equal(a.max, 1 << 20);
	arena_wipe(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_aligned_and_apart),  cmocka_unit_test(has_a_maximum),
		cmocka_unit_test(reset_keeps_one_chunk), cmocka_unit_test(copies),
		cmocka_unit_test(wipes_before_it_frees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
