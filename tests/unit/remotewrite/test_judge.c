/* What answers with their real texts do to a request: when it goes again, what is booked and noted.
 */
#include "sim.h"

#include "cmocka_all.h"

#include <ampagent/base/log.h>
#include <string.h>

#define OLD_SIGNATURE                                                                              \
	"{\"message\":\"Signature expired: 20260806T101112Z is now earlier than 20260806T101613Z " \
	"(20260806T102113Z - 5 min.)\"}"
#define EXPIRED "{\"message\":\"The security token included in the request is expired\"}"

static void assert_balanced(struct sim *s)
{
	assert_int_equal((uint64_t)s->d.progress.base + books_total(&s->d.progress.books) +
				 destination_queued(&s->d),
			 s->head.sequence);
}

static struct sim *start(uint64_t seed)
{
	struct sim *s = sim_new(seed);
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	return s;
}

static void answer(struct sim *s, int status, const char *type, const char *body)
{
	struct http_answer a = {.result = HTTP_OK,
				.status = status,
				.error_type = sv_of(type),
				.request_id = SV("id-1")};
	s->because = body;
	sim_answer_as(s, 0, &a, false);
	assert_balanced(s);
}

static int64_t wait_of(const struct sim *s)
{
	return s->d.slots[0].retry_at - s->now_ms;
}

/* Signed anew and sent again at once, once; then seldom. The next request has its own chance. */
static void test_clock(void **state)
{
	struct sim *s = start(1);
	answer(s, 403, "InvalidSignatureException", OLD_SIGNATURE);
	assert_int_equal(wait_of(s), 0);
	sim_turn(s);
	assert_int_equal(s->n_flights, 1);
	assert_int_equal(s->flights[0]->attempt, 1);
	answer(s, 403, "InvalidSignatureException", OLD_SIGNATURE);
	assert_in_range(wait_of(s), 1000, 1250);
	assert_int_equal(s->d.stats.refused[CAUSE_CLOCK], 2);
	s->now_ms += wait_of(s);
	sim_turn(s);
	sim_answer(s, 0, 200, true);
	assert_int_equal(s->d.progress.books.sent, s->head.sequence);
	sim_log(s, 0, 2, 32, false);
	sim_turn(s);
	answer(s, 403, "InvalidSignatureException", OLD_SIGNATURE);
	assert_int_equal(wait_of(s), 0);
	sim_free(s);
}

static unsigned asked;

static bool other_keys(void *cls)
{
	asked++;
	return true;
}

static bool same_keys(void *cls)
{
	asked++;
	return false;
}

/* Other keys are tried at once, but a source that keeps giving bad ones does not make it spin. */
static void test_refresh(void **state)
{
	struct sim *s = sim_new(2);
	asked = 0;
	s->cfg.send.refresh = other_keys;
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	sim_turn(s);
	answer(s, 403, "ExpiredTokenException", EXPIRED);
	assert_int_equal(asked, 1);
	assert_int_equal(wait_of(s), 0);
	sim_turn(s);
	answer(s, 403, "", EXPIRED);
	assert_int_equal(asked, 2);
	assert_in_range(wait_of(s), 1000, 1250);
	sim_free(s);

	s = sim_new(3);
	asked = 0;
	s->cfg.send.refresh = same_keys;
	sim_start(s);
	sim_log(s, 0, 1, 32, false);
	sim_turn(s);
	answer(s, 403, "UnrecognizedClientException", "");
	assert_int_equal(asked, 1);
	assert_in_range(wait_of(s), 1000, 1250);
	assert_int_equal(books_total(&s->d.progress.books), 0);
	sim_free(s);
}

struct kept_case {
	int status;
	const char *type, *body;
	enum answer_cause cause;
	int64_t least;
};

/* Nothing of it is lost, whatever a person has to do first. */
static void test_kept(void **state)
{
	static const struct kept_case cases[] = {
		{403, "AccessDeniedException",
		 "{\"Message\":\"User: arn:aws:iam::1:user/u is not authorized to perform: "
		 "aps:RemoteWrite on resource: arn:aws:aps:eu-west-1:1:workspace/ws-1\"}",
		 CAUSE_ACCESS_DENIED, 1000},
		{403, "SignatureDoesNotMatch", "", CAUSE_SIGNATURE, 1000},
		{404, "ResourceNotFoundException", "{\"Message\":\"Workspace not found\"}",
		 CAUSE_NOT_FOUND, 5000},
		{401, "", "", CAUSE_CREDENTIALS, 1000},
		{429, "", "ingestion rate limit (5) exceeded while adding 9 samples and 0 metadata",
		 CAUSE_INGESTION_RATE, 30},
		{429, "ThrottlingException", "{\"message\":\"Rate exceeded\"}", CAUSE_REQUEST_RATE,
		 30},
		{502, "", "<html>", CAUSE_SERVER, 30},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sim *s = start(10 + i);
		answer(s, cases[i].status, cases[i].type, cases[i].body);
		assert_int_equal(books_total(&s->d.progress.books), 0);
		assert_in_range(wait_of(s), cases[i].least, cases[i].least * 5 / 4);
		assert_int_equal(s->d.stats.refused[cases[i].cause], 1);
		assert_int_equal(s->d.offenders.n, 1);
		assert_int_equal(s->d.offenders.v[0].cause, cases[i].cause);
		assert_int_equal(s->d.offenders.v[0].samples, 0);
		assert_non_null(strstr(s->d.offenders.v[0].text, "HTTP status"));
		sim_settle(s);
		assert_int_equal(s->d.progress.books.sent, s->head.sequence);
		sim_free(s);
	}
}

