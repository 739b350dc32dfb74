/* ecs_task_targets: which targets a task has, in all the shapes that the endpoint tells it. */
#include "ecs_task_dump.h"

#include "../../../ecs_discovery/ecs_task_targets.h"

#define LEN(v) (sizeof(v) / sizeof *(v))

static uint64_t ports[8], probe_ports[8];
static const struct sv no_ips[] = {SV("127.0.0.1"), SV("10.9.9.9")};

struct setting {
	struct ecs_task_sd_options opt;
	struct ecs_task_place place;
};

static const struct setting plain = {
	.opt = {.docker_labels = true},
	.place = {.own_address = SV("127.0.0.1:19090"), .own_ips = no_ips, .n_own_ips = 2},
};

static void read_task(const char *name, struct ecs_task *out)
{
	char path[300];
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct err err = ERR_NULL;
	snprintf(path, sizeof path, TASKS "/%s.json", name);
	buf_init(&text, LIMIT_ECS_TASK_BYTES);
	assert_int_equal(file_read(path, &text, &err), 0);
	if (ecs_task_read(buf_view(&text), out, &err) != 0)
		fail_msg("%s: %s", name, err.msg);
}

static void expect(const struct ecs_task *task, const struct setting *s, const char *want)
{
	struct ecs_task_found found;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(1));
	assert_int_equal(ecs_task_targets(task, &s->opt, &s->place, &found), 0);
	dump_targets(&text, found.groups.v, found.groups.n);
	for (size_t i = 0; i < found.n_faults; i++)
		buf_printf(&text, "! %.*s\n", SV_ARG(found.faults[i]));
	for (size_t i = 0; i < found.n_candidates; i++)
		buf_printf(&text, "? %.*s%.*s\n", SV_ARG(found.candidates[i].address),
			   SV_ARG(found.candidates[i].path));
	buf_char(&text, 0);
	assert_false(buf_failed(&text));
	assert_string_equal(text.ptr, want);
	ecs_task_found_deinit(&found);
}

/* A task of one network mode with containers written out: no file needed. */
static void expect_text(const char *containers, const struct setting *s, const char *want)
{
	char text[4096];
	struct err err = ERR_NULL;
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	snprintf(text, sizeof text,
		 "{\"TaskARN\":\"arn:aws:ecs:eu-west-1:111122223333:task/shop/0123456789abcdef\","
		 "\"Cluster\":\"shop\",\"Family\":\"f\",\"Revision\":\"1\",\"Containers\":[%s]}",
		 containers);
	if (ecs_task_read(sv_of(text), &task, &err) != 0)
		fail_msg("%s: %s", text, err.msg);
	expect(&task, s, want);
}

#define NET(mode, ip) "\"Networks\":[{\"NetworkMode\":\"" mode "\",\"IPv4Addresses\":[\"" ip "\"]}]"
#define BOX(name, net, labels)                                                                     \
	"{\"DockerId\":\"id-" name "\",\"Name\":\"" name "\",\"Type\":\"NORMAL\","                 \
	"\"KnownStatus\":\"RUNNING\"," net ",\"Labels\":{" labels "}}"
#define VPC NET("awsvpc", "10.0.0.5")

/* ---- recorded-like shapes ---- */

