/* The way to the API: region, endpoints, credentials, HTTP client, pace, found when they are first
 * needed and kept. */
#pragma once

#include "ecs_api.h"

#include <ampagent/aws/imds.h>
#include <ampagent/discovery_options.h>

struct ecs_way {
	struct ecs_peer peer; /* whole once it was found */
	/* private */
	struct http_pool *pool;
	const struct ecs_sd_options *opt;
	struct aws_settings settings;
	bool has_settings;
	struct arena arena; /* region and URLs */
	struct aws_region_fetch *fetch;
	struct aws_waiter waiter;
	void (*done)(void *cls, const struct err *why);
	void *cls;
};

void ecs_way_init(struct ecs_way *w, struct aws_session *s, struct http_pool *pool,
		  const struct ecs_sd_options *opt);
void ecs_way_deinit(struct ecs_way *w);
/* Whether calls are made by a client that has views of the options. */
bool ecs_way_has_client(const struct ecs_way *w);
/* Other options from now on, equal in content: forgets such a client, whose calls must have ended.
 */
void ecs_way_options(struct ecs_way *w, const struct ecs_sd_options *opt);
/* Finds what is missing, and waits for keys. done may be called from inside. */
void ecs_way_find(struct ecs_way *w, void (*done)(void *cls, const struct err *why), void *cls);
/* Ends a search. */
void ecs_way_cancel(struct ecs_way *w);
