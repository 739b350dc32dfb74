/* Keys and errors as containers, instances, commands and the SSO portal write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json_keys.h"
#include <ampagent/base/limits.h>

#include <stdio.h>

struct fixture {
	struct arena arena;
	struct aws_got got;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->arena, 2 * LIMIT_SECRET_BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_wipe(&f->arena);
	free(f);
	return 0;
}

static int read_keys(struct fixture *f, enum json_keys_form form, const char *text)
{
	f->err = ERR_NULL;
	return json_keys_read(&f->arena, form, sv_of(text), &f->got, &f->err);
}

static void assert_sv(struct sv got, const char *want)
{
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got), want);
}

static void assert_got(struct fixture *f, int code, const char *access, const char *secret,
		       const char *token, int64_t expires_ms, const char *account)
{
	if (code != 0)
		fail_msg("%s", f->err.msg);
	assert_sv(f->got.keys.access_key, access);
	assert_sv(f->got.keys.secret_key, secret);
	assert_sv(f->got.keys.session_token, token);
	assert_sv(f->got.account, account);
	assert_int_equal(f->got.expires_ms, expires_ms);
	assert_int_equal(f->got.peer_now_ms, 0);
}

static void all_forms(void **state)
{
	struct fixture *f = *state;
	int code = read_keys(f, JSON_KEYS_CONTAINER,
			     "{\"RoleArn\":\"arn:aws:iam::123456789012:role/task\","
			     "\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"s/+=\","
			     "\"Token\":\"t==\",\"Expiration\":\"2026-11-21T16:10:32Z\"}");
	assert_got(f, code, "ASIAX", "s/+=", "t==", 1795277432000, "");
	code = read_keys(f, JSON_KEYS_CONTAINER,
			 "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"T\","
			 "\"AccountId\":\"123456789012\","
			 "\"Expiration\":\"2026-11-21T16:10:32.123456789Z\"}");
	assert_got(f, code, "A", "S", "T", 1795277432123, "123456789012");
	code = read_keys(f, JSON_KEYS_IMDS,
			 "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : "
			 "\"2026-11-21T15:10:32Z\",\n  \"Type\" : \"AWS-HMAC\",\n"
			 "  \"AccessKeyId\" : \"A\",\n  \"SecretAccessKey\" : \"S\",\n"
			 "  \"Token\" : \"T\",\n  \"Expiration\" : \"2026-11-21T16:10:32Z\"\n}");
	assert_got(f, code, "A", "S", "T", 1795277432000, "");
	code = read_keys(f, JSON_KEYS_PROCESS,
			 "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
			 "\"SessionToken\":\"T\",\"Expiration\":\"2026-11-21T18:10:32+02:00\"}\n");
	assert_got(f, code, "A", "S", "T", 1795277432000, "");
	code = read_keys(f, JSON_KEYS_PROCESS,
			 "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}");
	assert_got(f, code, "A", "S", "", 0, "");
	code = read_keys(f, JSON_KEYS_SSO,
			 "{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"S\","
			 "\"sessionToken\":\"T\",\"expiration\":1795277432123}}");
	assert_got(f, code, "A", "S", "T", 1795277432123, "");
}

/* Names count letter by letter, the last of equal ones wins, what is not known is passed over. */
static void which_members(void **state)
{
	struct fixture *f = *state;
	int code = read_keys(f, JSON_KEYS_CONTAINER,
			     "{\"AccessKeyId\":\"old\",\"accesskeyid\":\"x\",\"Other\":{"
			     "\"AccessKeyId\":\"y\",\"SecretAccessKey\":[1,{\"Token\":\"z\"}]},"
			     "\"List\":[\"AccessKeyId\",null,true],\"SecretAccessKey\":\"S\","
			     "\"AccessKeyId\":\"new\",\"Token\":null,\"Expiration\":null,"
			     "\"n\":1e9}");
	assert_got(f, code, "new", "S", "", 0, "");
	code = read_keys(
		f, JSON_KEYS_SSO,
		"{\"accessKeyId\":\"outside\",\"x\":{\"accessKeyId\":\"other\"},"
		"\"roleCredentials\":{\"accessKeyId\":\"1\",\"secretAccessKey\":\"2\","
		"\"sessionToken\":\"3\",\"expiration\":1},"
		"\"roleCredentials\":{\"accessKeyId\":\"A\",\"in\":{\"accessKeyId\":\"B\"},"
		"\"secretAccessKey\":\"S\",\"sessionToken\":\"T\",\"expiration\":2},"
		"\"y\":{\"secretAccessKey\":\"other\"}}");
	assert_got(f, code, "A", "S", "T", 2, "");
	code = read_keys(f, JSON_KEYS_CONTAINER,
			 "{\"AccessKeyId\":\"\\u0041\\/\",\"SecretAccessKey\":\"S\",\"AccountId\":"
			 "\"12345678901234567\"}");
	assert_got(f, code, "A/", "S", "", 0, "");
	code = read_keys(f, JSON_KEYS_CONTAINER,
			 "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"AccountId\":\"me\"}");
	assert_got(f, code, "A", "S", "", 0, "");
}