static const struct {
	const char *task, *want;
} shapes[] = {
	{"anywhere", "gateway|172.17.0.2:2112||||docker_label|2112\n"},
	{"created", ""},
	{"ec2_awsvpc", "api|127.0.0.1:9102||||docker_label|9102\n"},
	{"ec2_bridge", "cache|172.17.0.5:9121||||docker_label|9121\n"
		       "web|172.17.0.4:9090||||docker_label|9090\n"},
	{"ec2_host", "node-exporter|127.0.0.1:9100|||node|docker_label|9100\n"},
	{"fargate", "cart|127.0.0.1:8080|/internal/metrics|||docker_label|8080\n"
		    "proxy|127.0.0.1:9901|/stats/prometheus||cart-proxy|docker_label|9901\n"},
	{"fargate_clock", ""},
	{"fargate_windows", "printer|127.0.0.1:9182||||docker_label|9182\n"},
	{"group_family", ""},
	{"group_only", "ledger|127.0.0.1:8000||||docker_label|8000\n"},
	{"health", "cart|127.0.0.1:8080|/internal/metrics|||docker_label|8080\n"
		   "proxy|127.0.0.1:9901|/stats/prometheus||cart-proxy|docker_label|9901\n"},
	{"ipv6_only", "edge|127.0.0.1:9464||||docker_label|9464\n"},
	{"no_launch_type", ""},
	{"odd_labels", "cart|127.0.0.1:8080||||docker_label|8080\n"},
	{"restarted", "cart|127.0.0.1:8080|/internal/metrics|||docker_label|8080\n"
		      "proxy|127.0.0.1:9901|/stats/prometheus||cart-proxy|docker_label|9901\n"},
	{"service_connect", "orders|127.0.0.1:3000||||docker_label|3000\n"},
	{"starting", ""},
	{"stopped", "proxy|127.0.0.1:9901|/stats/prometheus||cart-proxy|docker_label|9901\n"},
	{"v3", "nginx|172.17.0.3:9113||||docker_label|9113\n"},
	{"wrong_types", ""},
};

static void test_shapes(void **state)
{
	for (size_t i = 0; i < LEN(shapes); i++) {
		_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
		read_task(shapes[i].task, &task);
		expect(&task, &plain, shapes[i].want);
	}
}

/* ---- labels ---- */

/* All labels of a group and of its only target. */
static void expect_labels(const char *name, const char *source, const char *want)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct ecs_task_found found;
	struct setting s = plain;
	s.opt.task_metrics = ECS_TASK_METRICS_ADOT;
	buf_init(&text, MiB(1));
	read_task(name, &task);
	assert_int_equal(ecs_task_targets(&task, &s.opt, &s.place, &found), 0);
	for (size_t i = 0; i < found.groups.n; i++) {
		const struct target_group *g = &found.groups.v[i];
		struct label l;
		if (!sv_eq(g->source, sv_of(source)))
			continue;
		assert_int_equal(g->n_targets, 1);
		for (size_t at = 0; labels_next(g->labels, &at, &l);)
			buf_printf(&text, "%.*s=%.*s\n", SV_ARG(l.name), SV_ARG(l.value));
		buf_char(&text, '\n');
		for (size_t at = 0; labels_next(g->targets[0], &at, &l);)
			buf_printf(&text, "%.*s=%.*s\n", SV_ARG(l.name), SV_ARG(l.value));
	}
	buf_char(&text, 0);
	assert_string_equal(text.ptr, want);
	ecs_task_found_deinit(&found);
}

#define M "__meta_ecs_"

