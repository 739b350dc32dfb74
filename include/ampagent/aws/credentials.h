/* Credentials: the default chain of the AWS SDKs, refreshed in the background.
 *
 * Order (that of the SDK for Go): explicit keys; an explicit profile; AWS_ACCESS_KEY_ID; web
 * identity (AWS_WEB_IDENTITY_TOKEN_FILE, IRSA); the shared profile; container credentials (ECS, EKS
 * Pod Identity); the instance's role (IMDS). The first source that is configured is the one: if it
 * is broken, that is an error, and never a reason to write with somebody else's role.
 *
 * A source is asked again before what it gave expires (refresh.h has the rule). How long that is
 * goes by the clock of who gave it, told with the keys; for those on this machine, which have none
 * of their own, by that of the services, and by this machine's only until one has answered. What it
 * gave is used on, past its expiry too, while the source is down: the service decides. Keys are
 * wiped when they are replaced. Source: AWS SDKs and Tools Reference Guide, "Standardized
 * credential providers".
 */
#pragma once

#include <ampagent/aws/session.h>
#include <ampagent/aws/sigv4.h>

struct aws_credentials_options {
	struct sv access_key, secret_key; /* explicit keys: both or neither */
	struct sv session_token;
	struct sv profile;
	struct sv role_arn;    /* to assume with what the chain gives */
	struct sv external_id; /* with role_arn only */
	struct sv role_session_name;
	bool use_fips_sts;
	struct sv region; /* of STS, when neither environment nor profile names one */
};

struct aws_credentials;

/* Finds the source: reads files, asks nobody. The first fetch begins with the loop's next turn.
 * Equal options share one: unref each. opt is copied. 0; 1 with the reason when what is configured
 * is broken; ERR_NOMEM. */
int aws_credentials_get(struct aws_session *s, const struct aws_credentials_options *opt,
			struct aws_credentials **out, struct err *err);
struct aws_credentials *aws_credentials_ref(struct aws_credentials *c);
void aws_credentials_unref(struct aws_credentials *c);
DEFINE_CLEANUP_PTR(struct aws_credentials, aws_credentials_unref)

/* The keys to sign with now: 0, *keys (views until the next turn of the loop) and *id, which names
 * them; 1 when there are none yet, or those there are were rejected or have expired and others are
 * on their way: wait. */
int aws_credentials_now(struct aws_credentials *c, struct aws_keys *keys, uint64_t *id);

/* Embedded in its owner; zero when not waiting. */
struct aws_waiter {
	/* Once, from the loop: keys are there (why NULL), or could not be had for now. */
	void (*ready)(void *cls, const struct err *why);
	void *cls;
	struct aws_waiter **prev, *next;
};
void aws_credentials_wait(struct aws_credentials *c, struct aws_waiter *w);
void aws_waiter_cancel(struct aws_waiter *w);

/* The service says that the keys named id are expired or unknown. True: others are there, or being
 * fetched: try again. False: the source has no others for now (asked less than 30 s ago, or it
 * cannot change). */
bool aws_credentials_rejected(struct aws_credentials *c, uint64_t id);

struct aws_credentials_status {
	char source[160];    /* for people: "environment", "profile prod, then role arn:..." */
	const char *kind;    /* for metrics: explicit, environment, web_identity, profile, process,
				sso, container, instance; assumed roles on top do not show */
	char access_key[64]; /* its id, which is no secret; "" = none yet */
	char account[16];    /* "" = not known */
	bool have, expired, failing;
	int64_t expires_ms; /* since 1970; 0 = never, or not known */
	int64_t fetched_ms;
	uint64_t fetches, failures, rejections;
	char last_error[512]; /* of the last fetch when failing */
};
void aws_credentials_status_get(const struct aws_credentials *c,
				struct aws_credentials_status *out);

/* The chain walked for people: every source in order, whether it is configured, and why it is or is
 * not the one. Reads files, asks nobody. */
enum aws_source_state {
	AWS_SOURCE_ABSENT, /* not configured */
	AWS_SOURCE_CHOSEN,
	AWS_SOURCE_SHADOWED, /* configured, but one before it is the one */
	AWS_SOURCE_BROKEN,   /* configured and the one, but it cannot work */
};
void aws_credentials_explain(struct aws_session *s, const struct aws_credentials_options *opt,
			     void (*line)(void *cls, const char *source,
					  enum aws_source_state state, const char *text),
			     void *cls);
