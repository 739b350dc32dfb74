/* check: global's own defaults, external labels, unique names. */
#include "parse.h"

static const struct refusal refusals[] = {
	{"global: {scrape_interval: 5s, scrape_timeout: 6s}\n", 1, 47,
	 "global scrape timeout is greater than the scrape interval"},
	{"global: {scrape_timeout: 61s}\n", 1, 26, "global scrape timeout"},
	{"global: {scrape_protocols: []}\n", 1, 28, "cannot be an empty list"},
	{"global: {scrape_protocols: [bogus]}\n", 1, 29, "unknown scrape protocol \"bogus\""},
	{"global:\n  external_labels:\n    '': x\n", 3, 5, "\"\" is not a valid label name"},
	{"global:\n  metric_name_validation_scheme: legacy\n  external_labels: {a-b: x}\n", 3, 21,
	 "\"a-b\" is not a valid label name"},
	{"global:\n  external_labels:\n    a: !!binary /w==\n", 3, 5, "not valid UTF-8"},
	{"global:\n  external_labels:\n    a: b\n    a: c\n", 4, 5, "given twice"},
	{"scrape_configs:\n- job_name: a\n- job_name: b\n- job_name: a\n", 4, 13,
	 "found multiple scrape configs with job name \"a\", first at line 2"},
	{"remote_write:\n- {url: http://x, name: a}\n- {url: http://y, name: a}\n", 3, 25,
	 "found multiple remote write configs with name \"a\", first at line 2"},
	{"remote_write:\n- {url: http://x}\n- url: http://x\n  remote_timeout: 30s\n", 3, 3,
	 "two remote_write blocks with the same content"},
	{"remote_write:\n- {url: http://x, basic_auth: {password: a}}\n"
	 "- {url: http://x, basic_auth: {password: b}}\n",
	 3, 3, "secrets do not count"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static void test_times(void **state)
{
	static const struct {
		const char *yaml;
		int64_t interval, timeout;
	} cases[] = {
		{"{}", 60000, 10000},
		{"{scrape_interval: 0}", 60000, 10000},
		{"{scrape_interval: 5s}", 5000, 5000},
		{"{scrape_interval: 2m}", 120000, 10000},
		{"{scrape_timeout: 1m}", 60000, 60000},
		{"{scrape_interval: 20s, scrape_timeout: 0}", 20000, 10000},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char yaml[200];
		snprintf(yaml, sizeof yaml, "global: %s\nscrape_configs: [{job_name: a}]\n",
			 cases[i].yaml);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
		assert_int_equal(c->scrapes[0].interval_ms, cases[i].interval);
		assert_int_equal(c->scrapes[0].timeout_ms, cases[i].timeout);
	}
}

/* The rules of Go's os.Expand. */
static void test_expand(void **state)
{
	static const struct {
		const char *value, *expanded;
		size_t warnings;
	} cases[] = {
		{"plain", "plain", 0},
		{"$ZONE", "eu-1", 0},
		{"a-$ZONE-b", "a-eu-1-b", 0},
		{"a${ZONE}b", "aeu-1b", 0},
		{"$ZONEb", "", 1},
		{"$$ZONE", "$ZONE", 0},
		{"$", "$", 0},
		{"a$", "a$", 0},
		{"a$.b", "a$.b", 0},
		{"${ZONE", "ZONE", 0},
		{"x${}y", "xy", 0},
		{"x$1y", "xy", 1},
		{"x${1}y", "xy", 1},
		{"x$*y$#z", "xyz", 2},
		{"${}", "", 0},
		{"$EMPTY", "", 1},
		{"x$EMPTY", "x", 1},
		{"$NOT_SET", "", 1},
		{"${a-b}x", "x", 1},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char yaml[200];
		snprintf(yaml, sizeof yaml, "global:\n  external_labels:\n    l: '%s'\n",
			 cases[i].value);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
		assert_sv_equal(labels_get(c->external_labels, SV("l")), cases[i].expanded);
		assert_int_equal(c->n_warnings, cases[i].warnings);
		if (c->n_warnings > 0)
			assert_int_equal(c->warnings[0].line, 3);
	}
}

static void test_external_labels(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		"global:\n  external_labels: {zone: $ZONE, app: 5, none: '', \"a b\": x}\n");
	assert_int_equal(labels_count(c->external_labels), 3);
	assert_sv_equal(labels_get(c->external_labels, SV("zone")), "eu-1");
	assert_sv_equal(labels_get(c->external_labels, SV("app")), "5");
	assert_sv_equal(labels_get(c->external_labels, SV("a b")), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_external_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
