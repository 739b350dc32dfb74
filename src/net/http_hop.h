/* One request of a redirect chain: what curl is told about where to go. Pure text.
 *
 * With a server_name on https the URL names it, so that SNI, verification and connection reuse all
 * go by it; connect_to then leads to the real host, which also stays in the Host header.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/net/http_client.h>

enum { HTTP_URL_BYTES = 64 << 10 };

struct http_hop {
	struct url_parts parts; /* views into the URL given */
	bool https;
	char *url;
	char *host_line;  /* NULL: curl's own Host header is right */
	char *absolute;   /* what an http proxy is asked for; NULL: what curl makes of url */
	char *connect_to; /* NULL: straight to the URL's host */
	char *resolve;    /* "-host:port" forgets its address; NULL for numeric hosts */
};

#define HTTP_HOP_NULL ((struct http_hop){0})

/* The parts of url stay views into it. 0, or 1 with the reason. */
int http_hop_init(struct http_hop *h, struct sv url, struct sv server_name, struct err *err);
void http_hop_deinit(struct http_hop *h);
