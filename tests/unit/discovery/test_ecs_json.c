/* Answers of the ECS API as they are documented, and what is no such answer. */
#include "../../../ecs_discovery/ecs_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/limits.h>

#define A "arn:aws:ecs:eu-west-1:111122223333:"

struct setting {
	struct ecs_known k;
	struct arena scratch;
	struct ecs_answer a;
	struct err err;
};

static void begin(struct setting *s)
{
	*s = (struct setting){.err = ERR_NULL};
	ecs_known_init(&s->k, MiB(16));
	arena_init(&s->scratch, MiB(16));
}

static void end(struct setting *s)
{
	ecs_known_deinit(&s->k);
	arena_deinit(&s->scratch);
}

static int read_as(struct setting *s, enum ecs_action action, const char *body)
{
	return ecs_json_read(&s->k, &s->scratch, action, sv_of(body), &s->a, &s->err);
}

static void read_good(struct setting *s, enum ecs_action action, const char *body)
{
	if (read_as(s, action, body) != 0)
		fail_msg("%s: %s", body, s->err.msg);
}

#define assert_text(v, text) assert_true(sv_eq(v, sv_of(text)))

static void test_lists(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_LIST_TASKS,
		  "{\"nextToken\":\"a\\/b==\",\"taskArns\":[\"" A "task/c/1\",\"" A
		  "task/c/2\"],\"other\":[{\"taskArns\":[\"no\"]}]}");
	assert_int_equal(s.a.n_arns, 2);
	assert_text(s.a.arns[1], A "task/c/2");
	assert_text(s.a.next_token, "a/b==");
	read_good(&s, ECS_LIST_SERVICES, "{\"serviceArns\":[],\"nextToken\":null}");
	assert_int_equal(s.a.n_arns, 0);
	assert_int_equal(s.a.next_token.len, 0);
	read_good(&s, ECS_LIST_CLUSTERS, "{\"clusterArns\":[\"c\"]}");
	assert_int_equal(s.a.n_arns, 1);
	end(&s);
}

static void test_clusters_and_services(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_CLUSTERS,
		  "{\"clusters\":[{\"clusterArn\":\"" A "cluster/c\",\"clusterName\":\"c\","
		  "\"tags\":[{\"key\":\"env\",\"value\":\"prod\"},{\"key\":\"empty\",\"value\":"
		  "\"\"}],\"settings\":[{\"name\":\"x\",\"value\":\"y\"}]},{\"clusterArn\":\"" A
		  "cluster/d\",\"clusterName\":\"d\",\"tags\":[{\"key\":\"k\"},{\"value\":\"v\"},"
		  "{\"key\":\"k\",\"value\":null},{}]}],\"failures\":[{\"arn\":\"f\",\"reason\":"
		  "\"MISSING\",\"detail\":\"x\"}]}");
	assert_int_equal(s.a.n_things, 2);
	const struct ecs_api_cluster *c = s.a.things[0], *d = s.a.things[1];
	assert_text(c->name, "c");
	assert_int_equal(c->tags.n, 2);
	assert_text(c->tags.v[0].value, "prod");
	assert_int_equal(d->tags.n, 0);
	assert_int_equal(s.a.n_failures, 1);
	assert_text(s.a.failures[0].reason, "MISSING");
	read_good(&s, ECS_DESCRIBE_SERVICES,
		  "{\"services\":[{\"serviceArn\":\"" A
		  "service/c/web\",\"serviceName\":\"web\",\"status\":\"DRAINING\",\"deployments\":"
		  "[{\"status\":\"PRIMARY\",\"tags\":[{\"key\":\"no\",\"value\":\"no\"}]}],"
		  "\"tags\":[{\"key\":\"team\",\"value\":\"a\"}]}]}");
	const struct ecs_known_service *v = s.a.things[0];
	assert_text(v->s.status, "DRAINING");
	assert_int_equal(v->s.tags.n, 1);
	assert_text(v->s.tags.v[0].key, "team");
	assert_null(v->cluster);
	end(&s);
}

