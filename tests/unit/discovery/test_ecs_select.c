/* Which ports selectors choose, and where they are, in every network mode. */
#include "../../../ecs_discovery/ecs_select.h"
#include "ecs_shapes.h"

#include <inttypes.h>

/* app: 8080 and the range 9000-9003; side: labels. */
#define CONTAINERS                                                                                 \
	.containers =                                                                              \
		(struct ecs_api_definition_container[]){                                           \
			{.name = SVI("app"),                                                       \
			 .ports = PORTS_OF({.container = 8125, .protocol = SVI("udp")},            \
					   {.container = 8080, .protocol = SVI("tcp")},            \
					   {.container = 9000, .container_last = 9003})},          \
			{.name = SVI("side-car"),                                                  \
			 .labels =                                                                 \
				 TAGS(TAG("ECS_PROMETHEUS_EXPORTER_PORT", "9404"),                 \
				      TAG("ECS_PROMETHEUS_METRICS_PATH", "/side"),                 \
				      TAG("ECS_PROMETHEUS_JOB_NAME", "side"), TAG("word", "http"), \
				      TAG("zero", "0"), TAG("huge", "65536"), TAG("blank", ""),    \
				      TAG("eight", "8080")),                                       \
			 .ports = PORTS_OF({.container = 9404, .host = 9404})},                    \
		},                                                                                 \
	.n_containers = 2

#define DEFINITION(mode)                                                                           \
	{                                                                                          \
		.arn = SVI(ARN "task-definition/web:7"), .family = SVI("web"), .revision = 7,      \
		.network_mode = SVI(mode), CONTAINERS                                              \
	}

static const struct ecs_api_definition awsvpc = DEFINITION("awsvpc");
static const struct ecs_api_definition bridge = DEFINITION("bridge");
static const struct ecs_api_definition unset = DEFINITION("");
static const struct ecs_api_definition host = DEFINITION("host");
static const struct ecs_api_definition none = DEFINITION("none");

#define BRIDGED                                                                                    \
	.containers =                                                                              \
		(struct ecs_api_container[]){                                                      \
			{.name = SVI("side-car"),                                                  \
			 .bindings = BINDINGS_OF(                                                  \
				 {.container = 9404, .host = 49153, .bind_ip = SVI("0.0.0.0")})},  \
			{.name = SVI("app"),                                                       \
			 .bindings = BINDINGS_OF(                                                  \
				 {.container = 8080, .host = 32001, .protocol = SVI("udp")},       \
				 {.container = 8080, .host = 32768, .protocol = SVI("tcp")},       \
				 {.container = 9000, .container_last = 9003, .host = 40000})},     \
		},                                                                                 \
	.n_containers = 2

static const struct ecs_api_task tasks[] = {
	{WEB, ON_FARGATE, ENI, .definition = &awsvpc},
	{WEB, ON_EC2, .definition = &bridge, BRIDGED},
	{WEB, ON_EC2, .definition = &host},
	{WEB, ON_EC2, .definition = &none},
	{WEB, ON_FARGATE, .has_eni = true, .eni_ipv6 = SVI("2001:db8::9"), .definition = &awsvpc},
	{WEB, ON_EC2, .definition = &awsvpc}, /* its interface is not there yet */
	{WEB, .launch_type = SVI("EXTERNAL"), .container_instance_arn = SVI("c3"),
	 .instance = &anywhere, .definition = &unset, BRIDGED},
	{WEB, .launch_type = SVI("EXTERNAL"), .container_instance_arn = SVI("c3"),
	 .instance = &anywhere, .definition = &bridge,
	 .containers =
		 (struct ecs_api_container[]){
			 {.name = SVI("app"),
			  .bindings = BINDINGS_OF(
				  {.container = 8080, .host = 32768, .bind_ip = SVI("192.0.2.7")})},
			 {.name = SVI("side-car"), .ipv4 = SVI("192.0.2.8")},
		 },
	 .n_containers = 2},
	{.arn = SVI("t"),
	 .group = SVI("family:web"),
	 .definition_arn = SVI("x/batch:1"),
	 .cluster = &prod,
	 ENI,
	 .definition = &awsvpc},
	{.arn = SVI("t"),
	 .group = SVI("service:gone"),
	 .definition_arn = SVI("x/web:8"),
	 .cluster = &prod,
	 ENI,
	 .definition = &awsvpc},
};
enum { FARGATE, BRIDGE, HOST, NONE, IPV6, PENDING, ANYWHERE, BOUND, STANDALONE, NO_SERVICE };

#define SERVICE(pattern, container, path, job, ...)                                                \
	{                                                                                          \
		.kind = ECS_BY_SERVICE, .name_pattern = SVI(pattern),                              \
		.container_pattern = SVI(container), .metrics_path = SVI(path),                    \
		.job_name = SVI(job), .ports = (uint64_t[]){__VA_ARGS__},                          \
		.n_ports = N_OF(((uint64_t[]){__VA_ARGS__}))                                       \
	}
