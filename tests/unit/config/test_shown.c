/* shown: the effective configuration, as Prometheus prints it. */
#include "parse.h"

#define IDENTITY                                                                                   \
	"  identity: auto\n  identity_labels:\n  - ecs_cluster\n  - ecs_service\n"                 \
	"  - ecs_task_family\n  - ecs_task_revision\n  - ecs_task_id\n"                            \
	"  - ecs_container\n  - ecs_availability_zone\n  - ecs_launch_type\n"
#define WAL                                                                                        \
	"ampagent:\n  wal:\n    max_bytes: 2GiB\n    max_age: 0s\n    durability: interval\n    "  \
	"sync_interval: 1s\n"                                                                      \
	"    memory_bytes: 64MiB\n" IDENTITY
#define GLOBAL                                                                                     \
	"global:\n  scrape_interval: 1m\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n"       \
	"  metric_name_validation_scheme: utf8\n  metric_name_escaping_scheme: allow-utf-8\n"      \
	"  scrape_native_histograms: false\n  extra_scrape_metrics: false\n"

static void expect(const char *yaml, const char *shown)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(yaml);
	assert_int_equal(c->shown.len, strlen(shown));
	assert_memory_equal(c->shown.ptr, shown, c->shown.len);
	_cleanup_(config_unrefp) struct config *again = parse_good(shown);
	assert_true(sv_eq(again->shown, c->shown));
	for (size_t i = 0; i < c->n_scrapes; i++)
		assert_true(c->discoveries[i].digest == again->discoveries[i].digest);
}

static void test_empty(void **state)
{
	expect("", GLOBAL WAL);
	expect("global:\n", GLOBAL WAL);
	expect("global: {}\n", GLOBAL WAL);
}

static void test_global(void **state)
{
	expect("global:\n"
	       "  evaluation_interval: 2m\n"
	       "  external_labels: {z: '${ZONE}', a: '$$x', b: 'true', c: 7}\n"
	       "  scrape_interval: 5s\n"
	       "  body_size_limit: 1536KB\n"
	       "  scrape_native_histograms: true\n"
	       "  scrape_failure_log_file: f\n"
	       "ampagent: {wal: {max_age: 1d}}\n",
	       "global:\n"
	       "  scrape_interval: 5s\n"
	       "  scrape_timeout: 5s\n"
	       "  evaluation_interval: 2m\n"
	       "  scrape_failure_log_file: /etc/app/f\n"
	       "  external_labels:\n"
	       "    a: $$x\n"
	       "    b: \"true\"\n"
	       "    c: \"7\"\n"
	       "    z: eu-1\n"
	       "  body_size_limit: 1536KiB\n"
	       "  metric_name_validation_scheme: utf8\n"
	       "  scrape_native_histograms: true\n"
	       "  extra_scrape_metrics: false\n"
	       "ampagent:\n  wal:\n    max_bytes: 2GiB\n    max_age: 1d\n    durability: "
	       "interval\n    sync_interval: 1s\n"
	       "    memory_bytes: 64MiB\n" IDENTITY);
}

