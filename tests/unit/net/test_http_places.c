#include "rig.h"

#include "../../../src/net/http_places.h"

static void addresses_age(void **state)
{
	struct http_places *p = calloc(1, sizeof(*p));
	assert_true(http_places_dns_too_old(p, "-a:80", 1000));
	assert_false(http_places_dns_too_old(p, "-a:80", 1000));
	assert_false(http_places_dns_too_old(p, "-a:80", 999 + HTTP_DNS_MAX_AGE_MS));
	assert_true(http_places_dns_too_old(p, "-a:80", 1000 + HTTP_DNS_MAX_AGE_MS));
	assert_true(http_places_dns_too_old(p, "-b:80", 1000));
	free(p);
}

static void tunnels_asked_for_in_one_way_are_kept(void **state)
{
	struct http_places *p = calloc(1, sizeof(*p));
	for (int i = 0; i < 3; i++)
		assert_true(http_places_tunnel_kept(p, "http://p:1", SV("X: 1")));
	assert_false(http_places_tunnel_kept(p, "http://p:1", SV("X: 2")));
	assert_false(http_places_tunnel_kept(p, "http://p:1", SV("X: 1")));
	assert_false(http_places_tunnel_kept(p, "http://p:1", SV_NULL));
	free(p);
}

/* More proxies than slots: those that share one are never kept. */
static void tunnels_of_many_proxies(void **state)
{
	struct http_places *p = calloc(1, sizeof(*p));
	char url[32];
	int kept = 0;
	for (int i = 0; i < 4 * HTTP_TUNNEL_SLOTS; i++) {
		snprintf(url, sizeof(url), "http://p:%d", i);
		kept += http_places_tunnel_kept(p, url, SV_NULL);
	}
	assert_in_range(kept, 1, HTTP_TUNNEL_SLOTS);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_age),
		cmocka_unit_test(tunnels_asked_for_in_one_way_are_kept),
		cmocka_unit_test(tunnels_of_many_proxies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
