/* What the tests of the sources share: a session on a loop, a server on loopback that answers by a
 * script and notes what it was asked, and the end of a fetch.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "source.h"
#include <ampagent/net/http_server.h>

enum { RIG_SCRIPT_MAX = 16, RIG_ENV_MAX = 8, RIG_TEXT = 768 };
enum { RIG_SILENT = -1, RIG_DROP = -2 }; /* in place of a status */

struct rig_line {
	const char *request; /* "GET /path" */
	int status;
	const char *body;
	const char *date; /* NULL: none said by us */
	const char *type; /* NULL: application/json */
	bool used;
};

struct rig {
	struct loop *loop;
	struct http_pool *pool;
	struct http_server *server;
	struct aws_session *session;
	struct aws_settings settings;
	struct aws_plan plan;
	struct source_env env;
	char url[64]; /* http://127.0.0.1:port */
	struct rig_line script[RIG_SCRIPT_MAX];
	size_t n_script;
	struct http_exchange *kept[RIG_SCRIPT_MAX];
	size_t n_kept;
	char asked[8192]; /* "GET /path\nname: value\n...\n\n" each */
	/* how a fetch ended */
	unsigned ends;
	bool good;
	char access_key[RIG_TEXT], secret_key[RIG_TEXT], token[RIG_TEXT], account[RIG_TEXT];
	int64_t expires_ms, peer_now_ms;
	char why[RIG_TEXT];
};

int rig_setup(void **state);
int rig_teardown(void **state);
/* The session's environment; a NULL value takes it away. */
void rig_env(const char *name, const char *value);
/* The next answer to that request; each is used once, then 599 is answered. */
void rig_answers(struct rig *r, const char *request, int status, const char *body);
/* The last rig_answers() also says this Date. */
void rig_dates(struct rig *r, const char *date);
/* Its type. */
void rig_types(struct rig *r, const char *type);
/* How often the server was asked so. */
unsigned rig_count(const struct rig *r, const char *request);
/* Turns the loop until that is so often. */
void rig_until(struct rig *r, const char *request, unsigned n);
void rig_assert_asked(const struct rig *r, const char *text);
void rig_assert_not_asked(const struct rig *r, const char *text);
/* A source_done: notes all of it and stops the loop. cls is the rig. */
void rig_done(void *cls, const struct aws_got *got, const struct err *why);
/* Runs the loop until it is stopped; fails the test when that takes too long. */
void rig_turn(struct rig *r);
/* Turns the loop for that long. */
void rig_wait(struct rig *r, int64_t ms);
typedef int rig_start(const struct source_env *env, source_done done, void *cls,
		      struct aws_fetch **out, struct err *err);
/* Starts and waits for the end; a start that fails counts as a failure, its reason in why. */
void rig_fetch(struct rig *r, rig_start *start);
void rig_assert_why(const struct rig *r, const char *part);
void rig_assert_keys(const struct rig *r, const char *access_key, const char *secret_key,
		     const char *token);
