/* check_ecs: ecs_sd_configs and aws_sd_configs. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "
#define ECS(keys) JOB "ecs_sd_configs: [{" keys "}]\n"
#define AWS(keys) JOB "aws_sd_configs: [{" keys "}]\n"

static const struct refusal refusals[] = {
	{AWS(""), 3, 20, "a role is needed"},
	{AWS("region: x"), 3, 20, "a role is needed"},
	{AWS("role: "), 3, 27, "a role is needed"},
	{AWS("role: ec2"), 3, 27, "\"ec2\" is not built yet"},
	{AWS("role: rds"), 3, 27, "\"rds\" is not built yet"},
	{AWS("role: EC2"), 3, 27, "unknown value \"EC2\""},
	{AWS("role: eks"), 3, 27, "did you mean \"ecs\""},
	{AWS("role: ecs, request_concurrency: 3"), 3, 32, "unknown key \"request_concurrency\""},
	{AWS("role: ecs, filters: 3"), 3, 41, "expected list of blocks"},
	{ECS("role: ecs"), 3, 21, "unknown key \"role\""},
	{ECS("refresh_interval: 0s"), 3, 39, "must be positive"},
	{ECS("port: 1e99"), 3, 27, "outside the range"},
	{ECS("request_concurrency: x"), 3, 42, "expected integer"},
	{ECS("basic_auth: {username: a}, bearer_token: b"), 3, 62, "at most one of basic_auth"},
	{AWS("role: ecs, tls_config: {cert: a}"), 3, 51, "client certificate and its key"},
	{ECS("services: [{metrics_ports: [1]}]"), 3, 32, "\"name_pattern\" is empty"},
	{ECS("services: [{name_pattern: a}]"), 3, 32, "at least one port"},
	{ECS("services: [{name_pattern: a, metrics_ports: []}]"), 3, 65, "at least one port"},
	{ECS("services: [{name_pattern: a, metrics_ports: [1, 2, 1]}]"), 3, 72, "1 is there twice"},
	{ECS("services: [{name_pattern: a, metrics_ports: [0]}]"), 3, 66, "from 1 to 65535"},
	{ECS("services: [{name_pattern: '(', metrics_ports: [1]}]"), 3, 47,
	 "\"name_pattern\": error parsing regexp"},
	{ECS("services: [{name_pattern: a, container_name_pattern: '(', metrics_ports: [1]}]"), 3,
	 74, "\"container_name_pattern\": error parsing regexp"},
	{ECS("services: [{name_pattern: a, arn_pattern: b, metrics_ports: [1]}]"), 3, 50,
	 "unknown key \"arn_pattern\""},
	{ECS("task_definitions: [{metrics_ports: [1]}]"), 3, 40, "\"arn_pattern\" is empty"},
	{ECS("task_definitions: [{arn_pattern: '\\C', metrics_ports: [1]}]"), 3, 54,
	 "\"arn_pattern\": error parsing regexp"},
	{AWS("role: ecs, docker_labels: [{port_label: ''}]"), 3, 61, "\"port_label\" is empty"},
	{ECS("docker_labels: [{metrics_ports: [1]}]"), 3, 38, "unknown key \"metrics_ports\""},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static const char *const accepted[] = {
	ECS(""),
	AWS("role: ecs"),
	AWS("role: ecs, refresh_interval: 0, port: 0"),
	ECS("region: '', endpoint: '', clusters: [], port: -1, request_concurrency: 0"),
	ECS("role_arn: a, external_id: b, profile: c, access_key: d, secret_key: e"),
	ECS("authorization: {credentials: x}, proxy_url: 'http://p:1', enable_http2: false"),
	ECS("services: [], task_definitions: [], docker_labels: [{}]"),
};

static void test_accepted(void **state)
{
	check_accepted(accepted, LEN(accepted));
}

static void test_defaults(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(JOB "ecs_sd_configs: [{}, {request_concurrency: -3}]\n  aws_sd_configs: "
			       "[{role: ecs}]\n");
	const struct discovery_options *d = &c->discoveries[0];
	assert_int_equal(d->n_ecs_sds, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(d->ecs_sds[i].port, 80);
		assert_int_equal(d->ecs_sds[i].refresh_interval_ms, 60000);
		assert_int_equal(d->ecs_sds[i].request_concurrency, 20);
		assert_int_equal(d->ecs_sds[i].n_clusters, 0);
		assert_int_equal(d->ecs_sds[i].n_selectors, 0);
		assert_int_equal(d->ecs_sds[i].client.region.len, 0);
	}
	assert_true(d->ecs_sds[0].http.follow_redirects);
	assert_false(d->ecs_sds[2].http.follow_redirects);
}

static void test_options(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		JOB "ecs_sd_configs:\n"
		    "  - region: eu-west-1\n"
		    "    endpoint: http://e\n"
		    "    access_key: AK\n"
		    "    secret_key: SK\n"
		    "    profile: p\n"
		    "    role_arn: r\n"
		    "    external_id: x\n"
		    "    clusters: [one, two]\n"
		    "    port: 9100\n"
		    "    refresh_interval: 5s\n"
		    "    request_concurrency: 2\n"
		    "    bearer_token: b\n"
		    "    docker_labels: [{}, {port_label: P, metrics_path_label: '', "
		    "job_name_label: J, metrics_path: /m, job_name: j}]\n"
		    "    task_definitions: [{arn_pattern: web, metrics_ports: [1, 65535]}]\n"
		    "    services: [{name_pattern: s, container_name_pattern: c, "
		    "metrics_ports: [8080], metrics_path: /s, job_name: k}]\n");
	const struct ecs_sd_options *o = &c->discoveries[0].ecs_sds[0];
	assert_sv_equal(o->client.region, "eu-west-1");
	assert_sv_equal(o->client.endpoint, "http://e");
	assert_sv_equal(o->client.access_key, "AK");
	assert_sv_equal(o->client.secret_key, "SK");
	assert_sv_equal(o->client.profile, "p");
	assert_sv_equal(o->client.role_arn, "r");
	assert_sv_equal(o->client.external_id, "x");
	assert_int_equal(o->n_clusters, 2);
	assert_sv_equal(o->clusters[1], "two");
	assert_int_equal(o->port, 9100);
	assert_int_equal(o->refresh_interval_ms, 5000);
	assert_int_equal(o->request_concurrency, 2);
	assert_true(o->http.has_authorization);
	assert_sv_equal(o->http.credentials, "b");
	/* Services, then definitions, then labels, whatever their order in the file. */
	assert_int_equal(o->n_selectors, 4);
	const struct ecs_selector *s = o->selectors;
	assert_int_equal(s[0].kind, ECS_BY_SERVICE);
	assert_sv_equal(s[0].name_pattern, "s");
	assert_sv_equal(s[0].container_pattern, "c");
	assert_int_equal(s[0].n_ports, 1);
	assert_int_equal(s[0].ports[0], 8080);
	assert_sv_equal(s[0].metrics_path, "/s");
	assert_sv_equal(s[0].job_name, "k");
	assert_int_equal(s[1].kind, ECS_BY_DEFINITION);
	assert_sv_equal(s[1].name_pattern, "web");
	assert_int_equal(s[1].ports[1], 65535);
	assert_int_equal(s[2].kind, ECS_BY_DOCKER_LABEL);
	assert_sv_equal(s[2].port_label, "ECS_PROMETHEUS_EXPORTER_PORT");
	assert_sv_equal(s[2].path_label, "ECS_PROMETHEUS_METRICS_PATH");
	assert_sv_equal(s[2].job_label, "ECS_PROMETHEUS_JOB_NAME");
	assert_sv_equal(s[3].port_label, "P");
	assert_sv_equal(s[3].path_label, "");
	assert_sv_equal(s[3].job_label, "J");
	assert_sv_equal(s[3].metrics_path, "/m");
	assert_sv_equal(s[3].job_name, "j");
}

