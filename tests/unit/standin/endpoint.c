#include "endpoint.h"

#include "check.h"
#include "wire.h"

#include <ampagent/aws/sigv4.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/crypto.h>
#include <ampagent/base/text.h>

enum { ANSWER_MAX = 1 << 20, TIMEOUT_MS = 20000 };

struct loop *loop;
static struct http_pool *pool;
static struct http_client *client;
struct standin *standin;
int64_t answer_limit_ms;

struct got got;

/* --- set-up --- */

void start(const struct standin_options *o)
{
	struct standin_options here = *o;
	struct err err = ERR_NULL;
	here.listen = SV("127.0.0.1:0");
	if (standin_new(loop, &here, &standin, &err) != 0)
		fail_msg("%s", err.msg);
}

void start_default(void)
{
	struct standin_options o = standin_options_default();
	start(&o);
}

struct standin_options signed_options(void)
{
	struct standin_options o = standin_options_default();
	o.access_key = SV("AKIDEXAMPLE");
	o.secret_key = SV("secret");
	o.region = SV("eu-west-1");
	return o;
}

int begin(void **state)
{
	static const struct http_options none = {0};
	buf_init(&got.body, ANSWER_MAX);
	return loop_new(&loop, NULL) || http_pool_new(loop, 4, 1000, &pool) ||
	       http_client_new(pool, &none, &client, NULL);
}

int end(void **state)
{
	standin_free(take_ptr(standin));
	http_client_free(client);
	http_pool_free(pool);
	loop_free(loop);
	buf_deinit(&got.body);
	return 0;
}

/* --- asking --- */

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
	copy(got.retry_after, sizeof got.retry_after, a->retry_after);
	copy(got.samples_written, sizeof got.samples_written, a->samples_written);
	copy(got.histograms_written, sizeof got.histograms_written, a->histograms_written);
	copy(got.exemplars_written, sizeof got.exemplars_written, a->exemplars_written);
	got.date_s = 0;
	clock_parse_http_date(a->date.ptr, a->date.len, &got.date_s);
	loop_stop(loop);
}

void add_header(struct ask *a, struct sv name, struct sv value)
{
	assert_true(a->n_headers < HEADERS_MAX);
	a->headers[a->n_headers++] = (struct http_header){name, value};
}

int ask(const struct ask *a)
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
		.timeout_ms = answer_limit_ms > 0 ? answer_limit_ms : TIMEOUT_MS,
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

int get(const char *target)
{
	struct ask a = {.method = "GET", .target = target};
	return ask(&a);
}

int post(const char *target)
{
	struct ask a = {.method = "POST", .target = target};
	return ask(&a);
}

struct ask write_ask(struct sv body)
{
	struct ask a = {.method = "POST", .target = REMOTE_WRITE, .body = body};
	add_header(&a, SV("Content-Type"), SV("application/x-protobuf"));
	add_header(&a, SV("Content-Encoding"), SV("snappy"));
	add_header(&a, SV("X-Prometheus-Remote-Write-Version"), SV("0.1.0"));
	return a;
}

struct ask write_ask_v2(struct sv body)
{
	struct ask a = {.method = "POST", .target = REMOTE_WRITE, .body = body};
	add_header(&a, SV("Content-Type"),
		   SV("application/x-protobuf;proto=io.prometheus.write.v2.Request"));
	add_header(&a, SV("Content-Encoding"), SV("snappy"));
	add_header(&a, SV("X-Prometheus-Remote-Write-Version"), SV("2.0.0"));
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

int write_at(int64_t t_ms)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	two_samples(&body, t_ms);
	struct ask a = write_ask(buf_view(&body));
	return ask(&a);
}

int write_v2_at(int64_t t_ms)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL, raw = BUF_NULL, series = BUF_NULL;
	struct symbols t = {.n = 0};
	buf_init(&body, WIRE_MAX);
	buf_init(&raw, WIRE_MAX);
	buf_init(&series, WIRE_MAX);
	PUT_REFS(&series, &t, "__name__", "a", "job", "x");
	put_sample_v2(&series, t_ms, 1.5, 0);
	put_series_v2(&raw, &series);
	PUT_REFS(&series, &t, "__name__", "b");
	put_sample_v2(&series, t_ms, 2, 0);
	put_series_v2(&raw, &series);
	put_symbols(&raw, &t);
	assert_int_equal(snappy_block_compress(&body, buf_view(&raw)), 0);
	struct ask a = write_ask_v2(buf_view(&body));
	return ask(&a);
}

int write_now(void)
{
	return write_at(clock_wall_ms());
}

static struct sv or_else(const char *s, const char *otherwise)
{
	return sv_of(s ? s : otherwise);
}

