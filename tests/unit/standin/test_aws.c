/* The AWS around the workspace: which keys may write, and what concerns all its services. */
#include "check.h"
#include "endpoint.h"

#include <ampagent/base/text.h>

static struct standin_options aws_options(void)
{
	struct standin_options o = standin_options_default();
	o.aws = true;
	return o;
}

static void start_aws(void)
{
	struct standin_options o = aws_options();
	start(&o);
}

static void expect_stats(const char *words)
{
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), words);
}

static void without_it_there_is_nothing(void **state)
{
	start_default();
	assert_int_equal(get("/v2/credentials/x"), 404);
	assert_int_equal(get("/aws/keys"), 404);
	assert_int_equal(post("/"), 405);
	assert_int_equal(write_now(), 200);
	assert_int_equal(get("/stats"), 200);
	assert_int_equal(sv_find_sv(buf_view(&got.body), SV("\"aws\"")), got.body.len);
}

static void issued_keys_may_write_and_no_others(void **state)
{
	start_aws();
	assert_int_equal(write_now(), 403);
	assert_string_equal(got.error_type, "MissingAuthenticationTokenException");
	struct issued k = fetch_keys(), wrong;
	assert_int_equal(write_issued(&k), 200);
	assert_int_equal(write_issued(&k), 200);
	wrong = k;
	wrong.secret[0] ^= 1;
	assert_int_equal(write_issued(&wrong), 403);
	assert_string_equal(got.error_type, "InvalidSignatureException");
	wrong = k;
	wrong.token[20] ^= 1;
	assert_int_equal(write_issued(&wrong), 403);
	assert_string_equal(got.error_type, "UnrecognizedClientException");
	wrong = k;
	wrong.access[5] ^= 1;
	assert_int_equal(write_issued(&wrong), 403);
	assert_string_equal(got.error_type, "UnrecognizedClientException");
	expect_json("{\"message\":\"The security token included in the request is invalid.\"}");
	expect_stats("\"issued\":1,\"refused_expired\":0,\"refused_unknown\":2");
	assert_int_equal(get("/aws/keys"), 200);
	assert_says(buf_view(&got.body), "\"writes\":2,\"refused\":2}");
}

static void the_configured_key_may_write_besides(void **state)
{
	struct standin_options o = signed_options();
	o.aws = true;
	start(&o);
	static const struct signer own = {.secret = "secret", .region = "eu-west-1"};
	assert_int_equal(write_signed(&own), 200);
	struct issued k = fetch_keys();
	struct signer by = signer_of(&k);
	by.region = "eu-west-1";
	assert_int_equal(write_signed(&by), 200);
	by.region = "us-east-1";
	assert_int_equal(write_signed(&by), 403);
	by.region = "eu-west-1";
	by.service = "sts";
	assert_int_equal(write_signed(&by), 403);
}

static void keys_expire(void **state)
{
	start_aws();
	switch_to("aws_life_ms=1");
	struct issued k = fetch_keys();
	assert_int_equal(write_issued(&k), 403);
	assert_string_equal(got.error_type, "ExpiredTokenException");
	expect_json("{\"message\":\"The security token included in the request is expired\"}");
	expect_stats("\"issued\":1,\"refused_expired\":1,\"refused_unknown\":0");
	/* A service is more patient than it says. */
	switch_to("aws_grace_ms=60000");
	assert_int_equal(write_issued(&k), 200);
	switch_to("aws_grace_ms=0");
	assert_int_equal(write_issued(&k), 403);
}

static void expiry_is_by_the_clock_of_the_stand_in(void **state)
{
	start_aws();
	struct issued k = fetch_keys();
	switch_to("clock_ahead_s=3599");
	struct signer by = signer_of(&k);
	by.shift_s = 3599;
	assert_int_equal(write_signed(&by), 200);
	switch_to("clock_ahead_s=3601");
	by.shift_s = 3601;
	assert_int_equal(write_signed(&by), 403);
	assert_string_equal(got.error_type, "ExpiredTokenException");
}

static void the_last_keys_again(void **state)
{
	start_aws();
	struct issued one = fetch_keys(), two = fetch_keys();
	assert_string_not_equal(one.access, two.access);
	switch_to("aws_same=1");
	struct issued three = fetch_keys();
	assert_string_equal(three.access, two.access);
	assert_string_equal(three.expiration, two.expiration);
	expect_stats("\"fetches\":{\"ecs\":3,");
	expect_stats("\"issued\":2");
}

static void denied_by_user_and_resource(void **state)
{
	start_aws();
	struct issued k = fetch_keys();
	switch_to("aws_denied=1");
	assert_int_equal(write_issued(&k), 403);
	assert_string_equal(got.error_type, "AccessDeniedException");
	expect_json("{\"message\":\"User: arn:aws:sts::123456789012:assumed-role/ampagent-task/"
		    "0123456789abcdef0123456789abcdef is not authorized to perform: "
		    "aps:RemoteWrite on resource: "
		    "arn:aws:aps:us-east-1:123456789012:workspace/ws-a because no identity-based "
		    "policy allows the aps:RemoteWrite action\"}");
	switch_to("aws_mute=1");
	assert_int_equal(write_issued(&k), 403);
	assert_string_equal(got.error_type, "");
	assert_int_equal(got.body.len, 0);
	switch_to("aws_mute=0&aws_denied=0");
	assert_int_equal(write_issued(&k), 200);
}

