#include "rig.h"

#include <ampagent/base/limits.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void reply_init(struct reply *r, struct loop *loop, size_t body_max)
{
	*r = (struct reply){.loop = loop};
	buf_init(&r->body, body_max);
}

void reply_deinit(struct reply *r)
{
	buf_deinit(&r->body);
}

static void copy_field(char dst[128], struct sv s)
{
	snprintf(dst, 128, "%.*s", SV_ARG(s));
}

void reply_done(void *cls, const struct http_answer *a)
{
	struct reply *r = cls;
	assert_false(r->done);
	r->done = true;
	r->result = a->result;
	r->status = a->status;
	assert_int_equal(a->error == NULL, a->result == HTTP_OK);
	snprintf(r->error, sizeof(r->error), "%s", a->error ? a->error : "");
	copy_field(r->content_type, a->content_type);
	copy_field(r->retry_after, a->retry_after);
	copy_field(r->request_id, a->request_id);
	copy_field(r->error_type, a->error_type);
	copy_field(r->age, a->age);
	copy_field(r->location, a->location);
	r->phase = a->phase;
	r->told = a->peer != NULL;
	if (a->peer)
		r->peer = *a->peer;
	r->received = a->bytes_received;
	r->duration_ns = a->duration_ns;
	loop_stop(r->loop);
}

static void on_guard(void *cls)
{
	loop_fail(cls, ERR_FATAL);
}

void rig_run(struct loop *loop)
{
	struct loop_timer guard = {.fire = on_guard, .cls = loop};
	loop_timer_in(loop, &guard, RIG_GUARD_MS);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_cancel(&guard);
}

struct http_request rig_get(const char *url)
{
	return (struct http_request){
		.method = SV("GET"), .url = sv_of(url), .timeout_ms = 10000, .body_max = MiB(16)};
}

struct http_client *rig_client(struct http_pool *p, const struct http_options *opt)
{
	struct http_client *c;
	struct err err = ERR_NULL;
	assert_int_equal(http_client_new(p, opt, &c, &err), 0);
	return c;
}

void rig_fetch(struct http_client *c, struct http_request req, struct reply *r)
{
	struct http_transfer *t;
	struct err err = ERR_NULL;
	r->done = false;
	req.body_out = &r->body;
	int code = http_start(c, &req, reply_done, r, &t, &err);
	if (code != 0)
		print_error("%s\n", err.msg);
	assert_int_equal(code, 0);
	assert_false(r->done);
	rig_run(r->loop);
	assert_true(r->done);
}

/* --- peers --- */

static void *peer_main(void *cls)
{
	struct peer *p = cls;
	for (;;) {
		int fd = accept(p->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		p->serve(p, fd, atomic_fetch_add(&p->connections, 1));
		close(fd);
	}
}

void peer_start(struct peer *p, void (*serve)(struct peer *p, int fd, int n), void *cls)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	p->serve = serve;
	p->cls = cls;
	atomic_init(&p->connections, 0);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->fd, 16), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d/", p->port);
	assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

void peer_stop(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR); /* ends accept() */
	pthread_join(p->thread, NULL);
	close(p->fd);
}

size_t peer_read_head(int fd, char *dst, size_t size)
{
	size_t n = 0;
	while (n + 1 < size) {
		ssize_t r = read(fd, dst + n, size - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
		dst[n] = '\0';
		if (strstr(dst, "\r\n\r\n"))
			break;
	}
	dst[n] = '\0';
	return n;
}

void peer_write(int fd, const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

/* --- raw talk --- */

int raw_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

struct talk {
	struct loop *loop;
	int port;
	const char *text, *enough;
	char *got;
};

enum { TALK_BYTES = 1 << 20 };

static void *talk_main(void *cls)
{
	struct talk *t = cls;
	size_t n = 0;
	int fd = raw_connect(t->port);
	peer_write(fd, t->text);
	while (n + 1 < TALK_BYTES) {
		ssize_t r = read(fd, t->got + n, TALK_BYTES - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
		t->got[n] = '\0';
		if (t->enough && strstr(t->got, t->enough))
			break;
	}
	close(fd);
	loop_stop(t->loop);
	return NULL;
}

char *raw_talk(struct loop *loop, int port, const char *text, const char *enough)
{
	struct talk t = {loop, port, text, enough, calloc(1, TALK_BYTES)};
	pthread_t thread;
	assert_non_null(t.got);
	assert_int_equal(pthread_create(&thread, NULL, talk_main, &t), 0);
	rig_run(loop);
	pthread_join(thread, NULL);
	return t.got;
}
