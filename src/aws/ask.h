/* What sources and metadata have in common: a request that is sent again after a failure that
 * passes, and what its answer means in words.
 */
#pragma once

#include <ampagent/net/http_client.h>

struct aws_ask_options {
	struct loop *loop;
	struct http_client *client;
	struct http_request req; /* copied with all it points to; body and body_out are not used */
	unsigned attempts;       /* at least 1 is made */
	int64_t pause_ms;        /* between them */
};

struct aws_ask;
/* Asks until there is an answer that another try would not change: anything but no answer, 429 and
 * 5xx. done is called once, from the loop, never from inside; a and body (which may hold secrets
 * and is wiped) are valid during it. 0; 1 with the reason and done is not called; ERR_NOMEM. */
int aws_ask_start(const struct aws_ask_options *opt,
		  void (*done)(void *cls, const struct http_answer *a, struct sv body), void *cls,
		  struct aws_ask **out, struct err *err);
/* Ends it silently. NULL is fine; from inside its own done it does nothing. */
void aws_ask_cancel(struct aws_ask *ask);

enum { AWS_ASK_TOLD_MAX = 400 };
/* What went wrong: why no answer came, or "status N" and what the peer said with it (JSON or plain
 * text), cleaned, secret (may be empty) starred out. */
void aws_ask_told(char dst[AWS_ASK_TOLD_MAX], const struct http_answer *a, struct sv body,
		  struct sv secret);
