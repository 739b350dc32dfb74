/* Origins that may read the API. */
#include "cors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void origins(void **state)
{
	struct err err = ERR_NULL;
	_cleanup_(relabel_unrefp) struct relabel_set *all = NULL;
	_cleanup_(relabel_unrefp) struct relabel_set *one = NULL;
	assert_int_equal(cors_compile(SV(".*"), &all, &err), 0);
	assert_true(cors_allows(all, SV("http://anything")));
	assert_int_equal(cors_compile(SV("https?://a\\.example"), &one, &err), 0);
	assert_true(cors_allows(one, SV("https://a.example")));
	assert_false(cors_allows(one, SV("https://a.example.other")));
	assert_false(cors_allows(one, SV("x https://a.example")));
	assert_false(cors_allows(one, SV("https://aXexample")));
	assert_false(cors_allows(NULL, SV("http://anything")));
}

static void none_by_an_empty_expression(void **state)
{
	_cleanup_(relabel_unrefp) struct relabel_set *none = NULL;
	assert_int_equal(cors_compile(SV(""), &none, NULL), 0);
	assert_false(cors_allows(none, SV("http://anything")));
}

static void no_expression(void **state)
{
	struct err err = ERR_NULL;
	struct relabel_set *set = NULL;
	assert_int_equal(cors_compile(SV("("), &set, &err), 1);
	assert_memory_equal(err.msg, "--web.cors.origin: ", 19);
	assert_null(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins),
		cmocka_unit_test(none_by_an_empty_expression),
		cmocka_unit_test(no_expression),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
