/* Command lines against what a POSIX shell makes of the same text, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command_words.h"
#include <ampagent/base/limits.h>

#include <string.h>

static void words(void **state)
{
	static const struct {
		const char *command;
		const char *words[6];
	} cases[] = {
		{"/bin/keys", {"/bin/keys"}},
		{"  a  b\tc\n", {"a", "b", "c"}},
		{"a 'b c' \"d e\"", {"a", "b c", "d e"}},
		{"a b'c'\"d\"e", {"a", "bcde"}},
		{"a '' \"\" b", {"a", "", "", "b"}},
		{"a 'it'\\''s'", {"a", "it's"}},
		{"a 'b\\n\"c'", {"a", "b\\n\"c"}},
		{"a \"b\\\"c\\\\d\\$e\\`f\"", {"a", "b\"c\\d$e`f"}},
		{"a \"b\\nc\\'d\"", {"a", "b\\nc\\'d"}},
		{"a b\\ c \\\\ \\\"", {"a", "b c", "\\", "\""}},
		{"a b\\\nc", {"a", "bc"}},
		{"a \"b\\\nc\"", {"a", "bc"}},
		{"a $HOME ~ *.c `x` ;|&<>#", {"a", "$HOME", "~", "*.c", "`x`", ";|&<>#"}},
		{"\"/opt/my tools/keys\" --role=x", {"/opt/my tools/keys", "--role=x"}},
		{"a caf\xc3\xa9", {"a", "caf\xc3\xa9"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		char **argv;
		struct err err = ERR_NULL;
		arena_init(&arena, KiB(64));
		if (aws_command_words(&arena, sv_of(cases[i].command), &argv, &err) != 0)
			fail_msg("%s: %s", cases[i].command, err.msg);
		for (size_t k = 0; k < 6; k++) {
			const char *want = cases[i].words[k];
			if (!want) {
				assert_null(argv[k]);
				break;
			}
			assert_non_null(argv[k]);
			assert_string_equal(argv[k], want);
		}
	}
}

static void refused(void **state)
{
	static const struct {
		struct sv command;
		const char *why;
	} cases[] = {
		{SV(""), "it has no word"},
		{SV(" \t\n"), "it has no word"},
		{SV("'' a"), "its first word is empty"},
		{SV("a 'b"), "a quote (') is not closed"},
		{SV("a \"b"), "a quote (\") is not closed"},
		{SV("a \"b\\\""), "a quote (\") is not closed"},
		{SV("a \\"), "it ends with a backslash"},
		{SV("a \"\\"), "it ends with a backslash"},
		{SV("a\0b"), "it has a NUL byte"},
	};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	char **argv;
	arena_init(&arena, KiB(64));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = ERR_NULL;
		assert_int_equal(aws_command_words(&arena, cases[i].command, &argv, &err), 1);
		assert_string_equal(err.msg, cases[i].why);
	}
}

static void as_many_as_fit(void **state)
{
	char command[2 * AWS_COMMAND_WORDS_MAX + 3];
	for (size_t n = AWS_COMMAND_WORDS_MAX; n <= AWS_COMMAND_WORDS_MAX + 1; n++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		char **argv;
		arena_init(&arena, KiB(64));
		for (size_t i = 0; i < n; i++)
			memcpy(command + 2 * i, "a ", 2);
		int code = aws_command_words(&arena, sv_make(command, 2 * n), &argv, NULL);
		assert_int_equal(code, n > AWS_COMMAND_WORDS_MAX);
		if (code == 0)
			assert_null(argv[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(refused),
		cmocka_unit_test(as_many_as_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