static void test_labels(void **state)
{
	expect_labels(
		"fargate", "proxy",
		M "availability_zone=eu-west-1b\n" M "cluster=shop\n" M
		  "cluster_arn=arn:aws:ecs:eu-west-1:111122223333:cluster/shop\n" M
		  "container_id=4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d-2750081934\n" M
		  "container_image=envoyproxy/envoy:v1.31.2\n" M
		  "container_label_ECS_PROMETHEUS_EXPORTER_PORT=9901\n" M
		  "container_label_ECS_PROMETHEUS_JOB_NAME=cart-proxy\n" M
		  "container_label_ECS_PROMETHEUS_METRICS_PATH=/stats/prometheus\n" M
		  "container_label_com_amazonaws_ecs_cluster=arn:aws:ecs:eu-west-1:111122223333:"
		  "cluster/shop\n" M "container_label_com_amazonaws_ecs_container_name=proxy\n" M
		  "container_label_com_amazonaws_ecs_task_arn=arn:aws:ecs:eu-west-1:111122223333:"
		  "task/shop/4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d\n" M
		  "container_label_com_amazonaws_ecs_task_definition_family=cart\n" M
		  "container_label_com_amazonaws_ecs_task_definition_version=17\n" M
		  "container_name=proxy\n" M "desired_status=RUNNING\n" M
		  "ip_address=10.20.3.41\n" M "last_status=RUNNING\n" M "launch_type=FARGATE\n" M
		  "network_mode=awsvpc\n" M "region=eu-west-1\n" M
		  "task_arn=arn:aws:ecs:eu-west-1:111122223333:task/shop/"
		  "4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d\n" M
		  "task_definition=arn:aws:ecs:eu-west-1:111122223333:task-definition/cart:17\n" M
		  "task_definition_family=cart\n" M "task_definition_revision=17\n" M
		  "task_id=4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d\n"
		  "\n"
		  "__address__=127.0.0.1:9901\n" M "container_port=9901\n" M "source=docker_label\n"
		  "__metrics_path__=/stats/prometheus\n"
		  "job=cart-proxy\n");
	/* The cluster is told by name only there. */
	expect_labels("ec2_host", "(metrics)",
		      M "availability_zone=us-west-2b\n" M "cluster=backend\n" M
			"cluster_arn=arn:aws:ecs:us-west-2:444455556666:cluster/backend\n" M
			"desired_status=RUNNING\n" M "last_status=RUNNING\n" M "launch_type=EC2\n" M
			"region=us-west-2\n" M "service=node-daemon\n" M
			"task_arn=arn:aws:ecs:us-west-2:444455556666:task/backend/"
			"0f0e0d0c0b0a49088007060504030201\n" M
			"task_definition=arn:aws:ecs:us-west-2:444455556666:task-definition/"
			"node-daemon:9\n" M "task_definition_family=node-daemon\n" M
			"task_definition_revision=9\n" M "task_group=service:node-daemon\n" M
			"task_id=0f0e0d0c0b0a49088007060504030201\n"
			"\n"
			"__address__=127.0.0.1:19090\n" M "source=task_metrics\n"
			"__metrics_path__=/ecs/metrics\n"
			"__param_names=adot\n"
			"__scheme__=http\n"
			"job=ecs_task\n");
}

static struct sv label_of(const struct ecs_task_found *f, const char *name)
{
	return labels_get(f->groups.v[0].labels, sv_of(name));
}

static void test_odd_labels(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	struct ecs_task_found found;
	read_task("odd_labels", &task);
	assert_int_equal(ecs_task_targets(&task, &plain.opt, &plain.place, &found), 0);
	assert_int_equal(found.groups.n, 1);
	assert_true(sv_eq(label_of(&found, M "container_label__quipe"), SV("paiement ☕")));
	assert_true(sv_eq(label_of(&found, M "container_label____"), SV("値")));
	assert_true(sv_eq(label_of(&found, M "container_label_nul_in"), sv_make("v\0w", 3)));
	assert_true(sv_eq(label_of(&found, M "container_label_A_B"), SV("upper")));
	assert_true(sv_eq(label_of(&found, M "container_label_"), SV("no name")));
	assert_int_equal(label_of(&found, M "container_label_empty").len, 0);
	assert_true(sv_eq(label_of(&found, M "health_status"), SV("HEALTHY")));
	ecs_task_found_deinit(&found);
}

static void test_group_of_service(void **state)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	struct ecs_task_found found;
	read_task("group_only", &task);
	assert_int_equal(ecs_task_targets(&task, &plain.opt, &plain.place, &found), 0);
	assert_true(sv_eq(label_of(&found, M "service"), SV("ledger-v2")));
	assert_true(sv_eq(label_of(&found, M "task_group"), SV("service:ledger-v2")));
	assert_true(sv_eq(label_of(&found, M "task_definition"),
			  SV("arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/ledger:1")));
	ecs_task_found_deinit(&found);
}

/* ---- what labels say ---- */

