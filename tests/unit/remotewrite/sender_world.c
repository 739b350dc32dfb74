#include "sender_world.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static void see_header(void *cls, struct sv name, struct sv value)
{
	struct world *w = cls;
	size_t at = strlen(w->seen);
	at += (size_t)snprintf(w->seen + at, sizeof w->seen - at, "\n");
	for (size_t i = 0; i < name.len; i++)
		w->seen[at++] =
			(char)(name.ptr[i] | (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? 32 : 0));
	snprintf(w->seen + at, sizeof w->seen - at, ": %.*s\n", SV_ARG(value));
}

void give_keys(struct world *w, struct http_exchange *x)
{
	char text[512];
	w->keys_asked++;
	snprintf(text, sizeof text,
		 "{\"AccessKeyId\":\"ASIATEST%u\",\"SecretAccessKey\":\"made-up-%u\","
		 "\"Token\":\"token-%u\",\"Expiration\":\"2099-01-01T00:00:00Z\"}",
		 w->keys_asked, w->keys_asked, w->keys_asked);
	if (w->keys_status)
		snprintf(text, sizeof text, "{\"code\":\"Broken\",\"message\":\"no role\"}");
	http_answer_now(x, w->keys_status ? w->keys_status : 200, SV("application/json"),
			sv_of(text), NULL, 0);
}

static void answer_write(struct world *w, struct http_exchange *x)
{
	struct http_header to = {SV("Location"), SV("http://127.0.0.1:1/elsewhere")};
	http_answer_now(x, w->write_status, SV("text/plain"), SV("no"), &to,
			w->write_status == 307);
}

void release(struct world *w)
{
	for (unsigned i = 0; i < w->n_writes; i++)
		answer_write(w, w->writes[i]);
	w->n_writes = 0;
}

static void handle(void *cls, const struct http_server_request *req)
{
	struct world *w = cls;
	if (sv_eq(req->path, SV("/keys"))) {
		if (w->hold_keys) {
			w->keys = req->exchange;
			loop_stop(w->loop);
		} else {
			give_keys(w, req->exchange);
		}
		return;
	}
	if (sv_eq(req->path, SV("/task/task"))) {
		http_answer_now(
			req->exchange, 200, SV("application/json"),
			SV("{\"TaskARN\":\"arn:aws:ecs:ap-south-1:123456789012:task/c/1\"}"), NULL,
			0);
		return;
	}
	w->seen[0] = 0;
	http_exchange_headers(req->exchange, see_header, w);
	snprintf(w->path, sizeof w->path, "%.*s?%.*s", SV_ARG(req->raw_path), SV_ARG(req->query));
	snprintf(w->body, sizeof w->body, "%.*s", SV_ARG(req->body));
	if (w->hold_writes) {
		assert_true(w->n_writes < 8);
		w->writes[w->n_writes++] = req->exchange;
		if (w->n_writes == w->stop_at)
			loop_stop(w->loop);
		return;
	}
	if (w->write_status) {
		answer_write(w, req->exchange);
		return;
	}
	struct sv answer =
		w->echo ? http_exchange_header(req->exchange, "Authorization") : SV("no");
	http_answer_now(req->exchange, 500, SV("text/plain"), answer, NULL, 0);
}

/* No file, no service: what a test wants of the environment it says. */
static const char *variables[4][2];

