#include "rig.h"

#include "../../../src/net/http_proxy.h"

static const char *const variables[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY",   "https_proxy",
					"NO_PROXY",   "no_proxy",   "REQUEST_METHOD"};

static int clear_environment(void **state)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

static const struct http_proxy_server *pick(const struct http_proxy *p, const char *url)
{
	const struct http_proxy_server *s = NULL;
	struct url_parts to;
	struct err err = ERR_NULL;
	assert_int_equal(url_split(sv_of(url), &to), 0);
	assert_int_equal(http_proxy_pick(p, &to, &s, &err), 0);
	return s;
}

/* Whether the request goes through the proxy, as golang.org/x/net/http/httpproxy decides. */
static void no_proxy(void **state)
{
	static const struct {
		const char *rules, *url;
		bool proxied;
	} cases[] = {
		{"x", "http://a.b/", true},
		{"x", "http://localhost/", false},
		{"x", "https://localhost:99/", false},
		{"x", "http://LOCALHOST/", true},
		{"x", "http://localhost.a/", true},
		{"x", "http://127.0.0.1:9090/", false},
		{"x", "http://127.9.8.7/", false},
		{"x", "http://[::1]:9/", false},
		{"x", "http://[::ffff:127.0.0.1]/", false},
		{"x", "http://[::2]/", true},
		{"x", "http://169.254.169.254/", true},
		{"a.b", "http://a.b/", false},
		{"a.b", "http://A.B/", false},
		{"A.b", "http://x.a.b/", false},
		{"a.b", "http://xa.b/", true},
		{"a.b", "http://a.b.c/", true},
		{".a.b", "http://a.b/", true},
		{".a.b", "http://x.a.b/", false},
		{"*.a.b", "http://x.y.a.b/", false},
		{"*.a.b", "http://a.b/", true},
		{"a.b:80", "http://a.b/", false},
		{"a.b:80", "https://a.b/", true},
		{"a.b:443", "https://a.b/", false},
		{"a.b:81", "http://x.a.b:81/", false},
		{"a.b:81", "http://x.a.b:82/", true},
		{"a.b:", "http://a.b:7/", false},
		{":80", "http://a.b/", true},
		{"*", "http://a.b/", false},
		{"x, * ,y", "http://10.0.0.1/", false},
		{"**", "http://a.b/", true},
		{" a.b , c.d ", "http://c.d/", false},
		{",,a.b,", "http://a.b/", false},
		{"10.0.0.1", "http://10.0.0.1:8/", false},
		{"10.0.0.1", "http://10.0.0.10/", true},
		{"10.0.0.1", "http://[::ffff:10.0.0.1]/", false},
		{"10.0.0.1:8", "http://10.0.0.1:8/", false},
		{"10.0.0.1:8", "http://10.0.0.1:9/", true},
		{"10.0.0.0/8", "http://10.255.1.2/", false},
		{"10.0.0.0/8", "http://11.0.0.0/", true},
		{"10.16.0.0/12", "http://10.31.0.1/", false},
		{"10.16.0.0/12", "http://10.32.0.1/", true},
		{"10.0.0.0/8", "http://[::ffff:10.1.1.1]/", false},
		{"::ffff:10.0.0.0/104", "http://10.1.1.1/", false},
		{"::ffff:0.0.0.0/64", "http://10.1.1.1/", true},
		{"0.0.0.0/0", "http://10.1.1.1/", false},
		{"0.0.0.0/0", "http://[fd00::1]/", true},
		{"::/0", "http://[fd00::1]/", false},
		{"::/0", "http://10.0.0.1/", true},
		{"10.0.0.0/33", "http://10.0.0.1/", true},
		{"10.0.0.0/", "http://10.0.0.1/", true},
		{"10.0.0.0/8:80", "http://10.0.0.1/", true},
		{"fd00::1", "http://[fd00:0::1]:5/", false},
		{"[fd00::1]:5", "http://[fd00::1]:5/", false},
		{"[fd00::1]:5", "http://[fd00::1]:6/", true},
		{"[fd00::1]", "http://[fd00::1]/", true},
		{"fe80::1", "http://[fe80::1%25eth0]/", false},
		{"fe80::1%eth0", "http://[fe80::1%25eth0]/", true},
		{"0.0.1", "http://10.0.0.1/", true},
		{"10.0.0.01", "http://10.0.0.1/", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_options opt = {.url = SV("http://p:3128"),
					    .no_proxy = sv_of(cases[i].rules)};
		struct http_proxy p;
		struct err err = ERR_NULL;
		assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
		if ((pick(&p, cases[i].url) != NULL) != cases[i].proxied)
			fail_msg("no_proxy %s, %s", cases[i].rules, cases[i].url);
		http_proxy_deinit(&p);
	}
}

/* Without no_proxy nothing is left out. */
static void proxy_url_alone(void **state)
{
	static const char *const urls[] = {"http://localhost/", "https://127.0.0.1/",
					   "http://[::1]:9/", "https://a.b/"};
	struct proxy_options opt = {.url = SV("http://p:3128")};
	struct http_proxy p;
	struct err err = ERR_NULL;
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		assert_non_null(pick(&p, urls[i]));
	http_proxy_deinit(&p);
	opt.url = SV_NULL;
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	assert_null(pick(&p, "http://a.b/"));
	http_proxy_deinit(&p);
}

static void servers(void **state)
{
	static const struct {
		const char *given;
		enum http_proxy_kind kind;
		const char *url, *user, *password, *auth_line;
	} cases[] = {
		{"http://p", HTTP_PROXY_HTTP, "http://p:80", NULL, NULL, NULL},
		{"HTTP://p:1/x?y", HTTP_PROXY_HTTP, "http://p:1", NULL, NULL, NULL},
		{"https://p", HTTP_PROXY_HTTPS, "https://p:443", NULL, NULL, NULL},
		{"socks5://p", HTTP_PROXY_SOCKS5, "socks5h://p:1080", NULL, NULL, NULL},
		{"socks5h://[::1]:9", HTTP_PROXY_SOCKS5, "socks5h://[::1]:9", NULL, NULL, NULL},
		{"p:3128", HTTP_PROXY_HTTP, "http://p:3128", NULL, NULL, NULL},
		{"10.0.0.1:3128", HTTP_PROXY_HTTP, "http://10.0.0.1:3128", NULL, NULL, NULL},
		{"p", HTTP_PROXY_HTTP, "http://p:80", NULL, NULL, NULL},
		{"u:w@p:1", HTTP_PROXY_HTTP, "http://p:1", NULL, NULL,
		 "Proxy-Authorization: Basic dTp3"},
		{"http://u:w@p", HTTP_PROXY_HTTP, "http://p:80", NULL, NULL,
		 "Proxy-Authorization: Basic dTp3"},
		{"http://u@p", HTTP_PROXY_HTTP, "http://p:80", NULL, NULL,
		 "Proxy-Authorization: Basic dTo="},
		{"http://u%3a:%40w@p", HTTP_PROXY_HTTP, "http://p:80", NULL, NULL,
		 "Proxy-Authorization: Basic dTo6QHc="},
		{"socks5://u:%20w@p", HTTP_PROXY_SOCKS5, "socks5h://p:1080", "u", " w", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_options opt = {.url = sv_of(cases[i].given)};
		struct http_proxy p;
		struct err err = ERR_NULL;
		assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
		const struct http_proxy_server *s = pick(&p, "http://a.b/");
		assert_ptr_equal(s, &p.plain);
		assert_ptr_equal(pick(&p, "https://a.b/"), &p.secure);
		assert_int_equal(s->kind, cases[i].kind);
		assert_string_equal(s->url, cases[i].url);
		assert_string_equal(s->resolve + 1, strstr(s->url, "://") + 3);
		assert_string_equal(s->user ? s->user : "", cases[i].user ? cases[i].user : "");
		assert_string_equal(s->password ? s->password : "",
				    cases[i].password ? cases[i].password : "");
		struct sv line = sv_of(cases[i].auth_line);
		assert_int_equal(s->auth_line.len, line.len ? line.len + 1 : 0);
		if (line.len)
			assert_string_equal(s->auth_line.ptr, line.ptr);
		http_proxy_deinit(&p);
	}
}

static void refused(void **state)
{
	static const char *const urls[] = {"ftp://p:1", "http://", "http://u:%zz@p", "http://p:x",
					   "http://a b/"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct proxy_options opt = {.url = sv_of(urls[i])};
		struct http_proxy p;
		struct err err = ERR_NULL;
		if (http_proxy_init(&p, &opt, &err) != 1)
			fail_msg("%s", urls[i]);
		assert_true(err.msg[0] != '\0');
	}
	struct sv secret = SV("a\r\nb");
	struct http_header_option header = {.name = SV("X"), .secrets = &secret, .n_secrets = 1};
	struct proxy_options opt = {
		.url = SV("http://p"), .connect_headers = &header, .n_connect_headers = 1};
	struct http_proxy p;
	assert_int_equal(http_proxy_init(&p, &opt, NULL), 1);
}

static void connect_lines(void **state)
{
	struct sv one[] = {SV("1"), SV("2")}, two[] = {SV("mine")};
	struct http_header_option headers[] = {
		{.name = SV("X-A"), .secrets = one, .n_secrets = 2},
		{.name = SV("proxy-authorization"), .secrets = two, .n_secrets = 1}};
	struct proxy_options opt = {
		.url = SV("http://p"), .connect_headers = headers, .n_connect_headers = 2};
	struct http_proxy p;
	struct err err = ERR_NULL;
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	static const char as_given[] = "X-A: 1\0X-A: 2\0proxy-authorization: mine";
	assert_int_equal(p.secure.connect_lines.len, sizeof(as_given));
	assert_memory_equal(p.secure.connect_lines.ptr, as_given, sizeof(as_given));
	assert_int_equal(p.plain.auth_line.len, 0);
	http_proxy_deinit(&p);
	opt.url = SV("http://u:w@p"); /* wins over a header of that name */
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	static const char replaced[] = "Proxy-Authorization: Basic dTp3\0X-A: 1\0X-A: 2";
	assert_int_equal(p.secure.connect_lines.len, sizeof(replaced));
	assert_memory_equal(p.secure.connect_lines.ptr, replaced, sizeof(replaced));
	http_proxy_deinit(&p);
}

static void environment(void **state)
{
	struct proxy_options opt = {.from_environment = true};
	struct http_proxy p;
	struct err err = ERR_NULL;
	setenv("http_proxy", "lower:1", 1);
	setenv("HTTPS_PROXY", "https://upper", 1);
	setenv("https_proxy", "never:1", 1);
	setenv("no_proxy", "c.d", 1);
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	setenv("http_proxy", "later:1", 1); /* it was read once */
	assert_string_equal(pick(&p, "http://a.b/")->url, "http://lower:1");
	assert_string_equal(pick(&p, "https://a.b/")->url, "https://upper:443");
	assert_null(pick(&p, "http://c.d/"));
	assert_null(pick(&p, "http://localhost/"));
	http_proxy_deinit(&p);

	clear_environment(NULL);
	setenv("HTTPS_PROXY", "http://p", 1);
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	assert_null(pick(&p, "http://a.b/"));
	assert_non_null(pick(&p, "https://a.b/"));
	assert_null(pick(&p, "https://127.0.0.1/"));
	http_proxy_deinit(&p);

	setenv("HTTP_PROXY", "not a url", 1);
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	assert_null(pick(&p, "http://a.b/"));
	http_proxy_deinit(&p);
	opt.from_environment = false; /* nobody asked */
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	assert_null(pick(&p, "https://a.b/"));
	http_proxy_deinit(&p);
}

/* As Go has it: this host needs no rule, addresses of the link do. (Who fetches credentials there
 * has no proxy at all.) */
static void this_host_goes_straight(void **state)
{
	static const struct {
		const char *host;
		bool straight;
	} cases[] = {
		{"localhost", true},
		{"127.0.0.1", true},
		{"127.255.0.9", true},
		{"[::1]", true},
		{"[::1%25lo]", true},
		{"[::ffff:127.0.0.1]", true},
		{"localhost.a", false},
		{"128.0.0.1", false},
		{"[::2]", false},
		{"169.254.170.2", false},
		{"169.254.169.254", false},
		{"[fd00:ec2::23]", false},
		{"127.0.0.1.a.test", false},
		{"0.0.0.0", false},
	};
	struct proxy_options opt = {.from_environment = true};
	struct http_proxy p;
	struct err err = ERR_NULL;
	setenv("HTTP_PROXY", "http://p", 1);
	setenv("HTTPS_PROXY", "http://p", 1);
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char *const schemes[] = {"http", "https"};
		for (size_t k = 0; k < 2; k++) {
			char url[128];
			snprintf(url, sizeof(url), "%s://%s:8080/x", schemes[k], cases[i].host);
			if ((pick(&p, url) == NULL) != cases[i].straight)
				fail_msg("%s", url);
		}
	}
	http_proxy_deinit(&p);
}

static void environment_of_a_cgi_program(void **state)
{
	struct proxy_options opt = {.from_environment = true};
	struct http_proxy p;
	struct err err = ERR_NULL;
	struct url_parts to;
	const struct http_proxy_server *s;
	setenv("HTTP_PROXY", "p:1", 1);
	setenv("HTTPS_PROXY", "p:1", 1);
	setenv("REQUEST_METHOD", "GET", 1);
	assert_int_equal(http_proxy_init(&p, &opt, &err), 0);
	assert_int_equal(url_split(SV("http://a.b/"), &to), 0);
	assert_int_equal(http_proxy_pick(&p, &to, &s, &err), 1);
	assert_null(s);
	assert_non_null(pick(&p, "https://a.b/"));
	http_proxy_deinit(&p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, clear_environment, clear_environment)
	const struct CMUnitTest tests[] = {
		TEST(no_proxy),
		TEST(proxy_url_alone),
		TEST(servers),
		TEST(refused),
		TEST(connect_lines),
		TEST(environment),
		TEST(this_host_goes_straight),
		TEST(environment_of_a_cgi_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
