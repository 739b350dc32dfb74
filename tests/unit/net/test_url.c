#include "rig.h"

#include <ampagent/net/http_server.h>

static void splits(void **state)
{
	static const struct {
		const char *url, *scheme, *userinfo, *host, *port, *path, *query;
	} cases[] = {
		{"http://h", "http", "", "h", "", "", ""},
		{"https://h:9/p/q?a=b?c", "https", "", "h", "9", "/p/q", "a=b?c"},
		{"http://u:p@w@h:1/", "http", "u:p@w", "h", "1", "/", ""},
		{"http://[::1]:80/x", "http", "", "::1", "80", "/x", ""},
		{"http://[fe80::1]", "http", "", "fe80::1", "", "", ""},
		{"http://h?q", "http", "", "h", "", "", "q"},
		{"http://h/p#frag?no", "http", "", "h", "", "/p", ""},
		{"http://h:/p", "http", "", "h", "", "/p", ""},
		{"HTTP://H/", "HTTP", "", "H", "", "/", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct url_parts u;
		assert_int_equal(url_split(sv_of(cases[i].url), &u), 0);
		assert_true(sv_eq(u.scheme, sv_of(cases[i].scheme)));
		assert_true(sv_eq(u.userinfo, sv_of(cases[i].userinfo)));
		assert_true(sv_eq(u.host, sv_of(cases[i].host)));
		assert_true(sv_eq(u.port, sv_of(cases[i].port)));
		assert_true(sv_eq(u.path, sv_of(cases[i].path)));
		assert_true(sv_eq(u.query, sv_of(cases[i].query)));
	}
}

static void refuses(void **state)
{
	static const char *const urls[] = {"",
					   "h",
					   "/p",
					   "http:/h",
					   "http://",
					   "http:///p",
					   "://h",
					   "1http://h",
					   "http://h:x",
					   "http://h:65536",
					   "http://[::1",
					   "http://[]/",
					   "http://[::1]x",
					   "http://a b/",
					   "http://h/\r\nX: y",
					   "http://h/\t",
					   "http://a:1:2/",
					   "http://[host]/",
					   "http://[::>]/",
					   "ht tp://h"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct url_parts u;
		if (url_split(sv_of(urls[i]), &u) != 1)
			fail_msg("%s", urls[i]);
	}
}

static void query_values(void **state)
{
	static const struct {
		const char *query, *name, *value; /* NULL: absent */
	} cases[] = {
		{"a=1&b=2", "b", "2"},
		{"a=1&a=2", "a", "1"},
		{"a", "a", ""},
		{"a=", "a", ""},
		{"b=1", "a", NULL},
		{"", "a", NULL},
		{"a=x+y%2Bz", "a", "x y+z"},
		{"a%5B%5D=1", "a[]", "1"},
		{"a=%zz", "a", NULL},
		{"&&a=1", "a", "1"},
		{"aa=1&a=b=c", "a", "b=c"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, 100);
		int r = http_query_get(sv_of(cases[i].query), sv_of(cases[i].name), &out);
		if (r != (cases[i].value == NULL))
			fail_msg("case %zu", i);
		if (cases[i].value)
			assert_true(sv_eq(buf_view(&out), sv_of(cases[i].value)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(refuses),
		cmocka_unit_test(query_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
