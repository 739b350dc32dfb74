/* load: whole files, references, messages of files that cannot be read. */
#include "parse.h"

#include <ampagent/base/limits.h>
#include <ampagent/wal.h>

#ifndef DATA_DIR
#error "DATA_DIR names tests/data/config"
#endif

static struct config *load(const char *name)
{
	char path[512];
	struct config *c = NULL;
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, "%s/%s", DATA_DIR, name);
	if (config_load(path, NULL, &c, &err) != 0)
		fail_msg("%s", err.msg);
	return c;
}

static void check_sink_jobs(const struct config *c)
{
	const struct scrape_options *app = &c->scrapes[1];
	assert_int_equal(c->n_scrapes, 4);
	assert_int_equal(c->scrapes[0].interval_ms, 15000);
	assert_int_equal(c->scrapes[0].timeout_ms, 5000);
	assert_int_equal(c->scrapes[0].sample_limit, 100000);
	assert_sv_equal(app->job_name, "app");
	assert_int_equal(app->interval_ms, 30000);
	assert_int_equal(app->timeout_ms, 8000);
	assert_true(app->honor_labels);
	assert_true(app->track_timestamps_staleness);
	assert_false(app->enable_compression);
	assert_int_equal(app->body_size_limit, 10 << 20);
	assert_int_equal(app->n_params, 2);
	assert_false(app->http.follow_redirects);
	assert_int_equal(app->http.n_headers, 2);
	assert_int_equal(relabel_count(app->relabel), 10);
	assert_int_equal(relabel_count(app->metric_relabel), 3);
	assert_sv_equal(c->scrapes[2].http.auth_type, "Token");
	assert_sv_equal(c->scrapes[3].http.credentials_file, "/var/run/token");
	assert_sv_equal(c->scrapes[3].http.tls.server_name, "other.internal");
	assert_int_equal(c->scrapes[3].http.tls.min_version, TLS_12);
	assert_int_equal(c->discoveries[0].n_statics, 2);
	assert_int_equal(c->discoveries[1].file_sds[0].refresh_interval_ms, 60000);
	assert_sv_equal(c->discoveries[1].file_sds[0].files[0], DATA_DIR "/targets/*.json");
}

static void check_sink_writes(const struct config *c)
{
	const struct remotewrite_options *amp = &c->writes[0], *plain = &c->writes[1];
	assert_int_equal(c->n_writes, 2);
	assert_sv_equal(amp->name, "amp");
	assert_int_equal(amp->timeout_ms, 20000);
	assert_true(amp->has_sigv4);
	assert_sv_equal(c->scrapes[1].http.password, "hunter2");
	assert_sv_equal(amp->sigv4.secret_key, "verysecret");
	assert_int_equal(amp->queue.min_backoff_ms, 50);
	assert_int_equal(amp->metadata.max_samples_per_send, 500);
	assert_int_equal(relabel_count(amp->write_relabel), 1);
	assert_sv_equal(plain->http.username, "writer");
	assert_sv_equal(plain->http.password, "hunter2");
	assert_int_equal(plain->http.headers[0].n_values, 2);
	assert_false(plain->name_set);
}

static void test_kitchen_sink(void **state)
{
	setenv("ZONE", "west", 1);
	_cleanup_(config_unrefp) struct config *c = load("kitchen_sink.yml");
	assert_sv_equal(labels_get(c->external_labels, SV("region")), "west");
	assert_sv_equal(labels_get(c->external_labels, SV("__replica__")), "a$1");
	check_sink_jobs(c);
	check_sink_writes(c);
	assert_int_equal(c->n_warnings, 0);
}

