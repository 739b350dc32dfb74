/* The stand-in's parts, for standin.c (the endpoint) and admin.c (the pages beside it). */
#pragma once

#include "ingest.h"
#include "switches.h"
#include "verify_sigv4.h"
#include <ampagent/net/http_server.h>

enum { STANDIN_STATUS_MAX = 600 };

struct standin {
	struct loop *loop;
	struct http_server *server;
	int64_t started_ms; /* monotonic */
	int64_t clock_offset_ms;
	uint64_t max_request_bytes;
	char *workspace;                                     /* empty: any */
	char *access_key, *session_token, *region, *service; /* never NULL */
	char *secret_key;                                    /* wiped at the end */
	int64_t clock_window_s;
	struct switches switches;
	struct ingest ingest;
	struct standin_stats stats; /* without what ingest counts */
	uint64_t by_status[STANDIN_STATUS_MAX];
};

/* Answers the pages beside the endpoint: true when the path is one of them. */
bool standin_admin(struct standin *s, const struct http_server_request *req);
