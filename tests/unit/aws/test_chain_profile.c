/* What a profile says about credentials, in the order of the SDK for Go, and every way in which it
 * can be broken. No reason shows a secret. */
#include "shared_world.h"

#include "chain.h"
#include <ampagent/base/limits.h>

enum { PAIRS = 8 };

#define ARN(name) "arn:aws:iam::123456789012:role/" name
#define KEYS "aws_access_key_id=AK\naws_secret_access_key=hidden\n"

static const struct good {
	const char *config;
	const char *env[PAIRS];
	enum aws_source source;
	/* "" or its access key; roles and their profiles "arn|profile arn|profile ..." */
	const char *key, *roles, *text;
} good[] = {
	{"[default]\n" KEYS, {NULL}, AWS_PROFILE_KEYS, "AK", "", "profile default"},
	/* Keys win over all else but source_profile, which makes them void. */
	{"[default]\n" KEYS "credential_process=x\nsso_start_url=u\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "",
	 "profile default"},
	{"[default]\n" KEYS "role_arn=" ARN("a") "\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "a|default ",
	 "profile default, then role " ARN("a")},
	{"[default]\n" KEYS
	 "role_arn=" ARN("a") "\nsource_profile=b\n"
			      "[profile b]\naws_access_key_id=B\naws_secret_access_key=s\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "B",
	 "a|default ",
	 "profile default, profile b, then role " ARN("a")},
	/* A profile that names itself. */
	{"[default]\n" KEYS "role_arn=" ARN("a") "\nsource_profile=default\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "a|default ",
	 "profile default, then role " ARN("a")},
	/* Roles one after another, from the far end on. */
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "[profile b]\nrole_arn=" ARN(
						 "b") "\nsource_profile=c\n[profile c]\n" KEYS,
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "b|b a|default ",
	 "profile default, profile c, then role " ARN("b") ", then role " ARN("a")},
	/* Keys end the way; the role beside them is still assumed. */
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "[profile b]\n" KEYS
					 "role_arn=" ARN("b") "\nsource_profile=nobody\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "b|b a|default ",
	 NULL},
	/* Round to a profile with keys: these are the end. */
	{"[default]\n" KEYS
	 "role_arn=" ARN("a") "\nsource_profile=b\n"
			      "[profile b]\nrole_arn=" ARN("b") "\nsource_profile=default\n",
	 {NULL},
	 AWS_PROFILE_KEYS,
	 "AK",
	 "b|b a|default ",
	 NULL},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=Ec2InstanceMetadata\n",
	 {NULL},
	 AWS_INSTANCE,
	 "",
	 "a|default ",
	 "profile default, credential_source Ec2InstanceMetadata, then role " ARN("a")},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=EcsContainer\n",
	 {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x"},
	 AWS_CONTAINER,
	 "",
	 "a|default ",
	 NULL},
	/* The whole chain would have taken these keys before the profile: an explicit one gets
	 * here.
	 */
	{"[profile p]\nrole_arn=" ARN("a") "\ncredential_source=Environment\n",
	 {"AWS_ACCESS_KEY_ID", "EK", "AWS_SECRET_ACCESS_KEY", "hidden", "explicit profile", "p"},
	 AWS_ENVIRONMENT,
	 "EK",
	 "a|p ",
	 NULL},
	{"[default]\nrole_arn=" ARN("w") "\nweb_identity_token_file=/t\n",
	 {NULL},
	 AWS_WEB_IDENTITY,
	 "",
	 "",
	 "profile default, web identity, role " ARN("w")},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "[profile b]\nrole_arn=" ARN(
						 "w") "\nweb_identity_token_file=/t\n",
	 {NULL},
	 AWS_WEB_IDENTITY,
	 "",
	 "a|default ",
	 NULL},
	{"[default]\ncredential_process=/bin/x hidden\n",
	 {NULL},
	 AWS_PROCESS,
	 "",
	 "",
	 "profile default, credential_process"},
	{"[default]\ncredential_process=x\nrole_arn=" ARN("a") "\n",
	 {NULL},
	 AWS_PROCESS,
	 "",
	 "a|default ",
	 NULL},
	{"[default]\nsso_start_url=u\nsso_region=r\nsso_account_id=1\nsso_role_name=n\n",
	 {NULL},
	 AWS_SSO,
	 "",
	 "",
	 "profile default, SSO role n of account 1"},
	{"[default]\nsso_session=s\nsso_account_id=1\nsso_role_name=n\nrole_arn=" ARN(
		 "a") "\n"
		      "[sso-session s]\nsso_region=r\nsso_start_url=u\n",
	 {NULL},
	 AWS_SSO,
	 "",
	 "a|default ",
	 NULL},
	{"[default]\nrole_arn=" ARN(
		 "a") "\nsource_profile=default\n"
		      "sso_start_url=u\nsso_region=r\nsso_account_id=1\nsso_role_name=n\n",
	 {NULL},
	 AWS_SSO,
	 "",
	 "a|default ",
	 NULL},
	/* A role and nothing else: by what the surroundings give. */
	{"[default]\nrole_arn=" ARN("a") "\n",
	 {NULL},
	 AWS_INSTANCE,
	 "",
	 "a|default ",
	 "profile default, instance role, then role " ARN("a")},
	{"[default]\nrole_arn=" ARN("a") "\n",
	 {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"},
	 AWS_CONTAINER,
	 "",
	 "a|default ",
	 "profile default, ECS task role, then role " ARN("a")},
	/* Neither credentials nor a role: the chain goes on. */
	{"[default]\nregion=r\naws_access_key_id=\n",
	 {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"},
	 AWS_CONTAINER,
	 "",
	 "",
	 "ECS task role"},
	{"[profile p]\nmfa_serial=m\n",
	 {"AWS_PROFILE", "p"},
	 AWS_INSTANCE,
	 "",
	 "",
	 "instance role"},
};

static struct sv opt_profile(void)
{
	const char *name = world_env("explicit profile");
	return sv_of(name);
}

static int plan_of(struct arena *arena, struct aws_plan *plan, struct err *err)
{
	_cleanup_(aws_settings_deinit) struct aws_settings s;
	struct aws_credentials_options opt = {.profile = opt_profile()};
	arena_init(arena, MiB(1));
	int r = aws_settings_load(world_env, opt.profile, &s, err);
	assert_int_equal(r, 0);
	return chain_plan(arena, world_env, &s, &opt, plan, err);
}

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_plan plan;
		struct err err = ERR_NULL;
		world_begin(good[i].config, NULL);
		for (size_t k = 0; good[i].env[k]; k += 2)
			world_set(good[i].env[k], good[i].env[k + 1]);
		if (plan_of(&arena, &plan, &err) != 0)
			fail_msg("case %zu: %s", i, err.msg);
		assert_int_equal(plan.source, good[i].source);
		assert_sv(plan.keys.access_key, good[i].key);
		char roles[512] = "";
		for (size_t k = 0; k < plan.n_roles; k++)
			snprintf(roles + strlen(roles), sizeof roles - strlen(roles), "%.*s|%.*s ",
				 SV_ARG(sv_from(plan.roles[k].arn, strlen(ARN("")))),
				 SV_ARG(plan.roles[k].profile));
		assert_string_equal(roles, good[i].roles);
		if (good[i].text)
			assert_string_equal(plan.text, good[i].text);
		assert_null(strstr(plan.text, "hidden"));
		world_end();
	}
}