static const char *env(const char *name)
{
	for (size_t i = 0; i < 4; i++)
		if (variables[i][0] && strcmp(name, variables[i][0]) == 0)
			return variables[i][1];
	if (strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0)
		return "true";
	return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

void set_variable(const char *name, const char *value)
{
	size_t i = 0;
	while (i < 4 && variables[i][0])
		i++;
	assert_true(i < 4);
	variables[i][0] = name;
	variables[i][1] = value;
}

void setup(struct world *w)
{
	struct err err = ERR_NULL;
	*w = (struct world){.status = -1};
	memset(variables, 0, sizeof variables);
	assert_int_equal(loop_new(&w->loop, &err), 0);
	struct http_server_options so = {.listen = SV("127.0.0.1:0"),
					 .body_max = 65536,
					 .max_connections = 8,
					 .read_timeout_ms = 5000,
					 .handler = handle,
					 .cls = w};
	assert_int_equal(http_server_new(w->loop, &so, &w->server, &err), 0);
	assert_int_equal(http_pool_new(w->loop, 4, 1000, &w->pool), 0);
	struct aws_session_options ao = {.loop = w->loop, .pool = w->pool, .env = env};
	assert_int_equal(aws_session_new(&ao, &w->aws, &err), 0);
	snprintf(w->host, sizeof w->host, "127.0.0.1:%d", http_server_port(w->server));
	snprintf(w->url, sizeof w->url, "http://%s/a//b/../c?x=1", w->host);
	snprintf(w->keys_url, sizeof w->keys_url, "http://%s/keys", w->host);
	snprintf(w->task_url, sizeof w->task_url, "http://%s/task", w->host);
}

void teardown(struct world *w)
{
	aws_session_free(w->aws);
	http_pool_free(w->pool);
	http_server_free(w->server);
	loop_free(w->loop);
}

void on_done(void *cls, const struct http_answer *a, struct sv body)
{
	struct world *w = cls;
	w->done++;
	w->status = a->status;
	w->result = a->result;
	snprintf(w->error_type, sizeof w->error_type, "%.*s", SV_ARG(a->error_type));
	snprintf(w->answer, sizeof w->answer, "%.*s", SV_ARG(body));
	if (a->error)
		snprintf(w->answer, sizeof w->answer, "%s", a->error);
	if (w->refresh_by.refresh)
		w->refreshed = w->refresh_by.refresh(w->refresh_by.cls);
	loop_stop(w->loop);
}

bool seen(const struct world *w, const char *line)
{
	char text[600];
	snprintf(text, sizeof text, "\n%s\n", line);
	return strstr(w->seen, text) != NULL;
}

struct sender *make(struct world *w, const struct remotewrite_options *opt)
{
	struct sender *s = NULL;
	struct err err = ERR_NULL;
	if (sender_new(w->pool, w->aws, opt, LABELS_NULL, SV("agent/1"), &s, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static char hashes[8][HASH_HEX];
static unsigned n_hashes;

void *begin(struct world *w, struct sender *s, int64_t timeout_ms)
{
	struct err err = ERR_NULL;
	void *flight = NULL;
	char *hash = hashes[n_hashes++ % 8];
	hash[0] = 0;
	struct send_request req = {.body = SV("payload"),
				   .hash = hash,
				   .wall_ms = loop_wall_ms(w->loop),
				   .timeout_ms = timeout_ms};
	struct send_seam seam = sender_seam(s);
	if (seam.start(seam.cls, &req, on_done, w, &flight, &err) != 0)
		fail_msg("%s", err.msg);
	return flight;
}

static void fire_stop(void *cls)
{
	loop_stop(cls);
}

void settle(struct world *w)
{
	struct loop_timer t = {.fire = fire_stop, .cls = w->loop};
	loop_timer_in(w->loop, &t, 50);
	loop_run(w->loop);
	loop_timer_cancel(&t);
}

struct sender *make_signed(struct world *w, const char *region)
{
	set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", w->keys_url);
	struct remotewrite_options opt = {
		.url = sv_of(w->url), .has_sigv4 = true, .sigv4 = {.region = sv_of(region)}};
	return make(w, &opt);
}

void run_until_done(struct world *w, unsigned n)
{
	while (w->done < n)
		loop_run(w->loop);
}

void run_until_held(struct world *w, unsigned n)
{
	w->stop_at = n;
	while (w->n_writes < n)
		loop_run(w->loop);
}
