/* The client against the own server and against scripted peers. */
#include "rig.h"

#include <ampagent/base/limits.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
	struct loop *loop;
	struct http_server *server;
	struct http_pool *pool;
	char url[64];
	char last[4096]; /* "METHOD path\nname: value\n...\nbody" as the server saw it */
	struct http_exchange *kept;
	struct reply reply;
};

static void note_header(void *cls, struct sv name, struct sv value)
{
	struct fixture *f = cls;
	size_t n = strlen(f->last);
	snprintf(f->last + n, sizeof(f->last) - n, "%.*s: %.*s\n", SV_ARG(name), SV_ARG(value));
}

static void on_request(void *cls, const struct http_server_request *req)
{
	struct fixture *f = cls;
	snprintf(f->last, sizeof(f->last), "%.*s %.*s\n", SV_ARG(req->method),
		 SV_ARG(req->raw_path));
	http_exchange_headers(req->exchange, note_header, f);
	note_header(f, SV("body"), req->body);
	if (sv_eq(req->path, SV("/never"))) {
		f->kept = req->exchange;
	} else if (sv_eq(req->path, SV("/big"))) {
		static char big[100000];
		memset(big, 'b', sizeof(big));
		http_answer_now(req->exchange, 200, SV("text/plain"), sv_make(big, sizeof(big)),
				NULL, 0);
	} else {
		struct http_header h[] = {{SV("Retry-After"), SV("7")},
					  {SV("x-amzn-RequestId"), SV("id-1")},
					  {SV("X-Amzn-ErrorType"), SV("Throttling")}};
		http_answer_now(req->exchange, 200, SV("text/plain; version=0.0.4"), SV("page"), h,
				3);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_NULL;
	assert_int_equal(loop_new(&f->loop, &err), 0);
	struct http_server_options o = {.listen = SV("127.0.0.1:0"),
					.body_max = MiB(4),
					.max_connections = 64,
					.read_timeout_ms = 10000,
					.handler = on_request,
					.cls = f};
	assert_int_equal(http_server_new(f->loop, &o, &f->server, &err), 0);
	assert_int_equal(http_pool_new(f->loop, 100, 60000, &f->pool), 0);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%d/", http_server_port(f->server));
	reply_init(&f->reply, f->loop, MiB(1));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_pool_free(f->pool);
	http_server_free(f->server);
	loop_free(f->loop);
	reply_deinit(&f->reply);
	free(f);
	return 0;
}

static struct http_request get_path(struct fixture *f, const char *path)
{
	static char url[128];
	snprintf(url, sizeof(url), "%s%s", f->url, path);
	return rig_get(url);
}

static void assert_sent(const struct fixture *f, const char *line)
{
	if (!strstr(f->last, line))
		fail_msg("\"%s\" is not in:\n%s", line, f->last);
}

static void assert_not_sent(const struct fixture *f, const char *text)
{
	if (strstr(f->last, text))
		fail_msg("\"%s\" is in:\n%s", text, f->last);
}

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

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void secrets_are_read_for_each_request(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/netXXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
	struct sv values[] = {SV("v1"), SV("v2")}, secrets[] = {SV("s1")}, files[] = {sv_of(path)};
	struct http_header_option headers[] = {{SV("X-H"), values, 2, secrets, 1, files, 1}};
	struct http_options o = {.has_authorization = true,
				 .credentials_file = sv_of(path),
				 .headers = headers,
				 .n_headers = 1};
	struct http_client *c = rig_client(f->pool, &o);
	write_file(path, " first\n");
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Bearer first\n");
	assert_sent(f, "X-H: v1\nX-H: v2\nX-H: s1\nX-H: first\n");
	write_file(path, "second\n");
	struct http_request req = get_path(f, "x");
	rig_fetch(c, req, &f->reply);
	assert_sent(f, "Authorization: Bearer second\n");
	req.no_auth = true;
	rig_fetch(c, req, &f->reply);
	assert_not_sent(f, "Authorization");
	assert_sent(f, "X-H: v1\n");

	struct err err = ERR_NULL;
	struct http_transfer *t;
	req.no_auth = false;
	write_file(path, "two\nlines\n");
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, &t, &err), 1);
	assert_non_null(strstr(err.msg, "control character"));
	assert_null(strstr(err.msg, "lines"));
	unlink(path);
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, &t, &err), 1);
	assert_non_null(strstr(err.msg, path));
	rmdir(dir);
	http_client_free(c);
}

