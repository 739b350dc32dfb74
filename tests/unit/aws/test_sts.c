/* GetCallerIdentity of the stand-in, which checks the signature, and of peers that answer badly. */
#include "call_rig.h"

#include <ampagent/aws/sts.h>

#include <stdio.h>

struct end {
	unsigned n;
	bool identity;
	enum aws_verdict verdict;
	char account[32], arn[128], user_id[128], why[ERR_MSG_MAX];
};

static void on_done(void *cls, const struct aws_identity *i, const struct aws_answer *a)
{
	struct end *e = cls;
	e->n++;
	e->identity = i != NULL;
	e->verdict = a->verdict;
	if (i) {
		snprintf(e->account, sizeof e->account, "%.*s", SV_ARG(i->account));
		snprintf(e->arn, sizeof e->arn, "%.*s", SV_ARG(i->arn));
		snprintf(e->user_id, sizeof e->user_id, "%.*s", SV_ARG(i->user_id));
	}
	snprintf(e->why, sizeof e->why, "%s", a->why.msg);
}

static struct aws_call *start(struct call_rig *r, const char *secret_key, struct end *e)
{
	const struct aws_credentials_options opt = {.access_key = SV(RIG_ACCESS_KEY),
						    .secret_key = sv_of(secret_key)};
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = NULL;
	struct aws_call *call;
	struct err err = ERR_NULL;
	*e = (struct end){0};
	if (aws_credentials_get(r->session, &opt, &c, &err) != 0 ||
	    aws_sts_identity_start(r->session, c, &r->settings, SV("eu-west-1"), false, on_done, e,
				   &call, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return call;
}

static void ask(struct call_rig *r, const char *secret_key, struct end *e)
{
	start(r, secret_key, e);
	call_rig_until(r, &e->n, 1);
}

static struct standin_options signed_by_us(void)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	o.account = SV("123456789012");
	o.access_key = SV(RIG_ACCESS_KEY);
	o.secret_key = SV(RIG_SECRET_KEY);
	o.region = SV("eu-west-1");
	return o;
}

static void of_the_stand_in(void **state)
{
	struct call_rig *r = *state;
	struct end e;
	call_rig_standin(r, signed_by_us());
	ask(r, RIG_SECRET_KEY, &e);
	if (!e.identity)
		fail_msg("%s", e.why);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_string_equal(e.account, "123456789012");
	assert_non_null(strstr(e.arn, "arn:aws:"));
	assert_true(e.user_id[0]);
	/* The wrong secret. */
	ask(r, "wrong", &e);
	assert_false(e.identity);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_non_null(strstr(e.why, "SignatureDoesNotMatch"));
	assert_null(strstr(e.why, "wrong"));
}

static void of_a_stand_in_with_another_clock(void **state)
{
	struct call_rig *r = *state;
	struct standin_options o = signed_by_us();
	struct end e;
	o.clock_offset_s = -7200;
	call_rig_standin(r, o);
	ask(r, RIG_SECRET_KEY, &e);
	if (!e.identity)
		fail_msg("%s", e.why);
	struct aws_clock *c = aws_session_clock(r->session, sv_of(r->url + 7));
	int64_t skew = aws_clock_skew_ms(c, loop_now_ms(r->loop), loop_wall_ms(r->loop));
	assert_in_range(-skew, 7190000, 7220000);
}

static void bad_answers(void **state)
{
	struct call_rig *r = *state;
	static const struct rig_answer answers[] = {
		{200, ""},
		{200, "<html/>"},
		{200, "{\"Account\":\"1\"}"},
		{200, "<R><GetCallerIdentityResult><Account/><Arn>x</Arn>"
		      "</GetCallerIdentityResult></R>"}};
	struct end e;
	call_rig_answers(r, answers, 4);
	for (unsigned i = 0; i < 4; i++) {
		ask(r, RIG_SECRET_KEY, &e);
		assert_false(e.identity);
		assert_int_equal(e.verdict, AWS_CALL_REFUSED);
		assert_non_null(strstr(e.why, "the answer of STS cannot be used"));
		assert_int_equal(r->asked, i + 1);
	}
	assert_int_equal(r->n_refused, 0);
	assert_int_equal(r->n_signed, 4);
}

static void cancelled(void **state)
{
	struct call_rig *r = *state;
	static const struct rig_answer silence = {-1, ""};
	struct end e;
	call_rig_answers(r, &silence, 1);
	struct aws_call *c = start(r, RIG_SECRET_KEY, &e);
	call_rig_until(r, &r->asked, 1);
	aws_call_cancel(c);
	http_answer_drop(r->kept);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_the_stand_in),
		TEST(of_a_stand_in_with_another_clock),
		TEST(bad_answers),
		TEST(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
