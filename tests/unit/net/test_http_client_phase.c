/* Where requests end that fail, whom they reached, and requests to local addresses only. */
#include "fixture.h"

#include <ampagent/base/limits.h>

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fetch(struct fixture *f, const struct http_options *o, struct http_request req)
{
	struct http_client *c = rig_client(f->pool, o);
	rig_fetch(c, req, &f->reply);
	http_client_free(c);
}

static void ask(struct fixture *f, const char *url, int64_t timeout_ms)
{
	struct http_options o = {0};
	struct http_request req = rig_get(url);
	req.want_peer = true;
	req.timeout_ms = timeout_ms;
	fetch(f, &o, req);
	assert_true(f->reply.told);
}

static void assert_ended(const struct fixture *f, enum http_result result, enum http_phase phase,
			 const char *address)
{
	if (f->reply.result != result || f->reply.phase != phase)
		fail_msg("result %d, phase %d: %s", f->reply.result, f->reply.phase,
			 f->reply.error);
	assert_string_equal(f->reply.peer.address, address);
}

static const char *address_of(int port)
{
	static char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	return text;
}

static void an_answer(void **state)
{
	struct fixture *f = *state;
	ask(f, f->url, 10000);
	assert_ended(f, HTTP_OK, HTTP_PHASE_EXCHANGE, address_of(http_server_port(f->server)));
	assert_false(f->reply.peer.proxied);
	assert_string_equal(f->reply.peer.subject, "");
	struct http_options o = {0};
	fetch(f, &o, rig_get(f->url));
	assert_false(f->reply.told); /* nobody asked */
}

static void no_such_name(void **state)
{
	struct fixture *f = *state;
	/* No name server is asked for a label this long. */
	ask(f,
	    "http://a123456789b123456789c123456789d123456789e123456789f123456789g123456789.test/",
	    10000);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_RESOLVE, "");
}

static void serve_nothing(struct peer *p, int fd, int n)
{
	char head[1024];
	while (read(fd, head, sizeof(head)) > 0)
		;
}

static void nobody_listens(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_start(&p, serve_nothing, NULL);
	peer_stop(&p);
	ask(f, p.url, 10000);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_CONNECT, address_of(p.port));
	assert_non_null(strstr(f->reply.error, "refused"));
}

/* Its queue of connections is full, so that nobody gets an answer. */
static void no_connection_in_time(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	char url[64];
	int waiting[4], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	for (size_t i = 0; i < 4; i++) {
		waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(waiting[i], (struct sockaddr *)&a, sizeof(a));
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(a.sin_port));
	ask(f, url, 500);
	assert_ended(f, HTTP_TIMEOUT, HTTP_PHASE_CONNECT, address_of(ntohs(a.sin_port)));
	for (size_t i = 0; i < 4; i++)
		close(waiting[i]);
	close(fd);
}

static void silence(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	char secure[64];
	peer_start(&p, serve_nothing, NULL);
	ask(f, p.url, 500);
	assert_ended(f, HTTP_TIMEOUT, HTTP_PHASE_EXCHANGE, address_of(p.port));
	snprintf(secure, sizeof(secure), "https://127.0.0.1:%d/", p.port);
	ask(f, secure, 1000);
	assert_ended(f, HTTP_TIMEOUT, HTTP_PHASE_TLS, address_of(p.port));
	peer_stop(&p);
}

static void serve_hang_up(struct peer *p, int fd, int n)
{
	char head[4096];
	peer_read_head(fd, head, sizeof(head));
}

static void serve_part(struct peer *p, int fd, int n)
{
	char head[4096];
	peer_read_head(fd, head, sizeof(head));
	peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
}

static void hung_up(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_start(&p, serve_hang_up, NULL);
	ask(f, p.url, 10000);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_EXCHANGE, address_of(p.port));
	peer_stop(&p);
	peer_start(&p, serve_part, NULL);
	ask(f, p.url, 10000);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_EXCHANGE, address_of(p.port));
	peer_stop(&p);
}

/* A kept connection has no times of its own. */
static void silence_of_a_kept_connection(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	fetch(f, &o, get_path(f, "x"));
	assert_int_equal(f->reply.result, HTTP_OK);
	struct http_request req = get_path(f, "never");
	req.timeout_ms = 500;
	fetch(f, &o, req);
	assert_int_equal(f->reply.result, HTTP_TIMEOUT);
	assert_int_equal(f->reply.phase, HTTP_PHASE_EXCHANGE);
	http_answer_drop(take_ptr(f->kept));
}

