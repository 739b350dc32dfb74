/* ecs_task_choice: docker labels of a container, as people write them. */
#include "../../../ecs_discovery/ecs_task_choice.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PORT "prometheus.io/port"
#define SCRAPE "prometheus.io/scrape"
#define CW_PORT "ECS_PROMETHEUS_EXPORTER_PORT"

struct pair {
	const char *name, *value;
};

/* ports, path, scheme and job; "excluded" or "unwanted" before them; "!" is a fault. */
static const struct {
	struct pair labels[4];
	const char *want;
} cases[] = {
	{{{"other", "1"}}, "unwanted     "},
	{{{PORT, "80"}}, "80    "},
	{{{PORT, "1,65535"}}, "1,65535    "},
	{{{PORT, " 80 ,\t81 "}}, "80,81    "},
	{{{PORT, "80,80"}}, "80    "},
	{{{PORT, "080"}}, "80    "},
	{{{PORT, "80"}, {CW_PORT, "81"}}, "80    "},
	{{{PORT, " "}, {CW_PORT, "81"}}, "81    "},
	{{{PORT, "80"}, {SCRAPE, "True"}}, "80    "},
	{{{PORT, "80"}, {SCRAPE, "1"}}, "80    "},
	{{{PORT, "80"}, {SCRAPE, " false"}}, "excluded 80    "},
	{{{PORT, "80"}, {SCRAPE, "0"}}, "excluded 80    "},
	{{{PORT, "x"}, {SCRAPE, "false"}}, "excluded     "},
	{{{SCRAPE, "false"}}, "excluded 8080,9090    "},
	{{{SCRAPE, "true"}}, "8080,9090    "},
	{{{SCRAPE, "yes"}}, "unwanted     !"},
	{{{SCRAPE, "yes"}, {PORT, "80"}}, "unwanted     !"},
	{{{PORT, "80,"}}, "unwanted     !"},
	{{{PORT, ",80"}}, "unwanted     !"},
	{{{PORT, "0"}}, "unwanted     !"},
	{{{PORT, "65536"}}, "unwanted     !"},
	{{{PORT, "-1"}}, "unwanted     !"},
	{{{PORT, "80;81"}}, "unwanted     !"},
	{{{PORT, "http"}, {CW_PORT, "81"}}, "unwanted     !"},
	{{{PORT, "80"}, {"prometheus.io/path", "/m"}}, "80 /m   "},
	{{{PORT, "80"}, {"prometheus.io/path", "m"}}, "80 /m   "},
	{{{CW_PORT, "80"}, {"ECS_PROMETHEUS_METRICS_PATH", "/e"}, {"ECS_PROMETHEUS_JOB_NAME", "j"}},
	 "80 /e  j "},
	{{{CW_PORT, "80"}, {"prometheus.io/path", "/p"}, {"ECS_PROMETHEUS_METRICS_PATH", "/e"}},
	 "80 /p   "},
	{{{PORT, "80"}, {"prometheus.io/job", "a b"}}, "80   a b "},
	{{{PORT, "80"}, {"prometheus.io/scheme", "https"}}, "80  https  "},
	{{{PORT, "80"}, {"prometheus.io/scheme", "HTTP"}}, "unwanted   HTTP  !"},
	/* Both are told of. */
	{{{PORT, "x"}, {"prometheus.io/scheme", "ftp"}}, "unwanted   ftp  !!"},
};

static struct ecs_port mapped[] = {
	{8080, 32768, SV("tcp")}, {53, 53, SV("udp")}, {9090, 0, SV("")}, {0, 1, SV("tcp")}};

static void on_fault(void *cls, const char *text)
{
	assert_memory_equal(text, "container \"app\": ", 17);
	buf_char(cls, '!');
}

static void print(struct buf *out, const struct ecs_choice *c)
{
	if (c->excluded)
		buf_sv(out, SV("excluded "));
	else if (!c->wanted)
		buf_sv(out, SV("unwanted "));
	for (size_t i = 0; c->wanted || c->excluded ? i < c->n_ports : false; i++)
		buf_printf(out, "%s%u", i ? "," : "", (unsigned)c->ports[i]);
	buf_printf(out, " %.*s %.*s %.*s ", SV_ARG(c->path), SV_ARG(c->scheme), SV_ARG(c->job));
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ecs_pair labels[4];
		struct ecs_choice choice;
		struct ecs_container c = {
			.name = SV("app"), .labels = labels, .ports = mapped, .n_ports = 4};
		_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
		_cleanup_(buf_deinit) struct buf got = BUF_NULL, faults = BUF_NULL;
		arena_init(&arena, MiB(1));
		buf_init(&got, KiB(4));
		buf_init(&faults, KiB(4));
		for (; c.n_labels < 4 && cases[i].labels[c.n_labels].name; c.n_labels++)
			labels[c.n_labels] =
				(struct ecs_pair){sv_of(cases[i].labels[c.n_labels].name),
						  sv_of(cases[i].labels[c.n_labels].value)};
		assert_int_equal(ecs_choice_read(&c, &arena, on_fault, &faults, &choice), 0);
		print(&got, &choice);
		buf_sv(&got, buf_view(&faults));
		buf_char(&got, 0);
		if (strcmp(got.ptr, cases[i].want) != 0)
			fail_msg("%zu: \"%s\", not \"%s\"", i, got.ptr, cases[i].want);
	}
}

/* No label asks for more ports than there is room for. */
static void test_many_ports(void **state)
{
	struct ecs_choice choice;
	char list[700] = "1";
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf faults = BUF_NULL;
	arena_init(&arena, MiB(1));
	buf_init(&faults, KiB(4));
	for (int i = 2; i <= ECS_CHOICE_PORTS_MAX; i++)
		snprintf(list + strlen(list), 8, ",%d", i);
	struct ecs_pair label = {SV(PORT), sv_of(list)};
	struct ecs_container c = {.name = SV("app"), .labels = &label, .n_labels = 1};
	assert_int_equal(ecs_choice_read(&c, &arena, on_fault, &faults, &choice), 0);
	assert_int_equal(choice.n_ports, ECS_CHOICE_PORTS_MAX);
	assert_int_equal(faults.len, 0);
	snprintf(list + strlen(list), 8, ",65");
	label.value = sv_of(list);
	assert_int_equal(ecs_choice_read(&c, &arena, on_fault, &faults, &choice), 0);
	assert_false(choice.wanted);
	assert_int_equal(faults.len, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_many_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
