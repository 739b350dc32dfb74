/* yaml: structure, merges, places, refusals, limits. */
#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/yaml.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "yaml_dump.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct {
	const char *yaml, *tree;
} good[] = {
	{"", "none"},
	{"# only a comment\n", "none"},
	{"---\n", "none"},
	{"--- null\n", "none"},
	{"--- 1\n--- 2\n", "i1"},
	{"a: 1\n...\n\tjunk: [\n", "{a:i1}"},
	/* block scalars are text */
	{"a: |\n  5\nb: >-\n  yes\n  no\n", "{a:'5\n',b:'yes no'}"},
	/* anchors, merges */
	{"a: &x [1, 2]\nb: *x\n", "{a:[i1,i2],b:[i1,i2]}"},
	{"a: &x 1\nb: &x 2\nc: *x\n", "{a:i1,b:i2,c:i2}"},
	{"a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n  r: 4\n",
	 "{a:{p:i1,q:i2},b:{p:i1,q:i3,r:i4}}"},
	/* a merge acts where it stands */
	{"a: &x {p: 1}\nb:\n  p: 2\n  <<: *x\n", "{a:{p:i1},b:{p:i1}}"},
	{"a: &x {p: 1, q: 1}\nb: &y {p: 2, r: 2}\nc:\n  <<: [*x, *y]\n",
	 "{a:{p:i1,q:i1},b:{p:i2,r:i2},c:{p:i1,r:i2,q:i1}}"},
	{"a: {<<: {p: 1}, <<: {q: 2}}\n", "{a:{p:i1,q:i2}}"},
	{"a: {'<<': 1}\n", "{a:{<<:i1}}"},
	{"a: {!!merge <<: {p: 1}}\n", "{a:{p:i1}}"},
	/* keys are their text */
	{"{1: a, yes: b, 1.0: c}", "{1:'a',yes:'b',1.0:'c'}"},
	{"{}", "{}"},
	{"[]", "[]"},
	{"\xef\xbb\xbf"
	 "a: \xc3\xa4\n",
	 "{a:'\xc3\xa4'}"},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < LEN(good); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		struct yaml_node *root;
		struct err err = ERR_NULL;
		arena_init(&arena, MiB(1));
		buf_init(&out, MiB(1));
		int r = yaml_parse(&arena, sv_of(good[i].yaml), &root, &err);
		if (r != 0)
			fail_msg("%s: %s", good[i].yaml, err.msg);
		dump(&out, root);
		buf_char(&out, '\0');
		assert_string_equal(out.ptr, good[i].tree);
	}
}

static const struct {
	const char *yaml;
	int line, col;
	const char *part;
} bad[] = {
	{"a: 1\nb: 2\na: 3\n", 3, 1, "\"a\" is given twice, first at line 1"},
	{"x:\n  a: 1\n  'a': 2\n", 3, 3, "given twice"},
	{"a: {<<: {p: 1}, p: 2, p: 3}\n", 1, 23, "given twice"},
	{"a: {p: 1, <<: {p: 2}, p: 3}\n", 1, 23, "given twice"},
	{"? [1]\n: 2\n", 1, 3, "key must be a scalar"},
	{"{a: 1, {}: 2}\n", 1, 8, "key must be a scalar"},
	{"~: 1\n", 1, 1, "key must be a scalar"},
	{"a: *x\n", 1, 4, "unknown anchor;"},
	{"a: &x [1, *x]\n", 1, 11, "contains itself"},
	{"a: &x\n  b: *x\n", 2, 6, "contains itself"},
	{"<<: 5\n", 1, 1, "mapping"},
	{"<<: [5]\n", 1, 1, "mapping"},
	{"a:\n  - !!int abc\n", 2, 5, "value is a string, not an integer"},
	{"!!bool 5\n", 1, 1, "value is an integer, not a boolean"},
	{"!!binary '%%'\n", 1, 1, "base64"},
	{"a: [1\nb: 2\n", 2, 2, ""},
	{"a: 1\n b: 2\n", 2, 3, ""},
	{"a:\n\tb: 1\n", 2, 1, ""},
	{"a: \"x\n", 2, 1, ""},
	{"ab\ncd\xff\n", 2, 3, ""},
	{"a: \x01\n", 1, 4, ""},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < LEN(bad); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct yaml_node *root;
		struct err err = ERR_NULL;
		arena_init(&arena, MiB(1));
		assert_int_equal(yaml_parse(&arena, sv_of(bad[i].yaml), &root, &err), 1);
		assert_null(root);
		if (err.line != bad[i].line || err.col != bad[i].col ||
		    !strstr(err.msg, bad[i].part))
			fail_msg("%s: %d:%d: %s, wanted %d:%d: %s", bad[i].yaml, err.line, err.col,
				 err.msg, bad[i].line, bad[i].col, bad[i].part);
	}
}