static const struct bad {
	const char *config;
	const char *env[PAIRS];
	const char *want;
} bad[] = {
	{"[default]\naws_access_key_id=AK\n",
	 {NULL},
	 "config:2: profile \"default\": aws_access_key_id without aws_secret_access_key"},
	{"[default]\naws_secret_access_key=hidden\n",
	 {NULL},
	 "config:2: profile \"default\": aws_secret_access_key without aws_access_key_id"},
	{"[default]\naws_access_key_id=AK\naws_secret_access_key=hid den\n",
	 {NULL},
	 "config:3: profile \"default\": aws_secret_access_key has a blank"},
	{"[default]\n" KEYS "aws_session_token=hidden\n  hidden\n",
	 {NULL},
	 "config:4: profile \"default\": aws_session_token has a blank"},
	{"[default]\nsource_profile=b\n[profile b]\n" KEYS,
	 {NULL},
	 "config:2: profile \"default\": source_profile without role_arn"},
	{"[default]\ncredential_source=Environment\n",
	 {NULL},
	 "credential_source without role_arn"},
	{"[default]\nweb_identity_token_file=/t\n",
	 {NULL},
	 "web_identity_token_file without role_arn"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n",
	 {NULL},
	 "config:3: profile \"default\": there is no profile of the name"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n[profile b]\nregion=r\n",
	 {NULL},
	 "the profile that source_profile names has no credentials"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "[profile b]\nrole_arn=" ARN("b") "\n",
	 {NULL},
	 "the profile that source_profile names has no credentials"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=default\n", {NULL}, "a loop"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "[profile b]\nrole_arn=" ARN(
						 "b") "\nsource_profile=default\n",
	 {NULL},
	 "profile \"b\": source_profile leads back"},
	{"[default]\nrole_arn=" ARN(
		 "a") "\nsource_profile=b\n[profile b]\n"
		      "role_arn=" ARN("b") "\nsource_profile=c\n[profile c]\nrole_arn=" ARN(
			      "c") "\n"
				   "source_profile=b\n",
	 {NULL},
	 "profile \"c\": source_profile leads back"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\ncredential_process=hidden\n"
					 "[profile b]\n" KEYS,
	 {NULL},
	 "config:4: profile \"default\": source_profile and credential_process exclude"},
	{"[default]\nrole_arn=" ARN("a") "\nsource_profile=b\n"
					 "credential_source=Environment\n[profile b]\n" KEYS,
	 {NULL},
	 "source_profile and credential_source exclude"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=Environment\n"
					 "web_identity_token_file=/t\n",
	 {NULL},
	 "credential_source and web_identity_token_file exclude"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=ec2instancemetadata\n",
	 {NULL},
	 "credential_source is none of"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=EcsContainer\n",
	 {NULL},
	 "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=EcsContainer\n",
	 {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/"},
	 "not from 192.0.2.1"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=Environment\n",
	 {NULL},
	 "credential_source is Environment, but AWS_ACCESS_KEY_ID is not set"},
	{"[default]\nrole_arn=" ARN("a") "\ncredential_source=Ec2InstanceMetadata\n",
	 {"AWS_EC2_METADATA_DISABLED", "true"},
	 "but AWS_EC2_METADATA_DISABLED is true"},
	{"[default]\nrole_arn=" ARN("a") "\n",
	 {"AWS_EC2_METADATA_DISABLED", "true"},
	 "neither a container's nor an instance's role"},
	{"[default]\n" KEYS "role_arn=" ARN("a") "\nmfa_serial=m\n",
	 {NULL},
	 "config:5: profile \"default\": mfa_serial"},
	{"[default]\n" KEYS "role_arn=role/a\n",
	 {NULL},
	 "config:4: profile \"default\": role_arn "
	 "is no ARN"},
	{"[default]\nweb_identity_token_file=/t\nrole_arn=a\n", {NULL}, "role_arn is no ARN"},
	{"[default]\n" KEYS "role_arn=" ARN("a") "\nduration_seconds=1h\n",
	 {NULL},
	 "config:5: profile \"default\": duration_seconds is no number"},
	{"[default]\n" KEYS "role_arn=" ARN("a") "\nduration_seconds=43201\n",
	 {NULL},
	 "duration_seconds is no number up to"},
	{"[default]\nlogin_session=arn\n", {NULL}, "config:2: profile \"default\": login_session"},
	{"[default]\nsso_session=s\nsso_account_id=1\nsso_role_name=n\n",
	 {NULL},
	 "there is no [sso-session] section"},
	{"[default]\nsso_session=s\nsso_account_id=1\nsso_role_name=n\n[sso-session s]\n"
	 "sso_region=r\n",
	 {NULL},
	 "lacks sso_region or sso_start_url"},
	{"[default]\nsso_session=s\nsso_account_id=1\nsso_role_name=n\nsso_region=q\n"
	 "[sso-session s]\nsso_region=r\nsso_start_url=u\n",
	 {NULL},
	 "config:5: profile \"default\": sso_region is another than"},
	{"[default]\nsso_session=s\nsso_account_id=1\nsso_role_name=n\nsso_start_url=v\n"
	 "[sso-session s]\nsso_region=r\nsso_start_url=u\n",
	 {NULL},
	 "sso_start_url is another than"},
	{"[default]\nsso_session=s\nsso_account_id=1\n[sso-session s]\nsso_region=r\n"
	 "sso_start_url=u\n",
	 {NULL},
	 "lacks sso_role_name"},
	{"[default]\nsso_start_url=u\n", {NULL}, "lacks sso_region"},
	{"[default]\nsso_role_name=u\n", {NULL}, "lacks sso_start_url"},
};

