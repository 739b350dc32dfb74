/* A task's identity from its metadata: pure. */
#pragma once

#include <ampagent/ecs/task.h>
#include <ampagent/model/identity.h>

/* Fills *out for the task; names are those of identity_label_names wanted. Labels whose value is
 * not known are left out; ecs_container comes from __meta_ecs_container_name. Views into arena. An
 * address of the task counts as unique where no other task can have it: awsvpc, not bridge or host.
 * 0 or ERR_NOMEM. */
int ecs_identity(struct arena *arena, const struct ecs_task *task, enum identity_mode mode,
		 const struct sv *names, size_t n_names, struct identity *out);