static void test_places(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct yaml_node *root;
	arena_init(&arena, MiB(1));
	assert_int_equal(yaml_parse(&arena, SV("a:\n  - b: 'x'\n  - y\n"), &root, NULL), 0);
	const struct yaml_node *list = yaml_get(root, SV("a"));
	assert_int_equal(list->line, 2);
	assert_int_equal(list->col, 3);
	const struct yaml_node *b = yaml_get(list->items[0], SV("b"));
	assert_int_equal(b->line, 2);
	assert_int_equal(b->col, 8);
	assert_true(b->quoted);
	assert_false(list->items[1]->quoted);
	assert_null(yaml_get(list->items[0], SV("c")));
	assert_null(yaml_get(list, SV("c")));
	assert_null(yaml_get(NULL, SV("c")));
}

/* Each level doubles what lies below: refused long before it is walked. */
static void test_alias_bomb(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct yaml_node *root;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(64));
	buf_init(&text, MiB(1));
	buf_printf(&text, "- &a0 [x, x]\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&text, "- &a%d [*a%d, *a%d]\n", i, i - 1, i - 1);
	assert_int_equal(yaml_parse(&arena, buf_view(&text), &root, &err), 1);
	assert_non_null(strstr(err.msg, "too many nodes"));
	assert_int_not_equal(err.line, 0);
}

static void test_depth(void **state)
{
	for (int over = 0; over < 2; over++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf text = BUF_NULL;
		struct yaml_node *root;
		struct err err = ERR_NULL;
		arena_init(&arena, MiB(1));
		buf_init(&text, MiB(1));
		for (int i = 0; i < LIMIT_YAML_DEPTH + over; i++)
			buf_char(&text, '[');
		for (int i = 0; i < LIMIT_YAML_DEPTH + over; i++)
			buf_char(&text, ']');
		assert_int_equal(yaml_parse(&arena, buf_view(&text), &root, &err), over);
		if (over)
			assert_non_null(strstr(err.msg, "too deeply"));
	}
}

/* Depth that only aliases make. */
static void test_alias_depth(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct yaml_node *root;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(1));
	buf_init(&text, MiB(1));
	buf_printf(&text, "- &a0 [x]\n");
	for (int i = 1; i < 2 * LIMIT_YAML_DEPTH; i++)
		buf_printf(&text, "- &a%d [*a%d]\n", i, i - 1);
	assert_int_equal(yaml_parse(&arena, buf_view(&text), &root, &err), 1);
	assert_non_null(strstr(err.msg, "too deeply"));
}

static void test_many_keys(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct yaml_node *root;
	struct err err = ERR_NULL;
	arena_init(&arena, MiB(64));
	buf_init(&text, MiB(4));
	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "k%d: &a%d %d\n", i, i, i);
	assert_int_equal(yaml_parse(&arena, buf_view(&text), &root, &err), 0);
	assert_int_equal(root->n, 50000);
	buf_printf(&text, "k77: 1\n");
	arena_reset(&arena);
	assert_int_equal(yaml_parse(&arena, buf_view(&text), &root, &err), 1);
	assert_int_equal(err.line, 50001);
}

static void test_limits(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(freep) char *large = malloc(LIMIT_CONFIG_BYTES + 1);
	struct yaml_node *root;
	struct err err = ERR_NULL;
	assert_non_null(large);
	memset(large, '\n', LIMIT_CONFIG_BYTES + 1);
	arena_init(&arena, 64);
	assert_int_equal(yaml_parse(&arena, sv_make(large, LIMIT_CONFIG_BYTES + 1), &root, &err),
			 1);
	assert_int_equal(yaml_parse(&arena, SV("[a, b, c]"), &root, &err), ERR_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
		cmocka_unit_test(test_places),    cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_depth),     cmocka_unit_test(test_alias_depth),
		cmocka_unit_test(test_many_keys), cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
