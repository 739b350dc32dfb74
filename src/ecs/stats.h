/* The answer to GET .../task/stats: what Docker tells of each container, read without a tree.
 *
 * Source: Docker Engine API, "Get container stats"; Amazon ECS Developer Guide, "task metadata
 * endpoint version 4". Control groups of version 1 and 2 name and leave out different members, and
 * a container may be null or {}: everything is optional.
 */
#pragma once

#include <ampagent/ecs/task.h>

enum ecs_stat {
	ECS_STAT_CPU_TOTAL, /* nanoseconds, as all of these */
	ECS_STAT_CPU_USER,
	ECS_STAT_CPU_KERNEL,
	ECS_STAT_CPU_HOST, /* of the whole machine */
	ECS_STAT_CPU_BEFORE,
	ECS_STAT_CPU_ONLINE,
	ECS_STAT_CPU_LISTED, /* the members of percpu_usage */
	ECS_STAT_PERIODS,
	ECS_STAT_THROTTLED_PERIODS,
	ECS_STAT_THROTTLED, /* nanoseconds */
	ECS_STAT_MEMORY_USAGE,
	ECS_STAT_MEMORY_MAX,
	ECS_STAT_MEMORY_LIMIT,
	ECS_STAT_CACHE,          /* version 1 */
	ECS_STAT_RSS,            /* version 1 */
	ECS_STAT_TOTAL_INACTIVE, /* version 1: inactive_file with what lies below */
	ECS_STAT_FILE,           /* version 2: what version 1 calls cache */
	ECS_STAT_ANON,           /* version 2: what version 1 calls rss */
	ECS_STAT_INACTIVE,
	ECS_STAT_PIDS,
	ECS_STAT_PIDS_LIMIT,
	ECS_STAT_READ_BYTES, /* summed over devices, as the next three */
	ECS_STAT_WRITE_BYTES,
	ECS_STAT_READS,
	ECS_STAT_WRITES,
	ECS_STAT_RATE_RX, /* bytes a second, reckoned by the ECS agent */
	ECS_STAT_RATE_TX,
	ECS_STATS
};

enum ecs_net { /* in the order of the families */
	       ECS_NET_RX_BYTES,
	       ECS_NET_RX_PACKETS,
	       ECS_NET_RX_ERRORS,
	       ECS_NET_RX_DROPPED,
	       ECS_NET_TX_BYTES,
	       ECS_NET_TX_PACKETS,
	       ECS_NET_TX_ERRORS,
	       ECS_NET_TX_DROPPED,
	       ECS_NETS
};

/* Beyond these the rest is passed over: a task has one or two. */
enum { ECS_INTERFACES_MAX = 32 };

struct ecs_interface {
	struct sv name;
	double v[ECS_NETS]; /* below 0 = not told */
};

struct ecs_stats {
	double v[ECS_STATS]; /* below 0 = not told */
	int64_t read_ns;     /* wall clock; 0 = not told */
	int64_t before_ns;   /* of ECS_STAT_CPU_BEFORE */
	struct ecs_interface *interfaces;
	size_t n_interfaces;
};

/* Reads json into one struct for each container of the task, in its order, allocated in arena as
 * are the names; what is told of other containers is passed over. 0; ERR_NOMEM; 1 with the reason
 * when json is not a JSON object or larger than LIMIT_ECS_TASK_BYTES. */
int ecs_stats_read(struct arena *arena, const struct ecs_task *task, struct sv json,
		   struct ecs_stats **out, struct err *err);
/* Whether Docker told anything that only a running container has. */
bool ecs_stats_told(const struct ecs_stats *s);
