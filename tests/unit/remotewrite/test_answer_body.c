/* The texts of the service as they come: plain, wrapped, as JSON, cut, empty, of any bytes. */
#include "../../../remotewrite/answer_body.h"

#include "cmocka_all.h"

#include <ampagent/base/cleanup.h>
#include <stdio.h>
#include <stdlib.h>

struct text_case {
	const char *body;
	enum answer_cause cause;
	const char *subject;
};

#define WS "123456789012_ws-00000000-0000-4000-8000-000000000000"
#define HOP "addr=10.1.41.23:9095 state=ACTIVE zone=us-east-1a, "
#define QUORUM "maxFailure (quorum) on a given error family, "
#define UP "{__name__=\"up\", instance=\"10.0.0.1:9100\", job=\"node\"}"

static const struct text_case plain[] = {
	/* throttled */
	{"ingestion rate limit (6666.666666666667) exceeded while adding 499 samples and 0 "
	 "metadata",
	 CAUSE_INGESTION_RATE, ""},
	{"native histogram ingestion rate limit (100) exceeded while adding 7 native histogram "
	 "samples",
	 CAUSE_INGESTION_RATE, ""},
	/* series limits, older and newer words */
	{"per-user series limit (local limit: 0 global limit: 3000000 actual local limit: 500000) "
	 "exceeded",
	 CAUSE_SERIES_LIMIT, ""},
	{"per-user series limit of 10000000 exceeded,\nCapacity from 2,000,000 to 10,000,000 is "
	 "automatically adjusted based on the last 30 min of usage.\nIf throttled above "
	 "10,000,000 or in case of incoming surges, please contact administrator to raise it.\n"
	 "(local limit: 0 global limit: 10000000 actual local limit: 92879)",
	 CAUSE_SERIES_LIMIT, ""},
	{"per-metric series limit of 50000 exceeded, please contact administrator to raise it "
	 "(local limit: 50000 global limit: 0 actual local limit: 50000) for series "
	 "{__name__=\"apiserver_request_slo_duration_seconds_bucket\", component=\"apiserver\", "
	 "le=\"1\"}",
	 CAUSE_METRIC_SERIES_LIMIT, "apiserver_request_slo_duration_seconds_bucket"},
	{"per-metric series limit of 50000 exceeded for metric http_requests_total, please contact "
	 "administrator to raise it (local limit: 0 global limit: 50000 actual local limit: 900)",
	 CAUSE_METRIC_SERIES_LIMIT, "http_requests_total"},
	{"per-labelset series limit of 100 exceeded (labelSet: 14577654, local limit: 0 global "
	 "limit: 100 actual)",
	 CAUSE_LABELSET_SERIES_LIMIT, "14577654"},
	{"per-user nativeHistograms series limit of 5 exceeded, please contact administrator to "
	 "raise it (local limit: 5 global limit: 0 actual local limit: 5)",
	 CAUSE_HISTOGRAM_SERIES_LIMIT, ""},
	{"too many HA clusters (limit: 500)", CAUSE_HA_CLUSTERS, ""},
	/* order and time */
	{"err: out of order sample. timestamp=2026-08-06T10:11:12.345Z, series=" UP,
	 CAUSE_OUT_OF_ORDER, "up"},
	{"err: too old sample. timestamp=2026-08-06T10:11:12.345Z, series=" UP, CAUSE_TOO_OLD,
	 "up"},
	{"err: out of bounds. timestamp=2026-03-28T17:19:12Z, "
	 "series={__name__=\"scenario_synth_ratio\", slo_name=\"historical\"}",
	 CAUSE_TOO_OLD, "scenario_synth_ratio"},
	{"timestamp too old: 1700000000000 metric: \"node_load1\"", CAUSE_TOO_OLD, "node_load1"},
	{"timestamp too new: 1900000000000 metric: \"node_load1\"", CAUSE_TOO_NEW, "node_load1"},
	{"err: duplicate sample for timestamp. timestamp=2026-08-06T10:11:12Z, series=" UP,
	 CAUSE_DUPLICATE, "up"},
	{"err: duplicate sample for timestamp 1771452258303; overrides not allowed: existing 9, "
	 "new value 548. series={__name__=\"prometheus_sd_updates_total\", cluster=\"c\"}\n",
	 CAUSE_DUPLICATE, "prometheus_sd_updates_total"},
	{"err: out of order exemplar. timestamp=2026-08-06T10:11:12Z, series=" UP ", "
	 "exemplar={trace_id=\"1\"}",
	 CAUSE_EXEMPLAR, "up"},
	/* labels */
	{"series has too many labels (actual: 32, limit: 30) series: 'up{a=\"1\", b=\"2\"}'",
	 CAUSE_LABEL_LIMITS, "up"},
	{"label name too long: \"aaaaaaaaaaaa\" metric \"up{aaaaaaaaaaaa=\\\"x\\\"}\"",
	 CAUSE_LABEL_LIMITS, "up"},
	{"label value too long for metric: \"up{a=\\\"x\\\"}\" label value: \"xxxxxxxxxx\"",
	 CAUSE_LABEL_LIMITS, "up"},
	{"labels size bytes exceeded for metric (actual: 8000, limit: 7168) metric: "
	 "\"up{a=\\\"x\\\"}\"",
	 CAUSE_LABEL_LIMITS, "up"},
	{"sample missing metric name", CAUSE_INVALID, ""},
	{"sample invalid metric name: \"my.metric\"", CAUSE_INVALID, "my.metric"},
	{"sample invalid label: \"too old\" metric \"up{too old=\\\"x\\\"}\"", CAUSE_INVALID, "up"},
	{"duplicate label name: \"job\" metric \"up{job=\\\"a\\\", job=\\\"b\\\"}\"", CAUSE_INVALID,
	 "up"},
	{"labels not sorted: \"b\" metric \"up{b=\\\"1\\\", a=\\\"2\\\"}\"", CAUSE_INVALID, "up"},
	/* histograms, metadata */
	{"native histogram bucket count exceeded for metric (actual: 200, limit: 160) metric: "
	 "\"latency\"",
	 CAUSE_HISTOGRAM, "latency"},
	{"invalid native histogram schema: -53", CAUSE_HISTOGRAM, ""},
	{"per-user metric metadata limit of 20000 exceeded, please contact administrator to raise "
	 "it (local limit: 20000 global limit: 0 actual local limit: 20000)",
	 CAUSE_METADATA, ""},
	/* the whole request */
	{"received message larger than max (2097152 vs 1048576)", CAUSE_SIZE, ""},
	{"snappy: corrupt input", CAUSE_UNDECODABLE, ""},
	{"proto: illegal wireType 7", CAUSE_UNDECODABLE, ""},
	{"unexpected EOF", CAUSE_UNDECODABLE, ""},
	{"replicas did not match, rejecting sample: replica=a, elected=b", CAUSE_REPLICA, ""},
	/* the words for which CloudWatch counts */
	{"per_user_series_limit", CAUSE_SERIES_LIMIT, ""},
	{"new-value-for-timestamp", CAUSE_DUPLICATE, ""},
	{"out-of-order-rate-limit", CAUSE_INGESTION_RATE, ""},
	{"sample-out-of-order", CAUSE_OUT_OF_ORDER, ""},
	{"greater_than_max_sample_age", CAUSE_TOO_OLD, ""},
	{"max_label_names_per_series", CAUSE_LABEL_LIMITS, ""},
	{"native_histogram_invalid_schema", CAUSE_HISTOGRAM, ""},
	/* what nobody knows */
	{"", CAUSE_NONE, ""},
	{" \r\n", CAUSE_NONE, ""},
	{"no", CAUSE_NONE, ""},
	{"no series={job=\"without a name\"}", CAUSE_NONE, ""},
};

