/* Environment before profile, the profile that is chosen, and values that make no sense. */
#include "shared_world.h"

#include <ampagent/base/limits.h>

enum { PAIRS = 6 };

static const char everything[] = "[profile p]\n"
				 "region = eu-west-1\n"
				 "use_fips_endpoint = TRUE\n"
				 "use_dualstack_endpoint = true\n"
				 "sts_regional_endpoints = legacy\n"
				 "ca_bundle = /p/ca.pem\n"
				 "endpoint_url = https://all.example\n"
				 "services = s\n"
				 "ec2_metadata_service_endpoint = http://[::1]:1338\n"
				 "ec2_metadata_service_endpoint_mode = ipv6\n"
				 "ec2_metadata_v1_disabled = false\n"
				 "metadata_service_timeout = 5\n"
				 "metadata_service_num_attempts = 3\n"
				 "[services s]\n"
				 "sts =\n"
				 "  endpoint_url = https://sts.example\n"
				 "sso =\n"
				 "  endpoint_url = https://sso.example\n"
				 "ecs =\n"
				 "  endpoint_url = https://ecs.example\n"
				 "ec2 =\n"
				 "  endpoint_url = https://ec2.example\n";

static void test_nothing(void **state)
{
	struct aws_settings s;
	world_begin(NULL, NULL);
	assert_int_equal(aws_settings_load(world_env, SV_NULL, &s, NULL), 0);
	assert_sv(s.profile, "default");
	assert_false(s.profile_named);
	assert_sv(s.region, "");
	assert_null(s.region_from);
	assert_false(s.use_fips || s.use_dualstack || s.sts_global || s.imds_disabled);
	assert_true(s.imds_v1_disabled);
	assert_int_equal(s.imds_mode, AWS_IMDS_IPV4);
	assert_int_equal(s.imds_timeout_ms, 1000);
	assert_int_equal(s.imds_attempts, 1);
	assert_sv(s.endpoint_url, "");
	assert_sv(s.imds_endpoint, "");
	assert_null(aws_settings_section(&s, SV("profile"), SV("default")));
	assert_sv(aws_section_get(NULL, SV("region")), "");
	aws_settings_deinit(&s);
	world_end();
}

static void test_profile_says(void **state)
{
	struct aws_settings s;
	world_begin(everything, NULL);
	assert_int_equal(aws_settings_load(world_env, SV("p"), &s, NULL), 0);
	assert_true(s.profile_named);
	assert_sv(s.region, "eu-west-1");
	assert_string_equal(s.region_from, "profile p");
	assert_true(s.use_fips && s.use_dualstack && s.sts_global);
	assert_sv(s.ca_bundle, "/p/ca.pem");
	assert_sv(s.endpoint_url, "https://all.example");
	assert_sv(s.endpoint_url_sts, "https://sts.example");
	assert_sv(s.endpoint_url_sso, "https://sso.example");
	assert_sv(s.endpoint_url_ecs, "https://ecs.example");
	assert_sv(s.endpoint_url_ec2, "https://ec2.example");
	assert_sv(s.imds_endpoint, "http://[::1]:1338");
	assert_int_equal(s.imds_mode, AWS_IMDS_IPV6);
	assert_false(s.imds_v1_disabled);
	assert_int_equal(s.imds_timeout_ms, 5000);
	assert_int_equal(s.imds_attempts, 3);
	aws_settings_deinit(&s);
	world_end();
}

