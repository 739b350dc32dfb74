/* What a pool remembers of hosts and proxies, in direct-mapped tables: an entry that lost its slot
 * to another one costs work (a look-up, a connection), never correctness. Pure. */
#pragma once

#include <ampagent/base/sv.h>

enum { HTTP_DNS_SLOTS = 512, HTTP_TUNNEL_SLOTS = 64, HTTP_DNS_MAX_AGE_MS = 60000 };

struct http_places {
	struct {
		uint64_t hash;
		int64_t at_ms;
	} dns[HTTP_DNS_SLOTS];
	struct {
		uint64_t proxy, asked_with;
		bool mixed;
	} tunnels[HTTP_TUNNEL_SLOTS];
};

/* True when the host's address was thrown out long enough ago, or never; it counts as thrown out
 * now. */
bool http_places_dns_too_old(struct http_places *p, const char *host, int64_t now_ms);
/* A kept tunnel serves whoever asks for its server: false once clients asked the proxy in different
 * ways (asked_with: the header of CONNECT), for it may grant them different things. */
bool http_places_tunnel_kept(struct http_places *p, const char *proxy, struct sv asked_with);
