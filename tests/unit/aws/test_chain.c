/* Which source wins, that a broken one never leads to the next, and what the doctor is told. */
#include "shared_world.h"

#include "chain.h"
#include <ampagent/base/limits.h>

#define ARN(name) "arn:aws:iam::123456789012:role/" name

static struct aws_settings settings;

static int plan_of(const struct aws_credentials_options *opt, struct arena *arena,
		   struct aws_plan *plan, struct err *err)
{
	arena_init(arena, MiB(1));
	assert_int_equal(aws_settings_load(world_env, opt->profile, &settings, err), 0);
	int r = chain_plan(arena, world_env, &settings, opt, plan, err);
	/* The plan's views are its own. */
	aws_settings_deinit(&settings);
	return r;
}

static void expect(const struct aws_credentials_options *opt, const char *kind, const char *text)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_plan plan;
	struct err err = ERR_NULL;
	int r = plan_of(opt, &arena, &plan, &err);
	if (r != 0)
		fail_msg("%s", err.msg);
	assert_string_equal(plan.kind, kind);
	assert_string_equal(plan.text, text);
}

static void expect_error(const struct aws_credentials_options *opt, const char *want)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_plan plan;
	struct err err = ERR_NULL;
	assert_int_equal(plan_of(opt, &arena, &plan, &err), 1);
	if (!strstr(err.msg, want))
		fail_msg("%s\n does not say: %s", err.msg, want);
	assert_null(strstr(err.msg, "hidden"));
}

