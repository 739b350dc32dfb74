/* check_url: what Go's url.Parse takes and refuses. */
#include "parse.h"

#include "check.h"

static void test_accepted(void **state)
{
	static const char *const urls[] = {
		"http://localhost:9090/api/v1/write",
		"https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/"
		"remote_write",
		"http://user:pa%20ss@host/x?a=b#c",
		"http://[::1]:9090/x",
		"http://[::1]",
		"http://host:/x",
		"HTTP://HOST",
		"ftp://host",
		"localhost",
		"localhost/x:y",
		"//host/x",
		"/path",
		"mailto:x",
		"http://h/a b",
		"http://h/?q=%zz",
		"http://h\xc3\xa4/x",
		"*",
	};
	for (size_t i = 0; i < LEN(urls); i++)
		if (check_url(sv_of(urls[i])))
			fail_msg("%s: %s", urls[i], check_url(sv_of(urls[i])));
}

static void test_refused(void **state)
{
	static const char *const urls[] = {
		"http://h\n/x",  ":foo",          "http://h:port/x", "http://h:80a",
		"http://a b/x",  "http://[::1/x", "http://[::1]a",   "http://h/%zz",
		"http://h/%1",   "http://h/#%x",  "1a:2/x",          "http://us er@h/",
		"http://u%zz@h", "http://h%41/x", "http://<h`>/x",   "a\x7f",
	};
	for (size_t i = 0; i < LEN(urls); i++)
		if (!check_url(sv_of(urls[i])))
			fail_msg("%s is accepted", urls[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