static void test_job(void **state)
{
	expect("scrape_configs:\n"
	       "- job_name: a\n"
	       "  bearer_token: t\n"
	       "  params: {z: [a, '1'], b: []}\n"
	       "  tls_config: {min_version: TLS12}\n"
	       "  proxy_url: http://u:p@h\n"
	       "  proxy_connect_header: {X: [a]}\n"
	       "  http_headers: {X: {secrets: [s]}, Y: }\n"
	       "  static_configs: [{targets: ['b:1'], labels: {l: 'y'}}, {}]\n"
	       "  file_sd_configs: [{files: ['x*.yml']}]\n"
	       "  ecs_task_sd_configs: [{}, {task_metrics: on, ports: [80, 81], docker_labels: "
	       "false}]\n"
	       "  relabel_configs:\n"
	       "  - {source_labels: [a, 'b:c', \"b:c'd\"], target_label: d}\n"
	       "  - {action: LabelDrop, regex: (.*)}\n"
	       "  - {source_labels: [a], separator: '', regex: '', replacement: '', "
	       "target_label: d}\n",
	       GLOBAL "scrape_configs:\n"
		      "- job_name: a\n"
		      "  honor_timestamps: true\n"
		      "  track_timestamps_staleness: false\n"
		      "  params:\n"
		      "    b: []\n"
		      "    z:\n"
		      "    - a\n"
		      "    - \"1\"\n"
		      "  scrape_interval: 1m\n"
		      "  scrape_timeout: 10s\n"
		      "  scrape_protocols:\n"
		      "  - OpenMetricsText1.0.0\n"
		      "  - OpenMetricsText0.0.1\n"
		      "  - PrometheusText1.0.0\n"
		      "  - PrometheusText0.0.4\n"
		      "  scrape_native_histograms: false\n"
		      "  always_scrape_classic_histograms: false\n"
		      "  convert_classic_histograms_to_nhcb: false\n"
		      "  metrics_path: /metrics\n"
		      "  scheme: http\n"
		      "  enable_compression: true\n"
		      "  metric_name_validation_scheme: utf8\n"
		      "  metric_name_escaping_scheme: allow-utf-8\n"
		      "  extra_scrape_metrics: false\n"
		      "  authorization:\n"
		      "    type: Bearer\n"
		      "    credentials: <secret>\n"
		      "  tls_config:\n"
		      "    insecure_skip_verify: false\n"
		      "    min_version: TLS12\n"
		      "  follow_redirects: true\n"
		      "  enable_http2: true\n"
		      "  proxy_url: http://u:xxxxx@h\n"
		      "  proxy_connect_header:\n"
		      "    X:\n"
		      "    - <secret>\n"
		      "  http_headers:\n"
		      "    X:\n"
		      "      secrets:\n"
		      "      - <secret>\n"
		      "    \"Y\": {}\n"
		      "  relabel_configs:\n"
		      "  - source_labels: [a, 'b:c', 'b:c''d']\n"
		      "    separator: ;\n"
		      "    target_label: d\n"
		      "    replacement: $1\n"
		      "    action: replace\n"
		      "  - separator: ;\n"
		      "    regex: (.*)\n"
		      "    replacement: $1\n"
		      "    action: labeldrop\n"
		      "  - source_labels: [a]\n"
		      "    separator: \"\"\n"
		      "    regex: \"\"\n"
		      "    target_label: d\n"
		      "    replacement: \"\"\n"
		      "    action: replace\n"
		      "  ecs_task_sd_configs:\n"
		      "  - refresh_interval: 15s\n"
		      "    task_metrics: \"off\"\n"
		      "    docker_labels: true\n"
		      "  - refresh_interval: 15s\n"
		      "    task_metrics: \"on\"\n"
		      "    docker_labels: false\n"
		      "    ports:\n"
		      "    - 80\n"
		      "    - 81\n"
		      "  file_sd_configs:\n"
		      "  - files:\n"
		      "    - /etc/app/x*.yml\n"
		      "    refresh_interval: 5m\n"
		      "  static_configs:\n"
		      "  - targets:\n"
		      "    - b:1\n"
		      "    labels:\n"
		      "      l: \"y\"\n"
		      "  - targets: []\n" WAL);
}

