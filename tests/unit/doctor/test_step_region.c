/* Where the region comes from, and what must agree with it. */
#include "rig.h"

#define AMP(region) "https://aps-workspaces." region ".amazonaws.com" RIG_PATH

static const struct finding *region_of(struct rig *r, const char *url, const char *more)
{
	rig_walk(r, url, more);
	rig_take(r, DOCTOR_URL);
	rig_take(r, DOCTOR_CREDENTIALS);
	return rig_take(r, DOCTOR_REGION);
}

static void sources(void **state)
{
	struct rig *r = *state;
	rig_expect(region_of(r, AMP("eu-west-1"), "  sigv4: {}\n"), VERDICT_OK, "eu-west-1, from",
		   "");
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {region: eu-west-1}\n"), VERDICT_OK,
		   "from sigv4.region", "");
	rig_setenv("AWS_REGION", "eu-north-1");
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {}\n"), VERDICT_OK,
		   "eu-north-1, from "
		   "AWS_REGION",
		   "");
	rig_setenv("AWS_REGION", "eu-west-1a");
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {}\n"), VERDICT_WARN, "eu-west-1a",
		   "availability zone");
	rig_setenv("AWS_REGION", "eu_north_1");
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {}\n"), VERDICT_FAIL, "eu_north_1",
		   "eu-west-1");
	rig_setenv("AWS_REGION", NULL);
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {}\n"), VERDICT_FAIL, "no region is known",
		   "sigv4.region");
	rig_expect(region_of(r, RIG_PATH, ""), VERDICT_SKIPPED, "not signed", "");
}

static void of_the_instance(void **state)
{
	struct rig *r = *state;
	rig_setenv("AWS_EC2_METADATA_DISABLED", NULL);
	rig_setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", r->base);
	rig_expect(region_of(r, RIG_PATH, "  sigv4: {}\n"), VERDICT_OK,
		   "eu-west-1, from the instance", "");
}

static void agreement(void **state)
{
	struct rig *r = *state;
	rig_expect(region_of(r, AMP("eu-west-1"), "  sigv4: {region: us-east-1}\n"), VERDICT_FAIL,
		   "us-east-1 (sigv4.region), but the URL's host is in eu-west-1", "Take region");
	rig_expect(region_of(r, AMP("eu-west-1"), "  sigv4: {region: EU-WEST-1}\n"), VERDICT_OK,
		   "eu-west-1", "");
	rig_setenv("AWS_REGION", "us-gov-west-1");
	rig_expect(region_of(r, AMP("eu-west-1"), "  sigv4: {}\n"), VERDICT_WARN, "eu-west-1",
		   "partition aws-us-gov");
	rig_setenv("AWS_REGION", "us-east-1");
	rig_setenv("AWS_USE_FIPS_ENDPOINT", "true");
	rig_expect(region_of(r, AMP("eu-west-1"), "  sigv4: {}\n"), VERDICT_WARN, "",
		   "AMP has none in eu-west-1");
	rig_expect(region_of(r, AMP("us-east-1"), "  sigv4: {}\n"), VERDICT_WARN, "",
		   "aps-workspaces-fips.us-east-1");
	rig_expect(region_of(r, "https://aps-workspaces-fips.us-east-1.amazonaws.com" RIG_PATH,
			     "  sigv4: {}\n"),
		   VERDICT_OK, "us-east-1", "");
}

static void partitions(void **state)
{
	struct rig *r = *state;
	rig_expect(region_of(r, "https://aps-workspaces.us-gov-west-1.amazonaws.com" RIG_PATH,
			     "  sigv4: {}\n"),
		   VERDICT_OK, "partition aws-us-gov", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sources, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(of_the_instance, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(agreement, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(partitions, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
