/* A server that senders talk to: it takes requests, holds them when told, and gives AWS keys as a
 * container's endpoint does. */
#pragma once

#include "../../../remotewrite/sender.h"

#include <ampagent/net/http_server.h>

struct world {
	struct loop *loop;
	struct http_server *server;
	struct http_pool *pool;
	struct aws_session *aws;
	char url[128], host[64], keys_url[80], task_url[80];
	char seen[4096]; /* lower-case name: value lines */
	char path[256];
	char body[64];
	int status;
	bool echo; /* answers with the Authorization that came */
	char answer[256];
	unsigned done;
	/* held: requests that wait for release() */
	bool hold_writes, hold_keys;
	struct http_exchange *writes[8], *keys;
	unsigned n_writes;
	int write_status, keys_status;
	unsigned keys_asked; /* each time other keys are given */
	enum http_result result;
	char error_type[64];
	struct send_seam refresh_by; /* asked when an answer comes */
	bool refreshed;
	unsigned stop_at; /* of n_writes */
};

void setup(struct world *w);
void teardown(struct world *w);
/* Of the environment of AWS, until the next setup(). */
void set_variable(const char *name, const char *value);
struct sender *make(struct world *w, const struct remotewrite_options *opt);
/* Its keys come from the server; region may be "". */
struct sender *make_signed(struct world *w, const char *region);
/* A request that tells w when it is done; loop_run() ends then. */
void *begin(struct world *w, struct sender *s, int64_t timeout_ms);
void on_done(void *cls, const struct http_answer *a, struct sv body);
/* Runs until so many are done. */
void run_until_done(struct world *w, unsigned n);
/* Runs until so many requests are held. */
void run_until_held(struct world *w, unsigned n);
/* Runs for a moment: enough for whatever happens on its own. */
void settle(struct world *w);
/* Answers what is held. */
void release(struct world *w);
void give_keys(struct world *w, struct http_exchange *x);
/* Whether the last request had that header line. */
bool seen(const struct world *w, const char *line);
