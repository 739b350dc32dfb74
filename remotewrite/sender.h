/* sender: how one destination's requests reach its peer: URL, headers, signature, HTTP client.
 *
 * Made from one version of the settings and immutable: a reload makes a new one. Counted, because
 * requests in flight keep the one they were started with.
 *
 * A flight that cannot be signed yet waits here, no longer than its time-out: for keys, for the
 * region, and, until the peer has answered once, for the one request that finds out what time the
 * peer thinks it is. A wrong clock then costs one refused request, not one a shard.
 */
#pragma once

#include "destination.h"
#include "options.h"
#include "signing.h"

struct flight;

struct sender {
	unsigned refs;
	struct arena arena; /* everything below that is a view */
	struct remotewrite_options opt;
	struct sv public_url;
	struct labels external;
	struct sv user_agent;
	struct sv url, host, path, query; /* as sent */
	struct http_client *client;
	struct signing signing;
	bool want_peer;                        /* may be set before the first request */
	bool answered;                         /* the peer has, whatever it was */
	unsigned flying;                       /* on their way, without those that wait */
	struct flight *waiting, **waiting_end; /* oldest first */
	/* Of the flight whose done is being called: its keys, and how far from this machine's clock
	 * its time was. */
	uint64_t answered_id;
	int64_t answered_ahead_ms;
	uint64_t refused_id; /* of keys that the peer refused last; 0 = none */
};

/* aws: of the pool's loop; outlives the sender; NULL when opt is not to be signed. 0; 1 with the
 * reason (bad URL, TLS file, broken AWS configuration); negative. */
int sender_new(struct http_pool *pool, struct aws_session *aws,
	       const struct remotewrite_options *opt, struct labels external, struct sv user_agent,
	       struct sender **out, struct err *err);
void sender_unref(struct sender *s);
/* Others take its place: flights that wait here end, so that they go again by those. */
void sender_retire(struct sender *s);
DEFINE_CLEANUP_PTR(struct sender, sender_unref)
/* The seam for destination_config. Borrowed: flights take references of their own. */
struct send_seam sender_seam(struct sender *s);
