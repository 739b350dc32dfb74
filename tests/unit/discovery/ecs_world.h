/* A made-up region behind the ECS and EC2 API, on the loop of the test: it answers from tasks that
 * the test changes, counts what it is asked, and fails where it is told to. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../ecs_discovery/ecs_action.h"

#include <ampagent/aws/session.h>
#include <ampagent/discovery_options.h>
#include <ampagent/net/http_server.h>

enum { WORLD_TASKS = 1200, WORLD_ALWAYS = -1 };
#define WORLD_ARN "arn:aws:ecs:eu-west-1:111122223333:"

struct world_task {
	unsigned id, service, definition; /* service 0: standalone */
	const char *last, *desired, *health;
	const char *tag;
	int64_t started_s;
	bool missing;  /* listed, but gone when it is described */
	bool on_ec2;   /* on the container instance of its service, without an interface */
	unsigned omit; /* 1: neither described nor a failure */
};

struct world_fault {
	int at; /* which of the calls from now on: 1, 2, ... or WORLD_ALWAYS; 0 = none */
	int status;
	const char *body;
};

struct world {
	struct loop *loop;
	struct http_pool *pool;
	struct http_server *server;
	struct aws_session *session;
	char url[64];
	struct ecs_sd_options opt;
	struct sv clusters[4];

	struct world_task tasks[WORLD_TASKS];
	size_t n_tasks;
	unsigned n_services;
	size_t page;         /* of lists; 100 */
	unsigned n_clusters; /* tasks are in the first one */
	bool no_ec2_address; /* instances have none */
	bool silent;         /* nothing is answered */
	struct world_fault faults[ECS_ACTIONS_];

	unsigned calls[ECS_ACTIONS_];
	unsigned ids[ECS_ACTIONS_]; /* asked for */
	unsigned all;
	char last_body[ECS_ACTIONS_][2048]; /* of the last request, cut */
	char last_target[128], last_type[96], last_authorization[512];
	struct http_exchange *kept[64]; /* while silent */
	size_t n_kept;
};

int world_setup(void **state);
int world_teardown(void **state);
void world_env(const char *name, const char *value);

/* n tasks of services 1.., RUNNING for long. */
void world_fill(struct world *w, size_t n, unsigned services);
void world_fault(struct world *w, enum ecs_action action, int at, int status, const char *body);
void world_forget_counts(struct world *w);
/* "ListClusters 1, ..." of the calls since; of its own memory. */
const char *world_calls(const struct world *w);
/* Turns the loop until *n is at least that. */
void world_until(struct world *w, const unsigned *n, unsigned least);
void world_wait(struct world *w, int64_t ms);

#define WORLD_THROTTLED 400, "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}"
#define WORLD_DENIED                                                                               \
	400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"User x is not authorized\"}"
#define WORLD_EC2_DENIED                                                                           \
	403, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not "    \
	     "authorized to perform this operation.</Message></Error></Errors></Response>"
