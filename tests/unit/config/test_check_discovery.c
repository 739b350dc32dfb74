/* check_discovery: static groups and file patterns. */
#include "parse.h"

#define JOB "scrape_configs:\n- job_name: a\n  "

static const struct refusal refusals[] = {
	{JOB "static_configs:\n  - targets: [a:1, 'http://b:2']\n", 4, 20,
	 "\"http://b:2\" is not a valid host name"},
	{JOB "static_configs:\n  - targets: [a]\n  - targets: [b/metrics]\n", 5, 15,
	 "\"b/metrics\" is not a valid host name"},
	{JOB "static_configs:\n  - labels: {'': x}\n", 4, 14, "not a valid label name"},
	{JOB "file_sd_configs: [{}]\n", 3, 21, "at least one file"},
	{JOB "file_sd_configs: [{files: []}]\n", 3, 29, "at least one file"},
	{JOB "file_sd_configs: [{files: [a.json, b.txt]}]\n", 3, 38,
	 "\"b.txt\" does not end in .json"},
	{JOB "file_sd_configs: [{files: [a.Json]}]\n", 3, 30, "does not end in"},
	{JOB "file_sd_configs: [{files: ['']}]\n", 3, 30, "does not end in"},
	{JOB "file_sd_configs: [{files: [json]}]\n", 3, 30, "does not end in"},
	{JOB "file_sd_configs: [{files: ['*/a.yml']}]\n", 3, 30, "last path element"},
	{JOB "file_sd_configs: [{files: ['a*/b*.yml']}]\n", 3, 30, "last path element"},
	{JOB "file_sd_configs: [{files: [a.yml], refresh_interval: 0}]\n", 3, 56,
	 "must be positive"},
	{JOB "ecs_task_sd_configs: [{refresh_interval: 4s}]\n", 3, 44, "at least 5s"},
	{JOB "ecs_task_sd_configs: [{refresh_interval: 0}]\n", 3, 44, "at least 5s"},
	{JOB "ecs_task_sd_configs: [{task_metrics: yes}]\n", 3, 40, "one of off, on, adot"},
	{JOB "ecs_task_sd_configs: [{task_metric: on}]\n", 3, 26, "did you mean \"task_metrics\""},
	{JOB "ecs_task_sd_configs: [{ports: 80}]\n", 3, 33, "expected list of ports"},
	{JOB "ecs_task_sd_configs: [{ports: [80, 0]}]\n", 3, 38, "a port is a number from 1"},
	{JOB "ecs_task_sd_configs: [{ports: [65536]}]\n", 3, 34, "a port is a number from 1"},
	{JOB "ecs_task_sd_configs: [{ports: [-1]}]\n", 3, 34, "a port is a number from 1"},
	{JOB "ecs_task_sd_configs: [{ports: ['80']}]\n", 3, 34, "expected port, found a string"},
	{JOB "ecs_task_sd_configs: [{ports: [80.5]}]\n", 3, 34, "expected port, found"},
	{JOB "ecs_task_sd_configs: [{ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
	     "21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,"
	     "49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65]}]\n",
	 3, 33, "at most 64 ports"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

static const char *const accepted[] = {
	JOB "static_configs: [{targets: ['a/b']}]\n  relabel_configs: [{action: labelmap}]\n",
	JOB "static_configs: [{}]\n",
	JOB "static_configs: [{targets: [a]}, {labels: {x: y}}]\n",
	JOB "file_sd_configs: [{files: ['a/*.yml', b.YAML, 'x-*-y*.JSON', c.yaml, d.json]}]\n",
};

static void test_accepted(void **state)
{
	check_accepted(accepted, LEN(accepted));
}

static void test_options(void **state)
{
	_cleanup_(config_unrefp) struct config *c =
		parse_good("scrape_configs:\n"
			   "- job_name: none\n"
			   "- job_name: a\n"
			   "  static_configs:\n"
			   "  - targets: [a:1, b:2]\n"
			   "    labels: {z: 1, env: prod, empty: ''}\n"
			   "  - targets: [c]\n"
			   "  file_sd_configs:\n"
			   "  - files: [x.json]\n"
			   "  - files: [y.yml]\n"
			   "    refresh_interval: 30s\n");
	assert_sv_equal(c->discoveries[0].job_name, "none");
	assert_int_equal(c->discoveries[0].n_statics, 0);
	assert_int_equal(c->discoveries[0].n_file_sds, 0);
	const struct discovery_options *d = &c->discoveries[1];
	assert_sv_equal(d->job_name, "a");
	assert_int_equal(d->n_statics, 2);
	assert_int_equal(d->statics[0].n_targets, 2);
	assert_sv_equal(d->statics[0].targets[1], "b:2");
	assert_int_equal(labels_count(d->statics[0].labels), 2);
	assert_sv_equal(labels_get(d->statics[0].labels, SV("env")), "prod");
	assert_sv_equal(labels_get(d->statics[0].labels, SV("z")), "1");
	assert_int_equal(d->statics[1].labels.len, 0);
	assert_int_equal(d->n_file_sds, 2);
	assert_int_equal(d->file_sds[0].refresh_interval_ms, 300000);
	assert_int_equal(d->file_sds[1].refresh_interval_ms, 30000);
	assert_sv_equal(d->file_sds[1].files[0], "/etc/app/y.yml");
}

static void test_ecs_task(void **state)
{
	_cleanup_(config_unrefp) struct config *c = parse_good(
		"scrape_configs:\n"
		"- job_name: a\n"
		"  ecs_task_sd_configs:\n"
		"  - {}\n"
		"  - {task_metrics: off, docker_labels: false, ports: ~, probe_ports: []}\n"
		"  - {task_metrics: on, refresh_interval: 1m, ports: [80, 8443]}\n"
		"  - {task_metrics: adot, probe_ports: [65535, 1]}\n");
	const struct discovery_options *d = &c->discoveries[0];
	const struct ecs_task_sd_options *o = d->ecs_task_sds;
	assert_int_equal(d->n_ecs_task_sds, 4);
	assert_int_equal(o[0].refresh_interval_ms, 15000);
	assert_int_equal(o[0].task_metrics, ECS_TASK_METRICS_OFF);
	assert_true(o[0].docker_labels);
	assert_int_equal(o[0].n_ports + o[0].n_probe_ports, 0);
	assert_int_equal(o[1].task_metrics, ECS_TASK_METRICS_OFF);
	assert_false(o[1].docker_labels);
	assert_int_equal(o[1].n_ports + o[1].n_probe_ports, 0);
	assert_int_equal(o[2].refresh_interval_ms, 60000);
	assert_int_equal(o[2].task_metrics, ECS_TASK_METRICS_ON);
	assert_int_equal(o[2].n_ports, 2);
	assert_int_equal(o[2].ports[1], 8443);
	assert_int_equal(o[3].task_metrics, ECS_TASK_METRICS_ADOT);
	assert_int_equal(o[3].n_probe_ports, 2);
	assert_int_equal(o[3].probe_ports[0], 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_ecs_task),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
