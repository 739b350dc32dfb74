/* Calls against a peer that answers as a list says and checks signatures by the stand-in's code. */
#include "call_private.h"
#include "call_rig.h"
#include "session_private.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <stdlib.h>

#define LEN(a) (sizeof(a) / sizeof *(a))
#define ANSWERS(r, ...)                                                                            \
	call_rig_answers(r, (const struct rig_answer[]){__VA_ARGS__},                              \
			 sizeof((const struct rig_answer[]){__VA_ARGS__}) /                        \
				 sizeof(struct rig_answer))
#define ERROR(code, message)                                                                       \
	"<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
	"</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
#define HOURS_2 (2 * 3600 * 1000)
#define TOKEN "IQoJb3JpZ2luX2VjEXAMPLETOKENIQoJb3JpZ2luX2VjEXAMPLETOKEN"

/* What a call ended with, copied. */
struct end {
	unsigned n;
	enum aws_verdict verdict;
	enum http_result http_result;
	int status;
	int64_t peer_now_ms;
	char body[256], code[64], message[512], id[64], why[ERR_MSG_MAX];
	struct aws_call *cancel; /* from inside */
};

static void copy(char *dst, size_t size, struct sv s)
{
	snprintf(dst, size, "%.*s", SV_ARG(s));
}

static void on_done(void *cls, const struct aws_answer *a)
{
	struct end *e = cls;
	e->n++;
	e->verdict = a->verdict;
	e->http_result = a->http_result;
	e->status = a->status;
	e->peer_now_ms = a->peer_now_ms;
	copy(e->body, sizeof e->body, a->body);
	copy(e->code, sizeof e->code, a->code);
	copy(e->message, sizeof e->message, a->message);
	copy(e->id, sizeof e->id, a->request_id);
	copy(e->why, sizeof e->why, sv_of(a->why.msg));
	if (e->cancel)
		aws_call_cancel(e->cancel);
}

static const struct aws_keys keys = {SV(RIG_ACCESS_KEY), SV(RIG_SECRET_KEY), SV_NULL};

static struct aws_request request(struct call_rig *r)
{
	return (struct aws_request){.service = SV("sts"),
				    .region = SV("eu-west-1"),
				    .url = sv_of(r->url),
				    .content_type = SV("application/x-www-form-urlencoded"),
				    .body = SV("Action=X&Version=1"),
				    .keys = &keys,
				    .timeout_ms = 10000};
}

