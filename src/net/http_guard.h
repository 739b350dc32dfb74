/* Shapes of a request header that are refused: those that another HTTP implementation on the way
 * may frame differently (request smuggling), and what is not HTTP/1.x. Pure. */
#pragma once

#include <ampagent/base/sv.h>

struct http_guard {
	bool malformed;
	unsigned n_host, n_length, n_coding;
	bool chunked; /* the only transfer coding taken */
	uint64_t length;
};

#define HTTP_GUARD_NULL ((struct http_guard){0})

/* For each header as sent. */
void http_guard_header(struct http_guard *g, struct sv name, struct sv value);
/* After the last one: 0 when the request may be read, else the status to refuse it with. */
int http_guard_verdict(const struct http_guard *g, struct sv version, uint64_t body_max);
