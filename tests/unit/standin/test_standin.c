/* The whole endpoint over loopback. Signed requests are signed by the agent's own signer, which the
 * endpoint's check has no code in common with: here the two meet. */
#include "check.h"
#include "wire.h"

#include <ampagent/aws/sigv4.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/file.h>
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>

#define REMOTE_WRITE "/workspaces/ws-a/api/v1/remote_write"

enum { ANSWER_MAX = 1 << 20, TIMEOUT_MS = 20000, HEADERS_MAX = 12 };

static struct loop *loop;
static struct http_pool *pool;
static struct http_client *client;
static struct standin *standin;

/* What came back. */
static struct {
	bool done;
	enum http_result result;
	int status;
	char request_id[64], error_type[64], content_type[64];
	int64_t date_s;
	struct buf body;
} got;

/* --- set-up --- */

static void start(const struct standin_options *o)
{
	struct standin_options here = *o;
	struct err err = ERR_NULL;
	here.listen = SV("127.0.0.1:0");
	if (standin_new(loop, &here, &standin, &err) != 0)
		fail_msg("%s", err.msg);
}

static void start_default(void)
{
	struct standin_options o = standin_options_default();
	start(&o);
}

static struct standin_options signed_options(void)
{
	struct standin_options o = standin_options_default();
	o.access_key = SV("AKIDEXAMPLE");
	o.secret_key = SV("secret");
	o.region = SV("eu-west-1");
	return o;
}

static int begin(void **state)
{
	static const struct http_options none = {0};
	buf_init(&got.body, ANSWER_MAX);
	return loop_new(&loop, NULL) || http_pool_new(loop, 4, 1000, &pool) ||
	       http_client_new(pool, &none, &client, NULL);
}

static int end(void **state)
{
	standin_free(take_ptr(standin));
	http_client_free(client);
	http_pool_free(pool);
	loop_free(loop);
	buf_deinit(&got.body);
	return 0;
}

/* --- asking --- */

struct ask {
	const char *method, *target;
	struct sv body;
	struct http_header headers[HEADERS_MAX];
	size_t n_headers;
};

static void copy(char *dst, size_t size, struct sv s)
{
	snprintf(dst, size, "%.*s", SV_ARG(s));
}

static void on_answer(void *cls, const struct http_answer *a)
{
	got.done = true;
	got.result = a->result;
	got.status = a->status;
	copy(got.request_id, sizeof got.request_id, a->request_id);
	copy(got.error_type, sizeof got.error_type, a->error_type);
	copy(got.content_type, sizeof got.content_type, a->content_type);
	got.date_s = 0;
	clock_parse_http_date(a->date.ptr, a->date.len, &got.date_s);
	loop_stop(loop);
}

static void add_header(struct ask *a, struct sv name, struct sv value)
{
	assert_true(a->n_headers < HEADERS_MAX);
	a->headers[a->n_headers++] = (struct http_header){name, value};
}

static int ask(const struct ask *a)
{
	char url[256];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", standin_port(standin), a->target);
	buf_reset(&got.body);
	got.done = false;
	struct http_request request = {
		.method = sv_of(a->method),
		.url = sv_of(url),
		.headers = a->headers,
		.n_headers = a->n_headers,
		.body = a->body,
		.timeout_ms = TIMEOUT_MS,
		.body_max = ANSWER_MAX,
		.body_out = &got.body,
	};
	struct http_transfer *transfer;
	struct err err = ERR_NULL;
	if (http_start(client, &request, on_answer, NULL, &transfer, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(loop_run(loop), 0);
	assert_true(got.done);
	return got.status;
}

static int get(const char *target)
{
	struct ask a = {.method = "GET", .target = target};
	return ask(&a);
}

static int post(const char *target)
{
	struct ask a = {.method = "POST", .target = target};
	return ask(&a);
}

static struct ask write_ask(struct sv body)
{
	struct ask a = {.method = "POST", .target = REMOTE_WRITE, .body = body};
	add_header(&a, SV("Content-Type"), SV("application/x-protobuf"));
	add_header(&a, SV("Content-Encoding"), SV("snappy"));
	add_header(&a, SV("X-Prometheus-Remote-Write-Version"), SV("0.1.0"));
	return a;
}

/* Two series, a and b, with a sample each at t_ms. */
static void two_samples(struct buf *body, int64_t t_ms)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL;
	buf_init(&raw, WIRE_MAX);
	put_one(&raw, "__name__=a,job=x", t_ms, 1.5);
	put_one(&raw, "__name__=b", t_ms, 2);
	buf_init(body, WIRE_MAX);
	assert_int_equal(snappy_block_compress(body, buf_view(&raw)), 0);
}

static int write_at(int64_t t_ms)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	two_samples(&body, t_ms);
	struct ask a = write_ask(buf_view(&body));
	return ask(&a);
}

