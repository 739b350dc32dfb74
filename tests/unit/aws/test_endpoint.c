/* Partitions, AMP's host names, services' endpoints. Hosts in the table are botocore's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/endpoint.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_sv(struct sv got, const char *want)
{
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got), want);
}

static void partitions(void **state)
{
	static const struct {
		const char *region, *id;
	} cases[] = {
		{"us-east-1", "aws"},
		{"eu-west-1", "aws"},
		{"", "aws"},
		{"us-governor-1", "aws"},
		{"xx-new-9", "aws"},
		{"us-gov-west-1", "aws-us-gov"},
		{"US-GOV-EAST-1", "aws-us-gov"},
		{"cn-north-1", "aws-cn"},
		{"eusc-de-east-1", "aws-eusc"},
		{"us-iso-west-1", "aws-iso"},
		{"us-isob-east-1", "aws-iso-b"},
		{"eu-isoe-west-1", "aws-iso-e"},
		{"us-isof-south-1", "aws-iso-f"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(aws_partition_of(sv_of(cases[i].region))->id, cases[i].id);
}

static void region_names(void **state)
{
	char longest[65];
	memset(longest, 'a', sizeof(longest));
	assert_true(aws_region_valid(SV("us-east-1")));
	assert_true(aws_region_valid(SV("X")));
	assert_true(aws_region_valid(sv_make(longest, 63)));
	assert_false(aws_region_valid(sv_make(longest, 64)));
	assert_false(aws_region_valid(SV("")));
	assert_false(aws_region_valid(SV("us_east_1")));
	assert_false(aws_region_valid(SV("us-east-1.")));
	assert_false(aws_region_valid(SV("us-east-1/")));
}

static void amp_hosts(void **state)
{
	static const struct {
		const char *host;
		enum aws_amp_form form;
		bool fips;
		const char *region;
	} cases[] = {
		{"aps-workspaces.us-west-2.amazonaws.com", AWS_AMP_PUBLIC, false, "us-west-2"},
		{"aps-workspaces.us-west-2.amazonaws.com.:443", AWS_AMP_PUBLIC, false, "us-west-2"},
		{"Aps-Workspaces.Us-West-2.AmazonAws.Com", AWS_AMP_PUBLIC, false, "Us-West-2"},
		{"aps-workspaces-fips.us-east-1.amazonaws.com", AWS_AMP_PUBLIC, true, "us-east-1"},
		{"aps-workspaces-fips.us-gov-west-1.amazonaws.com", AWS_AMP_PUBLIC, true,
		 "us-gov-west-1"},
		{"aps-workspaces.eu-west-1.api.aws", AWS_AMP_DUAL, false, "eu-west-1"},
		{"aps-workspaces-fips.ca-west-1.api.aws", AWS_AMP_DUAL, true, "ca-west-1"},
		{"vpce-0a1b2c-3d4e.aps-workspaces.us-east-1.vpce.amazonaws.com", AWS_AMP_VPCE,
		 false, "us-east-1"},
		{"vpce-0a1b2c-3d4e-us-east-1a.aps-workspaces.us-east-1.vpce.amazonaws.com:443",
		 AWS_AMP_VPCE, false, "us-east-1"},
		{"VPCE-0A-US-GOV-EAST-1B.APS-WORKSPACES-FIPS.US-GOV-EAST-1.VPCE.AMAZONAWS.COM",
		 AWS_AMP_VPCE, true, "US-GOV-EAST-1"},
		{"aps-workspaces.cn-north-1.amazonaws.com.cn", AWS_AMP_PUBLIC, false, "cn-north-1"},
		{"vpce-0a-0b.aps-workspaces.cn-north-1.vpce.amazonaws.com.cn", AWS_AMP_VPCE, false,
		 "cn-north-1"},
		{"aps-workspaces.cn-north-1.api.amazonwebservices.com.cn", AWS_AMP_DUAL, false,
		 "cn-north-1"},
		{"aps-workspaces.eusc-de-east-1.amazonaws.eu", AWS_AMP_PUBLIC, false,
		 "eusc-de-east-1"},
		{"aps-workspaces.us-isob-east-1.sc2s.sgov.gov", AWS_AMP_PUBLIC, false,
		 "us-isob-east-1"},
		/* Of another partition than the suffix. */
		{"aps-workspaces.cn-north-1.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.us-west-2.amazonaws.com.cn", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.us-west-2.amazonaws.eu", AWS_AMP_NOT, false, ""},
		/* Of nobody. */
		{"aps-workspaces.us-west-2.amazonaws.com.evil.example", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.us-west-2.xamazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspaces-fips-x.us-west-2.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspacesx.us-west-2.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.us-west-2.x.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"vpce-.aps-workspaces.us-west-2.vpce.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"vpce-1.aps-workspaces.us-west-2.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"vpce-1.aps-workspaces.us-west-2.vpce.api.aws", AWS_AMP_NOT, false, ""},
		{"xvpce-1.aps-workspaces.us-west-2.vpce.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps-workspaces.us-west-2.vpce.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"aps.us-west-2.amazonaws.com", AWS_AMP_NOT, false, ""},
		{"sts.us-west-2.amazonaws.com", AWS_AMP_NOT, false, ""},
		{".amazonaws.com", AWS_AMP_NOT, false, ""},
		{"amazonaws.com", AWS_AMP_NOT, false, ""},
		{"[::1]:443", AWS_AMP_NOT, false, ""},
		{"", AWS_AMP_NOT, false, ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct aws_amp_host got = aws_amp_host_parse(sv_of(cases[i].host));
		if (got.form != cases[i].form || got.fips != cases[i].fips)
			fail_msg("%s: form %d, fips %d", cases[i].host, got.form, got.fips);
		assert_sv(got.region, cases[i].region);
	}
}

static void control_plane_hosts(void **state)
{
	assert_int_equal(aws_amp_control_host(SV("aps.us-west-2.amazonaws.com")).form,
			 AWS_AMP_PUBLIC);
	assert_int_equal(aws_amp_control_host(SV("vpce-1-2.aps.us-west-2.vpce.amazonaws.com")).form,
			 AWS_AMP_VPCE);
	assert_true(aws_amp_control_host(SV("aps-fips.us-east-1.api.aws")).fips);
	assert_int_equal(aws_amp_control_host(SV("aps-workspaces.us-west-2.amazonaws.com")).form,
			 AWS_AMP_NOT);
}

static void amp_has_fips_hosts_in_some_regions(void **state)
{
	static const char *const yes[] = {"us-east-1",     "us-east-2",    "us-west-1",
					  "us-west-2",     "ca-central-1", "ca-west-1",
					  "us-gov-east-1", "US-GOV-WEST-1"};
	static const char *const no[] = {"eu-central-1", "eu-west-1", "ap-south-1", "us-east-3",
					 ""};
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(aws_amp_has_fips(sv_of(yes[i])));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(aws_amp_has_fips(sv_of(no[i])));
}

/* --- services --- */

struct answer {
	int code;
	char url[256], region[64];
	struct err err;
};

static struct answer ask(const struct aws_settings *s, const char *service, const char *region,
			 bool fips)
{
	_cleanup_(buf_deinit) struct buf url = BUF_NULL;
	struct answer a = {0};
	struct sv signing = SV_NULL;
	buf_init(&url, 4096);
	a.code = aws_endpoint_url(s, sv_of(service), sv_of(region), fips, &url, &signing, &a.err);
	snprintf(a.url, sizeof(a.url), "%.*s", SV_ARG(buf_view(&url)));
	snprintf(a.region, sizeof(a.region), "%.*s", SV_ARG(signing));
	return a;
}

/* Plain, dual-stack, FIPS, both. */
static const struct {
	const char *service, *region, *hosts[4];
} service_hosts[] = {
	{"sts",
	 "us-east-1",
	 {"sts.us-east-1.amazonaws.com", "sts.us-east-1.api.aws",
	  "sts-fips.us-east-1.amazonaws.com", "sts-fips.us-east-1.api.aws"}},
	{"sts",
	 "ca-west-1",
	 {"sts.ca-west-1.amazonaws.com", "sts.ca-west-1.api.aws",
	  "sts-fips.ca-west-1.amazonaws.com", "sts-fips.ca-west-1.api.aws"}},
	{"sts",
	 "eu-central-1",
	 {"sts.eu-central-1.amazonaws.com", "sts.eu-central-1.api.aws",
	  "sts-fips.eu-central-1.amazonaws.com", "sts-fips.eu-central-1.api.aws"}},
	{"sts",
	 "us-gov-west-1",
	 {"sts.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.api.aws",
	  "sts.us-gov-west-1.amazonaws.com", "sts-fips.us-gov-west-1.api.aws"}},
	{"sts",
	 "us-gov-east-1",
	 {"sts.us-gov-east-1.amazonaws.com", "sts.us-gov-east-1.api.aws",
	  "sts.us-gov-east-1.amazonaws.com", "sts-fips.us-gov-east-1.api.aws"}},
	{"sts",
	 "cn-north-1",
	 {"sts.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.api.amazonwebservices.com.cn",
	  "sts-fips.cn-north-1.amazonaws.com.cn",
	  "sts-fips.cn-north-1.api.amazonwebservices.com.cn"}},
	{"sts",
	 "eusc-de-east-1",
	 {"sts.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.api.amazonwebservices.eu",
	  "sts-fips.eusc-de-east-1.amazonaws.eu",
	  "sts-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
	{"sts",
	 "us-iso-east-1",
	 {"sts.us-iso-east-1.c2s.ic.gov", "sts.us-iso-east-1.api.aws.ic.gov",
	  "sts-fips.us-iso-east-1.c2s.ic.gov", "sts-fips.us-iso-east-1.api.aws.ic.gov"}},
	{"sts",
	 "us-isob-east-1",
	 {"sts.us-isob-east-1.sc2s.sgov.gov", "sts.us-isob-east-1.api.aws.scloud",
	  "sts-fips.us-isob-east-1.sc2s.sgov.gov", "sts-fips.us-isob-east-1.api.aws.scloud"}},
	{"sts",
	 "eu-isoe-west-1",
	 {"sts.eu-isoe-west-1.cloud.adc-e.uk", "sts.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
	  "sts-fips.eu-isoe-west-1.cloud.adc-e.uk",
	  "sts-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"}},
	{"sts",
	 "us-isof-south-1",
	 {"sts.us-isof-south-1.csp.hci.ic.gov", "sts.us-isof-south-1.api.aws.hci.ic.gov",
	  "sts-fips.us-isof-south-1.csp.hci.ic.gov",
	  "sts-fips.us-isof-south-1.api.aws.hci.ic.gov"}},
	{"sts",
	 "xx-new-9",
	 {"sts.xx-new-9.amazonaws.com", "sts.xx-new-9.api.aws", "sts-fips.xx-new-9.amazonaws.com",
	  "sts-fips.xx-new-9.api.aws"}},
	{"portal.sso",
	 "us-east-1",
	 {"portal.sso.us-east-1.amazonaws.com", "portal.sso.us-east-1.api.aws",
	  "portal.sso-fips.us-east-1.amazonaws.com", "portal.sso-fips.us-east-1.api.aws"}},
	{"portal.sso",
	 "ca-west-1",
	 {"portal.sso.ca-west-1.amazonaws.com", "portal.sso.ca-west-1.api.aws",
	  "portal.sso-fips.ca-west-1.amazonaws.com", "portal.sso-fips.ca-west-1.api.aws"}},
	{"portal.sso",
	 "eu-central-1",
	 {"portal.sso.eu-central-1.amazonaws.com", "portal.sso.eu-central-1.api.aws",
	  "portal.sso-fips.eu-central-1.amazonaws.com", "portal.sso-fips.eu-central-1.api.aws"}},
	{"portal.sso",
	 "us-gov-west-1",
	 {"portal.sso.us-gov-west-1.amazonaws.com", "portal.sso.us-gov-west-1.api.aws",
	  "portal.sso.us-gov-west-1.amazonaws.com", "portal.sso-fips.us-gov-west-1.api.aws"}},
	{"portal.sso",
	 "us-gov-east-1",
	 {"portal.sso.us-gov-east-1.amazonaws.com", "portal.sso.us-gov-east-1.api.aws",
	  "portal.sso.us-gov-east-1.amazonaws.com", "portal.sso-fips.us-gov-east-1.api.aws"}},
	{"portal.sso",
	 "cn-north-1",
	 {"portal.sso.cn-north-1.amazonaws.com.cn",
	  "portal.sso.cn-north-1.api.amazonwebservices.com.cn",
	  "portal.sso-fips.cn-north-1.amazonaws.com.cn",
	  "portal.sso-fips.cn-north-1.api.amazonwebservices.com.cn"}},
	{"portal.sso",
	 "eusc-de-east-1",
	 {"portal.sso.eusc-de-east-1.amazonaws.eu",
	  "portal.sso.eusc-de-east-1.api.amazonwebservices.eu",
	  "portal.sso-fips.eusc-de-east-1.amazonaws.eu",
	  "portal.sso-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
	{"portal.sso",
	 "us-iso-east-1",
	 {"portal.sso.us-iso-east-1.c2s.ic.gov", "portal.sso.us-iso-east-1.api.aws.ic.gov",
	  "portal.sso-fips.us-iso-east-1.c2s.ic.gov",
	  "portal.sso-fips.us-iso-east-1.api.aws.ic.gov"}},
	{"portal.sso",
	 "us-isob-east-1",
	 {"portal.sso.us-isob-east-1.sc2s.sgov.gov", "portal.sso.us-isob-east-1.api.aws.scloud",
	  "portal.sso-fips.us-isob-east-1.sc2s.sgov.gov",
	  "portal.sso-fips.us-isob-east-1.api.aws.scloud"}},
	{"portal.sso",
	 "eu-isoe-west-1",
	 {"portal.sso.eu-isoe-west-1.cloud.adc-e.uk",
	  "portal.sso.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
	  "portal.sso-fips.eu-isoe-west-1.cloud.adc-e.uk",
	  "portal.sso-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"}},
	{"portal.sso",
	 "us-isof-south-1",
	 {"portal.sso.us-isof-south-1.csp.hci.ic.gov",
	  "portal.sso.us-isof-south-1.api.aws.hci.ic.gov",
	  "portal.sso-fips.us-isof-south-1.csp.hci.ic.gov",
	  "portal.sso-fips.us-isof-south-1.api.aws.hci.ic.gov"}},
	{"portal.sso",
	 "xx-new-9",
	 {"portal.sso.xx-new-9.amazonaws.com", "portal.sso.xx-new-9.api.aws",
	  "portal.sso-fips.xx-new-9.amazonaws.com", "portal.sso-fips.xx-new-9.api.aws"}},
	{"ecs",
	 "us-east-1",
	 {"ecs.us-east-1.amazonaws.com", "ecs.us-east-1.api.aws",
	  "ecs-fips.us-east-1.amazonaws.com", "ecs-fips.us-east-1.api.aws"}},
	{"ecs",
	 "ca-west-1",
	 {"ecs.ca-west-1.amazonaws.com", "ecs.ca-west-1.api.aws",
	  "ecs-fips.ca-west-1.amazonaws.com", "ecs-fips.ca-west-1.api.aws"}},
	{"ecs",
	 "eu-central-1",
	 {"ecs.eu-central-1.amazonaws.com", "ecs.eu-central-1.api.aws",
	  "ecs-fips.eu-central-1.amazonaws.com", "ecs-fips.eu-central-1.api.aws"}},
	{"ecs",
	 "us-gov-west-1",
	 {"ecs.us-gov-west-1.amazonaws.com", "ecs.us-gov-west-1.api.aws",
	  "ecs-fips.us-gov-west-1.amazonaws.com", "ecs-fips.us-gov-west-1.api.aws"}},
	{"ecs",
	 "us-gov-east-1",
	 {"ecs.us-gov-east-1.amazonaws.com", "ecs.us-gov-east-1.api.aws",
	  "ecs-fips.us-gov-east-1.amazonaws.com", "ecs-fips.us-gov-east-1.api.aws"}},
	{"ecs",
	 "cn-north-1",
	 {"ecs.cn-north-1.amazonaws.com.cn", "ecs.cn-north-1.api.amazonwebservices.com.cn",
	  "ecs-fips.cn-north-1.amazonaws.com.cn",
	  "ecs-fips.cn-north-1.api.amazonwebservices.com.cn"}},
	{"ecs",
	 "eusc-de-east-1",
	 {"ecs.eusc-de-east-1.amazonaws.eu", "ecs.eusc-de-east-1.api.amazonwebservices.eu",
	  "ecs-fips.eusc-de-east-1.amazonaws.eu",
	  "ecs-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
	{"ecs",
	 "us-iso-east-1",
	 {"ecs.us-iso-east-1.c2s.ic.gov", "ecs.us-iso-east-1.api.aws.ic.gov",
	  "ecs-fips.us-iso-east-1.c2s.ic.gov", "ecs-fips.us-iso-east-1.api.aws.ic.gov"}},
	{"ecs",
	 "us-isob-east-1",
	 {"ecs.us-isob-east-1.sc2s.sgov.gov", "ecs.us-isob-east-1.api.aws.scloud",
	  "ecs-fips.us-isob-east-1.sc2s.sgov.gov", "ecs-fips.us-isob-east-1.api.aws.scloud"}},
	{"ecs",
	 "eu-isoe-west-1",
	 {"ecs.eu-isoe-west-1.cloud.adc-e.uk", "ecs.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
	  "ecs-fips.eu-isoe-west-1.cloud.adc-e.uk",
	  "ecs-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"}},
	{"ecs",
	 "us-isof-south-1",
	 {"ecs.us-isof-south-1.csp.hci.ic.gov", "ecs.us-isof-south-1.api.aws.hci.ic.gov",
	  "ecs-fips.us-isof-south-1.csp.hci.ic.gov",
	  "ecs-fips.us-isof-south-1.api.aws.hci.ic.gov"}},
	{"ecs",
	 "xx-new-9",
	 {"ecs.xx-new-9.amazonaws.com", "ecs.xx-new-9.api.aws", "ecs-fips.xx-new-9.amazonaws.com",
	  "ecs-fips.xx-new-9.api.aws"}},
	{"ec2",
	 "us-east-1",
	 {"ec2.us-east-1.amazonaws.com", "ec2.us-east-1.api.aws",
	  "ec2-fips.us-east-1.amazonaws.com", "ec2-fips.us-east-1.api.aws"}},
	{"ec2",
	 "ca-west-1",
	 {"ec2.ca-west-1.amazonaws.com", "ec2.ca-west-1.api.aws",
	  "ec2-fips.ca-west-1.amazonaws.com", "ec2-fips.ca-west-1.api.aws"}},
	{"ec2",
	 "eu-central-1",
	 {"ec2.eu-central-1.amazonaws.com", "ec2.eu-central-1.api.aws",
	  "ec2-fips.eu-central-1.amazonaws.com", "ec2-fips.eu-central-1.api.aws"}},
	{"ec2",
	 "us-gov-west-1",
	 {"ec2.us-gov-west-1.amazonaws.com", "ec2.us-gov-west-1.api.aws",
	  "ec2.us-gov-west-1.amazonaws.com", "ec2-fips.us-gov-west-1.api.aws"}},
	{"ec2",
	 "us-gov-east-1",
	 {"ec2.us-gov-east-1.amazonaws.com", "ec2.us-gov-east-1.api.aws",
	  "ec2.us-gov-east-1.amazonaws.com", "ec2-fips.us-gov-east-1.api.aws"}},
	{"ec2",
	 "cn-north-1",
	 {"ec2.cn-north-1.amazonaws.com.cn", "ec2.cn-north-1.api.amazonwebservices.com.cn",
	  "ec2-fips.cn-north-1.amazonaws.com.cn",
	  "ec2-fips.cn-north-1.api.amazonwebservices.com.cn"}},
	{"ec2",
	 "eusc-de-east-1",
	 {"ec2.eusc-de-east-1.amazonaws.eu", "ec2.eusc-de-east-1.api.amazonwebservices.eu",
	  "ec2-fips.eusc-de-east-1.amazonaws.eu",
	  "ec2-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
	{"ec2",
	 "us-iso-east-1",
	 {"ec2.us-iso-east-1.c2s.ic.gov", "ec2.us-iso-east-1.api.aws.ic.gov",
	  "ec2-fips.us-iso-east-1.c2s.ic.gov", "ec2-fips.us-iso-east-1.api.aws.ic.gov"}},
	{"ec2",
	 "us-isob-east-1",
	 {"ec2.us-isob-east-1.sc2s.sgov.gov", "ec2.us-isob-east-1.api.aws.scloud",
	  "ec2-fips.us-isob-east-1.sc2s.sgov.gov", "ec2-fips.us-isob-east-1.api.aws.scloud"}},
	{"ec2",
	 "eu-isoe-west-1",
	 {"ec2.eu-isoe-west-1.cloud.adc-e.uk", "ec2.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
	  "ec2-fips.eu-isoe-west-1.cloud.adc-e.uk",
	  "ec2-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"}},
	{"ec2",
	 "us-isof-south-1",
	 {"ec2.us-isof-south-1.csp.hci.ic.gov", "ec2.us-isof-south-1.api.aws.hci.ic.gov",
	  "ec2-fips.us-isof-south-1.csp.hci.ic.gov",
	  "ec2-fips.us-isof-south-1.api.aws.hci.ic.gov"}},
	{"ec2",
	 "xx-new-9",
	 {"ec2.xx-new-9.amazonaws.com", "ec2.xx-new-9.api.aws", "ec2-fips.xx-new-9.amazonaws.com",
	  "ec2-fips.xx-new-9.api.aws"}},
};

static void hosts_of_services(void **state)
{
	for (size_t i = 0; i < COUNT(service_hosts); i++) {
		for (int k = 0; k < 4; k++) {
			struct aws_settings s = {.use_dualstack = k & 1};
			struct aws_settings also = {.use_dualstack = k & 1, .use_fips = k & 2};
			struct answer a =
				ask(&s, service_hosts[i].service, service_hosts[i].region, k & 2);
			assert_int_equal(a.code, 0);
			assert_true(sv_starts_with(sv_of(a.url), SV("https://")));
			assert_string_equal(a.url + 8, service_hosts[i].hosts[k]);
			assert_string_equal(a.region, service_hosts[i].region);
			a = ask(&also, service_hosts[i].service, service_hosts[i].region, false);
			assert_string_equal(a.url + 8, service_hosts[i].hosts[k]);
		}
	}
}

static void sts_of_old(void **state)
{
	static const struct {
		const char *region, *url, *signing;
	} cases[] = {
		{"", "https://sts.amazonaws.com", "us-east-1"},
		{"aws-global", "https://sts.amazonaws.com", "us-east-1"},
		{"us-east-1", "https://sts.amazonaws.com", "us-east-1"},
		{"eu-west-3", "https://sts.amazonaws.com", "us-east-1"},
		{"ca-west-1", "https://sts.ca-west-1.amazonaws.com", "ca-west-1"},
		{"us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
		{"cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
	};
	struct aws_settings global = {.sts_global = true}, now = {0};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answer a = ask(&global, "sts", cases[i].region, false);
		assert_int_equal(a.code, 0);
		assert_string_equal(a.url, cases[i].url);
		assert_string_equal(a.region, cases[i].signing);
	}
	assert_string_equal(ask(&global, "sts", "eu-west-3", true).url,
			    "https://sts-fips.eu-west-3.amazonaws.com");
	assert_string_equal(ask(&global, "ecs", "eu-west-3", false).url,
			    "https://ecs.eu-west-3.amazonaws.com");
	assert_string_equal(ask(&now, "sts", "eu-west-3", false).url,
			    "https://sts.eu-west-3.amazonaws.com");
	global.use_dualstack = true;
	assert_string_equal(ask(&global, "sts", "eu-west-3", false).url,
			    "https://sts.eu-west-3.api.aws");
}

static void configured_endpoints(void **state)
{
	struct aws_settings s = {.endpoint_url = SV("http://127.0.0.1:4566/"),
				 .endpoint_url_sts = SV("https://vpce-1.sts.vpce.amazonaws.com"),
				 .endpoint_url_sso = SV("https://sso.test/x/")};
	struct answer a = ask(&s, "sts", "eu-west-1", false);
	assert_int_equal(a.code, 0);
	assert_string_equal(a.url, "https://vpce-1.sts.vpce.amazonaws.com");
	assert_string_equal(a.region, "eu-west-1");
	assert_string_equal(ask(&s, "portal.sso", "eu-west-1", false).url, "https://sso.test/x");
	assert_string_equal(ask(&s, "ecs", "eu-west-1", false).url, "http://127.0.0.1:4566");
	assert_string_equal(ask(&s, "ec2", "eu-west-1", false).url, "http://127.0.0.1:4566");
	s.endpoint_url_ecs = SV("http://[::1]:1");
	s.endpoint_url_ec2 = SV("http://localhost");
	assert_string_equal(ask(&s, "ecs", "eu-west-1", false).url, "http://[::1]:1");
	assert_string_equal(ask(&s, "ec2", "eu-west-1", false).url, "http://localhost");
	s.sts_global = true; /* the host is given, the region stays */
	assert_string_equal(ask(&s, "sts", "eu-west-1", false).region, "eu-west-1");
	assert_string_equal(ask(&s, "sts", "", false).region, "us-east-1");
}

static void endpoints_refused(void **state)
{
	static const char *const bad[] = {"localhost:4566",   "ftp://localhost",
					  "https://",         "https://a b",
					  "https://a.test?x", "https://user:pw@a.test"};
	struct aws_settings s = {0};
	struct answer a = ask(&s, "sts", "", false);
	assert_int_equal(a.code, 1);
	assert_non_null(strstr(a.err.msg, "no region for sts"));
	a = ask(&s, "sts", "eu west 1", false);
	assert_int_equal(a.code, 1);
	assert_non_null(strstr(a.err.msg, "not an AWS region name: \"eu west 1\""));
	a = ask(&s, "sts", "x.evil.example/", false);
	assert_int_equal(a.code, 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		s.endpoint_url = sv_of(bad[i]);
		a = ask(&s, "sts", "eu-west-1", false);
		assert_int_equal(a.code, 1);
		assert_non_null(strstr(a.err.msg, "configured for sts"));
		assert_null(strstr(a.err.msg, "pw"));
	}
	s.endpoint_url = SV("https://a.test");
	a = ask(&s, "sts", "eu-west-1", true);
	assert_int_equal(a.code, 1);
	assert_non_null(strstr(a.err.msg, "use_fips_endpoint and a configured endpoint"));
	s.use_dualstack = true;
	a = ask(&s, "sts", "eu-west-1", false);
	assert_int_equal(a.code, 1);
	assert_non_null(strstr(a.err.msg, "use_dualstack_endpoint and a configured endpoint"));
}

static void arns(void **state)
{
	static const char whole[] = "arn:aws-cn:iam:cn-north-1:123456789012:role/x:y";
	assert_sv(aws_arn_get(sv_of(whole), AWS_ARN_PARTITION), "aws-cn");
	assert_sv(aws_arn_get(sv_of(whole), AWS_ARN_SERVICE), "iam");
	assert_sv(aws_arn_get(sv_of(whole), AWS_ARN_REGION), "cn-north-1");
	assert_sv(aws_arn_get(sv_of(whole), AWS_ARN_ACCOUNT), "123456789012");
	assert_sv(aws_arn_get(SV("arn:aws:iam::123456789012"), AWS_ARN_ACCOUNT), "123456789012");
	assert_sv(aws_arn_get(SV("arn:aws:iam::123456789012"), AWS_ARN_REGION), "");
	assert_sv(aws_arn_get(SV("arn:aws:iam"), AWS_ARN_ACCOUNT), "");
	assert_sv(aws_arn_get(SV("123456789012"), AWS_ARN_PARTITION), "");
	assert_sv(aws_arn_get(SV_NULL, AWS_ARN_ACCOUNT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions),
		cmocka_unit_test(region_names),
		cmocka_unit_test(arns),
		cmocka_unit_test(amp_hosts),
		cmocka_unit_test(control_plane_hosts),
		cmocka_unit_test(amp_has_fips_hosts_in_some_regions),
		cmocka_unit_test(hosts_of_services),
		cmocka_unit_test(sts_of_old),
		cmocka_unit_test(configured_endpoints),
		cmocka_unit_test(endpoints_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