static void basic_auth(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {
		.has_basic_auth = true, .username = SV("Aladdin"), .password = SV("open sesame")};
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n");
	http_client_free(c);
}

static void what_cannot_be_started(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *url, *why;
	} cases[] = {{"file:///etc/passwd", "absolute URL"}, {"ftp://h/x", "scheme"},
		     {"/metrics", "absolute URL"},           {"http://", "absolute URL"},
		     {"http://h/a b", "absolute URL"},       {"", "absolute URL"}};
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_request req = rig_get(cases[i].url);
		struct http_transfer *t;
		struct err err = ERR_NULL;
		assert_int_equal(http_start(c, &req, reply_done, &f->reply, &t, &err), 1);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].url, err.msg);
	}
	struct http_header h = {SV("X"), SV("a\r\nEvil: 1")};
	struct http_request req = get_path(f, "x");
	struct err err = ERR_NULL;
	req.headers = &h;
	req.n_headers = 1;
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, NULL, &err), 1);
	assert_non_null(strstr(err.msg, "control character"));
	http_client_free(c);
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

/* --- redirects --- */

struct redirect {
	const char *status_line, *location;
};

static void serve_redirect(struct peer *p, int fd, int n)
{
	char head[8192], answer[512];
	const struct redirect *r = p->cls;
	peer_read_head(fd, head, sizeof(head));
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 %s\r\nLocation: %s\r\nRetry-After: 9\r\nContent-Length: 4\r\n"
		 "Connection: close\r\n\r\ngone",
		 r->status_line, r->location);
	peer_write(fd, answer);
}

static struct sv secret_values[] = {SV("own-header")};
static struct http_header_option secret_headers[] = {
	{.name = SV("X-Own"), .values = secret_values, .n_values = 1}};
static const struct http_options with_secrets = {.has_authorization = true,
						 .credentials = SV("token"),
						 .headers = secret_headers,
						 .n_headers = 1,
						 .follow_redirects = true};

/* From a peer on 127.0.0.1 to the server as `host`, with a POST. */
static void redirect_to(struct fixture *f, const char *host, const char *status_line)
{
	struct http_client *c = rig_client(f->pool, &with_secrets);
	char location[128];
	snprintf(location, sizeof(location), "http://%s:%d/there", host,
		 http_server_port(f->server));
	struct redirect r = {status_line, location};
	struct peer p;
	peer_start(&p, serve_redirect, &r);
	struct http_header h[] = {{SV("X-Plain"), SV("plain")},
				  {SV("X-Amz-Security-Token"), SV("session")}};
	struct http_request req = rig_get(p.url);
	req.method = SV("POST");
	req.body = SV("payload");
	req.headers = h;
	req.n_headers = 2;
	rig_fetch(c, req, &f->reply);
	peer_stop(&p);
	assert_int_equal(f->reply.result, HTTP_OK);
	assert_int_equal(f->reply.status, 200);
	assert_true(sv_eq(buf_view(&f->reply.body), SV("page")));
	assert_string_equal(f->reply.retry_after, "7");
	http_client_free(c);
}

static void redirect_on_the_same_host_keeps_credentials(void **state)
{
	struct fixture *f = *state;
	redirect_to(f, "127.0.0.1", "307 Temporary Redirect");
	assert_sent(f, "POST /there\n");
	assert_sent(f, "Authorization: Bearer token\n");
	assert_sent(f, "X-Own: own-header\n");
	assert_sent(f, "X-Plain: plain\n");
	assert_sent(f, "body: payload\n");
}

static void redirect_to_another_host_strips_credentials(void **state)
{
	struct fixture *f = *state;
	redirect_to(f, "localhost", "308 Permanent Redirect");
	assert_sent(f, "POST /there\n");
	assert_not_sent(f, "token");
	assert_not_sent(f, "own-header");
	assert_not_sent(f, "session");
	assert_sent(f, "X-Plain: plain\n");
	assert_sent(f, "body: payload\n");
}

static void see_other_turns_post_into_get(void **state)
{
	struct fixture *f = *state;
	redirect_to(f, "127.0.0.1", "303 See Other");
	assert_sent(f, "GET /there\n");
	assert_sent(f, "body: \n");
}