static int write_now(void)
{
	return write_at(clock_wall_ms());
}

struct signer {
	const char *secret, *region, *token, *sent_token;
	int64_t shift_s;
};

static int write_signed(const struct signer *by)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	two_samples(&body, clock_wall_ms());
	struct ask a = write_ask(buf_view(&body));
	char host[64], hash[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	snprintf(host, sizeof host, "127.0.0.1:%d", standin_port(standin));
	crypto_sha256(digest, body.ptr, body.len);
	hex_encode(hash, digest, sizeof digest);
	struct sigv4_request r = {
		.method = SV("POST"),
		.host = sv_of(host),
		.path = SV(REMOTE_WRITE),
		.headers = a.headers,
		.n_headers = a.n_headers,
		.payload_hash = sv_of(hash),
		.region = sv_of(by->region),
		.service = SV("aps"),
		.time_s = clock_wall_ms() / 1000 + by->shift_s,
	};
	struct aws_keys keys = {SV("AKIDEXAMPLE"), sv_of(by->secret), sv_of(by->token)};
	struct sigv4_result signature;
	assert_int_equal(sigv4_sign(&r, &keys, NULL, &signature, NULL, NULL), 0);
	add_header(&a, SV("X-Amz-Date"), sv_of(signature.amz_date));
	add_header(&a, SV("Authorization"), sv_of(signature.authorization));
	if (by->sent_token)
		add_header(&a, SV("X-Amz-Security-Token"), sv_of(by->sent_token));
	return ask(&a);
}

static void expect_json(const char *body)
{
	assert_string_equal(got.content_type, "application/json");
	assert_sv(buf_view(&got.body), body);
}

/* --- accepting --- */

static void a_good_request_is_stored(void **state)
{
	start_default();
	assert_int_equal(write_now(), 200);
	assert_int_equal(got.body.len, 0);
	struct standin_stats s = standin_stats_get(standin);
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.accepted, 1);
	assert_int_equal(s.samples, 2);
	assert_int_equal(s.series, 2);
	assert_true(s.body_bytes > 0 && s.raw_bytes > 0);
	/* A random UUID, another one each time. */
	char first[64];
	snprintf(first, sizeof first, "%s", got.request_id);
	assert_int_equal(strlen(first), 36);
	assert_true(first[8] == '-' && first[13] == '-' && first[14] == '4' && first[18] == '-');
	assert_int_equal(write_now(), 200);
	assert_string_not_equal(first, got.request_id);
}

static void the_signer_and_the_check_agree(void **state)
{
	struct standin_options o = signed_options();
	start(&o);
	struct signer good = {.secret = "secret", .region = "eu-west-1"};
	assert_int_equal(write_signed(&good), 200);
	assert_int_equal(standin_stats_get(standin).accepted, 1);
}

