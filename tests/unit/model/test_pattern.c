/* Patterns: searched, not anchored; refused where Go refuses them. */
#include <ampagent/model/pattern.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *subject;
	bool found;
} cases[] = {
	{"", "", true},
	{"", "x", true},
	{"web", "my-web-service", true},
	{"web", "we b", false},
	{"^web$", "web", true},
	{"^web$", "web\n", false},
	{"^web$", "my-web", false},
	{"^a|b$", "ax", true},
	{"^a|b$", "xb", true},
	{"^a|b$", "xax", false},
	{".", "\n", false},
	{"(?s).", "\n", true},
	{"(?i)WEB", "web", true},
	{"(?m)^b$", "a\nb\nc", true},
	{"^b$", "a\nb\nc", false},
	{".*:task-definition/nginx:[0-9]+", "arn:aws:ecs:eu-west-1:1:task-definition/nginx:12",
	 true},
	{"(?<name>a)b", "ab", true},
	{"\\Qa.b\\E", "xa.by", true},
	{"\\Qa.b\\E", "xacby", false},
	{"[[:alpha:]]+\\d", "ab1", true},
	{"\xc3\xa9t\xc3\xa9$", "l'\xc3\xa9t\xc3\xa9", true},
};

static void test_search(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(pattern_freep) struct pattern *p = NULL;
		struct err err = ERR_NULL;
		if (pattern_new(sv_of(cases[i].text), &p, &err) != 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		if (pattern_found(p, sv_of(cases[i].subject)) != cases[i].found)
			fail_msg("%s in %s", cases[i].text, cases[i].subject);
	}
}

static void test_refused(void **state)
{
	static const char *const v[] = {
		"(",
		"a)(b",
		"[a",
		"a**",
		"*",
		"\\C",
		"(?P<a-b>x)",
		"x{1001}",
		"\\8",
		"(?=x)",
		"\xff",
		"a{2,1}",
		"(?<\xc3\xa9>x)",
		"x{1000000000000}",
		")",
		"+",
		"\\pX",
	};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct pattern *p = NULL;
		struct err err = ERR_NULL;
		if (pattern_new(sv_of(v[i]), &p, &err) != 1)
			fail_msg("%s is taken", v[i]);
		assert_null(p);
		if (!strstr(err.msg, "error parsing regexp"))
			fail_msg("%s: %s", v[i], err.msg);
	}
}

/* The same bounds as those of relabel rules. */
static void test_limits(void **state)
{
	enum { LONG = 5 << 20 };
	_cleanup_(freep) char *text = malloc(LONG);
	struct pattern *p = NULL;
	struct err err = ERR_NULL;
	memset(text, 'a', LONG);
	assert_int_equal(pattern_new(sv_make(text, LONG), &p, &err), 1);
	assert_non_null(strstr(err.msg, "expression too large"));
	assert_int_equal(pattern_new(SV("\\pL{1,1000}"), &p, &err), 1);
	assert_non_null(strstr(err.msg, "expression too large"));
	assert_null(p);
	pattern_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
