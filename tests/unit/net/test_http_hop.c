#include "rig.h"

#include "../../../src/net/http_hop.h"

static void hops(void **state)
{
	static const struct {
		const char *url, *server_name;
		const char *sent, *host_line, *connect_to, *resolve, *absolute;
	} cases[] = {
		{"http://h", "", "http://h/", NULL, NULL, "-h:80"},
		{"https://h/p?q", "", "https://h/p?q", NULL, NULL, "-h:443"},
		{"http://h:9/#f", "", "http://h:9/", NULL, NULL, "-h:9"},
		{"http://1.2.3.4:9/m", "", "http://1.2.3.4:9/m", NULL, NULL, NULL},
		{"http://[::1]:9/m", "", "http://[::1]:9/m", NULL, NULL, NULL},
		{"http://u:p@h/", "", "http://u:p@h/", NULL, NULL, "-h:80"},
		{"https://10.0.0.1:9/m", "name", "https://name:9/m", "Host: 10.0.0.1:9",
		 "::10.0.0.1:9", NULL},
		{"https://h/m", "name", "https://name/m", "Host: h", "::h:443", "-h:443"},
		{"https://[::1]/m", "name", "https://name/m", "Host: [::1]", "::[::1]:443", NULL},
		{"https://Name/m", "name", "https://Name/m", NULL, NULL, "-Name:443"},
		{"http://h/m", "name", "http://h/m", NULL, NULL, "-h:80"},
		{"http://u:p@h:80/m?q", "", "http://u:p@h:80/m?q", "Host: h:80", NULL, "-h:80",
		 "http://h:80/m?q"},
		{"http://h:443/", "", "http://h:443/", NULL, NULL, "-h:443"},
		{"https://h:443/", "", "https://h:443/", "Host: h:443", NULL, "-h:443"},
		{"https://[::1]:443/", "name", "https://name:443/", "Host: [::1]:443",
		 "::[::1]:443", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_hop h;
		struct err err = ERR_NULL;
		assert_int_equal(
			http_hop_init(&h, sv_of(cases[i].url), sv_of(cases[i].server_name), &err),
			0);
		assert_string_equal(h.url, cases[i].sent);
		const char *got[] = {h.host_line, h.connect_to, h.resolve, h.absolute};
		const char *want[] = {cases[i].host_line, cases[i].connect_to, cases[i].resolve,
				      cases[i].absolute};
		for (int k = 0; k < 4; k++) {
			if (!got[k] != !want[k] || (got[k] && strcmp(got[k], want[k]) != 0))
				fail_msg("case %zu: %s", i, got[k] ? got[k] : "NULL");
		}
		http_hop_deinit(&h);
	}
}

static void refusals(void **state)
{
	struct http_hop h;
	struct err err = ERR_NULL;
	assert_int_equal(http_hop_init(&h, SV("gopher://h/"), SV_NULL, &err), 1);
	assert_string_equal(err.msg, "unsupported URL scheme \"gopher\"");
	assert_int_equal(http_hop_init(&h, SV("nothing"), SV_NULL, &err), 1);
	char *text = malloc(HTTP_URL_BYTES + 10);
	memset(text, 'a', HTTP_URL_BYTES + 10);
	memcpy(text, "http://h/", 9);
	assert_int_equal(http_hop_init(&h, sv_make(text, HTTP_URL_BYTES + 10), SV_NULL, &err), 1);
	assert_string_equal(err.msg, "the URL is too long");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hops),
		cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
