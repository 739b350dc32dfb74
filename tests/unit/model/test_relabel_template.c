/* Templates by Go's Expand rules. The recorded vectors of test_relabel.c have many more. */
#include "../../../src/model/relabel_regex.h"
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define REGEX "(?P<n>[a-z]+)-([a-z]+)(x)?"

static const struct {
	const char *text;
	const char *want; /* on left-right */
} cases[] = {
	{"", ""},
	{"plain", "plain"},
	{"$1", "left"},
	{"$0", "left-right"},
	{"${1}x", "leftx"},
	{"$1x", ""},
	{"$2.$1", "right.left"},
	{"$3", ""},
	{"$4", ""},
	{"$n!", "left!"},
	{"${n}n", "leftn"},
	{"$nn", ""},
	{"$$1", "$1"},
	{"$$$1", "$left"},
	{"$", "$"},
	{"a$", "a$"},
	{"$-1", "$-1"},
	{"${1", "${1"},
	{"${}", "${}"},
	{"${ 1}", "${ 1}"},
	{"$01", ""},
	{"$00", ""},
	{"$999999999", ""},
	{"$1000000000000", ""},
	{"$\xc3\xa9", ""},
	{"$1\xc3\xa9.", "."},
	{"$1\xff", "left\xff"},
};

static void test_expansion(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct regex re;
	arena_init(&arena, KiB(64));
	assert_int_equal(regex_init(&re, SV(REGEX), NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct re2_span spans[4];
		struct template t;
		struct sv got, subject = SV("left-right");
		assert_int_equal(template_init(&t, sv_of(cases[i].text), &re), 0);
		assert_true(t.spans <= 4);
		assert_int_equal(regex_find(&re, subject, 0, spans, 4), 1);
		assert_int_equal(template_fill(&t, subject, spans, &arena, &got), 0);
		if (!sv_eq(got, sv_of(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].text, SV_ARG(got));
		template_deinit(&t);
	}
	regex_deinit(&re);
}

/* A group named like a number is not reached by that number. */
static void test_group_named_by_digits(void **state)
{
	struct regex re;
	struct template t;
	assert_int_equal(regex_init(&re, SV("(?P<7>a)(?P<01>b)"), NULL), 0);
	assert_int_equal(template_init(&t, SV("${7}"), &re), 0);
	assert_int_equal(t.n, 0);
	template_deinit(&t);
	assert_int_equal(template_init(&t, SV("${01}"), &re), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.parts[0].group, 2);
	template_deinit(&t);
	regex_deinit(&re);
}

/* One part alone is not copied. */
static void test_single_part_is_a_view(void **state)
{
	_cleanup_(arena_deinit) struct arena none = ARENA_NULL;
	struct re2_span spans[] = {{0, 4}, {1, 3}};
	struct template_part group = {.literal = SV_NULL, .group = 1};
	struct template t = {.parts = &group, .n = 1, .spans = 2};
	struct sv got, subject = SV("abcd");
	assert_int_equal(template_fill(&t, subject, spans, &none, &got), 0);
	assert_ptr_equal(got.ptr, subject.ptr + 1);
	assert_int_equal(got.len, 2);
	struct template_part two[] = {group, group};
	t = (struct template){.parts = two, .n = 2, .spans = 2};
	assert_int_equal(template_fill(&t, subject, spans, &none, &got), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expansion),
		cmocka_unit_test(test_group_named_by_digits),
		cmocka_unit_test(test_single_part_is_a_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
