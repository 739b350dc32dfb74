/* URLs and query strings: pure functions over views. */
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>
#include <ampagent/net/http_server.h>

static size_t find_any(struct sv s, const char *set)
{
	for (size_t i = 0; i < s.len; i++) {
		if (strchr(set, s.ptr[i]) && s.ptr[i] != '\0')
			return i;
	}
	return s.len;
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool scheme_valid(struct sv s)
{
	if (s.len == 0 || !is_alpha(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++) {
		char c = s.ptr[i];
		if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.')
			return false;
	}
	return true;
}

/* No byte of a URL may end a request line or a header early. */
static bool has_blank_or_control(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c == 0x7f)
			return true;
	}
	return false;
}

static int port_valid(struct sv port)
{
	if (port.len > 5)
		return 0;
	unsigned v = 0;
	for (size_t i = 0; i < port.len; i++) {
		if (!is_digit(port.ptr[i]))
			return 0;
		v = v * 10 + (unsigned)(port.ptr[i] - '0');
	}
	return v <= 65535;
}

/* An address between brackets, perhaps with a zone. */
static bool v6_valid(struct sv s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (!is_alpha(c) && !is_digit(c) && (c == '\0' || !strchr(":.%-_", c)))
			return false;
	}
	return sv_find(s, ':') < s.len;
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static int split_host_port(struct sv s, struct sv *host, struct sv *port)
{
	struct sv rest;
	if (s.len && s.ptr[0] == '[') {
		size_t end = sv_find(s, ']');
		if (end == s.len || !v6_valid(sv_make(s.ptr + 1, end - 1)))
			return 1;
		*host = sv_make(s.ptr + 1, end - 1);
		rest = sv_from(s, end + 1);
	} else {
		size_t colon = sv_find(s, ':');
		*host = sv_make(s.ptr, colon);
		rest = sv_from(s, colon);
		if (find_any(*host, "[]\"<>\\^`{|}") != host->len)
			return 1;
	}
	if (host->len == 0 || (rest.len && rest.ptr[0] != ':'))
		return 1;
	*port = rest.len ? sv_from(rest, 1) : SV_NULL;
	return port_valid(*port) ? 0 : 1;
}

int url_split(struct sv url, struct url_parts *out)
{
	*out = (struct url_parts){0};
	size_t colon = sv_find(url, ':');
	out->scheme = sv_make(url.ptr, colon);
	struct sv rest = sv_from(url, colon);
	if (!scheme_valid(out->scheme) || !sv_starts_with(rest, SV("://")) ||
	    has_blank_or_control(url))
		return 1;
	rest = sv_from(rest, 3);
	size_t end = find_any(rest, "/?#");
	struct sv authority = sv_make(rest.ptr, end);
	rest = sv_from(rest, end);
	for (size_t i = authority.len; i > 0; i--) {
		if (authority.ptr[i - 1] == '@') {
			out->userinfo = sv_make(authority.ptr, i - 1);
			authority = sv_from(authority, i);
			break;
		}
	}
	if (split_host_port(authority, &out->host, &out->port) != 0)
		return 1;
	rest.len = sv_find(rest, '#'); /* a fragment is never sent */
	size_t question = sv_find(rest, '?');
	out->path = sv_make(rest.ptr, question);
	out->query = sv_from(rest, question + 1);
	return 0;
}

int http_query_get(struct sv query, struct sv name, struct buf *out)
{
	_cleanup_(buf_deinit) struct buf key = BUF_NULL;
	buf_init(&key, query.len);
	while (query.len) {
		size_t end = sv_find(query, '&');
		struct sv pair = sv_make(query.ptr, end);
		size_t eq = sv_find(pair, '=');
		query = sv_from(query, end + 1);
		buf_reset(&key);
		if (url_decode(&key, sv_make(pair.ptr, eq), true) != 0 ||
		    !sv_eq(buf_view(&key), name))
			continue;
		return url_decode(out, sv_from(pair, eq + 1), true) != 0;
	}
	return 1;
}
