/* A write when it can be tried, and why not when it cannot. */
#include "rig.h"

static void prepare(struct rig *r, const char *more)
{
	rig_walk(r, RIG_PATH, more);
	rig_take(r, DOCTOR_URL);
	rig_take(r, DOCTOR_CREDENTIALS);
	rig_take(r, DOCTOR_REGION);
	rig_decide(r, DOCTOR_TCP, VERDICT_OK);
	rig_decide(r, DOCTOR_TLS, VERDICT_SKIPPED);
}

static void good(void **state)
{
	struct rig *r = *state;
	prepare(r, RIG_SIGNED);
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_OK, "accepted", "");
	rig_expect(rig_take(r, DOCTOR_CANARY), VERDICT_SKIPPED, "not asked for", "");
	assert_int_equal(standin_stats_get(r->standin).samples, 0);
	assert_true(r->walk->skew_told);
	r->env.canary = true;
	r->report.steps[DOCTOR_CANARY].verdict = VERDICT_PENDING;
	rig_expect(rig_take(r, DOCTOR_CANARY), VERDICT_OK, "ampagent_doctor_canary", "");
	assert_int_equal(standin_stats_get(r->standin).samples, 1);
}

static void bad(void **state)
{
	struct rig *r = *state;
	prepare(r, "  sigv4: {region: eu-west-1, access_key: " RIG_KEY ", secret_key: wrong}\n");
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_FAIL, "403", "secret key");
	r->env.canary = true;
	rig_expect(rig_take(r, DOCTOR_CANARY), VERDICT_SKIPPED, "fails already", "");
	prepare(r, "");
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_FAIL, "403", "sigv4: {}");
	prepare(r, RIG_SIGNED "  write_relabel_configs: [{action: drop, regex: '.*', "
			      "source_labels: [__name__]}]\n");
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_OK, "", "");
	rig_expect(rig_take(r, DOCTOR_CANARY), VERDICT_FAIL, "write_relabel_configs", "--canary");
}

static void obstacles(void **state)
{
	static const struct {
		enum doctor_step step;
		enum verdict verdict;
		const char *why; /* NULL: it is tried */
	} cases[] = {
		{DOCTOR_URL, VERDICT_FAIL, "URL"},
		{DOCTOR_URL, VERDICT_WARN, NULL},
		{DOCTOR_CREDENTIALS, VERDICT_FAIL, "credentials"},
		{DOCTOR_CREDENTIALS, VERDICT_WARN, NULL},
		{DOCTOR_REGION, VERDICT_FAIL, NULL}, /* a region is known: what is said to it? */
		{DOCTOR_TCP, VERDICT_FAIL, "connection"},
		{DOCTOR_TCP, VERDICT_SKIPPED, "connection"},
		{DOCTOR_TCP, VERDICT_WARN, NULL},
		{DOCTOR_TLS, VERDICT_FAIL, "TLS"},
		{DOCTOR_TLS, VERDICT_WARN, NULL},
	};
	struct rig *r = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		prepare(r, RIG_SIGNED);
		rig_decide(r, cases[i].step, cases[i].verdict);
		rig_expect(rig_take(r, DOCTOR_WRITE), cases[i].why ? VERDICT_SKIPPED : VERDICT_OK,
			   cases[i].why ? cases[i].why : "", "");
	}
	prepare(r, RIG_SIGNED);
	r->walk->region = SV_NULL;
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_SKIPPED, "no region", "");
	prepare(r, "");
	r->env.session = NULL;
	r->env.session_why = "no session";
	rig_expect(rig_take(r, DOCTOR_WRITE), VERDICT_SKIPPED, "no session", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(bad, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(obstacles, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
