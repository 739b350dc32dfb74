/* Listening sockets. */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

/* Binds and listens on "host:port", "[v6]:port" or ":port" (all interfaces, IPv6 and IPv4);
 * non-blocking, close-on-exec. Names are resolved here, which may block: for start-up.
 * 0 and *fd and *port, or 1 with the reason. */
int listen_open(struct sv address, int *fd, int *port, struct err *err);
