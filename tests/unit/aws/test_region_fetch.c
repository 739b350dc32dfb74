/* The region of the task, else of the instance. */
#include "source_rig.h"

#include <ampagent/aws/imds.h>

#include <stdio.h>
#include <string.h>

#define PUT_TOKEN "PUT /latest/api/token"
#define PLACEMENT "GET /latest/meta-data/placement/region"
#define TASK "GET /v4/abc/task"

struct end {
	struct rig *rig;
	unsigned n;
	char region[64], from[64], why[ERR_MSG_MAX];
};

static void on_region(void *cls, struct sv region, const char *from, const struct err *why)
{
	struct end *e = cls;
	e->n++;
	snprintf(e->region, sizeof e->region, "%.*s", SV_ARG(region));
	snprintf(e->from, sizeof e->from, "%s", region.len ? from : "");
	snprintf(e->why, sizeof e->why, "%s", region.len ? "" : why->msg);
	loop_stop(e->rig->loop);
}

static struct aws_region_fetch *begin(struct end *e)
{
	struct aws_region_fetch *f;
	struct err err = ERR_NULL;
	unsigned before = e->n;
	if (aws_region_start(e->rig->session, &e->rig->settings, on_region, e, &f, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(e->n, before);
	return f;
}

static void fetch(struct end *e)
{
	unsigned before = e->n;
	begin(e);
	rig_turn(e->rig);
	assert_int_equal(e->n, before + 1);
}

static void assert_region(const struct end *e, const char *region, const char *from)
{
	if (strcmp(e->region, region) != 0 || strcmp(e->from, from) != 0)
		fail_msg("\"%s\" of \"%s\": %s", e->region, e->from, e->why);
}

static void assert_why(const struct end *e, const char *part)
{
	assert_string_equal(e->region, "");
	if (!strstr(e->why, part))
		fail_msg("\"%s\" is not in: %s", part, e->why);
}

static void in_task(struct rig *r)
{
	static char uri[128];
	snprintf(uri, sizeof uri, "%s/v4/abc", r->url);
	rig_env("ECS_CONTAINER_METADATA_URI_V4", uri);
}

static void of_the_task(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	static const struct {
		const char *body, *region;
	} cases[] = {
		{"{\"Cluster\":\"c\",\"TaskARN\":\"arn:aws:ecs:us-west-2:111122223333:task/c/1\","
		 "\"AvailabilityZone\":\"us-east-1a\",\"Containers\":[{\"TaskARN\":\"x\"}]}",
		 "us-west-2"},
		{"{\"TaskARN\":\"arn:aws-cn:ecs:cn-north-1:111122223333:task/1\"}", "cn-north-1"},
		{"{\"AvailabilityZone\":\"eu-central-1b\"}", "eu-central-1"},
		{"{\"TaskARN\":\"task\",\"AvailabilityZone\":\"us-gov-west-1c\"}", "us-gov-west-1"},
		{"{\"AvailabilityZone\":\"us-west-2-lax-1a\"}", "us-west-2"},
		{"{\"AvailabilityZone\":\"ap-southeast-12a\"}", "ap-southeast-12"},
	};
	in_task(r);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		rig_answers(r, TASK, 200, cases[i].body);
		fetch(&e);
		assert_region(&e, cases[i].region, "the ECS task");
	}
	rig_assert_asked(r, "User-Agent: rig/1\n");
	rig_assert_not_asked(r, PUT_TOKEN);
}

/* Agents of ECS before 1.39 have version 3 alone. */
static void variables(void **state)
{
	static const char v4[] = "ECS_CONTAINER_METADATA_URI_V4",
			  v3[] = "ECS_CONTAINER_METADATA_URI";
	aws_getenv *env = aws_session_env(((struct rig *)*state)->session);
	assert_null(aws_task_variable(env));
	rig_env(v4, " ");
	rig_env(v3, "");
	assert_null(aws_task_variable(env));
	rig_env(v3, "http://169.254.170.2/v3/x");
	assert_string_equal(aws_task_variable(env), v3);
	rig_env(v4, "http://169.254.170.2/v4/x");
	assert_string_equal(aws_task_variable(env), v4);
}

static void of_the_older_metadata(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_region_fetch *f;
	struct err err = ERR_NULL;
	static char uri[128];
	snprintf(uri, sizeof uri, "%s/v3/abc", r->url);
	rig_env("ECS_CONTAINER_METADATA_URI", uri);
	rig_answers(r, "GET /v3/abc/task", 200,
		    "{\"TaskARN\":\"arn:aws:ecs:sa-east-1:111122223333:task/1\"}");
	fetch(&e);
	assert_region(&e, "sa-east-1", "the ECS task");
	rig_assert_not_asked(r, PUT_TOKEN);
	in_task(r);
	rig_answers(r, TASK, 200, "{\"AvailabilityZone\":\"eu-central-1b\"}");
	fetch(&e);
	assert_region(&e, "eu-central-1", "the ECS task");
	rig_env("ECS_CONTAINER_METADATA_URI_V4", "");
	rig_env("ECS_CONTAINER_METADATA_URI", "nowhere");
	assert_int_equal(aws_region_start(r->session, &r->settings, on_region, &e, &f, &err), 1);
	assert_non_null(strstr(err.msg, "ECS_CONTAINER_METADATA_URI: "));
}

static void of_the_instance(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, PLACEMENT, 200, "eu-north-1\n");
	fetch(&e);
	assert_region(&e, "eu-north-1", "the instance");
	rig_answers(r, PLACEMENT, 404, "");
	fetch(&e);
	assert_why(&e, "instance metadata has no /latest/meta-data/placement/region");
	rig_answers(r, PLACEMENT, 200, "not a region!");
	fetch(&e);
	assert_why(&e, "instance metadata tells what is no region");
	r->settings.imds_disabled = true;
	fetch(&e);
	assert_why(&e, "AWS_EC2_METADATA_DISABLED");
}

