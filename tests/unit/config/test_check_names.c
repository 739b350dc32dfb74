/* check_names: names of jobs and destinations are unique. */
#include "parse.h"

static const struct refusal refusals[] = {
	{"scrape_configs:\n- job_name: a\n- job_name: b\n- scheme: https\n  job_name: a\n", 5, 13,
	 "found multiple scrape configs with job name \"a\", first at line 2"},
	{"scrape_configs:\n- job_name: a\n  ecs_task_sd_configs: [{task_metrics: on}]\n"
	 "- job_name: b\n  ecs_task_sd_configs: [{task_metrics: on}]\n",
	 5, 40, "the job \"a\" has the same"},
	{"scrape_configs:\n- job_name: a\n  ecs_task_sd_configs: [{task_metrics: adot}, {}, "
	 "{task_metrics: adot}]\n",
	 3, 66, "could not be told apart"},
	{"remote_write:\n- {url: http://x, name: n}\n- {url: http://y, name: n}\n", 3, 25,
	 "found multiple remote write configs with name \"n\", first at line 2"},
	{"remote_write:\n- {url: http://x}\n- url: http://x\n", 3, 3,
	 "two remote_write blocks with the same content (secrets do not count), first at line 2"},
	{"remote_write:\n- {url: http://x, basic_auth: {password: a}}\n"
	 "- {url: http://x, basic_auth: {password: b}}\n",
	 3, 3, "two remote_write blocks with the same content"},
};

static void test_refusals(void **state)
{
	check_refusals(refusals, LEN(refusals));
}

/* More names than the table begins with. */
static void test_many(void **state)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, 1 << 20);
	buf_printf(&text, "scrape_configs:\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "- job_name: job-%d\n", i);
	struct config *c = NULL;
	struct err err = ERR_NULL;
	assert_int_equal(config_parse(buf_view(&text), "p", NULL, test_getenv, &c, &err), 0);
	assert_int_equal(c->n_scrapes, 1000);
	config_unref(c);
	c = NULL;
	buf_printf(&text, "- job_name: job-500\n");
	assert_int_equal(config_parse(buf_view(&text), "p", NULL, test_getenv, &c, &err), 1);
	assert_non_null(strstr(err.msg, "p:1002:13: found multiple"));
	assert_non_null(strstr(err.msg, "line 502"));
}

static void test_accepted(void **state)
{
	static const char *const accepted[] = {
		"remote_write:\n- {url: http://x}\n- {url: http://y}\n",
		"remote_write:\n- {url: http://x, name: a}\n- {url: http://x, name: b}\n",
		"scrape_configs:\n- job_name: a\n"
		"  ecs_task_sd_configs: [{task_metrics: on}, {task_metrics: adot}, {}, {}]\n"
		"- job_name: b\n  ecs_task_sd_configs: [{task_metrics: on}]\n"
		"  relabel_configs: [{target_label: job, replacement: b}]\n",
	};
	check_accepted(accepted, LEN(accepted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
