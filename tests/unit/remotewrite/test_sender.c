/* What a request looks like on the wire: headers, path, host, attempts. The signature itself is the
 * endpoint's to check: see test_remotewrite.c. */
#include "../../../remotewrite/sender.h"

#include "cmocka_all.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <ampagent/net/http_server.h>
#include <stdio.h>
#include <stdlib.h>

struct world {
	struct loop *loop;
	struct http_server *server;
	struct http_pool *pool;
	struct aws_session *aws;
	char url[128], host[64];
	char seen[4096]; /* lower-case name: value lines */
	char path[256];
	char body[64];
	int status;
	bool echo; /* answers with the Authorization that came */
	char answer[256];
	unsigned done;
	/* held: requests that wait for release() */
	bool hold_writes, hold_keys;
	struct http_exchange *writes[8], *keys;
	unsigned n_writes;
	int write_status, keys_status;
	unsigned keys_asked; /* each time other keys are given */
	enum http_result result;
	char error_type[64];
	struct send_seam refresh_by; /* asked when an answer comes */
	bool refreshed;
	unsigned stop_at; /* of n_writes */
};

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

static void give_keys(struct world *w, struct http_exchange *x)
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

static void release(struct world *w)
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
static char keys_url[80], task_url[80];

static const char *env(const char *name)
{
	for (size_t i = 0; i < 4; i++)
		if (variables[i][0] && strcmp(name, variables[i][0]) == 0)
			return variables[i][1];
	if (strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0)
		return "true";
	return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

static void set_variable(const char *name, const char *value)
{
	size_t i = 0;
	while (i < 4 && variables[i][0])
		i++;
	assert_true(i < 4);
	variables[i][0] = name;
	variables[i][1] = value;
}

static void setup(struct world *w)
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
	snprintf(keys_url, sizeof keys_url, "http://%s/keys", w->host);
	snprintf(task_url, sizeof task_url, "http://%s/task", w->host);
}

static void teardown(struct world *w)
{
	aws_session_free(w->aws);
	http_pool_free(w->pool);
	http_server_free(w->server);
	loop_free(w->loop);
}

static void on_done(void *cls, const struct http_answer *a, struct sv body)
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

static void send_as(struct world *w, struct sender *s, unsigned attempt,
		    enum remotewrite_protocol protocol)
{
	char hash[HASH_HEX] = "";
	struct err err = ERR_NULL;
	void *flight;
	struct send_request req = {.protocol = protocol,
				   .body = SV("payload"),
				   .hash = hash,
				   .attempt = attempt,
				   .wall_ms = INT64_C(1440938160000),
				   .timeout_ms = 5000};
	struct send_seam seam = sender_seam(s);
	if (seam.start(seam.cls, &req, on_done, w, &flight, &err) != 0)
		fail_msg("%s", err.msg);
	loop_run(w->loop);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->status, 500);
	assert_string_equal(w->answer, w->echo ? "Basic ********************" : "no");
	assert_string_equal(w->body, "payload");
	w->done = 0;
}

static void send_one(struct world *w, struct sender *s, unsigned attempt)
{
	send_as(w, s, attempt, REMOTEWRITE_V1);
}

static bool seen(const struct world *w, const char *line)
{
	char text[600];
	snprintf(text, sizeof text, "\n%s\n", line);
	return strstr(w->seen, text) != NULL;
}

