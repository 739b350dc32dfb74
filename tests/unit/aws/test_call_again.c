/* Calls that are tried again: after errors, with another time, with other keys. */
#include "call_private.h"
#include "call_rig.h"
#include "session_private.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>

#define HOURS_2 (2 * 3600 * 1000)

/* ---- again ---- */

static void transient_is_tried_again(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {500, ""}, {400, RIG_ERROR("IDPCommunicationError", "later")},
		    {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 3);
	rig_assert_signed(r, 3);
	RIG_ANSWERS(r, {503, ""});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 3);
	req.attempts = 1;
	RIG_ANSWERS(r, {503, ""}, {200, ""});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 1);
}

static void throttled_waits_as_told(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	int64_t begun = clock_mono_ms();
	RIG_ANSWERS(r, {400, RIG_ERROR("Throttling", "Rate exceeded"), "Retry-After", "1"},
		    {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
	assert_true(clock_mono_ms() - begun >= 1000);
	req.attempts = 1;
	RIG_ANSWERS(r, {429, "{\"message\":\"Rate exceeded\"}"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_THROTTLED);
	rig_assert_said(&e, "an error: Rate exceeded (HTTP 429)");
}

/* Its owner keeps a pace of its own: throttled, it ends; all else is tried again as ever. */
static void paced_ends_when_throttled(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.paced = true;
	RIG_ANSWERS(r, {400, RIG_ERROR("ThrottlingException", "Rate exceeded")}, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_THROTTLED);
	assert_int_equal(r->asked, 1);
	RIG_ANSWERS(r, {500, ""}, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
}

/* A client that knows no proxy but a dead one. */
static void asks_by_its_own_client(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	struct err err = ERR_NULL;
	struct http_options http = {.proxy = {.url = SV("http://127.0.0.1:1")}};
	req.attempts = 1;
	assert_int_equal(http_client_new(r->pool, &http, &req.client, &err), 0);
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(r->asked, 0);
	http_client_free(req.client);
	req.client = NULL;
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
}

static void budget_ends_retries(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct aws_call_budget *b = aws_session_budget(r->session);
	struct sv host = sv_of(r->url + 7);
	struct rig_end e;
	assert_true(call_budget_take(b, host, 494));
	RIG_ANSWERS(r, {500, ""});
	rig_call(r, &req, &e);
	assert_int_equal(r->asked, 2);
	/* A retry that worked gives back what it took, a first attempt 1. */
	call_budget_give(b, host, 4);
	RIG_ANSWERS(r, {500, ""}, {200, ""});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_true(call_budget_take(b, host, 5));
	RIG_ANSWERS(r, {200, ""});
	for (int i = 0; i < 4; i++)
		rig_call(r, &req, &e);
	RIG_ANSWERS(r, {500, ""}, {200, ""});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 1);
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	RIG_ANSWERS(r, {500, ""}, {200, ""});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
}

static void no_answer(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {0}, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	RIG_ANSWERS(r, {0});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_NETWORK);
	assert_true(r->asked >= 3);
	RIG_ANSWERS(r, {-1}, {200, "<ok/>"});
	req.timeout_ms = 100;
	req.attempts = 1;
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_TIMEOUT);
	rig_assert_said(&e, "timeout of 100 ms exceeded");
	http_answer_drop(r->kept);
	/* Port 1 of this machine: nobody listens. */
	req.url = SV("http://127.0.0.1:1/");
	rig_call(r, &req, &e);
	assert_int_equal(e.http_result, HTTP_NETWORK);
	rig_assert_said(&e, "sts at 127.0.0.1:1: ");
}

static void too_large_is_not_tried_again(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	static char body[KiB(80)];
	struct rig_end e;
	memset(body, 'x', sizeof body - 1);
	req.secret = true;
	RIG_ANSWERS(r, {200, body});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_TOO_LARGE);
	assert_int_equal(r->asked, 1);
	req.secret = false;
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
}

/* ---- the clock ---- */

#define SKEWED                                                                                     \
	{                                                                                          \
		403, RIG_ERROR("SignatureDoesNotMatch",                                            \
			       "Signature expired: x is now earlier than y")                       \
	}

