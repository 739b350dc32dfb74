#include "creds_rig.h"

#include "rig_variables.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GUARD_MS = 20000, STEP_MS = 2 };

const char *rig_getenv(const char *name)
{
	return rig_variable(name);
}

void rig_env(struct creds_rig *r, const char *name, const char *value)
{
	rig_variable_set(name, value, http_server_port(r->server));
}

const char *rig_file(struct creds_rig *r, const char *name, const char *text, unsigned mode)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", r->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void json_keys(char *dst, size_t size, unsigned n, const char *expires)
{
	snprintf(dst, size,
		 "{\"RoleArn\":\"arn:aws:iam::111122223333:role/r\",\"AccessKeyId\":\"ASIAPEER%u\","
		 "\"SecretAccessKey\":\"peer-secret-%u\",\"Token\":\"peer-token-%u\","
		 "\"Expiration\":\"%s\"}",
		 n, n, n, expires);
}

static void xml_keys(char *dst, size_t size, unsigned n, const char *expires)
{
	snprintf(
		dst, size,
		"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
		"<AssumeRoleResult><AssumedRoleUser>"
		"<Arn>arn:aws:sts::444455556666:assumed-role/r/s</Arn>"
		"<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser><Credentials>"
		"<AccessKeyId>ASIAROLE%u</AccessKeyId><SecretAccessKey>role-secret-%u"
		"</SecretAccessKey><SessionToken>role-token-%u</SessionToken>"
		"<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
		n, n, n, expires);
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct creds_rig *r = cls;
	char body[2048], expires[RFC3339_MAX];
	bool sts = sv_eq(req->method, SV("POST"));

	r->asked++;
	if (r->hang) {
		for (size_t i = 0; i < RIG_KEPT; i++) {
			if (!r->kept[i]) {
				r->kept[i] = req->exchange;
				return;
			}
		}
		fail_msg("too many requests at once");
	}
	if (sts)
		snprintf(r->last_form, sizeof r->last_form, "%.*s", SV_ARG(req->body));
	if (!r->same || !r->issued)
		r->issued++;
	clock_format_rfc3339(expires, clock_wall_ms() + r->life_ms);
	if (r->status != 200)
		snprintf(body, sizeof body, "{\"code\":\"Trouble\",\"message\":\"no keys today\"}");
	else if (sts)
		xml_keys(body, sizeof body, r->issued, expires);
	else
		json_keys(body, sizeof body, r->issued, expires);
	http_answer_now(req->exchange, r->status, sts ? SV("text/xml") : SV("application/json"),
			sv_of(body), NULL, 0);
}

void rig_release(struct creds_rig *r, int status)
{
	for (size_t i = 0; i < RIG_KEPT; i++) {
		if (r->kept[i])
			http_answer_now(r->kept[i], status, SV("text/plain"), SV("{}"), NULL, 0);
		r->kept[i] = NULL;
	}
}

