/* Single fetches: the plan's steps in turn, what each may fail by, and ends in between. */
#include "creds_rig.h"

#include "credentials_fetch.h"

#include <stdio.h>

struct result {
	unsigned calls;
	bool ok;
	char access_key[64], secret_key[64], token[64], account[32], why[ERR_MSG_MAX];
	int64_t expires_ms, peer_now_ms;
	struct credentials_fetch *to_cancel;
};

static void copy(char *dst, size_t size, struct sv s)
{
	snprintf(dst, size, "%.*s", SV_ARG(s));
}

static void on_done(void *cls, const struct aws_got *got, const struct err *why)
{
	struct result *res = cls;
	res->calls++;
	res->ok = got != NULL;
	assert_int_equal(got == NULL, why != NULL);
	if (got) {
		copy(res->access_key, sizeof res->access_key, got->keys.access_key);
		copy(res->secret_key, sizeof res->secret_key, got->keys.secret_key);
		copy(res->token, sizeof res->token, got->keys.session_token);
		copy(res->account, sizeof res->account, got->account);
		res->expires_ms = got->expires_ms;
		res->peer_now_ms = got->peer_now_ms;
	} else {
		snprintf(res->why, sizeof res->why, "%s", why->msg);
	}
	credentials_fetch_cancel(res->to_cancel); /* its own: does nothing */
}

static bool done(void *result)
{
	return ((struct result *)result)->calls > 0;
}

static int start(struct creds_rig *r, const struct aws_credentials_options *opt,
		 enum aws_source source, struct result *res, struct err *err)
{
	struct credentials_fetch_request req = {r->session, opt, source, "something", 0};
	int code = credentials_fetch_start(&req, on_done, res, &res->to_cancel, err);
	assert_int_equal(res->calls, 0);
	return code;
}

static void run(struct creds_rig *r, const struct aws_credentials_options *opt,
		enum aws_source source, struct result *res)
{
	struct err err = ERR_NULL;
	*res = (struct result){0};
	if (start(r, opt, source, res, &err) != 0)
		fail_msg("%s", err.msg);
	rig_until(r, done, res);
	rig_for(r, 5);
	assert_int_equal(res->calls, 1);
}

static void use_container(struct creds_rig *r)
{
	rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/v2/credentials/task");
}

static const struct aws_credentials_options plain = {
	.access_key = SV("AKIDBASE"), .secret_key = SV("base"), .region = SV("eu-west-1")};

static void keys_of_the_plan(void **state)
{
	struct creds_rig *r = *state;
	struct result res;
	run(r, &plain, AWS_EXPLICIT, &res);
	assert_true(res.ok);
	assert_string_equal(res.access_key, "AKIDBASE");
	assert_string_equal(res.secret_key, "base");
	assert_string_equal(res.token, "");
	assert_int_equal(res.expires_ms, 0);
}

static void keys_of_a_source(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options none = {0};
	struct result res;
	use_container(r);
	run(r, &none, AWS_CONTAINER, &res);
	assert_true(res.ok);
	assert_string_equal(res.access_key, "ASIAPEER1");
	assert_string_equal(res.secret_key, "peer-secret-1");
	assert_string_equal(res.token, "peer-token-1");
	/* The peer's Date has whole seconds. */
	assert_in_range(res.expires_ms - res.peer_now_ms, 3599000, 3601000);
}

