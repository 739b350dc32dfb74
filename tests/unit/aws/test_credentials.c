/* Which source wins, what a broken one says, and that no reason ever shows a secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/credentials.h>

struct variable {
	const char *name, *value;
};

enum { MAX_VARIABLES = 6 };

static const struct variable *environment;

static const char *fake_env(const char *name)
{
	for (size_t i = 0; i < MAX_VARIABLES && environment[i].name; i++)
		if (strcmp(environment[i].name, name) == 0)
			return environment[i].value;
	return NULL;
}

static void assert_sv(struct sv got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len)
		assert_memory_equal(got.ptr, want, got.len);
}

static void test_sources(void **state)
{
	static const struct {
		const char *access_key, *secret_key;
		struct variable env[MAX_VARIABLES];
		const char *source, *want_access, *want_secret, *want_token;
	} cases[] = {
		{"AKX", "secret/x", {{NULL}}, "explicit", "AKX", "secret/x", ""},
		/* Explicit keys do not borrow a token that belongs to others. */
		{"AKX",
		 "secret/x",
		 {{"AWS_ACCESS_KEY_ID", "AKE"},
		  {"AWS_SECRET_ACCESS_KEY", "se"},
		  {"AWS_SESSION_TOKEN", "te"}},
		 "explicit",
		 "AKX",
		 "secret/x",
		 ""},
		{"",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"}, {"AWS_SECRET_ACCESS_KEY", "se"}},
		 "environment",
		 "AKE",
		 "se",
		 ""},
		{"",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"},
		  {"AWS_SECRET_ACCESS_KEY", "se"},
		  {"AWS_SESSION_TOKEN", "new"},
		  {"AWS_SECURITY_TOKEN", "old"}},
		 "environment",
		 "AKE",
		 "se",
		 "new"},
		{"",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"},
		  {"AWS_SECRET_ACCESS_KEY", "se"},
		  {"AWS_SESSION_TOKEN", ""},
		  {"AWS_SECURITY_TOKEN", "old"}},
		 "environment",
		 "AKE",
		 "se",
		 "old"},
		/* Keys in the environment win over every other hint. */
		{"",
		 "",
		 {{"AWS_PROFILE", "p"},
		  {"AWS_ACCESS_KEY_ID", "AKE"},
		  {"AWS_SECRET_ACCESS_KEY", "se"}},
		 "environment",
		 "AKE",
		 "se",
		 ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_credentials_options opt = {sv_of(cases[i].access_key),
						      sv_of(cases[i].secret_key)};
		struct aws_credentials *c = NULL;
		struct err err = ERR_NULL;
		environment = cases[i].env;
		assert_int_equal(aws_credentials_new(&opt, fake_env, &c, &err), 0);
		assert_string_equal(aws_credentials_source(c), cases[i].source);
		struct aws_keys keys = aws_credentials_get(c);
		assert_sv(keys.access_key, cases[i].want_access);
		assert_sv(keys.secret_key, cases[i].want_secret);
		assert_sv(keys.session_token, cases[i].want_token);
		aws_credentials_free(c);
	}
}

static void test_reasons(void **state)
{
	static const struct {
		const char *access_key, *secret_key;
		struct variable env[MAX_VARIABLES];
		const char *want;
	} cases[] = {
		{"AKX", "", {{NULL}}, "access_key is configured but secret_key is not"},
		{"", "hidden", {{NULL}}, "secret_key is configured but access_key is not"},
		/* A half-configured first source does not fall through. */
		{"AKX",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"}, {"AWS_SECRET_ACCESS_KEY", "hidden"}},
		 "secret_key is not"},
		{"",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"}},
		 "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"},
		{"",
		 "",
		 {{"AWS_SECRET_ACCESS_KEY", "hidden"}, {"AWS_ACCESS_KEY_ID", ""}},
		 "AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not"},
		{"", "", {{NULL}}, "no AWS credentials: set AWS_ACCESS_KEY_ID"},
		{"", "", {{"AWS_SESSION_TOKEN", "hidden"}}, "no AWS credentials: set"},
		{"", "", {{"AWS_PROFILE", "dev"}}, "AWS_PROFILE is set, but the shared profile"},
		{"",
		 "",
		 {{"AWS_PROFILE", "dev"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"}},
		 "AWS_WEB_IDENTITY_TOKEN_FILE is set, but the web identity (IRSA) source is not "
		 "built yet"},
		{"",
		 "",
		 {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"}},
		 "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set, but the ECS task role"},
		{"",
		 "",
		 {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"}},
		 "AWS_CONTAINER_CREDENTIALS_FULL_URI is set"},
		{"AKX", "hidden\n", {{NULL}}, "secret_key has a blank, a line end"},
		{"A KX", "hidden", {{NULL}}, "(at byte 2)"},
		{"",
		 "",
		 {{"AWS_ACCESS_KEY_ID", "AKE"},
		  {"AWS_SECRET_ACCESS_KEY", "hidden"},
		  {"AWS_SECURITY_TOKEN", "hidden\r\nX-Evil: 1"}},
		 "AWS_SECURITY_TOKEN has a blank, a line end"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_credentials_options opt = {sv_of(cases[i].access_key),
						      sv_of(cases[i].secret_key)};
		struct aws_credentials *c = NULL;
		struct err err = ERR_NULL;
		environment = cases[i].env;
		assert_int_equal(aws_credentials_new(&opt, fake_env, &c, &err), 1);
		assert_null(c);
		assert_non_null(strstr(err.msg, cases[i].want));
		assert_null(strstr(err.msg, "hidden"));
	}
}

static void test_no_options_and_no_err(void **state)
{
	static const struct variable none[MAX_VARIABLES];
	static const struct variable some[MAX_VARIABLES] = {{"AWS_ACCESS_KEY_ID", "AKE"},
							    {"AWS_SECRET_ACCESS_KEY", "se"}};
	struct aws_credentials *c = NULL;
	environment = none;
	assert_int_equal(aws_credentials_new(NULL, fake_env, &c, NULL), 1);
	environment = some;
	assert_int_equal(aws_credentials_new(NULL, fake_env, &c, NULL), 0);
	aws_credentials_free(c);
	aws_credentials_free(NULL);
}

/* Keys that cannot change have no others behind them; those that were replaced meanwhile have. */
static void test_rejected(void **state)
{
	struct aws_credentials_options opt = {.access_key = SV("AKID"), .secret_key = SV("secret")};
	struct aws_credentials *c = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(aws_credentials_new(&opt, NULL, &c, &err), 0);
	struct aws_keys keys = aws_credentials_get(c), older = keys;
	assert_false(aws_credentials_rejected(c, &keys));
	assert_false(aws_credentials_rejected(c, &keys));
	older.session_token = SV("of yesterday");
	assert_true(aws_credentials_rejected(c, &older));
	aws_credentials_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_no_options_and_no_err),
		cmocka_unit_test(test_rejected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
