/* The stand-in AMP endpoint behind `ampagent receive`: an honest peer for demos, tests and people
 * who debug their set-up. It refuses what AMP refuses, with AMP's statuses and texts, and can be
 * told to misbehave (latency, throttling, errors, dropped connections, outages).
 *
 * Paths:
 *   POST /workspaces/<ws>/api/v1/remote_write   the endpoint: remote write 1.0 and 2.0
 *   GET  /stats                                 the counts as JSON
 *   GET  /series[?match=<name>][&full=1]        tracked series as JSON lines; without match and
 *                                               full the first 1000
 *   GET  /switch, POST /switch?<name>=<value>   reads, changes the switches (names as in struct
 *                                               standin_options: latency_ms, rate_429, ...)
 *   POST /flush                                 writes out what is buffered of the record file
 *
 * With aws, on the same listener:
 *   POST /                                      STS: AssumeRoleWithWebIdentity, AssumeRole and
 *                                               GetCallerIdentity, as a form
 *   GET  /v2/credentials/<any>                  an ECS task's role
 *   GET  /v1/credentials                        the EKS Pod Identity agent
 *   PUT  /latest/api/token, GET /latest/...     IMDSv2: keys of the instance's role, its region
 *   GET  /federation/credentials                the SSO portal
 *   GET  /v4/<any>, .../task, .../stats, .../task/stats, and the same below /v3/
 *                                               the ECS task metadata
 *   PUT  /aws/task, /aws/task/stats             what they answer from now on (a JSON document,
 *                                               given out byte for byte); an empty body: as before.
 *                                               With ?id=<any>: below that address; there are no
 *                                               other addresses then
 *   POST / with X-Amz-Target or Action          the ECS and EC2 API of one account and region
 *   PUT  /aws/ecs                               that account: {"clusters":[..],"services":[..],
 *                                               "tasks":[..],"taskDefinitions":[..],
 *                                               "containerInstances":[..],"instances":[..],
 *                                               "networkInterfaces":[..]} in the shapes of the
 *                                               APIs' own answers; the last two with the names of
 *                                               EC2's XML ("instanceId", "tagSet": [..])
 *   PATCH /aws/ecs                              the same form: replaces or adds what it names, by
 *                                               ARN or id; {"gone":["arn",..]} removes
 *   GET  /aws/ecs                               the account as such a document
 *   POST /aws/ecs/fill?tasks=N&services=M[&instances=K][&launch=FARGATE|EC2]
 *        [&network=awsvpc|bridge|host][&cluster=NAME][&seed=S]
 *                                               in its place N made-up tasks in M services
 *   GET  /aws/keys                              the keys issued so far, secrets included: an array
 *                                               of {"source":"imds","AccessKeyId":..,
 *                                               "SecretAccessKey":..,"Token":..,"Expiration":..,
 *                                               "issued_ms":..,"expires_ms":..,"principal":..,
 *                                               "writes":..,"refused":..}, oldest first
 *
 * It runs on the loop of its creator and uses no thread of its own.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/json.h>
#include <ampagent/net/loop.h>

struct standin;

struct standin_options {
	struct sv listen;
	struct sv workspace; /* ws-..., any when empty */
	struct sv access_key, secret_key, session_token, region,
		service;        /* no check when secret is empty */
	int64_t clock_window_s; /* 300 */
	int64_t latency_ms;
	/* Shares of requests, 0..1; switches.h says what each does. */
	double rate_429, rate_500, rate_403, rate_drop, rate_400;
	double rate_202, rate_404, rate_413, rate_400_size, rate_400_many, rate_400_limit,
		rate_403_denied;
	double rate_reset, rate_truncate, rate_hang, rate_vanish;
	int64_t hang_ms;        /* 30000: how long rate_hang says nothing */
	int64_t read_pause_ms;  /* a pause after each piece of a request's body: a slow reader */
	uint64_t retry_after_s; /* told with 429 and 503; 0 = not told */
	uint64_t outage_every_s,
		outage_for_s;       /* answers 503 in that last part of each period; 0 = never */
	uint64_t max_request_bytes; /* 1 MB, of the body as sent: above it 413 */
	uint64_t seed;              /* of the switches' choices */
	bool print;                 /* samples as text on standard output */
	bool track;                 /* keep each series' last time and count (order, duplicates) */

	struct sv account;      /* in the texts: user=<account>_<workspace> */
	uint64_t max_raw_bytes; /* 32 MB, of the decompressed body: above it 413 */
	int64_t ooo_window_s;   /* 60: how far behind the newest sample disorder is stored; 0 = none
				 */
	int64_t max_age_s;      /* 3600: older samples are refused; 0 = no check */
	int64_t max_future_s;   /* 600: newer samples are refused; 0 = no check */
	int64_t clock_offset_s; /* added to the stand-in's clock and to its Date header; as switches
				   clock_ahead_s and clock_behind_s */
	uint64_t series_limit;  /* series above it are refused; 0 = no limit. Needs track */
	struct sv record;       /* file to which each newly stored sample is appended; none when
				   empty. Lines: see below */
	bool record_refused;    /* with record: what is not stored is appended too */
	bool accept_v2; /* true. Else remote write 2.0 is answered 415, as old receivers do */

	/* AWS besides: issues keys that are then good for remote writes, as those above are. A
	 * write needs a signature even where secret_key is empty. */
	bool aws;
	int64_t aws_life_ms;          /* 3600000: how long issued keys live */
	int64_t aws_grace_ms;         /* how long they work past the Expiration told; 0 */
	int64_t aws_latency_ms;       /* before each AWS answer */
	int64_t aws_token_ms;         /* metadata tokens die after that long; 0: after their TTL */
	struct sv aws_region;         /* of instance and task; region when empty */
	struct sv aws_role;           /* of the instance */
	struct sv aws_web_token_file; /* what must be the WebIdentityToken; any when empty */
	struct sv aws_container_token_file; /* what must be the Authorization of containers; any
					     * when empty */
	struct sv aws_sso_token;            /* the SSO bearer token; any when empty */
	bool aws_down;                      /* sources of keys answer 500, */
	bool aws_throttled;                 /* too many requests, */
	bool aws_empty;                     /* 200 without a body, */
	bool aws_hang;                      /* or nothing */
	bool aws_same;                      /* each source gives its last keys again */
	bool aws_hop_limit;                 /* no answer to PUT token, as behind one hop too many */
	bool aws_imds_off;                  /* metadata is switched off: 403 */
	bool aws_no_role;                   /* the instance has no role: 404 */
	bool aws_no_extended;               /* metadata without security-credentials-extended */
	bool aws_role_failed;     /* metadata has no keys of the role: 200 with another Code */
	bool aws_assume_denied;   /* STS: no role may be assumed, */
	bool aws_identity_denied; /* nobody may ask who he is */
	bool aws_denied;          /* remote writes: AccessDeniedException, */
	bool aws_mute;            /* refusals have neither body nor error type, */
	double aws_api_rate, aws_api_burst; /* ECS and EC2 calls a second, and at once, before they
					       are throttled (20, 50); 0 = no limit */
	double aws_task_rate, aws_task_burst; /* the same for the task's metadata (40, 60) */
	bool aws_task_down;                   /* the metadata answers 500, */
	bool aws_task_garbage;                /* half a document, */
	bool aws_task_hang;                   /* or nothing */
	bool aws_redirect;                    /* 307 to the same place with ?redirected=1 */
};