static struct aws_call *start(struct call_rig *r, const struct aws_request *req, struct end *e)
{
	struct aws_call *c = NULL;
	struct err err = ERR_NULL;
	*e = (struct end){0};
	if (aws_call_start(r->session, req, on_done, e, &c, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return c;
}

static void call(struct call_rig *r, const struct aws_request *req, struct end *e)
{
	start(r, req, e);
	call_rig_until(r, &e->n, 1);
	assert_int_equal(e->n, 1);
}

static void assert_said(const struct end *e, const char *text)
{
	if (!strstr(e->why, text))
		fail_msg("\"%s\" is not in: %s", text, e->why);
}

static void assert_good_signatures(struct call_rig *r, unsigned n)
{
	if (r->n_refused)
		fail_msg("%s", r->refusal);
	assert_int_equal(r->n_signed, n);
}

static void signed_post(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	req.target = SV("AmazonEC2ContainerServiceV20141113.ListClusters");
	ANSWERS(r, {200, "<ok/>", "x-amzn-RequestId", "id-9"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(e.status, 200);
	assert_string_equal(e.body, "<ok/>");
	assert_string_equal(e.id, "id-9");
	assert_string_equal(e.why, "");
	assert_in_range(e.peer_now_ms, clock_wall_ms() - 20000, clock_wall_ms() + 2000);
	assert_good_signatures(r, 1);
	assert_true(sv_starts_with(sv_of(r->seen[0]), SV("POST /\n")));
	assert_non_null(strstr(r->seen[0], "\n\nAction=X&Version=1"));
	assert_string_equal(call_rig_header(r, 0, "user-agent"), "test/1");
	assert_string_equal(call_rig_header(r, 0, "content-type"),
			    "application/x-www-form-urlencoded");
	assert_string_equal(call_rig_header(r, 0, "x-amz-target"),
			    "AmazonEC2ContainerServiceV20141113.ListClusters");
	assert_non_null(strstr(call_rig_header(r, 0, "authorization"),
			       "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "));
}

static void session_token_is_signed(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	const struct aws_keys with_token = {keys.access_key, keys.secret_key, SV(TOKEN)};
	struct end e;
	req.keys = &with_token;
	r->session_token = TOKEN;
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_good_signatures(r, 1);
	assert_non_null(strstr(call_rig_header(r, 0, "authorization"), "x-amz-security-token,"));
}

static void get_with_path_and_query(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	char url[128];
	struct end e;
	snprintf(url, sizeof url, "%s/a/./b%%20c//d?z=1&Action=%%C3%%A4", r->url);
	req.url = sv_of(url);
	req.body = req.content_type = SV_NULL;
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_good_signatures(r, 1);
	assert_true(sv_starts_with(sv_of(r->seen[0]), SV("GET /a/b%20c/d?z=1&Action=%C3%A4\n")));
	assert_string_equal(call_rig_header(r, 0, "content-type"), "");
}

static void unsigned_post(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	req.keys = NULL;
	req.secret = true;
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_string_equal(e.body, "<ok/>");
	assert_int_equal(r->n_signed, 0);
	assert_string_equal(call_rig_header(r, 0, "x-amz-date"), "");
}

/* As Go does: what is on this machine is never asked through a proxy. */
static void loopback_needs_no_proxy(void **state)
{
	struct call_rig *r = *state;
	struct aws_session *mine = r->session;
	struct aws_session_options opt = {r->loop, r->pool, call_rig_getenv, SV("test/2")};
	struct end e;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(aws_session_new(&opt, &r->session, NULL), 0);
	unsetenv("http_proxy");
	struct aws_request req = request(r);
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_string_equal(call_rig_header(r, 0, "user-agent"), "test/2");
	aws_session_free(r->session);
	r->session = mine;
}

/* ---- errors ---- */

static void denied_is_said_once(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	char want[256];
	ANSWERS(r, {403, ERROR("AccessDenied", "User: arn:x is not\n authorized")});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_DENIED);
	assert_int_equal(r->asked, 1);
	assert_string_equal(e.code, "AccessDenied");
	assert_string_equal(e.id, "id-1");
	snprintf(want, sizeof want,
		 "sts at %s: AccessDenied: User: arn:x is not  authorized (HTTP 403, request id-1)",
		 r->url + 7);
	assert_string_equal(e.why, want);
}

static void code_of_a_header(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {400, "", "x-amzn-ErrorType", "ns#ValidationException:http://internal/"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_string_equal(e.code, "ValidationException");
	assert_said(&e, "ValidationException (HTTP 400)");
}

static void what_is_no_aws(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {404, "<html><body>no such page</body></html>", NULL, NULL, "text/html"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_said(&e, "HTTP 404, no error of AWS, content type text/html");
}

static void redirects_are_not_followed(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {302, "", "Location", "http://portal.example.net/login?x=1"}, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(e.status, 302);
	assert_int_equal(r->asked, 1);
	assert_said(&e, "HTTP 302 redirects to portal.example.net;");
	assert_null(strstr(e.why, "login"));
	ANSWERS(r, {307, ""});
	call(r, &req, &e);
	assert_said(&e, "HTTP 307 redirects to an unknown place;");
}

/* Services repeat what they were sent; nobody sees it here. */
static void secrets_are_not_repeated(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	const struct aws_keys with_token = {keys.access_key, keys.secret_key, SV(TOKEN)};
	struct end e;
	req.keys = &with_token;
	r->session_token = TOKEN;
	ANSWERS(r, {403,
		    ERROR("SignatureDoesNotMatch",
			  "It does not match.\n\nThe Canonical String for this request should have "
			  "been\n'POST\n/\n\nhost:x\nx-amz-security-token:" TOKEN "\n'")});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(r->asked, 1);
	assert_string_equal(e.message, "It does not match.");
	assert_said(&e, "SignatureDoesNotMatch: It does not match. (HTTP 403");
	assert_null(strstr(e.body, TOKEN));

	ANSWERS(r, {400, ERROR("Bad", "a " TOKEN " b, and &#73;"
				      "QoJb3JpZ2luX2VjEXAMPLETOKEN"
				      "IQoJb3JpZ2luX2VjEXAMPLETOKEN c")});
	call(r, &req, &e);
	assert_null(strstr(e.message, "EXAMPLETOKEN"));
	assert_said(&e, "Bad: a ***");
	assert_said(&e, "*** c (HTTP 400");

	req.keys = NULL;
	ANSWERS(r, {400, ERROR("ValidationError", "Value 'web-token' at 'webIdentityToken'")});
	struct aws_call *c = start(r, &req, &e);
	assert_int_equal(aws_call_hide(c, SV("web-token")), 0);
	call_rig_until(r, &e.n, 1);
	assert_string_equal(e.message, "Value '*********' at 'webIdentityToken'");
}

static void long_messages_are_cut(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	static char body[KiB(8)];
	struct end e;
	size_t n = (size_t)snprintf(body, sizeof body, "{\"__type\":\"X\",\"message\":\"a");
	while (n < KiB(7))
		n += (size_t)snprintf(body + n, sizeof body - n, "\xc3\xa4");
	snprintf(body + n, sizeof body - n, "\"}");
	ANSWERS(r, {400, body});
	call(r, &req, &e);
	assert_said(&e, "\xc3\xa4... (HTTP 400)");
	assert_true(strlen(e.why) < 500);
}

/* ---- again ---- */

static void transient_is_tried_again(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {500, ""}, {400, ERROR("IDPCommunicationError", "later")}, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 3);
	assert_good_signatures(r, 3);
	ANSWERS(r, {503, ""});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 3);
	req.attempts = 1;
	ANSWERS(r, {503, ""}, {200, ""});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 1);
}

static void throttled_waits_as_told(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	int64_t begun = clock_mono_ms();
	ANSWERS(r, {400, ERROR("Throttling", "Rate exceeded"), "Retry-After", "1"}, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
	assert_true(clock_mono_ms() - begun >= 1000);
	req.attempts = 1;
	ANSWERS(r, {429, "{\"message\":\"Rate exceeded\"}"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_THROTTLED);
	assert_said(&e, "an error: Rate exceeded (HTTP 429)");
}

static void budget_ends_retries(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct aws_call_budget *b = aws_session_budget(r->session);
	struct sv host = sv_of(r->url + 7);
	struct end e;
	assert_true(call_budget_take(b, host, 494));
	ANSWERS(r, {500, ""});
	call(r, &req, &e);
	assert_int_equal(r->asked, 2);
	/* A retry that worked gives back what it took, a first attempt 1. */
	call_budget_give(b, host, 4);
	ANSWERS(r, {500, ""}, {200, ""});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_true(call_budget_take(b, host, 5));
	ANSWERS(r, {200, ""});
	for (int i = 0; i < 4; i++)
		call(r, &req, &e);
	ANSWERS(r, {500, ""}, {200, ""});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_TRANSIENT);
	assert_int_equal(r->asked, 1);
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	ANSWERS(r, {500, ""}, {200, ""});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
}

static void no_answer(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {0}, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	ANSWERS(r, {0});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_NETWORK);
	assert_true(r->asked >= 3);
	ANSWERS(r, {-1}, {200, "<ok/>"});
	req.timeout_ms = 100;
	req.attempts = 1;
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_TIMEOUT);
	assert_said(&e, "timeout of 100 ms exceeded");
	http_answer_drop(r->kept);
	/* Port 1 of this machine: nobody listens. */
	req.url = SV("http://127.0.0.1:1/");
	call(r, &req, &e);
	assert_int_equal(e.http_result, HTTP_NETWORK);
	assert_said(&e, "sts at 127.0.0.1:1: ");
}

static void too_large_is_not_tried_again(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	static char body[KiB(80)];
	struct end e;
	memset(body, 'x', sizeof body - 1);
	req.secret = true;
	ANSWERS(r, {200, body});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_UNREACHABLE);
	assert_int_equal(e.http_result, HTTP_TOO_LARGE);
	assert_int_equal(r->asked, 1);
	req.secret = false;
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
}

