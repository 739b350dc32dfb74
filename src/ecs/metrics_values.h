/* Every number that the pages have, of a container and of the task, whatever it is called there.
 *
 * Source: the kernel's cgroup-v1 and cgroup-v2 documentation; Docker, "docker stats", how memory in
 * use is reckoned.
 */
#pragma once

#include "stats.h"

enum ecs_value {
	ECS_VALUE_CPU_USAGE, /* nanoseconds, as all of these */
	ECS_VALUE_CPU_USER,
	ECS_VALUE_CPU_KERNEL,
	ECS_VALUE_CPU_HOST,
	ECS_VALUE_CPU_THROTTLED,
	ECS_VALUE_CPU_PERIODS,
	ECS_VALUE_CPU_THROTTLED_PERIODS,
	ECS_VALUE_CPU_ONLINE,
	ECS_VALUE_CPU_CORES,
	ECS_VALUE_CPU_RESERVED, /* 1024 = one vCPU */
	ECS_VALUE_CPU_LIMIT,    /* the same; of the task only, when it has one */
	ECS_VALUE_CPU_VCPU,     /* in use between the last two looks */
	ECS_VALUE_CPU_UTILIZED, /* container: percent of what is reserved; task: 1024 = one vCPU */
	ECS_VALUE_MEMORY_USAGE,
	ECS_VALUE_MEMORY_WORKING_SET,
	ECS_VALUE_MEMORY_CACHE,
	ECS_VALUE_MEMORY_RSS,
	ECS_VALUE_MEMORY_MAX,
	ECS_VALUE_MEMORY_LIMIT,
	ECS_VALUE_MEMORY_UTILIZED,   /* whole MiB */
	ECS_VALUE_MEMORY_RESERVED,   /* MiB */
	ECS_VALUE_MEMORY_TASK_LIMIT, /* MiB; of the task only, when it has one */
	ECS_VALUE_READ_BYTES,
	ECS_VALUE_WRITE_BYTES,
	ECS_VALUE_READS,
	ECS_VALUE_WRITES,
	ECS_VALUE_PROCESSES,
	ECS_VALUE_PROCESSES_LIMIT,
	ECS_VALUE_RATE_RX,
	ECS_VALUE_RATE_TX,
	ECS_VALUE_RUNNING,
	ECS_VALUE_STARTED,  /* milliseconds of wall clock */
	ECS_VALUE_FINISHED, /* the same */
	ECS_VALUE_EXIT_CODE,
	ECS_VALUE_RESTARTS,
	ECS_VALUE_DURATION,         /* milliseconds; of a container that has ended */
	ECS_VALUE_STORAGE_USED,     /* MiB */
	ECS_VALUE_STORAGE_RESERVED, /* MiB */
	ECS_VALUE_CLOCK_ERROR,      /* milliseconds */
	ECS_VALUE_CLOCK_SYNCHRONIZED,
	ECS_VALUE_NET, /* the first of ECS_NETS, summed over interfaces */
	ECS_VALUES = ECS_VALUE_NET + ECS_NETS
};

struct ecs_values {
	double v[ECS_VALUES];                  /* NaN = not told */
	const struct ecs_container *container; /* NULL = of the task */
	/* The network of the container's own; in awsvpc mode the containers have none, the task has
	 * one. */
	const struct ecs_interface *interfaces;
	size_t n_interfaces;
};

struct ecs_reckoning {
	struct ecs_values task;
	struct ecs_values *containers; /* the user's, each name once, in the order of names */
	size_t n;
};

/* stats: those of the task's containers, in its order. Views into task, stats and arena. 0 or
 * ERR_NOMEM. */
int ecs_reckon(struct arena *arena, const struct ecs_task *task, const struct ecs_stats *stats,
	       struct ecs_reckoning *out);
