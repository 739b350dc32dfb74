/* The plain shapes: taken where they should be, and never of another mind than the engine. */
#include "../../../src/model/relabel_regex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *text;
	enum regex_shape shape;
} shapes[] = {
	{"", REGEX_SET},
	{"()", REGEX_SET},
	{"foo", REGEX_SET},
	{"foo|bar|", REGEX_SET},
	{"(foo|bar)", REGEX_SET},
	{"(?:foo|bar)", REGEX_SET},
	{"10\\.0\\.0\\.1|\\(x\\)", REGEX_SET},
	{".*", REGEX_WILD},
	{".+", REGEX_WILD},
	{"(.*)", REGEX_WILD},
	{"(.+)", REGEX_WILD},
	{"foo.*", REGEX_WILD},
	{".*foo", REGEX_WILD},
	{"a(.+)b", REGEX_WILD},
	{"__meta_label_(.+)", REGEX_WILD},
	{".*foo.*", REGEX_CONTAINS},
	{"a|b.*", REGEX_ENGINE},
	{".*?", REGEX_ENGINE},
	{"(.*)*", REGEX_ENGINE},
	{"(.*){2}", REGEX_ENGINE},
	{"foo?", REGEX_ENGINE},
	{"(foo)?", REGEX_ENGINE},
	{"(a)|(b)", REGEX_ENGINE},
	{"((a|b))", REGEX_ENGINE},
	{"(?i:foo)", REGEX_ENGINE},
	{"^foo$", REGEX_ENGINE},
	{"\\d", REGEX_ENGINE},
	{"a.b", REGEX_ENGINE},
	{".*.*", REGEX_ENGINE},
	{".*foo.+", REGEX_ENGINE},
	{"[a]", REGEX_ENGINE},
	{"a{2}", REGEX_ENGINE},
	{"\\Qa\\E", REGEX_ENGINE},
};

static void test_shapes(void **state)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct regex re;
		assert_int_equal(regex_init(&re, sv_of(shapes[i].text), NULL), 0);
		if (re.shape != shapes[i].shape)
			fail_msg("%s is of shape %d", shapes[i].text, re.shape);
		regex_deinit(&re);
	}
}

static uint32_t seed = 20260102;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 10) % n;
}

/* Texts that come close to the shapes, some of them wrong. */
static void random_text(char *dst, const char *const *tokens, uint32_t n_tokens, uint32_t max)
{
	dst[0] = 0;
	for (uint32_t n = dice(max + 1); n > 0; n--)
		memcpy(dst + strlen(dst), tokens[dice(n_tokens)], 8);
}

static void compare(const struct regex *a, const struct regex *b, const char *text,
		    const char *subject)
{
	struct re2_span x[2], y[2];
	size_t n = a->groups > 0 ? 2 : 1;
	int found = regex_find(a, sv_of(subject), 0, x, n);
	if (found != regex_find(b, sv_of(subject), 0, y, n))
		fail_msg("%s on %s: %d", text, subject, found);
	assert_int_equal(regex_find(a, sv_of(subject), 0, NULL, 0), found);
	for (size_t i = 0; found && i < n; i++)
		if (x[i].start != y[i].start || x[i].end != y[i].end)
			fail_msg("%s on %s: group %zu", text, subject, i);
}

static void test_shapes_agree_with_the_engine(void **state)
{
	static const char tokens_[][8] = {"a",    "b",   "ab",  "\xc3\xa9", "|", ".*", ".+", "(.*)",
					  "(.+)", "\\.", "\\|", "(",        ")", "?",  "(?:"};
	static const char subjects_[][8] = {"a", "b", "ab", "\xc3\xa9", ".", "\n", "|"};
	const char *tokens[15], *subjects[7];
	size_t plain = 0, refused = 0;
	for (size_t i = 0; i < 15; i++)
		tokens[i] = tokens_[i];
	for (size_t i = 0; i < 7; i++)
		subjects[i] = subjects_[i];
	for (int round = 0; round < 20000; round++) {
		char text[64], subject[64];
		struct regex a, b;
		random_text(text, tokens, 15, 5);
		int r = regex_init(&a, sv_of(text), NULL);
		assert_int_equal(r, regex_init_engine(&b, sv_of(text), NULL));
		refused += r != 0;
		plain += r == 0 && a.shape != REGEX_ENGINE;
		if (r == 0)
			assert_int_equal(a.groups, b.groups);
		for (int k = 0; r == 0 && a.shape != REGEX_ENGINE && k < 8; k++) {
			random_text(subject, subjects, 7, 4);
			compare(&a, &b, text, subject);
		}
		regex_deinit(&a);
		regex_deinit(&b);
	}
	assert_true(plain > 5000);
	assert_true(refused > 1000);
}

/* A long list is looked up by halving. */
static void test_long_list(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct regex re;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "%spod-%d", i > 0 ? "|" : "", i * 2);
	assert_int_equal(regex_init(&re, buf_view(&text), NULL), 0);
	assert_int_equal(re.shape, REGEX_SET);
	for (int i = 0; i < 10000; i++) {
		char name[16];
		snprintf(name, sizeof name, "pod-%d", i);
		assert_int_equal(regex_find(&re, sv_of(name), 0, NULL, 0), i % 2 == 0);
	}
	assert_int_equal(regex_find(&re, SV(""), 0, NULL, 0), 0);
	regex_deinit(&re);
	/* The same list where the engine must take it: larger than the first memory step. */
	buf_sv(&text, SV("|[x]"));
	assert_int_equal(regex_init(&re, buf_view(&text), NULL), 0);
	assert_int_equal(re.shape, REGEX_ENGINE);
	assert_int_equal(regex_find(&re, SV("pod-4998"), 0, NULL, 0), 1);
	assert_int_equal(regex_find(&re, SV("pod-4999"), 0, NULL, 0), 0);
	assert_int_equal(regex_find(&re, SV("x"), 0, NULL, 0), 1);
	regex_deinit(&re);
}

