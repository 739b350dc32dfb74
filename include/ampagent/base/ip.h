/* IP addresses as text: pure. */
#pragma once

#include <ampagent/base/sv.h>
#include <netinet/in.h>

/* "10.0.0.1", "2001:db8::1" and nothing besides: false for all else. One of IPv4 is read as the one
 * of IPv6 that stands for it (IN6_IS_ADDR_V4MAPPED). */
bool ip_read(struct sv text, struct in6_addr *out);
/* The same, and the short, octal and hexadecimal forms of IPv4 that resolvers take: 127.1. */
bool ip_read_any(struct sv text, struct in6_addr *out);
