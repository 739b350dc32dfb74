/* What an answer to a remote-write request means: a pure function, no clock, no log.
 * Source: Remote-Write 1.0 specification; AMP's documented answers.
 */
#pragma once

#include "books.h"

#include <ampagent/net/http_client.h>

enum answer_action {
	ANSWER_DONE,         /* stored */
	ANSWER_DEDUPLICATED, /* 202: another replica is the elected one */
	ANSWER_RETRY,
	ANSWER_SPLIT, /* too large: send in parts */
	ANSWER_DROP,
};

struct answer {
	enum answer_action action;
	enum drop_reason reason; /* with ANSWER_DROP */
	int64_t after_ms;        /* with ANSWER_RETRY: not before, as the peer asked; 0 = no word */
	/* With ANSWER_RETRY, bounds of the back-off that replace the configured ones; 0 = none. */
	int64_t min_backoff_ms, max_backoff_ms;
	bool loud; /* needs a person: wrong credentials, wrong URL */
};

/* What answer_decide() looks at. */
struct answer_in {
	enum http_result result;
	int status;
	struct sv retry_after;
	bool drop_429; /* the file says retry_on_http_429: false */
	int64_t now_wall_ms;
};

/* The longest Retry-After that is followed. */
#define RETRY_AFTER_MAX_MS 300000

struct answer answer_decide(const struct answer_in *in);
/* Seconds or an HTTP-date as a wait in ms, within 0 .. RETRY_AFTER_MAX_MS; 0 when unreadable. */
int64_t answer_retry_after_ms(struct sv s, int64_t now_wall_ms);
/* "server returned HTTP status 500: ..." with the first 512 bytes of the body, control bytes
 * replaced, error type and request id. Cut to fit; returns dst. */
char *answer_text(char *dst, size_t size, const struct http_answer *a, struct sv body);
