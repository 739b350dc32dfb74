/* The stand-in AMP endpoint behind `ampagent receive`. */
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
	double rate_429, rate_500, rate_403, rate_drop, rate_400; /* shares of requests, 0..1 */
	uint64_t outage_every_s,
		outage_for_s;       /* answers 503 in that part of each period; 0 = never */
	uint64_t max_request_bytes; /* 1 MB */
	uint64_t seed;              /* of the switches' choices */
	bool print;                 /* samples as text on standard output */
	bool track;                 /* keep each series' last time and count (order, duplicates) */
};

struct standin_options standin_options_default(void);
int standin_new(struct loop *loop, const struct standin_options *opt, struct standin **out,
		struct err *err);
void standin_free(struct standin *s);
int standin_port(const struct standin *s);

struct standin_stats {
	uint64_t requests, accepted, answered_400, answered_403, answered_429, answered_5xx,
		dropped;
	uint64_t samples, series, duplicates, out_of_order, stale_markers, metadata;
	uint64_t body_bytes, raw_bytes;
	uint64_t bad_signature, bad_snappy, bad_protobuf, bad_labels;
};
struct standin_stats standin_stats_get(const struct standin *s);
void standin_stats_json(const struct standin *s, struct json_writer *w);
