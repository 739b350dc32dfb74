/* Selectors: what they match, and what is none. The verdicts are Prometheus's. */
#include "../../../scrape/selector.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
	struct arena names, scratch;
	struct labels set; /* {instance="h:1", job="a", "a b"="\n"} */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct label_builder b;
	arena_init(&f->names, KiB(64));
	arena_init(&f->scratch, KiB(64));
	label_builder_init(&b, &f->names);
	label_builder_set(&b, SV("job"), SV("a"));
	label_builder_set(&b, SV("instance"), SV("h:1"));
	label_builder_set(&b, SV("a b"), SV("\n"));
	assert_int_equal(label_builder_finish(&b, &f->names, &f->set), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_deinit(&f->names);
	arena_deinit(&f->scratch);
	free(f);
	return 0;
}

static void expect(struct fixture *f, const char *const *texts, bool matches)
{
	for (; *texts; texts++) {
		_cleanup_(selector_deinit) struct selector s;
		struct err err = ERR_NULL;
		selector_init(&s);
		if (selector_parse(sv_of(*texts), &s, &err) != 0)
			fail_msg("%s: %s", *texts, err.msg);
		if (selector_matches(&s, f->set, &f->scratch) != matches)
			fail_msg("%s: %s", *texts, matches ? "does not match" : "matches");
	}
}

static void what_matches(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{job=\"a\"}",
		"{job='a'}",
		"{job=`a`}",
		" { job = \"a\" , } # and so on",
		"{job=\"a\",instance=~\"h:.*\"}",
		"{job!=\"b\"}",
		"{job=~\"a|b\"}",
		"{job=~\"\\x61\"}",
		"{job!~\"[b-z]\"}",
		"{other=\"\"}",
		"{other!~\".+\"}",
		"{__name__=\"\"}",
		"{\"job\"=\"a\"}",
		"{\"a b\"=\"\\n\"}",
		"{'a b'=\"\\012\"}",
		"{job=\"\\u0061\"}",
		"{job=\"\\U00000061\"}",
		"{job=\"a\"\n# a comment\n}",
		NULL,
	};
	expect(*state, texts, true);
}

static void what_does_not(void **state)
{
	static const char *const texts[] = {
		"up",
		"a:b",
		"sum{job=\"a\"}",
		"by",
		"{__name__=\"x\"}",
		"{\"up\", job=\"a\"}",
		"up{\"down\"}",
		"{job=\"b\"}",
		"{job=\"a\",instance!=\"h:1\"}",
		"{job=~\"b\"}",
		"{job=~\"\"}",
		"{instance=~\"h\"}",
		"{job!~\"a\"}",
		"{other!=\"\"}",
		"{by=\"x\"}",
		"{job=`\\x61`}",
		"{\"a b\"=`\\n`}",
		NULL,
	};
	expect(*state, texts, false);
}

static void what_is_none(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"{foo", "1:5: parse error: unexpected end of input inside braces"},
		{"up{job=\"a\"", "1:11: parse error: unexpected end of input inside braces"},
		{"{job=a}", "1:6: parse error: expected a string in label matching"},
		{"{job=\"a\"}}", "1:10: parse error: unexpected character"},
		{"{,}", "1:2: parse error: expected a label name"},
		{"{job=\"a\" env=\"x\"}", "1:10: parse error: expected \",\" or \"}\""},
		{"{job==\"a\"}", "1:6: parse error: expected a string"},
		{"{job=\"\\q\"}", "unknown escape sequence"},
		{"{job=\"\\400\"}", "unknown escape sequence"},
		{"{job=\"\\ud800\"}", "unknown escape sequence"},
		{"{job=\"a", "unterminated quoted string"},
		{"{job=\"a\n\"}", "unterminated quoted string"},
		{"{job!\"a\"}", "unexpected character after '!'"},
		{"{job=~\"(\"}", "error parsing regexp: missing"},
		{"\"up\"", "1:1: parse error: unexpected input"},
		{"foo bar", "1:5: parse error: unexpected input"},
		{"on", "1:1: parse error: unexpected keyword"},
		{"NaN", "unexpected keyword"},
		{"1", "1:1: parse error: unexpected character"},
		{"#", "1:2: parse error: unexpected end of input"},
		{"", "1:1: parse error: unexpected end of input"},
		{"{job=\"a\"}[5m]", "1:10: parse error: unexpected character"},
		{"{a:b=\"x\"}", "1:3: parse error: unexpected character"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(selector_deinit) struct selector s;
		struct err err = ERR_NULL;
		selector_init(&s);
		if (selector_parse(sv_of(cases[i].text), &s, &err) != 1)
			fail_msg("%s is taken", cases[i].text);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].text, err.msg);
		assert_true(s.n == 0 && selector_matches(&s, f->set, &f->scratch));
	}
}

static void as_many_as_fit(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(selector_deinit) struct selector s;
	struct err err = ERR_NULL;
	buf_init(&text, KiB(64));
	buf_char(&text, '{');
	for (int i = 0; i < SELECTOR_MATCHERS_MAX; i++)
		buf_sv(&text, SV("job=\"a\","));
	selector_init(&s);
	struct sv all = buf_view(&text);
	buf_sv(&text, SV("}"));
	assert_int_equal(selector_parse(buf_view(&text), &s, &err), 0);
	assert_int_equal(s.n, SELECTOR_MATCHERS_MAX);
	selector_deinit(&s);
	selector_init(&s);
	text.len = all.len;
	buf_sv(&text, SV("job=\"a\"}"));
	assert_int_equal(selector_parse(buf_view(&text), &s, &err), 1);
	assert_non_null(strstr(err.msg, "too many matchers"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_matches),
		TEST(what_does_not),
		TEST(what_is_none),
		TEST(as_many_as_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