static void check(const char *what, const char *body, const struct text_case *c)
{
	char scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said;
	answer_body_read(sv_of(body), scratch, &said);
	if (said.cause != c->cause || !sv_eq(said.subject, sv_of(c->subject)))
		fail_msg("%s: %s: cause %s, subject \"%.*s\"", what, body, cause_name(said.cause),
			 SV_ARG(said.subject));
}

static void test_plain(void **state)
{
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		check("plain", plain[i].body, &plain[i]);
}

/* Whatever passed a text on wrapped it. */
static void test_wrapped(void **state)
{
	static const char *const wrappings[] = {
		"user=" WS ": %s",
		"rpc error: code = Code(400) desc = user=" WS ": %s\n",
		QUORUM "rpc error: code = Code(400) desc = " HOP
		       "rpc error: code = Code(400) desc = user=" WS ": %s",
		QUORUM "rpc error: code = Code(400)\ndesc = " HOP "rpc error: code = Code(400)\n"
		       "desc = user=" WS ": %s",
		QUORUM HOP "rpc error: code = Code(400) desc = user=" WS ": %s\n",
		"server returned HTTP status 400 Bad Request: user=" WS ": %s",
	};
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		for (size_t k = 0; k < sizeof wrappings / sizeof wrappings[0]; k++) {
			char body[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(body, sizeof body, wrappings[k], plain[i].body);
#pragma GCC diagnostic pop
			check("wrapped", body, &plain[i]);
		}
	}
}

