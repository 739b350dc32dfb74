/* One round: lists, then describes what is due, then what that refers to. The rule of what is due
 * stands in ecs_inventory.h. */
#pragma once

#include "ecs_api.h"
#include "ecs_known.h"

#include <ampagent/base/limits.h>

enum {
	ECS_ALWAYS_WHOLE = 500, /* regions of at most so many tasks are described whole */
	ECS_ROTATION = 10,      /* rounds */
	ECS_YOUNG_S = 600,
};

struct ecs_round_input {
	const struct ecs_peer *peer;
	const struct sv *clusters; /* none = all */
	size_t n_clusters;
	const struct ecs_known *last;  /* the last whole round's; NULL = none */
	struct ecs_known *definitions; /* gets those that are missing; NULL = not wanted */
	uint64_t number;
	bool *told; /* of ECS_ACTIONS_: what the log has said it does without */
};

struct ecs_round;
/* What input points to must stay until the round is freed. 0 or ERR_NOMEM. */
int ecs_round_new(const struct ecs_round_input *input,
		  void (*done)(void *cls, const struct err *why), void *cls,
		  struct ecs_round **out);
/* Once; done may be called from inside, and may free the round. */
void ecs_round_begin(struct ecs_round *r);
void ecs_round_free(struct ecs_round *r);
/* After done without why: what is known, sealed. It is the caller's. */
struct ecs_known *ecs_round_take(struct ecs_round *r);

DEFINE_CLEANUP_PTR(struct ecs_round, ecs_round_free)
