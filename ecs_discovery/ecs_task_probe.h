/* Asks ports whether they have a page: opt-in probing of a task's containers. Runs on one loop. */
#pragma once

#include "ecs_task_targets.h"

#include <ampagent/net/http_client.h>

struct ecs_probe;

/* done is called at the end of each round, from the loop. 0 or ERR_NOMEM. */
int ecs_probe_new(struct loop *loop, struct http_pool *pool, void (*done)(void *cls), void *cls,
		  struct ecs_probe **out);
/* Also during a round, which then does not end. NULL is fine. */
void ecs_probe_free(struct ecs_probe *p);

/* Forgets what has answered and is not among these, and begins a round with those that have not
 * answered yet. Returns whether it did: false when there are none. Not during a round. */
bool ecs_probe_round(struct ecs_probe *p, const struct ecs_candidate *v, size_t n);
bool ecs_probe_busy(const struct ecs_probe *p);
/* cls is a probe. */
bool ecs_probe_answered(const void *cls, uint64_t key);

DEFINE_CLEANUP_PTR(struct ecs_probe, ecs_probe_free)
