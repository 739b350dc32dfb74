/* Requests that are sent again, and failures in words. */
#include "ask.h"
#include "source_rig.h"

#include <ampagent/base/limits.h>

#include <stdio.h>
#include <string.h>

struct end {
	struct rig *rig;
	unsigned n;
	enum http_result result;
	int status;
	char body[256], told[AWS_ASK_TOLD_MAX];
	int64_t peer_now_ms;
	struct aws_ask *cancel; /* in the callback */
};

static void on_end(void *cls, const struct http_answer *a, struct sv body)
{
	struct end *e = cls;
	e->n++;
	e->result = a->result;
	e->status = a->status;
	snprintf(e->body, sizeof e->body, "%.*s", SV_ARG(body));
	aws_ask_told(e->told, a, body, SV("hidden"));
	e->peer_now_ms = aws_clock_told_ms(a);
	aws_ask_cancel(e->cancel);
	loop_stop(e->rig->loop);
}

static struct aws_ask_options options(struct rig *r, struct sv url)
{
	return (struct aws_ask_options){
		.loop = r->loop,
		.client = aws_session_link(r->session),
		.attempts = 3,
		.pause_ms = 1,
		.req = {.method = SV("GET"), .url = url, .timeout_ms = 5000, .body_max = KiB(1)}};
}

static void ask(struct end *e, const struct aws_ask_options *o)
{
	struct aws_ask *a;
	struct err err = ERR_NULL;
	unsigned before = e->n;
	assert_int_equal(aws_ask_start(o, on_end, e, &a, &err), 0);
	assert_int_equal(e->n, before);
	rig_turn(e->rig);
	assert_int_equal(e->n, before + 1);
}

static struct sv url_of(struct rig *r, const char *path)
{
	static char url[128];
	snprintf(url, sizeof url, "%s%s", r->url, path);
	return sv_of(url);
}

static void failures_that_pass(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_ask_options o = options(r, url_of(r, "/a"));
	rig_answers(r, "GET /a", 500, "first");
	rig_answers(r, "GET /a", RIG_DROP, "");
	rig_answers(r, "GET /a", 200, "third");
	rig_dates(r, "Sun, 06 Nov 1994 08:49:37 GMT");
	ask(&e, &o);
	assert_int_equal(e.status, 200);
	assert_string_equal(e.body, "third");
	assert_int_equal(e.peer_now_ms, INT64_C(784111777500));
	rig_answers(r, "GET /a", 429, "slow");
	rig_answers(r, "GET /a", 503, "{\"message\":\"later\"}");
	rig_answers(r, "GET /a", 502, "{\"code\":\"C\",\"message\":\"hidden fault\"}");
	rig_answers(r, "GET /a", 200, "a fourth is not asked for");
	ask(&e, &o);
	assert_int_equal(e.status, 502);
	assert_string_equal(e.told, "status 502: C: *** fault");
	assert_int_equal(rig_count(r, "GET /a"), 6);
}

static void answers_that_stay(void **state)
{
	struct rig *r = *state;
	static const int statuses[] = {200, 204, 301, 400, 401, 403, 404};
	struct aws_ask_options o = options(r, url_of(r, "/a"));
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct end e = {.rig = r};
		rig_answers(r, "GET /a", statuses[i], "");
		ask(&e, &o);
		assert_int_equal(e.status, statuses[i]);
		assert_int_equal(rig_count(r, "GET /a"), i + 1);
	}
}

