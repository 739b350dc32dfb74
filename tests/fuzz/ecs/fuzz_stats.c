/* Docker's statistics of any bytes: a page of either names is whole, says nothing twice, and is the
 * same when it is made again; a bad answer makes none.
 */
#include <ampagent/base/limits.h>
#include <ampagent/ecs/metrics.h>
#include <ampagent/scrape_lint.h>

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

#define CONTAINER(id, its_name, its_type, mode)                                                    \
	{                                                                                          \
		.docker_id = SV(id), .name = SV(its_name), .type = SV(its_type), .network = mode,  \
		.known_status = SV("RUNNING"), .health = SV("HEALTHY"), .cpu_limit = 256,          \
		.memory_mib = 512, .started_ms = 1000, .restarts = 1                               \
	}

/* Ids of tests/data/ecs/stats among them. */
static struct ecs_container awsvpc[] = {
	CONTAINER("p", "~internal~ecs~pause", "CNI_PAUSE", ECS_NETWORK_AWSVPC),
	CONTAINER("a", "a", "NORMAL", ECS_NETWORK_AWSVPC),
	CONTAINER("b", "b", "NORMAL", ECS_NETWORK_AWSVPC),
	CONTAINER("4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d-1187340021", "cart", "NORMAL",
		  ECS_NETWORK_AWSVPC),
	CONTAINER("4f1c0a9be7d24c6f8f6f2f0f8a1b3c5d-0000000801", "ampagent", "NORMAL",
		  ECS_NETWORK_AWSVPC),
};
static struct ecs_container bridge[] = {
	CONTAINER("a", "a", "NORMAL", ECS_NETWORK_BRIDGE),
	CONTAINER("b", "b", "NORMAL", ECS_NETWORK_UNKNOWN),
	CONTAINER("c", "b", "NORMAL", ECS_NETWORK_HOST),
	CONTAINER("5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f5e6f", "gateway",
		  "NORMAL", ECS_NETWORK_BRIDGE),
};

static const struct ecs_task tasks[] = {
	{.containers = awsvpc,
	 .n_containers = sizeof awsvpc / sizeof awsvpc[0],
	 .cpu_limit = 1,
	 .memory_mib = 2048,
	 .clock_synchronized = 1},
	{.containers = bridge,
	 .n_containers = sizeof bridge / sizeof bridge[0],
	 .cpu_limit = -1,
	 .memory_mib = -1,
	 .ephemeral_used_mib = -1,
	 .ephemeral_reserved_mib = -1,
	 .clock_error_ms = -1,
	 .clock_synchronized = -1},
};

static void on_problem(void *userdata, struct sv metric, struct sv text)
{
	abort();
}

/* Up to the value. */
static size_t series_len(struct sv line)
{
	while (line.len > 0 && line.ptr[line.len - 1] != ' ')
		line.len--;
	return line.len;
}

/* Samples of a family stand together: a twin would follow soon. */
static void check_twins(struct sv page)
{
	while (page.len > 0) {
		struct sv line = sv_make(page.ptr, sv_find(page, '\n'));
		struct sv series = sv_make(line.ptr, series_len(line));
		page = sv_from(page, line.len + 1);
		if (line.ptr[0] == '#')
			continue;
		struct sv rest = page;
		while (rest.len > 0 && rest.ptr[0] != '#') {
			struct sv other = sv_make(rest.ptr, sv_find(rest, '\n'));
			require(!sv_eq(series, sv_make(other.ptr, series_len(other))));
			rest = sv_from(rest, other.len + 1);
		}
	}
}

static void check(const struct ecs_task *task, struct sv json, enum ecs_metric_names names)
{
	_cleanup_(buf_deinit) struct buf page, again;
	struct err err = ERR_NULL;
	const struct scrape_lint_calls calls = {
		NULL, names == ECS_NAMES_PROMETHEUS ? on_problem : NULL, NULL};
	buf_init(&page, MiB(16));
	buf_init(&again, MiB(16));
	int result = ecs_metrics_page(task, json, names, &page, &err);
	require(result == 0 || result == 1);
	require(ecs_metrics_page(task, json, names, &again, NULL) == result);
	require(sv_eq(buf_view(&page), buf_view(&again)));
	if (result == 1) {
		require(err.msg[0] != '\0' && page.len == 0);
		return;
	}
	require(page.len > 0 && scrape_lint(buf_view(&page), &calls, &err) == 0);
	check_twins(buf_view(&page));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv json = sv_make((const char *)data, size);
	for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
		check(&tasks[i], json, ECS_NAMES_PROMETHEUS);
		check(&tasks[i], json, ECS_NAMES_ADOT);
	}
	return 0;
}
