#include "rig.h"

#include "../../../src/net/http_redirect.h"

static void credentials(void **state)
{
	static const struct {
		const char *from, *to;
		bool keeps;
	} cases[] = {
		{"http://a.b/", "http://a.b/x", true},
		{"http://a.b/", "http://A.B:99/x", true},
		{"http://a.b/", "https://a.b/", true},
		{"https://a.b/", "http://a.b/", false},
		{"https://a.b/", "HTTPS://a.b/", true},
		{"http://a.b/", "http://sub.a.b/", true},
		{"http://a.b/", "http://suba.b/", false},
		{"http://sub.a.b/", "http://a.b/", false},
		{"http://a.b/", "http://a.b.evil/", false},
		{"http://1.2.3.4/", "http://9.1.2.3.4/", false},
		{"http://1.2.3.4/", "http://1.2.3.4:8/", true},
		{"http://[::1]/", "http://[::1]:1/", true},
		{"http://[::1]/", "http://[::2]/", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url_parts from, to;
		assert_int_equal(url_split(sv_of(cases[i].from), &from), 0);
		assert_int_equal(url_split(sv_of(cases[i].to), &to), 0);
		if (redirect_keeps_credentials(&from, &to) != cases[i].keeps)
			fail_msg("%s -> %s", cases[i].from, cases[i].to);
	}
}

static void methods(void **state)
{
	static const struct {
		int status;
		const char *method, *next;
		bool keeps;
	} cases[] = {
		{301, "POST", "GET", false}, {302, "PUT", "GET", false},
		{303, "GET", "GET", false},  {303, "HEAD", "HEAD", false},
		{307, "POST", "POST", true}, {308, "PUT", "PUT", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool keeps;
		struct sv next = redirect_method(cases[i].status, sv_of(cases[i].method), &keeps);
		assert_true(redirect_status(cases[i].status));
		assert_true(sv_eq(next, sv_of(cases[i].next)));
		assert_int_equal(keeps, cases[i].keeps);
	}
	static const int others[] = {200, 300, 304, 305, 306, 309, 401};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(redirect_status(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials),
		cmocka_unit_test(methods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
