/* What the ECS and EC2 APIs said, as of one whole round: what targets are made of. Everything may
 * be missing ("" or NULL). Views valid until the inventory's next round ends.
 *
 * Source: Amazon ECS API Reference, Amazon EC2 API Reference (data types of the calls that
 * ecs_inventory.h names).
 */
#pragma once

#include <ampagent/base/sv.h>

struct ecs_tag {
	struct sv key, value;
};

struct ecs_tags {
	struct ecs_tag *v;
	size_t n;
};

struct ecs_api_cluster {
	struct sv arn, name;
	struct ecs_tags tags;
	struct sv status;
};

struct ecs_api_service {
	struct sv arn, name, status;
	struct ecs_tags tags;
};

/* A port, or a range of as many ports on either side. */
struct ecs_api_port {
	uint16_t container, host; /* 0 = not given; the first one of a range */
	uint16_t container_last;  /* 0 = no range */
	struct sv protocol;
	struct sv bind_ip; /* of networkBindings */
};

/* A container of a task definition. */
struct ecs_api_definition_container {
	struct sv name;
	struct ecs_tags labels; /* dockerLabels */
	struct ecs_api_port *ports;
	size_t n_ports;
};

struct ecs_api_definition {
	struct sv arn, family, network_mode; /* awsvpc, bridge, host, none; "" = bridge */
	int64_t revision;
	struct ecs_api_definition_container *containers;
	size_t n_containers;
};

/* A container instance and the EC2 instance that it is. ECS Anywhere: id begins with "mi-" and the
 * rest is empty. */
struct ecs_api_instance {
	struct sv container_instance_arn, id;
	struct sv private_ip, public_ip, subnet_id, vpc_id, type;
	struct ecs_tags tags;
};

/* A container of a task that runs. */
struct ecs_api_container {
	struct sv name, last_status, health;
	struct sv ipv4, ipv6;          /* of its own interface (awsvpc) */
	struct ecs_api_port *bindings; /* networkBindings */
	size_t n_bindings;
};

struct ecs_api_task {
	struct sv arn, definition_arn, group, started_by, launch_type;
	struct sv last_status, desired_status, health;
	struct sv availability_zone, platform_family, platform_version;
	bool has_platform_family, has_platform_version;
	struct sv container_instance_arn;
	bool has_eni; /* awsvpc */
	struct sv eni_id, eni_ipv4, eni_ipv6, eni_subnet_id, eni_public_ip;
	struct ecs_api_container *containers;
	size_t n_containers;
	struct ecs_tags tags;
	const struct ecs_api_cluster *cluster;       /* never NULL */
	const struct ecs_api_service *service;       /* NULL: standalone, or not known */
	const struct ecs_api_definition *definition; /* NULL when not asked for */
	const struct ecs_api_instance *instance;     /* NULL on Fargate, or not known */
};

struct ecs_view {
	struct sv region;
	const struct ecs_api_task *const *tasks;
	size_t n_tasks;
};
