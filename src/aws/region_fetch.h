/* The region in what the ECS agent tells of a task: pure. */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/base/err.h>

/* Of the TaskARN, else of the AvailabilityZone; in arena. Empty with the reason when neither has
 * one. */
struct sv aws_region_of_task(struct arena *arena, struct sv body, struct err *err);
