/* Pages through the linter: what is reported, what is counted, where a broken one is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <ampagent/base/cleanup.h>
#include <ampagent/scrape_lint.h>

struct said {
	char problems[2048], families[1024];
	size_t n_problems, n_families;
};

static void on_problem(void *userdata, struct sv metric, struct sv text)
{
	struct said *s = userdata;
	s->n_problems +=
		(size_t)snprintf(s->problems + s->n_problems, sizeof s->problems - s->n_problems,
				 "%.*s: %.*s\n", SV_ARG(metric), SV_ARG(text));
	assert_true(s->n_problems < sizeof s->problems);
}

static void on_family(void *userdata, struct sv name, uint64_t series)
{
	struct said *s = userdata;
	s->n_families +=
		(size_t)snprintf(s->families + s->n_families, sizeof s->families - s->n_families,
				 "%.*s %llu\n", SV_ARG(name), (unsigned long long)series);
	assert_true(s->n_families < sizeof s->families);
}

/* From memory of exactly that size, so that the sanitizers see every byte too far. */
static int lint(struct sv page, struct said *said, struct err *err)
{
	const struct scrape_lint_calls calls = {said, on_problem, on_family};
	_cleanup_(freep) char *copy = malloc(page.len + (page.len == 0));
	assert_non_null(copy);
	memcpy(copy, page.ptr, page.len);
	*said = (struct said){.n_problems = 0};
	*err = ERR_NULL;
	return scrape_lint(sv_make(copy, page.len), &calls, err);
}

static const struct {
	const char *page, *problems, *families;
} pages[] = {
	{"", "", ""},
	{"\n\n", "", ""},
	{"# comment\n  ", "", ""},
	{"# HELP a x\n# TYPE a gauge\n", "", ""},
	{"# HELP a x\na 1\n", "", "a 1\n"},
	{"a 1\n", "a: no help text\n", "a 1\n"},
	{"# HELP a \na 1\n", "a: no help text\n", "a 1\n"},
	{"# HELP a\na 1\n", "a: no help text\n", "a 1\n"},
	{"a 1\n# HELP a late\n", "", "a 1\n"},
	{"# HELP a x \\\\ \\n \\\"\na 1\n", "", "a 1\n"},
	{"# HELP b x\n# HELP a x\nb 1\n  a 1\n\ta 2\n", "a: metric not unique\n", "a 2\nb 1\n"},
	/* Problems are sorted; the same one stands as often as it is there. */
	{"b_s 1\na 1\n",
	 "a: no help text\n"
	 "b_s: metric names should not contain abbreviated units\n"
	 "b_s: no help text\n",
	 "a 1\nb_s 1\n"},
	{"# HELP a x\na{b=\"c\"} 1\na{b=\"c\"} 1\na{b=\"c\"} 1\na{b=\"d\"} 1\n",
	 "a: metric not unique\na: metric not unique\n", "a 4\n"},
	{"# HELP a x\na{b=\"c\",d=\"e\"} 1\na{d=\"e\",b=\"c\"} 1\na{b=\"c\",d=\"e\",} 1\n",
	 "a: metric not unique\n", "a 3\n"},
	{"# HELP a x\na 1\na{} 2\na{b=\"\"} 3\n", "a: metric not unique\n", "a 3\n"},
	{"# HELP a x\na{bC=\"1\"} 1\na{bC=\"2\"} 1\n",
	 "a: label names should be written in 'snake_case' not 'camelCase'\n"
	 "a: label names should be written in 'snake_case' not 'camelCase'\n",
	 "a 2\n"},
	{"# HELP a x\n# TYPE a gauge\na{le=\"x\"} 1\n",
	 "a: non-histogram metrics should not have \"le\" label\n", "a 1\n"},
	/* Parts of a histogram are one metric, whatever the order of its labels. */
	{"# HELP a x\n# TYPE a histogram\n"
	 "a_bucket{b=\"c\",e=\"f\",le=\"1\"} 1\na_bucket{le=\"+Inf\",e=\"f\",b=\"c\"} 1\n"
	 "a_sum{e=\"f\",b=\"c\"} 1\na_count{b=\"c\",e=\"f\"} 1\n"
	 "a_bucket{A=\"\",le=\"1\"} 1\n",
	 "", "a 8\n"},
	{"# HELP a x\n# TYPE a histogram\na_bucket{le=\"NaN\"} 1\na_bucket{le=\"1\"} 1\n"
	 "a_bucket{le=\"1\"} 1\n",
	 "", "a 4\n"},
	{"# HELP a x\n# TYPE a histogram\na{quantile=\"1\"} 1\na_count{quantile=\"1\"} 1\n",
	 "a: non-summary metrics should not have \"quantile\" label\n", "a 2\n"},
	{"# HELP a x\n# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"1\"} 1\n"
	 "a_sum -1\na_count -1\n",
	 "", "a 4\n"},
	/* Parts of nothing, and families of their own that look like parts. */
	{"# HELP a x\n# TYPE a summary\na_bucket 1\n", "a_bucket: no help text\n", "a_bucket 1\n"},
	{"# HELP a x\n# TYPE a gauge\na_sum 1\n", "a_sum: no help text\n", "a_sum 1\n"},
	{"# HELP a_sum x\n# TYPE a summary\n# HELP a y\na_sum 1\na_count 1\n", "",
	 "a 2\na_sum 1\n"},
	{"_sum 1\n_count 1\n", "_count: no help text\n_sum: no help text\n", "_count 1\n_sum 1\n"},
	/* Quoted names. */
	{"# HELP \"a.b\" x\n{\"a.b\",c=\"d\"} 1\n{\"a.b\",\"e.f\"=\"d\"} 1\n", "", "a.b 2\n"},
	{"{c=\"d\",\"a b\"} 1\n", "a b: no help text\n", "a b 1\n"},
};

