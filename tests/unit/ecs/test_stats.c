/* Docker's statistics: what is read, and what is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "stats.h"

static struct ecs_container containers[] = {
	{.docker_id = SV("one")}, {.docker_id = SV("two")}, {.docker_id = SV("")}};
static const struct ecs_task task = {.containers = containers, .n_containers = 3};

/* What is told of the first container. */
static struct ecs_stats *stats_of(struct arena *arena, const char *json)
{
	struct ecs_stats *out = NULL;
	struct err err = ERR_NULL;
	arena_init(arena, 1 << 20);
	if (ecs_stats_read(arena, &task, sv_of(json), &out, &err) != 0)
		fail_msg("%s: %s", json, err.msg);
	return out;
}

static void members(void **state)
{
	static const struct {
		const char *json;
		enum ecs_stat stat;
		double v;
	} cases[] = {
		{"\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":5}}", ECS_STAT_CPU_TOTAL, 5},
		{"\"cpu_stats\":{\"cpu_usage\":{\"usage_in_usermode\":5}}", ECS_STAT_CPU_USER, 5},
		{"\"cpu_stats\":{\"cpu_usage\":{\"usage_in_kernelmode\":5}}", ECS_STAT_CPU_KERNEL,
		 5},
		{"\"cpu_stats\":{\"system_cpu_usage\":5}", ECS_STAT_CPU_HOST, 5},
		{"\"precpu_stats\":{\"cpu_usage\":{\"total_usage\":5}}", ECS_STAT_CPU_BEFORE, 5},
		{"\"cpu_stats\":{\"online_cpus\":5}", ECS_STAT_CPU_ONLINE, 5},
		{"\"cpu_stats\":{\"cpu_usage\":{\"percpu_usage\":[1,2,0]}}", ECS_STAT_CPU_LISTED,
		 3},
		{"\"cpu_stats\":{\"cpu_usage\":{\"percpu_usage\":[]}}", ECS_STAT_CPU_LISTED, -1},
		{"\"cpu_stats\":{\"throttling_data\":{\"periods\":5}}", ECS_STAT_PERIODS, 5},
		{"\"cpu_stats\":{\"throttling_data\":{\"throttled_periods\":5}}",
		 ECS_STAT_THROTTLED_PERIODS, 5},
		{"\"cpu_stats\":{\"throttling_data\":{\"throttled_time\":5}}", ECS_STAT_THROTTLED,
		 5},
		{"\"memory_stats\":{\"usage\":5}", ECS_STAT_MEMORY_USAGE, 5},
		{"\"memory_stats\":{\"max_usage\":5}", ECS_STAT_MEMORY_MAX, 5},
		{"\"memory_stats\":{\"limit\":18446744073709551615}", ECS_STAT_MEMORY_LIMIT,
		 0x1p64},
		{"\"memory_stats\":{\"stats\":{\"cache\":5}}", ECS_STAT_CACHE, 5},
		{"\"memory_stats\":{\"stats\":{\"rss\":5}}", ECS_STAT_RSS, 5},
		{"\"memory_stats\":{\"stats\":{\"total_inactive_file\":5}}",
		 ECS_STAT_TOTAL_INACTIVE, 5},
		{"\"memory_stats\":{\"stats\":{\"file\":5}}", ECS_STAT_FILE, 5},
		{"\"memory_stats\":{\"stats\":{\"anon\":5}}", ECS_STAT_ANON, 5},
		{"\"memory_stats\":{\"stats\":{\"inactive_file\":5}}", ECS_STAT_INACTIVE, 5},
		{"\"pids_stats\":{\"current\":5}", ECS_STAT_PIDS, 5},
		{"\"pids_stats\":{\"limit\":5}", ECS_STAT_PIDS_LIMIT, 5},
		{"\"network_rate_stats\":{\"rx_bytes_per_sec\":5.5}", ECS_STAT_RATE_RX, 5.5},
		{"\"network_rate_stats\":{\"tx_bytes_per_sec\":5e-1}", ECS_STAT_RATE_TX, 0.5},
		/* Elsewhere, of another type, or of no use. */
		{"\"usage\":5", ECS_STAT_MEMORY_USAGE, -1},
		{"\"stats\":{\"cache\":5}", ECS_STAT_CACHE, -1},
		{"\"memory_stats\":{\"memory_stats\":{\"usage\":5}}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":[{\"usage\":5}]", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":\"5\"}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":null}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":{\"usage\":5}}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":-5}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":1e999}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\":[5]}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"usage\\u0000\":5}", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"\":5},\"\":5", ECS_STAT_MEMORY_USAGE, -1},
		{"\"memory_stats\":{\"stats\":{},\"usage\":5}", ECS_STAT_MEMORY_USAGE, 5},
		/* Devices. */
		{"\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"op\":\"Read\",\"value\":5},{"
		 "\"value\":7,\"op\":\"read\"},{\"op\":\"Write\",\"value\":9}]}",
		 ECS_STAT_READ_BYTES, 12},
		{"\"blkio_stats\":{\"io_service_bytes_recursive\":[{\"op\":\"WRITE\",\"value\":5},{"
		 "\"op\":\"Total\",\"value\":5},{\"value\":5},{\"op\":\"write\"}]}",
		 ECS_STAT_WRITE_BYTES, 5},
		{"\"blkio_stats\":{\"io_serviced_recursive\":[{\"op\":\"Read\",\"value\":5}]}",
		 ECS_STAT_READS, 5},
		{"\"blkio_stats\":{\"io_serviced_recursive\":[{\"op\":\"Write\",\"value\":5}]}",
		 ECS_STAT_WRITES, 5},
		{"\"blkio_stats\":{\"io_service_bytes_recursive\":[]}", ECS_STAT_READ_BYTES, 0},
		{"\"blkio_stats\":{\"io_service_bytes_recursive\":null}", ECS_STAT_READ_BYTES, -1},
		{"\"blkio_stats\":{\"io_time_recursive\":[{\"op\":\"Read\",\"value\":5}]}",
		 ECS_STAT_READ_BYTES, -1},
		{"\"other\":{\"io_serviced_recursive\":[{\"op\":\"Read\",\"value\":5}]}",
		 ECS_STAT_READS, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		char json[512];
		snprintf(json, sizeof json, "{\"one\":{%s}}", cases[i].json);
		const struct ecs_stats *s = stats_of(&arena, json);
		if (s->v[cases[i].stat] != cases[i].v)
			fail_msg("%s: %g", json, s->v[cases[i].stat]);
		for (size_t k = 0; k < ECS_STATS; k++)
			assert_true(s[1].v[k] == -1);
	}
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"2026-11-21T18:30:10.482190011Z", 1795285810482190011},
		{"2026-11-21T18:30:10Z", 1795285810000000000},
		{"2026-11-21T18:30:10.5Z", 1795285810500000000},
		{"2026-11-21T18:30:10.4821900119999Z", 1795285810482190011},
		{"2000-02-29T00:00:00Z", 951782400000000000},
		{"0001-01-01T00:00:00Z", 0},
		{"2026-11-21T18:30:10", 0},
		{"2026-11-21T18:30:10+01:00", 0},
		{"2026-11-21T18:30:1xZ", 0},
		{"9999-11-21T18:30:10Z", 0},
		{"", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(arena_deinit) struct arena arena;
		char json[256];
		snprintf(json, sizeof json,
			 "{\"one\":{\"preread\":\"%s\",\"a\":{\"read\":\"%s\"}}}", cases[i].text,
			 cases[i].text);
		const struct ecs_stats *s = stats_of(&arena, json);
		assert_true(s->read_ns == 0);
		if (s->before_ns != cases[i].ns)
			fail_msg("%s: %lld", cases[i].text, (long long)s->before_ns);
	}
}