static void a_role_on_top(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options opt = plain;
	struct result res;

	rig_env(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
	opt.role_arn = SV("arn:aws:iam::444455556666:role/writer");
	opt.external_id = SV("ext-1");
	run(r, &opt, AWS_EXPLICIT, &res);
	if (!res.ok)
		fail_msg("%s", res.why);
	assert_string_equal(res.access_key, "ASIAROLE1");
	assert_string_equal(res.secret_key, "role-secret-1");
	assert_string_equal(res.token, "role-token-1");
	assert_string_equal(res.account, "444455556666");
	assert_non_null(strstr(r->last_form, "Action=AssumeRole"));
	assert_non_null(strstr(r->last_form, "ExternalId=ext-1"));
	assert_int_equal(r->asked, 1);
}

/* Two role sessions after the source: of the profile, then of the configuration. */
static void roles_follow_one_another(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options opt = {
		.profile = SV("first"), .role_arn = SV("arn:aws:iam::444455556666:role/second")};
	struct result res;

	rig_env(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
	rig_env(r, "AWS_CONFIG_FILE",
		rig_file(r, "config",
			 "[profile first]\n"
			 "role_arn = arn:aws:iam::444455556666:role/first\n"
			 "source_profile = keys\n"
			 "[profile keys]\n"
			 "aws_access_key_id = AKIDPROFILE\n"
			 "aws_secret_access_key = profile\n",
			 0600));
	run(r, &opt, AWS_PROFILE_KEYS, &res);
	if (!res.ok)
		fail_msg("%s", res.why);
	assert_int_equal(r->asked, 2);
	assert_string_equal(res.access_key, "ASIAROLE2");
	assert_non_null(strstr(r->last_form, "second"));
}

static void a_role_is_refused(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options opt = plain;
	struct result res;

	rig_env(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
	opt.role_arn = SV("arn:aws:iam::444455556666:role/writer");
	r->status = 403;
	run(r, &opt, AWS_EXPLICIT, &res);
	assert_false(res.ok);
	assert_non_null(strstr(res.why, "role/writer"));
	assert_null(strstr(res.why, "base"));
}

static void what_cannot_start(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options none = {0}, nowhere = {.profile = SV("nowhere")};
	struct result res = {0};
	struct err err = ERR_NULL;

	/* Another source than the first. */
	assert_int_equal(start(r, &plain, AWS_CONTAINER, &res, &err), 1);
	assert_non_null(strstr(err.msg, "something"));
	assert_int_equal(start(r, &nowhere, AWS_CONTAINER, &res, &err), 1);
	assert_non_null(strstr(err.msg, "nowhere"));
	assert_int_equal(start(r, &none, AWS_INSTANCE, &res, &err), 1);
	rig_for(r, 20);
	assert_int_equal(res.calls, 0);
	credentials_fetch_cancel(NULL);
}

static void too_slow(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options none = {0};
	struct credentials_fetch_request req = {r->session, &none, AWS_CONTAINER, "container", 100};
	struct result res = {0};
	struct err err = ERR_NULL;

	use_container(r);
	r->hang = true;
	assert_int_equal(credentials_fetch_start(&req, on_done, &res, &res.to_cancel, &err), 0);
	rig_until(r, done, &res);
	assert_false(res.ok);
	assert_non_null(strstr(res.why, "no keys within 0.1 seconds from "));
	assert_int_equal(r->asked, 1);
}

/* At each of its points: before the first turn, while the source is asked, while STS is. */
static void cancel_anywhere(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials_options none = {0}, opt = plain;
	struct result res = {0};
	struct err err = ERR_NULL;

	rig_env(r, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
	assert_int_equal(start(r, &plain, AWS_EXPLICIT, &res, &err), 0);
	credentials_fetch_cancel(res.to_cancel);
	opt.role_arn = SV("arn:aws:iam::444455556666:role/writer");
	r->hang = true;
	assert_int_equal(start(r, &opt, AWS_EXPLICIT, &res, &err), 0);
	rig_for(r, 30);
	assert_int_equal(r->asked, 1);
	credentials_fetch_cancel(res.to_cancel);
	use_container(r);
	assert_int_equal(start(r, &none, AWS_CONTAINER, &res, &err), 0);
	credentials_fetch_cancel(res.to_cancel);
	assert_int_equal(start(r, &none, AWS_CONTAINER, &res, &err), 0);
	rig_for(r, 30);
	assert_int_equal(r->asked, 2);
	credentials_fetch_cancel(res.to_cancel);
	rig_release(r, 200);
	rig_for(r, 30);
	assert_int_equal(res.calls, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, creds_rig_setup, creds_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_of_the_plan),  TEST(keys_of_a_source),
		TEST(a_role_on_top),     TEST(roles_follow_one_another),
		TEST(a_role_is_refused), TEST(what_cannot_start),
		TEST(too_slow),          TEST(cancel_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