static void test_named_groups(void **state)
{
	struct regex re;
	assert_int_equal(regex_init(&re, SV("(?<a>x)(?P<b>y)([(?<]*)\\(?<z"), NULL), 0);
	assert_int_equal(re.groups, 3);
	assert_int_equal(regex_group(&re, SV("a")), 1);
	assert_int_equal(regex_group(&re, SV("b")), 2);
	assert_int_equal(regex_group(&re, SV("z")), 0);
	assert_int_equal(regex_find(&re, SV("xy(?<(<z"), 0, NULL, 0), 1);
	regex_deinit(&re);
}

static void test_refusals_say_why(void **state)
{
	static const struct {
		struct sv text;
		const char *why;
	} cases[] = {
		{SV("\\C"), "invalid escape sequence: \\C"},
		{SV("a\xff"), "invalid UTF-8"},
		{SV("(?P<\xc3\xa9>a)"), "invalid named capture"},
		{SV("a)"), "error parsing regexp: "},
		{SV("a{1001}"), "error parsing regexp: "},
		{SV("a{999999999}"), "invalid repeat count"},
		{SV("a{1,999999999}"), "invalid repeat count"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct regex re;
		struct err err = ERR_NULL;
		assert_int_equal(regex_init(&re, cases[i].text, &err), 1);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s", err.msg);
		regex_deinit(&re);
	}
}

static void repeated(struct buf *text, const char *unit, int times)
{
	buf_reset(text);
	for (int i = 0; i < times; i++)
		buf_sv(text, sv_of(unit));
}

/* What numbers make of a short text is bounded; what a long text says itself is not. */
static void test_program_size(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct err err = ERR_NULL;
	struct regex re;
	buf_init(&text, MiB(4));
	repeated(&text, ".{0,1000}", 200);
	assert_int_equal(regex_init(&re, buf_view(&text), &err), 1);
	assert_non_null(strstr(err.msg, "expression too large"));
	regex_deinit(&re);
	assert_int_equal(regex_init(&re, SV("[\\pL\\pN_.-]{1,255}"), &err), 0);
	assert_int_equal(regex_find(&re, SV("caf\xc3\xa9-1.x"), 0, NULL, 0), 1);
	assert_int_equal(regex_find(&re, SV("caf\xc3\xa9 1"), 0, NULL, 0), 0);
	regex_deinit(&re);
	buf_reset(&text);
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "%spod-%d-%x", i > 0 ? "|" : "x(", i, i * 2654435761U);
	buf_sv(&text, SV(")y?"));
	assert_int_equal(regex_init(&re, buf_view(&text), &err), 0);
	assert_int_equal(regex_find(&re, SV("xpod-0-0y"), 0, NULL, 0), 1);
	assert_int_equal(regex_find(&re, SV("xpod-0-1y"), 0, NULL, 0), 0);
	regex_deinit(&re);
}

/* Every length at which an exponential or even quadratic matcher would not end in time. */
static void test_worst_patterns(void **state)
{
	static const struct {
		const char *text;
		char letter;
		const char *end;
		int match;
	} cases[] = {
		{"(a|aa)+", 'a', "", 1},
		{"(a|aa)+", 'a', "!", 0},
		{"(x+x+)+y", 'x', "", 0},
		{"(x+x+)+y", 'x', "y", 1},
		{"(((((a*)*)*)*)*)*b", 'a', "", 0},
		{"(((((a*)*)*)*)*)*b", 'a', "b", 1},
		{"(.*)(.*)(.*)(.*)(.*)(.*)x", 'a', "!", 0},
		{"(.*)(.*)(.*)(.*)(.*)(.*)x", 'a', "x", 1},
		{"(?:a?){1000}(?:a?){1000}a*", 'a', "", 1},
		{"(?:a?){1000}(?:a?){1000}a*", 'a', "b", 0},
		{"[ab]*a[ab]{999}", 'a', "", 1},
		{"[ab]*a[ab]{999}", 'b', "", 0},
		{"(\\b|a|\\B)*(b|\\b)*x", 'a', "b", 0},
	};
	static char subject[KiB(16)];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct re2_span spans[8];
		struct regex re;
		size_t len = sizeof subject - 1, n = strlen(cases[i].end);
		memset(subject, cases[i].letter, sizeof subject);
		memcpy(subject + len - n, cases[i].end, n);
		assert_int_equal(regex_init(&re, sv_of(cases[i].text), NULL), 0);
		size_t groups = re.groups + 1 < 8 ? re.groups + 1 : 8;
		int yes = regex_find(&re, sv_make(subject, len), 0, NULL, 0);
		int found = regex_find(&re, sv_make(subject, len), 0, spans, groups);
		if (yes != cases[i].match || found != cases[i].match)
			fail_msg("%s: %d, %d", cases[i].text, yes, found);
		if (found)
			assert_true(spans[0].start == 0 && spans[0].end == len);
		regex_deinit(&re);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_shapes_agree_with_the_engine),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_named_groups),
		cmocka_unit_test(test_refusals_say_why),
		cmocka_unit_test(test_program_size),
		cmocka_unit_test(test_worst_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
