/* signing: with which keys, for which region and by whose clock one sender's requests are signed.
 *
 * Nothing here asks anybody on the way of a request: what is not there yet is on its way in the
 * background, and signing_wait() tells when it came or why it did not.
 */
#pragma once

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/imds.h>
#include <ampagent/base/text.h>
#include <ampagent/remotewrite.h>

/* What is missing. */
enum signing_lack {
	SIGNING_READY,
	SIGNING_NO_REGION,
	SIGNING_NO_KEYS,
};

/* Zero: not signed. */
struct signing {
	struct aws_session *session;
	struct aws_settings settings; /* until the region is known */
	struct aws_credentials *credentials;
	struct aws_clock *clock; /* shared by all who talk to that host, or own_clock */
	struct aws_clock own_clock;
	struct sv service;
	struct sv region;        /* empty: not known yet */
	const char *region_from; /* NULL: not known yet */
	struct aws_region_fetch *region_fetch;
	struct err region_why; /* the last attempt to find it failed so */
	struct aws_waiter waiter;
	struct sigv4_cache cache;
	struct arena *arena;
	bool region_told; /* signing_log's */
	/* Set by the owner before signing_wait(). */
	void (*came)(void *cls, enum signing_lack lack, const struct err *why);
	void *cls;
};

/* host: as in requests. arena outlives it. ca_file is set to what AWS_CA_BUNDLE and its kin name.
 * 0; 1 with the reason when what is configured is broken; ERR_NOMEM. Deinit is good after all. */
int signing_init(struct signing *g, struct aws_session *session,
		 const struct remotewrite_options *opt, struct sv host, struct arena *arena,
		 struct sv *ca_file, struct err *err);
void signing_deinit(struct signing *g);

static inline bool signing_on(const struct signing *g)
{
	return g->session != NULL;
}

/* The keys to sign with now, as aws_credentials_now(), or what is missing. */
enum signing_lack signing_keys(struct signing *g, struct aws_keys *keys, uint64_t *id);
/* came is called once, from the loop, when what is missing came (why NULL) or could not be had.
 * Waiting twice is waiting once. 0; 1 with the reason and nothing is waited for. */
int signing_wait(struct signing *g, enum signing_lack lack, struct err *err);
/* The request's time is wall_ms while the peer's clock is not known; *ahead_ms is what it was ahead
 * of that. All else of sr is filled in. 0, or 1 when the request is too large to sign. */
int signing_sign(struct signing *g, struct sigv4_request *sr, const struct aws_keys *keys,
		 int64_t wall_ms, int64_t *ahead_ms, struct sigv4_result *res);
void signing_status(const struct signing *g, int64_t mono_ms, int64_t wall_ms,
		    struct remotewrite_signing *out);
