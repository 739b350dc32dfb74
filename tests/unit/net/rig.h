/* What the network tests share: a client that runs the loop until its answer is there, raw sockets,
 * and scripted peers, each a thread that accepts connections and hands them to a function. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ampagent/net/http_client.h>
#include <ampagent/net/http_server.h>
#include <pthread.h>
#include <stdatomic.h>

enum { RIG_GUARD_MS = 20000 }; /* a test that hangs fails */

struct reply {
	bool done;
	enum http_result result;
	int status;
	char error[512];
	char content_type[128], retry_after[128], request_id[128], error_type[128];
	char age[128], location[128];
	enum http_phase phase;
	bool told; /* there was a peer to tell about */
	struct http_peer peer;
	uint64_t received;
	int64_t duration_ns;
	struct buf body;
	struct loop *loop;
};

void reply_init(struct reply *r, struct loop *loop, size_t body_max);
void reply_deinit(struct reply *r);
/* The done callback; cls is the reply. Stops the loop. */
void reply_done(void *cls, const struct http_answer *a);

/* Runs the loop until it is stopped; fails the test when that takes too long. */
void rig_run(struct loop *loop);
/* GET (or as req says; its body_out is the reply's) and wait. */
void rig_fetch(struct http_client *c, struct http_request req, struct reply *r);
struct http_request rig_get(const char *url);
struct http_client *rig_client(struct http_pool *p, const struct http_options *opt);

/* A scripted peer on 127.0.0.1. serve() gets each connection with its number and closes nothing. */
struct peer {
	int fd, port;
	pthread_t thread;
	atomic_int connections;
	void (*serve)(struct peer *p, int fd, int n);
	void *cls;
	char url[64];
};

void peer_start(struct peer *p, void (*serve)(struct peer *p, int fd, int n), void *cls);
void peer_stop(struct peer *p);
/* Reads up to the end of a request's header (and what came with it): its length, 0 at the end. */
size_t peer_read_head(int fd, char *dst, size_t size);
void peer_write(int fd, const char *text);

/* A raw connection to 127.0.0.1:port. */
int raw_connect(int port);
/* Runs the loop in this thread while a thread writes `text` to the port and reads to the end (or
 * until `enough` is in it). Returns what was read, terminated; the caller frees it. */
char *raw_talk(struct loop *loop, int port, const char *text, const char *enough);
