/* Answers that cannot be true, and ones that are incomplete: no round is whole with them. */
#include "ecs_rounds.h"

static void test_told_of_neither(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 5, 1);
	rounds_begin(&r, w, false);
	run_whole(&r);
	w->tasks[2].omit = 1;
	run_failing(&r, "it tells of 4 of the 5 that were asked for");
	w->tasks[2].omit = 0;
	run_whole(&r);
	rounds_end(&r);
}

static void test_gone_since_it_was_listed(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 5, 1);
	rounds_begin(&r, w, false);
	run_whole(&r);
	w->tasks[2].missing = true;
	run_whole(&r);
	assert_true(r.changed);
	assert_null(task_in_view(&r, 3));
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 4);
	rounds_end(&r);
}

static void test_answers_that_are_refused(void **state)
{
	static const struct {
		enum ecs_action action;
		const char *body, *why;
	} cases[] = {
		{ECS_LIST_CLUSTERS, "{}", "missing"},
		{ECS_LIST_CLUSTERS, "", "not"},
		{ECS_LIST_CLUSTERS, "{\"clusterArns\":\"c\"}", "missing"},
		{ECS_DESCRIBE_CLUSTERS, "{\"clusters\":[],\"failures\":[]}", "0 of the 1"},
		{ECS_DESCRIBE_CLUSTERS, "{\"clusters\":[{\"clusterArn\":\"other\"}]}",
		 "tells of other, which was not asked for"},
		{ECS_LIST_SERVICES, "{\"taskArns\":[]}", "missing"},
		{ECS_LIST_TASKS, "{\"taskArns\":[\"", "JSON"},
		{ECS_LIST_TASKS, "<html>", "JSON"},
		{ECS_DESCRIBE_SERVICES, "{\"services\":[{\"serviceArn\":\"other\"}]}",
		 "tells of other, which was not asked for"},
		{ECS_DESCRIBE_SERVICES, "{\"services\":[{\"serviceName\":\"s1\"}]}", "no ARN"},
		{ECS_DESCRIBE_SERVICES,
		 "{\"services\":[],\"failures\":[{\"arn\":\"s\",\"reason\":\"ACCESS\"}]}",
		 "s: ACCESS"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[{\"taskArn\":5}]}", "taskArn is no text"},
		{ECS_DESCRIBE_TASKS,
		 "{\"tasks\":[{\"taskArn\":\"" WORLD_ARN "task/c1/1\"},{\"taskArn\":\"" WORLD_ARN
		 "task/c1/1\"}]}",
		 "told before"},
		{ECS_DESCRIBE_TASK_DEFINITION,
		 "{\"taskDefinition\":{\"taskDefinitionArn\":\"other\"}}", "another definition"},
		{ECS_DESCRIBE_CONTAINER_INSTANCES, "{\"containerInstances\":[]}", "0 of the 1"},
		{ECS_DESCRIBE_CONTAINER_INSTANCES,
		 "{\"containerInstances\":[{\"containerInstanceArn\":\"other\"}]}",
		 "tells of other, which was not asked for"},
		{ECS_EC2_INSTANCES, "<DescribeInstancesResponse/>", "missing"},
		{ECS_EC2_INTERFACES, "<DescribeNetworkInterfacesResponse>", "not XML"},
	};
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 2, 1);
	w->tasks[1].on_ec2 = true;
	rounds_begin(&r, w, true);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		world_fault(w, cases[i].action, WORLD_ALWAYS, 200, cases[i].body);
		run_failing(&r, cases[i].why);
		if (!strstr(r.why, ecs_action_name(cases[i].action)))
			fail_msg("%zu: %s", i, r.why);
		world_fault(w, cases[i].action, 0, 0, NULL);
	}
	run_whole(&r);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 2);
	rounds_end(&r);
}

/* A cluster that went away since it was listed, and one without anything. */
static void test_missing_cluster(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 2, 1);
	rounds_begin(&r, w, false);
	run_whole(&r);
	world_fault(w, ECS_DESCRIBE_CLUSTERS, 1, 200,
		    "{\"clusters\":[],\"failures\":[{\"arn\":\"c\",\"reason\":\"MISSING\"}]}");
	run_whole(&r);
	assert_true(r.changed);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 0);
	rounds_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_told_of_neither),
		TEST(test_gone_since_it_was_listed),
		TEST(test_answers_that_are_refused),
		TEST(test_missing_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
