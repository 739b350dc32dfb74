/* What an answer to a remote-write request means: a pure function, no clock, no log.
 * Source: Remote-Write 1.0 and 2.0 specifications; AMP's documented answers.
 */
#pragma once

#include "books.h"

#include <ampagent/net/http_client.h>

enum answer_action {
	ANSWER_DONE,         /* stored */
	ANSWER_DEDUPLICATED, /* 202: another replica is the elected one */
	ANSWER_RETRY,
	ANSWER_SPLIT,     /* too large: send in parts */
	ANSWER_FALL_BACK, /* the peer does not speak 2.0: send as 1.0 */
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
	bool v2;        /* the request was of 2.0 */
	bool confirmed; /* the answer says how much was written */
};

/* What the peer says it wrote, by the header fields of 2.0. */
struct answer_written {
	bool confirmed; /* at least one of them was there */
	uint64_t samples, histograms, exemplars;
};

/* The longest Retry-After that is followed. */
#define RETRY_AFTER_MAX_MS 300000

/* A field that is missing stands for 0, one that cannot be read counts as missing. */
struct answer_written answer_written(const struct http_answer *a);
struct answer answer_decide(const struct answer_in *in);
/* Seconds or an HTTP-date as a wait in ms, within 0 .. RETRY_AFTER_MAX_MS; 0 when unreadable. */
int64_t answer_retry_after_ms(struct sv s, int64_t now_wall_ms);
/* "server returned HTTP status 500: ..." with the first 512 bytes of the body, control bytes
 * replaced, error type and request id. Cut to fit; returns dst. */
char *answer_text(char *dst, size_t size, const struct http_answer *a, struct sv body);
