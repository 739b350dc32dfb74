/* Which URLs load: those that Go's url.Parse takes. Whether a request can be made of one is seen
 * when it is made, as in Prometheus. */
#include "check.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static bool escapes_valid(struct sv s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '%' &&
		    (i + 2 >= s.len || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2])))
			return false;
	return true;
}

/* Length of the scheme before ':', 0 when there is none, or -1 when the URL begins with ':'. */
static int scheme_len(struct sv url)
{
	for (size_t i = 0; i < url.len; i++) {
		char c = url.ptr[i];
		if (c == ':')
			return i == 0 ? -1 : (int)i;
		if (!is_alnum(c) && !one_of(c, "+-."))
			return 0;
		if (i == 0 && (!is_alnum(c) || (c >= '0' && c <= '9')))
			return 0;
	}
	return 0;
}

static bool port_valid(struct sv s)
{
	if (s.len == 0)
		return true;
	if (s.ptr[0] != ':')
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return true;
}

static size_t rfind(struct sv s, char c)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.ptr[i - 1] == c)
			return i - 1;
	return s.len;
}

static const char *check_host(struct sv host)
{
	struct sv port = sv_from(host, rfind(host, ':'));
	if (host.len > 0 && host.ptr[0] == '[') {
		size_t end = rfind(host, ']');
		if (end == host.len)
			return "missing ']' in host";
		port = sv_from(host, end + 1);
	}
	if (!port_valid(port))
		return "invalid port";
	for (size_t i = 0; i < host.len; i++)
		if (one_of(host.ptr[i], " #%/?@\\^`{|}"))
			return "invalid character in host name";
	return NULL;
}

static const char *check_authority(struct sv authority)
{
	size_t at = rfind(authority, '@');
	if (at == authority.len)
		return check_host(authority);
	struct sv user = sv_make(authority.ptr, at);
	for (size_t i = 0; i < user.len; i++)
		if (!is_alnum(user.ptr[i]) && !one_of(user.ptr[i], "-._:~!$&'()*+,;=%@"))
			return "invalid character in user information";
	if (!escapes_valid(user))
		return "invalid URL escape";
	return check_host(sv_from(authority, at + 1));
}

static const char *check_path(struct sv rest, bool has_scheme)
{
	if (rest.len > 0 && rest.ptr[0] != '/') {
		if (has_scheme)
			return NULL; /* opaque, "mailto:x" */
		if (sv_find(rest, ':') < sv_find(rest, '/'))
			return "first path segment cannot contain a colon";
	}
	if (sv_starts_with(rest, SV("//")) && (has_scheme || !sv_starts_with(rest, SV("///")))) {
		rest = sv_from(rest, 2);
		size_t end = sv_find(rest, '/');
		const char *why = check_authority(sv_make(rest.ptr, end));
		if (why)
			return why;
		rest = sv_from(rest, end);
	}
	return escapes_valid(rest) ? NULL : "invalid URL escape";
}

const char *check_url(struct sv url)
{
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.ptr[i] < 0x20 || url.ptr[i] == 0x7f)
			return "invalid control character";
	size_t hash = sv_find(url, '#');
	if (!escapes_valid(sv_from(url, hash)))
		return "invalid URL escape";
	url.len = hash;
	int scheme = scheme_len(url);
	if (scheme < 0)
		return "missing protocol scheme";
	struct sv rest = scheme ? sv_from(url, (size_t)scheme + 1) : url;
	rest.len = sv_find(rest, '?');
	return check_path(rest, scheme > 0);
}
