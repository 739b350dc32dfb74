/* AWS Signature Version 4, the receiving side: pure, no clock, no I/O.
 *
 * Written from AWS's description of the algorithm and sharing only SHA-256 and HMAC with the
 * signer, so that a misreading on one side shows as a refusal instead of agreeing with itself.
 */
#pragma once

#include <ampagent/base/buf.h>

struct sigv4_header {
	struct sv name, value;
};

/* A request as it came over the wire. */
struct sigv4_received {
	struct sv method;
	struct sv raw_path; /* still percent-encoded, without the query */
	struct sv query;    /* still percent-encoded, without '?' */
	struct sv body;
	const struct sigv4_header *headers; /* all of them, in order */
	size_t n_headers;
};

/* What belongs to an access key. */
struct sigv4_key {
	struct sv secret_key;
	struct sv session_token; /* empty: a request must not carry one */
	bool expired;
};

/* Who may sign, and for what. */
struct sigv4_expected {
	struct sv access_key, secret_key; /* one who may; none when empty */
	struct sv session_token;          /* empty: a request must not carry one */
	struct sv region, service;
	bool any_region;
	int64_t clock_window_s;
	/* The others: 0 and *key, or 1 when there is no such access key. May be NULL. */
	int (*find)(void *cls, struct sv access_key, struct sigv4_key *key);
	void *cls;
};

struct sigv4_refusal {
	const char *type; /* for x-amzn-ErrorType */
	struct buf text;  /* the message, as AWS words it */
};

/* Bytes: the longest refusal holds the canonical request. */
#define SIGV4_TEXT_MAX ((size_t)64 << 10)

static inline void sigv4_refusal_init(struct sigv4_refusal *r)
{
	r->type = "";
	buf_init(&r->text, SIGV4_TEXT_MAX);
}

static inline void sigv4_refusal_deinit(struct sigv4_refusal *r)
{
	buf_deinit(&r->text);
}

DEFINE_CLEANUP(struct sigv4_refusal, sigv4_refusal_deinit)

/* 0 when the request is signed by expected's key and now_s (seconds since 1970) lies in the
 * window; 1 with type and text in refusal. */
int verify_sigv4(const struct sigv4_received *request, const struct sigv4_expected *expected,
		 int64_t now_s, struct sigv4_refusal *refusal);