static void with_a_session_token(void **state)
{
	struct standin_options o = signed_options();
	o.session_token = SV("token/+=");
	start(&o);
	struct signer good = {"secret", "eu-west-1", "token/+=", "token/+=", 0};
	assert_int_equal(write_signed(&good), 200);
	struct signer none = {"secret", "eu-west-1", NULL, NULL, 0};
	assert_int_equal(write_signed(&none), 403);
	assert_string_equal(got.error_type, "UnrecognizedClientException");
	expect_json("{\"message\":\"The security token included in the request is invalid.\"}");
}

/* --- refusing --- */

static void signatures_that_are_refused(void **state)
{
	static const struct {
		struct signer by;
		const char *type, *words;
	} cases[] = {
		{{"other", "eu-west-1", NULL, NULL, 0},
		 "InvalidSignatureException",
		 "The request signature we calculated does not match the signature you provided"},
		{{"secret", "us-east-1", NULL, NULL, 0},
		 "InvalidSignatureException",
		 "Credential should be scoped to a valid region, not 'us-east-1'"},
		{{"secret", "eu-west-1", NULL, NULL, -400},
		 "InvalidSignatureException",
		 "Signature expired: "},
		{{"secret", "eu-west-1", NULL, NULL, 400},
		 "InvalidSignatureException",
		 "Signature not yet current: "},
		{{"secret", "eu-west-1", "t", "t", 0},
		 "UnrecognizedClientException",
		 "The security token included in the request is invalid."},
	};
	struct standin_options o = signed_options();
	start(&o);
	for (size_t i = 0; i < N_OF(cases); i++) {
		assert_int_equal(write_signed(&cases[i].by), 403);
		assert_string_equal(got.error_type, cases[i].type);
		assert_says(buf_view(&got.body), cases[i].words);
		assert_int_equal(strlen(got.request_id), 36);
	}
	assert_int_equal(write_now(), 403);
	assert_string_equal(got.error_type, "MissingAuthenticationTokenException");
	expect_json("{\"message\":\"Missing Authentication Token\"}");
	struct standin_stats s = standin_stats_get(standin);
	assert_int_equal(s.bad_signature, N_OF(cases) + 1);
	assert_int_equal(s.answered_403, N_OF(cases) + 1);
	assert_int_equal(s.samples, 0);
}

static void requests_that_are_refused(void **state)
{
	static const struct {
		const char *method, *target, *type, *encoding, *version;
		int status;
	} cases[] = {
		{"POST", REMOTE_WRITE, "application/x-protobuf", "snappy", "0.1.0", 200},
		{"POST", REMOTE_WRITE, "application/x-protobuf;proto=prometheus.WriteRequest",
		 "snappy", "0.1.0", 200},
		{"POST", "/workspaces/ws-a/remote_write", "application/x-protobuf", "snappy",
		 "0.1.0", 404},
		{"POST", "/api/v1/remote_write", "application/x-protobuf", "snappy", "0.1.0", 404},
		{"POST", "/workspaces//api/v1/remote_write", "application/x-protobuf", "snappy",
		 "0.1.0", 404},
		{"POST", "/workspaces/ws-a/b/api/v1/remote_write", "application/x-protobuf",
		 "snappy", "0.1.0", 404},
		{"POST", REMOTE_WRITE "/", "application/x-protobuf", "snappy", "0.1.0", 404},
		{"GET", REMOTE_WRITE, "application/x-protobuf", "snappy", "0.1.0", 405},
		{"POST", REMOTE_WRITE, "application/x-protobuf", NULL, "0.1.0", 415},
		{"POST", REMOTE_WRITE, "application/x-protobuf", "gzip", "0.1.0", 415},
		{"POST", REMOTE_WRITE,
		 "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "2.0.0",
		 415},
		{"POST", REMOTE_WRITE, "application/json", "snappy", "0.1.0", 415},
		{"POST", REMOTE_WRITE, "application/x-protobuf", "snappy", NULL, 400},
		{"POST", REMOTE_WRITE, "application/x-protobuf", "snappy", "2.0.0", 400},
	};
	start_default();
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct ask a = {
			.method = cases[i].method,
			.target = cases[i].target,
			.body = cases[i].method[0] == 'P' ? SV("\0") : SV_NULL,
		};
		add_header(&a, SV("Content-Type"), sv_of(cases[i].type));
		if (cases[i].encoding)
			add_header(&a, SV("Content-Encoding"), sv_of(cases[i].encoding));
		if (cases[i].version)
			add_header(&a, SV("X-Prometheus-Remote-Write-Version"),
				   sv_of(cases[i].version));
		if (ask(&a) != cases[i].status)
			fail_msg("case %zu: %d instead of %d", i, got.status, cases[i].status);
	}
}