/* What was given to start may be gone when it is sent again. */
static void a_copy_is_sent_again(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	char name[] = "X-Tag", value[] = "one", url[128];
	struct http_header h = {sv_of(name), sv_of(value)};
	struct aws_ask *a;
	struct err err = ERR_NULL;
	snprintf(url, sizeof url, "%s/a", r->url);
	struct aws_ask_options o = options(r, sv_of(url));
	o.req.headers = &h;
	o.req.n_headers = 1;
	rig_answers(r, "GET /a", 500, "");
	rig_answers(r, "GET /a", 200, "");
	assert_int_equal(aws_ask_start(&o, on_end, &e, &a, &err), 0);
	memset(name, 'n', sizeof name);
	memset(value, 'v', sizeof value);
	memset(url, 'u', sizeof url);
	rig_turn(r);
	assert_int_equal(e.status, 200);
	const char *first = strstr(r->asked, "X-Tag: one\n");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "X-Tag: one\n"));
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct err err = ERR_NULL;
	struct aws_ask_options o = options(r, url_of(r, "/a"));
	aws_ask_cancel(NULL);
	struct aws_ask *a;
	rig_answers(r, "GET /a", RIG_SILENT, "");
	assert_int_equal(aws_ask_start(&o, on_end, &e, &a, &err), 0);
	rig_wait(r, 50);
	aws_ask_cancel(a);
	/* In the pause. */
	o.pause_ms = 60000;
	rig_answers(r, "GET /a", 500, "");
	assert_int_equal(aws_ask_start(&o, on_end, &e, &a, &err), 0);
	rig_until(r, "GET /a", 2);
	rig_wait(r, 50);
	aws_ask_cancel(a);
	rig_wait(r, 20);
	assert_int_equal(e.n, 0);
	/* From inside its own end. */
	rig_answers(r, "GET /a", 200, "");
	assert_int_equal(aws_ask_start(&o, on_end, &e, &a, &err), 0);
	e.cancel = a;
	rig_turn(r);
	assert_int_equal(e.n, 1);
}

static void no_answer(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct err err = ERR_NULL;
	struct aws_ask *a;
	struct aws_ask_options o = options(r, url_of(r, "/a"));
	o.req.timeout_ms = 50;
	for (int i = 0; i < 3; i++)
		rig_answers(r, "GET /a", RIG_SILENT, "");
	ask(&e, &o);
	assert_int_equal(e.result, HTTP_TIMEOUT);
	assert_string_equal(e.told, "timeout of 50 ms exceeded");
	assert_int_equal(e.peer_now_ms, 0);
	assert_string_equal(e.body, "");
	o.req.timeout_ms = 5000;
	o.req.url = SV("not a URL");
	assert_int_equal(aws_ask_start(&o, on_end, &e, &a, &err), 1);
	assert_true(err.msg[0] != '\0');
	o.req.url = url_of(r, "/big");
	o.req.body_max = 4;
	rig_answers(r, "GET /big", 200, "12345");
	ask(&e, &o);
	assert_int_equal(e.result, HTTP_TOO_LARGE);
	assert_int_equal(rig_count(r, "GET /big"), 1);
}

static void told(void **state)
{
	static const struct {
		int status;
		const char *body, *told;
	} cases[] = {
		{400, "", "status 400"},
		{400, "bad token\n", "status 400: bad token"},
		{404, "<?xml version=\"1.0\"?><html>404</html>", "status 404"},
		{404, "\n<html>", "status 404"},
		{403, "{\"Code\":\"AccessDenied\",\"Message\":\"not you\"}",
		 "status 403: AccessDenied: not you"},
		{403, "{\"error\":1}", "status 403: {\"error\":1}"},
		{401, "your token hidden is old", "status 401: your token *** is old"},
	};
	char line[AWS_ASK_TOLD_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct http_answer a = {.result = HTTP_OK, .status = cases[i].status};
		aws_ask_told(line, &a, sv_of(cases[i].body), SV("hidden"));
		assert_string_equal(line, cases[i].told);
	}
	struct http_answer failed = {.result = HTTP_NETWORK, .error = "connection\nrefused"};
	aws_ask_told(line, &failed, SV_NULL, SV_NULL);
	assert_string_equal(line, "connection refused");
	char *text = malloc(5000);
	memset(text, 'x', 5000);
	struct http_answer a = {.result = HTTP_OK, .status = 500};
	aws_ask_told(line, &a, sv_make(text, 5000), SV_NULL);
	assert_true(strlen(line) < sizeof line);
	assert_non_null(strstr(line, "xxx..."));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(failures_that_pass, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(answers_that_stay, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(a_copy_is_sent_again, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_answer, rig_setup, rig_teardown),
		cmocka_unit_test(told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
