#include "call_rig.h"

#include "rig_variables.h"
#include "verify_sigv4.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { GUARD_MS = 20000, STEP_MS = 1, HEADERS = 32, TURNS = 20 };

const char *call_rig_getenv(const char *name)
{
	return rig_variable(name);
}

void call_rig_env(struct call_rig *r, const char *name, const char *value)
{
	rig_variable_set(name, value, http_server_port(r->server));
}

/* ---- the peer ---- */

static void note_header(void *cls, struct sv name, struct sv value)
{
	buf_printf(cls, "%.*s: %.*s\n", SV_ARG(name), SV_ARG(value));
}

static void note(struct call_rig *r, const struct http_server_request *req)
{
	struct buf b;
	buf_init(&b, MiB(1));
	buf_printf(&b, "%.*s %.*s%s%.*s\n", SV_ARG(req->method), SV_ARG(req->raw_path),
		   req->query.len ? "?" : "", SV_ARG(req->query));
	http_exchange_headers(req->exchange, note_header, &b);
	buf_printf(&b, "\n%.*s", SV_ARG(req->body));
	if (r->asked < RIG_SEEN) {
		free(r->seen[r->asked]);
		r->seen[r->asked] = buf_take(&b);
		assert_non_null(r->seen[r->asked]);
	}
	buf_deinit(&b);
}

struct header_list {
	struct sigv4_header v[HEADERS];
	size_t n;
};

static void list_header(void *cls, struct sv name, struct sv value)
{
	struct header_list *l = cls;
	assert_true(l->n < HEADERS);
	l->v[l->n++] = (struct sigv4_header){name, value};
}

static void check_signature(struct call_rig *r, const struct http_server_request *req)
{
	struct header_list l = {.n = 0};
	http_exchange_headers(req->exchange, list_header, &l);
	const struct sigv4_received received = {req->method, req->raw_path, req->query,
						req->body,   l.v,           l.n};
	const struct sigv4_expected expected = {.access_key = SV(RIG_ACCESS_KEY),
						.secret_key = SV(RIG_SECRET_KEY),
						.session_token = sv_of(r->session_token),
						.region = SV("eu-west-1"),
						.service = SV("sts"),
						.clock_window_s = 300};
	_cleanup_(sigv4_refusal_deinit) struct sigv4_refusal refusal;
	sigv4_refusal_init(&refusal);
	r->n_signed++;
	int64_t now_ms = clock_wall_ms() + r->peer_ahead_ms;
	if (r->keep_secret || verify_sigv4(&received, &expected, now_ms / 1000, &refusal) == 0)
		return;
	r->n_refused++;
	snprintf(r->refusal, sizeof r->refusal, "%s: %.*s", refusal.type,
		 SV_ARG(buf_view(&refusal.text)));
}

static void answer_keys(struct call_rig *r, struct http_exchange *x)
{
	char body[512], expires[RFC3339_MAX];
	unsigned n = r->keys_asked++;
	clock_format_rfc3339(expires, clock_wall_ms() + 3600000);
	snprintf(body, sizeof body,
		 "{\"AccessKeyId\":\"ASIA%u\",\"SecretAccessKey\":\"secret-%u\","
		 "\"Token\":\"token-of-session-%u\",\"Expiration\":\"%s\"}",
		 n, n, n, expires);
	http_answer_now(x, 200, SV("application/json"), sv_of(body), NULL, 0);
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct call_rig *r = cls;
	if (sv_eq(req->path, SV("/keys"))) {
		answer_keys(r, req->exchange);
		return;
	}
	assert_true(r->n_answers > 0);
	const struct rig_answer *a =
		&r->answers[r->asked < r->n_answers ? r->asked : r->n_answers - 1];
	note(r, req);
	r->asked++;
	if (http_exchange_header(req->exchange, "authorization").len)
		check_signature(r, req);
	if (a->status == 0) {
		http_answer_drop(req->exchange);
		return;
	}
	if (a->status < 0) {
		r->kept = req->exchange;
		return;
	}
	char date[64];
	time_t t = (time_t)((clock_wall_ms() + r->peer_ahead_ms) / 1000);
	struct tm tm;
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
	const struct http_header headers[] = {{SV("Date"), sv_of(date)},
					      {sv_of(a->header), sv_of(a->value)}};
	http_answer_now(req->exchange, a->status, a->type ? sv_of(a->type) : SV("text/xml"),
			sv_of(a->body), headers, a->header ? 2 : 1);
}

