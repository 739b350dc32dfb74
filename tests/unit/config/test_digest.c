/* digest: every key of a job changes its digest, and the digest of its series where it matters. */
#include "parse.h"

#define BASE                                                                                       \
	"scrape_configs:\n- job_name: a\n  proxy_url: http://p\n  static_configs: [{targets: "     \
	"[x]}]\n  "
#define OAUTH "oauth2: {client_id: c, token_url: t, "

enum part { SERIES = 1, JOB_ONLY, DISCOVERY, SAME };

static const struct {
	const char *more;
	enum part part;
} cases[] = {
	{"honor_labels: true", SERIES},
	{"honor_timestamps: false", SERIES},
	{"track_timestamps_staleness: true", SERIES},
	{"enable_compression: false", SERIES},
	{"extra_scrape_metrics: true", SERIES},
	{"scrape_native_histograms: true", SERIES},
	{"always_scrape_classic_histograms: true", SERIES},
	{"convert_classic_histograms_to_nhcb: true", SERIES},
	{"native_histogram_bucket_limit: 1", SERIES},
	{"native_histogram_min_bucket_factor: 1.1", SERIES},
	{"params: {a: [b]}", SERIES},
	{"params: {a: [b, c]}", SERIES},
	{"scrape_protocols: [PrometheusText0.0.4]", SERIES},
	{"fallback_scrape_protocol: PrometheusText0.0.4", SERIES},
	{"metrics_path: /x", SERIES},
	{"scheme: https", SERIES},
	{"body_size_limit: 1MB", SERIES},
	{"target_limit: 1", SERIES},
	{"label_limit: 1", SERIES},
	{"label_name_length_limit: 1", SERIES},
	{"label_value_length_limit: 1", SERIES},
	{"keep_dropped_targets: 1", SERIES},
	{"metric_name_validation_scheme: legacy", SERIES},
	{"metric_name_escaping_scheme: dots", SERIES},
	{"scrape_failure_log_file: /x", SERIES},
	{"relabel_configs: [{action: labelmap}]", SERIES},
	{"relabel_configs: [{action: labelmap, regex: a}]", SERIES},
	{"metric_relabel_configs: [{action: labelmap}]", SERIES},
	{"metric_relabel_configs: [{target_label: a, replacement: b}]", SERIES},
	{"metric_relabel_configs: [{target_label: a, replacement: c}]", SERIES},
	{"scrape_interval: 30s", JOB_ONLY},
	{"scrape_timeout: 5s", JOB_ONLY},
	{"sample_limit: 1", JOB_ONLY},
	{"basic_auth: {}", JOB_ONLY},
	{"basic_auth: {username: a}", JOB_ONLY},
	{"basic_auth: {password: a}", JOB_ONLY},
	{"basic_auth: {password: b}", JOB_ONLY},
	{"authorization: {credentials: a}", JOB_ONLY},
	{"authorization: {credentials_file: a}", JOB_ONLY},
	{"bearer_token: b", JOB_ONLY},
	{"follow_redirects: false", JOB_ONLY},
	{"tls_config: {server_name: a}", JOB_ONLY},
	{"tls_config: {insecure_skip_verify: true}", JOB_ONLY},
	{"tls_config: {min_version: TLS12}", JOB_ONLY},
	{"tls_config: {cert: a, key: b}", JOB_ONLY},
	{"tls_config: {cert: a, key: c}", JOB_ONLY},
	{"http_headers: {X: {values: [a]}}", JOB_ONLY},
	{"http_headers: {X: {secrets: [a]}}", JOB_ONLY},
	{"http_headers: {X: {secrets: [b]}}", JOB_ONLY},
	{"no_proxy: x", JOB_ONLY},
	{"proxy_connect_header: {X: [a]}", JOB_ONLY},
	{"proxy_connect_header: {X: [b]}", JOB_ONLY},
	{OAUTH "client_secret: a}", JOB_ONLY},
	{OAUTH "client_secret: b}", JOB_ONLY},
	{OAUTH "scopes: [a]}", JOB_ONLY},
	{OAUTH "endpoint_params: {a: b}}", JOB_ONLY},
	{OAUTH "grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'}", JOB_ONLY},
	{OAUTH "claims: {a: b}}", JOB_ONLY},
	{OAUTH "tls_config: {server_name: a}}", JOB_ONLY},
	{OAUTH "proxy_url: http://x}", JOB_ONLY},
	{"file_sd_configs: [{files: [a.yml]}]", DISCOVERY},
	{"file_sd_configs: [{files: [a.yml], refresh_interval: 1m}]", DISCOVERY},
	{"file_sd_configs: [{files: [b.yml]}]", DISCOVERY},
	{"ecs_task_sd_configs: [{}]", DISCOVERY},
	{"ecs_task_sd_configs: [{}, {}]", DISCOVERY},
	{"ecs_task_sd_configs: [{refresh_interval: 20s}]", DISCOVERY},
	{"ecs_task_sd_configs: [{task_metrics: on}]", DISCOVERY},
	{"ecs_task_sd_configs: [{task_metrics: adot}]", DISCOVERY},
	{"ecs_task_sd_configs: [{docker_labels: false}]", DISCOVERY},
	{"ecs_task_sd_configs: [{ports: [80, 81]}]", DISCOVERY},
	{"ecs_task_sd_configs: [{ports: [80]}]", DISCOVERY},
	{"ecs_task_sd_configs: [{probe_ports: [80]}]", DISCOVERY},
	{"", SAME},
	{"honor_labels: false", SAME},
	{"scrape_interval: 60s", SAME},
	{"scrape_protocols:", SAME},
};