/* ---- the clock ---- */

#define SKEWED                                                                                     \
	{                                                                                          \
		403, ERROR("SignatureDoesNotMatch", "Signature expired: x is now earlier than y")  \
	}

static void repair_clock(struct call_rig *r, int64_t ahead_ms)
{
	struct aws_request req = request(r);
	struct end e;
	r->peer_ahead_ms = ahead_ms;
	ANSWERS(r, SKEWED, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(r->asked, 2);
	assert_int_equal(r->n_signed, 2);
	assert_int_equal(r->n_refused, 1);
	/* Known from now on. */
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
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
	struct aws_request req = request(r);
	struct end e;
	/* The second refusal comes though the times agree: it is the key. */
	r->peer_ahead_ms = HOURS_2;
	ANSWERS(r, SKEWED);
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(r->asked, 2);
	ANSWERS(r, {400, ERROR("RequestExpired", "x")});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
	assert_int_equal(r->asked, 2);
	/* A cache's answer teaches nothing. */
	ANSWERS(r, {400, ERROR("RequestExpired", "x"), "Age", "3"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
	assert_int_equal(e.peer_now_ms, 0);
	assert_int_equal(r->asked, 1);
}

static void denied_by_a_wrong_clock(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	r->peer_ahead_ms = -HOURS_2;
	ANSWERS(r, {403, ERROR("AccessDenied", "x")});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_DENIED);
	assert_int_equal(r->asked, 2);
	req.attempts = 1;
	r->peer_ahead_ms = HOURS_2;
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_CLOCK);
}

/* ---- credentials ---- */

static struct aws_credentials *get_credentials(struct call_rig *r,
					       const struct aws_credentials_options *opt)
{
	struct aws_credentials *c;
	struct err err = ERR_NULL;
	if (aws_credentials_get(r->session, opt, &c, &err) != 0)
		fail_msg("%s", err.msg);
	return c;
}

static void credentials_sign(void **state)
{
	struct call_rig *r = *state;
	const struct aws_credentials_options opt = {.access_key = keys.access_key,
						    .secret_key = keys.secret_key};
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = get_credentials(r, &opt);
	struct aws_request req = request(r);
	struct end e;
	req.credentials = c;
	req.keys = NULL;
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_good_signatures(r, 1);
	/* Keys that cannot change are not tried again. */
	ANSWERS(r, {403, ERROR("InvalidClientTokenId", "x")});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_EXPIRED);
	assert_int_equal(r->asked, 1);
}