/* A task whose metadata does not tell runs on an instance, unless it is Fargate's. */
static void one_after_the_other(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	in_task(r);
	rig_answers(r, TASK, 200, "{\"TaskARN\":\"arn:x\",\"AvailabilityZone\":\"somewhere\"}");
	rig_answers(r, PUT_TOKEN, 200, "T");
	rig_answers(r, PLACEMENT, 200, "eu-north-1");
	fetch(&e);
	assert_region(&e, "eu-north-1", "the instance");
	rig_answers(r, TASK, 404, "no such task");
	rig_answers(r, PLACEMENT, 403, "");
	fetch(&e);
	assert_why(&e, "the ECS task's metadata: status 404: no such task; instance metadata at ");
	rig_answers(r, TASK, 200, "[");
	r->settings.imds_endpoint = SV("ftp://x");
	fetch(&e);
	assert_why(&e, "the ECS task's metadata cannot be used: it is not an object; ");
	rig_env("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE");
	rig_answers(r, TASK, 200, "{}");
	fetch(&e);
	assert_why(&e, "it has neither a TaskARN nor an AvailabilityZone");
	assert_null(strstr(e.why, "ftp"));
	assert_int_equal(rig_count(r, PLACEMENT), 2);
	rig_answers(r, TASK, 500, "");
	rig_answers(r, TASK, 200, "{\"AvailabilityZone\":\"us-east-1a\"}");
	fetch(&e);
	assert_region(&e, "us-east-1", "the ECS task");
}

static void refused_at_once(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_region_fetch *f;
	struct err err = ERR_NULL;
	static char long_uri[1100] = "http://127.0.0.1/";
	memset(long_uri + 17, 'x', sizeof long_uri - 18);
	rig_env("ECS_CONTAINER_METADATA_URI_V4", long_uri);
	assert_int_equal(aws_region_start(r->session, &r->settings, on_region, &e, &f, &err), 1);
	assert_string_equal(err.msg, "ECS_CONTAINER_METADATA_URI_V4 is too long");
	rig_env("ECS_CONTAINER_METADATA_URI_V4", "nowhere");
	assert_int_equal(aws_region_start(r->session, &r->settings, on_region, &e, &f, &err), 1);
	assert_non_null(strstr(err.msg, "ECS_CONTAINER_METADATA_URI_V4: "));
	assert_int_equal(e.n, 0);
}

static void cancelled(void **state)
{
	struct rig *r = *state;
	struct end e = {.rig = r};
	struct aws_region_fetch *f;
	aws_region_cancel(NULL);
	in_task(r);
	rig_answers(r, TASK, RIG_SILENT, "");
	f = begin(&e);
	rig_until(r, TASK, 1);
	aws_region_cancel(f);
	rig_env("ECS_CONTAINER_METADATA_URI_V4", NULL);
	rig_answers(r, PUT_TOKEN, RIG_SILENT, "");
	f = begin(&e);
	rig_until(r, PUT_TOKEN, 1);
	aws_region_cancel(f);
	rig_wait(r, 20);
	assert_int_equal(e.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(variables, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(of_the_task, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(of_the_older_metadata, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(of_the_instance, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(one_after_the_other, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(refused_at_once, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(cancelled, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