static struct config *parse(const char *more)
{
	char yaml[600];
	snprintf(yaml, sizeof yaml, BASE "%s\n", more);
	return parse_good(yaml);
}

static void test_parts(void **state)
{
	uint64_t seen[LEN(cases)];
	_cleanup_(config_unrefp) struct config *base = parse("");
	const struct scrape_options *b = &base->scrapes[0];
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(config_unrefp) struct config *c = parse(cases[i].more);
		const struct scrape_options *s = &c->scrapes[0];
		enum part part = cases[i].part;
		if ((s->series_digest != b->series_digest) != (part == SERIES) ||
		    (s->digest != b->digest) != (part == SERIES || part == JOB_ONLY) ||
		    (c->discoveries[0].digest != base->discoveries[0].digest) !=
			    (part == DISCOVERY))
			fail_msg("%s", cases[i].more);
		seen[i] = part == DISCOVERY ? c->discoveries[0].digest : s->digest;
		for (size_t k = 0; part != SAME && k < i; k++)
			if (seen[k] == seen[i])
				fail_msg("%s and %s", cases[k].more, cases[i].more);
	}
}

/* Targets and their labels belong to discovery alone. */
static void test_statics(void **state)
{
	static const char *const lists[] = {"[{targets: [x]}]", "[{targets: [y]}]",
					    "[{targets: [x], labels: {a: b}}]",
					    "[{targets: [x]}, {targets: [x]}]", "[]"};
	uint64_t digests[LEN(lists)], job = 0;
	for (size_t i = 0; i < LEN(lists); i++) {
		char yaml[200];
		snprintf(yaml, sizeof yaml, "scrape_configs: [{job_name: a, static_configs: %s}]\n",
			 lists[i]);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
		digests[i] = c->discoveries[0].digest;
		for (size_t k = 0; k < i; k++)
			assert_true(digests[k] != digests[i]);
		assert_true(i == 0 || job == c->scrapes[0].digest);
		job = c->scrapes[0].digest;
	}
}

/* The order of keys means nothing, the order of values does. */
static void test_order(void **state)
{
	static const char *const same[][2] = {
		{"params: {a: [x], b: [y, z]}", "params: {b: [y, z], a: [x]}"},
		{"http_headers: {A: {values: [x]}, B: {values: [y]}}",
		 "http_headers: {B: {values: [y]}, A: {values: [x]}}"},
		{OAUTH "endpoint_params: {a: b, c: d}}", OAUTH "endpoint_params: {c: d, a: b}}"},
	};
	static const char *const other[][2] = {
		{"params: {a: [x], b: [y, z]}", "params: {a: [x], b: [z, y]}"},
		{"params: {a: [x], b: [y]}", "params: {a: [y], b: [x]}"},
		{"http_headers: {A: {values: [x]}, B: {values: [y]}}",
		 "http_headers: {A: {values: [y]}, B: {values: [x]}}"},
	};
	for (size_t i = 0; i < LEN(same); i++) {
		_cleanup_(config_unrefp) struct config *a = parse(same[i][0]),
						       *b = parse(same[i][1]);
		assert_true(a->scrapes[0].digest == b->scrapes[0].digest);
	}
	for (size_t i = 0; i < LEN(other); i++) {
		_cleanup_(config_unrefp) struct config *a = parse(other[i][0]),
						       *b = parse(other[i][1]);
		assert_true(a->scrapes[0].digest != b->scrapes[0].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_statics),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