static void repair_clock(struct call_rig *r, int64_t ahead_ms)
{
	struct aws_request req = rig_request(r);
	struct rig_end e;
	r->peer_ahead_ms = ahead_ms;
	RIG_ANSWERS(r, SKEWED, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
	assert_int_equal(r->n_signed, 2);
	assert_int_equal(r->n_refused, 1);
	/* Known from now on. */
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(r->n_signed, 3);
	assert_int_equal(r->n_refused, 1);
}

static void clock_behind_is_repaired_at_once(void **state)
{
	repair_clock(*state, HOURS_2);
}

static void clock_ahead_is_repaired_at_once(void **state)
{
	repair_clock(*state, -HOURS_2);
}

static void five_minutes_are_enough(void **state)
{
	repair_clock(*state, 305000);
}

static void clock_is_repaired_once(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	/* The second refusal comes though the times agree: it is the key. */
	r->peer_ahead_ms = HOURS_2;
	RIG_ANSWERS(r, SKEWED);
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(r->asked, 2);
	RIG_ANSWERS(r, {400, RIG_ERROR("RequestExpired", "x")});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
	assert_int_equal(r->asked, 2);
	/* A cache's answer teaches nothing. */
	RIG_ANSWERS(r, {400, RIG_ERROR("RequestExpired", "x"), "Age", "3"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
	assert_int_equal(e.peer_now_ms, 0);
	assert_int_equal(r->asked, 1);
}

static void denied_by_a_wrong_clock(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	r->peer_ahead_ms = -HOURS_2;
	RIG_ANSWERS(r, {403, RIG_ERROR("AccessDenied", "x")});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_DENIED);
	assert_int_equal(r->asked, 2);
	req.attempts = 1;
	r->peer_ahead_ms = HOURS_2;
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
}

/* ---- credentials ---- */

static void credentials_sign(void **state)
{
	struct call_rig *r = *state;
	const struct aws_credentials_options opt = {.access_key = rig_keys.access_key,
						    .secret_key = rig_keys.secret_key};
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = rig_credentials(r, &opt);
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.credentials = c;
	req.keys = NULL;
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	rig_assert_signed(r, 1);
	/* Keys that cannot change are not tried again. */
	RIG_ANSWERS(r, {403, RIG_ERROR("InvalidClientTokenId", "x")});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_EXPIRED);
	assert_int_equal(r->asked, 1);
}

static void expired_keys_are_replaced(void **state)
{
	struct call_rig *r = *state;
	const struct aws_credentials_options opt = {0};
	call_rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/keys");
	r->keep_secret = true;
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = rig_credentials(r, &opt);
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.credentials = c;
	req.keys = NULL;
	/* Waits for the first keys, then for others. */
	RIG_ANSWERS(r, {403, RIG_ERROR("ExpiredToken", "x")}, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
	assert_int_equal(r->keys_asked, 2);
	assert_non_null(strstr(call_rig_header(r, 0, "authorization"), "Credential=ASIA0/"));
	assert_non_null(strstr(call_rig_header(r, 1, "authorization"), "Credential=ASIA1/"));
	assert_string_equal(call_rig_header(r, 1, "x-amz-security-token"), "token-of-session-1");
}

static void no_keys_no_question(void **state)
{
	struct call_rig *r = *state;
	const struct aws_credentials_options opt = {0};
	call_rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = rig_credentials(r, &opt);
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.credentials = c;
	req.keys = NULL;
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_NO_KEYS);
	assert_int_equal(r->asked, 0);
	rig_assert_said(&e, "there are no credentials: ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(transient_is_tried_again),
		TEST(throttled_waits_as_told),
		TEST(paced_ends_when_throttled),
		TEST(asks_by_its_own_client),
		TEST(budget_ends_retries),
		TEST(no_answer),
		TEST(too_large_is_not_tried_again),
		TEST(clock_behind_is_repaired_at_once),
		TEST(clock_ahead_is_repaired_at_once),
		TEST(five_minutes_are_enough),
		TEST(clock_is_repaired_once),
		TEST(denied_by_a_wrong_clock),
		TEST(credentials_sign),
		TEST(expired_keys_are_replaced),
		TEST(no_keys_no_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
