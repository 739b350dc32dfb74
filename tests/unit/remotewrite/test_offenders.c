#include "../../../remotewrite/offenders.h"

#include "cmocka_all.h"

#include <ampagent/base/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct answer named(enum answer_cause cause, const char *subject)
{
	struct answer a = {.action = ANSWER_DROP, .cause = cause};
	snprintf(a.subject, sizeof a.subject, "%s", subject);
	return a;
}

static void note(struct offenders *o, const char *subject, uint64_t samples, int64_t at)
{
	struct answer a = named(CAUSE_DUPLICATE, subject);
	offenders_note(o, &a, samples, at, subject);
}

static void test_counts(void **state)
{
	struct offenders *o = calloc(1, sizeof *o);
	assert_non_null(o);
	note(o, "up", 100, 1000);
	note(o, "down", 10, 2000);
	note(o, "down", 20, 3000);
	struct answer limit = named(CAUSE_SERIES_LIMIT, "down");
	offenders_note(o, &limit, 5, 4000, "the limit");
	assert_int_equal(o->n, 3);
	assert_int_equal(o->version, 4);
	uint32_t order[OFFENDERS_MAX];
	offenders_order(o, order);
	const struct offender *first = &o->v[order[0]];
	assert_string_equal(first->subject, "down");
	assert_int_equal(first->cause, CAUSE_DUPLICATE);
	assert_int_equal(first->answers, 2);
	assert_int_equal(first->samples, 30);
	assert_int_equal(first->first_ms, 2000);
	assert_int_equal(first->last_ms, 3000);
	assert_string_equal(o->v[order[1]].subject, "up");
	assert_string_equal(o->v[order[2]].text, "the limit");
	free(o);
}

/* One in ten is of the same metric, the others are new each time: it stays, with its count. */
static void test_frequent_ones_stay(void **state)
{
	struct offenders *o = calloc(1, sizeof *o);
	assert_non_null(o);
	for (int i = 0; i < 5000; i++) {
		char name[32];
		snprintf(name, sizeof name, "once_%d", i);
		note(o, i % 10 ? name : "often", 1, i);
	}
	assert_int_equal(o->n, OFFENDERS_MAX);
	uint32_t order[OFFENDERS_MAX];
	offenders_order(o, order);
	assert_string_equal(o->v[order[0]].subject, "often");
	assert_int_equal(o->v[order[0]].answers, 500);
	assert_int_equal(o->v[order[0]].first_ms, 0);
	for (uint32_t i = 1; i < o->n; i++)
		assert_int_equal(o->v[order[i]].answers, 1);
	/* And one that becomes frequent later gets in. */
	for (int i = 0; i < 5000; i++) {
		char name[32];
		snprintf(name, sizeof name, "again_%d", i);
		note(o, i % 10 ? name : "later", 1, i);
	}
	offenders_order(o, order);
	assert_true(strcmp(o->v[order[0]].subject, "later") == 0 ||
		    strcmp(o->v[order[1]].subject, "later") == 0);
	free(o);
}

static void test_long_text(void **state)
{
	struct offenders *o = calloc(1, sizeof *o);
	assert_non_null(o);
	char text[2 * OFFENDER_TEXT_BYTES];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	struct answer a = named(CAUSE_SERVER, "");
	offenders_note(o, &a, 0, 1, text);
	assert_int_equal(strlen(o->v[0].text), OFFENDER_TEXT_BYTES - 1);
	free(o);
}

/* Texts of the peer are data: nothing in them ends a string or begins a tag of its own. */
static void test_json(void **state)
{
	static const char *const parts[] = {
		"\"destination\":\"amp\"",
		"\"cause\":\"duplicate\",\"named\":\"a\\\"b\"",
		"\"answers\":1,\"samplesAtMost\":9",
		"\"first\":\"1970-01-01T00:00:05.000Z\"",
		"\"advice\":\"let only one agent write a series",
	};
	struct offenders *o = calloc(1, sizeof *o);
	assert_non_null(o);
	struct answer a = named(CAUSE_DUPLICATE, "a\"b");
	offenders_note(o, &a, 9, 5000, "</script>\xff\"");
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 65536);
	struct json_writer w = {.out = &out};
	json_begin_array(&w);
	offenders_json(o, SV("amp"), &w);
	json_end_array(&w);
	buf_char(&out, 0);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (!strstr(out.ptr, parts[i]))
			fail_msg("%s: %s", parts[i], out.ptr);
	assert_true(utf8_valid(buf_view(&out)));
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_frequent_ones_stay),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
