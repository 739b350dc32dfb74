/* Each rule of the linter, violated and kept. */
#include "../../../scrape/promlint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Problems one after the other, each followed by ';'. */
struct said {
	char text[1024];
	size_t n;
};

static void on_problem(void *userdata, struct sv text)
{
	struct said *s = userdata;
	int n = snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s;", SV_ARG(text));
	s->n += (size_t)n;
	assert_true(s->n < sizeof s->text);
}

#define NO_HELP "no help text;"
#define BASE(base, unit) "use base unit \"" base "\" instead of \"" unit "\";"
#define SHORT "metric names should not contain abbreviated units;"
#define CAMEL "metric names should be written in 'snake_case' not 'camelCase';"
#define COLON "metric names should not contain ':';"
#define NO_TOTAL "counter metrics should have \"_total\" suffix;"
#define TOTAL "non-counter metrics should not have \"_total\" suffix;"
#define BUCKET "non-histogram metrics should not have \"_bucket\" suffix;"
#define COUNT "non-histogram and non-summary metrics should not have \"_count\" suffix;"
#define SUM "non-histogram and non-summary metrics should not have \"_sum\" suffix;"
#define TYPE(type) "metric name should not include type '" type "';"

static const struct {
	const char *name;
	enum metric_type type;
	const char *problems;
} families[] = {
	{"a", METRIC_UNKNOWN, ""},
	{"a_total", METRIC_COUNTER, ""},
	{"a", METRIC_COUNTER, NO_TOTAL},
	{"a_total_x", METRIC_COUNTER, NO_TOTAL},
	{"total", METRIC_COUNTER, NO_TOTAL},
	{"a_total", METRIC_GAUGE, TOTAL},
	{"a_total", METRIC_HISTOGRAM, TOTAL},
	{"a_total", METRIC_UNKNOWN, ""},
	{"a_bucket", METRIC_GAUGE, BUCKET},
	{"a_bucket", METRIC_SUMMARY, BUCKET},
	{"a_bucket", METRIC_HISTOGRAM, ""},
	{"a_bucket", METRIC_UNKNOWN, ""},
	{"a_bucket", METRIC_COUNTER, NO_TOTAL BUCKET},
	{"a_count", METRIC_GAUGE, COUNT},
	{"a_count", METRIC_SUMMARY, ""},
	{"a_count", METRIC_HISTOGRAM, ""},
	{"a_sum", METRIC_GAUGE, SUM},
	{"a_sum", METRIC_SUMMARY, ""},
	{"a_sum", METRIC_UNKNOWN, ""},
	{"a_sums", METRIC_GAUGE, ""},
	/* Types in names. */
	{"a_gauge", METRIC_GAUGE, TYPE("gauge")},
	{"a_gauge_x", METRIC_GAUGE, TYPE("gauge")},
	{"a_GAUGE", METRIC_GAUGE, TYPE("gauge")},
	{"gauge_a", METRIC_GAUGE, ""},
	{"a_gauges", METRIC_GAUGE, ""},
	{"a_gauge", METRIC_UNKNOWN, ""},
	{"a_gauge", METRIC_HISTOGRAM, ""},
	{"a_histogram", METRIC_HISTOGRAM, TYPE("histogram")},
	{"a_summary", METRIC_SUMMARY, TYPE("summary")},
	{"a_counter_total", METRIC_COUNTER, TYPE("counter")},
	/* Units. */
	{"a_seconds", METRIC_GAUGE, ""},
	{"a_volts_amperes_bytes", METRIC_GAUGE, ""},
	{"a_metres", METRIC_GAUGE, ""},
	{"a_milliseconds", METRIC_GAUGE, BASE("seconds", "milliseconds")},
	{"milliseconds_a", METRIC_UNKNOWN, BASE("seconds", "milliseconds")},
	{"a_milliseconds_hours", METRIC_GAUGE, BASE("seconds", "milliseconds")},
	{"a_seconds_hours", METRIC_GAUGE, ""},
	{"a_kilobits", METRIC_GAUGE, BASE("bytes", "kilobits")},
	{"a_gibibytes", METRIC_GAUGE, BASE("bytes", "gibibytes")},
	{"a_kelvins", METRIC_GAUGE, BASE("kelvin", "kelvins")},
	{"a_fahrenheit", METRIC_GAUGE, BASE("celsius", "fahrenheit")},
	{"a_picocalories", METRIC_GAUGE, BASE("joules", "picocalories")},
	{"a_hectoounces", METRIC_GAUGE, BASE("grams", "hectoounces")},
	{"a_Milliseconds", METRIC_GAUGE, ""},
	{"a_millimilliseconds", METRIC_GAUGE, ""},
	{"a_exaseconds", METRIC_GAUGE, ""},
	{"a_milli", METRIC_GAUGE, ""},
	{"amilliseconds", METRIC_GAUGE, ""},
	/* Abbreviations. */
	{"a_s", METRIC_GAUGE, SHORT},
	{"a_ms", METRIC_GAUGE, SHORT},
	{"a_MB", METRIC_GAUGE, SHORT},
	{"a_sec_x", METRIC_UNKNOWN, SHORT},
	{"a_s_ms_x", METRIC_GAUGE, SHORT SHORT},
	{"s_a", METRIC_GAUGE, ""},
	{"s", METRIC_GAUGE, ""},
	{"a_sx", METRIC_GAUGE, ""},
	{"_d", METRIC_GAUGE, SHORT},
	/* Characters. */
	{"a:b", METRIC_GAUGE, COLON},
	{":", METRIC_UNKNOWN, COLON},
	{"aB", METRIC_UNKNOWN, CAMEL},
	{"Ab", METRIC_GAUGE, ""},
	{"a_B", METRIC_GAUGE, SHORT},
	{"AB_total", METRIC_COUNTER, ""},
	{"fooBar_ms:x", METRIC_UNKNOWN, COLON CAMEL},
};