static void a_redirect_that_nobody_follows(void **state)
{
	start_aws();
	struct issued k = fetch_keys();
	switch_to("aws_redirect=1");
	assert_int_equal(write_issued(&k), 307);
	expect_stats("\"redirects_followed\":0");
	expect_stats("\"accepted\":0");
	/* Who did would be seen. */
	struct ask a = write_ask(SV("\0"));
	struct signer by = signer_of(&k);
	a.target = REMOTE_WRITE "?redirected=1";
	sign(&a, &by);
	assert_int_equal(ask(&a), 307);
	expect_stats("\"redirects_followed\":1");
	switch_to("aws_redirect=0");
	assert_int_equal(ask(&a), 200);
}

/* Every source of keys, and what it says when it is told to fail. */
static const struct source {
	const char *name, *method, *target, *form, *down, *throttled;
	int throttled_status;
} sources[] = {
	{"ecs", "GET", "/v2/credentials/id", NULL, "\"code\":\"InternalFailure\"",
	 "\"code\":\"Throttling\"", 429},
	{"pod_identity", "GET", "/v1/credentials", NULL, "(InternalFailure): Internal server error",
	 "Too Many Requests.", 429},
	{"imds", "GET", "/latest/meta-data/iam/security-credentials/ampagent-instance", NULL,
	 "<h1>500 - Internal Server Error</h1>", "<h1>429 - Too Many Requests</h1>", 429},
	{"sso", "GET", "/federation/credentials?role_name=r&account_id=1", NULL,
	 "InternalServerException", "TooManyRequestsException", 429},
	{"web_identity", "POST", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
	 "<Code>InternalFailure</Code>", "<Code>Throttling</Code>", 400},
	{"assume_role", "POST", "/", "Action=AssumeRole&Version=2011-06-15",
	 "<Code>InternalFailure</Code>", "<Code>Throttling</Code>", 400},
};

static int ask_source(const struct source *s)
{
	struct ask a = {.method = s->method, .target = s->target, .body = sv_of(s->form)};
	return s->form ? post_form(s->form, NULL) : ask(&a);
}

static void every_source_can_be_down(void **state)
{
	start_aws();
	for (size_t i = 0; i < N_OF(sources); i++) {
		char words[64];
		switch_to("aws_down=1");
		assert_int_equal(ask_source(&sources[i]), 500);
		assert_says(buf_view(&got.body), sources[i].down);
		switch_to("aws_down=0&aws_throttled=1");
		assert_int_equal(ask_source(&sources[i]), sources[i].throttled_status);
		assert_says(buf_view(&got.body), sources[i].throttled);
		switch_to("aws_throttled=0&aws_empty=1");
		assert_int_equal(ask_source(&sources[i]), 200);
		assert_int_equal(got.body.len, 0);
		switch_to("aws_empty=0&aws_hang=1");
		answer_limit_ms = 150;
		ask_source(&sources[i]);
		answer_limit_ms = 0;
		assert_int_equal(got.result, HTTP_TIMEOUT);
		switch_to("aws_hang=0");
		snprintf(words, sizeof words, "\"%s\":4", sources[i].name);
		expect_stats(words);
	}
	/* Nobody asked badly; these were the switches. */
	expect_stats("\"issued\":0,\"refused_expired\":0,\"refused_unknown\":0,\"bad_requests\":0");
}

/* --- how many at once --- */

static int answers_left;

static void on_one(void *cls, const struct http_answer *a)
{
	assert_int_equal(a->status, 200);
	if (--answers_left == 0)
		loop_stop(loop);
}

/* Asks for keys n times without waiting for an answer. */
static void fetch_at_once(int n)
{
	static const struct http_options none = {0};
	struct http_pool *pool;
	struct http_client *client;
	struct http_transfer *transfers[4];
	struct buf bodies[4];
	char url[64];
	assert_int_equal(http_pool_new(loop, 8, 1000, &pool), 0);
	assert_int_equal(http_client_new(pool, &none, &client, NULL), 0);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/v2/credentials/x", standin_port(standin));
	answers_left = n;
	for (int i = 0; i < n; i++) {
		buf_init(&bodies[i], 1 << 16);
		struct http_request r = {.method = SV("GET"),
					 .url = sv_of(url),
					 .timeout_ms = 20000,
					 .body_max = 1 << 16,
					 .body_out = &bodies[i]};
		assert_int_equal(http_start(client, &r, on_one, NULL, &transfers[i], NULL), 0);
	}
	assert_int_equal(loop_run(loop), 0);
	for (int i = 0; i < n; i++)
		buf_deinit(&bodies[i]);
	http_client_free(client);
	http_pool_free(pool);
}

static void requests_for_keys_at_one_time_are_counted(void **state)
{
	struct standin_options o = aws_options();
	o.aws_latency_ms = 300;
	start(&o);
	fetch_keys();
	fetch_keys();
	expect_stats("\"at_once\":1");
	fetch_at_once(3);
	expect_stats("\"at_once\":3");
	fetch_keys();
	expect_stats("\"at_once\":3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_it_there_is_nothing),
		TEST(issued_keys_may_write_and_no_others),
		TEST(the_configured_key_may_write_besides),
		TEST(keys_expire),
		TEST(expiry_is_by_the_clock_of_the_stand_in),
		TEST(the_last_keys_again),
		TEST(denied_by_user_and_resource),
		TEST(a_redirect_that_nobody_follows),
		TEST(every_source_can_be_down),
		TEST(requests_for_keys_at_one_time_are_counted),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
