/* Tokens from a scripted endpoint, used against the fixture's server. */
#include "fixture.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Answers each connection's one request; notes what it was sent. */
struct endpoint {
	struct peer peer;
	pthread_mutex_t lock;
	char last[8192];
	const char *answers[4]; /* by number, the last one for the rest: "status\nbody" */
	atomic_int delay_ms;
};

static void serve_token(struct peer *p, int fd, int n)
{
	struct endpoint *e = p->cls;
	char head[8192], answer[1024];
	size_t len = peer_read_head(fd, head, sizeof(head));
	const char *said = strstr(head, "Content-Length: ");
	char *body = strstr(head, "\r\n\r\n");
	if (len == 0 || !said || !body)
		return;
	size_t want = (size_t)strtoul(said + 16, NULL, 10) + (size_t)(body + 4 - head);
	while (len < want && len + 1 < sizeof(head)) {
		ssize_t r = read(fd, head + len, want - len);
		if (r <= 0)
			return;
		len += (size_t)r;
	}
	head[len] = '\0';
	pthread_mutex_lock(&e->lock);
	memcpy(e->last, head, len + 1);
	pthread_mutex_unlock(&e->lock);
	int i = n < 3 ? n : 3;
	while (!e->answers[i])
		i--;
	const char *text = strchr(e->answers[i], '\n') + 1;
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 %.*s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		 "Connection: close\r\n\r\n%s",
		 (int)(text - 1 - e->answers[i]), e->answers[i], strlen(text), text);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	poll(&wait, 1, atomic_load(&e->delay_ms)); /* ends early when the client goes */
	peer_write(fd, answer);
}

static struct endpoint *endpoint_start(const char *first, const char *second, const char *third)
{
	struct endpoint *e = calloc(1, sizeof(*e));
	e->answers[0] = first;
	e->answers[1] = second;
	e->answers[2] = third;
	pthread_mutex_init(&e->lock, NULL);
	peer_start(&e->peer, serve_token, e);
	return e;
}

static void endpoint_stop(struct endpoint *e)
{
	peer_stop(&e->peer);
	free(e);
}

static int fetches(struct endpoint *e)
{
	return atomic_load(&e->peer.connections);
}

static void assert_asked(struct endpoint *e, const char *text)
{
	pthread_mutex_lock(&e->lock);
	if (!strstr(e->last, text))
		fail_msg("\"%s\" is not in:\n%s", text, e->last);
	pthread_mutex_unlock(&e->lock);
}

static struct http_options options(struct endpoint *e)
{
	return (struct http_options){.has_oauth2 = true,
				     .follow_redirects = true,
				     .oauth2 = {.client_id = SV("me"),
						.client_secret = SV("s3cret word"),
						.token_url = sv_of(e->peer.url)}};
}

#define GOOD(token, more) "200 OK\n{\"access_token\":\"" token "\"" more "}"

static void fetched_once_and_kept(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e =
		endpoint_start(GOOD("one", ",\"token_type\":\"bearer\",\"expires_in\":3600"),
			       GOOD("two", ""), NULL);
	struct http_options o = options(e);
	struct sv scopes[] = {SV("a/b"), SV("c")};
	struct http_pair params[] = {{SV("z"), SV("1&2")}, {SV("audience"), SV("x y")}};
	o.oauth2.scopes = scopes;
	o.oauth2.n_scopes = 2;
	o.oauth2.endpoint_params = params;
	o.oauth2.n_endpoint_params = 2;
	struct http_client *c = rig_client(f->pool, &o);
	struct http_header agent = {SV("User-Agent"), SV("tests/1")};
	struct http_request req = get_path(f, "x");
	req.headers = &agent;
	req.n_headers = 1;
	for (int i = 0; i < 3; i++) {
		rig_fetch(c, req, &f->reply);
		assert_int_equal(f->reply.result, HTTP_OK);
		assert_sent(f, "Authorization: Bearer one\n");
	}
	assert_int_equal(fetches(e), 1);
	assert_asked(e, "POST / HTTP/1.1\r\n");
	assert_asked(e, "Authorization: Basic bWU6czNjcmV0K3dvcmQ=\r\n");
	assert_asked(e, "Content-Type: application/x-www-form-urlencoded\r\n");
	assert_asked(e, "User-Agent: tests/1\r\n");
	assert_asked(e, "\r\n\r\naudience=x+y&grant_type=client_credentials&scope=a%2Fb+c&z=1%262");
	req.no_auth = true;
	rig_fetch(c, req, &f->reply);
	assert_not_sent(f, "Authorization");
	http_client_free(c);
	endpoint_stop(e);
}