static void another_workspace_is_not_found(void **state)
{
	struct standin_options o = standin_options_default();
	o.workspace = SV("ws-b");
	start(&o);
	assert_int_equal(write_now(), 404);
	assert_string_equal(got.error_type, "ResourceNotFoundException");
	expect_json("{\"message\":\"Workspace not found.\"}");
}

static void a_body_above_the_limit(void **state)
{
	struct standin_options o = standin_options_default();
	o.max_request_bytes = 10;
	start(&o);
	assert_int_equal(write_now(), 413);
	struct standin_stats s = standin_stats_get(standin);
	assert_int_equal(s.answered_other, 1);
	assert_int_equal(s.samples, 0);
}

static void a_partial_refusal_names_the_workspace(void **state)
{
	struct standin_options o = standin_options_default();
	o.workspace = SV("ws-a");
	o.account = SV("42");
	start(&o);
	assert_int_equal(write_at(1000), 400);
	assert_says(buf_view(&got.body), "user=42_ws-a: timestamp too old: 1000 metric: \"a{");
	assert_string_equal(got.content_type, "text/plain; charset=utf-8");
}

/* --- switches --- */

static void switches_at_run_time(void **state)
{
	start_default();
	assert_int_equal(post("/switch?rate_500=1&latency_ms=5"), 200);
	assert_says(buf_view(&got.body), "\"latency_ms\":5,\"rate_429\":0,\"rate_500\":1,");
	int status = write_now();
	assert_true(status >= 500 && status <= 504);
	assert_int_equal(standin_stats_get(standin).answered_5xx, 1);
	assert_int_equal(standin_stats_get(standin).samples, 0);
	assert_int_equal(post("/switch?rate_500=0"), 200);
	assert_int_equal(write_now(), 200);
	assert_int_equal(post("/switch?rate_429=0.5&nonsense=1"), 400);
	assert_int_equal(get("/switch"), 200);
	assert_says(buf_view(&got.body), "\"rate_429\":0,");
}

static void throttling_stores_nothing(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_429 = 1;
	start(&o);
	bool json = false, text = false;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(write_now(), 429);
		json |= got.body.ptr[0] == '{';
		text |= got.body.ptr[0] == 'u';
		assert_says(buf_view(&got.body),
			    got.body.ptr[0] == '{'
				    ? "{\"message\":\"Rate exceeded\"}"
				    : "exceeded while adding 2 samples and 0 metadata");
	}
	assert_true(json && text);
	assert_int_equal(standin_stats_get(standin).samples, 0);
	assert_int_equal(standin_stats_get(standin).answered_429, 20);
}

static void dropped_connections(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_drop = 1;
	start(&o);
	int64_t now = clock_wall_ms();
	for (int i = 0; i < 20; i++) {
		write_at(now);
		assert_int_equal(got.result, HTTP_NETWORK);
	}
	struct standin_stats s = standin_stats_get(standin);
	assert_int_equal(s.dropped, s.requests);
	/* Some were stored before: what is sent again then is no harm. */
	assert_int_equal(s.samples, 2);
	assert_true(s.duplicates > 0);
	assert_int_equal(post("/switch?rate_drop=0"), 200);
	assert_int_equal(write_at(now), 200);
}