#define BY_DEFINITION(pattern, ...)                                                                \
	{                                                                                          \
		.kind = ECS_BY_DEFINITION, .name_pattern = SVI(pattern),                           \
		.ports = (uint64_t[]){__VA_ARGS__}, .n_ports = N_OF(((uint64_t[]){__VA_ARGS__}))   \
	}
#define LABELLED(port)                                                                             \
	{                                                                                          \
		.kind = ECS_BY_DOCKER_LABEL, .port_label = SVI(port),                              \
		.path_label = SVI("ECS_PROMETHEUS_METRICS_PATH"),                                  \
		.job_label = SVI("ECS_PROMETHEUS_JOB_NAME")                                        \
	}

/* What is expected: "container port address:port path job" and a blank for each; "-" is empty. */
static const struct {
	const char *name;
	int task;
	struct ecs_selector selectors[3];
	const char *expected;
} cases[] = {
	{"a service's port, its own interface",
	 FARGATE,
	 {SERVICE("^web$", "", "", "", 8080)},
	 "app 8080 10.0.0.9:8080 - -;"},
	{"dynamic ports",
	 BRIDGE,
	 {SERVICE("^web$", "", "/m", "w", 8080, 9404)},
	 "app 8080 10.1.0.4:32768 /m w;side-car 9404 10.1.0.4:49153 /m w;"},
	{"ranges of ports",
	 BRIDGE,
	 {SERVICE("we", "", "", "", 8999, 9000, 9003, 9004)},
	 "app 9000 10.1.0.4:40000 - -;app 9003 10.1.0.4:40003 - -;"},
	{"the host's network",
	 HOST,
	 {SERVICE("^web$", "", "", "", 8080, 9002, 9404)},
	 "app 8080 10.1.0.4:8080 - -;app 9002 10.1.0.4:9002 - -;side-car 9404 10.1.0.4:9404 - -;"},
	{"no network", NONE, {SERVICE("^web$", "", "", "", 8080)}, "app 8080 :0 - -;"},
	{"IPv6 alone",
	 IPV6,
	 {SERVICE("^web$", "", "", "", 8080)},
	 "app 8080 2001:db8::9:8080 - -;"},
	{"no interface yet", PENDING, {SERVICE("^web$", "", "", "", 8080)}, "app 8080 :8080 - -;"},
	{"anywhere, bound to all",
	 ANYWHERE,
	 {SERVICE("^web$", "", "", "", 8080, 9404)},
	 "app 8080 :32768 - -;side-car 9404 :49153 - -;"},
	{"anywhere, with addresses",
	 BOUND,
	 {SERVICE("^web$", "", "", "", 8080, 9404)},
	 "app 8080 192.0.2.7:32768 - -;side-car 9404 192.0.2.8:9404 - -;"},
	{"only UDP", FARGATE, {SERVICE("^web$", "", "", "", 8125)}, ""},
	{"no such port", FARGATE, {SERVICE("^web$", "", "", "", 1)}, ""},
	{"another service", FARGATE, {SERVICE("^api$", "", "", "", 8080)}, ""},
	{"a container's name",
	 FARGATE,
	 {SERVICE("^web$", "^side", "", "", 8080, 9404)},
	 "side-car 9404 10.0.0.9:9404 - -;"},
	{"no service", STANDALONE, {SERVICE(".*", "", "", "", 8080)}, ""},
	{"a service that is known by the group",
	 NO_SERVICE,
	 {SERVICE("^gone$", "", "", "", 8080)},
	 "app 8080 10.0.0.9:8080 - -;"},
	{"a definition",
	 STANDALONE,
	 {BY_DEFINITION("/batch:[0-9]+$", 8080)},
	 "app 8080 10.0.0.9:8080 - -;"},
	{"another definition", FARGATE, {BY_DEFINITION("/batch:[0-9]+$", 8080)}, ""},
	{"docker labels",
	 FARGATE,
	 {LABELLED("ECS_PROMETHEUS_EXPORTER_PORT")},
	 "side-car 9404 10.0.0.9:9404 /side side;"},
	{"docker labels, bridge",
	 BRIDGE,
	 {LABELLED("ECS_PROMETHEUS_EXPORTER_PORT")},
	 "side-car 9404 10.1.0.4:49153 /side side;"},
	{"a label's port without a mapping",
	 FARGATE,
	 {LABELLED("eight")},
	 "side-car 8080 10.0.0.9:8080 /side side;"},
	{"the same where ports are published",
	 BRIDGE,
	 {LABELLED("eight")},
	 "side-car 8080 10.1.0.4:0 /side side;"},
	{"labels that are no port",
	 FARGATE,
	 {LABELLED("word"), LABELLED("zero"), LABELLED("huge")},
	 "side-car 0 10.0.0.9:0 /side side;"},
	{"an empty label", FARGATE, {LABELLED("blank")}, "side-car 0 10.0.0.9:0 /side side;"},
	{"no such label", FARGATE, {LABELLED("ECS_PROMETHEUS")}, ""},
	{"what is written down wins over the job's label, not the path's",
	 FARGATE,
	 {{.kind = ECS_BY_DOCKER_LABEL,
	   .port_label = SVI("ECS_PROMETHEUS_EXPORTER_PORT"),
	   .path_label = SVI("ECS_PROMETHEUS_METRICS_PATH"),
	   .job_label = SVI("ECS_PROMETHEUS_JOB_NAME"),
	   .metrics_path = SVI("/mine"),
	   .job_name = SVI("mine")}},
	 "side-car 9404 10.0.0.9:9404 /side mine;"},
	{"one address and path, the first counts",
	 FARGATE,
	 {SERVICE("^web$", "", "/side", "first", 9404), BY_DEFINITION("web", 9404),
	  LABELLED("ECS_PROMETHEUS_EXPORTER_PORT")},
	 "side-car 9404 10.0.0.9:9404 /side first;side-car 9404 10.0.0.9:9404 - -;"},
};

