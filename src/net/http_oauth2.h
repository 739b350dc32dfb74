/* The access token of one client (OAuth 2.0), fetched when a request needs it and kept until ten
 * seconds before it expires. One fetch serves all that wait. */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/http_options.h>
#include <ampagent/net/http_client.h>

struct http_oauth2;

/* Part of who waits; all zero: does not. */
struct http_oauth2_wait {
	/* From the loop, once: HTTP_OK and the header line, ended by NUL, valid during the call; or
	 * the failure and why. May start anything. */
	void (*ready)(void *cls, enum http_result result, struct sv line, const struct err *why);
	void *cls;
	struct http_oauth2_wait *next, **link;
};

enum { OAUTH2_WAITS = 2 };

/* opt's views must outlive it. 0, ERR_NOMEM, or 1 with the reason. */
int http_oauth2_new(struct http_pool *pool, const struct oauth2_options *opt,
		    struct http_oauth2 **out, struct err *err);
/* Nobody waits any more. */
void http_oauth2_free(struct http_oauth2 *o);
/* 0 and the line, valid until the next call; OAUTH2_WAITS: w.ready will be called; or 1 with the
 * reason (the secret cannot be read ...). user_agent is copied. */
int http_oauth2_get(struct http_oauth2 *o, struct sv user_agent, struct http_oauth2_wait *w,
		    struct sv *line, struct err *err);
void http_oauth2_leave(struct http_oauth2_wait *w);
