/* sender: how one destination's requests reach its peer: URL, headers, signature, HTTP client.
 *
 * Made from one version of the settings and immutable: a reload makes a new one. Counted, because
 * requests in flight keep the one they were started with.
 */
#pragma once

#include "destination.h"
#include "options.h"

#include <ampagent/aws/credentials.h>

struct sender {
	unsigned refs;
	struct arena arena; /* everything below that is a view */
	struct remotewrite_options opt;
	struct sv public_url;
	struct labels external;
	struct sv user_agent;
	struct sv url, host, path, query; /* as sent */
	struct http_client *client;
	struct aws_credentials *credentials; /* NULL: not signed */
	struct sv region, service;
	struct sigv4_cache cache;
	int64_t skew_s; /* what the peer's clock is ahead, once it matters */
};

/* 0; 1 with the reason (bad URL, TLS file, no credentials); negative. */
int sender_new(struct http_pool *pool, const struct remotewrite_options *opt,
	       struct labels external, struct sv user_agent, struct sender **out, struct err *err);
void sender_unref(struct sender *s);
DEFINE_CLEANUP_PTR(struct sender, sender_unref)
/* The seam for destination_config. Borrowed: flights take references of their own. */
struct send_seam sender_seam(struct sender *s);
