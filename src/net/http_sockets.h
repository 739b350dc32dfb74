/* The sockets of a pool, watched by its loop. */
#pragma once

#include <ampagent/net/loop.h>

struct http_sockets {
	struct loop *loop;
	/* Called from the loop; events without errors: what is wrong is said by the next read or
	 * write. The socket may be dropped inside. */
	void (*ready)(void *cls, int fd, uint32_t events);
	void *cls;
	struct http_sock *list;
};

/* Watches fd for events, anew or (sock given) on. Returns the watch, NULL when it cannot be. */
struct http_sock *http_sockets_watch(struct http_sockets *s, struct http_sock *sock, int fd,
				     uint32_t events);
void http_sockets_drop(struct http_sock *sock);
void http_sockets_clear(struct http_sockets *s);
