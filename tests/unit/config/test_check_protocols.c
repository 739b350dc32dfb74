/* check_protocols: names of formats, and what a job offers. */
#include "parse.h"

#include "check.h"

static void test_names(void **state)
{
	for (int p = PROTO_PROMETHEUS_PROTO; p <= PROTO_TEXT_1_0_0; p++) {
		const char *name = check_protocol_name((enum scrape_protocol)p);
		assert_int_equal(check_protocol_named(sv_of(name)), p);
	}
	assert_null(check_protocol_name(PROTO_NONE));
	assert_int_equal(check_protocol_named(SV("prometheusproto")), PROTO_NONE);
	assert_int_equal(check_protocol_named(SV("")), PROTO_NONE);
	assert_string_equal(check_protocol_name(PROTO_TEXT_0_0_4), "PrometheusText0.0.4");
	assert_string_equal(check_protocol_name(PROTO_OPENMETRICS_0_0_1), "OpenMetricsText0.0.1");
}

/* One letter a format. */
static void expect(const struct scrape_options *s, const char *letters)
{
	static const char of[] = {[PROTO_PROMETHEUS_PROTO] = 'P',
				  [PROTO_OPENMETRICS_0_0_1] = 'o',
				  [PROTO_OPENMETRICS_1_0_0] = 'O',
				  [PROTO_TEXT_0_0_4] = 't',
				  [PROTO_TEXT_1_0_0] = 'T'};
	char got[9] = "";
	for (size_t i = 0; i < s->n_protocols; i++)
		got[i] = of[s->protocols[i]];
	assert_string_equal(got, letters);
}

static struct config *parse(const char *yaml, const struct config_features *f)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	if (config_parse(sv_of(yaml), TEST_PATH, f, test_getenv, &c, &err) != 0)
		fail_msg("%s", err.msg);
	return c;
}

static void test_defaults(void **state)
{
	static const struct config_features native = {.native_histograms = true},
					    zero = {.start_zero = true},
					    times = {.start_times = true};
	static const char jobs[] =
		"scrape_configs:\n- {job_name: a}\n- {job_name: b, scrape_native_histograms: "
		"true}\n- {job_name: c, scrape_native_histograms: false}\n";
	static const struct {
		const struct config_features *features;
		const char *a, *b, *c;
	} cases[] = {
		{NULL, "OoTt", "POoTt", "OoTt"},
		{&native, "POoTt", "POoTt", "OoTt"},
		{&zero, "POoTt", "POoTt", "POoTt"},
		{&times, "POoTt", "POoTt", "POoTt"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(config_unrefp) struct config *c = parse(jobs, cases[i].features);
		expect(&c->scrapes[0], cases[i].a);
		expect(&c->scrapes[1], cases[i].b);
		expect(&c->scrapes[2], cases[i].c);
		assert_int_equal(c->scrapes[0].native_histograms, cases[i].features == &native);
	}
}

/* A list in global wins over everything but a job's own. */
static void test_lists(void **state)
{
	static const struct config_features zero = {.start_zero = true};
	_cleanup_(config_unrefp) struct config *c =
		parse("global: {scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0],\n"
		      "  scrape_native_histograms: true}\n"
		      "scrape_configs:\n"
		      "- {job_name: a}\n"
		      "- {job_name: b, scrape_protocols: [PrometheusProto],\n"
		      "   fallback_scrape_protocol: PrometheusText1.0.0}\n",
		      &zero);
	expect(&c->scrapes[0], "tO");
	expect(&c->scrapes[1], "P");
	assert_int_equal(c->scrapes[0].fallback_protocol, PROTO_NONE);
	assert_int_equal(c->scrapes[1].fallback_protocol, PROTO_TEXT_1_0_0);
}

static void test_extra_metrics(void **state)
{
	static const struct config_features extra = {.extra_scrape_metrics = true};
	_cleanup_(config_unrefp) struct config *c =
		parse("scrape_configs:\n- {job_name: a}\n- {job_name: b, extra_scrape_metrics: "
		      "false}\n",
		      &extra);
	_cleanup_(config_unrefp) struct config *off = parse(
		"global: {extra_scrape_metrics: false}\nscrape_configs: [{job_name: a}]\n", &extra);
	assert_true(c->scrapes[0].extra_scrape_metrics);
	assert_false(c->scrapes[1].extra_scrape_metrics);
	assert_false(off->scrapes[0].extra_scrape_metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_extra_metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
