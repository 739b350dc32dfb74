/* Members of an object by name, at the depth that is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json_pick.h"
#include <ampagent/base/limits.h>

static void picks(void **state)
{
	static const struct {
		const char *text, *inside;
		bool there[2];
		const char *a, *n;
	} cases[] = {
		{"{\"a\":\"x\",\"n\":12}", NULL, {true, true}, "x", "12"},
		{"{\"a\":\"\",\"n\":-1.5e3}", NULL, {true, true}, "", "-1.5e3"},
		{"{\"n\":1}", NULL, {false, true}, "", "1"},
		{"{\"a\":\"x\",\"a\":null}", NULL, {false, false}, "", ""},
		{"{\"b\":{\"a\":\"x\"},\"c\":[{\"n\":1}]}", NULL, {false, false}, "", ""},
		{"{\"b\":{\"a\":\"x\",\"c\":{\"n\":1}},\"n\":2}", "b", {true, false}, "x", ""},
		{"{\"c\":{\"b\":{\"a\":\"x\"}}}", "b", {false, false}, "", ""},
		{"{\"b\":{\"a\":\"x\"},\"b\":{\"n\":1}}", "b", {false, true}, "", "1"},
		{"{\"b\":null,\"a\":\"x\"}", "b", {false, false}, "", ""},
		{" {\"c\":[[],{}],\"a\":\"\\\"\\u00e9\"} ", NULL, {true, false}, "\"\xc3\xa9", ""},
	};
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	arena_init(&arena, KiB(4));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_json_member m[] = {{.name = "a"}, {.name = "n", .number = true}};
		struct err err = ERR_NULL;
		int code = aws_json_pick(&arena, sv_of(cases[i].text), cases[i].inside, m, 2, &err);
		if (code != 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_int_equal(m[0].there, cases[i].there[0]);
		assert_int_equal(m[1].there, cases[i].there[1]);
		assert_true(sv_eq(m[0].value, sv_of(cases[i].a)));
		assert_true(sv_eq(m[1].value, sv_of(cases[i].n)));
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *inside, *why;
	} cases[] = {
		{"", NULL, "JSON"},
		{"{\"a\":\"x\"", NULL, "JSON"},
		{"[]", NULL, "it is not an object"},
		{"1", NULL, "it is not an object"},
		{"\"x\"", NULL, "it is not an object"},
		{"{\"a\":1}", NULL, "a is not a string"},
		{"{\"a\":true}", NULL, "a is not a string"},
		{"{\"a\":{}}", NULL, "a is not a string"},
		{"{\"n\":\"1\"}", NULL, "n is not a number"},
		{"{\"b\":1}", "b", "b is not an object"},
		{"{\"b\":[{}]}", "b", "b is not an object"},
	};
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	arena_init(&arena, KiB(4));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_json_member m[] = {{.name = "a"}, {.name = "n", .number = true}};
		struct err err = ERR_NULL;
		int code = aws_json_pick(&arena, sv_of(cases[i].text), cases[i].inside, m, 2, &err);
		if (code != 1 || !strstr(err.msg, cases[i].why))
			fail_msg("%s: %d, %s", cases[i].text, code, err.msg);
	}
	struct aws_json_member m[] = {{.name = "a"}};
	struct err err = ERR_NULL;
	arena_deinit(&arena);
	arena_init(&arena, 4);
	assert_int_equal(aws_json_pick(&arena, SV("{\"a\":\"12345\"}"), NULL, m, 1, &err), 1);
	assert_string_equal(err.msg, "a is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