static const struct {
	const char *labels, *want;
} said[] = {
	{"\"prometheus.io/port\":\" 80 , 81,80\",\"prometheus.io/path\":\"m\"",
	 "a|127.0.0.1:80|/m|||docker_label|80\na|127.0.0.1:81|/m|||docker_label|81\n"},
	{"\"prometheus.io/port\":\"80\",\"prometheus.io/scheme\":\"https\",\"prometheus.io/job\":"
	 "\"j\"",
	 "a|127.0.0.1:80||https|j|docker_label|80\n"},
	{"\"prometheus.io/port\":\"80\",\"ECS_PROMETHEUS_EXPORTER_PORT\":\"81\","
	 "\"ECS_PROMETHEUS_METRICS_PATH\":\"/e\",\"ECS_PROMETHEUS_JOB_NAME\":\"e\"",
	 "a|127.0.0.1:80|/e||e|docker_label|80\n"},
	{"\"prometheus.io/port\":\"80\",\"prometheus.io/scrape\":\"FALSE\"", ""},
	{"\"prometheus.io/port\":\"x\",\"prometheus.io/scrape\":\"false\"", ""},
	{"\"prometheus.io/scrape\":\"false\",\"ECS_PROMETHEUS_EXPORTER_PORT\":\"81\"", ""},
	{"\"prometheus.io/port\":\"80\",\"prometheus.io/scrape\":\"\"",
	 "a|127.0.0.1:80||||docker_label|80\n"},
	{"\"prometheus.io/port\":\"80\",\"prometheus.io/scrape\":\"maybe\"",
	 "! container \"a\": docker label prometheus.io/scrape: \"maybe\" is neither true nor "
	 "false\n"},
	{"\"prometheus.io/scrape\":\"true\"",
	 "! container \"a\": prometheus.io/scrape is true, but no port is known: add the docker "
	 "label prometheus.io/port with the port that it listens on\n"},
	{"\"prometheus.io/port\":\"80,\"",
	 "! container \"a\": docker label prometheus.io/port: \"\" is no port (a number from 1 to "
	 "65535; several are set apart by commas)\n"},
	{"\"prometheus.io/port\":\"0\"",
	 "! container \"a\": docker label prometheus.io/port: \"0\" is no port (a number from 1 to "
	 "65535; several are set apart by commas)\n"},
	{"\"ECS_PROMETHEUS_EXPORTER_PORT\":\"65536\"",
	 "! container \"a\": docker label ECS_PROMETHEUS_EXPORTER_PORT: \"65536\" is no port (a "
	 "number from 1 to 65535; several are set apart by commas)\n"},
	{"\"prometheus.io/port\":\"80\",\"prometheus.io/scheme\":\"ftp\"",
	 "! container \"a\": docker label prometheus.io/scheme: \"ftp\" is neither http nor "
	 "https\n"},
	{"\"prometheus.io/path\":\"/m\"", ""},
};

static void test_said(void **state)
{
	struct setting off = plain;
	off.opt.docker_labels = false;
	for (size_t i = 0; i < LEN(said); i++) {
		char box[600];
		snprintf(box, sizeof box, BOX("a", VPC, "%s"), said[i].labels);
		expect_text(box, &plain, said[i].want);
		expect_text(box, &off, "");
	}
}

/* Port mappings stand in for a port label; UDP has no pages. */
static void test_mapped(void **state)
{
	expect_text("{\"DockerId\":\"1\",\"Name\":\"a\",\"Type\":\"NORMAL\",\"KnownStatus\":"
		    "\"RUNNING\"," NET(
			    "bridge", "172.17.0.9") ",\"Labels\":{"
						    "\"prometheus.io/scrape\":\"true\"},\"Ports\":["
						    "{\"ContainerPort\":8080,\"Protocol\":\"tcp\","
						    "\"HostPort\":32768},"
						    "{\"ContainerPort\":53,\"Protocol\":\"udp\"},{"
						    "\"ContainerPort\":8081}]}",
		    &plain,
		    "a|172.17.0.9:8080||||docker_label|8080\n"
		    "a|172.17.0.9:8081||||docker_label|8081\n");
}

/* ---- shared and own networks ---- */

