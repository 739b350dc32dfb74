/* How fast AWS is asked: a bucket of LIMIT_ECS_CALLS_BURST calls that fills by
 * LIMIT_ECS_CALLS_PER_S a second, one for all that ask with one session in one region and account.
 * The account's own buckets fill by 20 a second and other people use them as well. A throttled call
 * halves the pace and empties the bucket; it is back to the full pace half a minute later.
 */
#pragma once

#include <ampagent/aws/session.h>
#include <ampagent/base/cleanup.h>

struct ecs_pace;

/* account may be empty: those who do not know theirs share one. Unref each. 0 or ERR_NOMEM. */
int ecs_pace_get(struct aws_session *s, struct sv region, struct sv account, struct ecs_pace **out);
void ecs_pace_unref(struct ecs_pace *p);

/* Embedded in its owner; zero when not waiting. */
struct ecs_turn {
	/* Once, from the loop, when one call may be made. */
	void (*go)(void *cls);
	void *cls;
	/* private */
	struct ecs_pace *pace; /* NULL when not waiting */
	struct ecs_turn *next;
};
/* First come, first served. */
void ecs_pace_wait(struct ecs_pace *p, struct ecs_turn *t);
void ecs_turn_cancel(struct ecs_turn *t);

void ecs_pace_throttled(struct ecs_pace *p);
/* Calls a second now. */
double ecs_pace_rate(struct ecs_pace *p);

DEFINE_CLEANUP_PTR(struct ecs_pace, ecs_pace_unref)