static const char two_tasks[] =
	"{\"tasks\":[{\"taskArn\":\"" A "task/c/1\",\"taskDefinitionArn\":\"" A
	"task-definition/w:7\",\"group\":\"service:web\",\"startedBy\":\"ecs-svc/1\","
	"\"launchType\":\"FARGATE\",\"lastStatus\":\"RUNNING\",\"desiredStatus\":\"RUNNING\","
	"\"healthStatus\":\"HEALTHY\",\"availabilityZone\":\"eu-west-1a\",\"platformFamily\":"
	"\"Linux\",\"platformVersion\":\"\",\"startedAt\":1.7000000095E9,\"attachments\":["
	"{\"type\":\"Service Connect\",\"details\":[{\"name\":\"subnetId\",\"value\":\"no\"}]},"
	"{\"details\":[{\"name\":\"subnetId\",\"value\":\"subnet-1\"},{\"name\":"
	"\"networkInterfaceId\",\"value\":\"eni-1\"},{\"name\":\"privateIPv4Address\",\"value\":"
	"\"10.0.0.1\"},{\"name\":\"ipv6Address\",\"value\":\"2001:db8::1\"}],\"type\":"
	"\"ElasticNetworkInterface\"},{\"type\":\"ElasticNetworkInterface\",\"details\":[{\"name\":"
	"\"networkInterfaceId\",\"value\":\"second\"}]}],\"containers\":[{\"name\":\"app\","
	"\"lastStatus\":\"RUNNING\",\"healthStatus\":\"HEALTHY\",\"networkInterfaces\":[{"
	"\"privateIpv4Address\":\"10.0.0.1\",\"ipv6Address\":\"2001:db8::1\"},{"
	"\"privateIpv4Address\":\"10.9.9.9\"}],\"networkBindings\":[]},{\"name\":\"log\"}],"
	"\"overrides\":{\"containerOverrides\":[{\"name\":\"no\"}]},\"tags\":[{\"key\":\"t\","
	"\"value\":\"1\"}]},{\"taskArn\":\"" A "task/c/2\",\"containerInstanceArn\":\"" A
	"container-instance/c/9\",\"launchType\":\"EC2\",\"platformFamily\":null,\"containers\":[{"
	"\"name\":\"app\",\"networkBindings\":[{\"bindIP\":\"0.0.0.0\",\"containerPort\":8080,"
	"\"hostPort\":32768,\"protocol\":\"tcp\"},{\"containerPortRange\":\"7000-7010\","
	"\"hostPortRange\":\"49153-49163\",\"protocol\":\"udp\"},{\"containerPort\":70000,"
	"\"hostPort\":-1},{\"containerPortRange\":\"9-3\"}]}]}],\"failures\":[]}";

static void test_task_with_interface(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_TASKS, two_tasks);
	assert_int_equal(s.a.n_things, 2);
	const struct ecs_known_task *k = s.a.things[0];
	const struct ecs_api_task *t = &k->t;
	assert_int_equal(k->started_s, 1700000009);
	assert_text(t->definition_arn, A "task-definition/w:7");
	assert_text(t->group, "service:web");
	assert_text(t->started_by, "ecs-svc/1");
	assert_text(t->health, "HEALTHY");
	assert_text(t->availability_zone, "eu-west-1a");
	assert_true(t->has_platform_family && t->has_platform_version);
	assert_text(t->platform_family, "Linux");
	assert_text(t->platform_version, "");
	assert_true(t->has_eni);
	assert_text(t->eni_id, "eni-1");
	assert_text(t->eni_ipv4, "10.0.0.1");
	assert_text(t->eni_ipv6, "2001:db8::1");
	assert_text(t->eni_subnet_id, "subnet-1");
	assert_int_equal(t->n_containers, 2);
	assert_text(t->containers[0].ipv4, "10.0.0.1");
	assert_text(t->containers[0].ipv6, "2001:db8::1");
	assert_text(t->containers[0].health, "HEALTHY");
	assert_text(t->containers[1].name, "log");
	assert_int_equal(t->containers[1].n_bindings, 0);
	assert_int_equal(t->tags.n, 1);
	end(&s);
}

static void test_task_with_bindings(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_TASKS, two_tasks);
	const struct ecs_known_task *k = s.a.things[1];
	const struct ecs_api_task *t = &k->t;
	assert_int_equal(k->started_s, 0);
	assert_false(t->has_eni || t->has_platform_family || t->has_platform_version);
	assert_text(t->container_instance_arn, A "container-instance/c/9");
	assert_int_equal(t->tags.n, 0);
	assert_int_equal(t->containers[0].n_bindings, 4);
	const struct ecs_api_port *b = t->containers[0].bindings;
	assert_int_equal(b[0].container, 8080);
	assert_int_equal(b[0].host, 32768);
	assert_int_equal(b[0].container_last, 0);
	assert_text(b[0].bind_ip, "0.0.0.0");
	assert_int_equal(b[1].container, 7000);
	assert_int_equal(b[1].container_last, 7010);
	assert_int_equal(b[1].host, 49153);
	assert_text(b[1].protocol, "udp");
	assert_int_equal(b[2].container, 0);
	assert_int_equal(b[2].host, 0);
	assert_int_equal(b[3].container, 0);
	end(&s);
}

