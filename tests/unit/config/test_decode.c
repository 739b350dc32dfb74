/* decode: unknown keys, wrong shapes, what is not built, what has no effect. */
#include "parse.h"

static const struct refusal refusals[] = {
	/* unknown keys, with the nearest known one */
	{"globl:\n", 1, 1, "unknown key \"globl\" in the file (did you mean \"global\"?)"},
	{"global:\n  scrape_intervall: 5s\n", 2, 3,
	 "\"scrape_intervall\" in global (did you mean \"scrape_interval\"?)"},
	{"scrape_configs:\n- job_name: a\n  metric_path: /x\n", 3, 3,
	 "in scrape_configs[] (did you mean \"metrics_path\"?)"},
	{"scrape_configs:\n- job_name: a\n  scrape_classic_histograms: true\n", 3, 3,
	 "unknown key \"scrape_classic_histograms\""},
	{"scrape_configs:\n- job_name: a\n  basic_auth: {user: x}\n", 3, 16,
	 "unknown key \"user\""},
	{"scrape_configs:\n- {job_name: a, basic_auth: {password:x}}\n", 2, 30,
	 "unknown key \"password:...\" in basic_auth: a blank belongs after the colon"},
	{"scrape_configs:\n- job_name: a\n  tls_config: {ca_fiel: x}\n", 3, 16,
	 "did you mean \"ca_file\"?"},
	{"scrape_configs:\n- job_name: a\n  relabel_configs:\n  - sourcelabels: [a]\n", 4, 5,
	 "did you mean \"source_labels\"?"},
	{"scrape_configs:\n- job_name: a\n  static_configs:\n  - targes: [a]\n", 4, 5,
	 "did you mean \"targets\"?"},
	{"remote_write:\n- url: http://x\n  queue_config: {max_shard: 5}\n", 3, 18,
	 "did you mean \"max_shards\"?"},
	{"remote_write:\n- url: http://x\n  qqqqqqqqqq: 5\n", 3, 3,
	 "unknown key \"qqqqqqqqqq\" in remote_write[]"},
	{"ampagent:\n  wal:\n    max_byte: 1GB\n", 3, 5, "did you mean \"max_bytes\"?"},
	/* keys given twice */
	{"global: {}\nglobal: {}\n", 2, 1, "\"global\" is given twice"},
	{"scrape_configs:\n- job_name: a\n  scheme: http\n  scheme: http\n", 4, 3, "given twice"},
	/* shapes */
	{"- a\n", 1, 1, "expected a mapping, found a list"},
	{"text\n", 1, 1, "expected a mapping, found a string"},
	{"global: []\n", 1, 9, "global: expected a mapping, found a list"},
	{"scrape_configs: {}\n", 1, 17, "expected list of blocks, found a mapping"},
	{"scrape_configs:\n- a\n", 2, 3, "scrape_configs[]: expected a mapping, found a string"},
	{"scrape_configs:\n- job_name: a\n  params: [a]\n", 3, 11, "map of lists of strings"},
	{"scrape_configs:\n- job_name: a\n  http_headers: [a]\n", 3, 17, "map of blocks"},
	/* null elements */
	{"scrape_configs:\n- job_name: a\n-\n", 3, 2,
	 "empty or null element in \"scrape_configs\""},
	{"remote_write:\n- ~\n", 2, 3, "empty or null element in \"remote_write\""},
	{"scrape_configs:\n- job_name: a\n  relabel_configs: [~]\n", 3, 21, "empty or null"},
	{"scrape_configs:\n- job_name: a\n  metric_relabel_configs: [null]\n", 3, 28,
	 "empty or null"},
	{"scrape_configs:\n- job_name: a\n  static_configs: [~]\n", 3, 20, "empty or null"},
	{"scrape_configs:\n- job_name: a\n  file_sd_configs: [~]\n", 3, 21, "empty or null"},
	{"remote_write:\n- url: http://x\n  write_relabel_configs: [~]\n", 3, 27, "empty or null"},
	/* known to Prometheus, not built */
	{"scrape_config_files: x.yml\n", 1, 22, "expected list of strings, found a string"},
	{"scrape_configs:\n- job_name: a\n  kubernetes_sd_configs: [{role: pod}]\n", 3, 3,
	 "\"kubernetes_sd_configs\" in scrape_configs[] is not built yet"},
	{"scrape_configs:\n- job_name: a\n  ec2_sd_configs:\n  - region: x\n", 3, 3,
	 "not built yet"},
	{"scrape_configs:\n- job_name: a\n  basic_auth: {password_ref: x}\n", 3, 16,
	 "\"password_ref\": cannot use secret ref without manager"},
	{"scrape_configs:\n- job_name: a\n  tls_config: {ca_ref: x}\n", 3, 16,
	 "\"ca_ref\": cannot use secret ref without manager"},
	/* what an agent must not have */
	{"rule_files: ['*.yml']\n", 1, 1, "field rule_files is not allowed in agent mode"},
	{"remote_read: [{url: http://x}]\n", 1, 1, "field remote_read is not allowed in agent"},
	{"alerting:\n  alertmanagers: [{x: y}]\n", 2, 3, "field alerting is not allowed in agent"},
	{"alerting:\n  alert_relabel_configs: [{}]\n", 2, 3, "field alerting is not allowed"},
	{"alerting:\n  alertmanager: []\n", 2, 3, "did you mean \"alertmanagers\"?"},
	{"remote_read: x\n", 1, 14, "expected list of blocks, found a string"},
	{"remote_write:\n- url: http://x\n  sigv4: {use_fips_sts_endpoint: maybe}\n", 3, 34,
	 "expected boolean"},
	{"remote_write:\n- url: http://x\n  azuread: {}\n", 3, 3, "not built yet"},
	{"remote_write:\n- url: http://x\n  google_iam: {a: b}\n", 3, 3, "not built yet"},
	/* their types are checked all the same */
	{"global:\n  scrape_native_histograms: maybe\n", 2, 29, "expected boolean, found a string"},
	{"global:\n  evaluation_interval: often\n", 2, 24, "\"often\" is not a duration"},
	/* libyaml's own refusals carry the file's name too */
	{"global: [\n", 2, 1, ""},
	{"global:\n  a: 1\n b: 2\n", 3, 2, ""},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static const char *const accepted[] = {
	"",
	"# nothing\n",
	"global:\nscrape_configs:\nremote_write:\nampagent:\n",
	"scrape_config_files: []\n",
	"scrape_config_files:\n",
	"global:\n  scrape_native_histograms: false\n  scrape_failure_log_file: ''\n",
	"scrape_configs:\n- job_name: a\n  ec2_sd_configs: []\n  kubernetes_sd_configs:\n"
	"  native_histogram_bucket_limit: 0\n  native_histogram_min_bucket_factor: 0.0\n"
	"  proxy_url: ''\n  proxy_connect_header: {}\n  oauth2:\n  relabel_configs:\n  "
	"static_configs: []\n  basic_auth:\n",
	"remote_write:\n- url: http://x\n  send_exemplars: no\n  queue_config:\n  "
	"metadata_config:\n"
	"  azuread:\n  sigv4: {profile: '', use_fips_sts_endpoint: false}\n",
	/* anchors, aliases, merges */
	"scrape_configs:\n- &a\n  job_name: a\n  scheme: https\n- <<: *a\n  job_name: b\n",
};

static void test_accepted(void **state)
{
	check_accepted(accepted, LEN(accepted));
}

static void test_without_effect(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good("global:\n"
							       "  evaluation_interval: 15s\n"
							       "  rule_query_offset: 1m\n"
							       "  query_log_file: q.log\n"
							       "alerting: {alertmanagers: []}\n"
							       "rule_files: []\n"
							       "remote_read:\n"
							       "storage: {tsdb: {}}\n"
							       "tracing: {endpoint: x}\n"
							       "otlp: {}\n"
							       "runtime: {gogc: 50}\n");
	static const char *const keys[] = {
		"evaluation_interval",
		"rule_query_offset",
		"query_log_file",
		"storage",
		"tracing",
		"otlp",
		"runtime",
	};
	static const int lines[] = {2, 3, 4, 8, 9, 10, 11};
	assert_int_equal(c->n_warnings, LEN(keys));
	for (size_t i = 0; i < LEN(keys); i++) {
		char quoted[64];
		snprintf(quoted, sizeof quoted, "\"%s\"", keys[i]);
		assert_true(sv_starts_with(c->warnings[i].text, sv_of(quoted)));
		assert_int_equal(c->warnings[i].line, lines[i]);
		assert_int_equal(c->warnings[i].col, i < 3 ? 3 : 1);
	}
}

/* A merge overrides a key above it and is overridden by a key below it. */
static void test_merge(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("scrape_configs:\n"
			   "- &a {job_name: a, scheme: https, metrics_path: /a}\n"
			   "- {<<: *a, job_name: b, metrics_path: /b}\n"
			   "- {job_name: c, scheme: http, <<: {scheme: https}}\n");
	assert_int_equal(c->n_scrapes, 3);
	assert_sv_equal(c->scrapes[2].scheme, "https");
	assert_sv_equal(c->scrapes[1].job_name, "b");
	assert_sv_equal(c->scrapes[1].scheme, "https");
	assert_sv_equal(c->scrapes[1].metrics_path, "/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_without_effect),
		cmocka_unit_test(test_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
