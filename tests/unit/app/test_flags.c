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

/* ---- the environment ---- */

static struct {
	const char *name, *value;
} variables[4];

static const char *get(const char *name)
{
	for (size_t i = 0; i < 4 && variables[i].name; i++)
		if (strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	return NULL;
}

static int parse_env(const char *line, struct flags_environment *env, struct err *err)
{
	/* Sets the defaults, and splits the line. */
	static char text[64];
	char program[] = "program", *argv[2] = {program, text};
	assert_int_equal(parse("", err), 0);
	v.kept = SV("");
	snprintf(text, sizeof text, "%s", line);
	env->get = get;
	return flags_parse_env(line[0] ? 2 : 1, argv, flags, env, NULL, 0, NULL, err);
}

static void variable_names(void **state)
{
	char dst[FLAG_VARIABLE_MAX];
	assert_string_equal(flags_variable(dst, "web.listen-address"),
			    "AMPAGENT_WEB_LISTEN_ADDRESS");
	assert_string_equal(flags_variable(dst, "auto-gomemlimit.ratio"),
			    "AMPAGENT_AUTO_GOMEMLIMIT_RATIO");
}

static void from_variables(void **state)
{
	struct flags_environment env;
	struct err err;
	variables[0].name = "AMPAGENT_CONFIG_FILE", variables[0].value = "a b";
	variables[1].name = "AMPAGENT_ON", variables[1].value = "true";
	variables[2].name = "AMPAGENT_WAIT", variables[2].value = "1m";
	variables[3].name = "AMPAGENT_LIST", variables[3].value = "x,y";
	assert_int_equal(parse_env("", &env, &err), 0);
	assert_true(sv_eq(v.text, SV("a b")) && v.on && v.duration_ms == 60000);
	assert_int_equal(v.list.n, 1);
	assert_int_equal(env.n, 4);
	/* The command line wins, over all of a list, too. */
	assert_int_equal(parse_env("--list=z", &env, &err), 0);
	assert_true(v.list.n == 1 && sv_eq(v.list.v[0], SV("z")));
	assert_int_equal(parse_env("--no-on", &env, &err), 0);
	assert_false(v.on);
	assert_int_equal(parse_env("--config.file=c", &env, &err), 0);
	assert_true(sv_eq(v.text, SV("c")));
	assert_int_equal(env.n, 3);
	variables[1].value = "false";
	assert_int_equal(parse_env("", &env, &err), 0);
	assert_false(v.on);
	variables[0].value = "a b\n";
	assert_int_equal(parse_env("", &env, &err), 0);
	assert_true(sv_eq(v.text, SV("a b")));
	/* Blank is not set. */
	variables[0].value = " ";
	assert_int_equal(parse_env("", &env, &err), 0);
	assert_true(sv_eq(v.text, SV("default")));
	assert_int_equal(parse_env("--help", &env, &err), FLAGS_E_HELP);
}

static void bad_variables(void **state)
{
	static const struct {
		const char *name, *value;
		int code;
		const char *say;
	} cases[] = {
		{"AMPAGENT_ON", "yes", 2, "AMPAGENT_ON takes true or false"},
		{"AMPAGENT_WAIT", "soon", 2, "AMPAGENT_WAIT: not a duration: \"soon\""},
		{"AMPAGENT_COUNT", "-1", 2, "AMPAGENT_COUNT: not a whole number: \"-1\""},
		{"AMPAGENT_RATIO", "x", 2, "AMPAGENT_RATIO: not a number: \"x\""},
		{"AMPAGENT_LATER", "x", 2, "AMPAGENT_LATER: is not built"},
		{"AMPAGENT_SERVER", "true", 3, "AMPAGENT_SERVER: is the server's"},
		{"AMPAGENT_KEPT", "x", 0, ""},
		{"AMPAGENT_KEPT_ON", "true", 0, ""},
		{"AMPAGENT_VERSION", "1", 0, ""},
	};
	variables[1].name = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct flags_environment env;
		struct err err;
		variables[0].name = cases[i].name;
		variables[0].value = cases[i].value;
		assert_int_equal(parse_env("", &env, &err), cases[i].code);
		assert_string_equal(err.msg, cases[i].say);
	}
	assert_true(sv_eq(v.kept_on, SV("true")));
}

/* Flags are checked further after the parsing. */
static void later_complaints(void **state)
{
	struct flags_environment env;
	struct err err;
	variables[0].name = "AMPAGENT_CONFIG_FILE", variables[0].value = "x";
	variables[1].name = NULL;
	assert_int_equal(parse_env("", &env, &err), 0);
	err_set(&err, 2, "--config.file: not good");
	flags_name_variable(&env, &err);
	assert_string_equal(err.msg, "AMPAGENT_CONFIG_FILE: --config.file: not good");
	err_set(&err, 2, "--config.file.other: not good");
	flags_name_variable(&env, &err);
	assert_string_equal(err.msg, "--config.file.other: not good");
	err_set(&err, 2, "not good");
	flags_name_variable(&env, &err);
	assert_string_equal(err.msg, "not good");
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
		cmocka_unit_test(variable_names),
		cmocka_unit_test(from_variables),
		cmocka_unit_test(bad_variables),
		cmocka_unit_test(later_complaints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