static void test_definition(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_TASK_DEFINITION,
		  "{\"tags\":[{\"key\":\"no\",\"value\":\"no\"}],\"taskDefinition\":{"
		  "\"taskDefinitionArn\":\"" A
		  "task-definition/w:7\",\"family\":\"w\",\"revision\":7,\"networkMode\":"
		  "\"awsvpc\",\"containerDefinitions\":[{\"name\":\"app\",\"dockerLabels\":{"
		  "\"a.b/c\":\"1\",\"taskDefinitionArn\":\"x\",\"n\":null},\"portMappings\":[{"
		  "\"containerPort\":8080,\"hostPort\":0,\"name\":\"http\"}],\"environment\":[{"
		  "\"name\":\"NO\",\"value\":\"no\"}]},{\"name\":\"log\"}]}}");
	const struct ecs_api_definition *d = s.a.things[0];
	assert_int_equal(s.a.n_things, 1);
	assert_text(d->arn, A "task-definition/w:7");
	assert_text(d->family, "w");
	assert_text(d->network_mode, "awsvpc");
	assert_int_equal(d->revision, 7);
	assert_int_equal(d->n_containers, 2);
	assert_text(d->containers[0].name, "app");
	assert_int_equal(d->containers[0].labels.n, 2);
	assert_text(d->containers[0].labels.v[0].key, "a.b/c");
	assert_text(d->containers[0].labels.v[1].value, "x");
	assert_int_equal(d->containers[0].ports[0].container, 8080);
	assert_int_equal(d->containers[1].labels.n, 0);
	assert_int_equal(d->containers[1].n_ports, 0);
	end(&s);
}

static void test_instances(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_CONTAINER_INSTANCES,
		  "{\"containerInstances\":[{\"ec2InstanceId\":\"mi-1\",\"containerInstanceArn\":"
		  "\"x\",\"attributes\":[{\"name\":\"a\"}]}]}");
	const struct ecs_api_instance *i = s.a.things[0];
	assert_text(i->id, "mi-1");
	assert_text(i->container_instance_arn, "x");
	end(&s);
}

static void test_refused(void **state)
{
	static const struct {
		enum ecs_action action;
		const char *body, *why;
	} cases[] = {
		{ECS_DESCRIBE_TASKS, "", "JSON"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[]", "JSON"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[]}}", "JSON"},
		{ECS_DESCRIBE_TASKS, "[]", "missing"},
		{ECS_DESCRIBE_TASKS, "\"tasks\"", "missing"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":{}}", "no ARN"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":null}", "missing"},
		{ECS_DESCRIBE_TASKS, "{\"x\":{\"tasks\":[]}}", "missing"},
		{ECS_DESCRIBE_TASKS, "{\"services\":[]}", "missing"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[{\"taskArn\":\"\"}]}", "no ARN"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[{\"group\":true}]}", "group is no text"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[{\"startedAt\":\"x\"}]}",
		 "startedAt is no number"},
		{ECS_DESCRIBE_TASK_DEFINITION, "{\"taskDefinition\":[]}", "missing"},
		{ECS_LIST_TASKS, "{\"taskArns\":{}}", "missing"},
		/* An entry or a further page that is passed over would be a list cut short. */
		{ECS_LIST_TASKS, "{\"taskArns\":[\"a\",null]}", "entry of the list"},
		{ECS_LIST_TASKS, "{\"taskArns\":[1]}", "entry of the list"},
		{ECS_LIST_CLUSTERS, "{\"clusterArns\":[{}]}", "entry of the list"},
		{ECS_LIST_SERVICES, "{\"serviceArns\":[[]]}", "entry of the list"},
		{ECS_LIST_TASKS, "{\"taskArns\":[],\"nextToken\":5}", "nextToken"},
		{ECS_LIST_TASKS, "{\"nextToken\":{\"a\":\"b\"},\"taskArns\":[]}", "nextToken"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[null]}", "entry of the list"},
		{ECS_DESCRIBE_TASKS, "{\"tasks\":[[{\"taskArn\":\"a\"}]]}", "entry of the list"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct setting s;
		begin(&s);
		assert_int_equal(read_as(&s, cases[i].action, cases[i].body), 1);
		if (!strstr(s.err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].body, s.err.msg);
		end(&s);
	}
}

/* Every text once, however many tasks have it. */
static void test_texts_are_shared(void **state)
{
	struct setting s;
	begin(&s);
	read_good(&s, ECS_DESCRIBE_TASKS, two_tasks);
	size_t used = s.k.texts.n;
	read_good(&s, ECS_DESCRIBE_TASKS, two_tasks);
	assert_int_equal(s.k.texts.n, used);
	end(&s);
}

static void test_no_memory(void **state)
{
	struct setting s;
	begin(&s);
	ecs_known_deinit(&s.k);
	for (size_t max = 64; max < 4096; max += 512) {
		ecs_known_init(&s.k, max);
		int r = read_as(&s, ECS_DESCRIBE_TASKS, two_tasks);
		assert_true(r == ERR_NOMEM || r == 0);
		ecs_known_deinit(&s.k);
	}
	ecs_known_init(&s.k, 512);
	assert_int_equal(read_as(&s, ECS_DESCRIBE_TASKS, two_tasks), ERR_NOMEM);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_clusters_and_services),
		cmocka_unit_test(test_task_with_interface),
		cmocka_unit_test(test_task_with_bindings),
		cmocka_unit_test(test_definition),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_texts_are_shared),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
