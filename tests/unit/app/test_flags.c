/* Command lines: the forms that Prometheus takes, and what is refused. */
#include "flags.h"

#include <ampagent/base/cleanup.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGS_MAX = 3 };

static struct {
	struct sv text;
	bool on;
	int64_t duration_ms;
	uint64_t count;
	double ratio;
	struct flag_list list;
	struct sv kept, kept_on;
} v;

static const struct flag flags[] = {
	{"config.file", FLAG_STRING, &v.text, "A file.", false, 0},
	{"on", FLAG_BOOL, &v.on, "A switch.", false, 0},
	{"wait", FLAG_DURATION, &v.duration_ms, "A time.", false, 0},
	{"count", FLAG_UINT, &v.count, "A number.", false, 0},
	{"ratio", FLAG_DOUBLE, &v.ratio, "A share.", false, 0},
	{"list", FLAG_LIST, &v.list, "", false, 0},
	{"version", FLAG_VERSION, NULL, "", false, 0},
	{"ignored", FLAG_NO_EFFECT, NULL, "", false, 0},
	{"ignored.value", FLAG_NO_EFFECT, NULL, "", true, 0},
	{"later", FLAG_REFUSED, NULL, "is not built", true, 2},
	{"server", FLAG_REFUSED, NULL, "is the server's", false, 3},
	{"kept", FLAG_NO_EFFECT, &v.kept, "", true, 0},
	{"kept.on", FLAG_NO_EFFECT, &v.kept_on, "", false, 0},
	{"refused", FLAG_REFUSED, &v.kept, "is the server's", true, 3},
	{NULL, FLAG_BOOL, NULL, NULL, false, 0},
};

static struct sv args[ARGS_MAX];
static size_t n_args;

/* Words apart by blanks. */
static int parse(const char *line, struct err *err)
{
	static char text[256];
	char program[] = "program";
	char *argv[16] = {program};
	int argc = 1;
	char *rest = NULL;
	snprintf(text, sizeof text, "%s", line);
	for (char *word = text; *word && argc < 16; word = rest) {
		argv[argc++] = word;
		rest = strchrnul(word, ' ');
		if (*rest)
			*rest++ = '\0';
	}
	v.text = SV("default");
	v.on = false;
	v.duration_ms = 5000;
	v.count = 7;
	v.ratio = 0.5;
	v.list.n = 0;
	n_args = 0;
	*err = ERR_NULL;
	return flags_parse(argc, argv, flags, args, ARGS_MAX, &n_args, err);
}

static void values(void **state)
{
	static const struct {
		const char *line, *text;
		bool on;
		int64_t duration_ms;
		uint64_t count;
		double ratio;
	} cases[] = {
		{"", "default", false, 5000, 7, 0.5},
		{"--config.file=a=b", "a=b", false, 5000, 7, 0.5},
		{"--config.file a", "a", false, 5000, 7, 0.5},
		{"--config.file=", "", false, 5000, 7, 0.5},
		{"--config.file --on", "--on", false, 5000, 7, 0.5},
		{"--on", "default", true, 5000, 7, 0.5},
		{"--no-on", "default", false, 5000, 7, 0.5},
		{"--on=true", "default", true, 5000, 7, 0.5},
		{"--on=false", "default", false, 5000, 7, 0.5},
		{"--wait=1m30s --count=0 --ratio=2e-1", "default", false, 90000, 0, 0.2},
		{"--ignored --no-ignored --ignored.value=x --ignored.value y --on", "default", true,
		 5000, 7, 0.5},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;
		if (parse(cases[i].line, &err) != 0)
			fail_msg("%s: %s", cases[i].line, err.msg);
		assert_true(sv_eq(v.text, sv_of(cases[i].text)));
		assert_int_equal(v.on, cases[i].on);
		assert_int_equal(v.duration_ms, cases[i].duration_ms);
		assert_int_equal(v.count, cases[i].count);
		assert_true(v.ratio == cases[i].ratio);
		assert_int_equal(n_args, 0);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *why;
	} cases[] = {
		{"--config.fil=x", 2, "did you mean --config.file?"},
		{"--zzzzzzzz", 2, "unknown flag --zzzzzzzz"},
		{"-x", 2, "unknown flag -x"},
		{"--no-config.file", 2, "unknown flag --no-config.file"},
		{"--config.file", 2, "--config.file needs a value"},
		{"--ignored.value", 2, "--ignored.value needs a value"},
		{"--on=maybe", 2, "--on takes true or false"},
		{"--wait=soon", 2, "--wait: not a duration: \"soon\""},
		{"--count=-1", 2, "--count: not a whole number"},
		{"--ratio=x", 2, "--ratio: not a number"},
		{"--later=x", 2, "--later: is not built"},
		{"--server", 3, "--server: is the server's"},
		{"--count=1 --count=2", 2, "--count is given twice"},
		{"--on --no-on", 2, "--on is given twice"},
		{"a b c d", 2, "unexpected argument \"d\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err;
		assert_int_equal(parse(cases[i].line, &err), cases[i].code);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].line, err.msg);
	}
}