void sign(struct ask *a, const struct signer *by)
{
	static struct sigv4_result signature;
	char host[64], hash[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];
	struct sv path = sv_make(a->target, sv_find(sv_of(a->target), '?'));
	snprintf(host, sizeof host, "127.0.0.1:%d", standin_port(standin));
	crypto_sha256(digest, a->body.ptr, a->body.len);
	hex_encode(hash, digest, sizeof digest);
	struct sigv4_request r = {
		.method = sv_of(a->method),
		.host = sv_of(host),
		.path = path,
		.query = sv_from(sv_of(a->target), path.len + 1),
		.headers = a->headers,
		.n_headers = a->n_headers,
		.payload_hash = sv_of(hash),
		.region = sv_of(by->region),
		.service = or_else(by->service, "aps"),
		.time_s = clock_wall_ms() / 1000 + by->shift_s,
	};
	struct aws_keys keys = {or_else(by->access, "AKIDEXAMPLE"), sv_of(by->secret),
				sv_of(by->token)};
	assert_int_equal(sigv4_sign(&r, &keys, NULL, &signature, NULL, NULL), 0);
	add_header(a, SV("X-Amz-Date"), sv_of(signature.amz_date));
	add_header(a, SV("Authorization"), sv_of(signature.authorization));
	if (by->sent_token)
		add_header(a, SV("X-Amz-Security-Token"), sv_of(by->sent_token));
}

int write_signed(const struct signer *by)
{
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	two_samples(&body, clock_wall_ms());
	struct ask a = write_ask(buf_view(&body));
	sign(&a, by);
	return ask(&a);
}

int post_form(const char *form, const struct signer *by)
{
	struct ask a = {.method = "POST", .target = "/", .body = sv_of(form)};
	add_header(&a, SV("Content-Type"), SV("application/x-www-form-urlencoded; charset=utf-8"));
	if (by)
		sign(&a, by);
	return ask(&a);
}

int post_ecs(const char *action, const char *json)
{
	static const struct signer by = {
		.secret = "secret", .region = "eu-west-1", .service = "ecs"};
	char target[128];
	snprintf(target, sizeof target, "AmazonEC2ContainerServiceV20141113.%s", action);
	struct ask a = {.method = "POST", .target = "/", .body = sv_of(json)};
	add_header(&a, SV("Content-Type"), SV("application/x-amz-json-1.1"));
	add_header(&a, SV("X-Amz-Target"), sv_of(target));
	sign(&a, &by);
	return ask(&a);
}

int post_ec2(const char *form)
{
	static const struct signer by = {
		.secret = "secret", .region = "eu-west-1", .service = "ec2"};
	return post_form(form, &by);
}

int send_body(const char *method, const char *target, const char *body)
{
	struct ask a = {.method = method, .target = target, .body = sv_of(body)};
	return ask(&a);
}

void start_api(void)
{
	struct standin_options o = signed_options();
	o.aws = true;
	start(&o);
}

void switch_to(const char *what)
{
	char target[256];
	snprintf(target, sizeof target, "/switch?%s", what);
	assert_int_equal(post(target), 200);
}

static void got_between(const char *before, char after, char *dst, size_t size)
{
	struct sv body = buf_view(&got.body);
	size_t at = sv_find_sv(body, sv_of(before));
	if (at == body.len)
		fail_msg("no %s in \"%.*s\"", before, SV_ARG(body));
	struct sv value = sv_from(body, at + strlen(before));
	value.len = sv_find(value, after);
	assert_true(value.len < size);
	copy(dst, size, value);
}

void got_member(const char *name, char *dst, size_t size)
{
	char before[64];
	snprintf(before, sizeof before, "\"%s\":\"", name);
	got_between(before, '"', dst, size);
}

void got_element(const char *name, char *dst, size_t size)
{
	char before[64];
	snprintf(before, sizeof before, "<%s>", name);
	got_between(before, '<', dst, size);
}

struct issued got_keys(void)
{
	struct issued k;
	got_member("AccessKeyId", k.access, sizeof k.access);
	got_member("SecretAccessKey", k.secret, sizeof k.secret);
	got_member("Token", k.token, sizeof k.token);
	got_member("Expiration", k.expiration, sizeof k.expiration);
	return k;
}

struct issued fetch_keys(void)
{
	assert_int_equal(get("/v2/credentials/some-id"), 200);
	return got_keys();
}

struct signer signer_of(const struct issued *k)
{
	return (struct signer){.access = k->access,
			       .secret = k->secret,
			       .token = k->token,
			       .sent_token = k->token,
			       .region = "us-east-1"};
}

int write_issued(const struct issued *k)
{
	struct signer by = signer_of(k);
	return write_signed(&by);
}

void expect_json(const char *body)
{
	assert_string_equal(got.content_type, "application/json");
	assert_sv(buf_view(&got.body), body);
}
