#include "http_hop.h"

#include <ampagent/base/ip.h>

static bool is_v6(struct sv host)
{
	return sv_find(host, ':') != host.len;
}

static bool is_numeric(struct sv host)
{
	struct in6_addr ip;
	return is_v6(host) || ip_read(host, &ip);
}

static void put_host(struct buf *b, struct sv host)
{
	buf_sv(b, is_v6(host) ? SV("[") : SV_NULL);
	buf_sv(b, host);
	buf_sv(b, is_v6(host) ? SV("]") : SV_NULL);
}

static void put_authority(struct buf *b, struct sv host, struct sv port)
{
	put_host(b, host);
	if (port.len) {
		buf_char(b, ':');
		buf_sv(b, port);
	}
}

static char *make_url(const struct url_parts *u, struct sv userinfo, struct sv host)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, HTTP_URL_BYTES);
	buf_sv(&b, u->scheme);
	buf_sv(&b, SV("://"));
	if (userinfo.len) {
		buf_sv(&b, userinfo);
		buf_char(&b, '@');
	}
	put_authority(&b, host, u->port);
	buf_sv(&b, u->path.len ? u->path : SV("/"));
	if (u->query.ptr && u->query.len) {
		buf_char(&b, '?');
		buf_sv(&b, u->query);
	}
	return buf_take(&b);
}

static char *make_text(struct sv prefix, struct sv host, struct sv port)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, HTTP_URL_BYTES);
	buf_sv(&b, prefix);
	put_authority(&b, host, port);
	return buf_take(&b);
}

int http_hop_init(struct http_hop *h, struct sv url, struct sv server_name, struct err *err)
{
	*h = HTTP_HOP_NULL;
	struct url_parts *u = &h->parts;
	if (url_split(url, u) != 0)
		return err_set(err, 1, "\"%.*s\" is not an absolute URL", SV_ARG(url));
	bool https = sv_eq_nocase(u->scheme, SV("https"));
	if (!https && !sv_eq_nocase(u->scheme, SV("http")))
		return err_set(err, 1, "unsupported URL scheme \"%.*s\"", SV_ARG(u->scheme));
	h->https = https;
	struct sv port = u->port.len ? u->port : https ? SV("443") : SV("80");
	bool renamed = https && server_name.len && !sv_eq_nocase(server_name, u->host);
	bool numeric = is_numeric(u->host);
	h->url = make_url(u, u->userinfo, renamed ? server_name : u->host);
	bool whole = h->url != NULL;
	/* A port that the scheme has anyway is named where the URL names it, as Go does. */
	bool named = u->port.len && sv_eq(u->port, https ? SV("443") : SV("80"));
	if (renamed || named) {
		h->host_line = make_text(SV("Host: "), u->host, u->port);
		whole = whole && h->host_line;
	}
	if (renamed) {
		h->connect_to = make_text(SV("::"), u->host, port);
		whole = whole && h->connect_to;
	}
	if (named && !https) {
		h->absolute = make_url(u, SV_NULL, u->host);
		whole = whole && h->absolute;
	}
	if (!numeric) {
		h->resolve = make_text(SV("-"), u->host, port);
		whole = whole && h->resolve;
	}
	if (whole)
		return 0;
	http_hop_deinit(h);
	return err_set(err, 1, "the URL is too long");
}

void http_hop_deinit(struct http_hop *h)
{
	free(h->url);
	free(h->host_line);
	free(h->absolute);
	free(h->connect_to);
	free(h->resolve);
	*h = HTTP_HOP_NULL;
}
