#include "http_places.h"

#include <ampagent/base/hash.h>

bool http_places_dns_too_old(struct http_places *p, const char *host, int64_t now_ms)
{
	uint64_t hash = hash_keyed(host, strlen(host)), i = hash % HTTP_DNS_SLOTS;
	if (p->dns[i].hash == hash && now_ms - p->dns[i].at_ms < HTTP_DNS_MAX_AGE_MS)
		return false;
	p->dns[i].hash = hash;
	p->dns[i].at_ms = now_ms;
	return true;
}

bool http_places_tunnel_kept(struct http_places *p, const char *proxy, struct sv asked_with)
{
	uint64_t hash = hash_keyed(proxy, strlen(proxy)), i = hash % HTTP_TUNNEL_SLOTS;
	uint64_t asked = hash_keyed(asked_with.ptr, asked_with.len);
	if (p->tunnels[i].proxy == 0) {
		p->tunnels[i].proxy = hash;
		p->tunnels[i].asked_with = asked;
	}
	if (p->tunnels[i].proxy != hash || p->tunnels[i].asked_with != asked)
		p->tunnels[i].mixed = true;
	return !p->tunnels[i].mixed;
}
