/* Who the keys are; and when it is a failure not to know. */
#include "rig.h"

static void prepare(struct rig *r, const char *more)
{
	rig_walk(r, RIG_PATH, more);
	rig_take(r, DOCTOR_URL);
	rig_take(r, DOCTOR_CREDENTIALS);
	rig_take(r, DOCTOR_REGION);
}

static const struct finding *ask(struct rig *r, const char *more, enum verdict write)
{
	prepare(r, more);
	rig_decide(r, DOCTOR_WRITE, write);
	return rig_take(r, DOCTOR_IDENTITY);
}

#define WRONG "  sigv4: {region: eu-west-1, access_key: " RIG_KEY ", secret_key: wrong}\n"

static void known(void **state)
{
	struct rig *r = *state;
	rig_expect(ask(r, RIG_SIGNED, VERDICT_PENDING), VERDICT_OK, "arn:aws:", "");
	assert_true(strlen(r->walk->account) == 12);
}

static void refused(void **state)
{
	struct rig *r = *state;
	rig_expect(ask(r, WRONG, VERDICT_FAIL), VERDICT_FAIL, "SignatureDoesNotMatch",
		   "secret key");
	rig_expect(ask(r, WRONG, VERDICT_SKIPPED), VERDICT_FAIL, "", "");
	rig_expect(ask(r, WRONG, VERDICT_OK), VERDICT_WARN, "", "Writing works");
	rig_expect(ask(r, WRONG, VERDICT_WARN), VERDICT_WARN, "", "Writing works");
}

static void not_reached(void **state)
{
	struct rig *r = *state;
	rig_setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
	rig_expect(ask(r, RIG_SIGNED, VERDICT_FAIL), VERDICT_WARN, "127.0.0.1:1", "VPC endpoint");
	r->env.timeout_ms = 1;
	rig_expect(ask(r, RIG_SIGNED, VERDICT_OK), VERDICT_WARN, "within 1 ms", "VPC endpoint");
}

/* A server that knows no STS has no say on keys. */
static void somebody_else(void **state)
{
	struct rig *r = *state;
	char url[96];
	snprintf(url, sizeof url, "%s/stats", r->base);
	rig_setenv("AWS_ENDPOINT_URL_STS", url);
	rig_expect(ask(r, RIG_SIGNED, VERDICT_FAIL), VERDICT_WARN, "", "");
}

/* The answer comes first, and waits for the write. */
static void waits_for_the_write(void **state)
{
	struct rig *r = *state;
	prepare(r, RIG_SIGNED);
	r->walk->identity_answered = true;
	r->walk->identity_verdict = AWS_CALL_EXPIRED;
	step_identity_judge(r->walk);
	assert_int_equal(r->report.steps[DOCTOR_IDENTITY].verdict, VERDICT_PENDING);
	rig_decide(r, DOCTOR_WRITE, VERDICT_FAIL);
	walk_decided(r->walk, DOCTOR_WRITE);
	assert_int_equal(r->report.steps[DOCTOR_IDENTITY].verdict, VERDICT_FAIL);
}

static void skipped(void **state)
{
	struct rig *r = *state;
	rig_expect(ask(r, "", VERDICT_OK), VERDICT_SKIPPED, "not signed", "");
	rig_expect(ask(r, "  sigv4: {}\n", VERDICT_OK), VERDICT_SKIPPED, "no region", "");
	rig_setenv("AWS_SECRET_ACCESS_KEY", NULL);
	rig_expect(ask(r, RIG_SIGNED, VERDICT_OK), VERDICT_SKIPPED, "no credentials", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refused, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(not_reached, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(somebody_else, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(waits_for_the_write, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(skipped, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