static void partial_refusals(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_400 = 1;
	start(&o);
	int64_t now = clock_wall_ms();
	bool told = false, silent = false;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(write_at(now + i), 400);
		told |= got.body.len > 0;
		silent |= got.body.len == 0;
	}
	assert_true(told && silent);
	struct standin_stats s = standin_stats_get(standin);
	assert_int_equal(s.samples, 20);
	assert_int_equal(s.refused, 20);
}

static void expired_tokens(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_403 = 1;
	start(&o);
	assert_int_equal(write_now(), 403);
	assert_string_equal(got.error_type, "ExpiredTokenException");
	assert_int_equal(standin_stats_get(standin).samples, 0);
}

static void an_outage(void **state)
{
	struct standin_options o = standin_options_default();
	o.outage_every_s = o.outage_for_s = 1000;
	start(&o);
	assert_int_equal(write_now(), 503);
	assert_int_equal(get("/stats"), 200); /* the counts stay reachable */
}

static void a_clock_that_runs_ahead(void **state)
{
	struct standin_options o = signed_options();
	o.clock_offset_s = 7200;
	start(&o);
	struct signer good = {.secret = "secret", .region = "eu-west-1"};
	assert_int_equal(write_signed(&good), 403);
	assert_says(buf_view(&got.body), "Signature expired: ");
	int64_t ahead_s = got.date_s - clock_wall_ms() / 1000;
	assert_in_range(ahead_s, 7100, 7300);
	/* Signed by the time the answer told, it passes; the samples are too old then. */
	good.shift_s = ahead_s;
	assert_int_equal(write_signed(&good), 400);
	assert_says(buf_view(&got.body), "timestamp too old");
}

/* --- pages --- */

static void the_counts_as_json(void **state)
{
	start_default();
	write_now();
	write_at(1000);
	get(REMOTE_WRITE);
	assert_int_equal(get("/stats"), 200);
	assert_string_equal(got.content_type, "application/json");
	static const char *const words[] = {
		"\"requests\":3",     "\"accepted\":1",
		"\"answered_400\":1", "\"samples\":2",
		"\"refused\":2",      "\"too_old\":2",
		"\"uptime_ms\":",     "\"answers\":{\"200\":1,\"400\":1,\"405\":1}",
	};
	for (size_t i = 0; i < N_OF(words); i++)
		assert_says(buf_view(&got.body), words[i]);
}

static void the_series_as_lines(void **state)
{
	start_default();
	int64_t now = clock_wall_ms();
	write_at(now);
	write_at(now + 1);
	char want[256];
	assert_int_equal(get("/series?match=a"), 200);
	snprintf(want, sizeof want,
		 "{\"labels\":{\"__name__\":\"a\",\"job\":\"x\"},\"count\":2,\"last_ms\":%lld,"
		 "\"last_value\":1.5,\"last_bits\":\"3ff8000000000000\"}\n",
		 (long long)now + 1);
	assert_sv(buf_view(&got.body), want);
	assert_int_equal(get("/series?match=nothing"), 200);
	assert_int_equal(got.body.len, 0);
	assert_int_equal(get("/series?full=1"), 200);
	assert_says(buf_view(&got.body), "\"__name__\":\"a\"");
	assert_says(buf_view(&got.body), "\"__name__\":\"b\"");
}

static void without_full_a_thousand_series(void **state)
{
	_cleanup_(buf_deinit) struct buf raw = BUF_NULL, body = BUF_NULL;
	buf_init(&raw, WIRE_MAX);
	buf_init(&body, WIRE_MAX);
	char name[32];
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "__name__=m%d", i);
		put_one(&raw, name, clock_wall_ms(), i);
	}
	snappy_block_compress(&body, buf_view(&raw));
	start_default();
	struct ask a = write_ask(buf_view(&body));
	assert_int_equal(ask(&a), 200);
	static const struct {
		const char *target;
		int lines;
	} cases[] = {{"/series", 1000}, {"/series?full=1", 1500}};
	for (size_t i = 0; i < N_OF(cases); i++) {
		assert_int_equal(get(cases[i].target), 200);
		int lines = 0;
		for (size_t k = 0; k < got.body.len; k++)
			lines += got.body.ptr[k] == '\n';
		assert_int_equal(lines, cases[i].lines);
	}
}

