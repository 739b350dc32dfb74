/* One page of the metadata endpoint, asked for once at a time: what came of it, in a word and in
 * words, and how long to wait when it was not good.
 */
#pragma once

#include <ampagent/aws/session.h>

enum ecs_ask_result {
	ECS_ASK_OK,
	ECS_ASK_THROTTLED, /* 429 */
	ECS_ASK_REFUSED,   /* any other status */
	ECS_ASK_NO_ANSWER,
	ECS_ASK_UNUSABLE, /* too large, empty; or whoever reads it says so */
	ECS_ASK_RESULTS,
};
/* "ok", "throttled" ... */
extern const char *const ecs_ask_results[ECS_ASK_RESULTS];

/* Embedded in its owner. */
struct ecs_ask {
	struct aws_session *session;
	char *url;
	struct buf body;
	struct http_transfer *transfer; /* NULL = none is under way */
	/* Once for each start, from the loop, never from inside. why.msg says what was wrong unless
	 * result is OK; the body stays until the next start. */
	void (*done)(void *cls, enum ecs_ask_result result, int64_t retry_after_ms,
		     const struct err *why);
	void *cls;
};

/* Appends the endpoint's address of the environment: version 4, else 3, without a slash at its end.
 * 0; 1 with the variable and what is wrong with it, or that there is none. */
int ecs_ask_base(aws_getenv *env, struct buf *out, struct err *err);

/* base and path make the URL. 0 or ERR_NOMEM. */
int ecs_ask_init(struct ecs_ask *a, struct aws_session *s, struct sv base, struct sv path);
/* Also of one that is zero; what is under way is ended silently. */
void ecs_ask_deinit(struct ecs_ask *a);
/* None may be under way. 0; 1 with the reason when no request can be made, and done is not called.
 */
int ecs_ask_start(struct ecs_ask *a, struct err *err);

/* The pause after failures in a row (at least 1): from half a second on, twice as long each time,
 * up to bound_ms; longer from the start when the endpoint said that it is asked too often.
 * random: any 64 bits. */
int64_t ecs_ask_pause_ms(unsigned failures, enum ecs_ask_result result, int64_t retry_after_ms,
			 int64_t bound_ms, uint64_t random);
