#include "../../../remotewrite/answer.h"

#include "cmocka_all.h"

#include <ampagent/base/text.h>
#include <ampagent/remotewrite.h>
#include <string.h>

struct row {
	struct answer_in in;
	enum answer_action action;
	enum drop_reason reason;
	int64_t after_ms;
	bool loud;
};

static const struct row rows[] = {
	{{HTTP_OK, 200}, ANSWER_DONE},
	{{HTTP_OK, 204}, ANSWER_DONE},
	{{HTTP_OK, 299}, ANSWER_DONE},
	{{HTTP_OK, 202}, ANSWER_DEDUPLICATED},
	{{HTTP_TIMEOUT, 0}, ANSWER_RETRY},
	{{HTTP_TIMEOUT, 200}, ANSWER_RETRY},
	{{HTTP_NETWORK, 0}, ANSWER_RETRY},
	{{HTTP_LOCAL, 0}, ANSWER_RETRY},
	{{HTTP_TOO_LARGE, 0}, ANSWER_RETRY},
	{{HTTP_TOO_LARGE, 400}, ANSWER_DROP, DROP_ANSWERED_400},
	{{HTTP_TOO_LARGE, 200}, ANSWER_DONE},
	{{HTTP_OK, 500}, ANSWER_RETRY},
	{{HTTP_OK, 503, {"7", 1}}, ANSWER_RETRY, 0, 7000},
	{{HTTP_OK, 599}, ANSWER_RETRY},
	{{HTTP_OK, 429}, ANSWER_RETRY},
	{{HTTP_OK, 429, {"99999", 5}}, ANSWER_RETRY, 0, 300000},
	{{HTTP_OK, 429, {NULL, 0}, true}, ANSWER_DROP, DROP_ANSWERED_429},
	{{HTTP_OK, 400}, ANSWER_DROP, DROP_ANSWERED_400},
	{{HTTP_OK, 401}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 403}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 403, {"9", 1}}, ANSWER_STOP, 0, 9000, true},
	{{HTTP_OK, 404}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 407}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 408}, ANSWER_RETRY},
	{{HTTP_OK, 413}, ANSWER_SPLIT},
	{{HTTP_OK, 415}, ANSWER_DROP, DROP_ANSWERED_4XX},
	{{HTTP_OK, 422}, ANSWER_DROP, DROP_ANSWERED_4XX},
	{{HTTP_OK, 301}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 307}, ANSWER_STOP, 0, 0, true},
	{{HTTP_OK, 199}, ANSWER_DROP, DROP_ANSWERED_OTHER},
	{{HTTP_OK, 999}, ANSWER_DROP, DROP_ANSWERED_OTHER},
	/* 2.0: nobody said what was written, or the type is not known. */
	{{HTTP_OK, 200, .v2 = true}, ANSWER_FALL_BACK},
	{{HTTP_OK, 204, .v2 = true}, ANSWER_FALL_BACK},
	{{HTTP_OK, 204, .v2 = true, .confirmed = true}, ANSWER_DONE},
	{{HTTP_OK, 204, .confirmed = true}, ANSWER_DONE},
	{{HTTP_OK, 202, .v2 = true}, ANSWER_DEDUPLICATED},
	{{HTTP_OK, 415, .v2 = true}, ANSWER_FALL_BACK},
	{{HTTP_OK, 415, .v2 = true, .confirmed = true}, ANSWER_FALL_BACK},
	{{HTTP_OK, 400, .v2 = true, .confirmed = true}, ANSWER_DROP, DROP_ANSWERED_400},
	{{HTTP_OK, 500, .v2 = true}, ANSWER_RETRY},
	{{HTTP_TIMEOUT, 0, .v2 = true}, ANSWER_RETRY},
	/* Nothing was sent: there is nothing to sign with. A peer's own error of that name is not.
	 */
	{{HTTP_LOCAL, 0, .error_type = {"no_credentials", 14}}, ANSWER_RETRY, 0, 0, true},
	{{HTTP_LOCAL, 0, .error_type = {"no_region", 9}}, ANSWER_RETRY, 0, 0, true},
	{{HTTP_LOCAL, 0, .error_type = {"no_credentials", 14}, .v2 = true},
	 ANSWER_RETRY,
	 0,
	 0,
	 true},
	{{HTTP_OK, 200, .error_type = {"no_credentials", 14}}, ANSWER_DONE},
};

