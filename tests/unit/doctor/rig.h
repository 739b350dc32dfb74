/* A walk whose steps are taken one at a time, against the stand-in on the same loop. */
#pragma once

#include "walk.h"

#include <ampagent/base/limits.h>
#include <ampagent/config.h>
#include <ampagent/net/http_client.h>
#include <ampagent/standin.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct rig {
	struct loop *loop;
	struct http_pool *pool;
	struct aws_session *session;
	struct standin *standin;
	char base[64]; /* http://127.0.0.1:PORT */
	struct config *config;
	struct walk_env env;
	struct report report;
	struct walk *walk;
	enum doctor_step waits_for;
};

#define RIG_WORKSPACE "ws-00000000-0000-4000-8000-000000000000"
#define RIG_PATH "/workspaces/" RIG_WORKSPACE "/api/v1/remote_write"
#define RIG_KEY "AKIATESTTESTTESTTEST"
#define RIG_SECRET "made-up-secret-of-the-tests"

/* For cmocka's setup and teardown: *state is a struct rig. The stand-in takes RIG_KEY. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* The environment that everything here sees; value NULL: not set. */
void rig_setenv(const char *name, const char *value);
aws_getenv rig_getenv;

/* A new walk for "remote_write:\n- url: URL\n" and more. url may begin with '/': at the stand-in.
 */
void rig_walk(struct rig *r, const char *url, const char *more);
#define RIG_SIGNED "  sigv4: {region: eu-west-1}\n"
/* Takes one step and no other, until it is decided. */
struct finding *rig_take(struct rig *r, enum doctor_step step);
/* As if the step had been taken. */
void rig_decide(struct rig *r, enum doctor_step step, enum verdict v);

/* Verdict, a word of the evidence, a word of the advice ("" = any). */
void rig_expect(const struct finding *f, enum verdict v, const char *evidence, const char *advice);