static void positional_arguments(void **state)
{
	struct err err;
	assert_int_equal(parse("a --on - -- --count", &err), 0);
	assert_int_equal(n_args, 3);
	assert_true(v.on);
	assert_true(sv_eq(args[0], SV("a")) && sv_eq(args[1], SV("-")) &&
		    sv_eq(args[2], SV("--count")));
}

static void lists(void **state)
{
	struct err err;
	assert_int_equal(parse("--list=a,b --on --list c --list=", &err), 0);
	assert_int_equal(v.list.n, 3);
	assert_true(sv_eq(v.list.v[0], SV("a,b")) && sv_eq(v.list.v[1], SV("c")) &&
		    v.list.v[2].len == 0);
	assert_int_equal(parse("--list", &err), 2);
	char program[] = "program", flag[] = "--list=x";
	char *argv[FLAG_LIST_MAX + 2] = {program};
	for (int i = 1; i < FLAG_LIST_MAX + 2; i++)
		argv[i] = flag;
	v.list.n = 0;
	assert_int_equal(flags_parse(FLAG_LIST_MAX + 2, argv, flags, NULL, 0, NULL, &err), 2);
	assert_non_null(strstr(err.msg, "--list is given too often"));
}

static void expect_json(const char *line, const char *expected)
{
	struct err err;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	v.kept = SV("5m");
	v.kept_on = SV("true");
	assert_int_equal(parse(line, &err), 0);
	buf_init(&out, 4096);
	flags_json(&(struct json_writer){.out = &out}, flags);
	buf_char(&out, '\0');
	assert_string_equal(out.ptr, expected);
}

static void listed_with_their_values(void **state)
{
	expect_json("", "{\"config.file\":\"default\",\"count\":\"7\",\"kept\":\"5m\","
			"\"kept.on\":\"true\",\"list\":\"\",\"on\":\"false\",\"ratio\":\"0.5\","
			"\"refused\":\"5m\",\"wait\":\"5s\"}");
	expect_json("--on --kept=1h --no-kept.on --list=a --list b,c --config.file=a\"b --wait=60s",
		    "{\"config.file\":\"a\\\"b\",\"count\":\"7\",\"kept\":\"1h\","
		    "\"kept.on\":\"false\",\"list\":\"a,b,c\",\"on\":\"true\",\"ratio\":\"0.5\","
		    "\"refused\":\"1h\",\"wait\":\"1m\"}");
}

static void version(void **state)
{
	struct err err;
	assert_int_equal(parse("--on --version --nonsense", &err), FLAGS_E_VERSION);
	assert_int_equal(parse("--nonsense --version", &err), 2);
}

static void help(void **state)
{
	struct err err;
	assert_int_equal(parse("--count=1 --help", &err), FLAGS_E_HELP);
	assert_int_equal(parse("-h", &err), FLAGS_E_HELP);
	assert_int_equal(parse("-- --help", &err), 0);
	parse("", &err);
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	flags_usage(out, "program [flags]", flags);
	fclose(out);
	assert_string_equal(text, "usage: program [flags]\n\nFlags:\n"
				  "  --config.file=...\n        A file. (default default)\n"
				  "  --on\n        A switch.\n"
				  "  --wait=...\n        A time. (default 5s)\n"
				  "  --count=...\n        A number. (default 7)\n"
				  "  --ratio=...\n        A share. (default 0.5)\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(refusals),
		cmocka_unit_test(positional_arguments),
		cmocka_unit_test(lists),
		cmocka_unit_test(listed_with_their_values),
		cmocka_unit_test(version),
		cmocka_unit_test(help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