static void pages_and_methods(void **state)
{
	start_default();
	assert_int_equal(get("/"), 200);
	assert_int_equal(get("/flush"), 405);
	assert_int_equal(post("/flush"), 200);
	assert_int_equal(post("/stats"), 405);
	assert_int_equal(get("/nothing"), 404);
	/* Pages are not requests to the endpoint. */
	assert_int_equal(standin_stats_get(standin).requests, 1);
}

static void the_record_file(void **state)
{
	char path[] = "/tmp/ampagent-standin-XXXXXX";
	int fd = mkstemp(path);
	struct standin_options o = standin_options_default();
	o.record = sv_of(path);
	o.max_age_s = 0;
	start(&o);
	assert_int_equal(write_at(1000), 200);
	assert_int_equal(write_at(1000), 200);
	assert_int_equal(post("/flush"), 200);
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 4096);
	assert_int_equal(file_read(path, &text, NULL), 0);
	assert_sv(buf_view(&text), "1000 3ff8000000000000 {__name__=\"a\",job=\"x\"}\n"
				   "1000 4000000000000000 {__name__=\"b\"}\n");
	close(fd);
	unlink(path);
}

/* --- starting --- */

static void options_that_cannot_be(void **state)
{
	struct standin *s = NULL;
	struct err err = ERR_NULL;
	struct standin_options o = standin_options_default();
	o.listen = SV("127.0.0.1:0");
	o.secret_key = SV("secret");
	assert_int_equal(standin_new(loop, &o, &s, &err), 1);
	assert_says(sv_of(err.msg), "access key");
	o = standin_options_default();
	o.listen = SV("127.0.0.1:0");
	o.series_limit = 1;
	o.track = false;
	assert_int_equal(standin_new(loop, &o, &s, &err), 1);
	o = standin_options_default();
	o.listen = SV("127.0.0.1:0");
	o.record = SV("/nowhere/at/all");
	assert_int_equal(standin_new(loop, &o, &s, &err), 1);
	assert_says(sv_of(err.msg), "/nowhere/at/all");
	o = standin_options_default();
	o.listen = SV("not an address");
	assert_int_equal(standin_new(loop, &o, &s, &err), 1);
	assert_null(s);
	standin_free(NULL);
}

#define OVER_LOOPBACK(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_LOOPBACK(a_good_request_is_stored),
		OVER_LOOPBACK(the_signer_and_the_check_agree),
		OVER_LOOPBACK(with_a_session_token),
		OVER_LOOPBACK(signatures_that_are_refused),
		OVER_LOOPBACK(requests_that_are_refused),
		OVER_LOOPBACK(another_workspace_is_not_found),
		OVER_LOOPBACK(a_body_above_the_limit),
		OVER_LOOPBACK(a_partial_refusal_names_the_workspace),
		OVER_LOOPBACK(switches_at_run_time),
		OVER_LOOPBACK(throttling_stores_nothing),
		OVER_LOOPBACK(dropped_connections),
		OVER_LOOPBACK(partial_refusals),
		OVER_LOOPBACK(expired_tokens),
		OVER_LOOPBACK(an_outage),
		OVER_LOOPBACK(a_clock_that_runs_ahead),
		OVER_LOOPBACK(the_counts_as_json),
		OVER_LOOPBACK(the_series_as_lines),
		OVER_LOOPBACK(without_full_a_thousand_series),
		OVER_LOOPBACK(pages_and_methods),
		OVER_LOOPBACK(the_record_file),
		OVER_LOOPBACK(options_that_cannot_be),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