/* What is shown loads to the same again, and has no secret. */
static void test_shown(void **state)
{
	static const char *const secrets[] = {"hunter2", "s3cr3t", "verysecret", "pass@"};
	_cleanup_(config_unrefp) struct config *c = load("kitchen_sink.yml"), *again = NULL;
	struct err err = ERR_NULL;
	for (size_t i = 0; i < LEN(secrets); i++)
		assert_int_equal(sv_find_sv(c->shown, sv_of(secrets[i])), c->shown.len);
	if (config_parse(c->shown, TEST_PATH, NULL, test_getenv, &again, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(sv_eq(again->shown, c->shown));
	check_sink_jobs(again);
	assert_sv_equal(again->writes[0].sigv4.secret_key, "<secret>");
	assert_true(sv_eq(again->writes[1].name, c->writes[1].name));
}

/* Every key that is built: what is shown is the same configuration but for its secrets. */
static void test_every_key(void **state)
{
	setenv("ZONE", "west", 1);
	_cleanup_(config_unrefp) struct config *c = load("every_key.yml"), *again = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(sv_find_sv(c->shown, SV("s3cr3t")), c->shown.len);
	assert_int_equal(sv_find_sv(c->shown, SV("hunter2")), c->shown.len);
	assert_int_equal(sv_find_sv(c->shown, SV(":pass@")), c->shown.len);
	assert_int_equal(sv_find_sv(c->shown, SV("job_name: included")), c->shown.len);
	if (config_parse(c->shown, DATA_DIR "/every_key.yml", NULL, test_getenv, &again, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(sv_eq(again->shown, c->shown));
	assert_int_equal(again->n_scrapes, c->n_scrapes);
	assert_int_equal(c->n_scrapes, 12);
	for (size_t i = 0; i < c->n_scrapes; i++) {
		assert_true(c->scrapes[i].series_digest == again->scrapes[i].series_digest);
		if (c->discoveries[i].n_ecs_sds == 0)
			assert_true(c->discoveries[i].digest == again->discoveries[i].digest);
	}
	assert_int_equal(c->discoveries[0].n_ecs_sds, 2);
	assert_true(c->discoveries[0].ecs_sds[1].digest == again->discoveries[0].ecs_sds[1].digest);
	assert_int_equal(again->n_writes, c->n_writes);
	for (size_t i = 0; i < c->n_writes; i++)
		assert_true(sv_eq(again->writes[i].name, c->writes[i].name));
	/* those without secrets are the same altogether */
	assert_sv_equal(c->scrapes[3].job_name, "with-token-file");
	assert_true(c->scrapes[3].digest == again->scrapes[3].digest);
	assert_sv_equal(c->scrapes[10].job_name, "included");
	assert_sv_equal(c->scrapes[10].http.credentials_file, DATA_DIR "/every_key/file");
}

static void test_server_file(void **state)
{
	_cleanup_(config_unrefp) struct config *c = load("server.yml");
	static const char *const keys[] = {"evaluation_interval", "query_log_file", "storage",
					   "tracing"};
	assert_int_equal(c->n_warnings, LEN(keys));
	for (size_t i = 0; i < LEN(keys); i++)
		assert_int_not_equal(sv_find_sv(c->warnings[i].text, sv_of(keys[i])),
				     c->warnings[i].text.len);
	assert_int_equal(c->n_scrapes, 1);
	assert_int_equal(c->n_writes, 1);
	assert_int_equal(c->writes[0].queue.max_shards, 50);
}

static void test_empty(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good("");
	assert_int_equal(c->n_scrapes, 0);
	assert_int_equal(c->n_writes, 0);
	assert_int_equal(c->n_warnings, 0);
	assert_int_equal(c->external_labels.len, 0);
	assert_sv_equal(c->path, TEST_PATH);
	assert_int_equal(c->agent.wal_max_bytes, WAL_MAX_BYTES);
	assert_int_equal(c->agent.wal_max_age_ms, 0);
	assert_int_equal(c->agent.wal_sync_interval_ms, 1000);
	assert_int_equal(c->agent.wal_durability, WAL_DURABILITY_INTERVAL);
	assert_int_equal(c->agent.wal_memory_bytes, WAL_MEMORY_BYTES);
}

static void test_agent_block(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("ampagent:\n  wal: {max_bytes: 512MB, max_age: 6h, sync_interval: 0,\n"
			   "    memory_bytes: 16MiB}\n");
	assert_int_equal(c->agent.wal_max_bytes, MiB(512));
	assert_int_equal(c->agent.wal_max_age_ms, 6 * 3600 * 1000);
	assert_int_equal(c->agent.wal_sync_interval_ms, 0);
	assert_int_equal(c->agent.wal_memory_bytes, MiB(16));
}

static void test_durability(void **state)
{
	const struct {
		const char *text;
		enum wal_durability want;
	} cases[] = {
		{"ampagent: {wal: {durability: none}}\n", WAL_DURABILITY_NONE},
		{"ampagent: {wal: {durability: interval}}\n", WAL_DURABILITY_INTERVAL},
		{"ampagent: {wal: {durability: always}}\n", WAL_DURABILITY_ALWAYS},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(cases[i].text);
		assert_int_equal(c->agent.wal_durability, cases[i].want);
	}
}

/* Everything in a snapshot outlives the text it came from, until the last reference is gone. */
static void test_references(void **state)
{
	char text[] = "scrape_configs: [{job_name: abc, relabel_configs: [{regex: x, "
		      "action: labeldrop}]}]\nremote_write: [{url: http://x}]\n";
	struct config *c = parse_good(text);
	memset(text, 'z', sizeof text - 1);
	assert_ptr_equal(config_ref(c), c);
	config_unref(c);
	assert_sv_equal(c->scrapes[0].job_name, "abc");
	assert_int_equal(relabel_count(c->scrapes[0].relabel), 1);
	assert_sv_equal(c->writes[0].url, "http://x");
	config_unref(c);
}

/* Whatever fails late, the sets compiled before are freed (the sanitizer looks). */
static void test_late_failure(void **state)
{
	static const struct refusal late[] = {
		{"scrape_configs:\n- {job_name: a, relabel_configs: [{action: labelmap}]}\n"
		 "- {job_name: b, relabel_configs: [{action: labelmap}],\n"
		 "   metric_relabel_configs: [{regex: '('}]}\n",
		 4, 37, "\"regex\""},
		{"scrape_configs:\n- {job_name: a, relabel_configs: [{action: labelmap}],\n"
		 "   file_sd_configs: [{files: [x]}]}\n",
		 3, 31, "does not end in"},
		{"scrape_configs: [{job_name: a, relabel_configs: [{action: labelmap}]}]\n"
		 "remote_write:\n- {url: http://x, write_relabel_configs: [{action: labelmap}]}\n"
		 "- {url: ''}\n",
		 4, 9, "empty"},
	};
	check_refusals(late, LEN(late));
}

static void test_missing_file(void **state)
{
	struct config *c = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(config_load(DATA_DIR "/none.yml", NULL, &c, &err), 1);
	assert_null(c);
	assert_non_null(strstr(err.msg, "none.yml"));
	assert_int_equal(config_load(DATA_DIR, NULL, &c, &err), 1);
}

static void test_large_values(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(2));
	buf_printf(&text, "global:\n  external_labels:\n    a: ");
	for (int i = 0; i < 70000; i++)
		buf_char(&text, 'x');
	struct config *c = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(config_parse(buf_view(&text), "p", NULL, test_getenv, &c, &err), 1);
	assert_non_null(strstr(err.msg, "p:3:5: too many labels, or too long ones"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kitchen_sink), cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_server_file),  cmocka_unit_test(test_shown),
		cmocka_unit_test(test_empty),        cmocka_unit_test(test_agent_block),
		cmocka_unit_test(test_durability),   cmocka_unit_test(test_references),
		cmocka_unit_test(test_late_failure), cmocka_unit_test(test_missing_file),
		cmocka_unit_test(test_large_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