#define ID "\"AccessKeyId\":\"A\""
#define SECRET_PART "\"SecretAccessKey\":\"sEcReT\""
#define BOTH ID "," SECRET_PART

static void refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum json_keys_form form;
		const char *text, *why;
	} cases[] = {
		{JSON_KEYS_CONTAINER, "", "the answer cannot be read: JSON"},
		{JSON_KEYS_CONTAINER, "keys", "the answer cannot be read: JSON"},
		{JSON_KEYS_CONTAINER, "{" BOTH, "the answer cannot be read: JSON"},
		{JSON_KEYS_CONTAINER, "{" BOTH "}x", "the answer cannot be read: JSON"},
		{JSON_KEYS_CONTAINER, "[" BOTH "]", "it is not an object"},
		{JSON_KEYS_CONTAINER, "[{" BOTH "}]", "it is not an object"},
		{JSON_KEYS_CONTAINER, "\"sEcReT\"", "it is not an object"},
		{JSON_KEYS_CONTAINER, "null", "it is not an object"},
		{JSON_KEYS_CONTAINER, "{}", "the answer has no AccessKeyId"},
		{JSON_KEYS_CONTAINER, "{" ID "}", "the answer has no SecretAccessKey"},
		{JSON_KEYS_CONTAINER, "{" SECRET_PART "}", "the answer has no AccessKeyId"},
		{JSON_KEYS_CONTAINER, "{\"AccessKeyId\":\"\"," SECRET_PART "}", "no AccessKeyId"},
		{JSON_KEYS_CONTAINER, "{\"AccessKeyId\":5," SECRET_PART "}",
		 "AccessKeyId is not a string"},
		{JSON_KEYS_CONTAINER, "{" ID ",\"SecretAccessKey\":{\"a\":\"sEcReT\"}}",
		 "SecretAccessKey is not a string"},
		{JSON_KEYS_CONTAINER, "{" ID ",\"SecretAccessKey\":[\"sEcReT\"]}",
		 "SecretAccessKey is not a string"},
		{JSON_KEYS_CONTAINER, "{" ID ",\"SecretAccessKey\":\"sEcReT\\n\"}",
		 "SecretAccessKey has a blank"},
		{JSON_KEYS_CONTAINER, "{" BOTH ",\"Token\":\"sEc ReT\"}", "Token has a blank"},
		{JSON_KEYS_CONTAINER, "{" BOTH ",\"Token\":\"\\u00e9\"}", "Token has a blank"},
		{JSON_KEYS_CONTAINER, "{" BOTH ",\"Expiration\":\"soon\"}",
		 "Expiration is no time as in RFC 3339"},
		{JSON_KEYS_CONTAINER, "{" BOTH ",\"Expiration\":\"1970-01-01T00:00:00Z\"}",
		 "Expiration is no time"},
		{JSON_KEYS_CONTAINER, "{" BOTH ",\"Expiration\":1795277432}",
		 "Expiration is not a string"},
		{JSON_KEYS_IMDS, "{\"Code\":\"Success\"," BOTH "}", "the answer has no Expiration"},
		{JSON_KEYS_IMDS,
		 "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the "
		 "role web.\\nPlease see documentation\"}",
		 "the answer is an error: AssumeRoleUnauthorizedAccess: EC2 cannot assume the role "
		 "web. Please see documentation"},
		{JSON_KEYS_IMDS, "{\"Code\":\"Failed\"," BOTH "}",
		 "the answer is an error: Failed"},
		{JSON_KEYS_PROCESS, "{" BOTH "}", "the output has no Version"},
		{JSON_KEYS_PROCESS, "{\"Version\":2," BOTH "}", "Version is not 1"},
		{JSON_KEYS_PROCESS, "{\"Version\":\"1\"," BOTH "}", "Version is not a number"},
		{JSON_KEYS_PROCESS, "{\"Version\":1,\"Token\":\"T\"}", "no AccessKeyId"},
		{JSON_KEYS_SSO, "{}", "the answer has no accessKeyId"},
		{JSON_KEYS_SSO, "{\"roleCredentials\":\"sEcReT\"}",
		 "roleCredentials is not an object"},
		{JSON_KEYS_SSO, "{\"roleCredentials\":[]}", "roleCredentials is not an object"},
		{JSON_KEYS_SSO, "{\"roleCredentials\":null}", "the answer has no accessKeyId"},
		{JSON_KEYS_SSO,
		 "{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"sEcReT\"}}",
		 "the answer has no expiration"},
		{JSON_KEYS_SSO,
		 "{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"sEcReT\","
		 "\"expiration\":1.5}}",
		 "expiration is no time in milliseconds"},
		{JSON_KEYS_SSO,
		 "{\"roleCredentials\":{\"accessKeyId\":\"A\",\"secretAccessKey\":\"sEcReT\","
		 "\"expiration\":-5}}",
		 "expiration is no time in milliseconds"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int code = read_keys(f, cases[i].form, cases[i].text);
		if (code != 1 || !strstr(f->err.msg, cases[i].why))
			fail_msg("%s: %d, %s", cases[i].text, code, f->err.msg);
		assert_null(strstr(f->err.msg, "sEc"));
		arena_reset(&f->arena);
	}
}