static void expired_keys_are_replaced(void **state)
{
	struct call_rig *r = *state;
	const struct aws_credentials_options opt = {0};
	call_rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/keys");
	r->keep_secret = true;
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = get_credentials(r, &opt);
	struct aws_request req = request(r);
	struct end e;
	req.credentials = c;
	req.keys = NULL;
	/* Waits for the first keys, then for others. */
	ANSWERS(r, {403, ERROR("ExpiredToken", "x")}, {200, "<ok/>"});
	call(r, &req, &e);
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
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *c = get_credentials(r, &opt);
	struct aws_request req = request(r);
	struct end e;
	req.credentials = c;
	req.keys = NULL;
	ANSWERS(r, {200, "<ok/>"});
	call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_NO_KEYS);
	assert_int_equal(r->asked, 0);
	assert_said(&e, "there are no credentials: ");
}

/* ---- ends ---- */

static void cancelled_in_each_state(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	/* asks */
	ANSWERS(r, {-1});
	struct aws_call *c = start(r, &req, &e);
	call_rig_until(r, &r->asked, 1);
	aws_call_cancel(c);
	http_answer_drop(r->kept);
	/* pauses */
	ANSWERS(r, {429, "", "Retry-After", "15"});
	c = start(r, &req, &e);
	call_rig_until(r, &r->asked, 1);
	call_rig_turns(r);
	aws_call_cancel(c);
	/* waits for keys */
	const struct aws_credentials_options opt = {0};
	call_rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/keys");
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *creds = get_credentials(r, &opt);
	req.credentials = creds;
	req.keys = NULL;
	c = start(r, &req, &e);
	aws_call_cancel(c);
	call_rig_until(r, &r->keys_asked, 1);
	call_rig_turns(r);
	assert_int_equal(e.n, 0);
	assert_int_equal(r->asked, 1);
	aws_call_cancel(NULL);
}

