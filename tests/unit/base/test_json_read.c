#include "check.h"

#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>

/* Events as text: each its letter, with what it carries. */
static int note(void *cls, enum json_event event, struct sv text, struct err *err)
{
	static const char letters[] = "{}[]ksntfz";
	struct buf *out = cls;
	buf_char(out, letters[event]);
	if (event == JSON_KEY || event == JSON_STRING || event == JSON_NUMBER)
		buf_printf(out, "(%.*s)", SV_ARG(text));
	return 0;
}

/* Feeds text in pieces of the given size. */
static int read_in(struct sv text, size_t step, struct buf *events, struct err *err)
{
	_cleanup_(json_reader_deinit) struct json_reader r;
	json_reader_init(&r, note, events, 64);
	for (; text.len > 0; text = sv_from(text, step)) {
		/* An exact copy, so that reading past the end of a piece is seen. */
		size_t n = step < text.len ? step : text.len;
		_cleanup_(freep) char *piece = malloc(n);
		memcpy(piece, text.ptr, n);
		int e = json_feed(&r, sv_make(piece, n), err);
		if (e != 0) {
			assert_int_equal(json_feed(&r, SV(" "), NULL), e);
			assert_int_equal(json_finish(&r, NULL), e);
			return e;
		}
	}
	return json_finish(&r, err);
}

static void reads_documents(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "{}"},
		{" [ ] ", "[]"},
		{"null", "z"},
		{"true", "t"},
		{"false", "f"},
		{"-0", "n(-0)"},
		{"12.5e-7", "n(12.5e-7)"},
		{"0E+1", "n(0E+1)"},
		{"\"\"", "s()"},
		{"{\"a\":1,\"b\":[true,false,null,\"x\"]}", "{k(a)n(1)k(b)[tfzs(x)]}"},
		{"[[],{},[{\"\":{}}]]", "[[]{}[{k(){}}]]"},
		{"[1,2 , 3\n]", "[n(1)n(2)n(3)]"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s(\"\\/\b\f\n\r\t)"},
		{"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00z\"",
		 "s(A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z)"},
		{"\"\xc3\xa9 \xf0\x9f\x98\x80\"", "s(\xc3\xa9 \xf0\x9f\x98\x80)"},
		{"{\"k\\n\":\"\x7f\"}", "{k(k\n)s(\x7f)}"},
		{"\r\n\t 7 ", "n(7)"},
	};
	for (size_t i = 0; i < N_OF(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i][0]); step++) {
			_cleanup_(buf_deinit) struct buf events = BUF_NULL;
			struct err err = ERR_NULL;
			buf_init(&events, 1000);
			if (read_in(sv_of(cases[i][0]), step, &events, &err) != 0)
				fail_msg("%s: %s", cases[i][0], err.msg);
			assert_sv(buf_view(&events), cases[i][1]);
		}
}

