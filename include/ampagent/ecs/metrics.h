/* CPU, memory, network and disk of the task and its containers, as a page of the Prometheus text
 * format: pure.
 *
 * Source: Docker Engine API, "Get container stats"; Amazon ECS Developer Guide, "task metadata
 * endpoint version 4", /task/stats; the kernel's cgroup-v1 and cgroup-v2 documentation.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/ecs/task.h>

enum ecs_metric_names {
	ECS_NAMES_OFF,
	ECS_NAMES_PROMETHEUS, /* ecs_container_cpu_usage_seconds_total ... */
	ECS_NAMES_ADOT,       /* as ADOT's awsecscontainermetrics receiver comes out of its
				 Prometheus exporters: ecs_task_memory_utilized_MiB ... */
};

/* The task has no counters that are sums over containers: such a sum falls when a container ends,
 * and a counter never does. Only the network that a whole task shares has counters of the task. A
 * sum of what is in use is left out while a container that runs tells nothing.
 *
 * Appends the page for the answer to GET .../task/stats. Labels tell the container only by its
 * name: nothing in them changes while a task runs. 0; ERR_NOMEM; 1 with the reason when stats is
 * not a JSON object: then nothing is appended. */
int ecs_metrics_page(const struct ecs_task *task, struct sv stats, enum ecs_metric_names names,
		     struct buf *out, struct err *err);
/* docs/ECS_METRICS.md: 0, or 1 when it does not fit. */
int ecs_metrics_print_docs(struct buf *out);
