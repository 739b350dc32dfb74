/* Task metadata of any bytes into targets: labels are sound, every target is of a container that
 * runs or of the task, no page is there twice, and what is excluded is not there.
 */
#include "../../../ecs_discovery/ecs_task_targets.h"
#include <ampagent/base/limits.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t ports[] = {80, 8080, 9100}, probe_ports[] = {81, 9090, 19090};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool every_other(const void *cls, uint64_t key)
{
	return key % 2 == 0;
}

static bool runs(const struct ecs_task *t, struct sv name)
{
	for (size_t i = 0; i < t->n_containers; i++)
		if (sv_eq(t->containers[i].name, name) &&
		    sv_eq(t->containers[i].known_status, SV("RUNNING")) &&
		    !sv_eq(ecs_container_label(&t->containers[i], SV("prometheus.io/scrape")),
			   SV("false")))
			return true;
	return false;
}

static void check_target(struct labels target)
{
	struct sv address = labels_get(target, SV("__address__"));
	struct sv path = labels_get(target, SV("__metrics_path__"));
	require(labels_valid(target));
	require(sv_find(address, ':') < address.len);
	require(path.len == 0 || path.ptr[0] == '/');
	require(labels_get(target, SV("__meta_ecs_source")).len > 0);
}

static void check_groups(const struct ecs_task *t, const struct group_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct target_group *g = &l->v[i];
		struct sv name = labels_get(g->labels, SV("__meta_ecs_container_name"));
		require(labels_valid(g->labels));
		require(g->n_targets > 0);
		require(name.len == 0 || runs(t, name));
		for (size_t k = 0; k < g->n_targets; k++) {
			check_target(g->targets[k]);
			for (size_t o = 0; o < k; o++)
				require(!labels_eq(g->targets[o], g->targets[k]));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sv own_ips[] = {SV("127.0.0.1"), SV("172.17.0.6")};
	const struct ecs_task_sd_options opt = {.task_metrics = ECS_TASK_METRICS_ADOT,
						.docker_labels = true,
						.ports = ports,
						.n_ports = 3,
						.probe_ports = probe_ports,
						.n_probe_ports = 3};
	const struct ecs_task_place place = {.own_address = SV("127.0.0.1:19090"),
					     .own_ips = own_ips,
					     .n_own_ips = 2,
					     .answers = every_other};
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arena = ARENA_NULL};
	struct ecs_task_found found;
	if (size > KiB(64) || ecs_task_read(sv_make((const char *)data, size), &task, NULL) != 0)
		return 0;
	require(ecs_task_targets(&task, &opt, &place, &found) == 0);
	check_groups(&task, &found.groups);
	ecs_task_found_deinit(&found);
	return 0;
}