static void test_pages(void **state)
{
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		struct said said;
		struct err err;
		if (lint(sv_of(pages[i].page), &said, &err) != 0)
			fail_msg("%s: %s", pages[i].page, err.msg);
		assert_string_equal(said.problems, pages[i].problems);
		assert_string_equal(said.families, pages[i].families);
	}
}

static const struct {
	struct sv page;
	int line, col;
	const char *what;
} broken[] = {
	{SV("a 1"), 1, 4, "does not end with a new line"},
	{SV("a 1\n# c"), 2, 4, "does not end with a new line"},
	{SV("a x\nb 1"), 1, 3, "invalid value"},
	{SV("a 1\n  b x\n"), 2, 5, "invalid value"},
	{SV("a 1\nb 1 x\n"), 2, 3, "timestamp"},
	{SV("a 1\n{b=\"c\"} 1\n"), 2, 1, "metric name not set"},
	{SV("a 1 \n"), 1, 4, "blank at the end"},
	{SV("a 1 5\t\n"), 1, 6, "blank at the end"},
	{SV("a{b=\"c\"d=\"e\"} 1\n"), 1, 8, "expected ','"},
	{SV("a{b=\"c\\d\"} 1\n"), 1, 7, "escape"},
	{SV("a{b=\"c\nd\"} 1\n"), 1, 7, "new line"},
	{SV("a{b=\"c\",b=\"d\"} 1\n"), 1, 1, "twice"},
	{SV("a{__name__=\"c\"} 1\n"), 1, 1, "reserved"},
	{SV("{\"\"} 1\n"), 1, 1, "empty"},
	{SV("a{\"\"=\"x\"} 1\n"), 1, 1, "empty"},
	{SV("{\"\xff\"} 1\n"), 1, 1, "UTF-8"},
	{SV("# HELP a x\n# HELP a y\n"), 2, 1, "second HELP"},
	{SV("# TYPE a gauge\n# TYPE a gauge\n"), 2, 1, "second TYPE"},
	{SV("a 1\n# TYPE a gauge\n"), 2, 1, "TYPE after samples"},
	{SV("# TYPE a histogram\n# TYPE a_sum gauge\n"), 2, 1, "second TYPE"},
	{SV("# TYPE a foo\n"), 1, 1, "invalid metric type"},
	{SV("# HELP a-b x\n"), 1, 9, "expected a blank"},
	{SV("# HELP a x\\y\n"), 1, 11, "escape"},
	{SV("# HELP a x\\\n"), 1, 11, "escape"},
	{SV("# TYPE a histogram\na_bucket{le=\"x\"} 1\n"), 2, 1, "not a number"},
	{SV("# TYPE a summary\na{quantile=\"\"} 1\n"), 2, 1, "not a number"},
	{SV("# TYPE a histogram\na_bucket{le=\"1\"} -1\n"), 2, 1, "less than nothing"},
	{SV("# TYPE a histogram\na_count -0.5\n"), 2, 1, "less than nothing"},
	{SV("a 1\n\0b 1\n"), 2, 1, "NUL"},
	{SV("a 1\n#\0b 1\n"), 2, 1, "NUL"},
};

static void test_broken_pages(void **state)
{
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct said said;
		struct err err;
		assert_int_equal(lint(broken[i].page, &said, &err), 1);
		if (err.line != broken[i].line || err.col != broken[i].col ||
		    !strstr(err.msg, broken[i].what))
			fail_msg("%zu: %d:%d: %s", i, err.line, err.col, err.msg);
		assert_int_equal(said.n_problems + said.n_families, 0);
	}
}

/* Many families, metrics and problems: everything that grows does. */
static void test_a_large_page(void **state)
{
	_cleanup_(freep) char *page = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&page, &len);
	assert_non_null(f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "family_%d_s{label=\"%d\"} 1\nfamily_%d_s{label=\"x\"} 1\n", i / 2, i,
			i / 2);
	assert_int_equal(fclose(f), 0);
	const struct scrape_lint_calls none = {NULL, NULL, NULL};
	assert_int_equal(scrape_lint(sv_make(page, len), &none, NULL), 0);
	page[len - 1] = 'x';
	struct err err = ERR_NULL;
	assert_int_equal(scrape_lint(sv_make(page, len), &none, &err), 1);
	assert_int_equal(err.line, 40000);
}

static void test_too_many_labels(void **state)
{
	_cleanup_(freep) char *page = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&page, &len);
	assert_non_null(f);
	fputs("a{", f);
	for (int i = 0; i < 3000; i++)
		fprintf(f, "l%d=\"\",", i);
	fputs("} 1\n", f);
	assert_int_equal(fclose(f), 0);
	struct said said;
	struct err err;
	assert_int_equal(lint(sv_make(page, len), &said, &err), 1);
	assert_string_equal(err.msg, "too many labels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_broken_pages),
		cmocka_unit_test(test_a_large_page),
		cmocka_unit_test(test_too_many_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