static int note(void *cls, const struct ecs_chosen *c)
{
	struct buf *out = cls;
	struct sv none_told = SV("-");
	buf_printf(out, "%.*s %u %.*s:%u %.*s %.*s;", SV_ARG(c->container->name), c->port,
		   SV_ARG(c->ip), c->at, SV_ARG(c->path.len ? c->path : none_told),
		   SV_ARG(c->job.len ? c->job : none_told));
	return 0;
}

static size_t count(const struct ecs_selector *v)
{
	size_t n = 0;
	while (n < 3 && (v[n].name_pattern.len > 0 || v[n].port_label.len > 0))
		n++;
	return n;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf got = BUF_NULL;
		_cleanup_(ecs_selection_freep) struct ecs_selection *s = NULL;
		struct ecs_selector selectors[3];
		memcpy(selectors, cases[i].selectors, sizeof selectors);
		const struct ecs_sd_options opt = {.selectors = selectors,
						   .n_selectors = count(selectors)};
		buf_init(&got, 65536);
		assert_int_equal(ecs_selection_new(&opt, &s), 0);
		assert_true(ecs_selection_needs_definitions(s));
		assert_int_equal(ecs_select(s, &tasks[cases[i].task], note, &got), 0);
		buf_char(&got, '\0');
		if (strcmp(got.ptr, cases[i].expected) != 0)
			fail_msg("%s: \"%s\" is not \"%s\"", cases[i].name, got.ptr,
				 cases[i].expected);
	}
}

static int refuse(void *cls, const struct ecs_chosen *c)
{
	return ++*(int *)cls == 2 ? 7 : 0;
}

static void test_stops(void **state)
{
	_cleanup_(ecs_selection_freep) struct ecs_selection *s = NULL;
	struct ecs_selector selectors[] = {SERVICE("web", "", "", "", 8080, 9000, 9001, 9002)};
	const struct ecs_sd_options opt = {.selectors = selectors, .n_selectors = 1};
	int told = 0;
	assert_int_equal(ecs_selection_new(&opt, &s), 0);
	assert_int_equal(ecs_select(s, &tasks[FARGATE], refuse, &told), 7);
	assert_int_equal(told, 2);
}

static struct ecs_api_definition_container wide = {
	.name = SVI("wide"),
	.ports = PORTS_OF({.container = 1, .container_last = 65535}),
};

/* More ports than the first room is for, each of them once. */
static void test_many(void **state)
{
	_cleanup_(ecs_selection_freep) struct ecs_selection *s = NULL;
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	const struct ecs_api_definition definition = {
		.network_mode = SV("awsvpc"), .containers = &wide, .n_containers = 1};
	const struct ecs_api_task task = {WEB, ENI, .definition = &definition};
	uint64_t ports[100];
	for (size_t i = 0; i < N_OF(ports); i++)
		ports[i] = 65535 - i / 2;
	struct ecs_selector selectors[] = {{.kind = ECS_BY_DEFINITION,
					    .name_pattern = SV("web"),
					    .ports = ports,
					    .n_ports = N_OF(ports)}};
	const struct ecs_sd_options opt = {.selectors = selectors, .n_selectors = 1};
	buf_init(&got, 65536);
	assert_int_equal(ecs_selection_new(&opt, &s), 0);
	assert_int_equal(ecs_select(s, &task, note, &got), 0);
	size_t told = 0;
	for (size_t i = 0; i < got.len; i++)
		told += got.ptr[i] == ';';
	assert_int_equal(told, 50);
}

static void test_addresses_of_tasks(void **state)
{
	const struct {
		int task;
		const char *ip;
	} v[] = {{FARGATE, "10.0.0.9"}, {BRIDGE, "10.1.0.4"}, {IPV6, "2001:db8::9"},
		 {PENDING, "10.1.0.4"}, {ANYWHERE, ""},       {STANDALONE, "10.0.0.9"}};
	for (size_t i = 0; i < N_OF(v); i++)
		assert_true(sv_eq(ecs_select_task_ip(&tasks[v[i].task]), sv_of(v[i].ip)));
	const struct ecs_api_task unknown = {.container_instance_arn = SV("c9")};
	assert_int_equal(ecs_select_task_ip(&unknown).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests_[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_addresses_of_tasks),
	};
	return cmocka_run_group_tests(tests_, NULL, NULL);
}
