/* Answers of the ECS API.
 * Source: Amazon ECS API Reference, "Actions", "Data Types".
 */
#pragma once

#include "ecs_action.h"
#include "ecs_known.h"

#include <ampagent/base/err.h>

struct ecs_failure {
	struct sv arn, reason;
};

/* What one answer said; views into the arena of who asked. */
struct ecs_answer {
	struct sv next_token; /* "" = the last page */
	struct sv *arns;      /* of lists */
	size_t n_arns;
	struct ecs_failure *failures;
	size_t n_failures;
	/* struct ecs_api_cluster, ecs_known_service, ecs_known_task, ecs_api_instance or
	 * ecs_api_definition, by the action; in no table yet, unlinked. */
	void **things;
	size_t n_things;
};

/* Keeps what is described in k, lists and the rest in scratch. 0; 1 with the reason when it is not
 * the answer that this action has; ERR_NOMEM. */
int ecs_json_read(struct ecs_known *k, struct arena *scratch, enum ecs_action action,
		  struct sv body, struct ecs_answer *out, struct err *err);
