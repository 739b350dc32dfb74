#include "http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool v4_is_local(uint32_t a)
{
	return a >> 24 == 127 || a == 0xa9feaa02 || a == 0xa9feaa17;
}

static bool v6_is_local(const struct in6_addr *a)
{
	static const struct in6_addr pod_identity = {
		.s6_addr = {[0] = 0xfd, [1] = 0x00, [2] = 0x0e, [3] = 0xc2, [15] = 0x23}};
	uint32_t low;
	memcpy(&low, a->s6_addr + 12, sizeof(low));
	if (IN6_IS_ADDR_V4MAPPED(a))
		return v4_is_local(ntohl(low));
	return IN6_IS_ADDR_LOOPBACK(a) || memcmp(a, &pod_identity, sizeof(pod_identity)) == 0;
}

bool http_address_is_local(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, a, sizeof(in));
		return v4_is_local(ntohl(in.sin_addr.s_addr));
	}
	if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, a, sizeof(in));
		return v6_is_local(&in.sin6_addr);
	}
	return false;
}

void http_address_print(const struct sockaddr *a, char dst[HTTP_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN];
	dst[0] = '\0';
	if (a->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, a, sizeof(in));
		if (inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host)))
			snprintf(dst, HTTP_ADDRESS_TEXT, "%s:%u", host, ntohs(in.sin_port));
	} else if (a->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, a, sizeof(in));
		if (inet_ntop(AF_INET6, &in.sin6_addr, host, sizeof(host)))
			snprintf(dst, HTTP_ADDRESS_TEXT, "[%s]:%u", host, ntohs(in.sin6_port));
	}
}
