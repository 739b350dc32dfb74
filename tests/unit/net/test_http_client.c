/* Single requests against the own server and against scripted peers. */
#include "fixture.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void get_brings_status_body_and_fields(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_header h[] = {{SV("Accept"), SV("text/plain")}, {SV("X-Empty"), SV("")}};
	struct http_request req = get_path(f, "metrics?a=b%20c");
	req.headers = h;
	req.n_headers = 2;
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_int_equal(f->reply.status, 200);
	assert_string_equal(f->reply.content_type, "text/plain; version=0.0.4");
	assert_string_equal(f->reply.retry_after, "7");
	assert_string_equal(f->reply.request_id, "id-1");
	assert_string_equal(f->reply.error_type, "Throttling");
	assert_true(sv_eq(buf_view(&f->reply.body), SV("page")));
	assert_int_equal(f->reply.received, 4);
	assert_true(f->reply.duration_ns > 0);
	assert_sent(f, "GET /metrics\n");
	assert_sent(f, "Accept: text/plain\n");
	assert_sent(f, "X-Empty: \n");
	assert_not_sent(f, "User-Agent");
	assert_not_sent(f, "Authorization");
	assert_not_sent(f, "Expect");
	http_client_free(c);
}

static void bodies_are_sent_with_any_method(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	static const struct {
		const char *method, *body, *seen;
	} cases[] = {{"POST", "abc", "POST /x\n"}, {"PUT", "abc", "PUT /x\n"},
		     {"PUT", "", "PUT /x\n"},      {"POST", "", "POST /x\n"},
		     {"HEAD", "", "HEAD /x\n"},    {"DELETE", "", "DELETE /x\n"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request req = get_path(f, "x");
		char body[32];
		req.method = sv_of(cases[i].method);
		req.body = sv_of(cases[i].body);
		rig_fetch(c, req, &f->reply);
		assert_int_equal(f->reply.result, HTTP_OK);
		assert_sent(f, cases[i].seen);
		snprintf(body, sizeof(body), "body: %s\n", cases[i].body);
		assert_sent(f, body);
		assert_not_sent(f, "Content-Type");
	}
	http_client_free(c);
}

static void large_post_needs_no_continue(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	size_t size = MiB(3);
	char *body = malloc(size);
	memset(body, 'z', size);
	struct http_request req = get_path(f, "x");
	req.method = SV("POST");
	req.body = sv_make(body, size);
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.status, 200);
	assert_sent(f, "Content-Length: 3145728\n");
	assert_not_sent(f, "Expect");
	http_client_free(c);
	free(body);
}

static void too_large_is_counted(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "big");
	req.body_max = 100000;
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_int_equal(f->reply.body.len, 100000);
	req.body_max = 99999;
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.result, HTTP_TOO_LARGE);
	assert_string_equal(f->reply.error, "the answer's body is larger than 99999 bytes");
	http_client_free(c);
}

static void timeout_and_cancel(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "never");
	struct http_transfer *t;
	req.timeout_ms = 50;
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.result, HTTP_TIMEOUT);
	http_answer_drop(take_ptr(f->kept));
	f->reply.done = false;
	struct err err = ERR_NULL;
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, &t, &err), 0);
	http_cancel(t);
	rig_fetch(c, get_path(f, "x"), &f->reply); /* asserts that done comes once */
	assert_int_equal(f->reply.result, HTTP_OK);
	http_client_free(c);
}

/* --- scripted peers --- */

#define OK_CLOSE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

static void serve_script(struct peer *p, int fd, int n)
{
	char head[8192];
	if (peer_read_head(fd, head, sizeof(head)) > 0)
		peer_write(fd, p->cls);
}

static void bad_answers(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *answer;
		enum http_result result;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", HTTP_NETWORK},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		 HTTP_NETWORK},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HTTP_NETWORK},
		{"HTTP/1.1 200 OK\r\nContent-Le", HTTP_NETWORK},
		{"no http", HTTP_NETWORK},
		{"", HTTP_NETWORK},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		 HTTP_OK},
		{"HTTP/1.1 200 OK\r\n\r\nok", HTTP_OK}, /* up to the end of the connection */
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		 HTTP_OK},
		{"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nok", HTTP_OK},
	};
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p;
		peer_start(&p, serve_script, (void *)(uintptr_t)cases[i].answer);
		rig_fetch(c, rig_get(p.url), &f->reply);
		peer_stop(&p);
		if (f->reply.result != cases[i].result)
			fail_msg("case %zu: %d %s", i, f->reply.result, f->reply.error);
		if (cases[i].result == HTTP_OK)
			assert_true(sv_eq(buf_view(&f->reply.body), SV("ok")));
	}
	http_client_free(c);
}