static struct sender *make(struct world *w, const struct remotewrite_options *opt)
{
	struct sender *s = NULL;
	struct err err = ERR_NULL;
	if (sender_new(w->pool, w->aws, opt, LABELS_NULL, SV("agent/1"), &s, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static void test_plain(void **state)
{
	struct world w;
	setup(&w);
	struct sv value = SV("tenant-1");
	struct http_header_option header = {
		.name = SV("X-Scope-OrgID"), .values = &value, .n_values = 1};
	struct remotewrite_options opt = {
		.url = sv_of(w.url),
		.headers = &header,
		.n_headers = 1,
		.http = {.has_basic_auth = true, .username = SV("u"), .password = SV("p")}};
	struct sender *s = make(&w, &opt);
	send_one(&w, s, 0);
	assert_string_equal(w.path, "/a/c?x=1");
	assert_true(seen(&w, "content-encoding: snappy"));
	assert_true(seen(&w, "content-type: application/x-protobuf"));
	assert_true(seen(&w, "x-prometheus-remote-write-version: 0.1.0"));
	assert_true(seen(&w, "user-agent: agent/1"));
	assert_true(seen(&w, "x-scope-orgid: tenant-1"));
	assert_true(seen(&w, "authorization: Basic dTpw"));
	assert_null(strstr(w.seen, "retry-attempt"));
	assert_null(strstr(w.seen, "x-amz"));
	assert_null(strstr(w.seen, "expect"));
	send_one(&w, s, 3);
	assert_true(seen(&w, "retry-attempt: 3"));
	sender_unref(s);
	teardown(&w);
}

static void test_v2(void **state)
{
	struct world w;
	setup(&w);
	struct remotewrite_options opt = {.url = sv_of(w.url), .protocol = REMOTEWRITE_V2};
	struct sender *s = make(&w, &opt);
	send_as(&w, s, 0, REMOTEWRITE_V2);
	assert_true(seen(&w, "content-encoding: snappy"));
	assert_true(seen(
		&w, "content-type: application/x-protobuf;proto=io.prometheus.write.v2.Request"));
	assert_true(seen(&w, "x-prometheus-remote-write-version: 2.0.0"));
	/* What it fell back to is the request's to say. */
	send_as(&w, s, 0, REMOTEWRITE_V1);
	assert_true(seen(&w, "content-type: application/x-protobuf"));
	assert_true(seen(&w, "x-prometheus-remote-write-version: 0.1.0"));
	sender_unref(s);
	teardown(&w);
}

/* round_robin_dns: names are looked up each time, and one of few addresses serves as well. */
static void test_any_address(void **state)
{
	struct world w;
	setup(&w);
	char url[128];
	snprintf(url, sizeof url, "http://localhost%s/a/c?x=1", strchr(w.host, ':'));
	struct remotewrite_options opt = {.url = sv_of(url), .round_robin_dns = true};
	struct sender *s = make(&w, &opt);
	for (int i = 0; i < 3; i++)
		send_one(&w, s, 0);
	assert_string_equal(w.path, "/a/c?x=1");
	sender_unref(s);
	teardown(&w);
}

static void test_signed(void **state)
{
	struct world w;
	setup(&w);
	struct remotewrite_options opt = {.url = sv_of(w.url),
					  .has_sigv4 = true,
					  .sigv4 = {SV("eu-west-1"), SV("AKID"), SV("secret")}};
	struct sender *s = make(&w, &opt);
	send_one(&w, s, 0);
	char host[80];
	snprintf(host, sizeof host, "host: %s", w.host);
	assert_true(seen(&w, host));
	assert_true(seen(&w, "x-amz-date: 20150830T123600Z"));
	assert_non_null(strstr(w.seen, "authorization: AWS4-HMAC-SHA256 Credential=AKID/20150830/"
				       "eu-west-1/aps/aws4_request, SignedHeaders=content-encoding;"
				       "content-type;host;x-amz-date;"
				       "x-prometheus-remote-write-version, Signature="));
	/* The endpoint's clock is years ahead of the time above: the next one is signed with it. */
	send_one(&w, s, 1);
	assert_false(seen(&w, "x-amz-date: 20150830T123600Z"));
	sender_unref(s);
	teardown(&w);
}

/* ---- what is not there yet ---- */

static char hashes[8][HASH_HEX];
static unsigned n_hashes;

static void *begin(struct world *w, struct sender *s, int64_t timeout_ms)
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

/* Enough for whatever is to happen here on its own. */
static void settle(struct world *w)
{
	struct loop_timer t = {.fire = fire_stop, .cls = w->loop};
	loop_timer_in(w->loop, &t, 50);
	loop_run(w->loop);
	loop_timer_cancel(&t);
}

static struct sender *make_signed(struct world *w, const char *region)
{
	set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", keys_url);
	struct remotewrite_options opt = {
		.url = sv_of(w->url), .has_sigv4 = true, .sigv4 = {.region = sv_of(region)}};
	return make(w, &opt);
}

static void test_waits_for_keys(void **state)
{
	struct world w;
	setup(&w);
	w.hold_keys = true;
	w.write_status = 200;
	struct sender *s = make_signed(&w, "eu-west-1");
	begin(&w, s, 60000);
	begin(&w, s, 60000);
	loop_run(w.loop);
	settle(&w);
	assert_int_equal(w.done, 0);
	assert_int_equal(w.seen[0], 0);
	give_keys(&w, w.keys);
	while (w.done < 2)
		loop_run(w.loop);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.seen, "Credential=ASIATEST1/"));
	assert_true(seen(&w, "x-amz-security-token: token-1"));
	assert_int_equal(w.keys_asked, 1);
	sender_unref(s);
	teardown(&w);
}

static void test_no_keys(void **state)
{
	struct world w;
	setup(&w);
	w.keys_status = 404;
	struct sender *s = make_signed(&w, "eu-west-1");
	begin(&w, s, 60000);
	begin(&w, s, 60000);
	while (w.done < 2)
		loop_run(w.loop);
	assert_int_equal(w.result, HTTP_LOCAL);
	assert_int_equal(w.status, 0);
	assert_string_equal(w.error_type, ANSWER_NO_CREDENTIALS);
	assert_int_equal(strncmp(w.answer, "no AWS credentials: ", 20), 0);
	assert_int_equal(w.seen[0], 0);
	sender_unref(s);
	teardown(&w);
}

/* No longer than the request may take; a cancelled one is silent, the others go on waiting. */
static void test_waits_no_longer(void **state)
{
	struct world w;
	setup(&w);
	w.hold_keys = true;
	struct sender *s = make_signed(&w, "eu-west-1");
	struct send_seam seam = sender_seam(s);
	void *a = begin(&w, s, 60000);
	begin(&w, s, 20);
	void *b = begin(&w, s, 60000);
	seam.cancel(seam.cls, a);
	while (w.done < 1)
		loop_run(w.loop);
	assert_int_equal(w.result, HTTP_LOCAL);
	assert_string_equal(w.error_type, ANSWER_NO_CREDENTIALS);
	settle(&w);
	assert_int_equal(w.done, 1);
	/* The last one that waits takes the sender along. */
	sender_unref(s);
	seam.cancel(seam.cls, b);
	settle(&w);
	assert_int_equal(w.done, 1);
	teardown(&w);
}

/* Until the peer has answered once, one request is on its way; then all go. */
static void test_first_answer(void **state)
{
	struct world w;
	setup(&w);
	w.hold_writes = true;
	w.write_status = 403;
	struct sender *s = make_signed(&w, "eu-west-1");
	for (int i = 0; i < 4; i++)
		begin(&w, s, 60000);
	w.stop_at = 1;
	loop_run(w.loop);
	settle(&w);
	assert_int_equal(w.n_writes, 1);
	release(&w);
	w.stop_at = 3;
	while (w.n_writes < 3)
		loop_run(w.loop);
	assert_int_equal(w.done, 1);
	release(&w);
	while (w.done < 4)
		loop_run(w.loop);
	sender_unref(s);
	/* What is known of that host's clock serves the next one. */
	struct remotewrite_options opt = {
		.url = sv_of(w.url), .has_sigv4 = true, .sigv4 = {.region = SV("eu-west-2")}};
	s = make(&w, &opt);
	w.stop_at = 2;
	begin(&w, s, 60000);
	begin(&w, s, 60000);
	while (w.n_writes < 2)
		loop_run(w.loop);
	release(&w);
	while (w.done < 6)
		loop_run(w.loop);
	sender_unref(s);
	teardown(&w);
}

/* A peer that does not answer the first one does not hold up the rest for ever. */
static void test_no_first_answer(void **state)
{
	struct world w;
	setup(&w);
	w.hold_writes = true;
	struct sender *s = make_signed(&w, "eu-west-1");
	begin(&w, s, 60000);
	begin(&w, s, 20);
	while (w.done < 1)
		loop_run(w.loop);
	assert_int_equal(w.result, HTTP_TIMEOUT);
	assert_string_equal(w.error_type, "");
	void *third = begin(&w, s, 60000);
	w.stop_at = 1;
	while (w.n_writes < 1)
		loop_run(w.loop);
	http_answer_drop(w.writes[0]);
	w.n_writes = 0;
	while (w.done < 2 || w.n_writes < 1)
		loop_run(w.loop);
	struct send_seam seam = sender_seam(s);
	seam.cancel(seam.cls, third);
	http_answer_drop(w.writes[0]);
	sender_unref(s);
	teardown(&w);
}

/* The keys of the very request are rejected; the next one waits for others. */
static void test_rejected(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 403;
	struct sender *s = make_signed(&w, "eu-west-1");
	w.refresh_by = sender_seam(s);
	begin(&w, s, 60000);
	while (w.done < 1)
		loop_run(w.loop);
	assert_non_null(strstr(w.seen, "Credential=ASIATEST1/"));
	assert_true(w.refreshed);
	w.refresh_by.refresh = NULL;
	w.write_status = 200;
	begin(&w, s, 60000);
	while (w.done < 2)
		loop_run(w.loop);
	assert_non_null(strstr(w.seen, "Credential=ASIATEST2/"));
	assert_int_equal(w.keys_asked, 2);
	sender_unref(s);
	teardown(&w);
}

static void test_region(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 200;
	set_variable("ECS_CONTAINER_METADATA_URI_V4", task_url);
	struct sender *s = make_signed(&w, "");
	begin(&w, s, 60000);
	while (w.done < 1)
		loop_run(w.loop);
	assert_int_equal(w.status, 200);
	assert_non_null(strstr(w.seen, "/ap-south-1/aps/aws4_request"));
	sender_unref(s);
	teardown(&w);
}

static void test_no_region(void **state)
{
	struct world w;
	setup(&w);
	struct sender *s = make_signed(&w, "");
	begin(&w, s, 60000);
	while (w.done < 1)
		loop_run(w.loop);
	assert_int_equal(w.result, HTTP_LOCAL);
	assert_string_equal(w.error_type, ANSWER_NO_REGION);
	assert_non_null(strstr(w.answer, "region"));
	sender_unref(s);
	teardown(&w);
}

static void test_redirect(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 307;
	set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", keys_url);
	struct remotewrite_options opt = {.url = sv_of(w.url),
					  .has_sigv4 = true,
					  .sigv4 = {.region = SV("eu-west-1")},
					  .http = {.follow_redirects = true}};
	struct sender *s = make(&w, &opt);
	begin(&w, s, 60000);
	while (w.done < 1)
		loop_run(w.loop);
	assert_int_equal(w.result, HTTP_OK);
	assert_int_equal(w.status, 307);
	sender_unref(s);
	teardown(&w);
}

static void test_ca_bundle(void **state)
{
	static const char bundle[] = "/etc/ssl/certs/ca-certificates.crt";
	struct world w;
	setup(&w);
	set_variable("AWS_CA_BUNDLE", bundle);
	struct sender *s = make_signed(&w, "eu-west-1");
	assert_true(sv_eq(s->opt.http.tls.ca_file, sv_of(bundle)));
	sender_unref(s);
	struct remotewrite_options plain = {.url = sv_of(w.url)};
	s = make(&w, &plain);
	assert_int_equal(s->opt.http.tls.ca_file.len, 0);
	sender_unref(s);
	teardown(&w);
}

static void test_refused(void **state)
{
	static const char *const urls[] = {"", "nonsense", "ftp://h/", "/path", "http://"};
	struct world w;
	setup(&w);
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct remotewrite_options opt = {.url = sv_of(urls[i])};
		struct sender *s = NULL;
		struct err err = ERR_NULL;
		if (sender_new(w.pool, w.aws, &opt, LABELS_NULL, SV("a"), &s, &err) != 1)
			fail_msg("accepted: %s", urls[i]);
		assert_true(err.msg[0] != 0);
	}
	struct remotewrite_options half = {
		.url = sv_of(w.url), .has_sigv4 = true, .sigv4 = {SV("eu-west-1"), SV("AKID")}};
	struct sender *s = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(sender_new(w.pool, w.aws, &half, LABELS_NULL, SV("a"), &s, &err), 1);
	assert_non_null(strstr(err.msg, "sigv4"));
	teardown(&w);
}

