/* Forms, session names, where a question to STS goes. */
#include "call_rig.h"
#include "sts_call.h"

#include <ampagent/base/limits.h>

#include <stdio.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static void test_form(void **state)
{
	static char all[255];
	_cleanup_(buf_wipe) struct buf form = BUF_NULL;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (char)(i + 1);
	const struct sts_field fields[] = {{"RoleArn", SV("arn:aws:iam::1:role/a b+c")},
					   {"ExternalId", SV_NULL},
					   {"Token", SV("a-b.c_d~e/=\xc3\xa4&")}};
	assert_int_equal(sts_form(&form, "AssumeRole", fields, LEN(fields)), 0);
	buf_char(&form, '\0');
	assert_string_equal(form.ptr,
			    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
			    "role%2Fa%20b%2Bc&Token=a-b.c_d~e%2F%3D%C3%A4%26");
	buf_wipe(&form);
	assert_int_equal(sts_form(&form, "GetCallerIdentity", NULL, 0), 0);
	buf_char(&form, '\0');
	assert_string_equal(form.ptr, "Action=GetCallerIdentity&Version=2011-06-15");
	buf_wipe(&form);
	/* The room is there before the first byte: nothing is moved. */
	const struct sts_field worst[] = {{"X", sv_make(all, sizeof all)}};
	assert_int_equal(sts_form(&form, "A", worst, 1), 0);
	size_t cap = form.cap;
	assert_true(form.len <= cap && cap <= 2 * (64 + 3 * sizeof all));
	buf_wipe(&form);
	/* A token of the largest size. */
	static char token[20000];
	memset(token, '+', sizeof token);
	const struct sts_field largest[] = {{"WebIdentityToken", sv_make(token, sizeof token)}};
	assert_int_equal(sts_form(&form, "AssumeRoleWithWebIdentity", largest, 1), 0);
	assert_true(form.len > 3 * sizeof token);
	buf_wipe(&form);
	const struct sts_field too_large[] = {{"X", sv_make(token, sizeof token)},
					      {"Y", sv_make(token, sizeof token)},
					      {"Z", sv_make(token, sizeof token)}};
	assert_int_equal(sts_form(&form, "A", too_large, 3), ERR_NOMEM);
}

static void test_session_names(void **state)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+";
	static const char *const bad[] = {"", "a", "a b", "a/b", "\xc3\xa4pfel", "a:b", "a\nb"};
	char made[STS_SESSION_NAME_MAX + 1], longer[66];
	struct err err = ERR_NULL;
	assert_int_equal(sts_session_name_check(sv_of(good), NULL), 0);
	assert_int_equal(sts_session_name_check(SV("=,.@-"), NULL), 0);
	snprintf(longer, sizeof longer, "%sx", good);
	assert_int_equal(sts_session_name_check(sv_of(longer), NULL), 1);
	for (size_t i = 0; i < LEN(bad); i++)
		assert_int_equal(sts_session_name_check(sv_of(bad[i]), &err), 1);
	assert_non_null(strstr(err.msg, "2 to 64"));
	sts_session_name_make(made, 1700000000999);
	assert_string_equal(made, "ampagent-1700000000");
	sts_session_name_make(made, INT64_MIN);
	assert_int_equal(sts_session_name_check(sv_of(made), NULL), 0);
	sts_session_name_make(made, INT64_MAX);
	assert_int_equal(sts_session_name_check(sv_of(made), NULL), 0);
}

/* ---- questions ---- */

struct end {
	unsigned n;
	bool answered;
	enum aws_verdict verdict;
	char why[ERR_MSG_MAX];
};

static void on_done(void *cls, const struct aws_answer *a, const struct err *why)
{
	struct end *e = cls;
	e->n++;
	e->answered = a != NULL;
	e->verdict = a ? a->verdict : AWS_CALL_UNREACHABLE;
	snprintf(e->why, sizeof e->why, "%s", why->msg);
}

static const struct aws_keys keys = {SV(RIG_ACCESS_KEY), SV(RIG_SECRET_KEY), SV_NULL};
static const struct rig_answer ok = {200, "<ok/>"};

static struct sts_question question(struct call_rig *r, const struct aws_plan *plan, struct end *e)
{
	*e = (struct end){0};
	return (struct sts_question){.env = {r->session, &r->settings, plan},
				     .form = SV("Action=X"),
				     .keys = &keys,
				     .done = on_done,
				     .cls = e};
}

static void signed_for_the_plans_region(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = {.sts_region = SV("eu-west-1")};
	struct end e;
	struct sts_question q = question(r, &plan, &e);
	call_rig_answers(r, &ok, 1);
	assert_int_equal(sts_question_start(&q, NULL), 0);
	assert_int_equal(e.n, 0);
	call_rig_until(r, &e.n, 1);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->n_signed, 1);
	assert_int_equal(r->n_refused, 0);
	assert_null(q.call);
	assert_null(q.region);
	sts_question_cancel(&q);
}

static void task_tells_the_region(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = {0};
	struct standin_options o = standin_options_default();
	struct end e;
	o.aws = true;
	o.aws_region = SV("eu-west-1");
	o.access_key = SV(RIG_ACCESS_KEY);
	o.secret_key = SV(RIG_SECRET_KEY);
	call_rig_standin(r, o);
	char uri[128];
	snprintf(uri, sizeof uri, "%s/v4/abc", r->url);
	call_rig_env(r, "ECS_CONTAINER_METADATA_URI_V4", uri);
	/* The task tells the region, the peer is STS there: it wants eu-west-1 in the signature. */
	call_rig_env(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
	call_rig_settings(r);
	struct sts_question q = question(r, &plan, &e);
	call_rig_answers(r, &ok, 1);
	assert_int_equal(sts_question_start(&q, NULL), 0);
	call_rig_until(r, &e.n, 1);
	if (e.verdict != AWS_CALL_OK)
		fail_msg("%s", e.why);
	assert_int_equal(r->n_signed, 1);
	assert_int_equal(r->n_refused, 0);
}

static void no_region_at_all(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = {0};
	struct end e;
	struct sts_question q = question(r, &plan, &e);
	call_rig_answers(r, &ok, 1);
	assert_int_equal(sts_question_start(&q, NULL), 0);
	call_rig_until(r, &e.n, 1);
	assert_false(e.answered);
	assert_int_equal(r->asked, 0);
	assert_non_null(strstr(e.why, "no region to ask STS in: set AWS_REGION; "));
}

static void cancelled(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = {.sts_region = SV("eu-west-1")}, nowhere = {0};
	static const struct rig_answer silence = {-1, ""};
	struct end e;
	struct sts_question q = question(r, &plan, &e);
	call_rig_answers(r, &silence, 1);
	assert_int_equal(sts_question_start(&q, NULL), 0);
	call_rig_until(r, &r->asked, 1);
	sts_question_cancel(&q);
	http_answer_drop(r->kept);
	q = question(r, &nowhere, &e);
	assert_int_equal(sts_question_start(&q, NULL), 0);
	sts_question_cancel(&q);
	sts_question_cancel(&q);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
}

static void bad_endpoint(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = {.sts_region = SV("eu-west-1")};
	struct end e;
	struct err err = ERR_NULL;
	r->settings.endpoint_url_sts = SV("nonsense");
	struct sts_question q = question(r, &plan, &e);
	assert_int_equal(sts_question_start(&q, &err), 1);
	assert_true(err.msg[0]);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_session_names),
		TEST(signed_for_the_plans_region),
		TEST(task_tells_the_region),
		TEST(no_region_at_all),
		TEST(cancelled),
		TEST(bad_endpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