static void serve_huge_header(struct peer *p, int fd, int n)
{
	char head[8192], line[1100];
	peer_read_head(fd, head, sizeof(head));
	peer_write(fd, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 70; i++) {
		int len = snprintf(line, sizeof(line), "X-%d: ", i);
		memset(line + len, 'h', 1000);
		memcpy(line + len + 1000, "\r\n", 3);
		peer_write(fd, line);
	}
	peer_write(fd, "Content-Length: 0\r\n\r\n");
}

static void huge_header(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	peer_start(&p, serve_huge_header, NULL);
	rig_fetch(c, rig_get(p.url), &f->reply);
	peer_stop(&p);
	assert_int_equal(f->reply.result, HTTP_TOO_LARGE);
	http_client_free(c);
}

/* Half a body, then silence until the client leaves. */
static void serve_slow(struct peer *p, int fd, int n)
{
	char head[8192];
	peer_read_head(fd, head, sizeof(head));
	peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	peer_read_head(fd, head, sizeof(head));
}

static void slow_body_times_out(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	peer_start(&p, serve_slow, NULL);
	struct http_request req = rig_get(p.url);
	req.timeout_ms = 80;
	rig_fetch(c, req, &f->reply);
	peer_stop(&p);
	assert_int_equal(f->reply.result, HTTP_TIMEOUT);
	assert_string_equal(f->reply.error, "timeout of 80 ms exceeded");
	assert_int_equal(f->reply.status, 200);
	http_client_free(c);
}

static void refused_connection(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	peer_start(&p, serve_slow, NULL);
	peer_stop(&p);
	rig_fetch(c, rig_get(p.url), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_non_null(strstr(f->reply.error, "refused"));
	http_client_free(c);
}

/* 48 of 64 descriptors in use: none is left for a scrape, but for delivery. */
static void the_last_descriptors(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct rlimit old, small = {64, 0};
	int hogs[64], n = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	while (n < 64 && (hogs[n] = dup(0)) >= 0 && hogs[n] < 48)
		n++;
	assert_true(n < 64 && hogs[n] == 48);
	close(hogs[n]);
	rig_fetch(c, get_path(f, "a"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_LOCAL);
	assert_string_equal(f->reply.error, "too many open files (the limit is 64)");
	http_pool_use(f->pool, FD_SEND);
	rig_fetch(c, get_path(f, "a"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_OK);
	/* It was not kept: the number is free again. */
	int fd = dup(0);
	assert_int_equal(fd, 48);
	close(fd);
	while (n > 0)
		close(hogs[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	http_client_free(c);
}

static void serve_keep_alive(struct peer *p, int fd, int n)
{
	char head[8192];
	while (peer_read_head(fd, head, sizeof(head)) > 0)
		peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void connections_are_kept(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	peer_start(&p, serve_keep_alive, NULL);
	for (int i = 0; i < 20; i++) {
		rig_fetch(c, rig_get(p.url), &f->reply);
		assert_int_equal(f->reply.result, HTTP_OK);
	}
	assert_int_equal(atomic_load(&p.connections), 1);
	http_pool_free(take_ptr(f->pool)); /* closes it, so that the peer ends */
	peer_stop(&p);
	http_client_free(c);
}

/* The first connection dies when its second request comes; on the next one all is well. */
static void serve_reset_on_second(struct peer *p, int fd, int n)
{
	char head[8192];
	struct linger hard = {1, 0};
	peer_read_head(fd, head, sizeof(head));
	peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	if (n > 0)
		return;
	peer_read_head(fd, head, sizeof(head));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void post_is_sent_again_when_a_kept_connection_was_dead(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	peer_start(&p, serve_reset_on_second, NULL);
	struct http_request req = rig_get(p.url);
	req.method = SV("POST");
	req.body = SV("payload");
	for (int i = 0; i < 2; i++) {
		rig_fetch(c, req, &f->reply);
		assert_int_equal(f->reply.result, HTTP_OK);
		assert_true(sv_eq(buf_view(&f->reply.body), SV("ok")));
	}
	assert_int_equal(atomic_load(&p.connections), 2);
	peer_stop(&p);
	http_client_free(c);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(get_brings_status_body_and_fields),
		TEST(bodies_are_sent_with_any_method),
		TEST(large_post_needs_no_continue),
		TEST(too_large_is_counted),
		TEST(timeout_and_cancel),
		TEST(bad_answers),
		TEST(huge_header),
		TEST(slow_body_times_out),
		TEST(refused_connection),
		TEST(the_last_descriptors),
		TEST(connections_are_kept),
		TEST(post_is_sent_again_when_a_kept_connection_was_dead),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
