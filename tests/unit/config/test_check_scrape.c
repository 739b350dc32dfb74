/* check_scrape: inheritance, times, formats, name schemes, relabel rules. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "

static const struct refusal refusals[] = {
	{"scrape_configs:\n- scheme: http\n", 2, 3, "job_name is empty"},
	{"scrape_configs:\n- job_name: ''\n", 2, 13, "job_name is empty"},
	{"scrape_configs: [{}]\n", 1, 18, "job_name is empty"},
	{JOB "scrape_interval: 5s\n  scrape_timeout: 6s\n", 4, 19,
	 "greater than the scrape interval of job \"a\""},
	{JOB "scrape_timeout: 2m\n", 3, 19, "greater than the scrape interval"},
	/* formats */
	{JOB "scrape_protocols: []\n", 3, 21, "cannot be an empty list"},
	{"global: {scrape_protocols: []}\nscrape_configs: [{job_name: a}]\n", 1, 28,
	 "cannot be an empty list"},
	{JOB "scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.5]\n", 3, 43,
	 "unknown scrape protocol \"PrometheusText0.0.5\" (did you mean \"PrometheusText0.0.4\"?)"},
	{JOB "scrape_protocols: [prometheustext0.0.4]\n", 3, 22, "unknown scrape protocol"},
	{JOB "scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]\n", 3, 43,
	 "\"PrometheusText0.0.4\" is there twice"},
	{JOB "fallback_scrape_protocol: text\n", 3, 29, "unknown scrape protocol \"text\""},
	/* schemes */
	{JOB "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: allow-utf-8\n",
	 4, 32, "while metric_name_validation_scheme is legacy"},
	{"global:\n  metric_name_validation_scheme: legacy\n"
	 "  metric_name_escaping_scheme: allow-utf-8\nscrape_configs:\n- job_name: a\n",
	 5, 3, "while metric_name_validation_scheme is legacy"},
	/* relabel rules */
	{JOB "relabel_configs:\n  - regex: '('\n", 4, 12, "\"regex\": "},
	{JOB "relabel_configs:\n  - regex: 'a(?=b)'\n", 4, 12, "\"regex\": "},
	{JOB "relabel_configs:\n  - action: keep\n  - action: hashmod\n    target_label: x\n", 5, 5,
	 "relabel rule: "},
	{JOB "relabel_configs: [{source_labels: [a]}]\n", 3, 21, "relabel rule: "},
	{JOB "relabel_configs: [{source_labels: ['']}]\n", 3, 37, "not a valid label name"},
	{JOB "metric_relabel_configs: [{action: labeldrop, source_labels: [a], regex: b}]\n", 3, 28,
	 "relabel rule: "},
	{JOB "metric_name_validation_scheme: legacy\n"
	     "  relabel_configs: [{target_label: a-b}]\n",
	 4, 21, "relabel rule: "},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static void test_defaults(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good("scrape_configs: [{job_name: a}]\n");
	const struct scrape_options *s = &c->scrapes[0];
	assert_int_equal(c->n_scrapes, 1);
	assert_false(s->honor_labels);
	assert_true(s->honor_timestamps);
	assert_false(s->track_timestamps_staleness);
	assert_true(s->enable_compression);
	assert_false(s->extra_scrape_metrics);
	assert_int_equal(s->interval_ms, 60000);
	assert_int_equal(s->timeout_ms, 10000);
	assert_int_equal(s->fallback_protocol, PROTO_NONE);
	assert_false(s->native_histograms);
	assert_false(s->always_classic_histograms);
	assert_false(s->convert_to_nhcb);
	assert_int_equal(s->native_histogram_bucket_limit, 0);
	assert_int_equal(s->escaping, ESCAPE_ALLOW_UTF_8);
	assert_int_equal(s->failure_log_file.len, 0);
	assert_sv_equal(s->metrics_path, "/metrics");
	assert_sv_equal(s->scheme, "http");
	assert_int_equal(s->sample_limit, 0);
	assert_int_equal(s->names, NAMES_UTF8);
	assert_null(s->relabel);
	assert_null(s->metric_relabel);
	assert_false(s->has_relabel);
}