static void test_broken(void **state)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		struct aws_plan plan;
		struct err err = ERR_NULL;
		world_begin(bad[i].config, NULL);
		for (size_t k = 0; bad[i].env[k]; k += 2)
			world_set(bad[i].env[k], bad[i].env[k + 1]);
		if (plan_of(&arena, &plan, &err) != 1)
			fail_msg("case %zu is no error: %s", i, bad[i].want);
		if (!strstr(err.msg, bad[i].want))
			fail_msg("%s\n does not say: %s", err.msg, bad[i].want);
		assert_null(strstr(err.msg, "hid"));
		world_end();
	}
}

static void test_role_parts(void **state)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
	struct aws_plan plan;
	struct err err = ERR_NULL;
	world_begin("[default]\nrole_arn=" ARN(
			    "a") "\nsource_profile=b\nexternal_id=x y\n"
				 "role_session_name=n\nduration_seconds=3600\n"
				 "[profile b]\nrole_arn=" ARN(
					 "b") "\nsource_profile=c\nduration_seconds=600\n"
					      "[profile c]\nrole_arn=" ARN(
						      "w") "\nweb_identity_token_file=/t\n"
							   "role_session_name=m\n",
		    NULL);
	assert_int_equal(plan_of(&arena, &plan, &err), 0);
	assert_int_equal(plan.n_roles, 2);
	assert_sv(plan.roles[1].external_id, "x y");
	assert_sv(plan.roles[1].session_name, "n");
	assert_int_equal(plan.roles[1].duration_s, 3600);
	assert_sv(plan.roles[0].external_id, "");
	/* Less than the service allows is what it takes by itself. */
	assert_int_equal(plan.roles[0].duration_s, 0);
	assert_sv(plan.web.role_arn, ARN("w"));
	assert_sv(plan.web.token_file, "/t");
	assert_sv(plan.web.session_name, "m");
	world_end();
}

