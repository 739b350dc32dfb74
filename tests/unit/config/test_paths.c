/* paths: lexical joining as Go's filepath.Join. */
#include "parse.h"

#include "paths.h"

static void test_join(void **state)
{
	static const struct {
		const char *dir, *name, *joined;
	} cases[] = {
		{"/etc/app", "a.yml", "/etc/app/a.yml"},
		{"/etc/app", "/a//../b.yml", "/a//../b.yml"},
		{"/etc/app", "", ""},
		{".", "a.yml", "a.yml"},
		{".", "./a/./b", "a/b"},
		{".", "..", ".."},
		{".", "../../a", "../../a"},
		{"a", "..", "."},
		{"a/b", "../c", "a/c"},
		{"a", "../../c", "../c"},
		{"../a", "../../c", "../../c"},
		{"/", "a", "/a"},
		{"/a", "../../b", "/b"},
		{"/a", "..", "/"},
		{"/a//b", "c//d/", "/a/b/c/d"},
		{"x", "*.json", "x/*.json"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct sv out;
		arena_init(&arena, 1 << 20);
		assert_int_equal(
			paths_join(&arena, sv_of(cases[i].dir), sv_of(cases[i].name), &out), 0);
		assert_sv_equal(out, cases[i].joined);
	}
}

static void test_no_room(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct sv out;
	arena_init(&arena, 1);
	assert_int_equal(paths_join(&arena, SV("dir"), SV("name"), &out), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
