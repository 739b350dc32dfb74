#include "../../../remotewrite/answer.h"

#include "cmocka_all.h"

#include <ampagent/remotewrite.h>

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
	{{HTTP_OK, 401}, ANSWER_DROP, DROP_ANSWERED_4XX},
	{{HTTP_OK, 403}, ANSWER_RETRY, 0, 0, true},
	{{HTTP_OK, 404}, ANSWER_RETRY, 0, 0, true},
	{{HTTP_OK, 413}, ANSWER_SPLIT},
	{{HTTP_OK, 415}, ANSWER_DROP, DROP_ANSWERED_4XX},
	{{HTTP_OK, 422}, ANSWER_DROP, DROP_ANSWERED_4XX},
	{{HTTP_OK, 301}, ANSWER_DROP, DROP_ANSWERED_OTHER},
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
};

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
		cmocka_unit_test(test_table),   cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_written), cmocka_unit_test(test_text),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
