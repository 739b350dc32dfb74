/* What is said of the task from what is told of its containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "metrics_values.h"

#include <math.h>

enum { N = 4 };

struct rig {
	struct arena arena;
	struct ecs_container containers[N];
	struct ecs_interface interfaces[N][1];
	struct ecs_stats stats[N];
	struct ecs_task task;
	struct ecs_reckoning out;
};

static void setup(struct rig *r, enum ecs_network network)
{
	static const struct sv names[N] = {SV("b"), SV("a"), SV("d"), SV("c")};
	*r = (struct rig){0};
	arena_init(&r->arena, 1 << 20);
	r->task = (struct ecs_task){
		.containers = r->containers,
		.n_containers = N,
		.cpu_limit = -1,
		.memory_mib = -1,
		.ephemeral_used_mib = -1,
		.ephemeral_reserved_mib = -1,
		.clock_error_ms = -1,
		.clock_synchronized = -1,
	};
	for (size_t i = 0; i < N; i++) {
		r->containers[i] = (struct ecs_container){
			.name = names[i],
			.type = SV("NORMAL"),
			.known_status = SV("RUNNING"),
			.network = network,
			.cpu_limit = -1,
			.memory_mib = -1,
			.restarts = -1,
		};
		for (size_t k = 0; k < ECS_STATS; k++)
			r->stats[i].v[k] = -1;
		r->interfaces[i][0].name = SV("eth0");
		for (size_t k = 0; k < ECS_NETS; k++)
			r->interfaces[i][0].v[k] = (double)(10 * i + k);
		r->stats[i].interfaces = r->interfaces[i];
		r->stats[i].n_interfaces = 1;
		r->stats[i].v[ECS_STAT_CPU_TOTAL] = (double)(i + 1);
	}
}

static const double *task_of(struct rig *r)
{
	assert_int_equal(ecs_reckon(&r->arena, &r->task, r->stats, &r->out), 0);
	return r->out.task.v;
}

static void teardown(struct rig *r)
{
	arena_deinit(&r->arena);
}

static void one_network_is_told_once(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_AWSVPC);
	r.interfaces[1][0].v[ECS_NET_TX_BYTES] = 1000;
	r.interfaces[3][0].v[ECS_NET_RX_PACKETS] = -1;
	r.containers[2].type = SV("CNI_PAUSE");
	const double *v = task_of(&r);
	assert_int_equal(r.out.n, 3);
	assert_int_equal(r.out.task.n_interfaces, 1);
	/* The largest is the latest: here the fourth's, the second's, and the pause container's. */
	assert_true(v[ECS_VALUE_NET + ECS_NET_RX_BYTES] == 30);
	assert_true(v[ECS_VALUE_NET + ECS_NET_TX_BYTES] == 1000);
	assert_true(v[ECS_VALUE_NET + ECS_NET_RX_PACKETS] == 21);
	for (size_t i = 0; i < r.out.n; i++)
		assert_int_equal(r.out.containers[i].n_interfaces, 0);
	teardown(&r);
}

static void networks_of_their_own(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	r.stats[0].v[ECS_STAT_RATE_RX] = 1.5;
	r.stats[1].v[ECS_STAT_RATE_RX] = 2;
	const double *v = task_of(&r);
	assert_true(v[ECS_VALUE_NET + ECS_NET_RX_BYTES] == 0 + 10 + 20 + 30);
	assert_true(v[ECS_VALUE_RATE_RX] == 3.5 && isnan(v[ECS_VALUE_RATE_TX]));
	assert_int_equal(r.out.task.n_interfaces, 0);
	assert_int_equal(r.out.containers[0].n_interfaces, 1);
	teardown(&r);
}

static void the_hosts_network_is_nobodys(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_HOST);
	const double *v = task_of(&r);
	assert_true(isnan(v[ECS_VALUE_NET]));
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(r.out.containers[i].n_interfaces, 0);
		assert_true(isnan(r.out.containers[i].v[ECS_VALUE_NET]));
	}
	teardown(&r);
}

static void sums_are_whole_or_not_told(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	assert_true(task_of(&r)[ECS_VALUE_CPU_USAGE] == 1 + 2 + 3 + 4);
	r.stats[2].v[ECS_STAT_CPU_TOTAL] = -1;
	const double *v = task_of(&r);
	assert_true(isnan(v[ECS_VALUE_CPU_USAGE]) && isnan(v[ECS_VALUE_NET]));
	/* What does not run, or is ECS's own, is not waited for. */
	r.containers[2].known_status = SV("STOPPED");
	assert_true(task_of(&r)[ECS_VALUE_CPU_USAGE] == 1 + 2 + 4);
	r.containers[2].known_status = SV("RUNNING");
	r.containers[2].type = SV("CNI_PAUSE");
	assert_true(task_of(&r)[ECS_VALUE_CPU_USAGE] == 1 + 2 + 4);
	teardown(&r);
}

