/* What to do about what was found: pure functions that append lines to out, apart by line ends. */
#pragma once

#include <ampagent/aws/call.h>
#include <ampagent/base/buf.h>
#include <ampagent/net/http_client.h>
#include <ampagent/net/probe.h>

/* ---- texts ---- */

/* A line, parted from the one before. */
void advice_line(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum { ADVICE_SPAN_MAX = 48 };
/* "45 s", "59 min", "2 h 3 min", "40 days"; the sign is left out. Returns dst. */
const char *advice_span(char *dst, int64_t ms);

/* A page for people instead of an answer of the service. */
bool advice_is_html(struct sv body);

/* ---- a denial ---- */

enum advice_reason {
	ADVICE_NOT_TOLD,
	ADVICE_NO_POLICY,   /* no identity-based policy allows it */
	ADVICE_EXPLICIT,    /* a policy denies it */
	ADVICE_ENDPOINT,    /* the VPC endpoint's policy */
	ADVICE_BOUNDARY,    /* the permissions boundary */
	ADVICE_SESSION,     /* the session policy */
	ADVICE_ORGANIZATION /* a service or resource control policy */
};

/* Views of the text; empty: not told. */
struct advice_denied {
	struct sv principal, action, resource;
	enum advice_reason reason;
};
/* Of "User: ARN is not authorized to perform: ACTION on resource: ARN because ...", in JSON or not.
 */
void advice_denied_read(struct sv text, struct advice_denied *out);

/* Parts of an ARN of IAM or STS; empty: not there. */
struct advice_principal {
	struct sv account;
	struct sv kind; /* "role" (of an assumed one too), "user", "root", "federated-user" */
	struct sv name; /* without path */
};
void advice_principal_read(struct sv arn, struct advice_principal *out);

/* A policy that lets somebody write to the workspace of this ARN, as JSON in lines. */
void advice_policy(struct buf *out, struct sv resource);
/* arn:PARTITION:aps:REGION:ACCOUNT:workspace/ID; what is empty becomes a word to replace. */
void advice_workspace_arn(struct buf *out, struct sv partition, struct sv region, struct sv account,
			  struct sv workspace);

/* ---- steps ---- */

struct advice_place {
	bool ecs, fargate, kubernetes; /* where this runs */
	bool task_role, web_identity;  /* what AWS has put into the environment */
	bool imds_off;
	bool first_has; /* the container's first process has variables of AWS that this one lacks */
	bool proxy;     /* of the environment */
	struct sv source; /* as aws_credentials_explain() names the one that was to give keys; or ""
			   */
};
/* why: what the source said. */
void advice_credentials(struct buf *out, struct sv why, const struct advice_place *place);
void advice_identity(struct buf *out, enum aws_verdict verdict, struct sv why, bool written);

/* Who is asked: the endpoint or a proxy. */
struct advice_host {
	bool amp, vpce, proxied;
	bool idle_proxy; /* the environment names a proxy that this destination does not use */
	struct sv host, region;
};
void advice_dns(struct buf *out, enum net_resolve_result result, const struct advice_host *h);
void advice_tcp(struct buf *out, enum net_connect_result result, const struct advice_host *h);

/* Whether the issuer is an authority that AMP's certificates come from. */
bool advice_issuer_known(struct sv issuer);
struct advice_tls {
	enum http_phase phase;
	const struct http_peer *peer; /* NULL: nothing was seen */
	const char *error;
	bool late; /* no answer in time */
	struct advice_host host;
	bool own_ca; /* tls_config or AWS_CA_BUNDLE name authorities */
	int64_t now_s;
};
void advice_tls(struct buf *out, const struct advice_tls *t);
/* ahead_ms: what this machine's clock is ahead of the endpoint's. */
void advice_clock(struct buf *out, int64_t ahead_ms);

struct advice_write {
	struct sv cause; /* as in struct remotewrite_probe_result */
	int status;      /* 0: no answer */
	struct sv body, error_type;
	enum http_result result;
	bool is_signed, amp, canary;
	struct sv host, partition, region, account, workspace;
};
void advice_write(struct buf *out, const struct advice_write *w);
