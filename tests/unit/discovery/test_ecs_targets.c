/* Views into groups: one target a task or one a port, what is left out, limits. */
#include "../../../ecs_discovery/ecs_targets.h"
#include "ecs_shapes.h"

#include <ampagent/base/limits.h>

static const struct ecs_api_definition definition = {
	.family = SVI("web"),
	.revision = 7,
	.network_mode = SVI("awsvpc"),
	.containers =
		(struct ecs_api_definition_container[]){
			{.name = SVI("app"),
			 .labels = TAGS(TAG("port", "9100"), TAG("path", "/a"), TAG("team", "x")),
			 .ports = PORTS_OF({.container = 8080})},
			{.name = SVI("odd"), .labels = TAGS(TAG("port", "many"))},
		},
	.n_containers = 2,
};

static const struct ecs_api_task fargate = {WEB, ON_FARGATE, ENI, .definition = &definition};
static const struct ecs_api_task bridge = {WEB, ON_EC2};
static const struct ecs_api_task ipv6 = {WEB, ON_FARGATE, .has_eni = true,
					 .eni_ipv6 = SVI("2001:db8::9"), .definition = &definition};
static const struct ecs_api_task pending = {WEB, ON_FARGATE, .has_eni = true,
					    .definition = &definition};
static const struct ecs_api_task external = {WEB, .container_instance_arn = SVI("c3"),
					     .instance = &anywhere};

static struct ecs_selector selectors[] = {
	{.kind = ECS_BY_SERVICE,
	 .name_pattern = SVI("web"),
	 .ports = (uint64_t[]){8080},
	 .n_ports = 1,
	 .job_name = SVI("from-service")},
	{.kind = ECS_BY_DOCKER_LABEL, .port_label = SVI("port"), .path_label = SVI("path")},
};

static const struct ecs_sd_options plain = {.port = 9273};
static const struct ecs_sd_options chosen = {.selectors = selectors, .n_selectors = 2};

static struct sv get(const struct group_list *l, size_t i, const char *name)
{
	return labels_get(l->v[0].targets[i], sv_of(name));
}

#define assert_label(list, i, name, lit) assert_true(sv_eq(get(list, i, name), SV(lit)))

static void make(const struct ecs_sd_options *opt, const struct ecs_api_task *const *tasks,
		 size_t n, struct group_list *out, size_t *left)
{
	_cleanup_(ecs_selection_freep) struct ecs_selection *s = NULL;
	const struct ecs_view view = {SV("eu-west-1"), tasks, n};
	struct err err = ERR_NULL;
	memset(left, 0xff, ECS_LEFT_COUNT * sizeof *left);
	assert_int_equal(ecs_selection_new(opt, &s), 0);
	assert_true(ecs_selection_needs_definitions(s) == (opt->n_selectors > 0));
	assert_int_equal(ecs_targets(s, &view, out, left, &err), 0);
	assert_int_equal(out->n, 1);
	assert_true(sv_eq(out->v[0].source, SV("eu-west-1")));
	assert_int_equal(out->v[0].labels.len, 0);
}

static void test_one_a_task(void **state)
{
	_cleanup_(group_list_deinit) struct group_list l = GROUP_LIST_NULL;
	const struct ecs_api_task *tasks[] = {&fargate, &pending, &bridge, &external, &ipv6};
	size_t left[ECS_LEFT_COUNT];
	make(&plain, tasks, N_OF(tasks), &l, left);
	assert_int_equal(l.v[0].n_targets, 3);
	assert_label(&l, 0, "__address__", "10.0.0.9:9273");
	assert_label(&l, 1, "__address__", "10.1.0.4:9273");
	assert_label(&l, 2, "__address__", "[2001:db8::9]:9273");
	assert_label(&l, 2, "__meta_ecs_ip_address", "2001:db8::9");
	assert_label(&l, 1, "__meta_ecs_network_mode", "bridge");
	assert_int_equal(get(&l, 0, "__meta_ecs_container_name").len, 0);
	assert_int_equal(get(&l, 0, "job").len, 0);
	const size_t expected[ECS_LEFT_COUNT] = {[ECS_LEFT_NO_ADDRESS] = 2};
	assert_memory_equal(left, expected, sizeof left);
}

