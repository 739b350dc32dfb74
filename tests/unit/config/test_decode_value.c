/* decode_value: which scalars stand for which types. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "
#define WRITE "remote_write:\n- url: http://x\n  "

static const struct refusal refusals[] = {
	/* durations */
	{"global: {scrape_interval: 30}\n", 1, 27, "\"30\" is not a duration"},
	{"global: {scrape_interval: 1.5s}\n", 1, 27, "\"1.5s\" is not a duration"},
	{"global: {scrape_interval: -1s}\n", 1, 27, "is not a duration"},
	{"global: {scrape_interval: 1s1m}\n", 1, 27, "is not a duration"},
	{"global: {scrape_interval: ''}\n", 1, 27, "is not a duration"},
	{"global: {scrape_interval: [1s]}\n", 1, 27, "expected duration, found a list"},
	{WRITE "remote_timeout: 0s\n", 3, 19, "\"remote_timeout\" must be positive"},
	/* sizes */
	{"global: {body_size_limit: 100}\n", 1, 27, "\"100\" is not a size"},
	{"global: {body_size_limit: 10XB}\n", 1, 27, "is not a size"},
	{"global: {body_size_limit: {}}\n", 1, 27, "expected size, found a mapping"},
	{"ampagent: {wal: {max_bytes: 0}}\n", 1, 29, "\"max_bytes\" must be positive"},
	/* unsigned integers */
	{"global: {sample_limit: -1}\n", 1, 24, "must not be negative"},
	{"global: {sample_limit: -0.5}\n", 1, 24, "must not be negative"},
	{"global: {sample_limit: 1e30}\n", 1, 24, "above 2^64"},
	{"global: {sample_limit: '5'}\n", 1, 24, "expected unsigned integer, found a string"},
	{"global: {sample_limit: five}\n", 1, 24, "expected unsigned integer, found a string"},
	{"global: {sample_limit: true}\n", 1, 24, "found a boolean"},
	{WRITE "queue_config: {max_shards: 0}\n", 3, 30, "\"max_shards\" must be positive"},
	{WRITE "queue_config: {max_shards: -5}\n", 3, 30, "\"max_shards\" must not be negative"},
	{WRITE "queue_config: {capacity: 0}\n", 3, 28, "\"capacity\" must be positive"},
	{WRITE "queue_config: {min_shards: 0}\n", 3, 30, "must be positive"},
	{WRITE "queue_config: {max_samples_per_send: 0}\n", 3, 40, "must be positive"},
	/* booleans */
	{JOB "honor_labels: 1\n", 3, 17, "expected boolean, found an integer"},
	{JOB "honor_labels: 'true'\n", 3, 17, "expected boolean, found a string"},
	{JOB "honor_labels: tru\n", 3, 17, "expected boolean, found a string"},
	/* floats */
	{JOB "native_histogram_min_bucket_factor: x\n", 3, 39, "expected number, found a string"},
	/* strings and their lists */
	{JOB "metrics_path: [a]\n", 3, 17, "expected string, found a list"},
	{JOB "scrape_protocols: PrometheusText0.0.4\n", 3, 21, "expected list of strings"},
	{JOB "fallback_scrape_protocol: [PrometheusText0.0.4]\n", 3, 29, "expected string"},
	{JOB "params: {a: b}\n", 3, 15, "expected list of strings, found a string"},
	{JOB "params: {a: [[b]]}\n", 3, 16, "expected string, found a list"},
	{JOB "static_configs: [{targets: a}]\n", 3, 30, "expected list of strings"},
	{JOB "static_configs: [{labels: [a]}]\n", 3, 29, "expected map of strings"},
	{JOB "static_configs: [{labels: {a: [b]}}]\n", 3, 33, "expected string, found a list"},
	{JOB "bearer_token_file: \"a\\0b\"\n", 3, 22, "NUL byte"},
	/* words */
	{"global: {metric_name_validation_scheme: utf-8}\n", 1, 41,
	 "unknown value \"utf-8\" (did you mean \"utf8\"?)"},
	{"global: {metric_name_escaping_scheme: nothing}\n", 1, 39,
	 "(one of allow-utf-8, underscores, dots, values)"},
	{JOB "tls_config: {min_version: TLS9}\n", 3, 29, "unknown value \"TLS9\""},
	{JOB "relabel_configs: [{action: repalce}]\n", 3, 30, "did you mean \"replace\"?"},
	{JOB "relabel_configs: [{action: null}]\n", 3, 30, "\"action\" cannot be empty"},
	{JOB "relabel_configs: [{action: ''}]\n", 3, 30, "\"action\" cannot be empty"},
	{JOB "relabel_configs: [{modulus: -1}]\n", 3, 31, "must not be negative"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static void test_scalars(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("global:\n"
			   "  scrape_interval: 1m30s\n"
			   "  body_size_limit: 2KiB\n"
			   "  sample_limit: 0x10\n"
			   "  target_limit: 1_000\n"
			   "  label_limit: 12.9\n"
			   "  keep_dropped_targets: 010\n"
			   "scrape_configs:\n"
			   "- job_name: 5\n"
			   "  honor_labels: yes\n"
			   "  honor_timestamps: off\n"
			   "  metrics_path: !!binary L2JpbmFyeQ==\n"
			   "  scheme: yes\n"
			   "  params: {a: [1, true, ~, 1.50, 2020-01-02], b: [], c: ~}\n");
	const struct scrape_options *s = &c->scrapes[0];
	assert_int_equal(s->interval_ms, 90000);
	assert_int_equal(s->timeout_ms, 10000);
	assert_int_equal(s->body_size_limit, 2048);
	assert_int_equal(s->sample_limit, 16);
	assert_int_equal(s->target_limit, 1000);
	assert_int_equal(s->label_limit, 12);
	assert_int_equal(s->keep_dropped_targets, 8);
	assert_sv_equal(s->job_name, "5");
	assert_true(s->honor_labels);
	assert_false(s->honor_timestamps);
	assert_sv_equal(s->metrics_path, "/binary");
	assert_sv_equal(s->scheme, "yes");
	assert_int_equal(s->n_params, 3);
	assert_sv_equal(s->params[0].name, "a");
	static const char *const values[] = {"1", "true", "", "1.50", "2020-01-02"};
	assert_int_equal(s->params[0].n_values, LEN(values));
	for (size_t i = 0; i < LEN(values); i++)
		assert_sv_equal(s->params[0].values[i], values[i]);
	assert_int_equal(s->params[1].n_values, 0);
	assert_int_equal(s->params[2].n_values, 0);
}

/* null is the zero value of a scalar, and the defaults of a block. */
static void test_null(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good("scrape_configs:\n"
							       "- job_name: a\n"
							       "  honor_timestamps:\n"
							       "  metrics_path: ~\n"
							       "  scrape_interval:\n"
							       "remote_write:\n"
							       "- url: http://x\n"
							       "  queue_config:\n"
							       "  metadata_config: ~\n");
	assert_false(c->scrapes[0].honor_timestamps);
	assert_int_equal(c->scrapes[0].metrics_path.len, 0);
	assert_int_equal(c->scrapes[0].interval_ms, 60000);
	assert_int_equal(c->writes[0].queue.max_shards, 50);
	assert_true(c->writes[0].metadata.send);
}

static void test_paths(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("scrape_configs:\n"
			   "- job_name: a\n"
			   "  bearer_token_file: secrets/../token\n"
			   "  tls_config: {ca_file: /abs//ca.pem, cert_file: ./c, key_file: ../k}\n"
			   "  http_headers: {X-A: {files: [h]}}\n"
			   "  file_sd_configs: [{files: [a/*.json, /sd/b.yml]}]\n");
	const struct http_options *h = &c->scrapes[0].http;
	assert_sv_equal(h->credentials_file, "/etc/app/token");
	assert_sv_equal(h->tls.ca_file, "/abs//ca.pem");
	assert_sv_equal(h->tls.cert_file, "/etc/app/c");
	assert_sv_equal(h->tls.key_file, "/etc/k");
	assert_sv_equal(h->headers[0].files[0], "/etc/app/h");
	assert_sv_equal(c->discoveries[0].file_sds[0].files[0], "/etc/app/a/*.json");
	assert_sv_equal(c->discoveries[0].file_sds[0].files[1], "/sd/b.yml");
}

/* A message never repeats what may be a secret. */
static void test_secrets_stay(void **state)
{
	static const char *const files[] = {
		WRITE "basic_auth: hunter2\n",
		WRITE "basic_auth: {password: [hunter2]}\n",
		WRITE "basic_auth: {password: hunter2, password_file: x}\n",
		WRITE "authorization: {credentials: hunter2, credentials_file: x}\n",
		WRITE "headers: {X-Key: \"hunter2\\n\"}\n",
		WRITE "sigv4: {secret_key: hunter2}\n",
		"remote_write: [{url: 'http://a:hunter2@ b'}]\n",
		JOB "http_headers: {X-Key: {secrets: [\"hunter2\\n\"]}}\n",
		JOB "bearer_token: hunter2\n  bearer_token_file: x\n",
	};
	for (size_t i = 0; i < LEN(files); i++) {
		struct config *c = NULL;
		struct err err = ERR_NULL;
		assert_int_equal(config_parse(sv_of(files[i]), "p", NULL, test_getenv, &c, &err),
				 1);
		assert_null(strstr(err.msg, "hunter2"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),     cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_null),         cmocka_unit_test(test_paths),
		cmocka_unit_test(test_secrets_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