static void test_shared(void **state)
{
	struct setting s = plain;
	memcpy(ports, (uint64_t[]){80, 81, 82, 19090}, 4 * sizeof *ports);
	s.opt.ports = ports;
	s.opt.n_ports = 4;
	/* A port is one target, whoever it belongs to. */
	expect_text(BOX("b", VPC, "\"prometheus.io/port\":\"81\"") "," BOX("a", VPC, ""), &s,
		    "b|127.0.0.1:81||||docker_label|81\n"
		    "|127.0.0.1:80||||ports|80\n|127.0.0.1:82||||ports|82\n");
	/* Two pages of one port are two targets, one page is not. */
	expect_text(
		BOX("b", VPC, "\"prometheus.io/port\":\"81\",\"prometheus.io/path\":\"/b\"") "," BOX(
			"a", VPC,
			"\"prometheus.io/port\":\"81\"") "," BOX("c", VPC,
								 "\"prometheus.io/port\":\"81\""),
		&plain,
		"a|127.0.0.1:81||||docker_label|81\nb|127.0.0.1:81|/b|||docker_label|81\n"
		"! container \"c\": another container has a label with the same port: all "
		"containers share one network\n");
	/* What is excluded is nobody's. */
	expect_text(BOX("b", VPC,
			"\"prometheus.io/port\":\"81\",\"prometheus.io/scrape\":"
			"\"false\"") "," BOX("a", VPC, "\"prometheus.io/port\":\"80\""),
		    &s, "a|127.0.0.1:80||||docker_label|80\n|127.0.0.1:82||||ports|82\n");
	expect_text(BOX("b", VPC, "\"prometheus.io/scrape\":\"false\""), &s, "");
	/* The agent's own page is asked for by label only. */
	expect_text(BOX("me", NET("host", ""), "\"prometheus.io/port\":\"19090\""), &plain,
		    "me|127.0.0.1:19090||||docker_label|19090\n");
}

static void test_bridge(void **state)
{
	static const struct sv ips[] = {SV("127.0.0.1"), SV("172.17.0.4")};
	struct setting s = plain;
	memcpy(ports, (uint64_t[]){80, 81}, 2 * sizeof *ports);
	s.opt.ports = ports;
	s.opt.n_ports = 2;
	s.place.own_ips = ips;
	/* 172.17.0.4 is the agent's own container. */
	expect_text(
		BOX("me", NET("bridge", "172.17.0.4"), "") "," BOX(
			"b", NET("bridge", "172.17.0.5"),
			"\"prometheus.io/port\":\"81\"") "," BOX("no", NET("bridge", "172.17.0.6"),
								 "\"prometheus.io/"
								 "scrape\":\"false\"") "," BOX("lat"
											       "e",
											       NET("bridge",
												   ""),
											       "\"p"
											       "rom"
											       "eth"
											       "eus"
											       ".io"
											       "/po"
											       "rt"
											       "\":"
											       "\"8"
											       "1"
											       "\""),
		&s, "b|172.17.0.5:81||||docker_label|81\nb|172.17.0.5:80||||ports|80\n");
	expect_text(BOX("me", NET("bridge", "172.17.0.4"), "\"prometheus.io/port\":\"9\""), &s,
		    "me|172.17.0.4:9||||docker_label|9\n");
	/* What is no address is none. */
	expect_text(BOX("odd", NET("bridge", "elsewhere"), "\"prometheus.io/port\":\"9\""), &plain,
		    "");
	expect_text(BOX("six",
			"\"Networks\":[{\"NetworkMode\":\"bridge\",\"IPv6Addresses\":"
			"[\"fd00::5\"]}]",
			"\"prometheus.io/port\":\"9\""),
		    &plain, "six|[fd00::5]:9||||docker_label|9\n");
}

/* ---- probing ---- */

static bool answers_8080(const void *cls, uint64_t key)
{
	return *(const uint64_t *)cls == key;
}

