#include "http_accept.h"

#include <ampagent/base/metrics.h>

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	PAUSE_MS = 100,
	PER_TURN = 32, /* a storm of connections leaves the rest of the loop its turn */
};

static void pause_over(void *cls)
{
	struct http_accept *a = cls;
	loop_fd_events(&a->watch, EPOLLIN);
}

/* false: none for now. */
static bool take(struct http_accept *a)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	int fd = accept4(a->watch.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
		return true;
	if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
		metric_add(M_DESCRIPTORS_REFUSED, 1);
		loop_fd_events(&a->watch, 0);
		loop_timer_in(a->loop, &a->pause, PAUSE_MS);
	}
	if (fd < 0)
		return false;
	a->give(a->cls, fd, (const struct sockaddr *)&peer, len);
	return true;
}

static void on_ready(void *cls, uint32_t events)
{
	struct http_accept *a = cls;
	for (int i = 0; i < PER_TURN && take(a); i++)
		;
}

int http_accept_init(struct http_accept *a, struct loop *loop, int fd,
		     void (*give)(void *cls, int fd, const struct sockaddr *peer, socklen_t len),
		     void *cls, struct err *err)
{
	*a = (struct http_accept){.loop = loop, .give = give, .cls = cls};
	a->watch = (struct loop_fd){.fd = fd, .events = EPOLLIN, .ready = on_ready, .cls = a};
	a->pause = (struct loop_timer){.fire = pause_over, .cls = a};
	if (loop_fd_add(loop, &a->watch, err) == 0)
		return 0;
	close(fd);
	a->watch.fd = -1;
	return 1;
}

void http_accept_deinit(struct http_accept *a)
{
	if (!a->loop || a->watch.fd < 0)
		return;
	loop_timer_cancel(&a->pause);
	loop_fd_remove(&a->watch);
	close(a->watch.fd);
	a->watch.fd = -1;
}
