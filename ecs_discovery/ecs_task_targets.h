/* Target groups from what the metadata endpoint told of the agent's own task: pure. */
#pragma once

#include "groups.h"

#include <ampagent/discovery_options.h>
#include <ampagent/ecs/task.h>

/* What the step has to know of the agent itself. */
struct ecs_task_place {
	struct sv own_address;    /* "host:port" of the agent's pages; "" = none */
	const struct sv *own_ips; /* of the network that it is in */
	size_t n_own_ips;
	/* Whether a probed port has answered; key is that of its struct ecs_candidate. */
	bool (*answers)(const void *cls, uint64_t key);
	const void *cls;
};

/* A port that would be a target if it answered. */
struct ecs_candidate {
	struct sv address; /* "127.0.0.1:8080" */
	struct sv path;
	uint64_t key; /* another one when the containers that may answer are others */
};

struct ecs_task_found {
	struct arena arena;       /* of what follows, but groups */
	struct group_list groups; /* a group a container, by name; then "(task)" and "(metrics)" */
	struct ecs_candidate *candidates;
	size_t n_candidates;
	struct sv *faults; /* sentences that name the container */
	size_t n_faults;
};

/* What out gets is good on its own; it must hold nothing. 0 or ERR_NOMEM. */
int ecs_task_targets(const struct ecs_task *task, const struct ecs_task_sd_options *opt,
		     const struct ecs_task_place *place, struct ecs_task_found *out);
void ecs_task_found_deinit(struct ecs_task_found *f);
DEFINE_CLEANUP(struct ecs_task_found, ecs_task_found_deinit)

/* Whether some container of the task is in a network of its own, so that own_ips matter. */
bool ecs_task_has_bridge(const struct ecs_task *task);