/* As Prometheus: without the other half a key is passed over, but the file is good. */
static void test_half_a_pair(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(ECS("secret_key: hidden, region: r"));
	assert_int_equal(c->n_warnings, 1);
	assert_sv_equal(c->warnings[0].text, "\"secret_key\" is not used without \"access_key\"");
	assert_int_equal(c->warnings[0].col, 33);
	assert_int_equal(c->discoveries[0].ecs_sds[0].client.secret_key.len, 0);
	assert_true(sv_find_sv(c->shown, SV("hidden")) == c->shown.len);
	assert_true(sv_find_sv(c->shown, SV("secret_key: <secret>")) < c->shown.len);
}

static void test_filters_have_no_effect(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good(AWS("role: ecs, filters: [{name: a, values: [b]}]"));
	assert_int_equal(c->n_warnings, 1);
	assert_int_equal(c->discoveries[0].n_ecs_sds, 1);
}

/* Any difference counts, and only that. */
static void test_digests(void **state)
{
	static const char *const v[] = {
		ECS(""),
		ECS("region: a"),
		ECS("endpoint: a"),
		ECS("profile: a"),
		ECS("role_arn: a"),
		ECS("external_id: a"),
		ECS("access_key: a, secret_key: b"),
		ECS("access_key: a, secret_key: c"),
		ECS("clusters: [a]"),
		ECS("clusters: [a, b]"),
		ECS("port: 81"),
		ECS("refresh_interval: 61s"),
		ECS("request_concurrency: 21"),
		ECS("bearer_token: a"),
		ECS("docker_labels: [{}]"),
		ECS("docker_labels: [{port_label: a}]"),
		ECS("docker_labels: [{metrics_path_label: a}]"),
		ECS("docker_labels: [{job_name_label: a}]"),
		ECS("docker_labels: [{metrics_path: a}]"),
		ECS("docker_labels: [{job_name: a}]"),
		ECS("docker_labels: [{}, {}]"),
		ECS("services: [{name_pattern: a, metrics_ports: [1]}]"),
		ECS("services: [{name_pattern: a, metrics_ports: [2]}]"),
		ECS("services: [{name_pattern: a, container_name_pattern: a, metrics_ports: [1]}]"),
		ECS("task_definitions: [{arn_pattern: a, metrics_ports: [1]}]"),
	};
	uint64_t own[LEN(v)], all[LEN(v)];
	for (size_t i = 0; i < LEN(v); i++) {
		_cleanup_(config_unrefp) struct config *c = parse_good(v[i]);
		own[i] = c->discoveries[0].ecs_sds[0].digest;
		all[i] = c->discoveries[0].digest;
		for (size_t k = 0; k < i; k++)
			if (own[i] == own[k] || all[i] == all[k])
				fail_msg("%s has the digest of %s", v[i], v[k]);
	}
	_cleanup_(config_unrefp) struct config *same =
		parse_good(AWS("role: ecs, follow_redirects: true, enable_http2: true"));
	assert_true(same->discoveries[0].digest == all[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_defaults),    cmocka_unit_test(test_options),
		cmocka_unit_test(test_half_a_pair), cmocka_unit_test(test_filters_have_no_effect),
		cmocka_unit_test(test_digests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