static void each_name_once_in_order(void **state)
{
	static const char *const expected[] = {"a", "b", "c"};
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	r.containers[2].name = SV("b");
	r.containers[0].started_ms = 5000;
	r.containers[2].started_ms = 9000;
	task_of(&r);
	assert_int_equal(r.out.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(sv_eq(r.out.containers[i].container->name, sv_of(expected[i])));
	assert_ptr_equal(r.out.containers[1].container, &r.containers[2]);
	r.containers[2].known_status = SV("STOPPED");
	task_of(&r);
	assert_ptr_equal(r.out.containers[1].container, &r.containers[0]);
	r.containers[1].name = SV("");
	task_of(&r);
	assert_int_equal(r.out.n, 2);
	teardown(&r);
}

static void memory(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	r.task.n_containers = 1;
	double *s = r.stats[0].v;
	s[ECS_STAT_MEMORY_USAGE] = 100 << 20;
	task_of(&r);
	const double *v = r.out.containers[0].v;
	assert_true(isnan(v[ECS_VALUE_MEMORY_WORKING_SET]) && isnan(v[ECS_VALUE_MEMORY_UTILIZED]));
	/* Version 2. */
	s[ECS_STAT_INACTIVE] = 10 << 20;
	s[ECS_STAT_FILE] = 30 << 20;
	s[ECS_STAT_ANON] = 60 << 20;
	task_of(&r);
	v = r.out.containers[0].v;
	assert_true(v[ECS_VALUE_MEMORY_WORKING_SET] == 90 << 20);
	assert_true(v[ECS_VALUE_MEMORY_UTILIZED] == 90);
	assert_true(v[ECS_VALUE_MEMORY_CACHE] == 30 << 20 && v[ECS_VALUE_MEMORY_RSS] == 60 << 20);
	/* Version 1. */
	s[ECS_STAT_TOTAL_INACTIVE] = 20 << 20;
	s[ECS_STAT_CACHE] = (40 << 20) - 1;
	s[ECS_STAT_RSS] = 50 << 20;
	task_of(&r);
	v = r.out.containers[0].v;
	assert_true(v[ECS_VALUE_MEMORY_WORKING_SET] == 80 << 20);
	assert_true(v[ECS_VALUE_MEMORY_UTILIZED] == 60);
	assert_true(v[ECS_VALUE_MEMORY_CACHE] == (40 << 20) - 1);
	s[ECS_STAT_TOTAL_INACTIVE] = 200 << 20;
	task_of(&r);
	assert_true(r.out.containers[0].v[ECS_VALUE_MEMORY_WORKING_SET] == 0);
	teardown(&r);
}

static void limits(void **state)
{
	static const struct {
		double told, v;
	} cases[] = {{-1, NAN},    {0, NAN}, {1, 1}, {0x1p50, 0x1p50}, {0x1p63 - 4096, NAN},
		     {0x1p64, NAN}};
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	for (size_t i = 0; i < N; i++)
		r.stats[i].v[ECS_STAT_MEMORY_USAGE] = 1;
	for (size_t i = 1; i < N; i++)
		r.stats[i].v[ECS_STAT_MEMORY_LIMIT] = 1000;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		r.stats[0].v[ECS_STAT_MEMORY_LIMIT] = cases[i].told;
		r.stats[0].v[ECS_STAT_PIDS_LIMIT] = cases[i].told;
		const double *task = task_of(&r), *v = r.out.containers[1].v;
		assert_ptr_equal(r.out.containers[1].container, &r.containers[0]);
		if (isnan(cases[i].v)) {
			assert_true(isnan(v[ECS_VALUE_MEMORY_LIMIT]));
			assert_true(isnan(v[ECS_VALUE_PROCESSES_LIMIT]));
			assert_true(isnan(task[ECS_VALUE_MEMORY_LIMIT]));
		} else {
			assert_true(v[ECS_VALUE_MEMORY_LIMIT] == cases[i].v);
			assert_true(v[ECS_VALUE_PROCESSES_LIMIT] == cases[i].v);
			assert_true(task[ECS_VALUE_MEMORY_LIMIT] == 3000 + cases[i].v);
		}
	}
	teardown(&r);
}

