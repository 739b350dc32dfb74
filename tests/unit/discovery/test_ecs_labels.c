/* Labels of tasks and containers, whole. */
#include "../../../ecs_discovery/ecs_labels.h"
#include "ecs_shapes.h"

#include <ampagent/base/limits.h>

static const struct ecs_api_cluster nameless;
static const struct ecs_view view = {.region = SVI("eu-west-1")};

#define CLUSTER "__meta_ecs_cluster=\"prod\", __meta_ecs_cluster_arn=\"" ARN "cluster/prod\", "
#define HOST                                                                                       \
	"__meta_ecs_ec2_instance_id=\"i-0a1b2c3d\", "                                              \
	"__meta_ecs_ec2_instance_private_ip=\"10.1.0.4\", "                                        \
	"__meta_ecs_ec2_instance_public_ip=\"54.0.0.4\", "                                         \
	"__meta_ecs_ec2_instance_type=\"m7g.large\", "
#define SERVICE                                                                                    \
	"__meta_ecs_service=\"web\", __meta_ecs_service_arn=\"" ARN "service/prod/web\", "         \
	"__meta_ecs_service_status=\"ACTIVE\", "
#define CLUSTER_TAGS                                                                               \
	"__meta_ecs_tag_cluster_cost_center=\"7\", __meta_ecs_tag_cluster_team=\"blue\""
#define SERVICE_TAGS ", __meta_ecs_tag_service_app_kubernetes_io_name=\"web\""
#define TASK                                                                                       \
	", __meta_ecs_task_arn=\"" WEB_TASK "\", __meta_ecs_task_definition=\"" ARN                \
	"task-definition/web:7\", __meta_ecs_task_group=\"service:web\"}"
#define UP "__meta_ecs_desired_status=\"RUNNING\", "

static const struct {
	const char *name;
	struct ecs_api_task task;
	struct sv ip;
	const char *expected;
} cases[] = {
	{"Fargate",
	 {WEB, ON_FARGATE, ENI, .eni_public_ip = SVI("3.4.5.6")},
	 SVI("10.0.0.9"),
	 "{__meta_ecs_availability_zone=\"eu-west-1a\", " CLUSTER UP
	 "__meta_ecs_health_status=\"HEALTHY\", __meta_ecs_ip_address=\"10.0.0.9\", "
	 "__meta_ecs_last_status=\"RUNNING\", __meta_ecs_launch_type=\"FARGATE\", "
	 "__meta_ecs_network_mode=\"awsvpc\", __meta_ecs_platform_family=\"Linux\", "
	 "__meta_ecs_platform_version=\"1.4.0\", __meta_ecs_public_ip=\"3.4.5.6\", "
	 "__meta_ecs_region=\"eu-west-1\", " SERVICE
	 "__meta_ecs_subnet_id=\"subnet-task\", " CLUSTER_TAGS SERVICE_TAGS TASK},
	{"EC2, its own interface",
	 {WEB, ON_EC2, ENI},
	 SVI("10.0.0.9"),
	 "{__meta_ecs_availability_zone=\"eu-west-1a\", " CLUSTER
	 "__meta_ecs_container_instance_arn=\"" ARN "container-instance/prod/c1\", " UP HOST
	 "__meta_ecs_health_status=\"HEALTHY\", __meta_ecs_ip_address=\"10.0.0.9\", "
	 "__meta_ecs_last_status=\"RUNNING\", __meta_ecs_launch_type=\"EC2\", "
	 "__meta_ecs_network_mode=\"awsvpc\", __meta_ecs_region=\"eu-west-1\", " SERVICE
	 "__meta_ecs_subnet_id=\"subnet-task\", " CLUSTER_TAGS
	 ", __meta_ecs_tag_ec2_Name=\"host 1\"" SERVICE_TAGS TASK},
	{"EC2, bridge or host",
	 {WEB, ON_EC2},
	 SVI("10.1.0.4"),
	 "{__meta_ecs_availability_zone=\"eu-west-1a\", " CLUSTER
	 "__meta_ecs_container_instance_arn=\"" ARN "container-instance/prod/c1\", " UP HOST
	 "__meta_ecs_health_status=\"HEALTHY\", __meta_ecs_ip_address=\"10.1.0.4\", "
	 "__meta_ecs_last_status=\"RUNNING\", __meta_ecs_launch_type=\"EC2\", "
	 "__meta_ecs_network_mode=\"bridge\", __meta_ecs_public_ip=\"54.0.0.4\", "
	 "__meta_ecs_region=\"eu-west-1\", " SERVICE
	 "__meta_ecs_subnet_id=\"subnet-host\", " CLUSTER_TAGS
	 ", __meta_ecs_tag_ec2_Name=\"host 1\"" SERVICE_TAGS TASK},
	{"an instance of which EC2 tells no address",
	 {.arn = SVI("t"),
	  .cluster = &prod,
	  ENI,
	  .container_instance_arn = SVI("c2"),
	  .instance = &unknown_instance},
	 SVI("10.0.0.9"),
	 "{" CLUSTER "__meta_ecs_container_instance_arn=\"c2\", "
	 "__meta_ecs_ec2_instance_id=\"i-0fff\", __meta_ecs_ip_address=\"10.0.0.9\", "
	 "__meta_ecs_network_mode=\"awsvpc\", __meta_ecs_region=\"eu-west-1\", "
	 "__meta_ecs_subnet_id=\"subnet-task\", " CLUSTER_TAGS ", __meta_ecs_task_arn=\"t\"}"},
	{"a standalone task, tags with the same name",
	 {.arn = SVI("t"),
	  .cluster = &prod,
	  ENI,
	  .group = SVI("family:batch"),
	  .service = &web,
	  .tags = TAGS(TAG("a-b", "1"), TAG("a.b", "2"), TAG("\xc3\xbc\xe2\x82\xac", "x"),
		       TAG("9", "nine"), TAG("", "no key"), TAG("q\"\n", "\"\n"))},
	 SVI("10.0.0.9"),
	 "{" CLUSTER "__meta_ecs_ip_address=\"10.0.0.9\", __meta_ecs_network_mode=\"awsvpc\", "
	 "__meta_ecs_region=\"eu-west-1\", __meta_ecs_subnet_id=\"subnet-task\", " CLUSTER_TAGS
	 ", __meta_ecs_tag_task_=\"no key\", __meta_ecs_tag_task_9=\"nine\", "
	 "__meta_ecs_tag_task___=\"x\", __meta_ecs_tag_task_a_b=\"2\", "
	 "__meta_ecs_tag_task_q__=\"\\\"\\n\", __meta_ecs_task_arn=\"t\", "
	 "__meta_ecs_task_group=\"family:batch\"}"},
	{"the last tag of one name is empty",
	 {.arn = SVI("t"),
	  .cluster = &nameless,
	  ENI,
	  .tags = TAGS(TAG("a-b", "1"), TAG("a.b", ""))},
	 SVI("10.0.0.9"),
	 "{__meta_ecs_ip_address=\"10.0.0.9\", __meta_ecs_network_mode=\"awsvpc\", "
	 "__meta_ecs_region=\"eu-west-1\", __meta_ecs_subnet_id=\"subnet-task\", "
	 "__meta_ecs_task_arn=\"t\"}"},
};

