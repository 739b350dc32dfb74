/* AssumeRole of the stand-in, which checks the signature and issues keys that work, and of peers
 * that refuse. */
#include "call_rig.h"
#include "keys_end.h"

#include <ampagent/base/clock.h>

#include <stdio.h>

#define LEN(a) (sizeof(a) / sizeof *(a))
#define ROLE "arn:aws:iam::111122223333:role/path/writer"

static const struct aws_keys own_keys = {SV(RIG_ACCESS_KEY), SV(RIG_SECRET_KEY), SV_NULL};
static const struct aws_plan plan = {.sts_region = SV("eu-west-1")};

static struct aws_fetch *start(struct call_rig *r, const struct aws_role *role,
			       const struct aws_keys *keys, struct keys_end *e)
{
	const struct source_env env = {r->session, &r->settings, &plan};
	struct aws_fetch *f = NULL;
	struct err err = ERR_NULL;
	*e = (struct keys_end){0};
	if (source_role_start(&env, role, keys, keys_end_done, e, &f, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return f;
}

static void fetch(struct call_rig *r, const struct aws_role *role, const struct aws_keys *keys,
		  struct keys_end *e)
{
	start(r, role, keys, e);
	call_rig_until(r, &e->n, 1);
}

/* One role after another: what the first gives signs for the second. */
static void chained_at_the_stand_in(void **state)
{
	struct call_rig *r = *state;
	struct standin_options o = standin_options_default();
	const struct aws_role first = {.arn = SV(ROLE), .session_name = SV("a")};
	const struct aws_role role = {.arn = SV(ROLE)}, second = {.arn = SV("arn:aws:iam::"
									    "444455556666:role/b"),
								  .duration_s = 3600};
	struct keys_end a, b;
	o.aws = true;
	o.aws_life_ms = 900000;
	o.access_key = SV(RIG_ACCESS_KEY);
	o.secret_key = SV(RIG_SECRET_KEY);
	o.region = SV("eu-west-1");
	call_rig_standin(r, o);
	fetch(r, &role, &own_keys, &a);
	if (!a.got)
		fail_msg("%s", a.why);
	assert_string_equal(a.account, "111122223333");
	assert_in_range(a.expires_ms, a.peer_now_ms + 870000, a.peer_now_ms + 930000);
	const struct aws_keys theirs = {sv_of(a.access_key), sv_of(a.secret_key),
					sv_of(a.session_token)};
	fetch(r, &second, &theirs, &b);
	if (!b.got)
		fail_msg("%s", b.why);
	assert_string_equal(b.account, "444455556666");
	assert_string_not_equal(b.access_key, a.access_key);
	/* Keys that nobody issued. */
	const struct aws_keys unknown = {SV("ASIAUNKNOWN"), SV("x"), SV("y")};
	fetch(r, &role, &unknown, &a);
	assert_false(a.got);
	assert_non_null(strstr(a.why, "InvalidClientTokenId"));
	assert_non_null(strstr(a.why, "not, or no longer, valid"));
	/* A session name of one letter: said before anybody is asked. */
	const struct source_env env = {r->session, &r->settings, &plan};
	struct aws_fetch *f;
	struct err err = ERR_NULL;
	assert_int_equal(source_role_start(&env, &first, &own_keys, keys_end_done, &a, &f, &err),
			 1);
	assert_non_null(strstr(err.msg, "role session name \"a\""));
}

static void asked_for(void **state)
{
	struct call_rig *r = *state;
	static const struct rig_answer no = {403, STS_ERROR("AccessDenied", "x")};
	const struct aws_role bare = {.arn = SV(ROLE)};
	const struct aws_role full = {.arn = SV(ROLE),
				      .external_id = SV("a:b/c+d"),
				      .session_name = SV("me@host"),
				      .duration_s = 1800};
	struct keys_end e;
	call_rig_answers(r, &no, 1);
	fetch(r, &bare, &own_keys, &e);
	fetch(r, &full, &own_keys, &e);
	if (r->n_refused)
		fail_msg("%s", r->refusal);
	assert_int_equal(r->n_signed, 2);
	assert_string_equal(call_rig_field(r, 0, "Action"), "AssumeRole");
	assert_string_equal(call_rig_field(r, 0, "Version"), "2011-06-15");
	assert_string_equal(call_rig_field(r, 0, "RoleArn"), ROLE);
	assert_true(
		sv_starts_with(sv_of(call_rig_field(r, 0, "RoleSessionName")), SV("ampagent-1")));
	assert_string_equal(call_rig_field(r, 0, "DurationSeconds"), "900");
	assert_null(strstr(r->seen[0], "ExternalId"));
	assert_string_equal(call_rig_field(r, 1, "RoleSessionName"), "me@host");
	assert_string_equal(call_rig_field(r, 1, "DurationSeconds"), "1800");
	assert_string_equal(call_rig_field(r, 1, "ExternalId"), "a:b/c+d");
	assert_non_null(strstr(r->seen[1], "ExternalId=a%3Ab%2Fc%2Bd"));
}

static void advice(void **state)
{
	struct call_rig *r = *state;
	static const struct {
		struct rig_answer answer;
		bool external_id;
		const char *says[2];
	} cases[] = {
		{{403, STS_ERROR("AccessDenied", "User: u is not authorized to perform: "
						 "sts:AssumeRole on resource: " ROLE)},
		 false,
		 {"is not authorized to perform: sts:AssumeRole",
		  "does it ask for an external id?"}},
		{{403, STS_ERROR("AccessDenied", "x")}, true, {"and the external id, and", ""}},
		{{403, STS_ERROR("RegionDisabledException", "x")}, false, {"not activated", ""}},
		{{403, STS_ERROR("SignatureDoesNotMatch", "x")}, false, {"does not belong to", ""}},
		{{400, STS_ERROR("ValidationError", "x")},
		 false,
		 {"ValidationError: x (HTTP 400", ""}},
		{{200, "<AssumeRoleResponse/>"}, false, {"AccessKeyId is missing", ""}},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		struct aws_role role = {.arn = SV(ROLE)};
		struct keys_end e;
		role.external_id = cases[i].external_id ? SV("id") : SV_NULL;
		call_rig_answers(r, &cases[i].answer, 1);
		fetch(r, &role, &own_keys, &e);
		assert_false(e.got);
		if (!strstr(e.why, cases[i].says[0]) || !strstr(e.why, cases[i].says[1]) ||
		    !sv_starts_with(sv_of(e.why), SV("role " ROLE ": ")))
			fail_msg("%s", e.why);
		assert_null(strstr(e.why, RIG_SECRET_KEY));
	}
}

static void cancelled(void **state)
{
	struct call_rig *r = *state;
	static const struct rig_answer silence = {-1, ""};
	const struct aws_role role = {.arn = SV(ROLE)};
	struct keys_end e;
	call_rig_answers(r, &silence, 1);
	struct aws_fetch *f = start(r, &role, &own_keys, &e);
	call_rig_until(r, &r->asked, 1);
	f->cancel(f);
	http_answer_drop(r->kept);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chained_at_the_stand_in),
		TEST(asked_for),
		TEST(advice),
		TEST(cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
