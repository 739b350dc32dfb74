#include "check.h"
#include "endpoint.h"

#include <ampagent/base/clock.h>

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
		 200},
		{"POST", REMOTE_WRITE,
		 "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "0.1.0",
		 400},
		{"POST", REMOTE_WRITE,
		 "application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", "2.0.0",
		 415},
		{"POST", REMOTE_WRITE, "application/x-protobuf;proto=", "snappy", "2.0.0", 415},
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

/* A 2.0 sender is told what was written, whatever became of the rest; a 1.0 one is not. */
static void senders_of_2_0_are_told(void **state)
{
	start_default();
	int64_t now = clock_wall_ms();
	assert_int_equal(write_v2_at(now), 200);
	assert_string_equal(got.samples_written, "2");
	assert_string_equal(got.histograms_written, "0");
	assert_string_equal(got.exemplars_written, "0");
	assert_int_equal(standin_stats_get(standin).samples, 2);
	assert_int_equal(write_v2_at(now), 200);
	assert_string_equal(got.samples_written, "2");
	assert_int_equal(standin_stats_get(standin).duplicates, 2);
	assert_int_equal(write_v2_at(1000), 400);
	assert_string_equal(got.samples_written, "0");
	assert_int_equal(post("/switch?rate_400=1"), 200);
	assert_int_equal(write_v2_at(now + 1), 400);
	assert_string_equal(got.samples_written, "1");
	assert_string_equal(got.exemplars_written, "0");
	assert_int_equal(post("/switch?rate_400=0"), 200);
	assert_int_equal(write_at(now + 2), 200);
	assert_string_equal(got.samples_written, "");
	struct ask a = write_ask_v2(SV("\x03\x08"
				       "abc"));
	assert_int_equal(ask(&a), 400);
	assert_string_equal(got.samples_written, "0");
}

static void an_old_receiver_refuses_2_0(void **state)
{
	struct standin_options o = standin_options_default();
	o.accept_v2 = false;
	start(&o);
	int64_t now = clock_wall_ms();
	assert_int_equal(write_v2_at(now), 415);
	assert_string_equal(got.samples_written, "");
	assert_int_equal(write_at(now), 200);
	assert_int_equal(post("/switch?accept_v2=1"), 200);
	assert_int_equal(write_v2_at(now + 1), 200);
	assert_int_equal(standin_stats_get(standin).samples, 4);
	assert_int_equal(standin_stats_get(standin).answered_other, 1);
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

static void a_slow_reader(void **state)
{
	start_default();
	assert_int_equal(post("/switch?read_pause_ms=50"), 200);
	int64_t begin_ms = clock_mono_ms();
	assert_int_equal(write_now(), 200);
	assert_true(clock_mono_ms() - begin_ms >= 50);
	assert_int_equal(post("/switch?read_pause_ms=0"), 200);
	assert_int_equal(write_now(), 200);
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
	/* A clock that is set right again. */
	assert_int_equal(post("/switch?clock_ahead_s=0"), 200);
	assert_int_equal(write_signed(&good), 403);
	assert_says(buf_view(&got.body), "Signature not yet current: ");
	good.shift_s = 0;
	assert_int_equal(write_signed(&good), 200);
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
		OVER_LOOPBACK(senders_of_2_0_are_told),
		OVER_LOOPBACK(an_old_receiver_refuses_2_0),
		OVER_LOOPBACK(another_workspace_is_not_found),
		OVER_LOOPBACK(a_body_above_the_limit),
		OVER_LOOPBACK(a_partial_refusal_names_the_workspace),
		OVER_LOOPBACK(switches_at_run_time),
		OVER_LOOPBACK(a_slow_reader),
		OVER_LOOPBACK(an_outage),
		OVER_LOOPBACK(a_clock_that_runs_ahead),
		OVER_LOOPBACK(options_that_cannot_be),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