static void serve_forbidden(struct peer *p, int fd, int n)
{
	char head[4096];
	peer_read_head(fd, head, sizeof(head));
	peer_write(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static void proxies(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	char proxy[64];
	struct http_request req = rig_get("https://nowhere.test/");
	req.want_peer = true;
	peer_start(&p, serve_forbidden, NULL);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", p.port);
	struct http_options o = {.proxy = {.url = sv_of(proxy)}};
	fetch(f, &o, req);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_PROXY, address_of(p.port));
	assert_true(f->reply.peer.proxied);
	peer_stop(&p);
	fetch(f, &o, req);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_CONNECT, address_of(p.port));
	peer_start(&p, serve_hang_up, NULL);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", p.port);
	o.proxy.url = sv_of(proxy);
	fetch(f, &o, req);
	assert_ended(f, HTTP_NETWORK, HTTP_PHASE_PROXY, address_of(p.port));
	peer_stop(&p);
	peer_start(&p, serve_nothing, NULL);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", p.port);
	o.proxy.url = sv_of(proxy);
	req.timeout_ms = 1000;
	fetch(f, &o, req);
	assert_ended(f, HTTP_TIMEOUT, HTTP_PHASE_PROXY, address_of(p.port));
	peer_stop(&p);
}

static void fields_of_caches_and_redirects(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	fetch(f, &o, get_path(f, "moved"));
	assert_int_equal(f->reply.status, 307);
	assert_string_equal(f->reply.age, "31");
	assert_string_equal(f->reply.location, "https://elsewhere.test/x");
	fetch(f, &o, get_path(f, "x"));
	assert_string_equal(f->reply.age, "");
	assert_string_equal(f->reply.location, "");
}

/* --- local addresses only --- */

static void ask_local(struct fixture *f, const struct http_options *o, const char *url)
{
	struct http_request req = rig_get(url);
	req.local_only = true;
	fetch(f, o, req);
}

static void local_addresses(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		char url[96];
		snprintf(url, sizeof(url), "http://%s:%d/", hosts[i], http_server_port(f->server));
		ask_local(f, &o, url);
		assert_int_equal(f->reply.result, HTTP_OK);
	}
	ask_local(f, &o, "http://127.9.9.9:1/"); /* refused, but by it */
	assert_non_null(strstr(f->reply.error, "refused"));
}

static void other_addresses(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	static const struct {
		const char *url, *address;
	} cases[] = {
		{"http://10.255.255.1/", "10.255.255.1:80"},
		{"http://169.254.169.254:9/", "169.254.169.254:9"},
		{"http://169.254.170.3/", "169.254.170.3:80"},
		{"https://192.0.2.1/", "192.0.2.1:443"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[128];
		snprintf(want, sizeof(want),
			 "%s is neither this host nor an address at which AWS serves credentials",
			 cases[i].address);
		ask_local(f, &o, cases[i].url);
		assert_int_equal(f->reply.result, HTTP_NETWORK);
		assert_int_equal(f->reply.phase, HTTP_PHASE_CONNECT);
		assert_string_equal(f->reply.error, want);
	}
}

/* 0.0.0.0 leads to this host, but is none of the addresses: what an ordinary request left open must
 * not serve. */
static void kept_connections_are_not_taken(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	char url[64];
	snprintf(url, sizeof(url), "http://0.0.0.0:%d/", http_server_port(f->server));
	fetch(f, &o, rig_get(url));
	assert_int_equal(f->reply.result, HTTP_OK);
	ask_local(f, &o, url);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_non_null(strstr(f->reply.error, "is neither this host nor"));
	fetch(f, &o, rig_get(url));
	assert_int_equal(f->reply.result, HTTP_OK);
}

static void local_requests_go_by_no_proxy(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {.proxy = {.url = SV("http://127.0.0.1:1")}};
	fetch(f, &o, rig_get(f->url));
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	ask_local(f, &o, f->url);
	assert_int_equal(f->reply.result, HTTP_OK);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer),
		TEST(no_such_name),
		TEST(nobody_listens),
		TEST(no_connection_in_time),
		TEST(silence),
		TEST(hung_up),
		TEST(silence_of_a_kept_connection),
		TEST(proxies),
		TEST(fields_of_caches_and_redirects),
		TEST(local_addresses),
		TEST(other_addresses),
		TEST(kept_connections_are_not_taken),
		TEST(local_requests_go_by_no_proxy),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
