/* What makes each shape of a task distinct from its copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/ecs/identity.h>

static const struct sv all_names[] = {
	{"ecs_cluster", 11},       {"ecs_service", 11},           {"ecs_task_family", 15},
	{"ecs_task_revision", 17}, {"ecs_task_id", 11},           {"ecs_container", 13},
	{"ecs_launch_type", 15},   {"ecs_availability_zone", 21},
};
enum { ALL = sizeof all_names / sizeof all_names[0] };

static void read_task(const char *name, struct ecs_task *t)
{
	_cleanup_(buf_deinit) struct buf json = BUF_NULL;
	char path[512];
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, "%s/%s.json", ECS_TASK_DATA, name);
	buf_init(&json, LIMIT_ECS_TASK_BYTES);
	if (file_read_at_once(path, &json, &err) != 0 ||
	    ecs_task_read(buf_view(&json), t, &err) != 0)
		fail_msg("%s: %s", path, err.msg);
}

static void put_list(struct buf *b, const char *name, const struct sv *v, size_t n)
{
	buf_printf(b, "%s:", name);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, " %.*s", SV_ARG(v[i]));
	buf_char(b, '\n');
}

static void print(struct buf *b, const struct identity *id)
{
	buf_printf(b, "%s %.*s\n", id->known ? "known" : "unknown", SV_ARG(id->task_id));
	put_list(b, "unique", id->unique, id->n_unique);
	put_list(b, "hosts", id->hosts, id->n_hosts);
	for (size_t i = 0; i < id->n_labels; i++)
		buf_printf(b, "%.*s=%.*s%s%.*s\n", SV_ARG(id->labels[i].name),
			   SV_ARG(id->labels[i].value), id->labels[i].from.len ? "<" : "",
			   SV_ARG(id->labels[i].from));
	assert_false(buf_failed(b));
}

#define PAUSE "0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d0e9d"
#define API "a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2a1f2"
#define ROUTER "b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4b3c4"
#define WEB "c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6c5d6"
#define CACHE "d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8d7e8"
#define AGENT "e9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fae9fa"
#define NODE "1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b1a2b"
#define NODE_AGENT "3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d3c4d"
#define CART "4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d"

static void of_each_network(void **state)
{
	static const struct {
		const char *task, *text;
	} cases[] = {
		{"fargate", "known " CART "\n"
			    "unique: 10.20.3.41 " CART " " CART "-0000000801 " CART
			    "-1187340021 " CART "-2750081934\n"
			    "hosts: 10.20.3.41\n"
			    "ecs_cluster=shop\necs_task_family=cart\necs_task_revision=17\n"
			    "ecs_task_id=" CART "\necs_container=<__meta_ecs_container_name\n"
			    "ecs_launch_type=FARGATE\necs_availability_zone=eu-west-1b\n"},
		{"ec2_awsvpc",
		 "known c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "unique: 0e9d0e9d0e9d " PAUSE " 172.31.9.77 a1f2a1f2a1f2 " API
		 " b3c4b3c4b3c4 " ROUTER " c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "hosts: 172.31.9.77\n"
		 "ecs_cluster=backend\necs_service=api\necs_task_family=api\n"
		 "ecs_task_revision=203\necs_task_id=c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "ecs_container=<__meta_ecs_container_name\necs_launch_type=EC2\n"
		 "ecs_availability_zone=us-west-2c\n"},
		/* Addresses on a bridge are the task's own, and those of others elsewhere; so are
		 * the names of links, and the host's address there. */
		{"ec2_bridge",
		 "known 7be1f0aa3c5d4e6f9081a2b3c4d5e6f7\n"
		 "unique: 7be1f0aa3c5d4e6f9081a2b3c4d5e6f7 c5d6c5d6c5d6 " WEB " d7e8d7e8d7e8 " CACHE
		 " e9fae9fae9fa " AGENT "\n"
		 "hosts: 172.17.0.1 172.17.0.4 172.17.0.5 172.17.0.6 ampagent cache web\n"
		 "ecs_cluster=backend\necs_service=legacy-web\necs_task_family=legacy-web\n"
		 "ecs_task_revision=58\necs_task_id=7be1f0aa3c5d4e6f9081a2b3c4d5e6f7\n"
		 "ecs_container=<__meta_ecs_container_name\necs_launch_type=EC2\n"
		 "ecs_availability_zone=us-west-2a\n"},
		{"ec2_host",
		 "known 0f0e0d0c0b0a49088007060504030201\n"
		 "unique: 0f0e0d0c0b0a49088007060504030201 1a2b1a2b1a2b " NODE
		 " 3c4d3c4d3c4d " NODE_AGENT "\nhosts:\n"
		 "ecs_cluster=backend\necs_service=node-daemon\necs_task_family=node-daemon\n"
		 "ecs_task_revision=9\necs_task_id=0f0e0d0c0b0a49088007060504030201\n"
		 "ecs_container=<__meta_ecs_container_name\necs_launch_type=EC2\n"
		 "ecs_availability_zone=us-west-2b\n"},
		{"ipv6_only",
		 "known 666f0a9be7d24c6f8f6f2f0f8a1b3c66\n"
		 "unique: 2a05:d018:9f2:5c03:41e8:77a2:10c5:93d4 666f0a9be7d24c6f8f6f2f0f8a1b3c66 "
		 "666f0a9be7d24c6f8f6f2f0f8a1b3c66-0000000042\n"
		 "hosts: 2a05:d018:9f2:5c03:41e8:77a2:10c5:93d4\n"
		 "ecs_cluster=shop\necs_service=edge\necs_task_family=edge\n"
		 "ecs_task_revision=2\necs_task_id=666f0a9be7d24c6f8f6f2f0f8a1b3c66\n"
		 "ecs_container=<__meta_ecs_container_name\necs_launch_type=FARGATE\n"
		 "ecs_availability_zone=eu-west-1c\n"},
		/* What is not known is left out. */
		{"wrong_types",
		 "known c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "unique: 10.0.0.11 10.0.0.9 c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "hosts: 10.0.0.11 10.0.0.9\n"
		 "ecs_cluster=backend\necs_task_id=c2d5f0e66b9a4d0f8a7e3b1c9f2d4e60\n"
		 "ecs_container=<__meta_ecs_container_name\n"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf b = BUF_NULL;
		struct identity id;
		arena_init(&arena, MiB(1));
		buf_init(&b, MiB(1));
		read_task(cases[i].task, &t);
		assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, all_names, ALL, &id), 0);
		ecs_task_deinit(&t); /* nothing of it is needed any more */
		print(&b, &id);
		buf_char(&b, '\0');
		assert_string_equal(b.ptr, cases[i].text);
	}
}

