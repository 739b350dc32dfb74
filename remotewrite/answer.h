/* What an answer to a remote-write request means: a pure function, no clock, no log.
 * Source: Remote-Write 1.0 and 2.0 specifications; AMP's documented answers.
 */
#pragma once

#include "answer_body.h"
#include "books.h"

#include <ampagent/net/http_client.h>

enum answer_action {
	ANSWER_DONE,         /* stored */
	ANSWER_DEDUPLICATED, /* 202: another replica is the elected one */
	ANSWER_RETRY,
	ANSWER_SPLIT,     /* too large: send in parts */
	ANSWER_FALL_BACK, /* the peer does not speak 2.0: send as 1.0 */
	ANSWER_REFRESH,   /* the keys are no longer good: ask for others, then as ANSWER_STOP */
	ANSWER_CLOCK,     /* sign by the peer's clock and send again at once */
	ANSWER_DROP,      /* never to be sent again: the rest of it may be stored */
	ANSWER_SHED,      /* as ANSWER_DROP; and the peer takes no new series for now */
	ANSWER_STOP,      /* a person is needed: kept, loud, tried seldom */
};

enum { ANSWER_SUBJECT_BYTES = 128 };

struct answer {
	enum answer_action action;
	enum answer_cause cause;
	enum drop_reason reason; /* with ANSWER_DROP and ANSWER_SHED */
	int64_t after_ms;        /* when kept: not before, as the peer asked; 0 = no word */
	/* When kept, bounds of the back-off that replace the configured ones; 0 = none. */
	int64_t min_backoff_ms, max_backoff_ms;
	bool loud;                          /* needs a person: wrong credentials, wrong URL */
	char subject[ANSWER_SUBJECT_BYTES]; /* the metric or label set named, cleaned; or "" */
};

/* The error types of requests that were not sent because they cannot be signed: HTTP_LOCAL. */
#define ANSWER_NO_CREDENTIALS "no_credentials"
#define ANSWER_NO_REGION "no_region"

/* What answer_decide() looks at. */
struct answer_in {
	enum http_result result;
	int status;
	struct sv retry_after;
	bool drop_429; /* the file says retry_on_http_429: false */
	int64_t now_wall_ms;
	bool v2;        /* the request was of 2.0 */
	bool confirmed; /* the answer says how much was written */
	struct sv error_type, content_type, body;
	/* What the peer's clock is ahead of the time that the request was signed with; 0 = it did
	 * not say. */
	int64_t skew_ms;
	bool clock_corrected; /* the request was signed anew for that already */
};

/* What the peer says it wrote, by the header fields of 2.0. */
struct answer_written {
	bool confirmed; /* at least one of them was there */
	uint64_t samples, histograms, exemplars;
};

/* The longest Retry-After that is followed. */
#define RETRY_AFTER_MAX_MS 300000
/* AWS takes a signature for five minutes; less than this cannot be why it was refused. */
#define ANSWER_SKEW_MS 240000

/* A field that is missing stands for 0, one that cannot be read counts as missing. */
struct answer_written answer_written(const struct http_answer *a);
struct answer answer_decide(const struct answer_in *in);
/* What the asker knows of the request. */
struct answer_asked {
	int64_t now_wall_ms;
	int64_t signed_ahead_ms; /* of this machine's clock */
	bool v2, drop_429, clock_corrected;
};
/* answer_decide() on what came. written: answer_written() of it. */
struct answer answer_judge(const struct http_answer *a, struct sv body,
			   const struct answer_asked *asked, const struct answer_written *written);
/* The samples wait and go again later. */
static inline bool answer_keeps(const struct answer *a)
{
	return a->action == ANSWER_RETRY || a->action == ANSWER_REFRESH ||
	       a->action == ANSWER_CLOCK || a->action == ANSWER_STOP;
}
/* Seconds or an HTTP-date as a wait in ms, within 0 .. RETRY_AFTER_MAX_MS; 0 when unreadable. */
int64_t answer_retry_after_ms(struct sv s, int64_t now_wall_ms);
/* What the Date of an answer says of the peer's clock, against ours in the middle of the exchange;
 * 0 = it says nothing. */
int64_t answer_skew_ms(const struct http_answer *a, int64_t now_wall_ms);
/* "server returned HTTP status 500: ..." with the first 512 bytes of the body, control bytes
 * replaced, error type and request id. Cut to fit; returns dst. */
char *answer_text(char *dst, size_t size, const struct http_answer *a, struct sv body);
