#include "check.h"

#include <ampagent/base/ip.h>
#include <arpa/inet.h>

static void addresses(void **state)
{
	static const struct {
		struct sv text;
		const char *is; /* NULL: none */
		bool any_only;
	} cases[] = {
		{SV("10.0.0.1"), "::ffff:10.0.0.1", false},
		{SV("2001:db8::1"), "2001:db8::1", false},
		{SV("::ffff:127.0.0.1"), "::ffff:127.0.0.1", false},
		{SV("::"), "::", false},
		{SV("0.0.0.0"), "::ffff:0.0.0.0", false},
		{SV("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{SV("127.1"), "::ffff:127.0.0.1", true},
		{SV("0x7f000001"), "::ffff:127.0.0.1", true},
		{SV("0177.0.0.1"), "::ffff:127.0.0.1", true},
		{SV(""), NULL, false},
		{SV("localhost"), NULL, false},
		{SV("10.0.0.256"), NULL, false},
		{SV("10.0.0.1 x"), NULL, false},
		{SV("10.0.0.1\0"), NULL, false},
		{SV("[::1]"), NULL, false},
		{SV("fe80::1%eth0"), NULL, false},
		{SV("0000000000000000000000000000000000000000000010.0.0.1"), NULL, false},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		char text[INET6_ADDRSTRLEN] = "none";
		struct in6_addr ip;
		bool strict = ip_read(cases[i].text, &ip);
		bool any = ip_read_any(cases[i].text, &ip);
		if (any)
			inet_ntop(AF_INET6, &ip, text, sizeof text);
		assert_string_equal(text, cases[i].is ? cases[i].is : "none");
		assert_true(strict == (any && !cases[i].any_only));
	}
	struct in6_addr ip;
	assert_false(ip_read(SV_NULL, &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
