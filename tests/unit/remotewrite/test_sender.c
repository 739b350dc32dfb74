/* What a request looks like on the wire: headers, path, host, attempts. The signature itself is the
 * endpoint's to check: see test_remotewrite.c. */
#include "cmocka_all.h"
#include "sender_world.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>
#include <stdio.h>
#include <stdlib.h>

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

/* As Prometheus does: what is signed has no slash at its end, what is not goes as it is. */
static void test_slash_at_the_end(void **state)
{
	static const struct {
		const char *path;
		bool is_signed;
		const char *wanted;
	} cases[] = {
		{"/a/c/", true, "/a/c?"}, {"/a//c//?x=1", true, "/a/c?x=1"}, {"/", true, "/?"},
		{"", true, "/?"},         {"/a/c/", false, "/a/c/?"},
	};
	struct world w;
	setup(&w);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char url[128];
		snprintf(url, sizeof url, "http://%s%s", w.host, cases[i].path);
		struct remotewrite_options opt = {
			.url = sv_of(url),
			.has_sigv4 = cases[i].is_signed,
			.sigv4 = {SV("eu-west-1"), SV("AKID"), SV("secret")}};
		struct sender *s = make(&w, &opt);
		send_one(&w, s, 0);
		assert_string_equal(w.path, cases[i].wanted);
		sender_unref(s);
	}
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
	run_until_done(&w, 2);
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
	run_until_done(&w, 2);
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
	run_until_done(&w, 1);
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

/* Others go by new settings. */
static void test_retires(void **state)
{
	struct world w;
	setup(&w);
	w.hold_keys = true;
	struct sender *s = make_signed(&w, "eu-west-1");
	sender_retire(s);
	begin(&w, s, 60000);
	begin(&w, s, 60000);
	sender_retire(s);
	assert_int_equal(w.done, 2);
	assert_int_equal(w.result, HTTP_LOCAL);
	assert_string_equal(w.error_type, "");
	assert_non_null(strstr(w.answer, "settings"));
	sender_unref(s);
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
	run_until_held(&w, 3);
	assert_int_equal(w.done, 1);
	release(&w);
	run_until_done(&w, 4);
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
	run_until_done(&w, 6);
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
	run_until_done(&w, 1);
	assert_int_equal(w.result, HTTP_TIMEOUT);
	assert_string_equal(w.error_type, "");
	void *third = begin(&w, s, 60000);
	run_until_held(&w, 1);
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

static void test_redirect(void **state)
{
	struct world w;
	setup(&w);
	w.write_status = 307;
	set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.keys_url);
	struct remotewrite_options opt = {.url = sv_of(w.url),
					  .has_sigv4 = true,
					  .sigv4 = {.region = SV("eu-west-1")},
					  .http = {.follow_redirects = true}};
	struct sender *s = make(&w, &opt);
	begin(&w, s, 60000);
	run_until_done(&w, 1);
	assert_int_equal(w.result, HTTP_OK);
	assert_int_equal(w.status, 307);
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
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_any_address),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_slash_at_the_end),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_retires),
		cmocka_unit_test(test_waits_for_keys),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_waits_no_longer),
		cmocka_unit_test(test_first_answer),
		cmocka_unit_test(test_no_first_answer),
		cmocka_unit_test(test_redirect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