/* Finishes the labels; text stays valid until the next call. */
static const char *print(struct label_builder *b)
{
	static char text[8192];
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct labels set;
	buf_init(&out, sizeof text - 1);
	assert_int_equal(label_builder_finish(b, b->arena, &set), 0);
	assert_true(labels_valid(set));
	assert_int_equal(labels_print(&out, set), 0);
	memcpy(text, out.ptr, out.len);
	text[out.len] = '\0';
	return text;
}

static void test_tasks(void **state)
{
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct label_builder b;
		arena_init(&arena, MiB(1));
		label_builder_init(&b, &arena);
		ecs_labels_task(&b, &view, &cases[i].task, cases[i].ip);
		const char *got = print(&b);
		if (strcmp(got, cases[i].expected) != 0)
			fail_msg("%s:\n%s\nis not\n%s", cases[i].name, got, cases[i].expected);
	}
}

static const struct ecs_api_definition seventh = {.family = SVI("web"), .revision = 7};
static const struct ecs_api_task started = {
	.cluster = &prod, .started_by = SVI("ecs-svc/42"), .definition = &seventh};
static const struct ecs_api_definition_container app = {
	.name = SVI("app"),
	.labels = TAGS(TAG("com.example.team", "blue"), TAG("none", "")),
};

static void test_container(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	arena_init(&arena, MiB(1));
	label_builder_init(&b, &arena);
	ecs_labels_container(&b, &started, &app, 65535);
	assert_string_equal(print(&b), "{__meta_ecs_container_label_com_example_team=\"blue\", "
				       "__meta_ecs_container_name=\"app\", "
				       "__meta_ecs_container_port=\"65535\", "
				       "__meta_ecs_task_definition_family=\"web\", "
				       "__meta_ecs_task_definition_revision=\"7\", "
				       "__meta_ecs_task_started_by=\"ecs-svc/42\"}");
}

static void test_addresses(void **state)
{
	static const struct {
		struct sv ip;
		int64_t port;
		const char *expected;
	} v[] = {
		{SVI("10.0.0.9"), 80, "{__address__=\"10.0.0.9:80\"}"},
		{SVI("2001:db8::1"), 9100, "{__address__=\"[2001:db8::1]:9100\"}"},
		{SVI("10.0.0.9"), -1, "{__address__=\"10.0.0.9:-1\"}"},
	};
	for (size_t i = 0; i < N_OF(v); i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct label_builder b;
		arena_init(&arena, MiB(1));
		label_builder_init(&b, &arena);
		ecs_labels_address(&b, v[i].ip, v[i].port);
		assert_string_equal(print(&b), v[i].expected);
	}
}

static void test_without_memory(void **state)
{
	for (size_t max = 0; max < 6000; max += 64) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct label_builder b;
		struct labels set;
		arena_init(&arena, max);
		label_builder_init(&b, &arena);
		ecs_labels_address(&b, cases[2].ip, 80);
		ecs_labels_task(&b, &view, &cases[2].task, cases[2].ip);
		if (!b.failed)
			(void)label_builder_finish(&b, &arena, &set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
