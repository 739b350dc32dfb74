/* Each source of options and environment: configured, broken, or neither. */
#include "shared_world.h"

#include "chain_steps.h"
#include <ampagent/base/limits.h>

enum { PAIRS = 10 };

static struct aws_settings no_settings;

/* Runs one step; the plan's arena is the test's. */
static int run(chain_step *step, const struct aws_credentials_options *opt, struct arena *arena,
	       struct aws_plan *out, struct chain *c, struct err *err)
{
	static const struct aws_credentials_options none;
	*c = (struct chain){.arena = arena,
			    .env = world_env,
			    .settings = &no_settings,
			    .opt = opt ? opt : &none,
			    .err = err};
	*out = (struct aws_plan){.source = AWS_EXPLICIT};
	return step(c, out);
}

static void set_all(const char *const env[PAIRS])
{
	for (size_t k = 0; env[k]; k += 2)
		world_set(env[k], env[k + 1]);
}

static void test_explicit(void **state)
{
	static const struct {
		const char *access, *secret, *token;
		int r;
		const char *want;
	} cases[] = {
		{"", "", "", CHAIN_ABSENT, ""},
		{"AKX", "sec/ret", "", 0, "access_key is configured (AKX)"},
		{"AKX", "sec/ret", "tok", 0, "access_key is configured (AKX)"},
		{"AKX", "", "", 1, "access_key is configured but secret_key is not"},
		{"", "hidden", "", 1, "secret_key is configured but access_key is not"},
		{"", "", "hidden", 1, "session_token is configured but access_key is not"},
		{"A KX", "hidden", "", 1, "access_key has a blank"},
		{"AKX", "hidden\n", "", 1, "secret_key has a blank"},
		{"AKX", "hidden", "hidden\r", 1, "session_token has a blank"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_credentials_options opt = {
			sv_of(cases[i].access), sv_of(cases[i].secret), sv_of(cases[i].token)};
		struct aws_plan plan;
		struct chain c;
		struct err err = ERR_NULL;
		assert_int_equal(run(chain_explicit, &opt, NULL, &plan, &c, &err), cases[i].r);
		const char *text = cases[i].r == 0 ? c.found : err.msg;
		assert_non_null(strstr(text, cases[i].want));
		assert_null(strstr(text, "hidden"));
		if (cases[i].r == 0) {
			assert_sv(plan.keys.access_key, cases[i].access);
			assert_sv(plan.keys.secret_key, cases[i].secret);
			assert_sv(plan.keys.session_token, cases[i].token);
			assert_string_equal(plan.text, "explicit keys");
		}
	}
}

static void test_environment(void **state)
{
	static const struct {
		const char *env[PAIRS];
		int r;
		const char *token, *want;
	} cases[] = {
		{{NULL}, CHAIN_ABSENT, "", ""},
		{{"AWS_SESSION_TOKEN", "hidden"}, CHAIN_ABSENT, "", ""},
		{{"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""}, CHAIN_ABSENT, "", ""},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_SECRET_ACCESS_KEY", "SK"},
		 0,
		 "",
		 "AWS_ACCESS_KEY_ID is set (AK)"},
		{{"AWS_ACCESS_KEY", "AK", "AWS_SECRET_KEY", "SK"},
		 0,
		 "",
		 "AWS_ACCESS_KEY is set (AK)"},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_ACCESS_KEY", "old", "AWS_SECRET_ACCESS_KEY", "SK",
		  "AWS_SECRET_KEY", "old"},
		 0,
		 "",
		 "AWS_ACCESS_KEY_ID is set (AK)"},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_SECRET_ACCESS_KEY", "SK", "AWS_SESSION_TOKEN",
		  "new", "AWS_SECURITY_TOKEN", "old"},
		 0,
		 "new",
		 "with AWS_SESSION_TOKEN"},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_SECRET_ACCESS_KEY", "SK", "AWS_SESSION_TOKEN", "",
		  "AWS_SECURITY_TOKEN", "old"},
		 0,
		 "old",
		 "with AWS_SECURITY_TOKEN"},
		{{"AWS_ACCESS_KEY_ID", "AK"},
		 1,
		 "",
		 "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not"},
		{{"AWS_SECRET_KEY", "hidden"},
		 1,
		 "",
		 "AWS_SECRET_KEY is set but AWS_ACCESS_KEY_ID is not"},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_SECRET_ACCESS_KEY", "hidden\n"},
		 1,
		 "",
		 "AWS_SECRET_ACCESS_KEY has a blank, a line end"},
		{{"AWS_ACCESS_KEY_ID", "AK", "AWS_SECRET_ACCESS_KEY", "SK", "AWS_SECURITY_TOKEN",
		  "hidden\r\nX: 1"},
		 1,
		 "",
		 "AWS_SECURITY_TOKEN has a blank"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_plan plan;
		struct chain c;
		struct err err = ERR_NULL;
		world_begin(NULL, NULL);
		set_all(cases[i].env);
		assert_int_equal(run(chain_environment, NULL, NULL, &plan, &c, &err), cases[i].r);
		const char *text = cases[i].r == 0 ? c.found : err.msg;
		assert_non_null(strstr(text, cases[i].want));
		assert_null(strstr(text, "hidden"));
		if (cases[i].r == 0) {
			assert_int_equal(plan.source, AWS_ENVIRONMENT);
			assert_sv(plan.keys.access_key, "AK");
			assert_sv(plan.keys.secret_key, "SK");
			assert_sv(plan.keys.session_token, cases[i].token);
		}
		world_end();
	}
}

