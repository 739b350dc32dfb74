#include <ampagent/base/ip.h>

#include <arpa/inet.h>

static bool read_text(struct sv text, bool any_form, struct in6_addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr v4;
	/* inet_aton() takes what ends with a blank and anything behind it. */
	if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) ||
	    sv_find(text, ' ') < text.len)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET6, copy, out) == 1)
		return true;
	if (inet_pton(AF_INET, copy, &v4) != 1 && (!any_form || inet_aton(copy, &v4) == 0))
		return false;
	*out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(out->s6_addr + 12, &v4, sizeof v4);
	return true;
}

bool ip_read(struct sv text, struct in6_addr *out)
{
	return read_text(text, false, out);
}

bool ip_read_any(struct sv text, struct in6_addr *out)
{
	return read_text(text, true, out);
}
