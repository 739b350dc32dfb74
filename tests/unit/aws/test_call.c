/* Calls against a peer that answers as a list says and checks signatures by the stand-in's code:
 * what is sent, what an error becomes, how a call ends. */
#include "call_private.h"
#include "call_rig.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <stdlib.h>

#define LEN(a) (sizeof(a) / sizeof *(a))

static void signed_post(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.target = SV("AmazonEC2ContainerServiceV20141113.ListClusters");
	RIG_ANSWERS(r, {200, "<ok/>", "x-amzn-RequestId", "id-9"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_int_equal(e.status, 200);
	assert_string_equal(e.body, "<ok/>");
	assert_string_equal(e.id, "id-9");
	assert_string_equal(e.why, "");
	assert_in_range(e.peer_now_ms, clock_wall_ms() - 20000, clock_wall_ms() + 2000);
	rig_assert_signed(r, 1);
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
	struct aws_request req = rig_request(r);
	const struct aws_keys with_token = {rig_keys.access_key, rig_keys.secret_key,
					    SV(RIG_TOKEN)};
	struct rig_end e;
	req.keys = &with_token;
	r->session_token = RIG_TOKEN;
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	rig_assert_signed(r, 1);
	assert_non_null(strstr(call_rig_header(r, 0, "authorization"), "x-amz-security-token,"));
}

static void get_with_path_and_query(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	char url[128];
	struct rig_end e;
	snprintf(url, sizeof url, "%s/a/./b%%20c//d?z=1&Action=%%C3%%A4", r->url);
	req.url = sv_of(url);
	req.body = req.content_type = SV_NULL;
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	rig_assert_signed(r, 1);
	assert_true(sv_starts_with(sv_of(r->seen[0]), SV("GET /a/b%20c/d?z=1&Action=%C3%A4\n")));
	assert_string_equal(call_rig_header(r, 0, "content-type"), "");
}

static void unsigned_post(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	req.keys = NULL;
	req.secret = true;
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
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
	struct rig_end e;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	assert_int_equal(aws_session_new(&opt, &r->session, NULL), 0);
	unsetenv("http_proxy");
	struct aws_request req = rig_request(r);
	RIG_ANSWERS(r, {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_OK);
	assert_string_equal(call_rig_header(r, 0, "user-agent"), "test/2");
	aws_session_free(r->session);
	r->session = mine;
}

/* ---- errors ---- */

static void denied_is_said_once(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	char want[256];
	RIG_ANSWERS(r, {403, RIG_ERROR("AccessDenied", "User: arn:x is not\n authorized")});
	rig_call(r, &req, &e);
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
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {400, "", "x-amzn-ErrorType", "ns#ValidationException:http://internal/"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_string_equal(e.code, "ValidationException");
	rig_assert_said(&e, "ValidationException (HTTP 400)");
}

static void what_is_no_aws(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {404, "<html><body>no such page</body></html>", NULL, NULL, "text/html"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	rig_assert_said(&e, "HTTP 404, no error of AWS, content type text/html");
}

static void redirects_are_not_followed(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {302, "", "Location", "http://portal.example.net/login?x=1"},
		    {200, "<ok/>"});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(e.status, 302);
	assert_int_equal(r->asked, 1);
	rig_assert_said(&e, "HTTP 302 redirects to portal.example.net;");
	assert_null(strstr(e.why, "login"));
	RIG_ANSWERS(r, {307, ""});
	rig_call(r, &req, &e);
	rig_assert_said(&e, "HTTP 307 redirects to an unknown place;");
}

/* Services repeat what they were sent; nobody sees it here. */
static void secrets_are_not_repeated(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	const struct aws_keys with_token = {rig_keys.access_key, rig_keys.secret_key,
					    SV(RIG_TOKEN)};
	struct rig_end e;
	req.keys = &with_token;
	r->session_token = RIG_TOKEN;
	RIG_ANSWERS(
		r,
		{403,
		 RIG_ERROR(
			 "SignatureDoesNotMatch",
			 "It does not match.\n\nThe Canonical String for this request should have "
			 "been\n'POST\n/\n\nhost:x\nx-amz-security-token:" RIG_TOKEN "\n'")});
	rig_call(r, &req, &e);
	assert_int_equal(e.verdict, AWS_CALL_REFUSED);
	assert_int_equal(r->asked, 1);
	assert_string_equal(e.message, "It does not match.");
	rig_assert_said(&e, "SignatureDoesNotMatch: It does not match. (HTTP 403");
	assert_null(strstr(e.body, RIG_TOKEN));

	RIG_ANSWERS(r, {400, RIG_ERROR("Bad", "a " RIG_TOKEN " b, and &#73;"
					      "QoJb3JpZ2luX2VjEXAMPLETOKEN"
					      "IQoJb3JpZ2luX2VjEXAMPLETOKEN c")});
	rig_call(r, &req, &e);
	assert_null(strstr(e.message, "EXAMPLETOKEN"));
	rig_assert_said(&e, "Bad: a ***");
	rig_assert_said(&e, "*** c (HTTP 400");

	req.keys = NULL;
	RIG_ANSWERS(r,
		    {400, RIG_ERROR("ValidationError", "Value 'web-token' at 'webIdentityToken'")});
	struct aws_call *c = rig_start(r, &req, &e);
	assert_int_equal(aws_call_hide(c, SV("web-token")), 0);
	assert_int_equal(aws_call_hide(c, SV("**")), 0);
	call_rig_until(r, &e.n, 1);
	assert_string_equal(e.message, "Value '*********' at 'webIdentityToken'");
}

static void long_messages_are_cut(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	static char body[KiB(8)];
	struct rig_end e;
	size_t n = (size_t)snprintf(body, sizeof body, "{\"__type\":\"X\",\"message\":\"a");
	while (n < KiB(7))
		n += (size_t)snprintf(body + n, sizeof body - n, "\xc3\xa4");
	snprintf(body + n, sizeof body - n, "\"}");
	RIG_ANSWERS(r, {400, body});
	rig_call(r, &req, &e);
	rig_assert_said(&e, "\xc3\xa4... (HTTP 400)");
	assert_true(strlen(e.why) < 500);
}

/* ---- ends ---- */

static void cancelled_in_each_state(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end e;
	/* asks */
	RIG_ANSWERS(r, {-1});
	struct aws_call *c = rig_start(r, &req, &e);
	call_rig_until(r, &r->asked, 1);
	aws_call_cancel(c);
	http_answer_drop(r->kept);
	/* pauses */
	RIG_ANSWERS(r, {429, "", "Retry-After", "15"});
	c = rig_start(r, &req, &e);
	call_rig_until(r, &r->asked, 1);
	call_rig_turns(r);
	aws_call_cancel(c);
	/* waits for keys */
	const struct aws_credentials_options opt = {0};
	call_rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/keys");
	_cleanup_(aws_credentials_unrefp) struct aws_credentials *creds = rig_credentials(r, &opt);
	req.credentials = creds;
	req.keys = NULL;
	c = rig_start(r, &req, &e);
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
	struct aws_request req = rig_request(r);
	struct rig_end e;
	RIG_ANSWERS(r, {200, "<ok/>"});
	e.cancel = NULL;
	struct aws_call *c = rig_start(r, &req, &e);
	e.cancel = c;
	call_rig_until(r, &e.n, 1);
	call_rig_turns(r);
	assert_int_equal(e.n, 1);
}

static void own_memory_is_the_callbacks(void **state)
{
	struct call_rig *r = *state;
	struct aws_request req = rig_request(r);
	struct rig_end unused, *own;
	RIG_ANSWERS(r, {-1});
	struct aws_call *c = rig_start(r, &req, &unused);
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
		struct aws_request req = rig_request(r);
		struct aws_call *c = NULL;
		struct err err = ERR_NULL;
		struct rig_end e = {0};
		req.url = sv_of(urls[i]);
		if (aws_call_start(r->session, &req, rig_done, &e, &c, &err) != 1)
			fail_msg("%s", urls[i]);
		assert_true(err.msg[0]);
		assert_null(strstr(err.msg, "pw"));
		call_rig_turns(r);
		assert_int_equal(e.n, 0);
	}
	static char body[MiB(2)];
	memset(body, 'x', sizeof body);
	struct aws_request req = rig_request(r);
	struct aws_call *c;
	req.body = sv_make(body, sizeof body);
	assert_int_equal(aws_call_start(r->session, &req, rig_done, NULL, &c, NULL), 1);
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
		TEST(cancelled_in_each_state),
		TEST(cancel_from_inside_does_nothing),
		TEST(own_memory_is_the_callbacks),
		TEST(what_cannot_be_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
