/* Instances and interfaces: asked for once each, and done without when they may not be asked for.
 */
#include "../logged.h"
#include "ecs_rounds.h"

static void test_instances(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 12, 3);
	for (size_t i = 0; i < 12; i++)
		w->tasks[i].on_ec2 = true;
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->ids[ECS_DESCRIBE_CONTAINER_INSTANCES], 3);
	assert_int_equal(w->ids[ECS_EC2_INSTANCES], 3);
	assert_int_equal(w->calls[ECS_EC2_INTERFACES], 0);
	const struct ecs_api_task *t = task_in_view(&r, 5);
	assert_text(t->instance->id, "i-2");
	assert_text(t->instance->private_ip, "172.16.0.2");
	assert_text(t->instance->container_instance_arn, WORLD_ARN "container-instance/c1/2");
	assert_ptr_equal(t->instance, task_in_view(&r, 2)->instance);
	rounds_end(&r);
}

/* What EC2 told once stays while it passes the instance over. */
static void test_instance_passed_over(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 4, 2);
	for (size_t i = 0; i < 4; i++)
		w->tasks[i].on_ec2 = true;
	rounds_begin(&r, w, false);
	run_whole(&r);
	w->no_ec2_address = true;
	for (int i = 0; i < 3; i++) {
		run_whole(&r);
		assert_int_equal(w->ids[ECS_EC2_INSTANCES], 2);
		assert_text(task_in_view(&r, 2)->instance->private_ip, "172.16.0.2");
	}
	rounds_end(&r);
}

/* In a large region an instance that is known is left alone for ten rounds, one that has no address
 * yet is not. */
static void test_instances_of_many(void **state)
{
	struct rounds r;
	struct world *w = *state;
	unsigned ids = 0;
	world_fill(w, 600, 60);
	w->page = 1000;
	for (size_t i = 0; i < 600; i++)
		w->tasks[i].on_ec2 = true;
	rounds_begin(&r, w, false);
	w->no_ec2_address = true;
	for (int i = 0; i < 3; i++) {
		run_whole(&r);
		assert_int_equal(w->ids[ECS_EC2_INSTANCES], 60);
	}
	w->no_ec2_address = false;
	run_whole(&r);
	assert_int_equal(w->ids[ECS_EC2_INSTANCES], 60);
	for (int i = 0; i < 10; i++) {
		run_whole(&r);
		ids += w->ids[ECS_EC2_INSTANCES];
		assert_int_equal(w->ids[ECS_DESCRIBE_CONTAINER_INSTANCES],
				 w->ids[ECS_EC2_INSTANCES]);
	}
	assert_int_equal(ids, 60);
	assert_text(task_in_view(&r, 60)->instance->private_ip, "172.16.0.60");
	rounds_end(&r);
}

/* Of on-premises machines EC2 knows nothing. */
static void test_external_instance(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 1, 1);
	w->tasks[0].on_ec2 = true;
	world_fault(w, ECS_DESCRIBE_CONTAINER_INSTANCES, WORLD_ALWAYS, 200,
		    "{\"containerInstances\":[{\"containerInstanceArn\":\"" WORLD_ARN
		    "container-instance/c1/1\",\"ec2InstanceId\":\"mi-1\"}]}");
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_EC2_INSTANCES], 0);
	assert_text(task_in_view(&r, 1)->instance->id, "mi-1");
	assert_text(task_in_view(&r, 1)->instance->private_ip, "");
	rounds_end(&r);
}

static void twice(void *cls)
{
	run_whole(cls);
	run_whole(cls);
}

static void test_denied_interfaces(void **state)
{
	struct rounds r;
	struct world *w = *state;
	char log[4096];
	world_fill(w, 350, 1);
	rounds_begin(&r, w, false);
	world_fault(w, ECS_EC2_INTERFACES, WORLD_ALWAYS, WORLD_EC2_DENIED);
	logged(twice, &r, log, sizeof log);
	/* One question tells; the others are spared. */
	assert_int_equal(w->calls[ECS_EC2_INTERFACES], 1);
	assert_text(task_in_view(&r, 5)->eni_public_ip, "");
	assert_text(task_in_view(&r, 5)->eni_ipv4, "10.0.0.5");
	const char *told = strstr(log, "no public addresses");
	assert_non_null(told);
	assert_non_null(strstr(told, "UnauthorizedOperation"));
	assert_null(strstr(told + 1, "no public addresses"));
	world_fault(w, ECS_EC2_INTERFACES, 0, 0, NULL);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_EC2_INTERFACES], 4);
	assert_text(task_in_view(&r, 5)->eni_public_ip, "203.0.113.5");
	rounds_end(&r);
}

static void test_denied_instances(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 5, 1);
	w->tasks[3].on_ec2 = true;
	rounds_begin(&r, w, false);
	world_fault(w, ECS_EC2_INSTANCES, WORLD_ALWAYS, WORLD_EC2_DENIED);
	run_failing(&r, "ec2:DescribeInstances is denied, docs/ECS.md has the policy: "
			"DescribeInstances in eu-west-1: ec2 at 127.0.0.1");
	rounds_end(&r);
}

/* On EC2, but each with an interface of its own. */
static void test_denied_instances_that_nobody_needs(void **state)
{
	struct rounds r;
	struct world *w = *state;
	char log[4096];
	world_fill(w, 1, 1);
	world_fault(w, ECS_DESCRIBE_TASKS, WORLD_ALWAYS, 200,
		    "{\"tasks\":[{\"taskArn\":\"" WORLD_ARN
		    "task/c1/1\",\"containerInstanceArn\":\"" WORLD_ARN
		    "container-instance/c1/1\",\"attachments\":[{\"details\":[{\"name\":"
		    "\"privateIPv4Address\",\"value\":\"10.0.0.1\"}],\"type\":"
		    "\"ElasticNetworkInterface\"}]}]}");
	world_fault(w, ECS_EC2_INSTANCES, WORLD_ALWAYS, WORLD_EC2_DENIED);
	rounds_begin(&r, w, false);
	logged(twice, &r, log, sizeof log);
	assert_text(task_in_view(&r, 1)->eni_ipv4, "10.0.0.1");
	assert_text(task_in_view(&r, 1)->instance->id, "i-1");
	const char *told = strstr(log, "no labels of EC2 instances");
	assert_non_null(told);
	assert_null(strstr(told + 1, "no labels of EC2 instances"));
	rounds_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_instances),
		TEST(test_instances_of_many),
		TEST(test_instance_passed_over),
		TEST(test_external_instance),
		TEST(test_denied_interfaces),
		TEST(test_denied_instances),
		TEST(test_denied_instances_that_nobody_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