void call_rig_answers(struct call_rig *r, const struct rig_answer *answers, size_t n)
{
	r->answers = answers;
	r->n_answers = n;
	r->asked = 0;
}

void call_rig_standin(struct call_rig *r, struct standin_options o)
{
	struct err err = ERR_NULL;
	o.listen = SV("127.0.0.1:0");
	if (standin_new(r->loop, &o, &r->standin, &err) != 0)
		fail_msg("%s", err.msg);
	snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d", standin_port(r->standin));
	call_rig_env(r, "AWS_ENDPOINT_URL_STS", r->url);
	call_rig_settings(r);
}

const char *call_rig_file(struct call_rig *r, const char *name, const char *text)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", r->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* ---- set-up ---- */

void call_rig_settings(struct call_rig *r)
{
	struct err err = ERR_NULL;
	aws_settings_deinit(&r->settings);
	if (aws_settings_load(call_rig_getenv, SV_NULL, &r->settings, &err) != 0)
		fail_msg("%s", err.msg);
}

int call_rig_setup(void **state)
{
	struct call_rig *r = calloc(1, sizeof *r);
	struct err err = ERR_NULL;
	rig_variables_clear();
	assert_int_equal(crypto_init(), 0);
	snprintf(r->dir, sizeof r->dir, "/tmp/call-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_int_equal(loop_new(&r->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = MiB(1),
					.max_connections = 64,
					.read_timeout_ms = 20000,
					.handler = on_request,
					.cls = r};
	assert_int_equal(http_server_new(r->loop, &o, &r->server, &err), 0);
	assert_int_equal(http_pool_new(r->loop, 16, 60000, &r->pool), 0);
	snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d", http_server_port(r->server));
	call_rig_env(r, "AWS_CONFIG_FILE", "/nowhere/config");
	call_rig_env(r, "AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials");
	call_rig_env(r, "AWS_EC2_METADATA_DISABLED", "true");
	call_rig_env(r, "AWS_ENDPOINT_URL_STS", r->url);
	call_rig_settings(r);
	struct aws_session_options opt = {r->loop, r->pool, call_rig_getenv, SV("test/1")};
	if (aws_session_new(&opt, &r->session, &err) != 0)
		fail_msg("%s", err.msg);
	*state = r;
	return 0;
}

