/* Pieces of views of the ECS API. */
#pragma once

#include "../../../ecs_discovery/ecs_view.h"
#include <ampagent/discovery_options.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ARN "arn:aws:ecs:eu-west-1:123456789012:"
#define WEB_TASK ARN "task/prod/0123456789abcdef0123456789abcdef"

#define N_OF(a) (sizeof(a) / sizeof *(a))
/* An array and its count for designated initializers; at file scope it lives for ever. */
#define TAGS(...)                                                                                  \
	{                                                                                          \
		(struct ecs_tag[]){__VA_ARGS__}, N_OF(((struct ecs_tag[]){__VA_ARGS__}))           \
	}
#define TAG(k, v)                                                                                  \
	{                                                                                          \
		SVI(k), SVI(v)                                                                     \
	}
#define PORTS_OF(...)                                                                              \
	(struct ecs_api_port[]){__VA_ARGS__},                                                      \
		.n_ports = N_OF(((struct ecs_api_port[]){__VA_ARGS__}))
#define BINDINGS_OF(...)                                                                           \
	(struct ecs_api_port[]){__VA_ARGS__},                                                      \
		.n_bindings = N_OF(((struct ecs_api_port[]){__VA_ARGS__}))
/* A literal's view where only constants may stand. */
#define SVI(lit)                                                                                   \
	{                                                                                          \
		"" lit, sizeof(lit) - 1                                                            \
	}

static const struct ecs_api_cluster prod = {
	.arn = SVI(ARN "cluster/prod"),
	.name = SVI("prod"),
	.tags = TAGS(TAG("team", "blue"), TAG("cost center", "7")),
};

static const struct ecs_api_service web = {
	.arn = SVI(ARN "service/prod/web"),
	.name = SVI("web"),
	.status = SVI("ACTIVE"),
	.tags = TAGS(TAG("app.kubernetes.io/name", "web"), TAG("empty", "")),
};

static const struct ecs_api_instance instance = {
	.container_instance_arn = SVI(ARN "container-instance/prod/c1"),
	.id = SVI("i-0a1b2c3d"),
	.private_ip = SVI("10.1.0.4"),
	.public_ip = SVI("54.0.0.4"),
	.subnet_id = SVI("subnet-host"),
	.vpc_id = SVI("vpc-1"),
	.type = SVI("m7g.large"),
	.tags = TAGS(TAG("Name", "host 1")),
};

static const struct ecs_api_instance unknown_instance = {
	.container_instance_arn = SVI(ARN "container-instance/prod/c2"),
	.id = SVI("i-0fff"),
	.type = SVI("m7g.large"),
	.tags = TAGS(TAG("Name", "going down")),
};

static const struct ecs_api_instance anywhere = {
	.container_instance_arn = SVI(ARN "container-instance/prod/c3"),
	.id = SVI("mi-0123456789"),
};

/* A task of the service web; what it runs on is the case's. */
#define WEB                                                                                        \
	.arn = SVI(WEB_TASK), .definition_arn = SVI(ARN "task-definition/web:7"),                  \
	.group = SVI("service:web"), .started_by = SVI("ecs-svc/42"),                              \
	.last_status = SVI("RUNNING"), .desired_status = SVI("RUNNING"), .health = SVI("HEALTHY"), \
	.availability_zone = SVI("eu-west-1a"), .cluster = &prod, .service = &web

#define ON_FARGATE                                                                                 \
	.launch_type = SVI("FARGATE"), .platform_family = SVI("Linux"),                            \
	.has_platform_family = true, .platform_version = SVI("1.4.0"),                             \
	.has_platform_version = true

#define ENI                                                                                        \
	.has_eni = true, .eni_id = SVI("eni-1"), .eni_ipv4 = SVI("10.0.0.9"),                      \
	.eni_subnet_id = SVI("subnet-task")

#define ON_EC2                                                                                     \
	.launch_type = SVI("EC2"),                                                                 \
	.container_instance_arn = SVI(ARN "container-instance/prod/c1"), .instance = &instance
