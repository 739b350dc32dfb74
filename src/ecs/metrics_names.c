/* metrics_names: names as Prometheus would have them: base units, _total on what only grows.
 *
 * The task has no counters that are sums over its containers. A container that ends takes its part
 * away, the sum would fall, and rate() would take that for a restart; sum(rate(...)) over the
 * containers' counters is right. The counters of a network that the whole task shares are not a
 * sum, so the task has them.
 */
#include "metrics_names.h"

#define PER_MIB (1.0 / 1048576)
#define NS 1e9
#define MS 1e3

#define CONTAINER(type, name, value, per, adot, help)                                              \
	{                                                                                          \
		"ecs_container_" name, help, adot, per, value, ECS_FAMILY_VALUE, type, false       \
	}
#define TASK(type, name, value, per, adot, help)                                                   \
	{                                                                                          \
		"ecs_task_" name, help, adot, per, value, ECS_FAMILY_VALUE, type, true             \
	}
#define NETWORK(name, net, adot, help)                                                             \
	{"ecs_container_network_" name,                                                            \
	 help " on the container's own network, in bridge mode.",                                  \
	 "container_network_io_usage_" adot,                                                       \
	 1,                                                                                        \
	 net,                                                                                      \
	 ECS_FAMILY_INTERFACES,                                                                    \
	 true,                                                                                     \
	 false},                                                                                   \
	{                                                                                          \
		"ecs_task_network_" name,                                                          \
			help " on the network that the task's containers share, in awsvpc mode.",  \
			"ecs_task_network_io_usage_" adot, 1, net, ECS_FAMILY_INTERFACES, true,    \
			true                                                                       \
	}

enum { GAUGE = false, COUNTER = true };