static void mode_and_names(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	static const struct sv names[] = {{"ecs_task_id", 11}, {"other", 5}, {"ecs_cluster", 11}};
	struct identity id;
	arena_init(&arena, MiB(1));
	read_task("fargate", &t);
	for (int mode = IDENTITY_AUTO; mode <= IDENTITY_OFF; mode++) {
		assert_int_equal(ecs_identity(&arena, &t, (enum identity_mode)mode, names, 3, &id),
				 0);
		assert_int_equal(id.mode, mode);
		assert_true(id.known);
		assert_int_equal(id.n_labels, 2);
		assert_true(sv_eq(id.labels[0].name, SV("ecs_task_id")));
		assert_true(sv_eq(id.labels[1].name, SV("ecs_cluster")));
	}
	assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, NULL, 0, &id), 0);
	assert_int_equal(id.n_labels, 0);
}

/* All that may be asked for is given by somebody. */
static void every_name(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity id;
	arena_init(&arena, MiB(1));
	read_task("fargate_clock", &t);
	for (size_t i = 0; identity_label_names[i]; i++) {
		struct sv name = sv_of(identity_label_names[i]);
		assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, &name, 1, &id), 0);
		assert_int_equal(id.n_labels, 1);
		assert_true(id.labels[0].value.len > 0 || id.labels[0].from.len > 0);
	}
}

static void same_in_any_order(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity before, after;
	arena_init(&arena, MiB(1));
	read_task("ec2_bridge", &t);
	assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, all_names, ALL, &before), 0);
	struct ecs_container c = t.containers[0];
	t.containers[0] = t.containers[2];
	t.containers[2] = c;
	assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, all_names, ALL, &after), 0);
	assert_true(identity_eq(&before, &after));
	t.containers[1].docker_id = SV("another container of that task");
	assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, all_names, ALL, &after), 0);
	assert_false(identity_eq(&before, &after));
}

/* On a bridge, what a stopped container had may be given to another task. */
static void stopped(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity id;
	arena_init(&arena, MiB(1));
	read_task("ec2_bridge", &t);
	t.containers[1].known_status = SV("STOPPED");
	assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, NULL, 0, &id), 0);
	static const char *const hosts[] = {"172.17.0.1", "172.17.0.4", "172.17.0.6",
					    "ampagent",   "cache",      "web"};
	assert_int_equal(id.n_hosts, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(sv_eq(id.hosts[i], sv_of(hosts[i])));
	assert_int_equal(id.n_unique, 7);
}

/* Docker's own network is a wide one; of others nothing is known but that the first address of the
 * smallest is in it. */
static void gateways(void **state)
{
	static const struct {
		char ipv4[16];
		const char *gateway;
	} cases[] = {{"172.17.3.9", "172.17.0.1"}, {"10.8.2.77", "10.8.2.1"},
		     {"172.18.0.2", "172.18.0.1"}, {"172.17.0.1", NULL},
		     {"999.1.1.1", NULL},          {"", NULL}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		struct identity id;
		struct sv ip = sv_of(cases[i].ipv4);
		struct ecs_container c = {.network = ECS_NETWORK_BRIDGE, .ipv4 = &ip, .n_ipv4 = 1};
		struct ecs_task t = {.id = SV("t"), .containers = &c, .n_containers = 1};
		arena_init(&arena, MiB(1));
		assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, NULL, 0, &id), 0);
		assert_int_equal(id.n_hosts, cases[i].gateway ? 2 : 1);
		bool found = false;
		for (size_t k = 0; cases[i].gateway && k < id.n_hosts; k++)
			found = found || sv_eq(id.hosts[k], sv_of(cases[i].gateway));
		assert_int_equal(found, cases[i].gateway != NULL);
		c.network = ECS_NETWORK_AWSVPC;
		assert_int_equal(ecs_identity(&arena, &t, IDENTITY_AUTO, NULL, 0, &id), 0);
		assert_int_equal(id.n_hosts, 1);
	}
}

static void no_room(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	struct identity id;
	bool good = false;
	read_task("ec2_bridge", &t);
	for (size_t max = 0; max < 8192 && !good; max += 16) {
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		arena_init(&arena, max);
		int code = ecs_identity(&arena, &t, IDENTITY_AUTO, all_names, ALL, &id);
		assert_true(code == 0 || code == ERR_NOMEM);
		good = code == 0;
	}
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_each_network), cmocka_unit_test(mode_and_names),
		cmocka_unit_test(every_name),      cmocka_unit_test(same_in_any_order),
		cmocka_unit_test(stopped),         cmocka_unit_test(gateways),
		cmocka_unit_test(no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