/* A job's 0 takes the global limit; an explicit false does not take the global true. */
static void test_inheritance(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("global:\n"
			   "  scrape_interval: 20s\n"
			   "  scrape_timeout: 15s\n"
			   "  body_size_limit: 1MB\n"
			   "  sample_limit: 1\n"
			   "  target_limit: 2\n"
			   "  label_limit: 3\n"
			   "  label_name_length_limit: 4\n"
			   "  label_value_length_limit: 5\n"
			   "  keep_dropped_targets: 6\n"
			   "  extra_scrape_metrics: true\n"
			   "  metric_name_validation_scheme: legacy\n"
			   "scrape_configs:\n"
			   "- job_name: inherits\n"
			   "- job_name: own\n"
			   "  scrape_interval: 10s\n"
			   "  body_size_limit: 2MB\n"
			   "  sample_limit: 10\n"
			   "  target_limit: 0\n"
			   "  label_limit: 30\n"
			   "  label_name_length_limit: 40\n"
			   "  label_value_length_limit: 50\n"
			   "  keep_dropped_targets: 60\n"
			   "  extra_scrape_metrics: false\n"
			   "  metric_name_validation_scheme: utf8\n"
			   "- job_name: longer\n"
			   "  scrape_interval: 1h\n"
			   "  scrape_timeout: 30m\n");
	const struct scrape_options *a = &c->scrapes[0], *b = &c->scrapes[1], *l = &c->scrapes[2];
	assert_int_equal(a->interval_ms, 20000);
	assert_int_equal(a->timeout_ms, 15000);
	assert_int_equal(a->body_size_limit, 1 << 20);
	assert_int_equal(a->sample_limit, 1);
	assert_int_equal(a->target_limit, 2);
	assert_int_equal(a->label_limit, 3);
	assert_int_equal(a->label_name_length_limit, 4);
	assert_int_equal(a->label_value_length_limit, 5);
	assert_int_equal(a->keep_dropped_targets, 6);
	assert_true(a->extra_scrape_metrics);
	assert_int_equal(a->names, NAMES_LEGACY);
	assert_int_equal(b->interval_ms, 10000);
	assert_int_equal(b->timeout_ms, 10000);
	assert_int_equal(b->body_size_limit, 2 << 20);
	assert_int_equal(b->sample_limit, 10);
	assert_int_equal(b->target_limit, 2);
	assert_int_equal(b->label_limit, 30);
	assert_int_equal(b->label_name_length_limit, 40);
	assert_int_equal(b->label_value_length_limit, 50);
	assert_int_equal(b->keep_dropped_targets, 60);
	assert_false(b->extra_scrape_metrics);
	assert_int_equal(b->names, NAMES_UTF8);
	assert_int_equal(l->interval_ms, 3600000);
	assert_int_equal(l->timeout_ms, 1800000);
}

/* An explicit false of a job counts, an absent one inherits. */
static void test_three_states(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("global:\n"
			   "  scrape_native_histograms: true\n"
			   "  always_scrape_classic_histograms: true\n"
			   "  convert_classic_histograms_to_nhcb: true\n"
			   "  scrape_failure_log_file: fail.log\n"
			   "scrape_configs:\n"
			   "- job_name: inherits\n"
			   "  scrape_native_histograms:\n"
			   "- job_name: off\n"
			   "  scrape_native_histograms: false\n"
			   "  always_scrape_classic_histograms: false\n"
			   "  convert_classic_histograms_to_nhcb: false\n"
			   "  scrape_failure_log_file: /own.log\n"
			   "  native_histogram_bucket_limit: 7\n"
			   "  native_histogram_min_bucket_factor: 1.5\n");
	const struct scrape_options *a = &c->scrapes[0], *b = &c->scrapes[1];
	assert_true(a->native_histograms);
	assert_true(a->always_classic_histograms);
	assert_true(a->convert_to_nhcb);
	assert_sv_equal(a->failure_log_file, "/etc/app/fail.log");
	assert_int_equal(a->protocols[0], PROTO_PROMETHEUS_PROTO);
	assert_false(b->native_histograms);
	assert_false(b->always_classic_histograms);
	assert_false(b->convert_to_nhcb);
	assert_sv_equal(b->failure_log_file, "/own.log");
	assert_int_equal(b->protocols[0], PROTO_OPENMETRICS_1_0_0);
	assert_int_equal(b->native_histogram_bucket_limit, 7);
	assert_true(b->native_histogram_min_bucket_factor > 1.49 &&
		    b->native_histogram_min_bucket_factor < 1.51);
}