/* Which of the two limits is told to what paces. */
static void test_throttled(void **state)
{
	struct sim *s = start(30);
	answer(s, 429, "", "ingestion rate limit (5) exceeded");
	assert_int_equal(s->d.stats.throttled[THROTTLE_INGESTION], 1);
	assert_int_equal(s->d.stats.throttled[THROTTLE_REQUESTS], 0);
	sim_free(s);
	s = start(31);
	answer(s, 429, "", "{\"message\":\"Rate exceeded\"}");
	assert_int_equal(s->d.stats.throttled[THROTTLE_INGESTION], 0);
	assert_int_equal(s->d.stats.throttled[THROTTLE_REQUESTS], 1);
	sim_free(s);
	/* A series limit is not of time. */
	s = start(32);
	answer(s, 429, "", "per-user series limit (local limit: 0) exceeded");
	assert_int_equal(s->d.stats.throttled[THROTTLE_INGESTION], 0);
	assert_int_equal(s->d.progress.books.dropped[DROP_ANSWERED_429], s->head.sequence);
	sim_free(s);
}

/* The text for a request that is too large is followed down to single samples, and ends there. */
static void test_size_in_400(void **state)
{
	struct sim *s = start(40);
	unsigned rounds = 0;
	for (; rounds < 200 && destination_queued(&s->d) > 0; rounds++) {
		if (s->n_flights > 0)
			answer(s, 400, "", "received message larger than max (2097152 vs 1048576)");
		sim_turn(s);
	}
	assert_int_equal(s->d.progress.books.dropped[DROP_TOO_LARGE], s->head.sequence);
	assert_true(s->requests <= 2 * s->head.sequence + 6);
	assert_int_equal(s->d.stats.refused[CAUSE_SIZE], s->requests);
	sim_free(s);
}

static void test_named(void **state)
{
	struct sim *s = start(41);
	answer(s, 400, "",
	       "user=1: err: duplicate sample for timestamp. timestamp=1, "
	       "series={__name__=\"up\", job=\"a\"}");
	const struct offender *f = &s->d.offenders.v[0];
	assert_int_equal(s->d.progress.books.dropped[DROP_ANSWERED_400], s->head.sequence);
	assert_int_equal(f->cause, CAUSE_DUPLICATE);
	assert_string_equal(f->subject, "up");
	assert_int_equal(f->samples, s->head.sequence);
	assert_non_null(strstr(f->text, "HTTP status 400"));
	sim_free(s);
}

/* After a crash what comes twice may be refused for its order; what is wrong with the samples
 * themselves is wrong the first time too. */
static void test_repeated(void **state)
{
	static const struct {
		const char *body;
		enum drop_reason reason;
	} cases[] = {
		{"", DROP_REPEATED},
		{"err: out of order sample. timestamp=1, series={}", DROP_REPEATED},
		{"err: too old sample. timestamp=1, series={}", DROP_REPEATED},
		{"err: duplicate sample for timestamp. timestamp=1, series={}", DROP_REPEATED},
		{"series has too many labels (actual: 32, limit: 30) series: 'up'",
		 DROP_ANSWERED_400},
		{"labels not sorted: \"b\" metric \"up\"", DROP_ANSWERED_400},
		{"per-user series limit of 5 exceeded", DROP_ANSWERED_400},
		{"timestamp too new: 5 metric: \"up\"", DROP_ANSWERED_400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sim *s = start(50 + i);
		sim_answer(s, 0, 0, true);
		sim_kill(s);
		sim_start(s);
		sim_turn(s);
		answer(s, 400, "", cases[i].body);
		if (s->d.progress.books.dropped[cases[i].reason] != s->head.sequence)
			fail_msg("%s", cases[i].body);
		sim_free(s);
	}
}

int main(void)
{
	log_init(LOG_ERROR + 1, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),    cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_kept),     cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_named),    cmocka_unit_test(test_size_in_400),
		cmocka_unit_test(test_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