static void test_write(void **state)
{
	expect("remote_write:\n"
	       "- url: https://u:p@h/x\n"
	       "  sigv4: {secret_key: s, access_key: a, use_fips_sts_endpoint: true, profile: p,\n"
	       "    external_id: e, role_arn: r}\n"
	       "  headers: {b: c}\n"
	       "  queue_config: {min_backoff: 0s, retry_on_http_429: false}\n"
	       "- url: http://x\n"
	       "  protobuf_message: io.prometheus.write.v2.Request\n"
	       "  oauth2: {client_id: c, token_url: t, client_secret: s,\n"
	       "    grant_type: x, claims: {a: 1, b: \"\\x7f\"}}\n",
	       GLOBAL "remote_write:\n"
		      "- url: https://u:xxxxx@h/x\n"
		      "  remote_timeout: 30s\n"
		      "  headers:\n"
		      "    b: c\n"
		      "  protobuf_message: prometheus.WriteRequest\n"
		      "  follow_redirects: true\n"
		      "  enable_http2: false\n"
		      "  queue_config:\n"
		      "    capacity: 10000\n"
		      "    max_shards: 50\n"
		      "    min_shards: 1\n"
		      "    max_samples_per_send: 2000\n"
		      "    batch_send_deadline: 5s\n"
		      "    min_backoff: 0s\n"
		      "    max_backoff: 5s\n"
		      "    retry_on_http_429: false\n"
		      "  metadata_config:\n"
		      "    send: true\n"
		      "    send_interval: 1m\n"
		      "    max_samples_per_send: 2000\n"
		      "  sigv4:\n"
		      "    access_key: a\n"
		      "    secret_key: <secret>\n"
		      "    profile: p\n"
		      "    role_arn: r\n"
		      "    external_id: e\n"
		      "    use_fips_sts_endpoint: true\n"
		      "    service_name: aps\n"
		      "- url: http://x\n"
		      "  remote_timeout: 30s\n"
		      "  protobuf_message: io.prometheus.write.v2.Request\n"
		      "  oauth2:\n"
		      "    client_id: c\n"
		      "    client_secret: <secret>\n"
		      "    grant_type: x\n"
		      "    claims:\n"
		      "      a: 1\n"
		      "      b: \"\\u007f\"\n"
		      "    token_url: t\n"
		      "  follow_redirects: true\n"
		      "  enable_http2: false\n"
		      "  queue_config:\n"
		      "    capacity: 10000\n"
		      "    max_shards: 50\n"
		      "    min_shards: 1\n"
		      "    max_samples_per_send: 2000\n"
		      "    batch_send_deadline: 5s\n"
		      "    min_backoff: 30ms\n"
		      "    max_backoff: 5s\n"
		      "  metadata_config:\n"
		      "    send: true\n"
		      "    send_interval: 1m\n"
		      "    max_samples_per_send: 2000\n" WAL);
}

/* What would not be a key of a mapping as it stands. */
static void test_odd_keys(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 1 << 16);
	buf_printf(&text, "global:\n  external_labels:\n    ? \"%01200d\"\n    : x\n", 7);
	buf_printf(&text, "    \"a: b\": c\n    \"\\n\": d\n    '1': 2\n");
	buf_char(&text, '\0');
	_cleanup_(config_unrefp) struct config *c = parse_good(text.ptr), *again = NULL;
	struct err err = ERR_NULL;
	if (config_parse(c->shown, TEST_PATH, NULL, test_getenv, &again, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(sv_eq(again->shown, c->shown));
	assert_sv_equal(labels_get(again->external_labels, SV("a: b")), "c");
	assert_sv_equal(labels_get(again->external_labels, SV("\n")), "d");
}

static void test_special_numbers(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{".inf", ".inf"}, {"-.inf", "-.inf"}, {".nan", ".nan"}, {"1e21", "1e+21"}};
	for (size_t i = 0; i < LEN(cases); i++) {
		char yaml[200], want[100];
		snprintf(
			yaml, sizeof yaml,
			"scrape_configs: [{job_name: a, native_histogram_min_bucket_factor: %s}]\n",
			cases[i].in);
		snprintf(want, sizeof want, "native_histogram_min_bucket_factor: %s\n",
			 cases[i].out);
		_cleanup_(config_unrefp) struct config *c = parse_good(yaml), *again = NULL;
		struct err err = ERR_NULL;
		assert_int_not_equal(sv_find_sv(c->shown, sv_of(want)), c->shown.len);
		assert_int_equal(config_parse(c->shown, TEST_PATH, NULL, test_getenv, &again, &err),
				 0);
		assert_true(again->scrapes[0].digest == c->scrapes[0].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),    cmocka_unit_test(test_global),
		cmocka_unit_test(test_job),      cmocka_unit_test(test_write),
		cmocka_unit_test(test_odd_keys), cmocka_unit_test(test_special_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
