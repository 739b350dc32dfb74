/* What the files of a round share. */
#pragma once

#include "ecs_round.h"

/* Something that a list named; found by its ARN. */
struct ecs_listed {
	struct sv key;
	const struct ecs_api_cluster *cluster; /* NULL of clusters */
	bool answered;
};

struct ecs_round {
	struct ecs_round_input in;
	void (*done)(void *cls, const struct err *why);
	void *cls;
	struct ecs_api *api;
	struct ecs_known *known;
	bool sealed;
	struct arena arena; /* until the round ends */
	struct arena page;  /* of one answer */
	size_t phase, asked;
	int64_t now_s; /* by the peer's clock */
	/* of struct ecs_listed */
	struct ecs_table listed_clusters, listed_services, listed_tasks;
	/* by id, of struct ecs_awaited: whom an EC2 answer is for */
	struct ecs_table interfaces, instances;
	/* The first question of each kind that EC2 may deny, and the others that wait for it. */
	struct ecs_held {
		const struct sv *ids;
		size_t n;
		bool allowed;
	} held[ECS_ACTIONS_];
};

struct ecs_awaited {
	struct sv key;
	struct ecs_api_task *task;
	struct ecs_api_instance *instance;
	struct ecs_awaited *next; /* of the same key */
};

/* 0 or ERR_NOMEM. ids must lie in the round's arena. */
int ecs_round_ask(struct ecs_round *r, enum ecs_action action, struct sv cluster,
		  const struct sv *ids, size_t n);
/* In batches. */
int ecs_round_ask_all(struct ecs_round *r, enum ecs_action action, struct sv cluster,
		      const struct sv *ids, size_t n);

/* What is to be described, gathered and asked cluster by cluster. */
struct ecs_due {
	struct ecs_due_item {
		struct sv id, cluster;
	} * v;
	size_t n;
	struct arena *arena;
};
int ecs_due_init(struct ecs_due *d, struct arena *arena, size_t max);
void ecs_due_add(struct ecs_due *d, struct sv id, struct sv cluster);
/* Empties it. */
int ecs_due_ask(struct ecs_due *d, struct ecs_round *r, enum ecs_action action);

bool ecs_round_instance_due(const struct ecs_round *r, const struct ecs_api_instance *i);

/* Phases: what tasks refer to, and the EC2 instances behind container instances. */
int ecs_round_begin_details(struct ecs_round *r);
int ecs_round_begin_instances(struct ecs_round *r);
/* Asks nobody. */
int ecs_round_keep_instances(struct ecs_round *r);

/* Of struct ecs_api_user. */
int ecs_round_answer(void *cls, const struct ecs_question *q, struct sv body, struct sv *next_token,
		     struct err *err);
bool ecs_round_denied(void *cls, const struct ecs_question *q, const struct err *why);
