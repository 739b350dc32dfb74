/* metrics_names_adot: what the OpenTelemetry collector's receiver awsecscontainermetrics comes out
 * as when its exporters for Prometheus add units to names (add_metric_suffixes, their default).
 *
 * The receiver calls its sums not monotonic, so there is no _total. Types here tell what is so: a
 * container's counters only grow; those of the task are sums, and fall when a container ends.
 * Units of memory were called Megabytes until 2026 (v0.145): both names are told, because
 * dashboards have either.
 *
 * Source: opentelemetry-collector-contrib v0.145 and v0.164,
 * receiver/awsecscontainermetricsreceiver; github.com/prometheus/otlptranslator v1.0.0.
 */
#include "metrics_names.h"

#define BOTH(type, name, value, per, help)                                                         \
	{"container_" name, help, NULL, per, value, ECS_FAMILY_VALUE, type, false},                \
	{                                                                                          \
		"ecs_task_" name, help, NULL, per, value, ECS_FAMILY_VALUE, false, true            \
	}
#define NET(name, net, help) BOTH(COUNTER, "network_io_usage_" name, ECS_VALUE_NET + (net), 1, help)

enum { GAUGE = false, COUNTER = true };

/* clang-format off */
static const struct ecs_family families[] = {
	BOTH(GAUGE, "memory_usage_Bytes", ECS_VALUE_MEMORY_USAGE, 1,
		"Memory in use, the cache of files included."),
	BOTH(GAUGE, "memory_usage_max_Bytes", ECS_VALUE_MEMORY_MAX, 1,
		"The most memory in use so far."),
	BOTH(GAUGE, "memory_usage_limit_Bytes", ECS_VALUE_MEMORY_LIMIT, 1, "The limit of memory."),
	BOTH(GAUGE, "memory_utilized_MiB", ECS_VALUE_MEMORY_UTILIZED, 1,
		"Memory in use less cache of files (cgroup v2: less inactive cache)."),
	BOTH(GAUGE, "memory_reserved_MiB", ECS_VALUE_MEMORY_RESERVED, 1,
		"Memory in the task definition."),
	BOTH(GAUGE, "memory_utilized_Megabytes", ECS_VALUE_MEMORY_UTILIZED, 1,
		"The same as memory_utilized_MiB, by its name until 2026."),
	BOTH(GAUGE, "memory_reserved_Megabytes", ECS_VALUE_MEMORY_RESERVED, 1,
		"The same as memory_reserved_MiB, by its name until 2026."),
	BOTH(COUNTER, "cpu_usage_total_Nanoseconds", ECS_VALUE_CPU_USAGE, 1,
		"Time of processors used."),
	BOTH(COUNTER, "cpu_usage_kernelmode_Nanoseconds", ECS_VALUE_CPU_KERNEL, 1,
		"Of it, by the kernel."),
	BOTH(COUNTER, "cpu_usage_usermode_Nanoseconds", ECS_VALUE_CPU_USER, 1,
		"Of it, by the programs themselves."),
	BOTH(GAUGE, "cpu_cores_Count", ECS_VALUE_CPU_CORES, 1, "Processors of the host."),
	BOTH(GAUGE, "cpu_onlines_Count", ECS_VALUE_CPU_ONLINE, 1,
		"Processors of the host that are online."),
	BOTH(COUNTER, "cpu_usage_system_Nanoseconds", ECS_VALUE_CPU_HOST, 1,
		"Time of processors used by the whole host."),
	BOTH(GAUGE, "cpu_utilized_None", ECS_VALUE_CPU_UTILIZED, 1,
		"Container: processors in use, in percent of what is reserved. Task: 1024 is one "
		"processor."),
	BOTH(GAUGE, "cpu_reserved_None", ECS_VALUE_CPU_RESERVED, 1,
		"Processors in the task definition; 1024 is one."),
	BOTH(GAUGE, "cpu_usage_vcpu_vCPU", ECS_VALUE_CPU_VCPU, 1, "Processors in use."),
	BOTH(GAUGE, "network_rate_rx_Bytes_per_Second", ECS_VALUE_RATE_RX, 1, "Bytes received."),
	BOTH(GAUGE, "network_rate_tx_Bytes_per_Second", ECS_VALUE_RATE_TX, 1, "Bytes sent."),
	NET("rx_bytes_Bytes", ECS_NET_RX_BYTES, "Bytes received."),
	NET("rx_packets_Count", ECS_NET_RX_PACKETS, "Packets received."),
	NET("rx_errors_Count", ECS_NET_RX_ERRORS, "Errors in receiving."),
	NET("rx_dropped_Count", ECS_NET_RX_DROPPED, "Received packets dropped."),
	NET("tx_bytes_Bytes", ECS_NET_TX_BYTES, "Bytes sent."),
	NET("tx_packets_Count", ECS_NET_TX_PACKETS, "Packets sent."),
	NET("tx_errors_Count", ECS_NET_TX_ERRORS, "Errors in sending."),
	NET("tx_dropped_Count", ECS_NET_TX_DROPPED, "Packets to be sent dropped."),
	BOTH(COUNTER, "storage_read_bytes_Bytes", ECS_VALUE_READ_BYTES, 1,
		"Bytes read from block devices."),
	BOTH(COUNTER, "storage_write_bytes_Bytes", ECS_VALUE_WRITE_BYTES, 1,
		"Bytes written to block devices."),
	{"container_duration_Seconds", "How long a container ran that has ended.", NULL, 1e3,
	 ECS_VALUE_DURATION, ECS_FAMILY_VALUE, GAUGE, false},
	{"ecs_task_ephemeral_storage_utilized_MiB", "Ephemeral storage in use, on Fargate.", NULL, 1,
	 ECS_VALUE_STORAGE_USED, ECS_FAMILY_VALUE, GAUGE, true},
	{"ecs_task_ephemeral_storage_reserved_MiB", "Ephemeral storage there is, on Fargate.", NULL,
	 1, ECS_VALUE_STORAGE_RESERVED, ECS_FAMILY_VALUE, GAUGE, true},
};
/* clang-format on */

const struct ecs_names ecs_names_adot = {families, sizeof families / sizeof families[0],
					 "container_name"};
