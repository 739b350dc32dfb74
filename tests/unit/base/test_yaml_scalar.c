/* yaml_scalar: plain scalars and tags as go-yaml v2 resolves them. */
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "yaml_dump.h"

static const struct {
	const char *yaml, *tree;
} cases[] = {
	/* booleans */
	{"[y, Y, yes, Yes, YES, true, True, TRUE, on, On, ON]",
	 "[true,true,true,true,true,true,true,true,true,true,true]"},
	{"[n, N, no, No, NO, false, False, FALSE, off, Off, OFF]",
	 "[false,false,false,false,false,false,false,false,false,false,false]"},
	{"[yEs, oN, tRUE, 'yes', \"no\", !!str yes]", "['yEs','oN','tRUE','yes','no','yes']"},
	/* null */
	{"[~, null, Null, NULL, '', nULL]", "[~,~,~,~,'','nULL']"},
	{"a:\nb: ~\n", "{a:~,b:~}"},
	/* integers */
	{"[0, 7, -7, +7, 1_000, 010, 0o10, 0O10, 0x1f, 0X1F, 0b101, -0x10, -0]",
	 "[i0,i7,i-7,i7,i1000,i8,i8,i8,i31,i31,i5,i-16,i0]"},
	{"[18446744073709551615, 18446744073709551616, -9223372036854775808]",
	 "[i18446744073709551615,f1.8446744073709552e+19,i-9223372036854775808]"},
	{"[08, 0x, 0xg, 12a, 1_, _1, '5', -, +]", "[f8,'0x','0xg','12a',i1,'_1','5','-','+']"},
	/* floats */
	{"[1.5, -1.5, .5, 5., 1e3, 1E-2, +.5e1, 1_0.5]",
	 "[f1.5,f-1.5,f0.5,f5,f1000,f0.01,f5,f10.5]"},
	{"[.inf, -.inf, +.Inf, .nan, inf, nan, .INF]",
	 "[f+Inf,f-Inf,f+Inf,fNaN,'inf','nan',f+Inf]"},
	{"[1e999, 1.2.3, 1e, ., .e1]", "['1e999','1.2.3','1e','.','.e1']"},
	/* neither sexagesimal numbers nor dates */
	{"[190:20:30, 1:20, 2020-01-02, 10:20.5]", "['190:20:30','1:20','2020-01-02','10:20.5']"},
	/* tags */
	{"[!!str 5, !!int '5', !!float 5, !!bool 'yes', !!null '', !!float -2]",
	 "['5',i5,f5,true,~,f-2]"},
	{"[!!binary aGVsbG8=, !!binary \"aGVs\\nbG8=\", !custom x, !custom 5]",
	 "['hello','hello','x','5']"},
	{"[!!timestamp 2020-01-02, ! yes]", "['2020-01-02','yes']"},
};

static void test_resolve(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		struct yaml_node *root;
		struct err err = ERR_NULL;
		arena_init(&arena, MiB(1));
		buf_init(&out, MiB(1));
		if (yaml_parse(&arena, sv_of(cases[i].yaml), &root, &err) != 0)
			fail_msg("%s: %s", cases[i].yaml, err.msg);
		dump(&out, root);
		buf_char(&out, '\0');
		assert_string_equal(out.ptr, cases[i].tree);
	}
}

/* A digit string without end is text, not a number. */
static void test_long_digits(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct yaml_node *root;
	char digits[900];
	memset(digits, '1', sizeof digits);
	arena_init(&arena, MiB(1));
	assert_int_equal(yaml_parse(&arena, sv_make(digits, sizeof digits), &root, NULL), 0);
	assert_int_equal(root->kind, YAML_STRING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_long_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
