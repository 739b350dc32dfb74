/* What is learned from which answers, and the signing times that follow. The cases are the facts of
 * the AWS SDKs' common clock-skew tests: seconds of client time at sending and receiving, what the
 * peer's Date says, the time to sign with, and the skew that stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/clock.h>

#include <stdio.h>
#include <time.h>

enum { START_S = 1767225600, NO_DATE = -1, ATTEMPTS = 2 }; /* 2026-01-01T00:00:00Z */
/* The monotonic clock has another origin; nothing may depend on it. */
static const int64_t MONO_OF_START_MS = 77777;

static int64_t mono_ms(int64_t at_s)
{
	return MONO_OF_START_MS + at_s * 1000;
}

static int64_t wall_ms(int64_t at_s)
{
	return (START_S + at_s) * 1000;
}

static struct http_answer answer(char date[64], int64_t date_s, const char *age, int64_t took_s)
{
	struct http_answer a = {.result = HTTP_OK, .status = 403, .age = sv_of(age)};
	struct tm tm;
	time_t t = (time_t)(START_S + date_s);

	a.duration_ns = took_s * 1000000000;
	if (date_s != NO_DATE) {
		gmtime_r(&t, &tm);
		strftime(date, 64, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		a.date = sv_of(date);
	}
	return a;
}

/* A Date is told in whole seconds. */
static void assert_about(int64_t got_ms, int64_t want_ms)
{
	assert_in_range(got_ms - want_ms + 500, 0, 1000);
}

struct attempt {
	int send_s, receive_s, signing_s, date_s;
	const char *age;
};

static void facts_of_the_sdks(void **state)
{
	static const struct {
		const char *what;
		int skew_before_s;
		struct attempt attempts[ATTEMPTS];
		size_t n;
		int skew_s;
	} cases[] = {
		{"clocks agree", 0, {{0, 2, 0, 2, NULL}}, 1, 0},
		{"a refusal teaches, the next try is right",
		 0,
		 {{0, 2, 0, 302, NULL}, {2, 4, 302, 304, NULL}},
		 2,
		 300},
		{"what was learned lasts", 300, {{60, 62, 360, 362, NULL}}, 1, 300},
		{"too late to be trusted", 0, {{0, 960, 0, 601, NULL}}, 1, 0},
		{"learned by the one after that", 0, {{1020, 1022, 1020, 1322, NULL}}, 1, 300},
		{"the peer's clock was set back", 300, {{0, 2, 300, 2, NULL}}, 1, 0},
		{"two minutes count too", 0, {{0, 2, 0, 122, NULL}}, 1, 120},
		{"no Date", 0, {{0, 2, 0, NO_DATE, NULL}}, 1, 0},
		{"a cache spoke", 0, {{60660, 60662, 60660, 43382, "17280"}}, 1, 0},
		{"a cache, then the peer itself",
		 0,
		 {{60660, 60662, 60660, 43382, "17280"}, {60670, 60672, 60670, 60972, NULL}},
		 2,
		 300},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_clock c = {.known = false};
		char date[64];
		print_message("%s\n", cases[i].what);
		if (cases[i].skew_before_s) {
			struct http_answer a = answer(date, cases[i].skew_before_s - 10, NULL, 1);
			assert_true(aws_clock_learn(&c, &a, mono_ms(-10)));
		}
		for (size_t k = 0; k < cases[i].n; k++) {
			const struct attempt *t = &cases[i].attempts[k];
			struct http_answer a =
				answer(date, t->date_s, t->age, t->receive_s - t->send_s);
			assert_about(aws_clock_now_ms(&c, mono_ms(t->send_s), wall_ms(t->send_s)),
				     wall_ms(t->signing_s));
			aws_clock_learn(&c, &a, mono_ms(t->receive_s));
		}
		int at_s = cases[i].attempts[cases[i].n - 1].receive_s;
		assert_about(aws_clock_skew_ms(&c, mono_ms(at_s), wall_ms(at_s)),
			     cases[i].skew_s * 1000);
	}
}

/* From then on the wall clock plays no part, however it is set. */
static void setting_the_wall_clock_changes_nothing(void **state)
{
	struct aws_clock c = {.known = false};
	char date[64];
	struct http_answer a = answer(date, 7200, NULL, 1);

	assert_int_equal(aws_clock_now_ms(&c, mono_ms(0), wall_ms(0)), wall_ms(0));
	assert_int_equal(aws_clock_skew_ms(&c, mono_ms(0), wall_ms(0)), 0);
	assert_true(aws_clock_learn(&c, &a, mono_ms(0)));
	assert_int_equal(aws_clock_now_ms(&c, mono_ms(100), wall_ms(100)), wall_ms(7300) + 500);
	assert_int_equal(aws_clock_now_ms(&c, mono_ms(100), wall_ms(7300)), wall_ms(7300) + 500);
	assert_int_equal(aws_clock_skew_ms(&c, mono_ms(100), wall_ms(7300)), 500);
	assert_int_equal(aws_clock_skew_ms(&c, mono_ms(100), wall_ms(7300) + 500), 0);
}

static void what_teaches_nothing(void **state)
{
	static const struct {
		enum http_result result;
		const char *date, *age;
		int64_t took_ms;
		bool learns;
	} cases[] = {
		{HTTP_OK, "Thu, 01 Jan 2026 00:05:00 GMT", "", 1, true},
		{HTTP_OK, "Thu, 01 Jan 2026 00:05:00 GMT", "", 15 * 60 * 1000, true},
		{HTTP_OK, "Thu, 01 Jan 2026 00:05:00 GMT", "", 15 * 60 * 1000 + 1, false},
		{HTTP_OK, "Thu, 01 Jan 2026 00:05:00 GMT", "0", 1, false},
		{HTTP_OK, "2026-01-01T00:05:00Z", "", 1, false},
		{HTTP_OK, "", "", 1, false},
		{HTTP_TIMEOUT, "Thu, 01 Jan 2026 00:05:00 GMT", "", 1, false},
		{HTTP_NETWORK, "Thu, 01 Jan 2026 00:05:00 GMT", "", 1, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct aws_clock c = {.known = true, .peer_ms = 5, .mono_ms = 6};
		struct http_answer a = {.result = cases[i].result,
					.date = sv_of(cases[i].date),
					.age = sv_of(cases[i].age),
					.duration_ns = cases[i].took_ms * 1000000};
		assert_int_equal(aws_clock_learn(&c, &a, 1000), cases[i].learns);
		assert_true(c.known);
		assert_int_equal(c.peer_ms, cases[i].learns ? wall_ms(300) + 500 : 5);
		assert_int_equal(c.mono_ms, cases[i].learns ? 1000 : 6);
	}
}

static void peers_time(void **state)
{
	struct http_answer a = {.date = SV("Sun, 06 Nov 1994 08:49:37 GMT")};
	assert_int_equal(aws_clock_told_ms(&a), INT64_C(784111777500));
	a.age = SV("0");
	assert_int_equal(aws_clock_told_ms(&a), 0);
	a.age = SV_NULL;
	a.date = SV("yesterday");
	assert_int_equal(aws_clock_told_ms(&a), 0);
	a.date = SV_NULL;
	assert_int_equal(aws_clock_told_ms(&a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_time),
		cmocka_unit_test(facts_of_the_sdks),
		cmocka_unit_test(setting_the_wall_clock_changes_nothing),
		cmocka_unit_test(what_teaches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