static void test_families(void **state)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		for (int has_help = 0; has_help < 2; has_help++) {
			struct said said = {"", 0};
			const struct promlint_sink sink = {&said, on_problem};
			const char *got = said.text;
			promlint_family(sv_of(families[i].name), families[i].type, has_help, &sink);
			if (!has_help) {
				assert_memory_equal(got, NO_HELP, strlen(NO_HELP));
				got += strlen(NO_HELP);
			}
			if (strcmp(got, families[i].problems) != 0)
				fail_msg("%s: %s", families[i].name, got);
		}
}

#define LE "non-histogram metrics should not have \"le\" label;"
#define QUANTILE "non-summary metrics should not have \"quantile\" label;"
#define LABEL_CAMEL "label names should be written in 'snake_case' not 'camelCase';"

static void test_labels(void **state)
{
	static const struct {
		const char *label;
		enum metric_type type;
		const char *problems;
	} cases[] = {
		{"le", METRIC_GAUGE, LE},
		{"le", METRIC_SUMMARY, LE},
		{"le", METRIC_HISTOGRAM, ""},
		{"le", METRIC_UNKNOWN, ""},
		{"quantile", METRIC_COUNTER, QUANTILE},
		{"quantile", METRIC_HISTOGRAM, QUANTILE},
		{"quantile", METRIC_SUMMARY, ""},
		{"quantile", METRIC_UNKNOWN, ""},
		{"quantiles", METRIC_GAUGE, ""},
		{"aB", METRIC_UNKNOWN, LABEL_CAMEL},
		{"a_b", METRIC_GAUGE, ""},
		{"AB", METRIC_GAUGE, ""},
		{"xaBcD", METRIC_GAUGE, LABEL_CAMEL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct said said = {"", 0};
		const struct promlint_sink sink = {&said, on_problem};
		promlint_label(sv_of(cases[i].label), cases[i].type, &sink);
		assert_string_equal(said.text, cases[i].problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
