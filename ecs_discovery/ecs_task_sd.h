/* ecs_task_sd_configs: the containers of the agent's own task, and its own page of the task's
 * metrics. */
#pragma once

#include "provider.h"
#include <ampagent/discovery.h>

/* env must stay valid. Without env->ecs the list is empty and never complete, and the log says once
 * why. 0 or ERR_NOMEM. */
int ecs_task_provider_new(const struct discovery_env *env, const struct ecs_task_sd_options *opt,
			  struct provider **out);
/* Whether p is such a provider with equal options; then it uses opt from now on. */
bool ecs_task_provider_take(struct provider *p, const struct ecs_task_sd_options *opt);
