#include <ampagent/model/identity.h>

const char *const identity_label_names[] = {
	"ecs_cluster",           "ecs_service",     "ecs_task_family",
	"ecs_task_revision",     "ecs_task_id",     "ecs_container",
	"ecs_availability_zone", "ecs_launch_type", NULL,
};
