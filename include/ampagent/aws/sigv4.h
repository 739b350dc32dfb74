/* AWS Signature Version 4: a pure function of request, keys and time.
 * Source: AWS "Create a signed AWS API request"; facts of botocore's and aws-c-auth's test suites.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/net/http_client.h>

struct aws_keys {
	struct sv access_key;
	struct sv secret_key;
	struct sv session_token; /* empty when none */
};

struct sigv4_request {
	struct sv method;
	struct sv host;  /* the Host header exactly as sent */
	struct sv path;  /* as on the wire (already percent-encoded); "" counts as "/" */
	struct sv query; /* as on the wire, without '?' */
	const struct http_header *headers; /* to sign, besides host, x-amz-date and the token */
	size_t n_headers;
	struct sv payload_hash; /* lower-case hex SHA-256 of the body as sent */
	struct sv region;
	struct sv service;
	int64_t time_s; /* since 1970, skew already applied */
};

/* A signing key is good for a day, region and service: kept to save four HMACs a request. Wipe with
 * sigv4_cache_wipe(). */
struct sigv4_cache {
	uint8_t key[32];
	uint8_t id[32]; /* digest of what it was made from */
	bool valid;
};
void sigv4_cache_wipe(struct sigv4_cache *c);

enum { SIGV4_DATE_MAX = 17, SIGV4_AUTH_MAX = 2048 };

struct sigv4_result {
	char amz_date[SIGV4_DATE_MAX];      /* value of X-Amz-Date */
	char authorization[SIGV4_AUTH_MAX]; /* value of Authorization */
};

/* Headers that hops may change (user-agent, connection, expect, te, trailer, transfer-encoding,
 * upgrade, x-amzn-trace-id, uber-trace-id ...) are left out of the signature. cache may be NULL.
 * canonical and string_to_sign may be NULL; tests look at them.
 * 0, or 1 when the request is too large to sign. */
int sigv4_sign(const struct sigv4_request *req, const struct aws_keys *keys,
	       struct sigv4_cache *cache, struct sigv4_result *out, struct buf *canonical,
	       struct buf *string_to_sign);

/* Normalises a wire path for both the signature and the request: dot segments and double slashes
 * go, a trailing slash stays. */
int sigv4_clean_path(struct buf *out, struct sv path);
/* The Host header that the client sends to u: lower case, no default port, IPv6 in brackets. */
void sigv4_put_host(struct buf *out, const struct url_parts *u);