/* A wrong clock that the signature knew of is not why it was refused. */
static void test_signed_by_the_peers_time(void **state)
{
	static const struct answer_written none = {.confirmed = false};
	struct answer_asked asked = {.now_wall_ms = 1784116800000}; /* 2026-07-15 12:00:00 */
	struct http_answer a = {.result = HTTP_OK,
				.status = 403,
				.date = SV("Wed, 15 Jul 2026 14:00:00 GMT"),
				.error_type = SV("AccessDeniedException")};
	assert_int_equal(answer_judge(&a, SV_NULL, &asked, &none).action, ANSWER_CLOCK);
	asked.signed_ahead_ms = 7200000;
	struct answer out = answer_judge(&a, SV_NULL, &asked, &none);
	assert_int_equal(out.action, ANSWER_STOP);
	assert_int_equal(out.cause, CAUSE_ACCESS_DENIED);
	/* It was right once, and the peer's clock was set since. */
	asked.signed_ahead_ms = -7200000;
	assert_int_equal(answer_judge(&a, SV_NULL, &asked, &none).action, ANSWER_CLOCK);
}

static void test_not_sent(void **state)
{
	static const struct {
		const char *type;
		enum answer_cause cause;
	} cases[] = {{"no_credentials", CAUSE_NO_CREDENTIALS},
		     {"no_region", CAUSE_NO_REGION},
		     {"", CAUSE_UNREACHABLE}};
	static const struct answer_asked asked = {.now_wall_ms = 1000};
	static const struct answer_written none = {.confirmed = false};
	char text[100];
	for (size_t i = 0; i < 3; i++) {
		struct http_answer a = {.result = HTTP_LOCAL,
					.error = "why not",
					.error_type = sv_of(cases[i].type)};
		struct answer out = answer_judge(&a, SV_NULL, &asked, &none);
		assert_int_equal(out.cause, cases[i].cause);
		assert_true(answer_keeps(&out));
		assert_int_equal(out.max_backoff_ms, 0);
		assert_string_equal(answer_text(text, sizeof text, &a, SV_NULL), "why not");
	}
}

static void test_table(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer a = answer_decide(&rows[i].in);
		if (a.action != rows[i].action || a.loud != rows[i].loud ||
		    a.after_ms != rows[i].after_ms ||
		    (a.action == ANSWER_DROP && a.reason != rows[i].reason))
			fail_msg("row %zu, status %d", i, rows[i].in.status);
	}
	struct answer_in forbidden = {HTTP_OK, 403}, missing = {HTTP_OK, 404};
	assert_int_equal(answer_decide(&forbidden).min_backoff_ms, 1000);
	assert_int_equal(answer_decide(&forbidden).max_backoff_ms, 60000);
	assert_int_equal(answer_decide(&missing).min_backoff_ms, 5000);
}

/* What the service says, and what follows. */
struct said_row {
	int status;
	const char *type, *body;
	enum answer_action action;
	enum answer_cause cause;
	const char *subject;
};

#define USER "user=123456789012_ws-00000000-0000-4000-8000-000000000000: "
#define WRAPPED                                                                                    \
	"maxFailure (quorum) on a given error family, rpc error: code = Code(400) desc = "         \
	"addr=10.1.41.23:9095 state=ACTIVE zone=us-east-1a, rpc error: code = Code(400) desc "     \
	"= " USER
#define EXPIRED "The security token included in the request is expired"
#define OLD_SIGNATURE                                                                              \
	"{\"message\":\"Signature expired: 20260806T101112Z is now earlier than 20260806T101613Z " \
	"(20260806T102113Z - 5 min.)\"}"
#define MISMATCH                                                                                   \
	"{\"message\":\"The request signature we calculated does not match the signature you "     \
	"provided. Check your AWS Secret Access Key and signing method.\"}"
