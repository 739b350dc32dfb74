/* What the stand-in's task metadata answers: the documents that were put, or made-up ones. */
#pragma once

#include "aws_bucket.h"
#include <ampagent/base/buf.h>

struct standin;

enum { AWS_SCRIPTED_MAX = 256 };

/* A task by the id in its address; empty for every id that has none of its own. */
struct aws_scripted {
	char *id;
	struct buf task, stats; /* as put; empty: made up */
};

struct aws_tasks {
	struct aws_scripted *list[AWS_SCRIPTED_MAX];
	size_t n;
	struct aws_bucket bucket;
	/* What was asked, refusals included. */
	uint64_t task, stats, container, container_stats, with_tags;
	uint64_t throttled, unknown;
};

void aws_tasks_deinit(struct aws_tasks *t);

/* A Fargate task of the stand-in's account and region: the agent's container and an app's. */
void aws_task_default(const struct standin *s, struct buf *out);
/* Docker's statistics for each container of the task, growing with time; an empty object when task
 * is not JSON. */
void aws_task_default_stats(const struct standin *s, struct sv task, struct buf *out);
