/* Questions to the ECS and EC2 API: queued, paced, all pages of each, a few at a time.
 * Source: Amazon ECS API Reference, "Actions", "Request throttling"; Amazon EC2 API Reference,
 * "Query requests", "Pagination".
 */
#pragma once

#include "ecs_action.h"
#include "ecs_pace.h"

#include <ampagent/aws/call.h>
#include <ampagent/base/metrics.h>

/* Whom to ask. What it points to must outlive the ecs_api. */
struct ecs_peer {
	struct aws_session *session;
	struct aws_credentials *credentials;
	struct http_client *client; /* NULL: the session's */
	struct ecs_pace *pace;
	struct sv region, ecs_url, ec2_url;
	unsigned at_once;
};

/* Views must stay valid until it is answered. */
struct ecs_question {
	enum ecs_action action;
	struct sv cluster;    /* of calls about a cluster */
	const struct sv *ids; /* of calls that describe, at most ecs_action_batch() */
	size_t n_ids;
};

struct ecs_api_user {
	/* A page. *next_token: where the next one is, "" = that was all. 0; 1 with the reason: the
	 * page cannot be used and all ends; ERR_NOMEM. May ask more. */
	int (*answer)(void *cls, const struct ecs_question *q, struct sv body,
		      struct sv *next_token, struct err *err);
	/* Whether it does without what it may not ask. */
	bool (*denied)(void *cls, const struct ecs_question *q, const struct err *why);
	/* Everything that was asked is answered (why NULL), or something failed and the rest is
	 * forgotten. From the loop; the api may be freed or asked again then. */
	void (*over)(void *cls, const struct err *why);
	void *cls;
};

struct ecs_api;
int ecs_api_new(const struct ecs_peer *peer, const struct ecs_api_user *user, struct ecs_api **out);
/* Ends what is under way, silently. NULL is fine. */
void ecs_api_free(struct ecs_api *a);
/* 0 or ERR_NOMEM. Nothing is called from inside. */
int ecs_api_ask(struct ecs_api *a, const struct ecs_question *q);

/* "DescribeTasks" */
const char *ecs_action_name(enum ecs_action action);
/* How many ids one call takes. */
size_t ecs_action_batch(enum ecs_action action);

/* ampagent_ecs_api_calls_total of this process. */
void ecs_api_collect(struct metrics_writer *w);

DEFINE_CLEANUP_PTR(struct ecs_api, ecs_api_free)
