/* The rules are those of Go's HTTP client, which Prometheus uses; taking credentials away on the
 * step from https to http is added. */
#include "http_redirect.h"

bool redirect_status(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

struct sv redirect_method(int status, struct sv method, bool *keep_body)
{
	*keep_body = status == 307 || status == 308;
	if (*keep_body || sv_eq(method, SV("HEAD")))
		return method;
	return SV("GET");
}

static bool is_address(struct sv host)
{
	if (sv_find(host, ':') != host.len)
		return true;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		if (c != '.' && (c < '0' || c > '9'))
			return false;
	}
	return true;
}

static bool is_subdomain(struct sv host, struct sv parent)
{
	if (is_address(parent) || host.len <= parent.len)
		return false;
	return host.ptr[host.len - parent.len - 1] == '.' &&
	       sv_eq_nocase(sv_from(host, host.len - parent.len), parent);
}

bool redirect_keeps_credentials(const struct url_parts *from, const struct url_parts *to)
{
	if (sv_eq_nocase(from->scheme, SV("https")) && !sv_eq_nocase(to->scheme, SV("https")))
		return false;
	return sv_eq_nocase(from->host, to->host) || is_subdomain(to->host, from->host);
}