static void secret_in_the_form_when_basic_is_refused(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start("401 Unauthorized\n{\"error\":\"invalid_client\"}",
					    GOOD("one", ",\"expires_in\":5"),
					    GOOD("two", ",\"token_type\":\"Own\""));
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Bearer one\n");
	assert_int_equal(fetches(e), 2);
	assert_asked(e, "\r\n\r\nclient_id=me&client_secret=s3cret+word&"
			"grant_type=client_credentials");
	/* Five seconds are too short to be kept; the way that worked is. */
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Own two\n");
	assert_int_equal(fetches(e), 3);
	assert_asked(e, "client_secret=s3cret+word");
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_int_equal(fetches(e), 3);
	http_client_free(c);
	endpoint_stop(e);
}

static void secret_file_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ""), GOOD("two", ""), NULL);
	struct http_options o = options(e);
	char path[] = "/tmp/netoauthXXXXXX";
	close(mkstemp(path));
	assert_int_equal(file_replace(path, SV(" first\n"), NULL), 0);
	o.oauth2.client_secret = SV_NULL;
	o.oauth2.client_secret_file = sv_of(path);
	struct http_client *c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_asked(e, "Authorization: Basic bWU6Zmlyc3Q=\r\n");
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_int_equal(fetches(e), 1);
	assert_int_equal(file_replace(path, SV("second"), NULL), 0);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Bearer two\n");
	assert_asked(e, "Authorization: Basic bWU6c2Vjb25k\r\n");
	unlink(path);
	struct http_request req = get_path(f, "x");
	struct err err = ERR_NULL;
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, NULL, &err), 1);
	assert_non_null(strstr(err.msg, path));
	http_client_free(c);
	endpoint_stop(e);
}

static void failures(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e =
		endpoint_start("400 Bad\n{\"error\":\"s3cret word\"}",
			       "403 No\n{\"error\":\"access_denied\"}", GOOD("late", ""));
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	f->last[0] = '\0';
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_string_equal(f->reply.error,
			    "oauth2: cannot fetch a token: status 403, error \"access_denied\"");
	assert_string_equal(f->last, ""); /* nothing was sent */
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_sent(f, "Authorization: Bearer late\n");
	endpoint_stop(e);
	http_client_free(c);

	o.oauth2.token_url = SV("http://127.0.0.1:1/");
	c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_int_equal(f->reply.result, HTTP_NETWORK);
	assert_non_null(strstr(f->reply.error, "oauth2: "));
	http_client_free(c);
}

static void what_cannot_be_asked(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ""), NULL, NULL);
	struct http_options o = options(e);
	struct sv scope = SV("a");
	struct http_pair param = {SV("scope"), SV("b")};
	struct http_request req = get_path(f, "x");
	struct err err = ERR_NULL;
	o.oauth2.scopes = &scope;
	o.oauth2.n_scopes = 1;
	o.oauth2.endpoint_params = &param;
	o.oauth2.n_endpoint_params = 1;
	struct http_client *c = rig_client(f->pool, &o);
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, NULL, &err), 1);
	assert_non_null(strstr(err.msg, "cannot overwrite parameter \"scope\""));
	http_client_free(c);
	param = (struct http_pair){SV("grant_type"), SV("own")};
	c = rig_client(f->pool, &o);
	rig_fetch(c, get_path(f, "x"), &f->reply);
	assert_asked(e, "\r\n\r\ngrant_type=own&scope=a");
	http_client_free(c);
	o = options(e);
	o.oauth2.jwt_bearer = true;
	o.oauth2.certificate_key = SV("no key");
	c = rig_client(f->pool, &o);
	assert_int_equal(http_start(c, &req, reply_done, &f->reply, NULL, &err), 1);
	assert_non_null(strstr(err.msg, "RSA"));
	http_client_free(c);
	endpoint_stop(e);
}

struct many {
	struct loop *loop;
	int good, left;
};

static void one_of_many(void *cls, const struct http_answer *a)
{
	struct many *m = cls;
	m->good += a->result == HTTP_OK;
	if (--m->left == 0)
		loop_stop(m->loop);
}

static void one_fetch_for_many(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ",\"expires_in\":1"), NULL, NULL);
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "x");
	struct many m = {.loop = f->loop, .left = 20};
	struct http_transfer *cancelled;
	atomic_store(&e->delay_ms, 100);
	for (int i = 0; i < 20; i++)
		assert_int_equal(http_start(c, &req, one_of_many, &m, NULL, NULL), 0);
	assert_int_equal(http_start(c, &req, one_of_many, &m, &cancelled, NULL), 0);
	http_cancel(cancelled);
	rig_run(f->loop);
	assert_int_equal(m.good, 20);
	assert_int_equal(fetches(e), 1);
	http_client_free(c);
	endpoint_stop(e);
}