int creds_rig_setup(void **state)
{
	struct creds_rig *r = calloc(1, sizeof *r);
	struct err err = ERR_NULL;

	*r = (struct creds_rig){.status = 200, .life_ms = 3600000};
	rig_variables_clear();
	snprintf(r->dir, sizeof r->dir, "/tmp/creds-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_int_equal(loop_new(&r->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = MiB(1),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = r};
	assert_int_equal(http_server_new(r->loop, &o, &r->server, &err), 0);
	assert_int_equal(http_pool_new(r->loop, 16, 60000, &r->pool), 0);
	char none[128];
	snprintf(none, sizeof none, "%s/none", r->dir);
	rig_env(r, "AWS_CONFIG_FILE", none);
	rig_env(r, "AWS_SHARED_CREDENTIALS_FILE", none);
	rig_env(r, "AWS_EC2_METADATA_DISABLED", "true");
	rig_env(r, "AWS_REGION", "eu-west-1");
	struct aws_session_options opt = {r->loop, r->pool, rig_getenv, SV("test")};
	if (aws_session_new(&opt, &r->session, &err) != 0)
		fail_msg("%s", err.msg);
	*state = r;
	return 0;
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = {"config", "credentials", "keys.sh", "count", "token"};
	char path[256];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

int creds_rig_teardown(void **state)
{
	struct creds_rig *r = *state;
	rig_release(r, 500);
	aws_session_free(r->session);
	http_pool_free(r->pool);
	http_server_free(r->server);
	loop_free(r->loop);
	remove_dir(r->dir);
	free(r);
	return 0;
}

struct run {
	struct creds_rig *rig;
	bool (*cond)(void *cls);
	void *cls;
	int64_t until_ms;
	struct loop_timer timer;
};

static void on_step(void *cls)
{
	struct run *run = cls;
	if (run->cond ? run->cond(run->cls) : clock_mono_ms() >= run->until_ms)
		loop_stop(run->rig->loop);
	else if (run->cond && clock_mono_ms() >= run->until_ms)
		loop_fail(run->rig->loop, ERR_FATAL);
	else
		loop_timer_in(run->rig->loop, &run->timer, STEP_MS);
}

static void run(struct creds_rig *r, bool (*cond)(void *cls), void *cls, int64_t ms)
{
	struct run run = {r, cond, cls, clock_mono_ms() + ms, {.fire = on_step}};
	run.timer.cls = &run;
	loop_timer_in(r->loop, &run.timer, 0);
	assert_int_equal(loop_run(r->loop), 0);
	loop_timer_cancel(&run.timer);
}

void rig_until(struct creds_rig *r, bool (*cond)(void *cls), void *cls)
{
	run(r, cond, cls, GUARD_MS);
}

void rig_for(struct creds_rig *r, int64_t ms)
{
	run(r, NULL, NULL, ms);
}

static void on_ready(void *cls, const struct err *why)
{
	struct rig_waiter *w = cls;
	w->calls++;
	w->ok = why == NULL;
	snprintf(w->why, sizeof w->why, "%s", why ? why->msg : "");
}

void rig_wait(struct aws_credentials *c, struct rig_waiter *w)
{
	w->w.ready = on_ready;
	w->w.cls = w;
	aws_credentials_wait(c, &w->w);
}

bool rig_woken(void *waiter)
{
	return ((struct rig_waiter *)waiter)->calls > 0;
}

const char *rig_key(struct aws_credentials *c)
{
	static char key[64];
	struct aws_keys keys;
	uint64_t id;
	key[0] = '\0';
	if (aws_credentials_now(c, &keys, &id) == 0)
		snprintf(key, sizeof key, "%.*s", SV_ARG(keys.access_key));
	return key;
}

uint64_t rig_id(struct aws_credentials *c)
{
	struct aws_keys keys;
	uint64_t id = 0;
	assert_int_equal(aws_credentials_now(c, &keys, &id), 0);
	return id;
}

struct aws_credentials_status rig_status(const struct aws_credentials *c)
{
	struct aws_credentials_status s;
	aws_credentials_status_get(c, &s);
	return s;
}

struct aws_credentials *rig_get(struct creds_rig *r, struct aws_credentials_options opt)
{
	struct aws_credentials *c;
	struct err err = ERR_NULL;
	int code = aws_credentials_get(r->session, &opt, &c, &err);
	if (code != 0)
		fail_msg("%s", err.msg);
	return c;
}

struct aws_credentials *rig_container(struct creds_rig *r)
{
	rig_env(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/v2/credentials/task");
	return rig_get(r, (struct aws_credentials_options){0});
}

struct aws_credentials *rig_ready(struct creds_rig *r)
{
	struct aws_credentials *c = rig_container(r);
	struct rig_waiter w = {0};
	rig_wait(c, &w);
	rig_until(r, rig_woken, &w);
	assert_true(w.ok);
	char want[32];
	snprintf(want, sizeof want, "ASIAPEER%u", r->issued);
	assert_string_equal(rig_key(c), want);
	return c;
}