static void test_one_a_port(void **state)
{
	_cleanup_(group_list_deinit) struct group_list l = GROUP_LIST_NULL;
	const struct ecs_api_task *tasks[] = {&fargate, &pending, &bridge, &ipv6};
	size_t left[ECS_LEFT_COUNT];
	make(&chosen, tasks, N_OF(tasks), &l, left);
	assert_int_equal(l.v[0].n_targets, 4);
	assert_label(&l, 0, "__address__", "10.0.0.9:8080");
	assert_label(&l, 0, "job", "from-service");
	assert_int_equal(get(&l, 0, "__metrics_path__").len, 0);
	assert_label(&l, 0, "__meta_ecs_container_port", "8080");
	assert_label(&l, 0, "__meta_ecs_container_label_team", "x");
	assert_label(&l, 0, "__meta_ecs_task_definition_revision", "7");
	assert_label(&l, 0, "__meta_ecs_launch_type", "FARGATE");
	assert_label(&l, 1, "__address__", "10.0.0.9:9100");
	assert_label(&l, 1, "__metrics_path__", "/a");
	assert_int_equal(get(&l, 1, "job").len, 0);
	assert_label(&l, 2, "__address__", "[2001:db8::9]:8080");
	assert_label(&l, 3, "__address__", "[2001:db8::9]:9100");
	/* pending: two ports and the odd label; the other tasks: the odd label. */
	const size_t expected[ECS_LEFT_COUNT] = {
		[ECS_LEFT_NO_ADDRESS] = 3, [ECS_LEFT_NO_PORT] = 2, [ECS_LEFT_NO_DEFINITION] = 1};
	assert_memory_equal(left, expected, sizeof left);
}

static void test_nothing(void **state)
{
	_cleanup_(group_list_deinit) struct group_list l = GROUP_LIST_NULL;
	size_t left[ECS_LEFT_COUNT];
	make(&plain, NULL, 0, &l, left);
	assert_int_equal(l.v[0].n_targets, 0);
}

/* One task with too much to tell does not take the others with it. */
static void test_too_large(void **state)
{
	_cleanup_(group_list_deinit) struct group_list l = GROUP_LIST_NULL;
	_cleanup_(freep) char *text = malloc(LIMIT_LABELS_BYTES);
	_cleanup_(freep) struct ecs_tag *many = calloc(LIMIT_LABELS_COUNT, sizeof *many);
	char keys[LIMIT_LABELS_COUNT][8];
	memset(text, 'x', LIMIT_LABELS_BYTES);
	for (size_t i = 0; i < LIMIT_LABELS_COUNT; i++) {
		snprintf(keys[i], sizeof keys[i], "k%zu", i);
		many[i] = (struct ecs_tag){sv_of(keys[i]), SV("v")};
	}
	struct ecs_tag tags[2] = {{SV("a"), sv_make(text, LIMIT_LABELS_BYTES / 2)},
				  {SV("b"), sv_make(text, LIMIT_LABELS_BYTES / 2)}};
	struct ecs_api_task crowded = fargate, wordy = fargate, fits = fargate;
	crowded.tags = (struct ecs_tags){many, LIMIT_LABELS_COUNT};
	wordy.tags = (struct ecs_tags){tags, 2};
	fits.tags = (struct ecs_tags){tags, 1};
	const struct ecs_api_task *tasks[] = {&crowded, &fargate, &wordy, &fits};
	size_t left[ECS_LEFT_COUNT];
	make(&plain, tasks, N_OF(tasks), &l, left);
	assert_int_equal(l.v[0].n_targets, 2);
	assert_int_equal(get(&l, 1, "__meta_ecs_tag_task_a").len, LIMIT_LABELS_BYTES / 2);
	assert_int_equal(left[ECS_LEFT_TOO_LARGE], 2);
}

/* The list stays after the view is gone, and has an end. */
static void test_many(void **state)
{
	_cleanup_(ecs_selection_freep) struct ecs_selection *s = NULL;
	_cleanup_(freep) char *text = malloc(LIMIT_LABELS_BYTES);
	memset(text, 'x', LIMIT_LABELS_BYTES);
	struct ecs_tag tag = {SV("a"), sv_make(text, LIMIT_LABELS_BYTES - 2000)};
	struct ecs_api_task large = fargate;
	large.tags = (struct ecs_tags){&tag, 1};
	enum { N = 5000 }; /* more than 256 MiB */
	_cleanup_(freep) const struct ecs_api_task **tasks = calloc(N, sizeof(*tasks));
	for (size_t i = 0; i < N; i++)
		tasks[i] = &large;
	struct group_list l = GROUP_LIST_NULL;
	size_t left[ECS_LEFT_COUNT];
	struct err err = ERR_NULL;
	struct ecs_view view = {SV("r"), tasks, N};
	assert_int_equal(ecs_selection_new(&plain, &s), 0);
	assert_int_equal(ecs_targets(s, &view, &l, left, &err), 1);
	assert_non_null(strstr(err.msg, "5000 tasks take more than 256 MiB"));
	assert_int_equal(l.n, 0);
	view.n_tasks = 100;
	assert_int_equal(ecs_targets(s, &view, &l, left, &err), 0);
	memset(text, 'y', LIMIT_LABELS_BYTES);
	assert_int_equal(l.v[0].n_targets, 100);
	assert_true(get(&l, 99, "__meta_ecs_tag_task_a").ptr[0] == 'x');
	group_list_deinit(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_a_task), cmocka_unit_test(test_one_a_port),
		cmocka_unit_test(test_nothing),    cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
