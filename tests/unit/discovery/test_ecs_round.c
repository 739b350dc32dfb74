/* Which calls a round makes, and of what: the rule of ecs_inventory.h. */
#include "../../../ecs_discovery/ecs_round.h"
#include "ecs_rounds.h"

#include <time.h>

/* A line for each call of a small region, in their order. */
static void test_small_region(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 250, 12);
	rounds_begin(&r, w, false);
	for (int round = 0; round < 3; round++) {
		run_whole(&r);
		assert_string_equal(world_calls(w),
				    "ListClusters 1, DescribeClusters 1, ListServices 1, "
				    "DescribeServices 2, ListTasks 3, DescribeTasks 3, "
				    "DescribeNetworkInterfaces 3");
		assert_int_equal(w->ids[ECS_DESCRIBE_TASKS], 250);
		assert_int_equal(w->ids[ECS_DESCRIBE_SERVICES], 12);
		assert_int_equal(w->ids[ECS_EC2_INTERFACES], 250);
	}
	rounds_end(&r);
}

static void test_what_a_view_has(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 40, 3);
	w->tasks[2].service = 0;
	w->tasks[4].service = 7; /* of a service that is gone */
	rounds_begin(&r, w, false);
	run_whole(&r);
	const struct ecs_api_task *t = task_in_view(&r, 2);
	assert_text(t->cluster->name, "c1");
	assert_text(t->cluster->arn, WORLD_ARN "cluster/c1");
	assert_text(t->service->name, "s2");
	assert_text(t->eni_ipv4, "10.0.0.2");
	assert_text(t->eni_public_ip, "203.0.113.2");
	assert_null(t->definition);
	assert_null(t->instance);
	assert_null(task_in_view(&r, 3)->service);
	assert_null(task_in_view(&r, 5)->service);
	struct ecs_view v = ecs_inventory_view(r.inv);
	assert_int_equal(v.n_tasks, 40);
	for (size_t i = 1; i < v.n_tasks; i++)
		assert_true(sv_cmp(v.tasks[i - 1]->arn, v.tasks[i]->arn) < 0);
	rounds_end(&r);
}

/* In a large region everything is described once in ten rounds, and what is quiet no more often. */
static void test_rotation(void **state)
{
	struct rounds r;
	struct world *w = *state;
	unsigned tasks = 0, services = 0, most = 0;
	world_fill(w, 700, 40);
	w->page = 1000;
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->ids[ECS_DESCRIBE_TASKS], 700);
	w->tasks[123].tag = "other";
	bool seen = false;
	for (int i = 0; i < ECS_ROTATION; i++) {
		run_whole(&r);
		tasks += w->ids[ECS_DESCRIBE_TASKS];
		services += w->ids[ECS_DESCRIBE_SERVICES];
		most = w->ids[ECS_DESCRIBE_TASKS] > most ? w->ids[ECS_DESCRIBE_TASKS] : most;
		assert_int_equal(w->ids[ECS_EC2_INTERFACES], w->ids[ECS_DESCRIBE_TASKS]);
		assert_true(r.changed ==
			    (!seen && sv_eq(task_in_view(&r, 124)->tags.v[0].value, SV("other"))));
		seen = seen || r.changed;
	}
	assert_true(seen);
	assert_int_equal(tasks, 700);
	assert_int_equal(services, 40);
	assert_true(most < 140);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 700);
	assert_text(task_in_view(&r, 5)->service->name, "s5");
	assert_text(task_in_view(&r, 5)->eni_public_ip, "203.0.113.5");
	rounds_end(&r);
}

/* Ids described in ten rounds beyond those of the rotation. */
static unsigned extra(struct rounds *r)
{
	unsigned n = 0;
	for (int i = 0; i < ECS_ROTATION; i++) {
		run_whole(r);
		n += r->w->ids[ECS_DESCRIBE_TASKS];
	}
	return n - (unsigned)r->w->n_tasks;
}

static void test_unsettled_tasks(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 510, 1);
	w->page = 1000;
	rounds_begin(&r, w, false);
	run_whole(&r);
	/* By turns they are described in one of the ten rounds anyway. What happens to a task shows
	 * when it is its turn; from then on it is looked at each round. */
	w->tasks[0].last = "PENDING";
	w->tasks[1].desired = "STOPPED";
	w->tasks[2].started_s = time(NULL);
	extra(&r);
	assert_int_equal(extra(&r), 3 * 9);
	/* All is settled, but for a health that nobody checks. */
	w->tasks[0].last = "RUNNING";
	w->tasks[1].desired = "RUNNING";
	w->tasks[2].health = "UNKNOWN";
	w->tasks[2].started_s = time(NULL) - ECS_YOUNG_S - 60;
	run_whole(&r);
	assert_int_equal(extra(&r), 0);
	rounds_end(&r);
}

