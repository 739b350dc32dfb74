/* Transfers: secrets, redirects, cancelling and freeing. */
#include "fixture.h"

#include <string.h>
#include <unistd.h>

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
		TEST(secrets_are_read_for_each_request),
		TEST(basic_auth),
		TEST(what_cannot_be_started),
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
