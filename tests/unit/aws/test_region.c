/* Which region a signature names: the host forms of the data plane and the order of the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/credentials.h>
#include <ampagent/base/arena.h>

static void assert_sv(struct sv got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len)
		assert_memory_equal(got.ptr, want, got.len);
}

static void test_hosts_that_name_a_region(void **state)
{
	static const struct {
		const char *host, *region;
	} cases[] = {
		{"aps-workspaces.us-west-2.amazonaws.com", "us-west-2"},
		{"aps-workspaces-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"aps-workspaces.ap-southeast-7.api.aws", "ap-southeast-7"},
		{"aps-workspaces-fips.ca-west-1.api.aws", "ca-west-1"},
		{"aps-workspaces.eu-central-1.amazonaws.com:443", "eu-central-1"},
		{"aps-workspaces.eu-central-1.amazonaws.com.", "eu-central-1"},
		{"aps-workspaces.eu-central-1.amazonaws.com.:8443", "eu-central-1"},
		{"APS-Workspaces.EU-West-1.AmazonAWS.com", "EU-West-1"},
		{"vpce-0a1b-2c3d.aps-workspaces.us-east-1.vpce.amazonaws.com", "us-east-1"},
		{"vpce-0a1b-2c3d-us-east-1a.aps-workspaces.us-east-1.vpce.amazonaws.com:443",
		 "us-east-1"},
		{"VPCE-0A.APS-WORKSPACES-FIPS.us-east-2.VPCE.amazonaws.com", "us-east-2"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_sv(aws_region_from_host(sv_of(cases[i].host)), cases[i].region);
}

static void test_hosts_that_name_none(void **state)
{
	static const char *const hosts[] = {
		"",
		":443",
		".",
		"localhost",
		"127.0.0.1:9090",
		"[::1]:9090",
		"aps.us-west-2.amazonaws.com",
		"aps-workspaces.amazonaws.com",
		"aps-workspaces..amazonaws.com",
		"aps-workspaces.us-west-2.amazonaws.com.cn",
		"aps-workspaces.us-west-2.amazonaws.com.evil.example",
		"evil-aps-workspaces.us-west-2.amazonaws.com",
		"x.aps-workspaces.us-west-2.amazonaws.com",
		"aps-workspaces.us_west_2.amazonaws.com",
		"aps-workspaces.us-west-2.vpce.amazonaws.com",
		"vpce-1.aps.us-west-2.vpce.amazonaws.com",
		"vpce-1.vpce.amazonaws.com",
		".vpce.amazonaws.com",
		"amazonaws.com",
	};
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		assert_sv(aws_region_from_host(sv_of(hosts[i])), "");
}

static const char *env_region, *env_default_region;

static const char *fake_env(const char *name)
{
	if (strcmp(name, "AWS_REGION") == 0)
		return env_region;
	if (strcmp(name, "AWS_DEFAULT_REGION") == 0)
		return env_default_region;
	return NULL;
}

#define WS "https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write"

static void test_order_of_sources(void **state)
{
	static const struct {
		const char *explicit_region, *url, *env, *env_default, *want;
	} cases[] = {
		{"eu-north-1", WS, "us-east-1", "us-east-2", "eu-north-1"},
		{"", WS, "us-east-1", "us-east-2", "us-west-2"},
		{"", "http://127.0.0.1:9090/api/v1/write", "us-east-1", "us-east-2", "us-east-1"},
		{"", "http://127.0.0.1:9090/api/v1/write", "", "us-east-2", "us-east-2"},
		{"", "http://127.0.0.1:9090/api/v1/write", NULL, "us-east-2", "us-east-2"},
		{"", "", "us-east-1", NULL, "us-east-1"},
		{"US-EAST-1", "", NULL, NULL, "us-east-1"},
		{"", "https://APS-WORKSPACES.US-WEST-2.API.AWS:443", NULL, NULL, "us-west-2"},
		{"", "https://u:p@aps-workspaces.us-west-2.api.aws?x", NULL, NULL, "us-west-2"},
		{"", "https://aps-workspaces.us-west-2.api.aws#@other.host", NULL, NULL,
		 "us-west-2"},
		/* A path that looks like a workspace is no host. */
		{"", "https://relay.example/aps-workspaces.us-west-2.amazonaws.com", "us-east-1",
		 NULL, "us-east-1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena arena;
		struct err err = ERR_NULL;
		struct sv region = SV_NULL;
		arena_init(&arena, 4096);
		env_region = cases[i].env;
		env_default_region = cases[i].env_default;
		assert_int_equal(aws_region_find(&arena, sv_of(cases[i].explicit_region),
						 sv_of(cases[i].url), fake_env, &region, &err),
				 0);
		assert_sv(region, cases[i].want);
		arena_deinit(&arena);
	}
}

static void test_reasons(void **state)
{
	static const struct {
		const char *explicit_region, *env, *want;
	} cases[] = {
		{"", NULL, "no AWS region"},
		{"us-east-1/x", NULL, "region is not an AWS region name: \"us-east-1/x\""},
		{"", "us east 1", "AWS_REGION is not an AWS region name: \"us east 1\""},
		{"", "us-east-1\n", "AWS_REGION is not an AWS region name"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct arena arena;
		struct err err = ERR_NULL;
		struct sv region = SV_NULL;
		arena_init(&arena, 4096);
		env_region = cases[i].env;
		env_default_region = NULL;
		assert_int_equal(aws_region_find(&arena, sv_of(cases[i].explicit_region),
						 SV("http://127.0.0.1/"), fake_env, &region, &err),
				 1);
		assert_non_null(strstr(err.msg, cases[i].want));
		arena_deinit(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts_that_name_a_region),
		cmocka_unit_test(test_hosts_that_name_none),
		cmocka_unit_test(test_order_of_sources),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
