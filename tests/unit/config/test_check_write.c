/* check_write: URL, authentication, headers, queue, derived names. */
#include "parse.h"

#define WRITE "remote_write:\n- url: http://x\n  "

static const struct refusal refusals[] = {
	{"remote_write: [{}]\n", 1, 16, "url for remote_write is empty"},
	{"remote_write:\n- url:\n", 2, 7, "url for remote_write is empty"},
	{"remote_write:\n- url: 'http://a b'\n", 2, 8, "invalid character in host name"},
	{"remote_write:\n- url: ':x'\n", 2, 8, "missing protocol scheme"},
	{WRITE "headers: {authorization: x}\n", 3, 13, "authorization is set by"},
	{WRITE "headers: {X-A: b, Content-Encoding: x}\n", 3, 21,
	 "setting header \"Content-Encoding\" is not allowed"},
	{WRITE "headers: {x-amz-content-sha256: x}\n", 3, 13, "not allowed"},
	{WRITE "headers: {X-Prometheus-Remote-Write-Version: x}\n", 3, 13, "not allowed"},
	{WRITE "headers: {'a:b': x}\n", 3, 13, "not a header name"},
	{WRITE "headers: {a: \"b\\nc\"}\n", 3, 13, "control character"},
	{WRITE "sigv4: {}\n  basic_auth: {}\n", 3, 10,
	 "at most one of basic_auth, authorization, oauth2 and sigv4"},
	{WRITE "authorization: {credentials: x}\n  sigv4: {region: y}\n", 4, 10, "at most one of"},
	{WRITE "bearer_token: x\n  sigv4: {region: y}\n", 4, 10, "at most one of"},
	{WRITE "sigv4: {access_key: a}\n", 3, 10, "access_key and secret_key belong together"},
	{WRITE "sigv4: {secret_key: a}\n", 3, 10, "access_key and secret_key belong together"},
	{WRITE "sigv4: {external_id: e}\n", 3, 24, "external_id can only be used with role_arn"},
	{WRITE "queue_config: {min_shards: 5, max_shards: 4}\n", 3, 30, "min_shards is above"},
	{WRITE "queue_config: {min_shards: 51}\n", 3, 30, "min_shards is above"},
	{WRITE "queue_config: {min_backoff: 6s}\n", 3, 17, "max_backoff is below min_backoff"},
	{WRITE "queue_config: {max_backoff: 10ms}\n", 3, 31, "max_backoff is below min_backoff"},
	{WRITE "oauth2: {client_id: c, token_url: u}\n  sigv4: {}\n", 4, 10, "at most one of"},
	{WRITE "protobuf_message: ''\n", 3, 21, "\"protobuf_message\" cannot be empty"},
	{WRITE "protobuf_message:\n", 3, 20, "\"protobuf_message\" cannot be empty"},
	{WRITE "protobuf_message: prometheus.WriteReqest\n", 3, 21,
	 "did you mean \"prometheus.WriteRequest\"?"},
	{WRITE "write_relabel_configs:\n  - {action: keep, regex: '['}\n", 4, 27, "\"regex\": "},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

/* Remote write 2.0, and that metadata_config is then told to be without effect. */
static void test_messages(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("remote_write:\n"
			   "- {url: http://a, send_exemplars: true, send_native_histograms: yes,\n"
			   "   round_robin_dns: true, failed_request_logging: true,\n"
			   "   protobuf_message: io.prometheus.write.v2.Request}\n"
			   "- url: http://b\n"
			   "  protobuf_message: io.prometheus.write.v2.Request\n"
			   "  metadata_config: {send: true}\n"
			   "- {url: http://c, metadata_config: {send: true}}\n");
	assert_int_equal(c->writes[0].protocol, REMOTEWRITE_V2);
	assert_true(c->writes[0].send_exemplars);
	assert_true(c->writes[0].send_native_histograms);
	assert_true(c->writes[0].round_robin_dns);
	assert_true(c->writes[0].failed_request_logging);
	assert_int_equal(c->writes[2].protocol, REMOTEWRITE_V1);
	assert_false(c->writes[2].send_exemplars);
	assert_int_equal(c->n_warnings, 1);
	assert_int_equal(c->warnings[0].line, 7);
	assert_true(sv_starts_with(c->warnings[0].text, SV("\"metadata_config\" has no effect")));
}

static void test_defaults(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good("remote_write: [{url: http://x}]\n");
	const struct remotewrite_options *w = &c->writes[0];
	assert_int_equal(c->n_writes, 1);
	assert_int_equal(c->n_warnings, 0);
	assert_int_equal(w->timeout_ms, 30000);
	assert_false(w->name_set);
	assert_int_equal(w->name.len, 6);
	assert_int_equal(w->n_headers, 0);
	assert_null(w->write_relabel);
	assert_int_equal(w->queue.capacity, 10000);
	assert_int_equal(w->queue.max_shards, 50);
	assert_int_equal(w->queue.min_shards, 1);
	assert_int_equal(w->queue.max_samples_per_send, 2000);
	assert_int_equal(w->queue.batch_send_deadline_ms, 5000);
	assert_int_equal(w->queue.min_backoff_ms, 30);
	assert_int_equal(w->queue.max_backoff_ms, 5000);
	assert_false(w->queue.retry_on_http_429);
	assert_false(w->queue.retry_on_http_429_set);
	assert_int_equal(w->queue.sample_age_limit_ms, 0);
	assert_false(w->queue.sample_age_limit_set);
	assert_true(w->metadata.send);
	assert_int_equal(w->metadata.send_interval_ms, 60000);
	assert_int_equal(w->metadata.max_samples_per_send, 2000);
	assert_false(w->has_sigv4);
	assert_sv_equal(w->sigv4.service_name, "aps");
}

static void test_options(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		"remote_write:\n"
		"- url: https://u:p@h/w\n"
		"  name: main\n"
		"  remote_timeout: 5s\n"
		"  headers: {X-Scope: team, X-Num: 5}\n"
		"  write_relabel_configs: [{action: drop, source_labels: [a], regex: b}]\n"
		"  queue_config: {capacity: 1, max_shards: 2, min_shards: 2,\n"
		"    max_samples_per_send: 3, batch_send_deadline: 1s, min_backoff: 1ms,\n"
		"    max_backoff: 2s, retry_on_http_429: false, sample_age_limit: 1h}\n"
		"  metadata_config: {send: false, send_interval: 2m, max_samples_per_send: 7}\n"
		"  sigv4: {region: r, access_key: a, secret_key: s, service_name: n, profile: p,\n"
		"    role_arn: 'arn:aws:iam::123456789012:role/w', external_id: e,\n"
		"    use_fips_sts_endpoint: true}\n"
		"  protobuf_message: prometheus.WriteRequest\n");
	const struct remotewrite_options *w = &c->writes[0];
	assert_sv_equal(w->url, "https://u:p@h/w");
	assert_true(w->name_set);
	assert_sv_equal(w->name, "main");
	assert_int_equal(w->timeout_ms, 5000);
	assert_int_equal(w->n_headers, 2);
	assert_sv_equal(w->headers[1].name, "X-Num");
	assert_int_equal(w->headers[1].n_values, 1);
	assert_sv_equal(w->headers[1].values[0], "5");
	assert_int_equal(relabel_count(w->write_relabel), 1);
	assert_int_equal(w->queue.capacity, 1);
	assert_int_equal(w->queue.max_shards, 2);
	assert_int_equal(w->queue.min_shards, 2);
	assert_int_equal(w->queue.max_samples_per_send, 3);
	assert_int_equal(w->queue.batch_send_deadline_ms, 1000);
	assert_int_equal(w->queue.min_backoff_ms, 1);
	assert_int_equal(w->queue.max_backoff_ms, 2000);
	assert_false(w->queue.retry_on_http_429);
	assert_true(w->queue.retry_on_http_429_set);
	assert_int_equal(w->queue.sample_age_limit_ms, 3600000);
	assert_true(w->queue.sample_age_limit_set);
	assert_false(w->metadata.send);
	assert_int_equal(w->metadata.send_interval_ms, 120000);
	assert_int_equal(w->metadata.max_samples_per_send, 7);
	assert_true(w->has_sigv4);
	assert_sv_equal(w->sigv4.region, "r");
	assert_sv_equal(w->sigv4.access_key, "a");
	assert_sv_equal(w->sigv4.secret_key, "s");
	assert_sv_equal(w->sigv4.service_name, "n");
	assert_sv_equal(w->sigv4.profile, "p");
	assert_sv_equal(w->sigv4.role_arn, "arn:aws:iam::123456789012:role/w");
	assert_sv_equal(w->sigv4.external_id, "e");
	assert_true(w->sigv4.use_fips_sts_endpoint);
}