static void test_environment_wins(void **state)
{
	static const char *const env[][2] = {
		{"AWS_PROFILE", "p"},
		{"AWS_DEFAULT_PROFILE", "nobody"},
		{"AWS_REGION", "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-2"},
		{"AWS_USE_FIPS_ENDPOINT", "false"},
		{"AWS_USE_DUALSTACK_ENDPOINT", "False"},
		{"AWS_STS_REGIONAL_ENDPOINTS", "regional"},
		{"AWS_CA_BUNDLE", "/e/ca.pem"},
		{"AWS_ENDPOINT_URL", "http://e"},
		{"AWS_ENDPOINT_URL_EC2", "http://e/2"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_EC2_METADATA_V1_DISABLED", "true"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://e/m"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"},
		{"AWS_METADATA_SERVICE_TIMEOUT", "7"},
		{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "9"},
	};
	struct aws_settings s;
	world_begin(everything, NULL);
	for (size_t i = 0; i < sizeof env / sizeof env[0]; i++)
		world_set(env[i][0], env[i][1]);
	assert_int_equal(aws_settings_load(world_env, SV_NULL, &s, NULL), 0);
	assert_sv(s.profile, "p");
	assert_sv(s.region, "us-east-1");
	assert_string_equal(s.region_from, "AWS_REGION");
	assert_false(s.use_fips || s.use_dualstack || s.sts_global);
	assert_sv(s.ca_bundle, "/e/ca.pem");
	assert_sv(s.endpoint_url, "http://e");
	/* The variable for all services comes before the profile's blocks. */
	assert_sv(s.endpoint_url_sts, "");
	assert_sv(s.endpoint_url_ec2, "http://e/2");
	assert_true(s.imds_disabled && s.imds_v1_disabled);
	assert_sv(s.imds_endpoint, "http://e/m");
	assert_int_equal(s.imds_mode, AWS_IMDS_IPV4);
	assert_int_equal(s.imds_timeout_ms, 7000);
	assert_int_equal(s.imds_attempts, 9);
	aws_settings_deinit(&s);

	world_set("AWS_REGION", "");
	world_set("AWS_PROFILE", "");
	world_set("AWS_DEFAULT_PROFILE", "p");
	world_set("AWS_ENDPOINT_URL", NULL);
	assert_int_equal(aws_settings_load(world_env, SV_NULL, &s, NULL), 0);
	assert_sv(s.profile, "p");
	assert_true(s.profile_named);
	assert_string_equal(s.region_from, "AWS_DEFAULT_REGION");
	assert_sv(s.endpoint_url, "https://all.example");
	assert_sv(s.endpoint_url_sts, "https://sts.example");
	aws_settings_deinit(&s);

	world_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
	assert_int_equal(aws_settings_load(world_env, SV_NULL, &s, NULL), 0);
	assert_sv(s.endpoint_url, "");
	assert_sv(s.endpoint_url_sts, "");
	assert_sv(s.endpoint_url_ec2, "");
	aws_settings_deinit(&s);
	world_end();
}

/* The variable that is wrong, or the file's line, is named; what it says is not shown. */
static void test_refused(void **state)
{
	static const struct {
		const char *config;
		const char *env[PAIRS];
		const char *want;
	} cases[] = {
		{NULL, {"AWS_USE_FIPS_ENDPOINT", "hidden"}, "AWS_USE_FIPS_ENDPOINT: true or false"},
		{NULL, {"AWS_USE_DUALSTACK_ENDPOINT", "1"}, "AWS_USE_DUALSTACK_ENDPOINT: true"},
		{NULL, {"AWS_EC2_METADATA_DISABLED", "yes"}, "AWS_EC2_METADATA_DISABLED: true"},
		{NULL, {"AWS_EC2_METADATA_V1_DISABLED", "no"}, "AWS_EC2_METADATA_V1_DISABLED"},
		{NULL, {"AWS_STS_REGIONAL_ENDPOINTS", "global"}, "regional or legacy is expected"},
		{NULL, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "6"}, "IPv4 or IPv6 is expected"},
		{NULL,
		 {"AWS_METADATA_SERVICE_TIMEOUT", "0"},
		 "AWS_METADATA_SERVICE_TIMEOUT: a number"},
		{NULL, {"AWS_METADATA_SERVICE_TIMEOUT", "1.5"}, "from 1 to 3600"},
		{NULL, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "101"}, "from 1 to 100"},
		{NULL, {"AWS_ENDPOINT_URL", "hidden"}, "AWS_ENDPOINT_URL: a whole URL"},
		{NULL, {"AWS_ENDPOINT_URL_STS", "ftp://hidden"}, "AWS_ENDPOINT_URL_STS: a whole"},
		{NULL, {"AWS_ENDPOINT_URL_SSO", "http://"}, "AWS_ENDPOINT_URL_SSO: a whole"},
		{NULL, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254"}, "a whole URL"},
		{NULL, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "x"}, "true or false"},
		{"[default]\n\nuse_fips_endpoint = hidden\n",
		 {NULL},
		 "/.aws/config:3: use_fips_endpoint: true or false is expected"},
		{"[default]\nservices = hidden\n", {NULL}, ":2: services: there is no such"},
		{"[default]\nservices=s\n[services s]\nsts =\n  endpoint_url = hidden # c\n",
		 {NULL},
		 ":5: sts.endpoint_url: a whole URL"},
		{"[default]\nec2_metadata_service_endpoint_mode = ipv5\n",
		 {NULL},
		 ":2: ec2_metadata_service_endpoint_mode: IPv4 or IPv6"},
		{NULL,
		 {"AWS_PROFILE", "default"},
		 "AWS_PROFILE names the profile \"default\", which is in none of the shared files"},
		{"[p]\n", {"AWS_PROFILE", "p"}, "AWS_PROFILE names the profile \"p\""},
		{"[profile p]\n", {"AWS_PROFILE", "P"}, "AWS_PROFILE names the profile \"P\""},
		{"", {"AWS_DEFAULT_PROFILE", "q"}, "AWS_DEFAULT_PROFILE names the profile \"q\""},
		{"[d]\nhidden\n", {NULL}, "/.aws/config:2: neither"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_settings s;
		struct err err = ERR_NULL;
		world_begin(cases[i].config, NULL);
		for (size_t k = 0; cases[i].env[k]; k += 2)
			world_set(cases[i].env[k], cases[i].env[k + 1]);
		assert_int_equal(aws_settings_load(world_env, SV_NULL, &s, &err), 1);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s\n does not say: %s", err.msg, cases[i].want);
		assert_null(strstr(err.msg, "hidden"));
		/* Freed already; again is fine. */
		aws_settings_deinit(&s);
		world_end();
	}
}

static void test_given_profile(void **state)
{
	struct aws_settings s;
	struct err err = ERR_NULL;
	world_begin("[profile p]\nregion=r\n", NULL);
	world_set("AWS_PROFILE", "nobody");
	assert_int_equal(aws_settings_load(world_env, SV("p"), &s, &err), 0);
	assert_sv(s.profile, "p");
	assert_sv(aws_section_get(aws_settings_section(&s, SV("profile"), SV("p")), SV("region")),
		  "r");
	aws_settings_deinit(&s);
	assert_int_equal(aws_settings_load(world_env, SV("q"), &s, &err), 1);
	assert_non_null(strstr(err.msg, "profile names the profile \"q\""));
	assert_non_null(strstr(err.msg, "credentials (not there)"));
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),          cmocka_unit_test(test_profile_says),
		cmocka_unit_test(test_environment_wins), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_given_profile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