static void interfaces(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	const struct ecs_stats *s = stats_of(
		&arena,
		"{\"two\":{\"networks\":{\"eth0\":{\"rx_bytes\":1,\"rx_packets\":2,\"rx_errors\":3,"
		"\"rx_dropped\":4,\"tx_bytes\":5,\"tx_packets\":6,\"tx_errors\":7,\"tx_dropped\":8,"
		"\"other\":9},\"eth1\":{\"tx_bytes\":10,\"rx_bytes\":\"11\"},\"eth2\":null,\"\":{"
		"\"rx_bytes\":12},\"eth0\":{\"rx_bytes\":13}},\"rx_bytes\":14,"
		"\"nets\":{\"eth0\":{\"rx_bytes\":15}}},"
		"\"one\":{\"networks\":[{\"rx_bytes\":16}]}}");
	assert_int_equal(s[0].n_interfaces, 0);
	assert_int_equal(s[1].n_interfaces, 3);
	assert_true(sv_eq(s[1].interfaces[0].name, SV("eth0")));
	assert_true(sv_eq(s[1].interfaces[1].name, SV("eth1")));
	assert_true(s[1].interfaces[0].v[0] == 13);
	for (size_t k = 1; k < ECS_NETS; k++)
		assert_true(s[1].interfaces[0].v[k] == (double)k + 1);
	assert_true(s[1].interfaces[1].v[ECS_NET_TX_BYTES] == 10);
	assert_true(s[1].interfaces[1].v[ECS_NET_RX_BYTES] == -1);
	assert_true(s[1].interfaces[2].v[ECS_NET_RX_BYTES] == -1);
}

