/* One destination, walked: which step waits for which, and what they leave for each other. Steps
 * that do not need each other run at the same time.
 */
#pragma once

#include "report.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/aws/imds.h>
#include <ampagent/aws/sts.h>
#include <ampagent/net/probe.h>
#include <ampagent/remotewrite.h>

/* Shared by all destinations; outlives them. */
struct walk_env {
	struct loop *loop;
	struct http_pool *pool;
	struct aws_session *session; /* NULL: session_why tells why */
	const char *session_why;
	aws_getenv *env; /* NULL: the process's */
	int64_t timeout_ms;
	bool canary;
	/* A step has been decided. */
	void (*decided)(void *cls);
	void *cls;
};

struct dns_job;

/* A round of connections to the addresses of one host. */
struct tcp_try {
	struct walk *walk;
	struct net_connect *connect;
	enum net_connect_result result;
	int64_t took_ns;
	char why[128];
};

struct walk {
	const struct walk_env *env;
	const struct remotewrite_options *opt;
	struct labels external;
	struct report *report;
	struct arena arena;
	struct loop_timer turn;
	bool started[DOCTOR_STEPS_];
	int64_t started_ms[DOCTOR_STEPS_];

	/* url */
	struct url_parts url; /* host.len 0: nothing can be asked */
	struct aws_amp_host amp;
	/* credentials */
	struct aws_settings settings;
	bool settings_there;
	struct aws_credentials_options keys_opt;
	char source[32]; /* which is asked */
	struct aws_credentials *credentials;
	struct aws_waiter waiter;
	struct loop_timer credentials_late;
	/* region */
	struct sv region; /* empty: not known */
	const char *region_from;
	int region_result; /* of aws_region_find() */
	struct err region_why;
	struct aws_region_fetch *region_fetch;
	struct loop_timer region_late;
	/* identity */
	struct aws_call *identity;
	struct loop_timer identity_late;
	bool identity_answered;
	enum aws_verdict identity_verdict;
	bool identity_named; /* by an error of AWS */
	char account[16];
	/* dns, tcp */
	bool tls;            /* of the URL */
	struct sv peer_host; /* the proxy's, when there is one */
	unsigned peer_port;
	bool proxied;
	struct dns_job *dns;
	struct loop_timer dns_late;
	struct net_addresses addresses;
	struct tcp_try tries[NET_ADDRESSES_MAX];
	size_t connecting;
	/* tls, clock */
	struct http_client *client;
	char client_why[256]; /* why there is none */
	struct http_transfer *transfer;
	struct buf page;
	struct aws_clock clock;
	/* write, canary */
	struct remotewrite_options probe_opt;
	struct remotewrite_probe *probe;
	enum doctor_step probing; /* DOCTOR_WRITE or DOCTOR_CANARY */
	bool skew_told;           /* by an answer to a write */
	int64_t skew_ms;
};

/* report is filled; its step config is the caller's. env, opt, external and report outlive it. NULL
 * without memory. */
struct walk *walk_new(const struct walk_env *env, const struct remotewrite_options *opt,
		      struct labels external, struct report *report);
/* The loop does not run any more. NULL is fine. */
void walk_free(struct walk *w);
/* Begins with the loop's next turn. */
void walk_start(struct walk *w);

/* ---- for the steps ---- */

/* After report_say() said more than VERDICT_PENDING: others may begin. */
void walk_decided(struct walk *w, enum doctor_step step);
struct finding *walk_finding(struct walk *w, enum doctor_step step);
/* Decides: skipped. */
void walk_skip(struct walk *w, enum doctor_step step, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The step is neither ok nor a warning. */
bool walk_blocked(struct walk *w, enum doctor_step step);
const char *walk_getenv(const struct walk *w, const char *name);
bool walk_is_amp(const struct walk *w);
/* The port of the URL. */
unsigned walk_port(const struct walk *w);

/* Each is called once, when the steps that it waits for are decided; decides sooner or later. */
void step_url_start(struct walk *w);
void step_credentials_start(struct walk *w);
void step_region_start(struct walk *w);
void step_identity_start(struct walk *w);
void step_dns_start(struct walk *w);
void step_tcp_start(struct walk *w);
void step_tls_start(struct walk *w);
void step_clock_start(struct walk *w);
void step_write_start(struct walk *w);
void step_canary_start(struct walk *w);
/* Ends what is under way; silent. */
void step_credentials_stop(struct walk *w);
void step_region_stop(struct walk *w);
void step_identity_stop(struct walk *w);
void step_dns_stop(struct walk *w);
void step_tcp_stop(struct walk *w);
void step_tls_stop(struct walk *w);
void step_write_stop(struct walk *w);

/* The write has been decided: what is known of the identity may be judged. */
void step_identity_judge(struct walk *w);
