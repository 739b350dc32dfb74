/* What an inventory keeps between rounds, and what ends one early. */
#include "ecs_rounds.h"

static size_t n_tasks(const struct rounds *r)
{
	return ecs_inventory_view(r->inv).n_tasks;
}

static void test_empty(void **state)
{
	struct rounds r;
	rounds_begin(&r, *state, false);
	assert_int_equal(n_tasks(&r), 0);
	run_whole(&r);
	assert_true(r.changed);
	assert_int_equal(n_tasks(&r), 0);
	assert_text(ecs_inventory_view(r.inv).region, "eu-west-1");
	run_whole(&r);
	assert_false(r.changed);
	rounds_end(&r);
}

static void test_changed_only_when_something_has(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 5, 2);
	rounds_begin(&r, w, false);
	run_whole(&r);
	assert_true(r.changed);
	run_whole(&r);
	assert_false(r.changed);
	w->tasks[3].health = "HEALTHY";
	run_whole(&r);
	assert_true(r.changed);
	assert_text(task_in_view(&r, 4)->health, "HEALTHY");
	w->n_tasks = 4;
	run_whole(&r);
	assert_true(r.changed);
	assert_int_equal(n_tasks(&r), 4);
	assert_null(task_in_view(&r, 5));
	rounds_end(&r);
}

static void test_definitions_once(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 6, 2);
	rounds_begin(&r, w, true);
	run_whole(&r);
	assert_int_equal(w->calls[ECS_DESCRIBE_TASK_DEFINITION], 3);
	assert_text(task_in_view(&r, 1)->definition->containers[0].name, "app");
	run_whole(&r);
	assert_int_equal(w->calls[ECS_DESCRIBE_TASK_DEFINITION], 0);
	w->tasks[0].definition = 9;
	run_whole(&r);
	assert_int_equal(w->calls[ECS_DESCRIBE_TASK_DEFINITION], 1);
	assert_text(task_in_view(&r, 1)->definition->arn, WORLD_ARN "task-definition/d9:1");
	rounds_end(&r);
}

/* Those that a failed round had are not asked for again. */
static void test_definitions_of_a_failed_round(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 6, 2);
	rounds_begin(&r, w, true);
	world_fault(w, ECS_DESCRIBE_TASK_DEFINITION, 3, 400,
		    "{\"__type\":\"ClientException\",\"message\":\"no\"}");
	run_failing(&r, "DescribeTaskDefinition in eu-west-1: ");
	unsigned before = w->calls[ECS_DESCRIBE_TASK_DEFINITION];
	assert_true(before >= 3);
	run_whole(&r);
	assert_true(w->calls[ECS_DESCRIBE_TASK_DEFINITION] < 3);
	rounds_end(&r);
}

/* Deployments without end leave no heap of old definitions behind. */
static void test_definitions_of_gone_tasks_go(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 20, 1);
	rounds_begin(&r, w, true);
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < 20; i++)
			w->tasks[i].definition = round * 20 + i;
		run_whole(&r);
		assert_int_equal(w->calls[ECS_DESCRIBE_TASK_DEFINITION], 20);
	}
	/* The first ones are asked for anew, so they were forgotten. */
	for (unsigned i = 0; i < 20; i++)
		w->tasks[i].definition = i;
	run_whole(&r);
	assert_int_equal(w->calls[ECS_DESCRIBE_TASK_DEFINITION], 20);
	assert_text(task_in_view(&r, 20)->definition->arn, WORLD_ARN "task-definition/d19:1");
	rounds_end(&r);
}

static void test_gives_up(void **state)
{
	struct rounds r;
	struct world *w = *state;
	world_fill(w, 5, 1);
	w->opt.refresh_interval_ms = 15;
	rounds_begin(&r, w, false);
	w->silent = true;
	run_failing(&r, "given up after 0.3 s");
	assert_int_equal(w->n_kept, 1);
	rounds_end(&r);
	http_answer_drop(w->kept[0]);
}

static void test_freed_while_it_asks(void **state)
{
	struct rounds r;
	struct world *w = *state;
	w->silent = true;
	rounds_begin(&r, w, false);
	ecs_inventory_round(r.inv, on_round, &r);
	world_until(w, &w->all, 1);
	rounds_end(&r);
	world_wait(w, 5);
	assert_int_equal(r.n, 0);
	http_answer_drop(w->kept[0]);
}

/* Begins a round with options that are gone before the first answer. */
static void change_options(struct rounds *r, struct world *w)
{
	struct ecs_sd_options *other = malloc(sizeof *other);
	world_fill(w, 5, 1);
	*other = w->opt;
	w->silent = true;
	*r = (struct rounds){.w = w};
	assert_int_equal(ecs_inventory_new(w->session, w->pool, other, false, &r->inv), 0);
	ecs_inventory_round(r->inv, on_round, r);
	world_until(w, &w->all, 1);
	w->silent = false;
	ecs_inventory_options(r->inv, &w->opt);
	memset(other, 0x55, sizeof *other);
	free(other);
}

static void test_other_options_while_it_asks(void **state)
{
	struct rounds r;
	struct world *w = *state;
	change_options(&r, w);
	http_answer_now(w->kept[0], 200, SV("x/y"),
			SV("{\"clusterArns\":[\"" WORLD_ARN "cluster/c1\"]}"), NULL, 0);
	world_until(w, &r.n, 1);
	assert_string_equal(r.why, "");
	assert_int_equal(n_tasks(&r), 5);
	assert_int_equal(w->calls[ECS_LIST_CLUSTERS], 1);
	rounds_end(&r);
}

static void test_other_options_of_its_client(void **state)
{
	struct rounds r;
	struct world *w = *state;
	w->opt.http.tls.insecure_skip_verify = true;
	change_options(&r, w);
	world_until(w, &r.n, 1);
	assert_string_equal(r.why, "");
	assert_int_equal(n_tasks(&r), 5);
	assert_int_equal(w->calls[ECS_LIST_CLUSTERS], 2);
	rounds_end(&r);
	http_answer_drop(w->kept[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_empty),
		TEST(test_changed_only_when_something_has),
		TEST(test_definitions_once),
		TEST(test_definitions_of_a_failed_round),
		TEST(test_definitions_of_gone_tasks_go),
		TEST(test_gives_up),
		TEST(test_freed_while_it_asks),
		TEST(test_other_options_while_it_asks),
		TEST(test_other_options_of_its_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