/* There and back again: once stripped, stays stripped. */
static void credentials_stay_stripped(void **state)
{
	struct fixture *f = *state;
	struct peer back, away;
	char back_url[128], home_url[128];
	struct redirect to_back = {"302 Found", back_url}, to_home = {"302 Found", home_url};
	peer_start(&back, serve_redirect, &to_home);
	peer_start(&away, serve_redirect, &to_back);
	snprintf(back_url, sizeof(back_url), "http://localhost:%d/", back.port);
	snprintf(home_url, sizeof(home_url), "http://127.0.0.1:%d/home",
		 http_server_port(f->server));
	struct http_client *c = rig_client(f->pool, &with_secrets);
	rig_fetch(c, rig_get(away.url), &f->reply);
	peer_stop(&away);
	peer_stop(&back);
	assert_int_equal(f->reply.status, 200);
	assert_sent(f, "GET /home\n");
	assert_not_sent(f, "token");
	assert_not_sent(f, "own-header");
	http_client_free(c);
}

static void redirect_ends(void **state)
{
	static const struct {
		struct redirect r;
		bool follow;
		enum http_result result;
		int status, connections;
	} cases[] = {
		{{"302 Found", "/again"}, true, HTTP_NETWORK, 302, 10},
		{{"302 Found", "/again"}, false, HTTP_OK, 302, 1},
		{{"302 Found", "file:///etc/passwd"}, true, HTTP_NETWORK, 302, 1},
		{{"302 Found", ""}, true, HTTP_OK, 302, 1},
		{{"304 Not Modified", "/again"}, true, HTTP_OK, 304, 1},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_options o = {.follow_redirects = cases[i].follow};
		struct http_client *c = rig_client(f->pool, &o);
		struct redirect r = cases[i].r;
		struct peer p;
		peer_start(&p, serve_redirect, &r);
		rig_fetch(c, rig_get(p.url), &f->reply);
		peer_stop(&p);
		if (f->reply.result != cases[i].result || f->reply.status != cases[i].status)
			fail_msg("case %zu: %d %d %s", i, f->reply.result, f->reply.status,
				 f->reply.error);
		assert_int_equal(atomic_load(&p.connections), cases[i].connections);
		http_client_free(c);
	}
}

/* --- life --- */

struct freeing {
	struct fixture *f;
	struct http_client *c;
	struct http_transfer *other;
};

static void free_all(void *cls, const struct http_answer *a)
{
	struct freeing *x = cls;
	assert_int_equal(a->result, HTTP_OK);
	http_pool_free(take_ptr(x->f->pool));
	http_client_free(take_ptr(x->c));
	loop_stop(x->f->loop);
}

static void not_called(void *cls, const struct http_answer *a)
{
	fail();
}

static void pool_freed_in_the_callback(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct freeing x = {.f = f, .c = rig_client(f->pool, &o)};
	struct http_request never = get_path(f, "never"), good;
	struct err err = ERR_NULL;
	assert_int_equal(http_start(x.c, &never, not_called, NULL, &x.other, &err), 0);
	good = get_path(f, "x");
	assert_int_equal(http_start(x.c, &good, free_all, &x, NULL, &err), 0);
	rig_run(f->loop);
	assert_null(f->pool);
	if (f->kept)
		http_answer_drop(take_ptr(f->kept));
}

static void pool_freed_with_requests_under_way(void **state)
{
	struct fixture *f = *state;
	struct http_options o = {0};
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "never");
	for (int i = 0; i < 5; i++)
		assert_int_equal(http_start(c, &req, not_called, NULL, NULL, NULL), 0);
	http_pool_free(take_ptr(f->pool));
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
		TEST(secrets_are_read_for_each_request),
		TEST(basic_auth),
		TEST(what_cannot_be_started),
		TEST(too_large_is_counted),
		TEST(timeout_and_cancel),
		TEST(bad_answers),
		TEST(huge_header),
		TEST(slow_body_times_out),
		TEST(refused_connection),
		TEST(connections_are_kept),
		TEST(post_is_sent_again_when_a_kept_connection_was_dead),
		TEST(redirect_on_the_same_host_keeps_credentials),
		TEST(redirect_to_another_host_strips_credentials),
		TEST(see_other_turns_post_into_get),
		TEST(credentials_stay_stripped),
		TEST(redirect_ends),
		TEST(pool_freed_in_the_callback),
		TEST(pool_freed_with_requests_under_way),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
