/* Which ports of a task's containers selectors choose, and where each is reached. */
#pragma once

#include "ecs_targets.h"

/* One chosen port. */
struct ecs_chosen {
	const struct ecs_api_definition_container *container;
	uint16_t port;       /* as the container has it */
	struct sv ip;        /* "": not known */
	uint16_t at;         /* the port at ip; 0: not known */
	struct sv path, job; /* "" = the job's */
};

/* Where a task is reached as a whole, IPv4 rather than IPv6; "" = nobody knows. */
struct sv ecs_select_task_ip(const struct ecs_api_task *task);

const struct ecs_sd_options *ecs_selection_options(const struct ecs_selection *s);
/* Tells of each port once, in the order of containers and then of selectors; stops when choose
 * fails and passes that on. task->definition is there. */
int ecs_select(const struct ecs_selection *s, const struct ecs_api_task *task,
	       int (*choose)(void *cls, const struct ecs_chosen *c), void *cls);