static void the_timeout_covers_the_fetch(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ""), NULL, NULL);
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "x");
	atomic_store(&e->delay_ms, 400);
	req.timeout_ms = 50;
	rig_fetch(c, req, &f->reply);
	assert_int_equal(f->reply.result, HTTP_TIMEOUT);
	assert_string_equal(f->reply.error, "timeout of 50 ms exceeded");
	/* The fetch went on, and serves the next one. */
	req.timeout_ms = 10000;
	rig_fetch(c, req, &f->reply);
	assert_sent(f, "Authorization: Bearer one\n");
	assert_int_equal(fetches(e), 1);
	http_client_free(c);
	endpoint_stop(e);
}

static void freed_while_waiting(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ""), NULL, NULL);
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "x");
	struct http_transfer *t;
	atomic_store(&e->delay_ms, 20000);
	assert_int_equal(http_start(c, &req, one_of_many, NULL, &t, NULL), 0);
	http_cancel(t);
	http_client_free(c); /* the fetch goes with it */
	c = rig_client(f->pool, &o);
	for (int i = 0; i < 3; i++)
		assert_int_equal(http_start(c, &req, one_of_many, NULL, NULL, NULL), 0);
	http_pool_free(take_ptr(f->pool));
	http_client_free(c);
	endpoint_stop(e);
}

struct freeing {
	struct fixture *f;
	struct http_client *c;
	int called;
};

static void free_all(void *cls, const struct http_answer *a)
{
	struct freeing *x = cls;
	x->called++;
	assert_int_equal(a->result, HTTP_NETWORK);
	http_pool_free(take_ptr(x->f->pool));
	http_client_free(take_ptr(x->c));
	loop_stop(x->f->loop);
}

static void all_freed_by_the_first_that_is_told(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start("500 No\n", NULL, NULL);
	struct http_options o = options(e);
	struct freeing x = {.f = f, .c = rig_client(f->pool, &o)};
	struct http_request req = get_path(f, "x");
	for (int i = 0; i < 3; i++)
		assert_int_equal(http_start(x.c, &req, free_all, &x, NULL, NULL), 0);
	rig_run(f->loop);
	assert_int_equal(x.called, 1);
	endpoint_stop(e);
}

static void redirect(struct peer *p, int fd, int n)
{
	char head[8192], answer[512];
	peer_read_head(fd, head, sizeof(head));
	*(bool *)p->cls = strstr(head, "Authorization: Bearer one\r\n") != NULL;
	int port = (int)strtol(strchr(head, '/') + 1, NULL, 10);
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 302 Found\r\nLocation: http://localhost:%d/there\r\n"
		 "Content-Length: 0\r\nConnection: close\r\n\r\n",
		 port);
	peer_write(fd, answer);
}

/* A token is for the host that it was meant for. */
static void other_hosts_do_not_see_the_token(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("one", ""), NULL, NULL);
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	struct peer p;
	bool had_token = false;
	char url[128];
	peer_start(&p, redirect, &had_token);
	snprintf(url, sizeof(url), "%s%d", p.url, http_server_port(f->server));
	rig_fetch(c, rig_get(url), &f->reply);
	peer_stop(&p);
	assert_true(had_token);
	assert_int_equal(f->reply.status, 200);
	assert_sent(f, "GET /there\n");
	assert_not_sent(f, "one");
	http_client_free(c);
	endpoint_stop(e);
}

struct hiding {
	struct loop *loop;
	struct http_transfer *t;
	struct buf text;
};

static void hide_in(void *cls, const struct http_answer *a)
{
	struct hiding *h = cls;
	http_redact(h->t, &h->text);
	loop_stop(h->loop);
}

static void tokens_are_redacted(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = endpoint_start(GOOD("long-token", ""), NULL, NULL);
	struct http_options o = options(e);
	struct http_client *c = rig_client(f->pool, &o);
	struct http_request req = get_path(f, "x");
	struct hiding h = {.loop = f->loop};
	buf_init(&h.text, KiB(1));
	buf_sv(&h.text, SV("not long-token, please"));
	assert_int_equal(http_start(c, &req, hide_in, &h, &h.t, NULL), 0);
	rig_run(f->loop);
	assert_true(sv_eq(buf_view(&h.text), SV("not **********, please")));
	buf_deinit(&h.text);
	http_client_free(c);
	endpoint_stop(e);
}

int main(void)
{
	http_client_global_init();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fetched_once_and_kept),
		TEST(secret_in_the_form_when_basic_is_refused),
		TEST(secret_file_is_read_again),
		TEST(failures),
		TEST(what_cannot_be_asked),
		TEST(one_fetch_for_many),
		TEST(the_timeout_covers_the_fetch),
		TEST(freed_while_waiting),
		TEST(all_freed_by_the_first_that_is_told),
		TEST(other_hosts_do_not_see_the_token),
		TEST(tokens_are_redacted),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
