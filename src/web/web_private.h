/* What web.c and web_api.c share. */
#pragma once

#include <ampagent/base/limits.h>
#include <ampagent/net/http_server.h>
#include <ampagent/web.h>

/* A page of metrics or targets. */
#define WEB_ANSWER_MAX MiB(64)

enum {
	WEB_ROUTES_MAX = 64,
	WEB_STATUSES = 10,
};

struct web {
	struct web_env env;
	struct http_server *server;
	enum web_state state;
	size_t route; /* of the request being answered; WEB_ROUTES_MAX - 1: none of ours */
	uint64_t answers[WEB_ROUTES_MAX][WEB_STATUSES];
};

#define WEB_TEXT SV("text/plain; charset=utf-8")
#define WEB_JSON SV("application/json")
#define WEB_METRICS SV("text/plain; version=0.0.4; charset=utf-8")

enum web_methods {
	WEB_GET = 1, /* and HEAD */
	WEB_POST = 2,
	WEB_PUT = 4,
};

struct web_route {
	struct sv path; /* one segment may be ":name" */
	void (*handler)(struct web *w, const struct http_server_request *req);
	unsigned methods;
};

void web_count(struct web *w, int status);
void web_answer(struct web *w, const struct http_server_request *req, int status, struct sv type,
		struct sv body);

/* ---- web_api.c ---- */

#define WEB_API_PREFIX SV("/api/v1/")

extern const struct web_route web_api_routes[];
extern const size_t web_api_n_routes;
/* Any path below the prefix may be asked for its OPTIONS. */
void web_api_options(struct web *w, const struct http_server_request *req);