/* clang-format off */
static const struct ecs_family families[] = {
	{"ecs_container_info", "The image that the container runs.", NULL, 1, 0, ECS_FAMILY_INFO,
	 GAUGE, false},
	CONTAINER(GAUGE, "running", ECS_VALUE_RUNNING, 1, NULL,
		"Whether the container's known status is RUNNING."),
	{"ecs_container_health_status", "The health check's state, for containers that have one.",
	 NULL, 1, 0, ECS_FAMILY_HEALTH, GAUGE, false},
	CONTAINER(GAUGE, "start_time_seconds", ECS_VALUE_STARTED, MS, NULL,
		"When the container started, since the epoch."),
	CONTAINER(GAUGE, "finish_time_seconds", ECS_VALUE_FINISHED, MS, "container_duration_Seconds",
		"When the container ended, since the epoch."),
	CONTAINER(GAUGE, "exit_code", ECS_VALUE_EXIT_CODE, 1, NULL,
		"What the container ended with."),
	CONTAINER(COUNTER, "restarts_total", ECS_VALUE_RESTARTS, 1, NULL,
		"Restarts by the container's restart policy."),
	CONTAINER(COUNTER, "cpu_usage_seconds_total", ECS_VALUE_CPU_USAGE, NS,
		"container_cpu_usage_total_Nanoseconds", "Time of processors used."),
	CONTAINER(COUNTER, "cpu_user_seconds_total", ECS_VALUE_CPU_USER, NS,
		"container_cpu_usage_usermode_Nanoseconds", "Of it, by the programs themselves."),
	CONTAINER(COUNTER, "cpu_system_seconds_total", ECS_VALUE_CPU_KERNEL, NS,
		"container_cpu_usage_kernelmode_Nanoseconds", "Of it, by the kernel for them."),
	CONTAINER(COUNTER, "cpu_periods_total", ECS_VALUE_CPU_PERIODS, 1, NULL,
		"Periods in which a limit of processor time was in force."),
	CONTAINER(COUNTER, "cpu_throttled_periods_total", ECS_VALUE_CPU_THROTTLED_PERIODS, 1, NULL,
		"Periods in which the container was held back by it."),
	CONTAINER(COUNTER, "cpu_throttled_seconds_total", ECS_VALUE_CPU_THROTTLED, NS, NULL,
		"How long it was held back."),
	CONTAINER(GAUGE, "cpus_online", ECS_VALUE_CPU_ONLINE, 1, "container_cpu_onlines_Count",
		"Processors of the host."),
	CONTAINER(GAUGE, "cpu_reserved_vcpus", ECS_VALUE_CPU_RESERVED, 1024,
		"container_cpu_reserved_None", "The task definition's cpu of the container."),
	CONTAINER(GAUGE, "memory_usage_bytes", ECS_VALUE_MEMORY_USAGE, 1,
		"container_memory_usage_Bytes", "Memory in use, the cache of files included."),
	CONTAINER(GAUGE, "memory_working_set_bytes", ECS_VALUE_MEMORY_WORKING_SET, 1,
		"container_memory_utilized_MiB",
		"Memory in use without inactive cache of files, which can be dropped at once."),
	CONTAINER(GAUGE, "memory_cache_bytes", ECS_VALUE_MEMORY_CACHE, 1, NULL, "Cache of files."),
	CONTAINER(GAUGE, "memory_rss_bytes", ECS_VALUE_MEMORY_RSS, 1, NULL,
		"Memory that belongs to no file."),
	CONTAINER(GAUGE, "memory_max_usage_bytes", ECS_VALUE_MEMORY_MAX, 1,
		"container_memory_usage_max_Bytes",
		"The most memory in use so far; not told under cgroup v2."),
	CONTAINER(GAUGE, "memory_limit_bytes", ECS_VALUE_MEMORY_LIMIT, 1,
		"container_memory_usage_limit_Bytes",
		"The limit as Docker tells it, if there is one."),
	CONTAINER(GAUGE, "memory_reserved_bytes", ECS_VALUE_MEMORY_RESERVED, PER_MIB,
		"container_memory_reserved_MiB", "The task definition's memory of the container."),
	NETWORK("receive_bytes_total", ECS_NET_RX_BYTES, "rx_bytes_Bytes", "Bytes received"),
	NETWORK("receive_packets_total", ECS_NET_RX_PACKETS, "rx_packets_Count", "Packets received"),
	NETWORK("receive_errors_total", ECS_NET_RX_ERRORS, "rx_errors_Count", "Errors in receiving"),
	NETWORK("receive_dropped_total", ECS_NET_RX_DROPPED, "rx_dropped_Count",
		"Received packets dropped"),
	NETWORK("transmit_bytes_total", ECS_NET_TX_BYTES, "tx_bytes_Bytes", "Bytes sent"),
	NETWORK("transmit_packets_total", ECS_NET_TX_PACKETS, "tx_packets_Count", "Packets sent"),
	NETWORK("transmit_errors_total", ECS_NET_TX_ERRORS, "tx_errors_Count", "Errors in sending"),
	NETWORK("transmit_dropped_total", ECS_NET_TX_DROPPED, "tx_dropped_Count",
		"Packets to be sent dropped"),
	CONTAINER(COUNTER, "fs_reads_bytes_total", ECS_VALUE_READ_BYTES, 1,
		"container_storage_read_bytes_Bytes", "Bytes read from block devices, all together."),
	CONTAINER(COUNTER, "fs_writes_bytes_total", ECS_VALUE_WRITE_BYTES, 1,
		"container_storage_write_bytes_Bytes", "Bytes written to block devices, all together."),
	CONTAINER(COUNTER, "fs_reads_total", ECS_VALUE_READS, 1, NULL, "Reads from block devices."),
	CONTAINER(COUNTER, "fs_writes_total", ECS_VALUE_WRITES, 1, NULL, "Writes to block devices."),
	CONTAINER(GAUGE, "processes", ECS_VALUE_PROCESSES, 1, NULL, "Processes and threads."),
	CONTAINER(GAUGE, "processes_limit", ECS_VALUE_PROCESSES_LIMIT, 1, NULL,
		"The most there may be, if there is a limit."),
	TASK(GAUGE, "cpu_limit_vcpus", ECS_VALUE_CPU_LIMIT, 1024, "ecs_task_cpu_reserved_None",
		"The task definition's cpu of the task."),
	TASK(GAUGE, "memory_limit_bytes", ECS_VALUE_MEMORY_TASK_LIMIT, PER_MIB,
		"ecs_task_memory_reserved_MiB", "The task definition's memory of the task."),
	TASK(GAUGE, "memory_usage_bytes", ECS_VALUE_MEMORY_USAGE, 1, "ecs_task_memory_usage_Bytes",
		"Memory in use by all containers, the cache of files included."),
	TASK(GAUGE, "memory_working_set_bytes", ECS_VALUE_MEMORY_WORKING_SET, 1,
		"ecs_task_memory_utilized_MiB",
		"Memory in use by all containers without inactive cache of files."),
	TASK(GAUGE, "processes", ECS_VALUE_PROCESSES, 1, NULL,
		"Processes and threads of all containers."),
	TASK(GAUGE, "ephemeral_storage_used_bytes", ECS_VALUE_STORAGE_USED, PER_MIB,
		"ecs_task_ephemeral_storage_utilized_MiB", "Ephemeral storage in use, on Fargate."),
	TASK(GAUGE, "ephemeral_storage_reserved_bytes", ECS_VALUE_STORAGE_RESERVED, PER_MIB,
		"ecs_task_ephemeral_storage_reserved_MiB", "Ephemeral storage there is, on Fargate."),
	TASK(GAUGE, "clock_error_seconds", ECS_VALUE_CLOCK_ERROR, MS, NULL,
		"How far the clock may be off, on Fargate."),
	TASK(GAUGE, "clock_synchronized", ECS_VALUE_CLOCK_SYNCHRONIZED, 1, NULL,
		"Whether the clock is kept in step with others, on Fargate."),
};
/* clang-format on */

const struct ecs_names ecs_names_prometheus = {families, sizeof families / sizeof families[0],
					       "container"};
