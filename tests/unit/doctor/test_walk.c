/* Steps begin when those before them are decided, and all are decided in the end. */
#include "rig.h"

static void whole(struct rig *r, const char *url, const char *more)
{
	rig_walk(r, url, more);
	for (int i = DOCTOR_URL; i < DOCTOR_STEPS_; i++)
		r->walk->started[i] = false;
	r->waits_for = DOCTOR_CANARY;
	walk_start(r->walk);
	assert_int_equal(loop_run(r->loop), 0);
	/* What is decided in the turns that are left. */
	for (int i = 0; i < 100 && r->report.steps[DOCTOR_CLOCK].verdict == VERDICT_PENDING; i++)
		assert_int_equal(loop_run(r->loop), 0);
}

static void healthy(void **state)
{
	struct rig *r = *state;
	whole(r, RIG_PATH, RIG_SIGNED);
	assert_int_equal(report_failed(&r->report), DOCTOR_STEPS_);
	for (int i = 0; i < DOCTOR_STEPS_; i++)
		if (i != DOCTOR_TLS && i != DOCTOR_CANARY && i != DOCTOR_IDENTITY)
			rig_expect(&r->report.steps[i], VERDICT_OK, "", "");
}

static void nothing_there(void **state)
{
	static const struct {
		enum doctor_step step;
		enum verdict verdict;
	} ends[] = {{DOCTOR_CREDENTIALS, VERDICT_OK}, {DOCTOR_REGION, VERDICT_OK},
		    {DOCTOR_DNS, VERDICT_OK},         {DOCTOR_TCP, VERDICT_FAIL},
		    {DOCTOR_TLS, VERDICT_SKIPPED},    {DOCTOR_WRITE, VERDICT_SKIPPED},
		    {DOCTOR_CLOCK, VERDICT_SKIPPED},  {DOCTOR_CANARY, VERDICT_SKIPPED}};
	struct rig *r = *state;
	whole(r, "http://127.0.0.1:1" RIG_PATH, RIG_SIGNED);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (r->report.steps[ends[i].step].verdict != ends[i].verdict)
			fail_msg("%s: %s", doctor_step_name(ends[i].step),
				 report_verdict_name(r->report.steps[ends[i].step].verdict));
}

/* Given up at any point: nothing is called afterwards, nothing is left. */
static void given_up(void **state)
{
	struct rig *r = *state;
	for (int step = DOCTOR_URL; step < DOCTOR_STEPS_; step++) {
		rig_walk(r, RIG_PATH, RIG_SIGNED);
		for (int i = DOCTOR_URL; i < DOCTOR_STEPS_; i++)
			r->walk->started[i] = false;
		r->waits_for = (enum doctor_step)step;
		walk_start(r->walk);
		assert_int_equal(loop_run(r->loop), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(healthy, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(nothing_there, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(given_up, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
