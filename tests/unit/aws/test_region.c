/* Which region a signature names: the host forms of the data plane and the order of the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/endpoint.h>

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

#define WS "https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write"

static void test_order_of_sources(void **state)
{
	static const struct {
		const char *explicit_region, *url, *region, *from, *want, *want_from;
	} cases[] = {
		{"eu-north-1", WS, "us-east-1", "AWS_REGION", "eu-north-1", "region"},
		{"", WS, "us-east-1", "AWS_REGION", "us-west-2", "the host's region"},
		{"", "http://127.0.0.1:9090/api/v1/write", "us-east-1", "AWS_REGION", "us-east-1",
		 "AWS_REGION"},
		{"", "http://127.0.0.1:9090/api/v1/write", "us-east-2", "AWS_DEFAULT_REGION",
		 "us-east-2", "AWS_DEFAULT_REGION"},
		{"", "", "us-east-1", "profile x", "us-east-1", "profile x"},
		{"US-EAST-1", "", "", NULL, "us-east-1", "region"},
		{"", "https://APS-WORKSPACES.US-WEST-2.API.AWS:443", "", NULL, "us-west-2",
		 "the host's region"},
		{"", "https://u:p@aps-workspaces.us-west-2.api.aws?x", "", NULL, "us-west-2",
		 "the host's region"},
		{"", "https://aps-workspaces.us-west-2.api.aws#@other.host", "", NULL, "us-west-2",
		 "the host's region"},
		/* A path that looks like a workspace is no host. */
		{"", "https://relay.example/aps-workspaces.us-west-2.amazonaws.com", "us-east-1",
		 "AWS_REGION", "us-east-1", "AWS_REGION"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_settings s = {.region = sv_of(cases[i].region),
					 .region_from = cases[i].from};
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct err err = ERR_NULL;
		struct sv region = SV_NULL;
		const char *from = NULL;
		arena_init(&arena, 4096);
		assert_int_equal(aws_region_find(&arena, &s, sv_of(cases[i].explicit_region),
						 sv_of(cases[i].url), &region, &from, &err),
				 0);
		assert_sv(region, cases[i].want);
		assert_string_equal(from, cases[i].want_from);
	}
}

static void test_reasons(void **state)
{
	static const struct {
		const char *explicit_region, *region;
		int code;
		const char *want;
	} cases[] = {
		{"", "", 2, "no AWS region"},
		{"us-east-1/x", "", 1, "region is not an AWS region name: \"us-east-1/x\""},
		{"", "us east 1", 1, "AWS_REGION is not an AWS region name: \"us east 1\""},
		{"", "us-east-1\n", 1, "AWS_REGION is not an AWS region name"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_settings s = {.region = sv_of(cases[i].region),
					 .region_from = "AWS_REGION"};
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct err err = ERR_NULL;
		struct sv region = SV_NULL;
		const char *from;
		arena_init(&arena, 4096);
		assert_int_equal(aws_region_find(&arena, &s, sv_of(cases[i].explicit_region),
						 SV("http://127.0.0.1/"), &region, &from, &err),
				 cases[i].code);
		assert_non_null(strstr(err.msg, cases[i].want));
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
