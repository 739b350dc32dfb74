/* Linked so that free() is seen first: nothing that was written may be in a block when it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../src/net/http_memory.h"

#include <malloc.h>

void __real_free(void *ptr);
void __wrap_free(void *ptr);

static size_t frees, bytes_left;

void __wrap_free(void *ptr)
{
	const volatile unsigned char *p = ptr;
	for (size_t i = 0; ptr && i < malloc_usable_size(ptr); i++)
		bytes_left += p[i] != 0;
	frees += ptr != NULL;
	__real_free(ptr);
}

static char *block(size_t size)
{
	char *p = malloc(size);
	assert_non_null(p);
	memset(p, 's', size);
	return p;
}

static int begin(void **state)
{
	frees = bytes_left = 0;
	return 0;
}

static void freed_blocks_are_empty(void **state)
{
	static const size_t sizes[] = {1, 7, 16, 24, 25, 4096, 100000, 1 << 20};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		http_memory_free(block(sizes[i]));
	http_memory_free(NULL);
	assert_int_equal(frees, 8);
	assert_int_equal(bytes_left, 0);
}

static void growing_leaves_nothing_behind(void **state)
{
	char *p = block(100);
	for (size_t size = 200; size <= 1 << 20; size *= 2) {
		p = http_memory_realloc(p, size);
		assert_non_null(p);
		for (size_t i = 0; i < size / 2; i++)
			assert_int_equal(p[i], 's');
		memset(p, 's', size);
	}
	assert_true(frees > 5);
	assert_int_equal(bytes_left, 0);
	http_memory_free(p);
	assert_int_equal(bytes_left, 0);
}

static void shrinking_leaves_nothing_behind(void **state)
{
	char *p = block(10000);
	char *same = http_memory_realloc(p, 9000);
	assert_ptr_equal(same, p);
	for (size_t i = 9000; i < 10000; i++)
		assert_int_equal(same[i], 0);
	p = http_memory_realloc(same, 10); /* the room is worth having back */
	assert_memory_equal(p, "ssssssssss", 10);
	assert_int_equal(frees, 1);
	assert_int_equal(bytes_left, 0);
	http_memory_free(p);
	assert_int_equal(bytes_left, 0);
}

static void out_of_nothing(void **state)
{
	char *p = http_memory_realloc(NULL, 10);
	assert_non_null(p);
	memcpy(p, "x", 2);
	char *copy = http_memory_strdup("a secret");
	assert_string_equal(copy, "a secret");
	http_memory_free(copy);
	http_memory_free(p);
	assert_int_equal(bytes_left, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
	const struct CMUnitTest tests[] = {
		TEST(freed_blocks_are_empty),
		TEST(growing_leaves_nothing_behind),
		TEST(shrinking_leaves_nothing_behind),
		TEST(out_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
