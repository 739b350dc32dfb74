/* The task's metadata: each shape of an answer comes out as its .txt says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/base/buf.h>
#include <ampagent/base/file.h>
#include <ampagent/base/json.h>
#include <ampagent/base/limits.h>
#include <ampagent/ecs/task.h>

static void put(struct buf *b, const char *name, struct sv value)
{
	if (value.len == 0)
		return;
	buf_printf(b, "%s ", name);
	json_quote(b, value);
	buf_char(b, '\n');
}

static void put_number(struct buf *b, const char *name, double v, double missing)
{
	if (v != missing)
		buf_printf(b, "%s %.17g\n", name, v);
}

static void put_container(struct buf *b, const struct ecs_container *c)
{
	static const char *const networks[] = {"", "awsvpc", "bridge", "host"};
	buf_printf(b, "\ncontainer%s\n", ecs_container_normal(c) ? "" : " of ECS");
	put(b, "docker_id", c->docker_id);
	put(b, "name", c->name);
	put(b, "docker_name", c->docker_name);
	put(b, "image", c->image);
	put(b, "image_id", c->image_id);
	put(b, "arn", c->arn);
	put(b, "type", c->type);
	put(b, "known_status", c->known_status);
	put(b, "desired_status", c->desired_status);
	put(b, "health", c->health);
	put(b, "network", sv_of(networks[c->network]));
	for (size_t i = 0; i < c->n_ipv4; i++)
		put(b, "ipv4", c->ipv4[i]);
	for (size_t i = 0; i < c->n_ipv6; i++)
		put(b, "ipv6", c->ipv6[i]);
	for (size_t i = 0; i < c->n_ports; i++)
		buf_printf(b, "port %u host %u %.*s\n", c->ports[i].container, c->ports[i].host,
			   SV_ARG(c->ports[i].protocol));
	put_number(b, "cpu_limit", c->cpu_limit, -1);
	put_number(b, "memory_mib", c->memory_mib, -1);
	put_number(b, "created_ms", (double)c->created_ms, 0);
	put_number(b, "started_ms", (double)c->started_ms, 0);
	put_number(b, "finished_ms", (double)c->finished_ms, 0);
	put_number(b, "restarts", (double)c->restarts, -1);
	if (c->has_exit_code)
		buf_printf(b, "exit_code %lld\n", (long long)c->exit_code);
	for (size_t i = 0; i < c->n_labels; i++) {
		buf_sv(b, SV("label "));
		json_quote(b, c->labels[i].name);
		buf_char(b, ' ');
		json_quote(b, c->labels[i].value);
		buf_char(b, '\n');
		assert_true(sv_eq(ecs_container_label(c, c->labels[i].name), c->labels[i].value));
	}
	assert_int_equal(ecs_container_label(c, SV("no such label")).len, 0);
}

static void dump(struct buf *b, const struct ecs_task *t)
{
	put(b, "cluster", t->cluster);
	put(b, "cluster_name", t->cluster_name);
	put(b, "arn", t->arn);
	put(b, "id", t->id);
	put(b, "region", t->region);
	put(b, "account", t->account);
	put(b, "family", t->family);
	put(b, "revision", t->revision);
	put(b, "service", t->service);
	put(b, "group", t->group);
	put(b, "availability_zone", t->availability_zone);
	put(b, "availability_zone_id", t->availability_zone_id);
	put(b, "vpc_id", t->vpc_id);
	put(b, "launch_type", t->launch_type);
	put(b, "known_status", t->known_status);
	put(b, "desired_status", t->desired_status);
	put_number(b, "cpu_limit", t->cpu_limit, -1);
	put_number(b, "memory_mib", t->memory_mib, -1);
	put_number(b, "ephemeral_used_mib", t->ephemeral_used_mib, -1);
	put_number(b, "ephemeral_reserved_mib", t->ephemeral_reserved_mib, -1);
	put_number(b, "clock_error_ms", t->clock_error_ms, -1);
	put_number(b, "clock_synchronized", t->clock_synchronized, -1);
	for (size_t i = 0; i < t->n_containers; i++)
		put_container(b, &t->containers[i]);
}

static void read_file(struct buf *b, const char *name, const char *ending)
{
	char path[512];
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, "%s/%s%s", ECS_TASK_DATA, name, ending);
	buf_init(b, LIMIT_ECS_TASK_BYTES);
	if (file_read_at_once(path, b, &err) != 0)
		fail_msg("%s", err.msg);
}

/* Where the texts part, for a person. */
static void assert_same(const char *name, struct sv is, struct sv wanted)
{
	size_t at = 0, line = 0;
	if (sv_eq(is, wanted))
		return;
	for (size_t i = 0; i < is.len && i < wanted.len && is.ptr[i] == wanted.ptr[i]; i++)
		if (is.ptr[i] == '\n') {
			at = i + 1;
			line++;
		}
	is = sv_from(is, at);
	wanted = sv_from(wanted, at);
	fail_msg("%s, line %zu of what comes out: \"%.*s\" instead of \"%.*s\"", name, line + 1,
		 (int)sv_find(is, '\n'), is.ptr, (int)sv_find(wanted, '\n'), wanted.ptr);
}