#define DENIED                                                                                     \
	"{\"Message\":\"User: arn:aws:sts::123456789012:assumed-role/r/i-1 is not authorized to "  \
	"perform: aps:RemoteWrite on resource: "                                                   \
	"arn:aws:aps:us-east-1:123456789012:workspace/ws-1\"}"

static const struct said_row said_rows[] = {
	{429, "", "ingestion rate limit (6666.6) exceeded while adding 499 samples and 0 metadata",
	 ANSWER_RETRY, CAUSE_INGESTION_RATE, ""},
	{429, "ThrottlingException", "{\"message\":\"Rate exceeded\"}", ANSWER_RETRY,
	 CAUSE_REQUEST_RATE, ""},
	{429, "", "{\"message\":\"Rate exceeded\"}", ANSWER_RETRY, CAUSE_REQUEST_RATE, ""},
	{429, "", "", ANSWER_RETRY, CAUSE_THROTTLED, ""},
	{429, "", "slow down", ANSWER_RETRY, CAUSE_THROTTLED, ""},
	{400, "ThrottlingException", "{\"message\":\"Rate exceeded\"}", ANSWER_RETRY,
	 CAUSE_REQUEST_RATE, ""},
	/* series limits: the same in both statuses */
	{400, "", WRAPPED "per-user series limit of 10000000 exceeded,\nCapacity from 2,000,000",
	 ANSWER_SHED, CAUSE_SERIES_LIMIT, ""},
	{429, "", USER "per-user series limit (local limit: 0 global limit: 3000000) exceeded",
	 ANSWER_SHED, CAUSE_SERIES_LIMIT, ""},
	{400, "",
	 WRAPPED "per-metric series limit of 5 exceeded for metric up, please contact "
		 "administrator to raise it",
	 ANSWER_DROP, CAUSE_METRIC_SERIES_LIMIT, "up"},
	{429, "", "per-labelset series limit of 5 exceeded (labelSet: 77, local limit: 0)",
	 ANSWER_DROP, CAUSE_LABELSET_SERIES_LIMIT, "77"},
	/* samples */
	{400, "", WRAPPED "err: out of order sample. timestamp=1, series={__name__=\"up\"}",
	 ANSWER_DROP, CAUSE_OUT_OF_ORDER, "up"},
	{400, "", USER "timestamp too old: 17 metric: \"up\"", ANSWER_DROP, CAUSE_TOO_OLD, "up"},
	{400, "", USER "labels not sorted: \"b\" metric \"up{}\"", ANSWER_DROP, CAUSE_INVALID,
	 "up"},
	{400, "", "", ANSWER_DROP, CAUSE_NOT_NAMED, ""},
	{400, "", "\xff\xfe\x01", ANSWER_DROP, CAUSE_NOT_NAMED, ""},
	{400, "", "{\"message\":\"Bad Request\"}", ANSWER_DROP, CAUSE_NOT_NAMED, ""},
	{400, "", "snappy: corrupt input", ANSWER_DROP, CAUSE_UNDECODABLE, ""},
	/* The words of the front end count only when it is the one that speaks. */
	{400, "", "Signature expired: no, a label", ANSWER_DROP, CAUSE_NOT_NAMED, ""},
	{400, "", "rate exceeded", ANSWER_DROP, CAUSE_NOT_NAMED, ""},
	/* size */
	{413, "", "<html>413</html>", ANSWER_SPLIT, CAUSE_SIZE, ""},
	{400, "", "received message larger than max (2097152 vs 1048576)", ANSWER_SPLIT, CAUSE_SIZE,
	 ""},
	{400, "", "http: request body too large", ANSWER_SPLIT, CAUSE_SIZE, ""},
	/* who asks */
	{403, "ExpiredTokenException", "{\"message\":\"" EXPIRED "\"}", ANSWER_REFRESH,
	 CAUSE_CREDENTIALS, ""},
	{403, "", "{\"message\":\"" EXPIRED "\"}", ANSWER_REFRESH, CAUSE_CREDENTIALS, ""},
	{400, "ExpiredTokenException", "", ANSWER_REFRESH, CAUSE_CREDENTIALS, ""},
	{403, "UnrecognizedClientException:http://internal/", "", ANSWER_REFRESH, CAUSE_CREDENTIALS,
	 ""},
	{403, "InvalidSignatureException", OLD_SIGNATURE, ANSWER_CLOCK, CAUSE_CLOCK, ""},
	{403, "", OLD_SIGNATURE, ANSWER_CLOCK, CAUSE_CLOCK, ""},
	{403, "RequestTimeTooSkewed", "", ANSWER_CLOCK, CAUSE_CLOCK, ""},
	{403, "InvalidSignatureException", MISMATCH, ANSWER_STOP, CAUSE_SIGNATURE, ""},
	{403, "MissingAuthenticationTokenException",
	 "{\"message\":\"Missing Authentication Token\"}", ANSWER_STOP, CAUSE_NOT_SIGNED, ""},
	{403, "AccessDeniedException", DENIED, ANSWER_STOP, CAUSE_ACCESS_DENIED, ""},
	{403, "", "", ANSWER_STOP, CAUSE_ACCESS_DENIED, ""},
	{403, "", "<html>forbidden</html>", ANSWER_STOP, CAUSE_ACCESS_DENIED, ""},
	{404, "ResourceNotFoundException", "{\"message\":\"Workspace not found\"}", ANSWER_STOP,
	 CAUSE_NOT_FOUND, ""},
	/* the rest */
	{415, "", "only snappy is acceptable", ANSWER_DROP, CAUSE_PROTOCOL, ""},
	{422, "", "", ANSWER_DROP, CAUSE_REFUSED, ""},
	{500, "", "per-user series limit of 5 exceeded", ANSWER_RETRY, CAUSE_SERVER, ""},
	{503, "", "ingester's samples push rate limit reached", ANSWER_RETRY, CAUSE_SERVER, ""},
	{202, "", "replicas did not match", ANSWER_DEDUPLICATED, CAUSE_REPLICA, ""},
};