/* The record file has a line for each sample, histogram and exemplar, where t is the time in ms,
 * bits the 16 hex digits of a double, and {labels} as in {__name__="up",job="x"} (names that are
 * not plain ones are quoted too):
 *
 *   t bits {labels}                       a float; followed by " start=<ms>" where 2.0 told a start
 *   t h:<histogram> {labels}              a native histogram
 *   e t bits {labels} # {labels}          an exemplar of the first series, with its own labels
 *   x t ...                               with record_refused: a sample or histogram that was not
 *                                         stored and that a sender is not to send again
 *
 * <histogram> has no blanks and always all of its parts:
 *
 *   int;schema=0;count=5;sum=<bits>;zero=2@0.001;neg=-1:1;pos=0:1,3:1;bounds=;reset=no;start=0
 *
 * or float;... with counts as decimals. zero is the zero bucket's count and threshold; neg and pos
 * are index:count of every bucket sent, counts absolute; bounds are those of custom buckets; reset
 * is unknown, yes, no or gauge; start is in ms, 0 when not told. Decimals are the shortest that
 * give the same double.
 */

struct standin_options standin_options_default(void);
/* Listens and answers until standin_free(); opt is copied. 0; 1 with the reason (address in use,
 * record file cannot be opened, ...); or ERR_NOMEM. */
int standin_new(struct loop *loop, const struct standin_options *opt, struct standin **out,
		struct err *err);
/* Flushes the record file and closes everything. NULL is fine. */
void standin_free(struct standin *s);
int standin_port(const struct standin *s);
/* Writes out the buffered part of the record file and of the printed samples: 0, or 1 when the
 * file system refused some of it since the start. */
int standin_flush(struct standin *s);

struct standin_stats {
	uint64_t requests, accepted, answered_400, answered_403, answered_429, answered_5xx,
		dropped;
	/* samples: newly stored ones, histograms and stale markers included; duplicates are sent
	 * again and not stored again; out_of_order were stored inside the window. */
	uint64_t samples, series, duplicates, out_of_order, stale_markers, metadata;
	uint64_t body_bytes, raw_bytes;
	uint64_t bad_signature, bad_snappy, bad_protobuf, bad_labels;

	uint64_t answered_other;        /* 404, 405, 413, 415 */
	uint64_t histograms, exemplars; /* newly stored ones */
	uint64_t refused;      /* samples not stored out of requests that were stored in part */
	uint64_t conflicts;    /* of these: another value for a time that has one */
	uint64_t too_old;      /* of these: behind the out-of-order window or the maximal age */
	uint64_t too_new;      /* of these: ahead of the clock */
	uint64_t over_limit;   /* of these: new series above series_limit */
	uint64_t resent_late;  /* of too_old: samples that are stored already */
	uint64_t deduplicated; /* samples of requests answered 202 */
};
struct standin_stats standin_stats_get(const struct standin *s);
/* One object: the counts above by name, uptime_ms, the number of answers by status, and how often
 * each switch struck. */
void standin_stats_json(const struct standin *s, struct json_writer *w);
