/* What makes the series of this task's own targets distinct from those of its copies.
 *
 * All tasks of a service see their neighbours at the same loopback addresses. Without a label that
 * names the task their series would be one, with samples of all of them in it. So a target that is
 * local to the task gets labels that say which task it is, after relabeling, where it has none of
 * that name.
 */
#pragma once

#include <ampagent/model/labels.h>

enum identity_mode {
	IDENTITY_AUTO,   /* local targets get the labels */
	IDENTITY_STRICT, /* none is given: a local target without a task-unique label is refused */
	IDENTITY_OFF,
};

struct identity_label {
	struct sv name;
	struct sv value;
	struct sv from; /* when not empty: the value of this label of the target before its __meta_
			   labels go, if it has one */
};

/* The labels that an ECS task can give, and that ampagent.identity_labels may name: ecs_cluster,
 * ecs_service, ecs_task_family, ecs_task_revision, ecs_task_id, ecs_container,
 * ecs_availability_zone, ecs_launch_type; NULL ends it. */
extern const char *const identity_label_names[];

/* Views live as long as whoever made it says. */
struct identity {
	enum identity_mode mode;
	/* False: which task this is is not known yet; local targets wait. */
	bool known;
	struct sv task_id; /* `instance` becomes "<task_id>:<port>" where it is the address */
	/* A label whose value contains one of these names the task: its id, addresses and
	 * container ids that no other task has at the same time. */
	const struct sv *unique;
	size_t n_unique;
	/* Hosts that are this task's own besides loopback and the unspecified address. */
	const struct sv *hosts;
	size_t n_hosts;
	const struct identity_label *labels;
	size_t n_labels;
	/* Labels that every series gets later where it has none of that name; they may name the
	 * task too. */
	struct labels external;
};

/* Copies it with all that it views into arena: 0 or ERR_NOMEM. */
int identity_copy(struct arena *arena, const struct identity *in, struct identity *out);
bool identity_eq(const struct identity *a, const struct identity *b);
