/* What the tests of credentials share: a session with an environment of their own, and a peer on
 * the same loop that hands out keys as an ECS task's endpoint and as STS does. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/aws/credentials.h>
#include <ampagent/net/http_server.h>

enum { RIG_KEPT = 8 };

struct creds_rig {
	struct loop *loop;
	struct http_pool *pool;
	struct http_server *server;
	struct aws_session *session;
	char dir[64]; /* own, empty at first */

	/* How the peer answers. */
	int status; /* 200 */
	bool hang;  /* it does not */
	bool same;  /* the last keys again */
	int64_t life_ms;
	/* What it saw. */
	unsigned asked, issued;
	char last_form[2048];
	struct http_exchange *kept[RIG_KEPT]; /* not answered */
};

int creds_rig_setup(void **state);
int creds_rig_teardown(void **state);

/* The environment of the session; value NULL takes the variable away. %d stands for the peer's
 * port. */
void rig_env(struct creds_rig *r, const char *name, const char *value);
const char *rig_getenv(const char *name);
/* A file in the rig's directory; its path lives as long as the rig's. */
const char *rig_file(struct creds_rig *r, const char *name, const char *text, unsigned mode);

/* Runs the loop until cond holds (asked each 2 ms); fails the test when that takes 20 s. */
void rig_until(struct creds_rig *r, bool (*cond)(void *cls), void *cls);
/* Runs it for a while. */
void rig_for(struct creds_rig *r, int64_t ms);
/* Refuses what was left without an answer. */
void rig_release(struct creds_rig *r, int status);

struct aws_credentials *rig_get(struct creds_rig *r, struct aws_credentials_options opt);
/* The peer's, as of a task. */
struct aws_credentials *rig_container(struct creds_rig *r);
/* The same with the first keys there. */
struct aws_credentials *rig_ready(struct creds_rig *r);

/* A waiter that notes its end. */
struct rig_waiter {
	struct aws_waiter w;
	unsigned calls;
	bool ok;
	char why[512];
};
void rig_wait(struct aws_credentials *c, struct rig_waiter *w);
bool rig_woken(void *waiter);
/* The access key in use; "" when there is none to sign with. Views of its own memory. */
const char *rig_key(struct aws_credentials *c);
uint64_t rig_id(struct aws_credentials *c);
struct aws_credentials_status rig_status(const struct aws_credentials *c);
