/* A loop with the own server, which notes what it was sent, and a pool. */
#pragma once

#include "rig.h"

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct http_pool *pool;
	char url[64];
	char last[4096];            /* "METHOD path\nname: value\n...\nbody" as the server saw it */
	struct http_exchange *kept; /* of a request for /never */
	struct reply reply;
};

int setup(void **state);
int teardown(void **state);
/* A GET of the own server; one at a time. */
struct http_request get_path(struct fixture *f, const char *path);
void assert_sent(const struct fixture *f, const char *line);
void assert_not_sent(const struct fixture *f, const char *text);
