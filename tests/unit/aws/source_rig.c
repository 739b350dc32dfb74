#include "source_rig.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <string.h>

enum { GUARD_MS = 20000 };

static struct {
	const char *name, *value;
} environment[RIG_ENV_MAX];

void rig_env(const char *name, const char *value)
{
	for (size_t i = 0; i < RIG_ENV_MAX; i++) {
		if (environment[i].name && strcmp(environment[i].name, name) != 0)
			continue;
		environment[i].name = name;
		environment[i].value = value;
		return;
	}
	fail_msg("no room for %s", name);
}

static const char *rig_getenv(const char *name)
{
	for (size_t i = 0; i < RIG_ENV_MAX; i++)
		if (environment[i].name && strcmp(environment[i].name, name) == 0)
			return environment[i].value;
	return NULL;
}

static void note(struct rig *r, struct sv a, const char *between, struct sv b)
{
	size_t n = strlen(r->asked);
	snprintf(r->asked + n, sizeof r->asked - n, "%.*s%s%.*s\n", SV_ARG(a), between, SV_ARG(b));
}

static void note_header(void *cls, struct sv name, struct sv value)
{
	note(cls, name, ": ", value);
}

static void answer(struct rig *r, struct http_exchange *x, const struct rig_line *l)
{
	struct http_header date = {SV("Date"), sv_of(l->date)};
	if (l->status == RIG_SILENT)
		r->kept[r->n_kept++] = x;
	else if (l->status == RIG_DROP)
		http_answer_drop(x);
	else
		http_answer_now(x, l->status, sv_of(l->type ? l->type : "application/json"),
				sv_of(l->body), &date, l->date ? 1 : 0);
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct rig *r = cls;
	char line[512];
	static const struct rig_line none = {.status = 599, .body = "not in the script"};
	snprintf(line, sizeof line, "%.*s %.*s%s%.*s", SV_ARG(req->method), SV_ARG(req->raw_path),
		 req->query.len ? "?" : "", SV_ARG(req->query));
	note(r, sv_of(line), "", SV_NULL);
	http_exchange_headers(req->exchange, note_header, r);
	note(r, SV_NULL, "", SV_NULL);
	for (size_t i = 0; i < r->n_script; i++) {
		struct rig_line *l = &r->script[i];
		if (l->used || strcmp(l->request, line) != 0)
			continue;
		l->used = true;
		answer(r, req->exchange, l);
		return;
	}
	answer(r, req->exchange, &none);
}

int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct err err = ERR_NULL;
	memset(environment, 0, sizeof environment);
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
	struct aws_session_options so = {
		.loop = r->loop, .pool = r->pool, .env = rig_getenv, .user_agent = SV("rig/1")};
	if (aws_session_new(&so, &r->session, &err) != 0)
		fail_msg("%s", err.msg);
	r->settings.imds_v1_disabled = true;
	r->settings.imds_attempts = 1;
	r->settings.imds_timeout_ms = 5000;
	r->settings.imds_endpoint = sv_of(r->url);
	r->env = (struct source_env){r->session, &r->settings, &r->plan};
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *r = *state;
	for (size_t i = 0; i < r->n_kept; i++)
		http_answer_drop(r->kept[i]);
	aws_session_free(r->session);
	http_pool_free(r->pool);
	http_server_free(r->server);
	loop_free(r->loop);
	free(r);
	return 0;
}

void rig_answers(struct rig *r, const char *request, int status, const char *body)
{
	assert_true(r->n_script < RIG_SCRIPT_MAX);
	r->script[r->n_script++] =
		(struct rig_line){.request = request, .status = status, .body = body};
}

void rig_dates(struct rig *r, const char *date)
{
	r->script[r->n_script - 1].date = date;
}

void rig_types(struct rig *r, const char *type)
{
	r->script[r->n_script - 1].type = type;
}

unsigned rig_count(const struct rig *r, const char *request)
{
	unsigned n = 0;
	size_t len = strlen(request);
	for (const char *p = r->asked; (p = strstr(p, request)); p += len)
		n += (p == r->asked || p[-1] == '\n') && p[len] == '\n';
	return n;
}

void rig_assert_asked(const struct rig *r, const char *text)
{
	if (!strstr(r->asked, text))
		fail_msg("\"%s\" is not in:\n%s", text, r->asked);
}

void rig_assert_not_asked(const struct rig *r, const char *text)
{
	if (strstr(r->asked, text))
		fail_msg("\"%s\" is in:\n%s", text, r->asked);
}

static void copy(char dst[RIG_TEXT], struct sv s)
{
	snprintf(dst, RIG_TEXT, "%.*s", SV_ARG(s));
}

void rig_done(void *cls, const struct aws_got *got, const struct err *why)
{
	struct rig *r = cls;
	static const struct aws_got nothing;
	r->ends++;
	r->good = got != NULL;
	got = got ? got : &nothing;
	assert_true(r->good || (why && why->msg[0]));
	copy(r->access_key, got->keys.access_key);
	copy(r->secret_key, got->keys.secret_key);
	copy(r->token, got->keys.session_token);
	copy(r->account, got->account);
	r->expires_ms = got->expires_ms;
	r->peer_now_ms = got->peer_now_ms;
	copy(r->why, r->good ? SV_NULL : sv_of(why->msg));
	loop_stop(r->loop);
}

static void on_guard(void *cls)
{
	loop_fail(cls, ERR_FATAL);
}

void rig_turn(struct rig *r)
{
	struct loop_timer guard = {.fire = on_guard, .cls = r->loop};
	loop_timer_in(r->loop, &guard, GUARD_MS);
	assert_int_equal(loop_run(r->loop), 0);
	loop_timer_cancel(&guard);
}

static void on_waited(void *cls)
{
	loop_stop(cls);
}

void rig_wait(struct rig *r, int64_t ms)
{
	struct loop_timer t = {.fire = on_waited, .cls = r->loop};
	loop_timer_in(r->loop, &t, ms);
	rig_turn(r);
	loop_timer_cancel(&t);
}

void rig_until(struct rig *r, const char *request, unsigned n)
{
	for (int i = 0; i < 4000 && rig_count(r, request) < n; i++)
		rig_wait(r, 5);
	assert_int_equal(rig_count(r, request), n);
}

void rig_fetch(struct rig *r, rig_start *start)
{
	struct aws_fetch *f = NULL;
	struct err err = ERR_NULL;
	unsigned before = r->ends;
	int code = start(&r->env, rig_done, r, &f, &err);
	assert_int_equal(r->ends, before); /* never from inside */
	if (code != 0) {
		assert_int_equal(code, 1);
		assert_true(err.msg[0] != '\0');
		r->good = false;
		copy(r->why, sv_of(err.msg));
		return;
	}
	rig_turn(r);
	assert_int_equal(r->ends, before + 1);
}

void rig_assert_why(const struct rig *r, const char *part)
{
	assert_false(r->good);
	if (!strstr(r->why, part))
		fail_msg("\"%s\" is not in: %s", part, r->why);
}

void rig_assert_keys(const struct rig *r, const char *access_key, const char *secret_key,
		     const char *token)
{
	if (!r->good)
		fail_msg("%s", r->why);
	assert_string_equal(r->access_key, access_key);
	assert_string_equal(r->secret_key, secret_key);
	assert_string_equal(r->token, token);
}