/* All sources at once; the first one goes each time, and before it does it is broken. */
static void test_order(void **state)
{
	struct aws_credentials_options opt = {.access_key = SV("AX"), .secret_key = SV("hidden")};
	world_begin("[default]\naws_access_key_id=AP\naws_secret_access_key=hidden\n"
		    "[profile broken]\naws_access_key_id=AP\n[profile none]\n",
		    NULL);
	world_set("AWS_ACCESS_KEY_ID", "AE");
	world_set("AWS_SECRET_ACCESS_KEY", "hidden");
	world_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
	world_set("AWS_ROLE_ARN", ARN("w"));
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");

	expect(&opt, "explicit", "explicit keys");
	opt.secret_key = SV_NULL;
	expect_error(&opt, "access_key is configured but secret_key is not");
	opt.access_key = SV_NULL;
	expect(&opt, "environment", "environment");
	world_set("AWS_SECRET_ACCESS_KEY", NULL);
	expect_error(&opt, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
	world_set("AWS_ACCESS_KEY_ID", NULL);
	expect(&opt, "web_identity", "web identity, role " ARN("w"));
	world_set("AWS_ROLE_ARN", NULL);
	expect_error(&opt, "AWS_ROLE_ARN is not");
	world_set("AWS_WEB_IDENTITY_TOKEN_FILE", NULL);
	expect(&opt, "profile", "profile default");
	world_set("AWS_PROFILE", "broken");
	expect_error(&opt, "without aws_secret_access_key");
	world_set("AWS_PROFILE", "none");
	expect(&opt, "container", "container credentials");
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x");
	expect_error(&opt, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path");
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", NULL);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL);
	expect(&opt, "instance", "instance role");
	world_set("AWS_EC2_METADATA_DISABLED", "true");
	expect_error(&opt, "no AWS credentials: no access_key is configured; AWS_ACCESS_KEY_ID, ");
	expect_error(&opt, "profile \"none\" has no credentials");
	world_set("AWS_PROFILE", NULL);
	world_end();
}

/* The configuration's profile comes before keys of the environment, which stay out of it. */
static void test_given_profile(void **state)
{
	struct aws_credentials_options opt = {.profile = SV("p")};
	world_begin("[profile p]\naws_access_key_id=AP\naws_secret_access_key=hidden\n"
		    "[profile q]\n",
		    NULL);
	world_set("AWS_ACCESS_KEY_ID", "AE");
	world_set("AWS_SECRET_ACCESS_KEY", "hidden");
	world_set("AWS_WEB_IDENTITY_TOKEN_FILE", "/t");
	world_set("AWS_EC2_METADATA_DISABLED", "true");
	expect(&opt, "profile", "profile p");
	opt.profile = SV("q");
	expect_error(&opt, "profile \"q\" has no credentials");
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
	expect(&opt, "container", "ECS task role");
	world_end();
}

static void test_configured_role(void **state)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_credentials_options opt = {.access_key = SV("AX"),
					      .secret_key = SV("hidden"),
					      .role_arn = SV(ARN("top")),
					      .external_id = SV("ext"),
					      .role_session_name = SV("name"),
					      .region = SV("eu-west-1"),
					      .use_fips_sts = true};
	struct aws_plan plan;
	struct err err = ERR_NULL;
	world_begin("[default]\naws_access_key_id=AP\naws_secret_access_key=hidden\n"
		    "role_arn=" ARN("of-profile") "\n",
		    NULL);
	assert_int_equal(plan_of(&opt, &arena, &plan, &err), 0);
	assert_int_equal(plan.n_roles, 1);
	assert_sv(plan.roles[0].arn, ARN("top"));
	assert_sv(plan.roles[0].external_id, "ext");
	assert_sv(plan.roles[0].session_name, "name");
	assert_sv(plan.roles[0].profile, "");
	assert_string_equal(plan.text, "explicit keys, then role " ARN("top"));
	assert_sv(plan.sts_region, "eu-west-1");
	assert_true(plan.sts_fips);
	assert_true(plan.can_change);

	opt.access_key = opt.secret_key = SV_NULL;
	opt.use_fips_sts = false;
	world_set("AWS_REGION", "us-east-1");
	arena_wipe(&arena);
	assert_int_equal(plan_of(&opt, &arena, &plan, &err), 0);
	assert_int_equal(plan.n_roles, 2);
	assert_sv(plan.roles[0].arn, ARN("of-profile"));
	assert_sv(plan.roles[1].arn, ARN("top"));
	assert_sv(plan.sts_region, "us-east-1");
	assert_false(plan.sts_fips);
	opt.role_arn = SV("top");
	expect_error(&opt, "role_arn is no ARN");
	world_end();
}

static void test_can_change(void **state)
{
	static const struct {
		const char *name, *value;
		bool want;
	} cases[] = {
		/* A file may be written anew. */
		{"AWS_PROFILE", "keys", true},
		{"AWS_PROFILE", "process", true},
		{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", true},
		{"AWS_REGION", "instance", true},
		{"AWS_ACCESS_KEY_ID", "A", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_credentials_options opt = {.region = SV_NULL};
		struct aws_plan plan;
		struct err err = ERR_NULL;
		world_begin("[profile keys]\naws_access_key_id=A\naws_secret_access_key=S\n"
			    "[profile process]\ncredential_process=x\n",
			    NULL);
		world_set(cases[i].name, cases[i].value);
		world_set("AWS_SECRET_ACCESS_KEY",
			  strcmp(cases[i].name, "AWS_ACCESS_KEY_ID") == 0 ? "S" : NULL);
		if (plan_of(&opt, &arena, &plan, &err) != 0)
			fail_msg("%s", err.msg);
		assert_int_equal(plan.can_change, cases[i].want);
		world_end();
	}
}

/* Too little memory is told as such at any point. */
static void test_no_memory(void **state)
{
	struct aws_credentials_options opt = {.role_arn = SV(ARN("top"))};
	struct err err = ERR_NULL;
	int r = ERR_NOMEM;
	world_begin(NULL, NULL);
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
	assert_int_equal(aws_settings_load(world_env, SV_NULL, &settings, &err), 0);
	for (size_t max = 0; max < 512 && r != 0; max += 16) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_plan plan;
		arena_init(&arena, max);
		r = chain_plan(&arena, world_env, &settings, &opt, &plan, &err);
		assert_true(r == 0 || r == ERR_NOMEM);
	}
	assert_int_equal(r, 0);
	aws_settings_deinit(&settings);
	world_end();
}

static void note(void *cls, const char *source, enum aws_source_state state, const char *text)
{
	static const char *const states[] = {"absent", "chosen", "shadowed", "broken"};
	buf_printf(cls, "%s %s: %s\n", source, states[state], text);
}

static const char *explain(struct buf *out, const struct aws_credentials_options *opt)
{
	struct err err = ERR_NULL;
	buf_reset(out);
	assert_int_equal(aws_settings_load(world_env, opt->profile, &settings, &err), 0);
	chain_explain(world_env, &settings, opt, note, out);
	aws_settings_deinit(&settings);
	buf_char(out, '\0');
	assert_false(buf_failed(out));
	assert_null(strstr(out->ptr, "hidden"));
	return out->ptr;
}

static void assert_line(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("%s\n does not have: %s", text, want);
}

static void test_explained(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct aws_credentials_options opt = {.region = SV_NULL};
	buf_init(&out, KiB(64));
	world_begin(
		"[default]\nrole_arn=" ARN(
			"a") "\nsource_profile=b\n"
			     "[profile b]\naws_access_key_id=AKB\naws_secret_access_key=hidden\n",
		NULL);
	const char *text = explain(&out, &opt);
	assert_line(text, "explicit keys absent: no access_key is configured\n"
			  "environment absent: AWS_ACCESS_KEY_ID is not set\n"
			  "web identity absent: AWS_WEB_IDENTITY_TOKEN_FILE is not set\n"
			  "profile chosen: profile \"default\", which leans on profile \"b\" of ");
	assert_line(text,
		    "aws_access_key_id AKB; then role " ARN(
			    "a") "\n"
				 "container absent: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and ");
	assert_line(text, "\ninstance shadowed: the instance's metadata, over IPv4\n");

	/* A broken one is the one: what comes behind it stays in its shadow. */
	world_set("AWS_ACCESS_KEY_ID", "AKE");
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/");
	world_set("AWS_EC2_METADATA_DISABLED", "true");
	opt.role_arn = SV(ARN("top"));
	text = explain(&out, &opt);
	assert_line(text, "environment broken: AWS_ACCESS_KEY_ID is set but "
			  "AWS_SECRET_ACCESS_KEY is not\n");
	assert_line(text, "profile shadowed: profile \"default\"");
	assert_line(text, "container shadowed: AWS_CONTAINER_CREDENTIALS_FULL_URI: without TLS");
	assert_line(text, "instance absent: AWS_EC2_METADATA_DISABLED is true\n");

	world_set("AWS_SECRET_ACCESS_KEY", "hidden");
	text = explain(&out, &opt);
	assert_line(text, "environment chosen: AWS_ACCESS_KEY_ID is set (AKE); then role " ARN(
				  "top") "\n");
	opt.role_arn = SV("top");
	text = explain(&out, &opt);
	assert_line(text, "environment broken: role_arn is no ARN");

	opt = (struct aws_credentials_options){.profile = SV("b")};
	text = explain(&out, &opt);
	assert_line(text, "environment shadowed: AWS_ACCESS_KEY_ID is set (AKE); not looked at, "
			  "since the configuration names the profile b\n");
	assert_line(text, "profile chosen: profile \"b\" of ");
	world_end();

	world_begin("", NULL);
	world_set("AWS_EC2_METADATA_DISABLED", "true");
	opt.profile = SV_NULL;
	text = explain(&out, &opt);
	assert_line(text, "profile absent: no profile \"default\" in ");
	assert_line(text, ".aws/credentials (not there)\n");
	assert_null(strstr(text, "chosen"));
	assert_null(strstr(text, "broken"));
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),           cmocka_unit_test(test_given_profile),
		cmocka_unit_test(test_configured_role), cmocka_unit_test(test_can_change),
		cmocka_unit_test(test_no_memory),       cmocka_unit_test(test_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
