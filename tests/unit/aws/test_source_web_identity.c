/* AssumeRoleWithWebIdentity of the stand-in, and of peers that refuse or answer badly. */
#include "call_rig.h"
#include "keys_end.h"

#include <ampagent/base/clock.h>

#include <stdio.h>
#include <stdlib.h>

#define LEN(a) (sizeof(a) / sizeof *(a))
#define ROLE "arn:aws:iam::111122223333:role/writer"
#define TOKEN "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl_-x"
#define KEYS                                                                                       \
	"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"        \
	"<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"                     \
	"<SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>"              \
	"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

static struct aws_plan plan_of(struct call_rig *r, const char *token)
{
	struct aws_plan plan = {.source = AWS_WEB_IDENTITY, .sts_region = SV("eu-west-1")};
	plan.web.role_arn = SV(ROLE);
	plan.web.session_name = SV("pod-1");
	plan.web.token_file = sv_of(call_rig_file(r, "token", token));
	return plan;
}

static struct aws_fetch *start(struct call_rig *r, const struct aws_plan *plan, struct keys_end *e)
{
	const struct source_env env = {r->session, &r->settings, plan};
	struct aws_fetch *f = NULL;
	struct err err = ERR_NULL;
	*e = (struct keys_end){0};
	if (source_web_identity_start(&env, keys_end_done, e, &f, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return f;
}

static void fetch(struct call_rig *r, const struct aws_plan *plan, struct keys_end *e)
{
	start(r, plan, e);
	call_rig_until(r, &e->n, 1);
}

static void of_the_stand_in(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = plan_of(r, TOKEN "\n");
	struct standin_options o = standin_options_default();
	struct keys_end e;
	o.aws = true;
	o.aws_life_ms = 900000;
	o.aws_web_token_file = plan.web.token_file;
	call_rig_standin(r, o);
	fetch(r, &plan, &e);
	if (!e.got)
		fail_msg("%s", e.why);
	assert_true(e.access_key[0] && e.secret_key[0] && e.session_token[0]);
	assert_string_equal(e.account, "111122223333");
	int64_t now_ms = clock_wall_ms();
	assert_in_range(e.peer_now_ms, now_ms - 20000, now_ms + 2000);
	assert_in_range(e.expires_ms, e.peer_now_ms + 870000, e.peer_now_ms + 930000);
}

static void asked_for(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = plan_of(r, "\t" TOKEN "\r\n");
	static const struct rig_answer keys = {200, KEYS};
	struct keys_end e;
	call_rig_answers(r, &keys, 1);
	fetch(r, &plan, &e);
	assert_true(e.got);
	assert_int_equal(e.expires_ms, 1893456000000);
	assert_string_equal(e.account, "");
	assert_int_equal(r->n_signed, 0);
	assert_true(sv_starts_with(sv_of(r->seen[0]), SV("POST /\n")));
	assert_string_equal(call_rig_header(r, 0, "content-type"),
			    "application/x-www-form-urlencoded");
	assert_string_equal(call_rig_field(r, 0, "Action"), "AssumeRoleWithWebIdentity");
	assert_string_equal(call_rig_field(r, 0, "Version"), "2011-06-15");
	assert_string_equal(call_rig_field(r, 0, "RoleArn"), ROLE);
	assert_string_equal(call_rig_field(r, 0, "RoleSessionName"), "pod-1");
	assert_string_equal(call_rig_field(r, 0, "WebIdentityToken"), TOKEN);
	assert_string_equal(call_rig_field(r, 0, "DurationSeconds"), "");
	/* Without a name one is made; the file is read anew. */
	plan.web.session_name = SV_NULL;
	call_rig_file(r, "token", "another+token/=");
	fetch(r, &plan, &e);
	assert_true(e.got);
	assert_true(
		sv_starts_with(sv_of(call_rig_field(r, 1, "RoleSessionName")), SV("ampagent-1")));
	assert_string_equal(call_rig_field(r, 1, "WebIdentityToken"), "another+token/=");
	assert_non_null(strstr(r->seen[1], "another%2Btoken%2F%3D"));
}

static void advice(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = plan_of(r, TOKEN);
	static const struct {
		struct rig_answer answer;
		unsigned asked;
		const char *says[2];
	} cases[] = {
		{{403, STS_ERROR("AccessDenied",
				 "Not authorized to perform sts:AssumeRoleWithWebIdentity")},
		 1,
		 {"AccessDenied: Not authorized", "trust policy must allow"}},
		{{400, STS_ERROR("InvalidIdentityToken", "No OpenIDConnect provider found")},
		 3,
		 {"No OpenIDConnect provider", "OIDC identity provider"}},
		{{400, STS_ERROR("ExpiredTokenException", "Token expired: current date/time")},
		 1,
		 {"Token expired", "the token in the file has expired"}},
		{{403, STS_ERROR("RegionDisabledException", "x")}, 1, {"not activated", ""}},
		{{403, STS_ERROR("IDPRejectedClaim", "x")}, 1, {"issuer", ""}},
		{{400,
		  STS_ERROR("ValidationError", "Value '" TOKEN "' at 'webIdentityToken' failed")},
		 1,
		 {"ValidationError: Value '***", "' at 'webIdentityToken' failed"}},
		{{502, "bad"}, 3, {"HTTP 502", ""}},
		{{200, "<AssumeRoleWithWebIdentityResponse/>"},
		 1,
		 {"the answer of STS cannot be used", "AccessKeyId is missing"}},
		{{200, "nothing"}, 1, {"not XML", ""}},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct keys_end e;
		call_rig_answers(r, &cases[i].answer, 1);
		fetch(r, &plan, &e);
		assert_false(e.got);
		if (!strstr(e.why, cases[i].says[0]) || !strstr(e.why, cases[i].says[1]) ||
		    !sv_starts_with(sv_of(e.why), SV(ROLE " by web identity: ")))
			fail_msg("%s", e.why);
		assert_null(strstr(e.why, "c2lnbmF0dXJl"));
		assert_int_equal(r->asked, cases[i].asked);
	}
}

/* The file gets a new token after it was read. */
static void expired_token_is_read_again_once(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = plan_of(r, "old-token");
	static const struct rig_answer answers[] = {{400, STS_ERROR("ExpiredTokenException", "x")},
						    {200, KEYS}};
	static const struct rig_answer later[] = {{400, STS_ERROR("ExpiredTokenException", "x")},
						  {-1, ""}};
	struct keys_end e;
	call_rig_answers(r, answers, 2);
	start(r, &plan, &e);
	call_rig_file(r, "token", "new-token");
	call_rig_until(r, &e.n, 1);
	if (!e.got)
		fail_msg("%s", e.why);
	assert_string_equal(call_rig_field(r, 0, "WebIdentityToken"), "old-token");
	assert_string_equal(call_rig_field(r, 1, "WebIdentityToken"), "new-token");

	/* Yet another one is left for the next fetch. */
	call_rig_file(r, "token", "old-token");
	call_rig_answers(r, later, 2);
	start(r, &plan, &e);
	call_rig_file(r, "token", "new-token");
	call_rig_until(r, &r->asked, 2);
	call_rig_file(r, "token", "third-token");
	http_answer_now(r->kept, 400, SV("text/xml"), sv_of(later[0].body), NULL, 0);
	call_rig_until(r, &e.n, 1);
	assert_false(e.got);
	assert_int_equal(r->asked, 2);
}

static void what_cannot_be_started(void **state)
{
	struct call_rig *r = *state;
	static char large[20003];
	memset(large, 'x', sizeof large - 2);
	struct {
		const char *token;
		const char *name, *says;
	} cases[] = {
		{"", "pod", "no web identity token: 0 bytes"},
		{" abc \n", "pod", "no web identity token: 3 bytes"},
		{large, "pod", "no web identity token: 20001 bytes"},
		{TOKEN, "a pod", "role session name \"a pod\""},
		{NULL, "pod", "cannot be read: cannot open"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct aws_plan plan = plan_of(r, cases[i].token ? cases[i].token : "");
		const struct source_env env = {r->session, &r->settings, &plan};
		struct aws_fetch *f;
		struct err err = ERR_NULL;
		struct keys_end e = {0};
		plan.web.session_name = sv_of(cases[i].name);
		if (!cases[i].token)
			plan.web.token_file = SV("/nowhere/token");
		assert_int_equal(source_web_identity_start(&env, keys_end_done, &e, &f, &err), 1);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("%s", err.msg);
	}
	/* The bounds themselves are fine. */
	static const struct rig_answer keys = {200, KEYS};
	struct keys_end e;
	call_rig_answers(r, &keys, 1);
	large[20000] = '\0';
	struct aws_plan plan = plan_of(r, large);
	fetch(r, &plan, &e);
	assert_true(e.got);
	plan = plan_of(r, "1234");
	fetch(r, &plan, &e);
	assert_true(e.got);
}

static void cancelled(void **state)
{
	struct call_rig *r = *state;
	struct aws_plan plan = plan_of(r, TOKEN);
	static const struct rig_answer silence = {-1, ""};
	struct keys_end e;
	call_rig_answers(r, &silence, 1);
	struct aws_fetch *f = start(r, &plan, &e);
	call_rig_until(r, &r->asked, 1);
	f->cancel(f);
	http_answer_drop(r->kept);
	f = start(r, &plan, &e);
	f->cancel(f);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_the_stand_in),
		TEST(asked_for),
		TEST(advice),
		TEST(expired_token_is_read_again_once),
		TEST(what_cannot_be_started),
		TEST(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