static const char *const shapes[] = {
	"anywhere",        "created",       "ec2_awsvpc",      "ec2_bridge",   "ec2_host",
	"fargate",         "fargate_clock", "fargate_windows", "group_family", "group_only",
	"health",          "ipv6_only",     "no_launch_type",  "odd_labels",   "restarted",
	"service_connect", "starting",      "stopped",         "v3",           "wrong_types",
};

static void shapes_come_out(void **state)
{
	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		_cleanup_(buf_deinit) struct buf json = BUF_NULL, wanted = BUF_NULL, is = BUF_NULL;
		_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
		struct err err = ERR_NULL;
		read_file(&json, shapes[i], ".json");
		read_file(&wanted, shapes[i], ".txt");
		if (ecs_task_read(buf_view(&json), &t, &err) != 0)
			fail_msg("%s: %s", shapes[i], err.msg);
		/* Nothing may point into the answer. */
		memset(json.ptr, '#', json.len);
		buf_init(&is, MiB(1));
		dump(&is, &t);
		assert_same(shapes[i], buf_view(&is), buf_view(&wanted));
	}
}

/* Wherever an answer ends too early, nothing is taken. */
static void cut_anywhere(void **state)
{
	_cleanup_(buf_deinit) struct buf json = BUF_NULL;
	read_file(&json, "wrong_types", ".json");
	struct sv all = sv_trim(buf_view(&json));
	for (size_t n = 0; n < all.len; n++) {
		struct ecs_task t = {0};
		struct err err = ERR_NULL;
		char *piece = malloc(n + 1);
		assert_non_null(piece);
		memcpy(piece, all.ptr, n);
		assert_int_equal(ecs_task_read(sv_make(piece, n), &t, &err), 1);
		assert_true(err.msg[0] != '\0');
		assert_null(t.arena.chunks);
		free(piece);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{"[]", "it is not a JSON object"},
		{"null", "it is not a JSON object"},
		{"\"TaskARN\"", "it is not a JSON object"},
		{"{}", "it has no TaskARN with the task's id"},
		{"{\"TaskARN\":\"\"}", "it has no TaskARN with the task's id"},
		{"{\"TaskARN\":7}", "it has no TaskARN with the task's id"},
		{"{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/\"}",
		 "it has no TaskARN with the task's id"},
		{"{\"Containers\":[{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/1\"}]}",
		 "it has no TaskARN with the task's id"},
		{"{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/1\"}x", NULL},
		{"{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/1\",}", NULL},
		{"{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/\\ud800\"}", NULL},
		{"<html>", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ecs_task t = {0};
		struct err err = ERR_NULL;
		assert_int_equal(ecs_task_read(sv_of(cases[i].json), &t, &err), 1);
		assert_true(err.msg[0] != '\0');
		if (cases[i].why)
			assert_string_equal(err.msg, cases[i].why);
		assert_null(t.arena.chunks);
	}
}

static void of_the_arn(void **state)
{
	static const struct {
		const char *json, *id, *cluster_name, *region, *account, *service;
	} cases[] = {
		{"{\"TaskARN\":\"arn:aws:ecs:eu-west-1:12:task/c/9f\"}", "9f", "c", "eu-west-1",
		 "12", ""},
		{"{\"TaskARN\":\"arn:aws:ecs:eu-west-1:12:task/9f-a0\"}", "9f-a0", "", "eu-west-1",
		 "12", ""},
		{"{\"TaskARN\":\"arn:aws:ecs:eu-west-1:12:task/c/9f\",\"Cluster\":\"told\"}", "9f",
		 "told", "eu-west-1", "12", ""},
		{"{\"Cluster\":\"arn:aws:ecs:eu-west-1:12:cluster/told\",\"TaskARN\":\"9f\"}", "9f",
		 "told", "", "", ""},
		{"{\"TaskARN\":\"x:y\",\"Group\":\"service:\",\"ServiceName\":\"\"}", "y", "", "",
		 "", ""},
		{"{\"TaskARN\":\"x\",\"Group\":\"service:g\",\"ServiceName\":\"s\"}", "x", "", "",
		 "", "s"},
		{"{\"TaskARN\":\"x\",\"Group\":\"Service:g\"}", "x", "", "", "", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
		assert_int_equal(ecs_task_read(sv_of(cases[i].json), &t, NULL), 0);
		assert_true(sv_eq(t.id, sv_of(cases[i].id)));
		assert_true(sv_eq(t.cluster_name, sv_of(cases[i].cluster_name)));
		assert_true(sv_eq(t.region, sv_of(cases[i].region)));
		assert_true(sv_eq(t.account, sv_of(cases[i].account)));
		assert_true(sv_eq(t.service, sv_of(cases[i].service)));
	}
}

/* What comes twice is what came last. */
static void twice(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task t = {0};
	static const char json[] =
		"{\"Containers\":[{\"Name\":\"gone\"},{\"Name\":\"gone too\"}],\"TaskARN\":\"a/1\","
		"\"TaskARN\":\"a/2\",\"Containers\":[{\"Name\":\"b\",\"Labels\":{\"x\":\"1\"},"
		"\"Ports\":[{\"HostPort\":1}],\"Networks\":[{\"IPv4Addresses\":[\"10.0.0.1\"],"
		"\"NetworkMode\":\"host\"}],\"Name\":\"c\",\"Labels\":{\"y\":\"1\",\"y\":\"2\"},"
		"\"Ports\":[{\"HostPort\":2},{\"HostPort\":2}],\"Networks\":[{\"IPv4Addresses\":"
		"[\"10.0.0.2\",\"10.0.0.2\",\"10.0.0.3\"]},{\"IPv4Addresses\":[\"10.0.0.3\"]}]}]}";
	assert_int_equal(ecs_task_read(sv_of(json), &t, NULL), 0);
	assert_true(sv_eq(t.id, SV("2")));
	assert_int_equal(t.n_containers, 1);
	const struct ecs_container *c = t.containers;
	assert_true(sv_eq(c->name, SV("c")));
	assert_int_equal(c->n_labels, 1);
	assert_true(sv_eq(ecs_container_label(c, SV("y")), SV("2")));
	assert_int_equal(c->n_ports, 1);
	assert_int_equal(c->ports[0].host, 2);
	assert_int_equal(c->network, ECS_NETWORK_UNKNOWN);
	assert_int_equal(c->n_ipv4, 2);
	assert_true(sv_eq(c->ipv4[1], SV("10.0.0.3")));
}

/* --- bounds --- */

/* head, n entries told by format with their number, tail. */
static void grow(struct buf *b, const char *head, size_t n, const char *before, const char *after,
		 const char *tail)
{
	buf_reset(b);
	buf_sv(b, sv_of(head));
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s%zu%s", i ? "," : "", before, i + 1, after);
	buf_sv(b, sv_of(tail));
	assert_false(buf_failed(b));
}

static void bounded(void **state)
{
	static const struct {
		const char *head, *before, *after, *tail;
		size_t max;
		const char *why;
	} cases[] = {
		{"{\"TaskARN\":\"a/1\",\"Containers\":[", "{\"Name\":\"", "\"}", "]}", 256,
		 "it has more than 256 containers"},
		{"{\"TaskARN\":\"a/1\",\"Containers\":[{\"Labels\":{", "\"", "\":\"\"", "}}]}",
		 1024, "it has more than 1024 labels of a container"},
		{"{\"TaskARN\":\"a/1\",\"Containers\":[{\"Ports\":[", "{\"HostPort\":", "}", "]}]}",
		 1024, "it has more than 1024 ports of a container"},
		{"{\"TaskARN\":\"a/1\",\"Containers\":[{\"Networks\":[{\"IPv6Addresses\":[", "\"",
		 "\"", "]}]}]}", 256, "it has more than 256 addresses of a container"},
		/* Each list takes the place of the one before it. */
		{"{\"TaskARN\":\"a/1\",", "\"Containers\":[{\"Name\":\"", "\"}]", "}", 8192,
		 "it has more than 8192 containers, labels, ports and addresses"},
		/* The same one over and over. */
		{"{\"TaskARN\":\"a/1\",\"Containers\":[{\"Labels\":{", "\"x\":\"", "\"", "}}]}",
		 8191, "it has more than 8192 containers, labels, ports and addresses"},
		{"{\"TaskARN\":\"a/1\",\"Containers\":[{\"Ports\":[",
		 "{\"HostPort\":80,\"x\":", "}", "]}]}", 8191,
		 "it has more than 8192 containers, labels, ports and addresses"},
	};
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, 2 * LIMIT_ECS_TASK_BYTES);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ecs_task t = {0};
		struct err err = ERR_NULL;
		grow(&b, cases[i].head, cases[i].max, cases[i].before, cases[i].after,
		     cases[i].tail);
		if (ecs_task_read(buf_view(&b), &t, &err) != 0)
			fail_msg("%s", err.msg);
		ecs_task_deinit(&t);
		grow(&b, cases[i].head, cases[i].max + 1, cases[i].before, cases[i].after,
		     cases[i].tail);
		assert_int_equal(ecs_task_read(buf_view(&b), &t, &err), 1);
		assert_string_equal(err.msg, cases[i].why);
	}
}

static void bounded_bytes(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	struct err err = ERR_NULL;
	struct ecs_task t = {0};
	buf_init(&b, 2 * LIMIT_ECS_TASK_BYTES);
	buf_sv(&b, SV("{\"TaskARN\":\"a/"));
	while (b.len < LIMIT_ECS_TASK_BYTES - 2)
		buf_char(&b, '1');
	buf_sv(&b, SV("\"}"));
	assert_int_equal(b.len, LIMIT_ECS_TASK_BYTES);
	if (ecs_task_read(buf_view(&b), &t, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(t.id.len, LIMIT_ECS_TASK_BYTES - 16);
	ecs_task_deinit(&t);
	buf_char(&b, '\n');
	assert_int_equal(ecs_task_read(buf_view(&b), &t, &err), 1);
	assert_string_equal(err.msg, "it has more than 4194304 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_come_out), cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(refused),         cmocka_unit_test(of_the_arn),
		cmocka_unit_test(twice),           cmocka_unit_test(bounded),
		cmocka_unit_test(bounded_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
