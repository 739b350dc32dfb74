/* A session on a loop and a metadata endpoint on loopback that counts what it is asked. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/aws/session.h>
#include <ampagent/net/http_server.h>

enum { RIG_HOLD = -1, RIG_DROP = -2, RIG_CUT = -3 }; /* in place of a status */
enum { RIG_HELD_MAX = 16 };

/* What a path answers until it is told otherwise. */
struct rig_page {
	const char *path;
	int status;
	const char *body;
	const char *header, *value; /* NULL = none */
	unsigned asked, at_once, most_at_once;
	struct http_exchange *held[RIG_HELD_MAX];
	size_t n_held;
};

struct ecs_rig {
	struct loop *loop;
	struct http_pool *pool;
	struct http_server *server;
	struct aws_session *session;
	char url[64];  /* http://127.0.0.1:port */
	char base[80]; /* url/v4/abc, set as ECS_CONTAINER_METADATA_URI_V4 */
	struct rig_page task, stats;
	unsigned others; /* requests for anything else */
	char other[256]; /* the last of them */
	char agent[64];  /* the last User-Agent */
};

int ecs_rig_setup(void **state);
int ecs_rig_teardown(void **state);
/* The session's environment; a NULL value takes it away. */
void ecs_rig_env(const char *name, const char *value);
const char *ecs_rig_getenv(const char *name);
void ecs_rig_answers(struct rig_page *p, int status, const char *body);
/* Answers what is held. */
void ecs_rig_release(struct rig_page *p, int status, const char *body);
/* Turns the loop until *n is at least that; fails the test when it takes too long. */
void ecs_rig_until(struct ecs_rig *r, const unsigned *n, unsigned least);
/* Turns the loop for that long. */
void ecs_rig_wait(struct ecs_rig *r, int64_t ms);
