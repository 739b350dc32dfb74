/* The ECS task that this process runs in, as its metadata endpoint describes it: pure.
 *
 * Source: Amazon ECS Developer Guide, "Amazon ECS task metadata endpoint version 4" (and 3). Every
 * field may be missing; unknown ones are passed over, as AWS adds fields.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

enum ecs_network { ECS_NETWORK_UNKNOWN, ECS_NETWORK_AWSVPC, ECS_NETWORK_BRIDGE, ECS_NETWORK_HOST };

struct ecs_pair {
	struct sv name, value;
};

struct ecs_port {
	uint16_t container, host; /* 0 = not told */
	struct sv protocol;       /* "tcp", "udp" */
};

struct ecs_container {
	struct sv docker_id, name, docker_name, image, image_id, arn;
	struct sv type; /* NORMAL, CNI_PAUSE ... */
	struct sv known_status, desired_status;
	struct sv health; /* UNKNOWN, HEALTHY, UNHEALTHY; "" = it has no health check */
	struct ecs_pair *labels;
	size_t n_labels;
	struct ecs_port *ports; /* each once, whatever addresses of the host it is bound to */
	size_t n_ports;
	enum ecs_network network;
	struct sv *ipv4, *ipv6;
	size_t n_ipv4, n_ipv6;
	double cpu_limit;                            /* 1024 = one vCPU; below 0 = not told */
	double memory_mib;                           /* below 0 = not told */
	int64_t created_ms, started_ms, finished_ms; /* 0 = not told */
	int64_t restarts;                            /* below 0 = not told */
	bool has_exit_code;
	int64_t exit_code;
};

/* Views into its own arena. */
struct ecs_task {
	struct arena arena;
	struct sv cluster; /* name, or ARN, as told */
	struct sv cluster_name;
	struct sv arn, id; /* id: the ARN's last part */
	struct sv region, account;
	struct sv family, revision;
	struct sv service; /* of ServiceName, else of Group ("service:NAME"); "" = not known */
	struct sv group;
	struct sv availability_zone, availability_zone_id, vpc_id;
	struct sv launch_type; /* EC2, FARGATE, EXTERNAL; "" = not told */
	struct sv known_status, desired_status;
	double cpu_limit;  /* vCPU; below 0 = not told */
	double memory_mib; /* below 0 = not told */
	double ephemeral_used_mib, ephemeral_reserved_mib;
	double clock_error_ms;            /* ClockDrift; below 0 = not told */
	int clock_synchronized;           /* 1, 0; below 0 = not told */
	struct ecs_container *containers; /* all, pause containers too */
	size_t n_containers;
};

/* Reads the answer to GET .../task into *out, which must hold nothing. 0; ERR_NOMEM; 1 with the
 * reason: not a JSON object, no TaskARN, more than LIMIT_ECS_TASK_BYTES. A member of another type
 * than expected counts as missing. */
int ecs_task_read(struct sv json, struct ecs_task *out, struct err *err);
void ecs_task_deinit(struct ecs_task *t);
DEFINE_CLEANUP(struct ecs_task, ecs_task_deinit)

/* "" when it has none of that name. */
struct sv ecs_container_label(const struct ecs_container *c, struct sv name);
/* A container of the user's, not of ECS itself. */
bool ecs_container_normal(const struct ecs_container *c);