static void cancel_from_inside_does_nothing(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end e;
	ANSWERS(r, {200, "<ok/>"});
	e.cancel = NULL;
	struct aws_call *c = start(r, &req, &e);
	e.cancel = c;
	call_rig_until(r, &e.n, 1);
	call_rig_turns(r);
	assert_int_equal(e.n, 1);
}

static void own_memory_is_the_callbacks(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = request(r);
	struct end unused, *own;
	ANSWERS(r, {-1});
	struct aws_call *c = start(r, &req, &unused);
	own = aws_call_own(c, sizeof *own);
	assert_non_null(own);
	assert_int_equal(own->n, 0);
	own->cancel = c;
	call_rig_until(r, &r->asked, 1);
	http_answer_now(r->kept, 403, SV("text/plain"), SV("x"), NULL, 0);
	call_rig_turns(r);
	assert_int_equal(unused.n, 0);
}

static void what_cannot_be_asked(void **state)
{
	struct call_rig *r = *state;
	static const char *const urls[] = {"", "sts.eu-west-1.amazonaws.com", "ftp://x/",
					   "http://user:pw@127.0.0.1/", "http://"};
	for (size_t i = 0; i < LEN(urls); i++) {
		struct aws_request req = request(r);
		struct aws_call *c = NULL;
		struct err err = ERR_NULL;
		struct end e = {0};
		req.url = sv_of(urls[i]);
		if (aws_call_start(r->session, &req, on_done, &e, &c, &err) != 1)
			fail_msg("%s", urls[i]);
		assert_true(err.msg[0]);
		assert_null(strstr(err.msg, "pw"));
		call_rig_turns(r);
		assert_int_equal(e.n, 0);
	}
	static char body[MiB(2)];
	memset(body, 'x', sizeof body);
	struct aws_request req = request(r);
	struct aws_call *c;
	req.body = sv_make(body, sizeof body);
	assert_int_equal(aws_call_start(r->session, &req, on_done, NULL, &c, NULL), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, call_rig_setup, call_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signed_post),
		TEST(session_token_is_signed),
		TEST(get_with_path_and_query),
		TEST(unsigned_post),
		TEST(loopback_needs_no_proxy),
		TEST(denied_is_said_once),
		TEST(code_of_a_header),
		TEST(what_is_no_aws),
		TEST(redirects_are_not_followed),
		TEST(secrets_are_not_repeated),
		TEST(long_messages_are_cut),
		TEST(transient_is_tried_again),
		TEST(throttled_waits_as_told),
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
		TEST(cancelled_in_each_state),
		TEST(cancel_from_inside_does_nothing),
		TEST(own_memory_is_the_callbacks),
		TEST(what_cannot_be_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
