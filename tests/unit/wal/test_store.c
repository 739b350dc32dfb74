/* The store: the same calls on a directory and in memory. */
#include "fixture.h"

#include <errno.h>

#include "../../../src/wal/store.h"

static void count_name(void *cls, const char *name)
{
	unsigned *seen = cls;
	uint64_t number;
	if (store_number(name, FILE_SEGMENT, &number) == 0 && number < 4)
		seen[number]++;
}

static void check(struct store *s)
{
	char name[STORE_NAME_MAX], got[8] = "";
	unsigned seen[4] = {0};
	assert_int_equal(store_open(s, "seg-x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(store_remove(s, "seg-x"), -1);
	for (uint64_t i = 0; i < 4; i++) {
		_cleanup_(close_fdp) int fd = store_create(s, store_name(name, FILE_SEGMENT, i));
		assert_true(fd >= 0);
		assert_int_equal(write_at(fd, SV("hello"), 3), 0);
	}
	assert_int_equal(store_remove(s, store_name(name, FILE_SEGMENT, 1)), 0);
	assert_int_equal(store_rename(s, store_name(name, FILE_SEGMENT, 2), "seg-other"), 0);
	assert_int_equal(store_each(s, count_name, seen), 0);
	const unsigned want[4] = {1, 0, 0, 1};
	assert_memory_equal(seen, want, sizeof want);

	_cleanup_(close_fdp) int fd = store_open(s, "seg-other");
	assert_true(fd >= 0);
	assert_int_equal(read_at(fd, got, sizeof got, 3), 5);
	assert_memory_equal(got, "hello", 5);
	/* Removed, an open file stays usable. */
	assert_int_equal(store_remove(s, "seg-other"), 0);
	assert_int_equal(read_at(fd, got, sizeof got, 4), 4);
	/* Made again, it is empty. */
	_cleanup_(close_fdp) int again = store_create(s, store_name(name, FILE_SEGMENT, 3));
	assert_int_equal(read_at(again, got, sizeof got, 0), 0);
	assert_int_equal(store_sync_names(s), 0);
}

static void in_a_directory(void **state)
{
	struct fixture fx;
	struct err err = ERR_NULL;
	_cleanup_(store_deinit) struct store s = STORE_NULL;
	fx_init(&fx);
	assert_int_equal(store_open_dir(&s, sv_of(fx.dir), &err), 0);
	check(&s);
	fx_remove(fx.dir);
}

static void in_memory(void **state)
{
	_cleanup_(store_deinit) struct store s = STORE_NULL;
	store_open_memory(&s);
	check(&s);
}

static void names_are_numbers(void **state)
{
	char name[STORE_NAME_MAX];
	uint64_t n;
	assert_string_equal(store_name(name, FILE_DEFS, 12), "def-0000000000000012");
	assert_int_equal(store_number("seg-0000000000000012", FILE_SEGMENT, &n), 0);
	assert_int_equal(n, 12);
	const char *const others[] = {"seg-12",
				      "def-0000000000000012",
				      "seg-000000000000001x",
				      "seg-0000000000000012.tmp",
				      "LOCK",
				      "seg-",
				      ""};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(store_number(others[i], FILE_SEGMENT, &n), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_directory),
		cmocka_unit_test(in_memory),
		cmocka_unit_test(names_are_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
