#include "ecs_rig.h"

#include "../app/variables.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <string.h>

enum { TURNS_MAX = 20000 };

void ecs_rig_env(const char *name, const char *value)
{
	set(name, value);
}

const char *ecs_rig_getenv(const char *name)
{
	return get(name);
}

static void answer(struct rig_page *p, struct http_exchange *x)
{
	struct http_header h = {sv_of(p->header), sv_of(p->value)};
	char raw[256];
	p->asked++;
	if (++p->at_once > p->most_at_once)
		p->most_at_once = p->at_once;
	if (p->status == RIG_HOLD) {
		assert_true(p->n_held < RIG_HELD_MAX);
		p->held[p->n_held++] = x;
		return;
	}
	p->at_once--;
	if (p->status == RIG_DROP) {
		http_answer_drop(x);
	} else if (p->status == RIG_CUT) {
		snprintf(raw, sizeof raw,
			 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n{\"TaskARN\":\"a/",
			 strlen(p->body));
		http_answer_broken(x, sv_of(raw), 0, HTTP_BREAK_CLOSE);
	} else {
		http_answer_now(x, p->status, SV("application/json"), sv_of(p->body), &h,
				p->header ? 1 : 0);
	}
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct ecs_rig *r = cls;
	struct sv path = req->raw_path, agent = http_exchange_header(req->exchange, "User-Agent");
	snprintf(r->agent, sizeof r->agent, "%.*s", SV_ARG(agent));
	if (sv_eq(req->method, SV("GET")) && sv_eq(path, sv_of(r->task.path))) {
		answer(&r->task, req->exchange);
	} else if (sv_eq(req->method, SV("GET")) && sv_eq(path, sv_of(r->stats.path))) {
		answer(&r->stats, req->exchange);
	} else {
		r->others++;
		snprintf(r->other, sizeof r->other, "%.*s %.*s", SV_ARG(req->method), SV_ARG(path));
		http_answer_now(req->exchange, 404, SV("text/plain"), SV("no such page"), NULL, 0);
	}
}

int ecs_rig_setup(void **state)
{
	struct ecs_rig *r = calloc(1, sizeof *r);
	struct err err = ERR_NULL;
	clear_all();
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&r->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = KiB(64),
					.max_connections = 32,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = r};
	assert_int_equal(http_server_new(r->loop, &o, &r->server, &err), 0);
	assert_int_equal(http_pool_new(r->loop, 8, 60000, &r->pool), 0);
	snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d", http_server_port(r->server));
	snprintf(r->base, sizeof r->base, "%s/v4/abc", r->url);
	r->task = (struct rig_page){.path = "/v4/abc/task", .status = 404, .body = ""};
	r->stats = (struct rig_page){.path = "/v4/abc/task/stats", .status = 404, .body = ""};
	ecs_rig_env("ECS_CONTAINER_METADATA_URI_V4", r->base);
	struct aws_session_options so = {
		.loop = r->loop, .pool = r->pool, .env = ecs_rig_getenv, .user_agent = SV("rig/1")};
	if (aws_session_new(&so, &r->session, &err) != 0)
		fail_msg("%s", err.msg);
	*state = r;
	return 0;
}

int ecs_rig_teardown(void **state)
{
	struct ecs_rig *r = *state;
	aws_session_free(r->session);
	http_pool_free(r->pool);
	http_server_free(r->server);
	loop_free(r->loop);
	free(r);
	return 0;
}

void ecs_rig_answers(struct rig_page *p, int status, const char *body)
{
	p->status = status;
	p->body = body;
	p->header = p->value = NULL;
}

void ecs_rig_release(struct rig_page *p, int status, const char *body)
{
	for (size_t i = 0; i < p->n_held; i++) {
		p->at_once--;
		http_answer_now(p->held[i], status, SV("application/json"), sv_of(body), NULL, 0);
	}
	p->n_held = 0;
}

static void on_waited(void *cls)
{
	loop_stop(cls);
}

void ecs_rig_wait(struct ecs_rig *r, int64_t ms)
{
	struct loop_timer t = {.fire = on_waited, .cls = r->loop};
	loop_timer_in(r->loop, &t, ms);
	assert_int_equal(loop_run(r->loop), 0);
	loop_timer_cancel(&t);
}

void ecs_rig_until(struct ecs_rig *r, const unsigned *n, unsigned least)
{
	for (int i = 0; i < TURNS_MAX && *n < least; i++)
		ecs_rig_wait(r, 1);
	if (*n < least)
		fail_msg("%u of %u came", *n, least);
}