static void test_sso_parts(void **state)
{
	_cleanup_(arena_wipe) struct arena arena = ARENA_NULL, other = ARENA_NULL;
	struct aws_plan plan;
	struct err err = ERR_NULL;
	world_begin("[default]\nsso_session=my s\nsso_account_id=1\nsso_role_name=n\n"
		    "[sso-session my s]\nsso_region=r\nsso_start_url=u\n"
		    "[profile old]\nsso_start_url=u\nsso_region=q\nsso_account_id=2\n"
		    "sso_role_name=o\n",
		    NULL);
	assert_int_equal(plan_of(&arena, &plan, &err), 0);
	assert_sv(plan.sso.session, "my s");
	assert_sv(plan.sso.region, "r");
	assert_sv(plan.sso.account, "1");
	assert_sv(plan.sso.role, "n");
	world_set("AWS_PROFILE", "old");
	assert_int_equal(plan_of(&other, &plan, &err), 0);
	assert_sv(plan.sso.session, "u");
	assert_sv(plan.sso.region, "q");
	world_end();
}

/* As many roles as there may be, and one more. */
static void test_many_roles(void **state)
{
	for (int n = AWS_ROLES_MAX; n <= AWS_ROLES_MAX + 1; n++) {
		_cleanup_(arena_wipe) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf text = BUF_NULL;
		struct aws_plan plan;
		struct err err = ERR_NULL;
		buf_init(&text, KiB(16));
		for (int i = 0; i < n; i++)
			buf_printf(&text,
				   "[profile p%d]\nrole_arn=" ARN("r%d") "\nsource_profile=p%d\n",
				   i, i, i + 1);
		buf_printf(&text, "[profile p%d]\n" KEYS, n);
		buf_char(&text, '\0');
		world_begin(text.ptr, NULL);
		world_set("AWS_PROFILE", "p0");
		int r = plan_of(&arena, &plan, &err);
		assert_int_equal(r, n > AWS_ROLES_MAX);
		if (r == 0)
			assert_int_equal(plan.n_roles, AWS_ROLES_MAX);
		else
			assert_non_null(strstr(err.msg, "too many"));
		world_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_broken),
		cmocka_unit_test(test_role_parts), cmocka_unit_test(test_sso_parts),
		cmocka_unit_test(test_many_roles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
