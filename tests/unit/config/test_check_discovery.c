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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