static void test_said(void **state)
{
	for (size_t i = 0; i < sizeof said_rows / sizeof said_rows[0]; i++) {
		const struct said_row *r = &said_rows[i];
		struct answer_in in = {.result = HTTP_OK,
				       .status = r->status,
				       .error_type = sv_of(r->type),
				       .body = sv_of(r->body)};
		struct answer a = answer_decide(&in);
		bool stays = r->action != ANSWER_DROP && r->action != ANSWER_SHED &&
			     r->action != ANSWER_SPLIT && r->action != ANSWER_DEDUPLICATED;
		if (a.action != r->action || a.cause != r->cause ||
		    strcmp(a.subject, r->subject) != 0 || answer_keeps(&a) != stays)
			fail_msg("%d %s %s: action %d, cause %s, subject %s", r->status, r->type,
				 r->body, (int)a.action, cause_name(a.cause), a.subject);
	}
}

/* The same words on a page that some proxy made for people are no error of the service. */
static void test_html(void **state)
{
	struct answer_in in = {.result = HTTP_OK,
			       .status = 400,
			       .content_type = SV("Text/HTML; charset=utf-8"),
			       .body = SV("<p>received message larger than max</p>")};
	assert_int_equal(answer_decide(&in).action, ANSWER_DROP);
	assert_int_equal(answer_decide(&in).cause, CAUSE_NOT_NAMED);
	in.content_type = SV("text/plain");
	assert_int_equal(answer_decide(&in).action, ANSWER_SPLIT);
}