static void refuses_with_a_place(void **state)
{
	static const struct {
		const char *text;
		int line, col;
		const char *why;
	} cases[] = {
		{"", 1, 1, "unexpected end"},
		{"  ", 1, 3, "unexpected end"},
		{"{", 1, 2, "unexpected end"},
		{"[1", 1, 3, "unexpected end"},
		{"tru", 1, 4, "unexpected end"},
		{"\"a", 1, 3, "unexpected end"},
		{"trux", 1, 4, "expected true"},
		{"nil", 1, 2, "expected true"},
		{"x", 1, 1, "expected a value"},
		{"[1,]", 1, 4, "expected a value"},
		{"[,1]", 1, 2, "expected a value"},
		{"[1 2]", 1, 4, "expected ',' or ']'"},
		{"[1}", 1, 3, "expected ',' or ']'"},
		{"{\"a\":1]", 1, 7, "expected ',' or '}'"},
		{"{\"a\" 1}", 1, 6, "expected ':'"},
		{"{a:1}", 1, 2, "expected a key"},
		{"{\"a\":1,}", 1, 8, "expected a key"},
		{"{1:1}", 1, 2, "expected a key"},
		{"\n\n {} x", 3, 5, "after the end"},
		{"1 2", 1, 3, "after the end"},
		{"{}{}", 1, 3, "after the end"},
		{"]", 1, 1, "expected a value"},
		{"01 ", 1, 3, "malformed number"},
		{"- ", 1, 2, "malformed number"},
		{"1. ", 1, 3, "malformed number"},
		{".5", 1, 1, "expected a value"},
		{"1e ", 1, 3, "malformed number"},
		{"1e+", 1, 4, "malformed number"},
		{"1-2 ", 1, 4, "malformed number"},
		{"+1", 1, 1, "expected a value"},
		{"\"\\x\"", 1, 3, "unknown escape"},
		{"\"\\u12g4\"", 1, 6, "four hex digits"},
		{"\"a\nb\"", 1, 3, "control character"},
		{"\"\\ud800\"", 1, 8, "surrogate"},
		{"\"\\ud800x\"", 1, 9, "surrogate"},
		{"\"\\ud800\\n\"", 1, 9, "surrogate"},
		{"\"\\udc00\"", 1, 8, "surrogate"},
		{"\"\\ud800\\ud800\"", 1, 14, "surrogate"},
		{"\"\xff\"", 1, 3, "not UTF-8"},
		{"\"\xc3\"", 1, 3, "not UTF-8"},
		{"\"\xed\xa0\x80\"", 1, 5, "not UTF-8"},
		{"\xef\xbb\xbf{}", 1, 1, "expected a value"},
	};
	for (size_t i = 0; i < N_OF(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].text) + 1; step++) {
			_cleanup_(buf_deinit) struct buf events = BUF_NULL;
			struct err err = ERR_NULL;
			buf_init(&events, 1000);
			assert_int_equal(read_in(sv_of(cases[i].text), step, &events, &err), 1);
			if (!strstr(err.msg, cases[i].why) || err.line != cases[i].line)
				fail_msg("%s: %d:%d: %s", cases[i].text, err.line, err.col,
					 err.msg);
			/* In one piece the column is exact. */
			if (step > strlen(cases[i].text) && err.col != cases[i].col)
				fail_msg("%s: column %d", cases[i].text, err.col);
		}
}

static void depth_has_a_limit(void **state)
{
	char text[2 * LIMIT_JSON_DEPTH + 2];
	_cleanup_(buf_deinit) struct buf events = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&events, 1000);
	memset(text, '[', LIMIT_JSON_DEPTH);
	memset(text + LIMIT_JSON_DEPTH, ']', LIMIT_JSON_DEPTH);
	assert_int_equal(read_in(sv_make(text, 2 * LIMIT_JSON_DEPTH), 1000, &events, &err), 0);
	memset(text, '[', LIMIT_JSON_DEPTH + 1);
	assert_int_equal(read_in(sv_make(text, 2 * LIMIT_JSON_DEPTH), 1000, &events, &err), 1);
	assert_non_null(strstr(err.msg, "deep"));
	assert_int_equal(err.col, LIMIT_JSON_DEPTH + 1);
}

static void strings_have_a_limit(void **state)
{
	char text[80];
	for (size_t n = 60; n < 70; n++)
		for (size_t step = 1; step < 80; step += 13) {
			_cleanup_(buf_deinit) struct buf events = BUF_NULL;
			buf_init(&events, 1000);
			memset(text, 'x', n + 2);
			text[0] = text[n + 1] = '"';
			int want = n > 64;
			assert_int_equal(read_in(sv_make(text, n + 2), step, &events, NULL), want);
			memset(text, '1', n);
			text[n] = ' ';
			assert_int_equal(read_in(sv_make(text, n + 1), step, &events, NULL), want);
		}
}

static int refuse(void *cls, enum json_event event, struct sv text, struct err *err)
{
	if (event == JSON_NUMBER)
		return err_set(err, 42, "no numbers");
	return 0;
}

static void the_handler_may_stop(void **state)
{
	_cleanup_(json_reader_deinit) struct json_reader r;
	struct err err = ERR_NULL;
	json_reader_init(&r, refuse, NULL, 64);
	assert_int_equal(json_feed(&r, SV("[\"a\", 1, 2]"), &err), 42);
	assert_string_equal(err.msg, "no numbers");
	assert_int_equal(json_feed(&r, SV("]"), NULL), 42);
	assert_int_equal(json_finish(&r, NULL), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_documents),      cmocka_unit_test(refuses_with_a_place),
		cmocka_unit_test(depth_has_a_limit),    cmocka_unit_test(strings_have_a_limit),
		cmocka_unit_test(the_handler_may_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