static void more_interfaces_than_are_kept(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	char json[4096] = "{\"one\":{\"networks\":{";
	for (int i = 0; i < ECS_INTERFACES_MAX + 5; i++)
		snprintf(json + strlen(json), sizeof json - strlen(json),
			 "%s\"eth%d\":{\"rx_bytes\":%d}", i ? "," : "", i, i);
	snprintf(json + strlen(json), sizeof json - strlen(json), "}}}");
	const struct ecs_stats *s = stats_of(&arena, json);
	assert_int_equal(s->n_interfaces, ECS_INTERFACES_MAX);
	assert_true(s->interfaces[ECS_INTERFACES_MAX - 1].v[0] == ECS_INTERFACES_MAX - 1);
}

static void whose_they_are(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	const struct ecs_stats *s =
		stats_of(&arena, "{\"two\":{\"memory_stats\":{\"usage\":2}},"
				 "\"three\":{\"memory_stats\":{\"usage\":3}},"
				 "\"\":{\"memory_stats\":{\"usage\":4}},\"one\":null}");
	assert_false(ecs_stats_told(&s[0]));
	assert_true(ecs_stats_told(&s[1]));
	assert_true(s[1].v[ECS_STAT_MEMORY_USAGE] == 2);
	assert_false(ecs_stats_told(&s[2]));
	arena_deinit(&arena);
	s = stats_of(&arena, "{\"one\":{\"memory_stats\":{\"usage\":1},\"pids_stats\":{\"current\":"
			     "7}},\"one\":{\"memory_stats\":{\"usage\":2}}}");
	assert_true(s[0].v[ECS_STAT_MEMORY_USAGE] == 2);
	assert_true(s[0].v[ECS_STAT_PIDS] == -1);
}

/* Docker's answer for a container that does not run. */
static void never_read(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	const struct ecs_stats *s = stats_of(
		&arena, "{\"one\":{\"read\":\"0001-01-01T00:00:00Z\",\"cpu_stats\":{\"cpu_usage\":{"
			"\"total_usage\":0}},\"networks\":{\"eth0\":{\"rx_bytes\":0}}},"
			"\"two\":{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":0}}}}");
	assert_false(ecs_stats_told(&s[0]));
	assert_int_equal(s[0].n_interfaces, 0);
	assert_true(ecs_stats_told(&s[1]));
}

static void without_memory(void **state)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct ecs_stats *out = NULL;
	struct err err = ERR_NULL;
	arena_init(&arena, 16);
	assert_int_equal(ecs_stats_read(&arena, &task, SV("{}"), &out, &err), ERR_NOMEM);
	arena_deinit(&arena);
	arena_init(&arena, 3 * sizeof(struct ecs_stats) + 64);
	assert_int_equal(ecs_stats_read(&arena, &task, SV("{\"one\":{\"networks\":{\"eth0\":{}}}}"),
					&out, &err),
			 ERR_NOMEM);
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),        cmocka_unit_test(times),
		cmocka_unit_test(interfaces),     cmocka_unit_test(more_interfaces_than_are_kept),
		cmocka_unit_test(whose_they_are), cmocka_unit_test(never_read),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