static void test_warnings(void **state)
{
	static const struct {
		const char *yaml, *part;
	} cases[] = {
		{WRITE "sigv4:\n", "not signed"},
		{WRITE "enable_http2: true\n", "\"enable_http2\" in remote_write has no effect"},
		{WRITE "queue_config: {retry_on_http_429: false}\n",
		 "\"retry_on_http_429: false\" drops what is answered 429"},
		{"remote_write: [{url: host/x}]\n", "neither http nor https"},
		{"remote_write: [{url: 'ftp://host/x'}]\n", "neither http nor https"},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(cases[i].yaml);
		assert_int_equal(c->n_warnings, 1);
		if (sv_find_sv(c->warnings[0].text, sv_of(cases[i].part)) ==
		    c->warnings[0].text.len)
			fail_msg("%.*s", SV_ARG(c->warnings[0].text));
	}
	_cleanup_(config_unrefp) struct config *c =
		parse_good("remote_write:\n- {url: HTTP://x, sigv4: {}}\n- {url: https://x, "
			   "queue_config: {retry_on_http_429: true}}\n");
	assert_int_equal(c->n_warnings, 0);
	assert_true(c->writes[0].has_sigv4);
}

/* A derived name depends on what is set, not on how it is written, nor on secrets. */
static void test_names(void **state)
{
	static const char *const same[] = {
		"remote_write: [{url: http://x, queue_config: {max_shards: 5}}]\n",
		"remote_write:\n- queue_config:\n    max_shards: 0x5\n    capacity: 10000\n"
		"  url: 'http://x'\n  remote_timeout: 30s\n  sigv4:\n",
	};
	static const char *const other[] = {
		"remote_write: [{url: http://y, queue_config: {max_shards: 5}}]\n",
		"remote_write: [{url: http://x, queue_config: {max_shards: 6}}]\n",
		"remote_write: [{url: http://x, queue_config: {max_shards: 5}, sigv4: {}}]\n",
		"remote_write: [{url: http://x, queue_config: {max_shards: 5}, headers: {a: b}}]\n",
		"remote_write: [{url: http://x, queue_config: {max_shards: 5},\n"
		"  write_relabel_configs: [{action: labelmap}]}]\n",
	};
	_cleanup_(config_unrefp) struct config *a = parse_good(same[0]);
	for (size_t i = 0; i < LEN(same); i++) {
		_cleanup_(config_unrefp) struct config *b = parse_good(same[i]);
		assert_true(sv_eq(a->writes[0].name, b->writes[0].name));
	}
	for (size_t i = 0; i < LEN(other); i++) {
		_cleanup_(config_unrefp) struct config *b = parse_good(other[i]);
		assert_false(sv_eq(a->writes[0].name, b->writes[0].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_messages),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_options),
		cmocka_unit_test(test_warnings), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