/* A string longer than any secret ends the reading; the longest one is taken whole. */
static void long_parts(void **state)
{
	struct fixture *f = *state;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	for (size_t over = 0; over <= 1; over++) {
		buf_init(&text, MiB(1));
		buf_sv(&text, SV("{" BOTH ",\"Token\":\""));
		for (size_t i = 0; i < LIMIT_SECRET_BYTES + over; i++)
			buf_char(&text, 't');
		buf_sv(&text, SV("\"}"));
		int code = json_keys_read(&f->arena, JSON_KEYS_CONTAINER, buf_view(&text), &f->got,
					  &f->err);
		assert_int_equal(code, over);
		if (!over)
			assert_int_equal(f->got.keys.session_token.len, LIMIT_SECRET_BYTES);
		buf_deinit(&text);
		arena_reset(&f->arena);
	}
}

static void errors(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *code, *message;
	} cases[] = {
		{"{\"code\":\"InvalidIdInRequest\",\"message\":\"no id\"}", "InvalidIdInRequest",
		 "no id"},
		{"{\"Code\":\"C\",\"Message\":\"M\"}", "C", "M"},
		{"{\"Code\":\"C\",\"code\":\"c\",\"message\":\"\",\"Message\":\"M\"}", "c", "M"},
		{"{\"message\":\"only\"}", "", "only"},
		{"{}", "", ""},
		{"[]", "", ""},
		{"no JSON", "", ""},
		{"", "", ""},
		{"{\"code\":403}", "", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sv code, message;
		json_keys_error(&f->arena, sv_of(cases[i].text), &code, &message);
		assert_sv(code, cases[i].code);
		assert_sv(message, cases[i].message);
	}
}

static void said(void **state)
{
	static const struct {
		const char *code, *message, *secret, *line;
	} cases[] = {
		{"", "", "", ""},
		{"C", "", "", "C"},
		{"", " m\r\n\t m2 \n", "", "m m2"},
		{"C",
		 "a\x01"
		 "b\x7f"
		 "c",
		 "", "C: a b c"},
		{"", "caf\xc3\xa9", "", "caf??"},
		{"", "token abcabc! abcab", "abcabc", "token ***! abcab"},
		{"", "a abc b", "abc", "a *** b"},
		{"", "abcabc", "abc", "******"},
		{"12345", "678901234567890", "", "12345: 6789012345678..."},
	};
	char line[24];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		aws_said(line, sizeof line, sv_of(cases[i].code), sv_of(cases[i].message),
			 sv_of(cases[i].secret));
		assert_string_equal(line, cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(which_members, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(long_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test(said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
