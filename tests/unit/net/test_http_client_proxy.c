/* Requests through proxies, as the proxy sees them. */
#include "fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct proxy_peer {
	struct peer peer;
	char url[96];
	char head[4][4096]; /* of each connection's request */
	const char *answer;
};

static void serve_note(struct peer *p, int fd, int n)
{
	struct proxy_peer *x = p->cls;
	char *head = x->head[n < 4 ? n : 3];
	if (peer_read_head(fd, head, sizeof(x->head[0])) > 0)
		peer_write(fd, x->answer);
}

static struct proxy_peer *start(const char *scheme, const char *user, const char *answer,
				void (*serve)(struct peer *p, int fd, int n))
{
	struct proxy_peer *x = calloc(1, sizeof(*x));
	x->answer = answer;
	peer_start(&x->peer, serve, x);
	snprintf(x->url, sizeof(x->url), "%s://%s127.0.0.1:%d", scheme, user, x->peer.port);
	return x;
}

static void stop(struct proxy_peer *x)
{
	peer_stop(&x->peer);
	free(x);
}

static void assert_head(const char *head, const char *text)
{
	if (!strstr(head, text))
		fail_msg("\"%s\" is not in:\n%s", text, head);
}

static void assert_no_head(const char *head, const char *text)
{
	if (strcasestr(head, text))
		fail_msg("\"%s\" is in:\n%s", text, head);
}

static struct sv connect_values[] = {SV("1"), SV("2")};
static struct http_header_option connect_headers[] = {
	{.name = SV("X-Connect"), .secrets = connect_values, .n_secrets = 2}};

static struct http_options options(struct proxy_peer *x)
{
	return (struct http_options){.has_authorization = true,
				     .credentials = SV("target-token"),
				     .follow_redirects = true,
				     .proxy = {.url = sv_of(x->url),
					       .connect_headers = connect_headers,
					       .n_connect_headers = 1}};
}

#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage"

static void http_in_absolute_form(void **state)
{
	struct fixture *f = *state;
	struct proxy_peer *x = start("http", "u:w@", PAGE, serve_note);
	struct http_options o = options(x);
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.test:81/p?q=1"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_true(sv_eq(buf_view(&f->reply.body), SV("page")));
	assert_head(x->head[0], "GET http://nowhere.test:81/p?q=1 HTTP/1.1\r\n");
	assert_head(x->head[0], "\r\nHost: nowhere.test:81\r\n");
	assert_head(x->head[0], "\r\nProxy-Authorization: Basic dTp3\r\n");
	assert_head(x->head[0], "\r\nAuthorization: Bearer target-token\r\n");
	assert_no_head(x->head[0], "X-Connect");
	assert_no_head(x->head[0], "Proxy-Connection");
	rig_fetch(c, rig_get("http://u:p@nowhere.test:80/p?q"), &f->reply);
	assert_head(x->head[1], "GET http://nowhere.test:80/p?q HTTP/1.1\r\n");
	assert_head(x->head[1], "\r\nHost: nowhere.test:80\r\n");
	http_client_free(c);
	stop(x);
}

static void https_by_connect(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nmore",
		"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 Connection established\r\n\r\nno TLS here",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct proxy_peer *x = start("http", "u:w@", answers[i], serve_note);
		struct http_options o = options(x);
		struct http_client *c = rig_client(f->pool, &o);
		rig_fetch(c, rig_get("https://nowhere.test/p"), &f->reply);
		assert_int_equal(f->reply.result, HTTP_NETWORK);
		assert_int_equal(f->reply.body.len, 0);
		if (i == 0)
			assert_non_null(strstr(f->reply.error, "407"));
		assert_head(x->head[0], "CONNECT nowhere.test:443 HTTP/1.1\r\n");
		assert_head(x->head[0], "\r\nHost: nowhere.test:443\r\n");
		assert_head(x->head[0], "\r\nProxy-Authorization: Basic dTp3\r\n");
		assert_head(x->head[0], "\r\nX-Connect: 1\r\nX-Connect: 2\r\n");
		assert_no_head(x->head[0], "target-token");
		assert_no_head(x->head[0], "Proxy-Connection");
		http_client_free(c);
		stop(x);
	}
}

