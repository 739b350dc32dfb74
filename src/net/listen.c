#include "listen.h"

#include <ampagent/base/cleanup.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 128 };

static int split(struct sv address, char **host, char **port)
{
	size_t colon = address.len;
	while (colon > 0 && address.ptr[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return 1;
	struct sv h = sv_make(address.ptr, colon - 1);
	if (h.len >= 2 && h.ptr[0] == '[' && h.ptr[h.len - 1] == ']')
		h = sv_make(h.ptr + 1, h.len - 2);
	else if (sv_find(h, ':') != h.len)
		return 1;
	struct sv p = sv_from(address, colon);
	uint64_t n;
	if (sv_to_u64(p, &n) != 0 || n > 65535)
		return 1;
	*host = sv_dup(h);
	*port = sv_dup(p);
	return *host && *port ? 0 : 1;
}

static int socket_on(const struct addrinfo *a)
{
	int on = 1, off = 0;
	_cleanup_(close_fdp) int fd =
		socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	int taken = fd;
	fd = -1;
	return taken;
}

static int port_of(int fd)
{
	struct sockaddr_storage s;
	socklen_t len = sizeof(s);
	if (getsockname(fd, (struct sockaddr *)&s, &len) != 0)
		return 0;
	if (s.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&s)->sin6_port);
	return ntohs(((struct sockaddr_in *)&s)->sin_port);
}

static void addrinfo_freep_cleanup(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

int listen_open(struct sv address, int *fd, int *port, struct err *err)
{
	_cleanup_(freep) char *host = NULL;
	_cleanup_(freep) char *service = NULL;
	_cleanup_(addrinfo_freep) struct addrinfo *list = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	if (split(address, &host, &service) != 0)
		return err_set(err, 1,
			       "listen address \"%.*s\" is not of the form host:port or :port",
			       SV_ARG(address));
	int r = getaddrinfo(host[0] ? host : NULL, service, &hints, &list);
	if (r != 0)
		return err_set(err, 1, "cannot resolve listen address \"%.*s\": %s",
			       SV_ARG(address), gai_strerror(r));
	int family = host[0] ? AF_UNSPEC : AF_INET6; /* one IPv6 socket serves both */
	int failure = 0;
	for (int round = 0; round < 2; round++, family = AF_UNSPEC) {
		for (const struct addrinfo *a = list; a; a = a->ai_next) {
			if (family != AF_UNSPEC && a->ai_family != family)
				continue;
			*fd = socket_on(a);
			if (*fd >= 0) {
				*port = port_of(*fd);
				return 0;
			}
			failure = failure == EADDRINUSE ? failure : errno;
		}
	}
	return err_set(err, 1, "cannot listen on \"%.*s\": %s", SV_ARG(address), strerror(failure));
}
