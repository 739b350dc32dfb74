/* What each switch makes of a good request, over loopback. */
#include "check.h"
#include "endpoint.h"

#include <ampagent/base/clock.h>
#include <stdlib.h>
#include <unistd.h>

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

/* What stores nothing, row by row. */
static void answers_on_request(void **state)
{
	static const struct {
		const char *on;
		int status;
		const char *type, *says;
	} cases[] = {
		{"/switch?rate_202=1", 202, "", "replicas did not match"},
		{"/switch?rate_404=1", 404, "ResourceNotFoundException", "Workspace not found."},
		{"/switch?rate_413=1", 413, "", "Request Entity Too Large"},
		{"/switch?rate_400_size=1", 400, "", "received message larger than max ("},
		{"/switch?rate_500=1&retry_after_s=7", 0, "", "says no"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		start_default();
		assert_int_equal(post(cases[i].on), 200);
		int status = write_now();
		assert_true(cases[i].status == 0 ? status >= 500 : status == cases[i].status);
		assert_string_equal(got.error_type, cases[i].type);
		assert_says(buf_view(&got.body), cases[i].says);
		assert_int_equal(standin_stats_get(standin).samples, 0);
		assert_int_equal(standin_stats_get(standin).deduplicated, status == 202 ? 2 : 0);
		standin_free(take_ptr(standin));
	}
}

static void denials(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_403_denied = 1;
	start(&o);
	bool denied = false, unknown = false;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(write_now(), 403);
		denied |= strcmp(got.error_type, "AccessDeniedException") == 0;
		unknown |= strcmp(got.error_type, "UnrecognizedClientException") == 0;
		if (strcmp(got.error_type, "AccessDeniedException") == 0)
			assert_says(buf_view(&got.body), "is not authorized to perform: "
							 "aps:RemoteWrite on resource: arn:aws:");
	}
	assert_true(denied && unknown);
	assert_int_equal(get("/stats"), 200);
	assert_says(buf_view(&got.body), "\"403_denied\":");
	assert_says(buf_view(&got.body), "\"403_unknown\":");
}

static void retry_after(void **state)
{
	struct standin_options o = standin_options_default();
	o.rate_429 = 1;
	o.retry_after_s = 7;
	start(&o);
	assert_int_equal(write_now(), 429);
	assert_string_equal(got.retry_after, "7");
	assert_int_equal(post("/switch?rate_429=0"), 200);
	assert_int_equal(write_now(), 200);
	assert_string_equal(got.retry_after, "");
}

static void refusals_of_many_and_of_new_series(void **state)
{
	start_default();
	int64_t now = clock_wall_ms();
	assert_int_equal(post("/switch?rate_400_limit=1"), 200);
	assert_int_equal(write_at(now), 400);
	assert_says(buf_view(&got.body), "per-user series limit of 1 exceeded");
	assert_int_equal(standin_stats_get(standin).samples, 1);
	assert_int_equal(post("/switch?rate_400_limit=0"), 200);
	assert_int_equal(write_at(now), 200);
	/* No series is new any more. */
	assert_int_equal(post("/switch?rate_400_limit=1"), 200);
	assert_int_equal(write_at(now + 1), 200);
	assert_int_equal(post("/switch?rate_400_limit=0&rate_400_many=1"), 200);
	assert_int_equal(write_at(now + 2), 400);
	assert_says(buf_view(&got.body), "err: duplicate sample for timestamp. timestamp=");
	assert_int_equal(standin_stats_get(standin).samples, 5);
	assert_int_equal(standin_stats_get(standin).refused, 2);
}

static void refused_samples_are_recorded(void **state)
{
	char path[] = "/tmp/ampagent-test-record-XXXXXX", text[512] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	struct standin_options o = standin_options_default();
	o.record = sv_of(path);
	o.record_refused = true;
	o.rate_400 = 1;
	o.max_age_s = 0;
	start(&o);
	assert_int_equal(write_at(1000), 400);
	assert_int_equal(post("/switch?rate_400=0&rate_202=1"), 200);
	assert_int_equal(write_at(2000), 202);
	assert_int_equal(post("/switch?rate_202=0&rate_500=1"), 200);
	assert_true(write_at(3000) >= 500); /* to be sent again */
	assert_int_equal(standin_flush(standin), 0);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	assert_string_equal(text, "x 1000 3ff8000000000000 {__name__=\"a\",job=\"x\"}\n"
				  "1000 4000000000000000 {__name__=\"b\"}\n"
				  "x 2000 3ff8000000000000 {__name__=\"a\",job=\"x\"}\n"
				  "x 2000 4000000000000000 {__name__=\"b\"}\n");
	close(fd);
	unlink(path);
}

/* No answer, or not the whole of one; half of the time it was stored. */
static void broken_answers(void **state)
{
	static const char *const on[] = {"/switch?rate_reset=1", "/switch?rate_truncate=1",
					 "/switch?rate_hang=1&hang_ms=5", "/switch?rate_vanish=1"};
	for (size_t i = 0; i < N_OF(on); i++) {
		int64_t now = clock_wall_ms();
		start_default();
		assert_int_equal(post(on[i]), 200);
		for (int k = 0; k < 12; k++) {
			answer_limit_ms = i == 3 ? 100 : 0;
			write_at(now);
			answer_limit_ms = 0;
			if (i != 1)
				assert_true(got.result != HTTP_OK);
			else
				assert_true(got.result != HTTP_OK || got.body.len == 0);
		}
		struct standin_stats s = standin_stats_get(standin);
		assert_int_equal(s.dropped, s.requests);
		assert_int_equal(s.samples, 2);
		assert_true(s.duplicates > 0 && s.duplicates < 22);
		standin_free(take_ptr(standin));
	}
}

#define OVER_LOOPBACK(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_LOOPBACK(throttling_stores_nothing),
		OVER_LOOPBACK(dropped_connections),
		OVER_LOOPBACK(partial_refusals),
		OVER_LOOPBACK(expired_tokens),
		OVER_LOOPBACK(answers_on_request),
		OVER_LOOPBACK(denials),
		OVER_LOOPBACK(retry_after),
		OVER_LOOPBACK(refusals_of_many_and_of_new_series),
		OVER_LOOPBACK(refused_samples_are_recorded),
		OVER_LOOPBACK(broken_answers),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
