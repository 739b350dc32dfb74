/* A call of an AWS API: signed (or not), sent, tried again where that helps, its error read.
 * Every attempt is signed anew by the peer's clock; a refusal for the clock or for expired keys
 * repairs what is wrong and counts as an attempt. Redirects are not followed.
 * Source: AWS SDKs and Tools Reference Guide, "Retry behavior" (standard mode).
 */
#pragma once

#include <ampagent/aws/credentials.h>

enum aws_verdict {
	AWS_CALL_OK, /* 2xx */
	AWS_CALL_THROTTLED,
	AWS_CALL_TRANSIENT,   /* 5xx, IDPCommunicationError, ... */
	AWS_CALL_UNREACHABLE, /* no answer: http_result and why tell */
	AWS_CALL_CLOCK,       /* refused for the time of the signature */
	AWS_CALL_EXPIRED,     /* keys or token expired or unknown */
	AWS_CALL_DENIED,      /* not authorized */
	AWS_CALL_REFUSED,     /* any other 4xx, a redirect, an answer that cannot be read */
	AWS_CALL_NO_KEYS,     /* the credentials could not be had */
};

struct aws_request {
	struct sv service;                   /* signing name */
	struct sv region;                    /* of the signature */
	struct sv url;                       /* http[s]://host[:port]/path[?query] */
	struct sv content_type;              /* "" = none */
	struct sv target;                    /* X-Amz-Target, or "" */
	struct sv body;                      /* POST when not empty, else GET; copied */
	struct aws_credentials *credentials; /* signs; or ... */
	const struct aws_keys *keys;         /* ... these, copied; both NULL: not signed */
	int64_t timeout_ms;                  /* of an attempt; 0 = 5 s */
	unsigned attempts;                   /* 0 = 3 */
	bool secret;                         /* body and answer hold secrets: wiped */
	bool paced; /* a throttled answer ends the call: its owner keeps a pace of its own */
	struct http_client *client; /* asks; NULL: the session's. Outlives the call */
};

struct aws_answer {
	enum aws_verdict verdict;
	int status;
	struct sv body;
	struct sv code, message, request_id; /* of an error, XML or JSON */
	int64_t peer_now_ms; /* the peer's clock when it answered; 0 = it did not say */
	enum http_result http_result;
	struct err why; /* one line with all of it, when the verdict is not OK */
};

struct aws_call;
/* done is called once, from the loop, never from inside; what the answer points to is valid during
 * it. 0; 1 with the reason and done is not called; ERR_NOMEM. */
int aws_call_start(struct aws_session *s, const struct aws_request *req,
		   void (*done)(void *cls, const struct aws_answer *a), void *cls,
		   struct aws_call **out, struct err *err);
void aws_call_cancel(struct aws_call *c);

/* The verdict by status and error code: pure. */
enum aws_verdict aws_verdict_of(int status, struct sv code);
/* Code and message of an error's body: XML of STS (Error/Code) or EC2 (Errors/Error/Code), or JSON
 * (__type or code, message); in arena. 0, or 1 when it is neither. */
int aws_error_read(struct arena *arena, struct sv body, struct sv *code, struct sv *message,
		   struct sv *request_id);