/* With a server_name the tunnel still leads to the URL's host. */
static void connect_with_a_server_name(void **state)
{
	struct fixture *f = *state;
	struct proxy_peer *x =
		start("http", "", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", serve_note);
	struct http_options o = options(x);
	o.tls.server_name = SV("other.test");
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("https://10.1.2.3:99/p"), &f->reply);
	assert_head(x->head[0], "CONNECT 10.1.2.3:99 HTTP/1.1\r\nHost: 10.1.2.3:99\r\n");
	http_client_free(c);
	stop(x);
}

static void no_proxy_is_decided_for_each_hop(void **state)
{
	struct fixture *f = *state;
	char answer[256];
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 302 Found\r\nLocation: %sdirect\r\nContent-Length: 0\r\n"
		 "Connection: close\r\n\r\n",
		 f->url);
	struct proxy_peer *x = start("http", "", answer, serve_note);
	struct http_options o = options(x);
	o.proxy.no_proxy = SV("direct.test");
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://proxied.test/"), &f->reply);
	assert_int_equal(f->reply.status, 200);
	assert_sent(f, "GET /direct\n"); /* 127.0.0.1 is never proxied beside no_proxy */
	assert_head(x->head[0], "GET http://proxied.test/ HTTP/1.1\r\n");
	assert_int_equal(atomic_load(&x->peer.connections), 1);
	rig_fetch(c, rig_get("http://direct.test:1/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_int_equal(atomic_load(&x->peer.connections), 1);
	http_client_free(c);
	stop(x);
}

static void environment_only_when_asked(void **state)
{
	struct fixture *f = *state;
	struct proxy_peer *x = start("http", "", PAGE, serve_note);
	setenv("http_proxy", x->url, 1);
	setenv("ALL_PROXY", x->url, 1);
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, rig_get("http://nowhere.invalid/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	http_client_free(c);
	o.proxy.from_environment = true;
	c = rig_client(f->pool, &o);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	rig_fetch(c, rig_get("http://nowhere.invalid/"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_int_equal(atomic_load(&x->peer.connections), 1);
	http_client_free(c);
	stop(x);
}

/* A SOCKS5 proxy (RFC 1928, 1929) that is the server itself. */
static void serve_socks(struct peer *p, int fd, int n)
{
	struct proxy_peer *x = p->cls;
	unsigned char b[512];
	bool asks = x->answer != NULL;
	if (recv(fd, b, 2, MSG_WAITALL) != 2 || b[0] != 5 || recv(fd, b + 2, b[1], MSG_WAITALL) < 1)
		return;
	send(fd, asks ? "\5\2" : "\5\0", 2, MSG_NOSIGNAL);
	if (asks) {
		ssize_t len = recv(fd, b, sizeof(b) - 1, 0);
		if (len < 3)
			return;
		snprintf(x->head[1], sizeof(x->head[1]), "%.*s %.*s", b[1], (char *)b + 2,
			 b[2 + b[1]], (char *)b + 3 + b[1]);
		send(fd, "\1\0", 2, MSG_NOSIGNAL);
	}
	ssize_t len = recv(fd, b, sizeof(b), 0);
	if (len < 7)
		return;
	if (b[3] == 3)
		snprintf(x->head[2], sizeof(x->head[2]), "name %.*s:%d", b[4], (char *)b + 5,
			 b[5 + b[4]] << 8 | b[6 + b[4]]);
	else
		snprintf(x->head[2], sizeof(x->head[2]), "type %d", b[3]);
	send(fd, "\5\0\0\1\0\0\0\0\0\0", 10, MSG_NOSIGNAL);
	if (peer_read_head(fd, x->head[0], sizeof(x->head[0])) > 0)
		peer_write(fd, PAGE);
}

static void socks(void **state)
{
	static const struct {
		const char *scheme, *user, *asks, *url, *login, *asked;
	} cases[] = {
		{"socks5", "", NULL, "http://nowhere.test:81/p", "", "name nowhere.test:81"},
		{"socks5h", "", NULL, "http://nowhere.test/p", "", "name nowhere.test:80"},
		{"socks5", "u:%40w@", "yes", "http://nowhere.test/p", "u @w",
		 "name nowhere.test:80"},
		{"socks5", "", NULL, "http://10.1.2.3/p", "", "type 1"},
		{"socks5", "", NULL, "http://[fd00::1]/p", "", "type 4"},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_peer *x =
			start(cases[i].scheme, cases[i].user, cases[i].asks, serve_socks);
		struct http_options o = options(x);
		struct http_client *c = rig_client(f->pool, &o);
		rig_fetch(c, rig_get(cases[i].url), &f->reply);
		if (f->reply.result != HTTP_OK)
			fail_msg("%zu: %s", i, f->reply.error);
		assert_head(x->head[0], "GET /p HTTP/1.1\r\n");
		assert_no_head(x->head[0], "X-Connect");
		assert_no_head(x->head[0], "Proxy-");
		assert_string_equal(x->head[1], cases[i].login);
		assert_string_equal(x->head[2], cases[i].asked);
		http_client_free(c);
		stop(x);
	}
}

static void token_endpoint_has_its_own(void **state)
{
	struct fixture *f = *state;
	struct proxy_peer *x =
		start("http", "",
		      "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n"
		      "\r\n{\"access_token\":\"t\"}",
		      serve_note);
	struct http_options o = {.has_oauth2 = true,
				 .oauth2 = {.client_id = SV("me"),
					    .token_url = SV("http://tokens.test/t"),
					    .proxy = {.url = sv_of(x->url)}}};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Bearer t\n");
	assert_head(x->head[0], "POST http://tokens.test/t HTTP/1.1\r\n");
	http_client_free(c);
	stop(x);
}

/* Which one it would be, without its password and without asking it. */
static void told_beforehand(void **state)
{
	static const struct {
		const char *proxy, *no_proxy, *url, *told;
	} cases[] = {
		{"http://u:p@10.0.0.1:3128", "", "https://a.test/x", "http://10.0.0.1:3128"},
		{"http://[fd00::1]", "", "http://a.test/", "http://[fd00::1]:80"},
		{"socks5://10.0.0.1", "", "https://a.test", "socks5h://10.0.0.1:1080"},
		{"http://10.0.0.1:3128", "a.test", "https://a.test/x", ""},
		{"", "", "https://a.test/x", ""},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_options o = {.proxy = {.url = sv_of(cases[i].proxy),
						   .no_proxy = sv_of(cases[i].no_proxy)}};
		struct http_client *c = rig_client(f->pool, &o);
		struct buf told;
		buf_init(&told, 256);
		assert_int_equal(http_client_proxy(c, sv_of(cases[i].url), &told, NULL), 0);
		assert_int_equal(http_client_proxy(c, SV("no URL"), &told, NULL), 1);
		buf_char(&told, 0);
		assert_string_equal(told.ptr, cases[i].told);
		buf_deinit(&told);
		http_client_free(c);
	}
}

static void not_a_proxy(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {.proxy = {.url = SV("ftp://p:1")}};
	struct http_client *c;
	struct err err = ERR_NULL;
	assert_int_equal(http_client_new(f->pool, &o, &c, &err), 1);
	assert_non_null(strstr(err.msg, "ftp"));
	o = (struct http_options){
		.has_oauth2 = true,
		.oauth2 = {.token_url = SV("http://t/"), .proxy = {.url = SV("ftp://p:1")}}};
	assert_int_equal(http_client_new(f->pool, &o, &c, &err), 1);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(http_in_absolute_form),
		TEST(https_by_connect),
		TEST(connect_with_a_server_name),
		TEST(no_proxy_is_decided_for_each_hop),
		TEST(environment_only_when_asked),
		TEST(socks),
		TEST(token_endpoint_has_its_own),
		TEST(told_beforehand),
		TEST(not_a_proxy),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