static void test_probed(void **state)
{
	struct setting s = plain;
	memcpy(probe_ports, (uint64_t[]){80, 81, 82, 19090}, 4 * sizeof *probe_ports);
	memcpy(ports, (uint64_t[]){82}, sizeof *ports);
	s.opt.probe_ports = probe_ports;
	s.opt.n_probe_ports = 4;
	s.opt.ports = ports;
	s.opt.n_ports = 1;
	expect_text(BOX("b", VPC, "\"prometheus.io/port\":\"81\"") "," BOX("a", VPC, ""), &s,
		    "b|127.0.0.1:81||||docker_label|81\n|127.0.0.1:82||||ports|82\n"
		    "? 127.0.0.1:80/metrics\n");
	expect_text(BOX("b", NET("bridge", "172.17.0.5"), "\"prometheus.io/path\":\"/m\""), &s,
		    "b|172.17.0.5:82||||ports|82\n? 172.17.0.5:80/m\n? 172.17.0.5:81/m\n"
		    "? 172.17.0.5:19090/m\n");
}

/* The key of the only candidate. */
static uint64_t key_of(const char *containers, const struct setting *s)
{
	char text[2048];
	struct err err = ERR_NULL;
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	struct ecs_task_found found;
	snprintf(text, sizeof text,
		 "{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/1\",\"Containers\":[%s]}", containers);
	assert_int_equal(ecs_task_read(sv_of(text), &task, &err), 0);
	assert_int_equal(ecs_task_targets(&task, &s->opt, &s->place, &found), 0);
	assert_int_equal(found.n_candidates, 1);
	uint64_t key = found.candidates[0].key;
	ecs_task_found_deinit(&found);
	return key;
}

/* An answer counts until a container that may have given it is another one. */
static void test_keys(void **state)
{
	struct setting s = plain;
	probe_ports[0] = 80;
	s.opt.probe_ports = probe_ports;
	s.opt.n_probe_ports = 1;
	uint64_t key = key_of(BOX("a", VPC, ""), &s);
	assert_true(key == key_of(BOX("a", VPC, ""), &s));
	assert_true(key != key_of(BOX("a", VPC, "") "," BOX("b", VPC, ""), &s));
	assert_true(key_of(BOX("a", VPC, "") "," BOX("b", VPC, ""), &s) ==
		    key_of(BOX("b", VPC, "") "," BOX("a", VPC, ""), &s));
	s.place.answers = answers_8080;
	s.place.cls = &key;
	expect_text(BOX("a", VPC, ""), &s,
		    "|127.0.0.1:80|/metrics|http||probe|80\n? 127.0.0.1:80/metrics\n");
	expect_text(BOX("b", VPC, ""), &s, "? 127.0.0.1:80/metrics\n");
}

static void test_many_candidates(void **state)
{
	static uint64_t many[64];
	struct setting s = plain;
	struct ecs_task_found found;
	char text[2048];
	struct err err = ERR_NULL;
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	for (size_t i = 0; i < LEN(many); i++)
		many[i] = i + 1;
	s.opt.probe_ports = many;
	s.opt.n_probe_ports = LEN(many);
	snprintf(text, sizeof text,
		 "{\"TaskARN\":\"arn:aws:ecs:r:1:task/c/1\",\"Containers\":[%s]}",
		 BOX("a", NET("bridge", "10.0.0.1"), "") "," BOX(
			 "b", NET("bridge", "10.0.0.2"),
			 "") "," BOX("c", NET("bridge", "10.0.0.3"),
				     "") "," BOX("d", NET("bridge", "10.0.0.4"),
						 "") "," BOX("e", NET("bridge", "10.0.0.5"), ""));
	assert_int_equal(ecs_task_read(sv_of(text), &task, &err), 0);
	assert_int_equal(ecs_task_targets(&task, &s.opt, &s.place, &found), 0);
	assert_int_equal(found.n_candidates, 256);
	assert_int_equal(found.n_faults, 1);
	assert_true(sv_starts_with(found.faults[0], SV("probe_ports: ")));
	ecs_task_found_deinit(&found);
}

static void test_own_page(void **state)
{
	struct setting s = plain;
	s.opt.task_metrics = ECS_TASK_METRICS_ON;
	expect_text("", &s, "|127.0.0.1:19090|/ecs/metrics|http|ecs_task|task_metrics|\n");
	s.place.own_address = SV("");
	expect_text("", &s, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_odd_labels),
		cmocka_unit_test(test_group_of_service),
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_probed),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_many_candidates),
		cmocka_unit_test(test_own_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