/* A cancelled request ends silently. */
static void test_cancel(void **state)
{
	struct world w;
	setup(&w);
	struct remotewrite_options opt = {.url = sv_of(w.url)};
	struct sender *s = make(&w, &opt);
	char hash[HASH_HEX] = "";
	void *flight;
	struct send_request req = {.body = SV("payload"), .hash = hash, .timeout_ms = 5000};
	struct send_seam seam = sender_seam(s);
	assert_int_equal(seam.start(seam.cls, &req, on_done, &w, &flight, NULL), 0);
	/* The flight keeps the sender until it ends. */
	sender_unref(s);
	seam.cancel(seam.cls, flight);
	assert_int_equal(w.done, 0);
	teardown(&w);
}

/* Peers explain a refusal by what they were sent; the text is for logs and pages. */
static void test_echo(void **state)
{
	struct world w;
	setup(&w);
	w.echo = true;
	struct remotewrite_options opt = {.url = sv_of(w.url),
					  .http = {.has_basic_auth = true,
						   .username = SV("user"),
						   .password = SV("password")}};
	struct sender *s = make(&w, &opt);
	send_one(&w, s, 0);
	sender_unref(s);
	teardown(&w);
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(http_client_global_init(), 0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),        cmocka_unit_test(test_v2),
		cmocka_unit_test(test_any_address),  cmocka_unit_test(test_signed),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_echo),
		cmocka_unit_test(test_cancel),       cmocka_unit_test(test_waits_for_keys),
		cmocka_unit_test(test_no_keys),      cmocka_unit_test(test_waits_no_longer),
		cmocka_unit_test(test_first_answer), cmocka_unit_test(test_no_first_answer),
		cmocka_unit_test(test_rejected),     cmocka_unit_test(test_region),
		cmocka_unit_test(test_no_region),    cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_ca_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
