/* New connections of a listening socket, taken on the loop.
 *
 * With no descriptors left the socket is left alone for a moment: it would be ready for ever, and
 * the loop would turn without end. Connections wait in the kernel meanwhile.
 */
#pragma once

#include <ampagent/net/loop.h>

#include <sys/socket.h>

struct http_accept {
	struct loop *loop;
	struct loop_fd watch; /* its fd is the listening socket; owned */
	struct loop_timer pause;
	/* Takes over a connection: non-blocking, close-on-exec. */
	void (*give)(void *cls, int fd, const struct sockaddr *peer, socklen_t len);
	void *cls;
};

/* fd is taken over, also when it fails: 0, or 1 with the reason. */
int http_accept_init(struct http_accept *a, struct loop *loop, int fd,
		     void (*give)(void *cls, int fd, const struct sockaddr *peer, socklen_t len),
		     void *cls, struct err *err);
/* Twice does no harm. */
void http_accept_deinit(struct http_accept *a);
