/* A pool: one multi handle of curl's, for http_client*.c alone. */
#pragma once

#include "http_call.h"
#include "http_places.h"
#include "http_sockets.h"

enum { HTTP_IDLE_EASIES = 16 };

struct http_pool {
	struct loop *loop;
	void *multi;
	struct loop_timer timer;
	struct http_sockets socks;
	struct http_call *calls;
	void *idle[HTTP_IDLE_EASIES]; /* easy handles */
	size_t n_idle;
	int64_t idle_ms;
	enum fd_use use;
	bool draining, dead; /* done callbacks are running; one of them freed the pool */
	struct http_places places;
};
