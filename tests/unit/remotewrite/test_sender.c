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
	char answer[64];
	unsigned done;
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

static void handle(void *cls, const struct http_server_request *req)
{
	struct world *w = cls;
	w->seen[0] = 0;
	http_exchange_headers(req->exchange, see_header, w);
	snprintf(w->path, sizeof w->path, "%.*s?%.*s", SV_ARG(req->raw_path), SV_ARG(req->query));
	snprintf(w->body, sizeof w->body, "%.*s", SV_ARG(req->body));
	struct sv answer =
		w->echo ? http_exchange_header(req->exchange, "Authorization") : SV("no");
	http_answer_now(req->exchange, 500, SV("text/plain"), answer, NULL, 0);
}

/* No file, no service: what a test wants of the environment it says. */
static const char *env_value;
static const char *env_name;
static const char *env(const char *name)
{
	if (env_name && strcmp(name, env_name) == 0)
		return env_value;
	if (strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0)
		return "true";
	return strcmp(name, "HOME") == 0 ? "/nonexistent" : NULL;
}

static void setup(struct world *w)
{
	struct err err = ERR_NULL;
	*w = (struct world){.status = -1};
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
	snprintf(w->answer, sizeof w->answer, "%.*s", SV_ARG(body));
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
		cmocka_unit_test(test_plain),       cmocka_unit_test(test_v2),
		cmocka_unit_test(test_any_address), cmocka_unit_test(test_signed),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_echo),
		cmocka_unit_test(test_cancel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
