/* What a token endpoint answers (RFC 6749, 5.1 and 5.2). Pure. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

struct http_oauth2_answer {
	struct buf token, type; /* the caller wipes them */
	int64_t expires_s;      /* 0: not said */
};

void http_oauth2_answer_init(struct http_oauth2_answer *a);
void http_oauth2_answer_deinit(struct http_oauth2_answer *a);
/* 0, or 1 with the reason, which repeats nothing of the body but an error code. Some endpoints
 * answer as a form; a JWT grant's never does. */
int http_oauth2_answer_parse(struct http_oauth2_answer *a, int status, struct sv content_type,
			     struct sv body, bool may_be_form, struct err *err);