static void test_web_identity(void **state)
{
	struct aws_plan plan;
	struct chain c;
	struct err err = ERR_NULL;
	world_begin(NULL, NULL);
	world_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r");
	assert_int_equal(run(chain_web_identity, NULL, NULL, &plan, &c, &err), CHAIN_ABSENT);
	world_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
	assert_int_equal(run(chain_web_identity, NULL, NULL, &plan, &c, &err), 0);
	assert_sv(plan.web.role_arn, "arn:aws:iam::1:role/r");
	assert_sv(plan.web.token_file, "/t");
	assert_sv(plan.web.session_name, "");
	world_set("AWS_ROLE_SESSION_NAME", "s");
	assert_int_equal(run(chain_web_identity, NULL, NULL, &plan, &c, &err), 0);
	assert_sv(plan.web.session_name, "s");
	assert_string_equal(plan.text, "web identity, role arn:aws:iam::1:role/r");
	world_set("AWS_ROLE_ARN", "arn:aws:iam::1:role/r\n");
	assert_int_equal(run(chain_web_identity, NULL, NULL, &plan, &c, &err), 1);
	assert_non_null(strstr(err.msg, "AWS_ROLE_ARN is no ARN"));
	world_set("AWS_ROLE_ARN", "");
	assert_int_equal(run(chain_web_identity, NULL, NULL, &plan, &c, &err), 1);
	assert_string_equal(err.msg, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
	world_end();
}

static void test_container(void **state)
{
	static const struct {
		const char *relative, *full;
		int r;
		const char *want_url, *want; /* what, or the error */
	} cases[] = {
		{NULL, NULL, CHAIN_ABSENT, "", ""},
		{"/v2/credentials/x", NULL, 0, "http://169.254.170.2/v2/credentials/x",
		 "ECS task role"},
		/* The relative one comes first, and a broken one does not lead to the other. */
		{"/v2/x", "http://127.0.0.1/", 0, "http://169.254.170.2/v2/x", "ECS task role"},
		{"v2/x", "http://127.0.0.1/", 1, "", "begins with '/'"},
		{"@evil.example/x", NULL, 1, "", "begins with '/'"},
		{"/v2/x\r\nX: y", NULL, 1, "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
		{NULL, "http://169.254.170.23/v1/credentials", 0,
		 "http://169.254.170.23/v1/credentials", "EKS Pod Identity"},
		{NULL, "http://[fd00:ec2::23]/v1/credentials", 0,
		 "http://[fd00:ec2::23]/v1/credentials", "EKS Pod Identity"},
		{NULL, "http://169.254.170.2/v2/x", 0, "http://169.254.170.2/v2/x",
		 "ECS task role"},
		{NULL, "http://127.0.0.1:81/x?y", 0, "http://127.0.0.1:81/x?y", "container"},
		{NULL, "http://127.200.1.1/", 0, "http://127.200.1.1/", "container"},
		{NULL, "HTTP://[::1]:81/x", 0, "HTTP://[::1]:81/x", "container"},
		{NULL, "http://[::ffff:127.0.0.1]/", 0, "http://[::ffff:127.0.0.1]/", "container"},
		/* A name: the client looks at what it connects to. */
		{NULL, "http://localhost/x", 0, "http://localhost/x", "container"},
		{NULL, "https://192.0.2.1/x", 0, "https://192.0.2.1/x", "container"},
		{NULL, "http://192.0.2.1/x", 1, "", "not from 192.0.2.1"},
		{NULL, "http://169.254.169.254/", 1, "", "without TLS"},
		{NULL, "http://169.254.170.3/", 1, "", "without TLS"},
		{NULL, "http://[fd00:ec2::254]/", 1, "", "without TLS"},
		{NULL, "http://[::]/", 1, "", "without TLS"},
		{NULL, "http://[::ffff:192.0.2.1]/", 1, "", "without TLS"},
		{NULL, "http://0.0.0.0/", 1, "", "without TLS"},
		{NULL, "ftp://127.0.0.1/", 1, "", "other than http and https"},
		{NULL, "http://u:hidden@127.0.0.1/", 1, "", "user name"},
		{NULL, "127.0.0.1/hidden", 1, "", "no absolute URL"},
		{NULL, "/v1/credentials", 1, "", "no absolute URL"},
		{NULL, "http://127.0.0.1/ hidden", 1, "", "no absolute URL"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_plan plan;
		struct chain c;
		struct err err = ERR_NULL;
		arena_init(&arena, KiB(64));
		world_begin(NULL, NULL);
		world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", cases[i].relative);
		world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].full);
		assert_int_equal(run(chain_container, NULL, &arena, &plan, &c, &err), cases[i].r);
		if (cases[i].r == 0) {
			assert_int_equal(plan.source, AWS_CONTAINER);
			assert_sv(plan.container.url, cases[i].want_url);
			assert_string_equal(plan.container.what, cases[i].want);
			assert_non_null(strstr(c.found, "AWS_CONTAINER_CREDENTIALS_"));
		} else if (cases[i].r == 1) {
			if (!strstr(err.msg, cases[i].want))
				fail_msg("%s\n does not say: %s", err.msg, cases[i].want);
			assert_null(strstr(err.msg, "hidden"));
		}
		world_end();
	}
}

static void test_container_token(void **state)
{
	struct aws_plan plan;
	struct chain c;
	struct err err = ERR_NULL;
	world_begin(NULL, NULL);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x");
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer t");
	assert_int_equal(run(chain_container, NULL, NULL, &plan, &c, &err), 0);
	assert_sv(plan.container.token, "Bearer t");
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hidden\r\nX: 1");
	assert_int_equal(run(chain_container, NULL, NULL, &plan, &c, &err), 1);
	assert_non_null(strstr(err.msg, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end"));
	assert_null(strstr(err.msg, "hidden"));
	/* The file wins; the other one is not looked at. */
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/f");
	assert_int_equal(run(chain_container, NULL, NULL, &plan, &c, &err), 0);
	assert_sv(plan.container.token_file, "/f");
	assert_sv(plan.container.token, "");
	world_end();
}

static void test_instance(void **state)
{
	struct aws_plan plan;
	struct chain c;
	struct err err = ERR_NULL;
	world_begin(NULL, NULL);
	assert_int_equal(run(chain_instance, NULL, NULL, &plan, &c, &err), 0);
	assert_int_equal(plan.source, AWS_INSTANCE);
	assert_non_null(strstr(c.found, "IPv4"));
	no_settings.imds_endpoint = SV("http://127.0.0.1:1");
	assert_int_equal(run(chain_instance, NULL, NULL, &plan, &c, &err), 0);
	assert_non_null(strstr(c.found, "http://127.0.0.1:1"));
	no_settings.imds_disabled = true;
	assert_int_equal(run(chain_instance, NULL, NULL, &plan, &c, &err), CHAIN_ABSENT);
	no_settings = (struct aws_settings){.imds_disabled = false};
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explicit),        cmocka_unit_test(test_environment),
		cmocka_unit_test(test_web_identity),    cmocka_unit_test(test_container),
		cmocka_unit_test(test_container_token), cmocka_unit_test(test_instance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
