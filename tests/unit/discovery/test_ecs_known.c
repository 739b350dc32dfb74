/* What is known: kept once, copied whole, linked, and compared by its digest. */
#include "../../../ecs_discovery/ecs_known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/err.h>
#include <ampagent/base/limits.h>

static struct ecs_api_port port = {.container = 80, .host = 32768};
static struct ecs_tag tag = {SV("k"), SV("v")};
static struct ecs_api_container container;
static struct ecs_known_task task;
static struct ecs_api_cluster cluster;
static struct ecs_known_service service;
static struct ecs_api_instance instance;
static struct ecs_api_definition definition;

/* One of each, in memory of the test's own. */
static int setup(void **state)
{
	port = (struct ecs_api_port){.container = 80, .host = 32768, .protocol = SV("tcp")};
	tag = (struct ecs_tag){SV("k"), SV("v")};
	container =
		(struct ecs_api_container){.name = SV("app"), .bindings = &port, .n_bindings = 1};
	cluster = (struct ecs_api_cluster){SV("cluster/c"), SV("c"), {&tag, 1}};
	task = (struct ecs_known_task){.t = {.arn = SV("task/1"),
					     .definition_arn = SV("d:1"),
					     .group = SV("service:web"),
					     .last_status = SV("RUNNING"),
					     .container_instance_arn = SV("ci/1"),
					     .containers = &container,
					     .n_containers = 1,
					     .tags = {&tag, 1},
					     .cluster = &cluster},
				       .started_s = 7,
				       .fresh = true};
	service = (struct ecs_known_service){
		.s = {SV("service/c/web"), SV("web"), SV("ACTIVE"), {&tag, 1}},
		.cluster = &cluster};
	instance = (struct ecs_api_instance){.container_instance_arn = SV("ci/1"),
					     .id = SV("i-1"),
					     .private_ip = SV("10.0.0.1"),
					     .tags = {&tag, 1}};
	definition = (struct ecs_api_definition){.arn = SV("d:1"), .family = SV("d")};
	return 0;
}

static void fill(struct ecs_known *k)
{
	ecs_known_init(k, MiB(1));
	assert_true(ecs_known_add(k, &k->clusters, &cluster));
	assert_non_null(ecs_known_copy_task(k, &task, &cluster));
	assert_non_null(ecs_known_copy_service(k, &service, &cluster));
	assert_non_null(ecs_known_copy_instance(k, &instance));
}

static uint64_t digest(void)
{
	struct ecs_known k;
	fill(&k);
	assert_int_equal(ecs_known_seal(&k, NULL), 0);
	uint64_t d = k.digest;
	ecs_known_deinit(&k);
	return d;
}

static void test_copies_are_whole(void **state)
{
	struct ecs_known k, definitions;
	fill(&k);
	ecs_known_init(&definitions, MiB(1));
	ecs_known_copy_definition(&definitions, &definition);
	assert_int_equal(ecs_known_seal(&k, &definitions), 0);
	const struct ecs_api_task *t = k.view[0];
	/* Nothing of it is the test's memory. */
	tag = (struct ecs_tag){SV("gone"), SV("gone")};
	port.container = 1;
	container.name = SV("gone");
	assert_true(sv_eq(t->containers[0].name, SV("app")));
	assert_int_equal(t->containers[0].bindings[0].container, 80);
	assert_true(sv_eq(t->tags.v[0].key, SV("k")));
	assert_true(sv_eq(t->service->name, SV("web")));
	assert_true(sv_eq(t->service->tags.v[0].value, SV("v")));
	assert_true(sv_eq(t->instance->private_ip, SV("10.0.0.1")));
	assert_true(sv_eq(t->definition->family, SV("d")));
	assert_ptr_equal(t->cluster, &cluster);
	assert_int_equal(((const struct ecs_known_task *)t)->started_s, 7);
	assert_false(((const struct ecs_known_task *)t)->fresh);
	ecs_known_deinit(&definitions);
	ecs_known_deinit(&k);
}

