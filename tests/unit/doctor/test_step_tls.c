/* Whose certificate answers, as far as a server without one can show it, and its time. Certificates
 * of every kind are in the integration test. */
#include "rig.h"

static struct finding *tls(struct rig *r, const char *url, const char *more)
{
	rig_walk(r, url, more);
	rig_take(r, DOCTOR_URL);
	rig_take(r, DOCTOR_DNS);
	rig_decide(r, DOCTOR_TCP, VERDICT_OK);
	rig_decide(r, DOCTOR_WRITE, VERDICT_SKIPPED);
	return rig_take(r, DOCTOR_TLS);
}

static void plain(void **state)
{
	struct rig *r = *state;
	rig_expect(tls(r, RIG_PATH, ""), VERDICT_SKIPPED, "http", "");
	rig_expect(rig_take(r, DOCTOR_CLOCK), VERDICT_OK, "agrees", "");
}

static void no_tls_there(void **state)
{
	struct rig *r = *state;
	char url[160];
	snprintf(url, sizeof url, "https%s%s", r->base + 4, RIG_PATH);
	rig_expect(tls(r, url, ""), VERDICT_FAIL, "", "no TLS at this port");
	rig_expect(rig_take(r, DOCTOR_CLOCK), VERDICT_SKIPPED, "not told", "");
	rig_expect(tls(r, url, "  tls_config: {ca_file: /nonexistent.pem}\n"), VERDICT_FAIL,
		   "nonexistent", "tls_config");
	rig_decide(r, DOCTOR_TCP, VERDICT_FAIL);
	r->report.steps[DOCTOR_TLS].verdict = VERDICT_PENDING;
	rig_expect(rig_take(r, DOCTOR_TLS), VERDICT_SKIPPED, "no connection", "");
}

static void clocks(void **state)
{
	static const struct {
		int64_t skew_ms;
		enum verdict verdict;
		const char *evidence, *advice;
	} cases[] = {
		{1500, VERDICT_OK, "agrees", ""},
		{-59000, VERDICT_OK, "59 s ahead of", ""},
		{61000, VERDICT_WARN, "61 s behind", "wrong time"},
		{-299000, VERDICT_WARN, "5 min ahead of", "wrong time"},
		{-660000, VERDICT_FAIL, "11 min ahead of", "too new"},
		{7200000, VERDICT_FAIL, "2 h 0 min behind", "too old"},
	};
	struct rig *r = *state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_walk(r, RIG_PATH, "");
		rig_decide(r, DOCTOR_TLS, VERDICT_OK);
		rig_decide(r, DOCTOR_WRITE, VERDICT_OK);
		r->walk->skew_told = true;
		r->walk->skew_ms = cases[i].skew_ms;
		rig_expect(rig_take(r, DOCTOR_CLOCK), cases[i].verdict, cases[i].evidence,
			   cases[i].advice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_tls_there, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(clocks, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
