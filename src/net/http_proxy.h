/* Which proxy a request goes through: Go's rules, as Prometheus has them. No network here.
 *
 * proxy_url alone takes every request. With no_proxy, or from the environment, "localhost" and
 * loopback addresses go straight, and so does what a rule names: "*", addresses, networks
 * (10.0.0.0/8), domains ("a.b" and below; ".a.b" and "*.a.b" only below), all but networks
 * with an optional port.
 */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>
#include <ampagent/http_options.h>
#include <ampagent/net/http_client.h>

enum http_proxy_kind { HTTP_PROXY_HTTP, HTTP_PROXY_HTTPS, HTTP_PROXY_SOCKS5 };

struct http_proxy_server {
	enum http_proxy_kind kind;
	char *url;                /* without credentials, with the port; NULL: no proxy */
	char *resolve;            /* "-host:port" forgets its address */
	char *user, *password;    /* SOCKS only, else NULL */
	struct buf auth_line;     /* Proxy-Authorization, ended by NUL; or empty */
	struct buf connect_lines; /* header lines of CONNECT, the former among them */
};

struct http_proxy {
	struct http_proxy_server plain, secure; /* for http and for https */
	bool has_rules;
	bool all_direct;
	bool refuse_plain; /* a CGI program's HTTP_PROXY may be what a client sent as a header */
	struct http_proxy_rule *rules;
	size_t n_rules;
};

#define HTTP_PROXY_NULL ((struct http_proxy){0})

/* 0, or 1 with the reason. Reads the environment when told to. */
int http_proxy_init(struct http_proxy *p, const struct proxy_options *opt, struct err *err);
void http_proxy_deinit(struct http_proxy *p);
/* 0 and the server for a request to `to` (NULL: straight), or 1 with the reason. */
int http_proxy_pick(const struct http_proxy *p, const struct url_parts *to,
		    const struct http_proxy_server **out, struct err *err);