static void test_digest_sees_every_text(void **state)
{
	struct sv *texts[] = {
		&task.t.arn,
		&task.t.definition_arn,
		&task.t.group,
		&task.t.started_by,
		&task.t.launch_type,
		&task.t.last_status,
		&task.t.desired_status,
		&task.t.health,
		&task.t.availability_zone,
		&task.t.platform_family,
		&task.t.platform_version,
		&task.t.container_instance_arn,
		&task.t.eni_id,
		&task.t.eni_ipv4,
		&task.t.eni_ipv6,
		&task.t.eni_subnet_id,
		&task.t.eni_public_ip,
		&container.name,
		&container.last_status,
		&container.health,
		&container.ipv4,
		&container.ipv6,
		&port.protocol,
		&port.bind_ip,
		&tag.key,
		&tag.value,
		&cluster.arn,
		&cluster.name,
		&service.s.arn,
		&service.s.name,
		&service.s.status,
		&instance.id,
		&instance.container_instance_arn,
		&instance.private_ip,
		&instance.public_ip,
		&instance.subnet_id,
		&instance.vpc_id,
		&instance.type,
	};
	uint64_t before = digest();
	assert_true(digest() == before);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct sv text = *texts[i];
		*texts[i] = SV("something else");
		if (digest() == before)
			fail_msg("text %zu does not show", i);
		*texts[i] = text;
	}
	port.host++;
	assert_true(digest() != before);
	port.host--;
	task.t.has_eni = true;
	assert_true(digest() != before);
	task.t.has_eni = false;
	assert_true(digest() == before);
}

/* Two clusters may have services of one name. */
static void test_service_of_its_own_cluster(void **state)
{
	struct ecs_known k;
	struct ecs_api_cluster other = {.arn = SV("cluster/d"), .name = SV("d")};
	struct ecs_known_service namesake = {.s = {.arn = SV("service/d/web"), .name = SV("web")},
					     .cluster = &other};
	struct ecs_known_task second = {.t = {.arn = SV("task/2"), .group = SV("service:web")}};
	struct ecs_known_task family = {.t = {.arn = SV("task/3"), .group = SV("family:web")}};
	fill(&k);
	ecs_known_add(&k, &k.clusters, &other);
	ecs_known_copy_service(&k, &namesake, &other);
	ecs_known_copy_task(&k, &second, &other);
	ecs_known_copy_task(&k, &family, &other);
	assert_int_equal(ecs_known_seal(&k, NULL), 0);
	assert_true(sv_eq(k.view[0]->service->arn, SV("service/c/web")));
	assert_true(sv_eq(k.view[1]->service->arn, SV("service/d/web")));
	assert_null(k.view[2]->service);
	ecs_known_deinit(&k);
}

static void test_table(void **state)
{
	struct ecs_known k;
	ecs_known_init(&k, MiB(1));
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 2000; i++) {
			char text[32];
			int n = snprintf(text, sizeof text, "text %d", i);
			struct sv kept = ecs_keep(&k, sv_make(text, (size_t)n));
			assert_true(sv_eq(kept, sv_make(text, (size_t)n)));
			assert_true(kept.ptr != text);
		}
	assert_int_equal(k.texts.n, 2000);
	assert_null(ecs_table_find(&k.texts, SV("text 2000")));
	assert_false(ecs_known_add(&k, &k.texts, k.texts.v[5]));
	assert_false(ecs_known_add(&k, &k.texts, NULL));
	assert_true(sv_eq(ecs_keep(&k, SV_NULL), SV("")));
	assert_false(k.failed);
	ecs_known_deinit(&k);
}

static void test_no_memory(void **state)
{
	struct ecs_known *k = ecs_known_new(256);
	ecs_known_copy_task(k, &task, &cluster);
	assert_true(k->failed);
	assert_int_equal(ecs_known_seal(k, NULL), ERR_NOMEM);
	ecs_known_free(k);
	ecs_known_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_copies_are_whole, setup),
		cmocka_unit_test_setup(test_digest_sees_every_text, setup),
		cmocka_unit_test_setup(test_service_of_its_own_cluster, setup),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