/* retry_on_http_429: false drops what is throttled; a series limit was never to be sent again. */
static void test_drop_429(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum answer_action action;
		enum drop_reason reason;
	} cases[] = {
		{429, "ingestion rate limit (5) exceeded", ANSWER_DROP, DROP_ANSWERED_429},
		{429, "", ANSWER_DROP, DROP_ANSWERED_429},
		{429, "per-user series limit of 5 exceeded", ANSWER_SHED, DROP_ANSWERED_429},
		{400, "per-user series limit of 5 exceeded", ANSWER_SHED, DROP_ANSWERED_400},
		{503, "", ANSWER_RETRY, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer_in in = {.result = HTTP_OK,
				       .status = cases[i].status,
				       .body = sv_of(cases[i].body),
				       .drop_429 = true};
		struct answer a = answer_decide(&in);
		if (a.action != cases[i].action || a.reason != cases[i].reason)
			fail_msg("case %zu", i);
	}
}

/* A clock that is far off explains what the words do not say; one attempt to repair it, and then a
 * person is told. */
static void test_clock(void **state)
{
	static const struct {
		const char *type, *body;
		int64_t skew_ms;
		bool corrected;
		enum answer_action action;
		enum answer_cause cause;
	} cases[] = {
		{"InvalidSignatureException", MISMATCH, 0, false, ANSWER_STOP, CAUSE_SIGNATURE},
		{"InvalidSignatureException", MISMATCH, 239000, false, ANSWER_STOP,
		 CAUSE_SIGNATURE},
		{"InvalidSignatureException", MISMATCH, 241000, false, ANSWER_CLOCK, CAUSE_CLOCK},
		{"SignatureDoesNotMatch", "", -241000, false, ANSWER_CLOCK, CAUSE_CLOCK},
		{"SignatureDoesNotMatch", "", -241000, true, ANSWER_STOP, CAUSE_SIGNATURE},
		{"AccessDeniedException", DENIED, 600000, false, ANSWER_CLOCK, CAUSE_CLOCK},
		{"AccessDeniedException", DENIED, 600000, true, ANSWER_STOP, CAUSE_ACCESS_DENIED},
		{"ExpiredTokenException", "", 600000, false, ANSWER_REFRESH, CAUSE_CREDENTIALS},
		{"", OLD_SIGNATURE, 0, false, ANSWER_CLOCK, CAUSE_CLOCK},
		{"", OLD_SIGNATURE, 600000, true, ANSWER_STOP, CAUSE_CLOCK},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer_in in = {.result = HTTP_OK,
				       .status = 403,
				       .error_type = sv_of(cases[i].type),
				       .body = sv_of(cases[i].body),
				       .skew_ms = cases[i].skew_ms,
				       .clock_corrected = cases[i].corrected};
		struct answer a = answer_decide(&in);
		if (a.action != cases[i].action || a.cause != cases[i].cause || !a.loud)
			fail_msg("case %zu: action %d, cause %s", i, (int)a.action,
				 cause_name(a.cause));
	}
}

static void test_skew(void **state)
{
	int64_t now = INT64_C(784111777) * 1000; /* Sun, 06 Nov 1994 08:49:37 GMT */
	struct http_answer a = {.result = HTTP_OK, .date = SV("Sun, 06 Nov 1994 08:59:37 GMT")};
	assert_int_equal(answer_skew_ms(&a, now), 600000);
	a.duration_ns = INT64_C(20000000000);
	assert_int_equal(answer_skew_ms(&a, now), 610000);
	assert_int_equal(answer_skew_ms(&a, now + 900000), -290000);
	a.date = SV("today");
	assert_int_equal(answer_skew_ms(&a, now), 0);
	a = (struct http_answer){.result = HTTP_TIMEOUT,
				 .date = SV("Sun, 06 Nov 1994 08:59:37 GMT")};
	assert_int_equal(answer_skew_ms(&a, now), 0);
}

/* What the peer named goes into JSON, metrics and log lines. */
static void test_subject_is_clean(void **state)
{
	struct answer_in in = {.result = HTTP_OK,
			       .status = 400,
			       .body = SV("err: out of order sample. timestamp=1, "
					  "series={__name__=\"a\nb\xff\x01 and so on\", x=\"\"}")};
	assert_string_equal(answer_decide(&in).subject, "a b?  and so on");
	_cleanup_(buf_deinit) struct buf body = BUF_NULL;
	buf_init(&body, 600);
	buf_sv(&body, SV("sample invalid metric name: \""));
	for (int i = 0; i < 150; i++)
		buf_sv(&body, SV("\xc3\xa9"));
	in.body = buf_view(&body);
	struct answer a = answer_decide(&in);
	assert_int_equal(strlen(a.subject), ANSWER_SUBJECT_BYTES - 2);
	assert_true(utf8_valid(sv_of(a.subject)));
}