static void test_new_ones_cost_one_call(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 600, 1);
	rounds_begin(&r, w, false);
	run_whole(&r);
	run_whole(&r);
	unsigned by_turns = w->ids[ECS_DESCRIBE_TASKS];
	assert_true(by_turns < 120);
	for (unsigned i = 0; i < 50; i++)
		w->tasks[i].id = 2000 + i;
	run_whole(&r);
	assert_true(r.changed);
	assert_true(w->ids[ECS_DESCRIBE_TASKS] >= 50 && w->ids[ECS_DESCRIBE_TASKS] < 180);
	assert_true(w->calls[ECS_DESCRIBE_TASKS] <= 2);
	assert_null(task_in_view(&r, 1));
	assert_non_null(task_in_view(&r, 2049));
	rounds_end(&r);
}

static void test_clusters(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 3, 1);
	w->n_clusters = 3;
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_LIST_TASKS], 3);
	assert_int_equal(w->calls[ECS_LIST_SERVICES], 3);
	rounds_end(&r);
	/* Named ones, one of them twice: no list is asked for. */
	w->clusters[0] = SV("c1");
	w->clusters[1] = SV(WORLD_ARN "cluster/c1");
	w->clusters[2] = SV("c2");
	w->opt.n_clusters = 3;
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_LIST_CLUSTERS], 0);
	assert_int_equal(w->calls[ECS_LIST_TASKS], 2);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 3);
	w->n_clusters = 1;
	run_failing(&r, "there is no cluster c2");
	rounds_end(&r);
}

/* A deleted cluster is told of for a while; nothing else of it is, and the others go on. */
static void test_deleted_cluster(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 3, 1);
	w->clusters[0] = SV("c1");
	w->clusters[1] = SV("c2");
	w->opt.n_clusters = 2;
	w->n_clusters = 2;
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_LIST_TASKS], 2);
	world_fault(w, ECS_DESCRIBE_CLUSTERS, 1, 200,
		    "{\"clusters\":[{\"clusterArn\":\"" WORLD_ARN
		    "cluster/c1\",\"clusterName\":\"c1\",\"status\":\"ACTIVE\"},"
		    "{\"clusterArn\":\"" WORLD_ARN
		    "cluster/c2\",\"clusterName\":\"c2\",\"status\":\"INACTIVE\"}]}");
	world_forget_counts(w);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_LIST_TASKS], 1);
	assert_int_equal(w->calls[ECS_LIST_SERVICES], 1);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 3);
	rounds_end(&r);
}

static void test_errors_at_any_call(void **state)
{
	struct rounds r;
	struct world *w = *state;
	unsigned failures = 0;
	world_fill(w, 250, 12);
	w->tasks[0].on_ec2 = true;
	rounds_begin(&r, w, true);
	run_whole(&r);
	w->tasks[1].definition = 77;
	for (int a = 0; a < ECS_ACTIONS_; a++) {
		world_fault(w, (enum ecs_action)a, 1, 400,
			    "{\"__type\":\"a#SomeException\",\"message\":\"for some reason\"}");
		run_failing(&r, ecs_action_name((enum ecs_action)a));
		assert_non_null(strstr(r.why, "in eu-west-1: "));
		assert_non_null(strstr(r.why, "SomeException: for some reason (HTTP 400"));
		failures++;
	}
	assert_int_equal(r.failed, failures);
	/* In the middle of the pages, and of the descriptions. */
	world_fault(w, ECS_LIST_TASKS, 3, 400, "{}");
	run_failing(&r, "ListTasks");
	world_fault(w, ECS_DESCRIBE_TASKS, 2, 403, "no JSON");
	run_failing(&r, "DescribeTasks");
	run_whole(&r);
	assert_true(r.changed);
	rounds_end(&r);
}

static void test_throttled_and_tried_again(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 250, 1);
	rounds_begin(&r, w, false);
	world_fault(w, ECS_DESCRIBE_TASKS, 2, WORLD_THROTTLED);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_DESCRIBE_TASKS], 4);
	assert_int_equal(ecs_inventory_view(r.inv).n_tasks, 250);
	rounds_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_small_region),
		TEST(test_what_a_view_has),
		TEST(test_rotation),
		TEST(test_unsettled_tasks),
		TEST(test_new_ones_cost_one_call),
		TEST(test_clusters),
		TEST(test_deleted_cluster),
		TEST(test_errors_at_any_call),
		TEST(test_throttled_and_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
