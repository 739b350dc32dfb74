/* Which faults of a URL count where. */
#include "rig.h"

#define AMP "https://aps-workspaces.eu-west-1.amazonaws.com"
#define SIGNED "  sigv4: {}\n"

static void faults(void **state)
{
	static const struct {
		const char *url, *more;
		enum verdict verdict;
		const char *evidence, *advice;
	} cases[] = {
		{AMP RIG_PATH, SIGNED, VERDICT_OK, RIG_WORKSPACE, ""},
		{AMP RIG_PATH, "", VERDICT_OK, "AMP's host", ""},
		{AMP RIG_PATH "/", "", VERDICT_FAIL, "", "slash"},
		{AMP RIG_PATH "/", SIGNED, VERDICT_WARN, RIG_WORKSPACE, "left out"},
		{AMP "/" RIG_PATH "//", SIGNED, VERDICT_WARN, "AMP's host", "left out"},
		{AMP RIG_PATH "/?x", SIGNED, VERDICT_FAIL, "", "slash"},
		{AMP "/workspaces/mine/api/v1/remote_write", SIGNED, VERDICT_FAIL, "", "UUID"},
		{"https://aps.eu-west-1.amazonaws.com" RIG_PATH, "", VERDICT_FAIL, "",
		 "aps-workspaces"},
		{"http://aps-workspaces.eu-west-1.amazonaws.com" RIG_PATH, "", VERDICT_FAIL, "",
		 "https"},
		{"https://aps-workspaces-fips.us-east-1.amazonaws.com" RIG_PATH, SIGNED, VERDICT_OK,
		 "FIPS", ""},
		{"https://vpce-1-a.aps-workspaces.eu-west-1.vpce.amazonaws.com" RIG_PATH, SIGNED,
		 VERDICT_OK, "VPC endpoint", ""},
		/* elsewhere: an id of one's own, any path */
		{RIG_PATH, SIGNED, VERDICT_OK, "not AMP's host", ""},
		{"/workspaces/ws-local/api/v1/remote_write", SIGNED, VERDICT_WARN, "", "UUID"},
		{RIG_PATH "/", SIGNED, VERDICT_WARN, "", "slash"},
		{RIG_PATH "/", "", VERDICT_WARN, "", "slash"},
		{"/api/v1/push", "", VERDICT_OK, "not AMP's host", ""},
		{"/api/v1/push", SIGNED, VERDICT_FAIL, "", "/workspaces/"},
		{"/api/v1/push?tenant=1", "", VERDICT_OK, "", ""},
		{"/api/v1/push", "  sigv4: {service_name: es}\n", VERDICT_OK, "", ""},
	};
	struct rig *r = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_walk(r, cases[i].url, cases[i].more);
		rig_expect(rig_take(r, DOCTOR_URL), cases[i].verdict, cases[i].evidence,
			   cases[i].advice);
	}
}

static void what_is_left_behind(void **state)
{
	struct rig *r = *state;
	rig_walk(r, AMP RIG_PATH, SIGNED);
	rig_take(r, DOCTOR_URL);
	assert_true(r->walk->tls);
	assert_true(walk_is_amp(r->walk));
	assert_int_equal(walk_port(r->walk), 443);
	rig_walk(r, "http://[::1]:9009/x", "");
	rig_take(r, DOCTOR_URL);
	assert_false(r->walk->tls);
	assert_false(walk_is_amp(r->walk));
	assert_int_equal(walk_port(r->walk), 9009);
	assert_true(sv_eq(r->walk->url.host, SV("::1")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(faults, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(what_is_left_behind, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