struct written_case {
	const char *samples, *histograms, *exemplars;
	struct answer_written want;
};

static void test_written(void **state)
{
	static const struct written_case cases[] = {
		{"", "", "", {false, 0, 0, 0}},
		{"7", "", "", {true, 7, 0, 0}},
		{"", " 8 ", "", {true, 0, 8, 0}},
		{"1", "2", "3", {true, 1, 2, 3}},
		{"0", "0", "0", {true, 0, 0, 0}},
		{"many", "-1", "1.5", {false, 0, 0, 0}},
		{"99999999999999999999", "", "4", {true, 0, 0, 4}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct http_answer a = {.samples_written = sv_of(cases[i].samples),
					.histograms_written = sv_of(cases[i].histograms),
					.exemplars_written = sv_of(cases[i].exemplars)};
		struct answer_written w = answer_written(&a), want = cases[i].want;
		if (w.confirmed != want.confirmed || w.samples != want.samples ||
		    w.histograms != want.histograms || w.exemplars != want.exemplars)
			fail_msg("case %zu", i);
	}
}

static void test_retry_after(void **state)
{
	int64_t now = INT64_C(784111777) * 1000; /* Sun, 06 Nov 1994 08:49:37 GMT */
	assert_int_equal(answer_retry_after_ms(SV(" 12 "), now), 12000);
	assert_int_equal(answer_retry_after_ms(SV("0"), now), 0);
	assert_int_equal(answer_retry_after_ms(SV("-3"), now), 0);
	assert_int_equal(answer_retry_after_ms(SV("soon"), now), 0);
	assert_int_equal(answer_retry_after_ms(SV("18446744073709551615"), now), 300000);
	assert_int_equal(answer_retry_after_ms(SV("18446744073709551616"), now), 0);
	assert_int_equal(answer_retry_after_ms(SV("Sun, 06 Nov 1994 08:49:47 GMT"), now), 10000);
	assert_int_equal(answer_retry_after_ms(SV("Sun, 06 Nov 1994 08:49:07 GMT"), now), 0);
	assert_int_equal(answer_retry_after_ms(SV("Sun, 06 Nov 2094 08:49:37 GMT"), now), 300000);
}

static void test_text(void **state)
{
	char text[1024];
	struct http_answer a = {.result = HTTP_OK,
				.status = 400,
				.request_id = SV("id-1"),
				.error_type = SV("ValidationException")};
	assert_string_equal(answer_text(text, sizeof text, &a, SV("out of\norder\n")),
			    "server returned HTTP status 400 (ValidationException): out of order "
			    "[request id id-1]");
	char big[2000];
	memset(big, 'z', sizeof big);
	answer_text(text, sizeof text, &a, sv_make(big, sizeof big));
	assert_int_equal(strspn(strchr(text, 'z'), "z"), 512);
	assert_int_equal(strlen(answer_text(text, 20, &a, sv_make(big, sizeof big))), 19);
	a = (struct http_answer){.result = HTTP_TIMEOUT, .error = "timeout of 30 s"};
	assert_string_equal(answer_text(text, sizeof text, &a, SV_NULL), "timeout of 30 s");
	a = (struct http_answer){.result = HTTP_OK, .status = 500};
	assert_string_equal(answer_text(text, sizeof text, &a, SV("\xff\x01!")),
			    "server returned HTTP status 500: ? !");
}

static void test_reasons(void **state)
{
	for (int i = 0; i < DROP_REASONS_; i++)
		assert_non_null(remotewrite_drop_reasons[i]);
	assert_null(remotewrite_drop_reasons[DROP_REASONS_]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_sent),
		cmocka_unit_test(test_signed_by_the_peers_time),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_drop_429),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_subject_is_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
