/* What all users of AWS on one thread share: settings, HTTP clients, credentials, the peers'
 * clocks, retry budget. A session belongs to its loop's thread, and so does everything made from
 * it.
 */
#pragma once

#include <ampagent/aws/clock.h>
#include <ampagent/aws/settings.h>
#include <ampagent/net/http_client.h>

struct aws_session;

struct aws_session_options {
	struct loop *loop;
	struct http_pool *pool; /* of that loop; outlives the session */
	aws_getenv *env;        /* NULL: the process's */
	struct sv user_agent;
};

/* Reads no file and asks nobody yet. 0; 1 with the reason (AWS_CA_BUNDLE ...), ERR_NOMEM. */
int aws_session_new(const struct aws_session_options *opt, struct aws_session **out,
		    struct err *err);
/* Credentials and calls made from it must be gone. NULL is fine. */
void aws_session_free(struct aws_session *s);

struct loop *aws_session_loop(const struct aws_session *s);
aws_getenv *aws_session_env(const struct aws_session *s);
struct sv aws_session_user_agent(const struct aws_session *s);
/* For addresses of this host and link (IMDS, container credentials, task metadata): no proxy, no
 * redirects. */
struct http_client *aws_session_link(struct aws_session *s);
/* For services: proxies of the environment, AWS_CA_BUNDLE, no redirects. */
struct http_client *aws_session_api(struct aws_session *s);
/* The clock of the peer at host (as in a URL, with its port); lives as long as the session. NULL
 * without memory. */
struct aws_clock *aws_session_clock(struct aws_session *s, struct sv host);
/* Our best knowledge of the true time: of the peer that spoke last, else this machine's. */
int64_t aws_session_now_ms(struct aws_session *s);