static void test_escaping(void **state)
{
	static const struct {
		const char *global, *job;
		enum escaping_scheme want;
	} cases[] = {
		{"{}", "", ESCAPE_ALLOW_UTF_8},
		{"{metric_name_validation_scheme: legacy}", "", ESCAPE_UNDERSCORES},
		{"{metric_name_escaping_scheme: dots}", "", ESCAPE_DOTS},
		{"{metric_name_escaping_scheme: dots}", ", metric_name_validation_scheme: utf8",
		 ESCAPE_ALLOW_UTF_8},
		{"{metric_name_escaping_scheme: dots}", ", metric_name_validation_scheme: legacy",
		 ESCAPE_UNDERSCORES},
		{"{}", ", metric_name_escaping_scheme: values", ESCAPE_VALUES},
		{"{metric_name_validation_scheme: legacy}", ", metric_name_validation_scheme: utf8",
		 ESCAPE_ALLOW_UTF_8},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char yaml[300];
		snprintf(yaml, sizeof yaml, "global: %s\nscrape_configs: [{job_name: a%s}]\n",
			 cases[i].global, cases[i].job);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
		assert_int_equal(c->scrapes[0].escaping, cases[i].want);
	}
}

static const char *const accepted[] = {
	JOB "metric_name_escaping_scheme: values\n",
	JOB "metric_name_validation_scheme: legacy\n",
	JOB "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: dots\n",
	"global: {metric_name_validation_scheme: legacy}\nscrape_configs: [{job_name: a}]\n",
	/* the global conflict does not touch a job with a scheme of its own */
	"global: {metric_name_validation_scheme: legacy, metric_name_escaping_scheme: "
	"allow-utf-8}\n"
	"scrape_configs: [{job_name: a, metric_name_validation_scheme: utf8}]\n",
	/* formats that are not built do not matter where no job inherits them */
	"global: {scrape_protocols: [PrometheusProto]}\n",
	JOB "scrape_interval: 0\n  scrape_timeout: 0s\n",
	JOB "relabel_configs: [{action: KEEP, source_labels: [a], regex: b}, {action: LabelMap}]\n",
};

static void test_accepted(void **state)
{
	check_accepted(accepted, LEN(accepted));
}

static void test_relabel(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		JOB "relabel_configs:\n"
		    "  - source_labels: [__address__, x]\n"
		    "    separator: ''\n"
		    "    regex: '(.*):.*'\n"
		    "    target_label: host\n"
		    "    replacement: ${1}\n"
		    "  - {action: hashmod, modulus: 8, source_labels: [a], target_label: h}\n"
		    "  metric_relabel_configs: [{action: labeldrop, regex: ''}]\n");
	const struct scrape_options *s = &c->scrapes[0];
	assert_true(s->has_relabel);
	assert_int_equal(relabel_count(s->relabel), 2);
	const struct relabel_rule *r = relabel_rule_at(s->relabel, 0);
	assert_int_equal(r->action, RELABEL_REPLACE);
	assert_int_equal(r->n_source_labels, 2);
	assert_sv_equal(r->source_labels[0], "__address__");
	assert_int_equal(r->separator.len, 0);
	assert_sv_equal(r->regex, "(.*):.*");
	assert_true(r->regex_set);
	assert_sv_equal(r->replacement, "${1}");
	r = relabel_rule_at(s->relabel, 1);
	assert_int_equal(r->action, RELABEL_HASHMOD);
	assert_int_equal(r->modulus, 8);
	assert_sv_equal(r->separator, ";");
	assert_false(r->regex_set);
	assert_false(r->replacement_set);
	r = relabel_rule_at(s->metric_relabel, 0);
	assert_int_equal(r->action, RELABEL_LABELDROP);
	assert_int_equal(r->regex.len, 0);
	assert_true(r->regex_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_inheritance), cmocka_unit_test(test_three_states),
		cmocka_unit_test(test_escaping),    cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_relabel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