static void processors(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	struct ecs_stats *s = &r.stats[1]; /* "a": the first */
	s->v[ECS_STAT_CPU_TOTAL] = 3e9;
	s->v[ECS_STAT_CPU_BEFORE] = 1e9;
	s->read_ns = 14000000000;
	s->before_ns = 10000000000;
	s->v[ECS_STAT_CPU_ONLINE] = 4;
	s->v[ECS_STAT_CPU_HOST] = 70;
	r.stats[0].v[ECS_STAT_CPU_HOST] = 71;
	r.containers[1].cpu_limit = 256;
	const double *task = task_of(&r), *v = r.out.containers[0].v;
	assert_true(v[ECS_VALUE_CPU_VCPU] == 0.5);
	assert_true(v[ECS_VALUE_CPU_UTILIZED] == 50.0 / 256);
	assert_true(v[ECS_VALUE_CPU_CORES] == 4);
	assert_true(task[ECS_VALUE_CPU_UTILIZED] == 512 && task[ECS_VALUE_CPU_RESERVED] == 256);
	assert_true(task[ECS_VALUE_CPU_ONLINE] == 4 && task[ECS_VALUE_CPU_HOST] == 71);
	r.task.cpu_limit = 2;
	s->v[ECS_STAT_CPU_LISTED] = 8;
	task = task_of(&r);
	assert_true(r.out.containers[0].v[ECS_VALUE_CPU_CORES] == 8);
	assert_true(task[ECS_VALUE_CPU_RESERVED] == 2048 && task[ECS_VALUE_CPU_LIMIT] == 2048);
	/* The first look at a container has none before it. */
	s->before_ns = 0;
	task_of(&r);
	assert_true(isnan(r.out.containers[0].v[ECS_VALUE_CPU_VCPU]));
	s->before_ns = s->read_ns;
	task_of(&r);
	assert_true(isnan(r.out.containers[0].v[ECS_VALUE_CPU_VCPU]));
	s->before_ns = 1;
	s->v[ECS_STAT_CPU_BEFORE] = 4e9;
	task_of(&r);
	assert_true(isnan(r.out.containers[0].v[ECS_VALUE_CPU_VCPU]));
	teardown(&r);
}

static void what_has_ended(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_BRIDGE);
	struct ecs_container *c = &r.containers[1];
	c->cpu_limit = 256;
	c->memory_mib = 100;
	c->started_ms = 1000;
	c->finished_ms = 3500;
	c->known_status = SV("STOPPED");
	c->has_exit_code = true;
	c->exit_code = 137;
	task_of(&r);
	const double *v = r.out.containers[0].v;
	assert_true(v[ECS_VALUE_DURATION] == 2500 && v[ECS_VALUE_EXIT_CODE] == 137);
	assert_true(v[ECS_VALUE_RUNNING] == 0);
	assert_true(isnan(v[ECS_VALUE_CPU_RESERVED]) && isnan(v[ECS_VALUE_MEMORY_RESERVED]));
	/* The last run's end, told of one that runs again. */
	c->started_ms = 4000;
	c->known_status = SV("RUNNING");
	task_of(&r);
	v = r.out.containers[0].v;
	assert_true(isnan(v[ECS_VALUE_DURATION]) && v[ECS_VALUE_RUNNING] == 1);
	assert_true(v[ECS_VALUE_CPU_RESERVED] == 256 && v[ECS_VALUE_MEMORY_RESERVED] == 100);
	teardown(&r);
}

static void without_memory(void **state)
{
	struct rig r;
	setup(&r, ECS_NETWORK_AWSVPC);
	for (size_t room = 0; room < 1 << 14; room += 64) {
		_cleanup_(arena_deinit) struct arena arena;
		arena_init(&arena, room);
		if (ecs_reckon(&arena, &r.task, r.stats, &r.out) == 0) {
			assert_true(room > 1000);
			teardown(&r);
			return;
		}
	}
	fail_msg("it never fits");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_network_is_told_once),
		cmocka_unit_test(networks_of_their_own),
		cmocka_unit_test(the_hosts_network_is_nobodys),
		cmocka_unit_test(sums_are_whole_or_not_told),
		cmocka_unit_test(each_name_once_in_order),
		cmocka_unit_test(memory),
		cmocka_unit_test(limits),
		cmocka_unit_test(processors),
		cmocka_unit_test(what_has_ended),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
