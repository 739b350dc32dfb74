#include "http_sockets.h"

#include <stdlib.h>
#include <sys/epoll.h>

struct http_sock {
	struct loop_fd watch;
	struct http_sockets *owner;
	struct http_sock *next, *prev;
};

static void on_socket(void *cls, uint32_t events)
{
	struct http_sock *s = cls;
	if (events & (EPOLLERR | EPOLLHUP))
		events |= s->watch.events;
	s->owner->ready(s->owner->cls, s->watch.fd, events & (EPOLLIN | EPOLLOUT));
}

static struct http_sock *sock_new(struct http_sockets *owner, int fd, uint32_t events)
{
	struct http_sock *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->owner = owner;
	s->watch = (struct loop_fd){.fd = fd, .events = events, .ready = on_socket, .cls = s};
	if (loop_fd_add(owner->loop, &s->watch, NULL) != 0) {
		free(s);
		return NULL;
	}
	s->next = owner->list;
	if (s->next)
		s->next->prev = s;
	owner->list = s;
	return s;
}

struct http_sock *http_sockets_watch(struct http_sockets *s, struct http_sock *sock, int fd,
				     uint32_t events)
{
	if (!sock)
		return sock_new(s, fd, events);
	loop_fd_events(&sock->watch, events);
	return sock;
}

void http_sockets_drop(struct http_sock *sock)
{
	loop_fd_remove(&sock->watch);
	if (sock->prev)
		sock->prev->next = sock->next;
	else
		sock->owner->list = sock->next;
	if (sock->next)
		sock->next->prev = sock->prev;
	free(sock);
}

void http_sockets_clear(struct http_sockets *s)
{
	while (s->list)
		http_sockets_drop(s->list);
}
