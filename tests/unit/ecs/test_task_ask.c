/* Where the endpoint is, how long to wait, and what an answer is taken for. */
#include "ecs_rig.h"

#include "task_ask.h"
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <string.h>

#define V4 "ECS_CONTAINER_METADATA_URI_V4"
#define V3 "ECS_CONTAINER_METADATA_URI"

static void where(void **state)
{
	static const struct {
		const char *v4, *v3, *base, *why;
	} cases[] = {
		{"http://169.254.170.2/v4/a-1", NULL, "http://169.254.170.2/v4/a-1", NULL},
		{"http://169.254.170.2/v4/a-1/", "http://169.254.170.2/v3/b",
		 "http://169.254.170.2/v4/a-1", NULL},
		{NULL, "http://169.254.170.2/v3/b", "http://169.254.170.2/v3/b", NULL},
		{"", "http://169.254.170.2/v3/b//", "http://169.254.170.2/v3/b", NULL},
		{"http://[::1]:51679/v4/x", NULL, "http://[::1]:51679/v4/x", NULL},
		{NULL, NULL, NULL, "neither " V4 " nor " V3 " is set"},
		{"", "", NULL, "neither " V4 " nor " V3 " is set"},
		{"169.254.170.2/v4/a", "http://169.254.170.2/v3/b", NULL,
		 V4 " is not the URL of a metadata endpoint (http://ADDRESS/...)"},
		{"ftp://169.254.170.2/v4/a", NULL, NULL,
		 V4 " is not the URL of a metadata endpoint (http://ADDRESS/...)"},
		{NULL, "http://u:secret@169.254.170.2/v3/b", NULL,
		 V3 " is not the URL of a metadata endpoint (http://ADDRESS/...)"},
		{NULL, "http://169.254.170.2/v3/b?x=1", NULL,
		 V3 " is not the URL of a metadata endpoint (http://ADDRESS/...)"},
		{"///", NULL, NULL,
		 V4 " is not the URL of a metadata endpoint (http://ADDRESS/...)"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		struct err err = ERR_NULL;
		buf_init(&out, 4096);
		ecs_rig_env(V4, cases[i].v4);
		ecs_rig_env(V3, cases[i].v3);
		int code = ecs_ask_base(ecs_rig_getenv, &out, &err);
		assert_int_equal(code, cases[i].base ? 0 : 1);
		if (code == 0)
			assert_true(sv_eq(buf_view(&out), sv_of(cases[i].base)));
		else
			assert_string_equal(err.msg, cases[i].why);
	}
}

static void too_long(void **state)
{
	static char uri[1100] = "http://127.0.0.1/";
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	memset(uri + 17, 'x', sizeof uri - 18);
	buf_init(&out, 4096);
	ecs_rig_env(V4, uri);
	assert_int_equal(ecs_ask_base(ecs_rig_getenv, &out, &err), 1);
	assert_string_equal(err.msg, V4 " is too long");
}

static void pauses(void **state)
{
	static const struct {
		unsigned failures;
		enum ecs_ask_result result;
		int64_t retry_after_ms, bound_ms, least_ms, most_ms;
	} cases[] = {
		{1, ECS_ASK_NO_ANSWER, 0, 15000, 250, 500},
		{2, ECS_ASK_REFUSED, 0, 15000, 500, 1000},
		{3, ECS_ASK_UNUSABLE, 0, 15000, 1000, 2000},
		{5, ECS_ASK_UNUSABLE, 0, 15000, 4000, 8000},
		{6, ECS_ASK_UNUSABLE, 0, 15000, 7500, 15000},
		{4000000000, ECS_ASK_NO_ANSWER, 0, 15000, 7500, 15000},
		{1, ECS_ASK_THROTTLED, 0, 15000, 1000, 2000},
		{4, ECS_ASK_THROTTLED, 0, 15000, 7500, 15000},
		{1, ECS_ASK_THROTTLED, 7000, 15000, 7000, 7000},
		{1, ECS_ASK_REFUSED, 3600000, 15000, 15000, 15000},
		{1, ECS_ASK_NO_ANSWER, 0, 100, 50, 100},
		{9, ECS_ASK_THROTTLED, 5000, 1, 1, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t least = INT64_MAX, most = 0;
		for (uint64_t random = 0; random < 20000; random++) {
			int64_t p = ecs_ask_pause_ms(cases[i].failures, cases[i].result,
						     cases[i].retry_after_ms, cases[i].bound_ms,
						     random);
			least = p < least ? p : least;
			most = p > most ? p : most;
		}
		assert_int_equal(least, cases[i].least_ms);
		assert_int_equal(most, cases[i].most_ms);
		int64_t p =
			ecs_ask_pause_ms(cases[i].failures, cases[i].result,
					 cases[i].retry_after_ms, cases[i].bound_ms, UINT64_MAX);
		assert_true(p >= least && p <= most);
	}
}

struct end {
	unsigned n;
	enum ecs_ask_result result;
	int64_t retry_after_ms;
	char why[ERR_MSG_MAX];
};

static void on_done(void *cls, enum ecs_ask_result result, int64_t retry_after_ms,
		    const struct err *why)
{
	struct end *e = cls;
	e->n++;
	e->result = result;
	e->retry_after_ms = retry_after_ms;
	snprintf(e->why, sizeof e->why, "%s", why->msg);
}

static void ask(struct ecs_rig *r, struct ecs_ask *a, struct end *e)
{
	struct err err = ERR_NULL;
	unsigned before = e->n;
	if (ecs_ask_start(a, &err) != 0)
		fail_msg("%s", err.msg);
	assert_non_null(a->transfer);
	assert_int_equal(e->n, before); /* never from inside */
	ecs_rig_until(r, &e->n, before + 1);
	assert_int_equal(e->n, before + 1);
	assert_null(a->transfer);
}

static void answers(void **state)
{
	struct ecs_rig *r = *state;
	struct end e = {0};
	struct ecs_ask a = {.done = on_done, .cls = &e};
	static const struct {
		int status;
		const char *body, *header, *value;
		enum ecs_ask_result result;
		int64_t retry_after_ms;
		const char *why; /* "" = none, NULL = something */
	} cases[] = {
		{200, "{}", NULL, NULL, ECS_ASK_OK, 0, ""},
		{200, "garbage", NULL, NULL, ECS_ASK_OK, 0, ""},
		{200, "", NULL, NULL, ECS_ASK_UNUSABLE, 0, "the answer is empty"},
		{404, " no\tsuch task\r\n", NULL, NULL, ECS_ASK_REFUSED, 0,
		 "status 404: no such task"},
		{500, "\"V4 handler: unable to \xc3\xa9\"", NULL, NULL, ECS_ASK_REFUSED, 0,
		 "status 500: V4 handler: unable to   "},
		{503, "<html><body>busy", "Retry-After", "9", ECS_ASK_REFUSED, 9000, "status 503"},
		{429, "", NULL, NULL, ECS_ASK_THROTTLED, 0, "status 429"},
		{429, "slow down", "Retry-After", " 3 ", ECS_ASK_THROTTLED, 3000,
		 "status 429: slow down"},
		{429, "", "Retry-After", "99999999999", ECS_ASK_THROTTLED, 3600000, "status 429"},
		{429, "", "Retry-After", "soon", ECS_ASK_THROTTLED, 0, "status 429"},
		{302, "", "Location", "/v4/abc/elsewhere", ECS_ASK_REFUSED, 0, "status 302"},
		{204, "", NULL, NULL, ECS_ASK_REFUSED, 0, "status 204"},
		{RIG_DROP, "", NULL, NULL, ECS_ASK_NO_ANSWER, 0, NULL},
		{RIG_CUT, "some bytes that never come, as the stream ends before", NULL, NULL,
		 ECS_ASK_NO_ANSWER, 0, NULL},
	};
	assert_int_equal(ecs_ask_init(&a, r->session, sv_of(r->base), SV("/task")), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ecs_rig_answers(&r->task, cases[i].status, cases[i].body);
		r->task.header = cases[i].header;
		r->task.value = cases[i].value;
		unsigned asked = r->task.asked;
		ask(r, &a, &e);
		assert_int_equal(e.result, cases[i].result);
		assert_int_equal(e.retry_after_ms, cases[i].retry_after_ms);
		if (cases[i].why)
			assert_string_equal(e.why, cases[i].why);
		else
			assert_true(e.why[0] != '\0');
		if (e.result == ECS_ASK_OK)
			assert_true(sv_eq(buf_view(&a.body), sv_of(cases[i].body)));
		if (cases[i].status > 0)
			assert_int_equal(r->task.asked, asked + 1);
	}
	assert_int_equal(r->others, 0);
	assert_string_equal(r->agent, "rig/1");
	ecs_ask_deinit(&a);
}

static void too_large(void **state)
{
	struct ecs_rig *r = *state;
	struct end e = {0};
	struct ecs_ask a = {.done = on_done, .cls = &e};
	_cleanup_(freep) char *body = malloc(LIMIT_ECS_TASK_BYTES + 2);
	assert_non_null(body);
	memset(body, 'x', LIMIT_ECS_TASK_BYTES + 1);
	body[LIMIT_ECS_TASK_BYTES + 1] = '\0';
	assert_int_equal(ecs_ask_init(&a, r->session, sv_of(r->base), SV("/task")), 0);
	ecs_rig_answers(&r->task, 200, body);
	ask(r, &a, &e);
	assert_int_equal(e.result, ECS_ASK_UNUSABLE);
	assert_true(e.why[0] != '\0');
	body[LIMIT_ECS_TASK_BYTES] = '\0';
	ask(r, &a, &e);
	assert_int_equal(e.result, ECS_ASK_OK);
	assert_int_equal(a.body.len, LIMIT_ECS_TASK_BYTES);
	ecs_ask_deinit(&a);
}

static void ended_silently(void **state)
{
	struct ecs_rig *r = *state;
	struct end e = {0};
	struct err err = ERR_NULL;
	struct ecs_ask a = {.done = on_done, .cls = &e}, zero = {0};
	ecs_ask_deinit(&zero);
	assert_int_equal(ecs_ask_init(&a, r->session, sv_of(r->base), SV("/task")), 0);
	ecs_rig_answers(&r->task, RIG_HOLD, "");
	assert_int_equal(ecs_ask_start(&a, &err), 0);
	ecs_rig_until(r, &r->task.asked, 1);
	ecs_ask_deinit(&a);
	ecs_rig_release(&r->task, 200, "{}");
	ecs_rig_wait(r, 10);
	assert_int_equal(e.n, 0);
}

/* Only addresses of this host are connected to. */
static void nowhere_else(void **state)
{
	struct ecs_rig *r = *state;
	struct end e = {0};
	struct ecs_ask a = {.done = on_done, .cls = &e};
	assert_int_equal(ecs_ask_init(&a, r->session, SV("http://192.0.2.7/v4/a"), SV("/task")), 0);
	ask(r, &a, &e);
	assert_int_equal(e.result, ECS_ASK_NO_ANSWER);
	assert_non_null(strstr(e.why, "192.0.2.7"));
	ecs_ask_deinit(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(where, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(too_long, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test(pauses),
		cmocka_unit_test_setup_teardown(answers, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(too_large, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(ended_silently, ecs_rig_setup, ecs_rig_teardown),
		cmocka_unit_test_setup_teardown(nowhere_else, ecs_rig_setup, ecs_rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