static void test_json(void **state)
{
	static const struct text_case cases[] = {
		{"{\"message\":\"Rate exceeded\"}", CAUSE_REQUEST_RATE, ""},
		{"{\"Message\":\"Rate exceeded\"}\n", CAUSE_REQUEST_RATE, ""},
		{" { \"message\" : \"Rate exceeded\" } ", CAUSE_REQUEST_RATE, ""},
		{"{\"Message\":\"Workspace not found\"}", CAUSE_NOT_FOUND, ""},
		{"{\"message\":\"The security token included in the request is expired\"}",
		 CAUSE_CREDENTIALS, ""},
		{"{\"message\":\"The security token included in the request is invalid.\"}",
		 CAUSE_CREDENTIALS, ""},
		{"{\"message\":\"Signature expired: 20260806T101112Z is now earlier than "
		 "20260806T101613Z (20260806T102113Z - 5 min.)\"}",
		 CAUSE_CLOCK, ""},
		{"{\"message\":\"Signature not yet current: 20260806T102113Z is still later than "
		 "20260806T101613Z (20260806T101113Z + 5 min.)\"}",
		 CAUSE_CLOCK, ""},
		{"{\"message\":\"The request signature we calculated does not match the signature "
		 "you provided. Check your AWS Secret Access Key and signing method.\\n\\nThe "
		 "Canonical String for this request should have been\\n'POST\"}",
		 CAUSE_SIGNATURE, ""},
		{"{\"message\":\"Credential should be scoped to a valid region, not "
		 "'us-east-1'. \"}",
		 CAUSE_SIGNATURE, ""},
		{"{\"message\":\"Missing Authentication Token\"}", CAUSE_NOT_SIGNED, ""},
		{"{\"Message\":\"User: arn:aws:sts::123456789012:assumed-role/r/i-1 is not "
		 "authorized to perform: aps:RemoteWrite on resource: "
		 "arn:aws:aps:us-east-1:123456789012:workspace/ws-1 because no identity-based "
		 "policy allows the aps:RemoteWrite action\"}",
		 CAUSE_ACCESS_DENIED, ""},
		/* the storage's text, passed on by the front end */
		{"{\"message\":\"user=1_ws: err: out of order sample. timestamp=1, "
		 "series={__name__=\\\"up\\\", job=\\\"a\\\"}\"}",
		 CAUSE_OUT_OF_ORDER, "up"},
		{"{\"message\":\"labels not sorted: \\\"b\\\" metric \\\"up{b=\\\\\\\"1\\\\\\\"}"
		 "\\\"\"}",
		 CAUSE_INVALID, "up"},
		{"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"out of order "
		 "sample\"}",
		 CAUSE_OUT_OF_ORDER, ""},
		/* only the message counts */
		{"{\"note\":\"Rate exceeded\",\"message\":\"no\"}", CAUSE_NONE, ""},
		{"{\"details\":{\"a\":[1,2]},\"message\":\"Rate exceeded\"}", CAUSE_REQUEST_RATE,
		 ""},
		{"{\"message\":5}", CAUSE_NONE, ""},
		{"{\"message\":\"\"}", CAUSE_NONE, ""},
		{"{}", CAUSE_NONE, ""},
		/* cut */
		{"{\"message\":\"Rate exceeded", CAUSE_REQUEST_RATE, ""},
		{"{\"message\":\"Rate exceeded\\", CAUSE_REQUEST_RATE, ""},
		{"{\"message\":\"Rate exceeded\\u12", CAUSE_REQUEST_RATE, ""},
		{"{\"message\":", CAUSE_NONE, ""},
		{"{\"message\"", CAUSE_NONE, ""},
		{"{\"mess", CAUSE_NONE, ""},
		{"{\"\\", CAUSE_NONE, ""},
		{"{", CAUSE_NONE, ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check("json", cases[i].body, &cases[i]);
}

static void test_types(void **state)
{
	static const struct {
		const char *type;
		enum answer_cause cause;
	} cases[] = {
		{"ExpiredTokenException", CAUSE_CREDENTIALS},
		{"ExpiredToken", CAUSE_CREDENTIALS},
		{"UnrecognizedClientException:http://internal.amazon.com/coral/com.amazon.coral/",
		 CAUSE_CREDENTIALS},
		{"InvalidClientTokenId", CAUSE_CREDENTIALS},
		{"InvalidSignatureException", CAUSE_SIGNATURE},
		{"SignatureDoesNotMatch", CAUSE_SIGNATURE},
		{"IncompleteSignatureException", CAUSE_SIGNATURE},
		{"RequestTimeTooSkewed", CAUSE_CLOCK},
		{"RequestExpired", CAUSE_CLOCK},
		{"MissingAuthenticationTokenException", CAUSE_NOT_SIGNED},
		{"AccessDeniedException", CAUSE_ACCESS_DENIED},
		{"com.amazonaws.aps#AccessDeniedException", CAUSE_ACCESS_DENIED},
		{"ThrottlingException", CAUSE_REQUEST_RATE},
		{"ResourceNotFoundException", CAUSE_NOT_FOUND},
		{"ValidationException", CAUSE_NONE},
		{"", CAUSE_NONE},
		{"#", CAUSE_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (answer_type_cause(sv_of(cases[i].type)) != cases[i].cause)
			fail_msg("%s", cases[i].type);
	char scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said;
	answer_body_read(SV("{\"__type\":\"a.b#ThrottlingException\",\"message\":\"wait\"}"),
			 scratch, &said);
	assert_true(sv_eq(said.type, SV("a.b#ThrottlingException")));
	assert_true(sv_eq(said.text, SV("wait")));
	assert_true(said.json);
	answer_body_read(SV("{\"a\":\"b\"}"), scratch, &said);
	assert_false(said.json);
}

/* Every prefix of every text: never more than the text, and no cause that the whole one lacks but
 * for words that are part of longer ones. */
static void test_cut(void **state)
{
	char scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		struct sv whole = sv_of(plain[i].body);
		bool seen = false;
		for (size_t n = 0; n <= whole.len; n++) {
			_cleanup_(freep) char *copy = sv_dup(sv_make(whole.ptr, n));
			answer_body_read(sv_make(copy, n), scratch, &said);
			assert_true(said.text.len <= n && said.subject.len <= said.text.len);
			/* Once it is there it stays. */
			if (seen && said.cause != plain[i].cause)
				fail_msg("%s, cut at %zu", plain[i].body, n);
			seen |= n >= 60 && said.cause == plain[i].cause && said.cause != CAUSE_NONE;
		}
	}
}

static void test_binary(void **state)
{
	char body[3 * LIMIT_ANSWER_BYTES], scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said;
	uint64_t x = 88172645463325252u;
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof body; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			/* Mostly the bytes that mean something. */
			body[i] = x % 4 ? "{}\"\\:,'=u \n"[x % 11] : (char)(x >> 32);
		}
		body[0] = '{';
		answer_body_read(sv_make(body, sizeof body), scratch, &said);
		assert_true(said.text.len <= LIMIT_ANSWER_BYTES);
		assert_true(said.subject.len <= 256);
	}
	answer_body_read(sv_make("a\0per-user series limit", 23), scratch, &said);
	assert_int_equal(said.cause, CAUSE_SERIES_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_json),  cmocka_unit_test(test_types),
		cmocka_unit_test(test_cut),   cmocka_unit_test(test_binary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