int call_rig_teardown(void **state)
{
	struct call_rig *r = *state;
	char path[128];
	aws_session_free(r->session);
	http_pool_free(r->pool);
	http_server_free(r->server);
	standin_free(r->standin);
	loop_free(r->loop);
	aws_settings_deinit(&r->settings);
	for (size_t i = 0; i < RIG_SEEN; i++)
		free(r->seen[i]);
	snprintf(path, sizeof path, "%s/token", r->dir);
	unlink(path);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

/* ---- time ---- */

struct wait {
	struct call_rig *rig;
	const unsigned *n;
	unsigned count, turns;
	int64_t until_ms;
	struct loop_timer timer;
};

static void on_step(void *cls)
{
	struct wait *w = cls;
	if (w->n ? *w->n >= w->count : w->turns-- == 0)
		loop_stop(w->rig->loop);
	else if (clock_mono_ms() >= w->until_ms)
		loop_fail(w->rig->loop, ERR_FATAL);
	else
		loop_timer_in(w->rig->loop, &w->timer, STEP_MS);
}

static void wait_for(struct wait *w)
{
	w->until_ms = clock_mono_ms() + GUARD_MS;
	w->timer = (struct loop_timer){.fire = on_step, .cls = w};
	loop_timer_in(w->rig->loop, &w->timer, 0);
	assert_int_equal(loop_run(w->rig->loop), 0);
	loop_timer_cancel(&w->timer);
}

void call_rig_until(struct call_rig *r, const unsigned *n, unsigned count)
{
	struct wait w = {.rig = r, .n = n, .count = count};
	wait_for(&w);
}

void call_rig_turns(struct call_rig *r)
{
	struct wait w = {.rig = r, .turns = TURNS};
	wait_for(&w);
}

/* ---- what was seen ---- */

const char *call_rig_header(struct call_rig *r, unsigned request, const char *name)
{
	static char value[8192];
	assert_true(request < r->asked && request < RIG_SEEN);
	struct sv head = sv_of(r->seen[request]);
	head.len = sv_find_sv(head, SV("\n\n"));
	value[0] = '\0';
	while (head.len > 0) {
		struct sv line = sv_make(head.ptr, sv_find(head, '\n'));
		struct sv key = sv_make(line.ptr, sv_find(line, ':'));
		if (sv_eq_nocase(key, sv_of(name)))
			snprintf(value, sizeof value, "%.*s",
				 SV_ARG(sv_trim(sv_from(line, key.len + 1))));
		head = sv_from(head, line.len + 1);
	}
	return value;
}

const char *call_rig_field(struct call_rig *r, unsigned request, const char *name)
{
	static char value[32768];
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	assert_true(request < r->asked && request < RIG_SEEN);
	struct sv body = sv_of(strstr(r->seen[request], "\n\n") + 2);
	buf_init(&b, sizeof value - 1);
	if (http_query_get(body, sv_of(name), &b) != 0)
		buf_reset(&b);
	snprintf(value, sizeof value, "%.*s", SV_ARG(buf_view(&b)));
	return value;
}

/* ---- calls ---- */

static void copy(char *dst, size_t size, struct sv s)
{
	snprintf(dst, size, "%.*s", SV_ARG(s));
}

void rig_done(void *cls, const struct aws_answer *a)
{
	struct rig_end *e = cls;
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

const struct aws_keys rig_keys = {SV(RIG_ACCESS_KEY), SV(RIG_SECRET_KEY), SV_NULL};

struct aws_request rig_request(struct call_rig *r)
{
	return (struct aws_request){.service = SV("sts"),
				    .region = SV("eu-west-1"),
				    .url = sv_of(r->url),
				    .content_type = SV("application/x-www-form-urlencoded"),
				    .body = SV("Action=X&Version=1"),
				    .keys = &rig_keys,
				    .timeout_ms = 10000};
}

struct aws_call *rig_start(struct call_rig *r, const struct aws_request *req, struct rig_end *e)
{
	struct aws_call *c = NULL;
	struct err err = ERR_NULL;
	*e = (struct rig_end){0};
	if (aws_call_start(r->session, req, rig_done, e, &c, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, 0);
	return c;
}

void rig_call(struct call_rig *r, const struct aws_request *req, struct rig_end *e)
{
	rig_start(r, req, e);
	call_rig_until(r, &e->n, 1);
	assert_int_equal(e->n, 1);
}

void rig_assert_said(const struct rig_end *e, const char *text)
{
	if (!strstr(e->why, text))
		fail_msg("\"%s\" is not in: %s", text, e->why);
}

void rig_assert_signed(struct call_rig *r, unsigned n)
{
	if (r->n_refused)
		fail_msg("%s", r->refusal);
	assert_int_equal(r->n_signed, n);
}

struct aws_credentials *rig_credentials(struct call_rig *r,
					const struct aws_credentials_options *opt)
{
	struct aws_credentials *c;
	struct err err = ERR_NULL;
	if (aws_credentials_get(r->session, opt, &c, &err) != 0)
		fail_msg("%s", err.msg);
	return c;
}
