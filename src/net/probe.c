#include <ampagent/base/clock.h>
#include <ampagent/net/probe.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { HOST_MAX = 256 };

/* --- names --- */

static bool v4_is_private(uint32_t a)
{
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191;
}

static bool v4_is_local(uint32_t a)
{
	return a >> 24 == 127 || a >> 16 == 0xa9fe || a == 0;
}

static void judge_v4(struct net_address *a, uint32_t address)
{
	a->is_private = v4_is_private(address);
	a->is_local = v4_is_local(address);
}

static void judge_v6(struct net_address *a, const struct in6_addr *in)
{
	uint32_t low;
	memcpy(&low, in->s6_addr + 12, sizeof(low));
	if (IN6_IS_ADDR_V4MAPPED(in)) {
		judge_v4(a, ntohl(low));
		return;
	}
	a->is_private = (in->s6_addr[0] & 0xfe) == 0xfc;
	a->is_local = IN6_IS_ADDR_LOOPBACK(in) || IN6_IS_ADDR_LINKLOCAL(in) ||
		      IN6_IS_ADDR_UNSPECIFIED(in);
}

/* False for what is neither IPv4 nor IPv6. */
static bool take_address(struct net_address *out, const struct addrinfo *ai)
{
	if ((ai->ai_family != AF_INET && ai->ai_family != AF_INET6) ||
	    getnameinfo(ai->ai_addr, ai->ai_addrlen, out->text, sizeof(out->text), NULL, 0,
			NI_NUMERICHOST) != 0)
		return false;
	memcpy(&out->to, ai->ai_addr, ai->ai_addrlen);
	out->to_len = ai->ai_addrlen;
	if (ai->ai_family == AF_INET)
		judge_v4(out, ntohl(((struct sockaddr_in *)&out->to)->sin_addr.s_addr));
	else
		judge_v6(out, &((struct sockaddr_in6 *)&out->to)->sin6_addr);
	return true;
}

static enum net_resolve_result failure(int code)
{
	switch (code) {
	case EAI_NONAME:
		return NET_NO_SUCH_HOST;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return NET_NO_ADDRESS;
	case EAI_AGAIN:
	case EAI_FAIL:
		return NET_TRY_AGAIN;
	default:
		return NET_RESOLVE_LOCAL;
	}
}

static int cut_host(char host[HOST_MAX], struct sv in)
{
	if (in.len > 2 && in.ptr[0] == '[' && in.ptr[in.len - 1] == ']')
		in = sv_make(in.ptr + 1, in.len - 2);
	if (in.len == 0 || in.len >= HOST_MAX || sv_find(in, '\0') < in.len)
		return 1;
	memcpy(host, in.ptr, in.len);
	host[in.len] = '\0';
	return 0;
}

enum net_resolve_result net_resolve(struct sv host, unsigned port, struct net_addresses *out,
				    struct err *why)
{
	char name[HOST_MAX], service[8];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;

	*out = (struct net_addresses){0};
	if (cut_host(name, host) != 0 || port > UINT16_MAX) {
		err_set(why, 0, "not a host name: \"%.*s\"", SV_ARG(host));
		return NET_RESOLVE_LOCAL;
	}
	snprintf(service, sizeof(service), "%u", port);
	int rc = getaddrinfo(name, service, &hints, &found);
	if (rc != 0) {
		err_set(why, 0, "%s: %s", name,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
		return failure(rc);
	}
	for (const struct addrinfo *ai = found; ai; ai = ai->ai_next) {
		struct net_address a = {0};
		if (!take_address(&a, ai))
			continue;
		if (out->n < NET_ADDRESSES_MAX)
			out->list[out->n++] = a;
		out->all_private = a.is_private && (out->n_all == 0 || out->all_private);
		out->n_all++;
	}
	freeaddrinfo(found);
	if (out->n > 0)
		return NET_RESOLVED;
	err_set(why, 0, "%s: no IPv4 or IPv6 address", name);
	return NET_NO_ADDRESS;
}

const char *net_resolve_advice(enum net_resolve_result result)
{
	switch (result) {
	case NET_NO_SUCH_HOST:
		return "No name server knows this name. Check its spelling; in a VPC, check that "
		       "DNS resolution is on, and that no private hosted zone hides the name.";
	case NET_NO_ADDRESS:
		return "The name exists but has no address of a kind that this host uses. A name "
		       "with IPv6 addresses only needs IPv6 here.";
	case NET_TRY_AGAIN:
		return "No name server gives an answer. Check /etc/resolv.conf, and that UDP and "
		       "TCP port 53 to the servers named there are open.";
	default:
		return NULL;
	}
}

/* --- connecting --- */

struct net_connect {
	struct loop *loop;
	struct loop_fd watch;
	struct loop_timer timer; /* for the end of patience, or for an outcome that was at once */
	int at_once;             /* errno + 1; 0 = wait */
	int64_t start_ns;
	void (*done)(void *cls, enum net_connect_result result, int64_t took_ns,
		     const struct err *why);
	void *cls;
};

static void connect_free(struct net_connect *c)
{
	loop_timer_cancel(&c->timer);
	if (c->watch.loop)
		loop_fd_remove(&c->watch);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	free(c);
}

static enum net_connect_result result_of(int error)
{
	switch (error) {
	case 0:
		return NET_CONNECTED;
	case ECONNREFUSED:
	case ECONNRESET:
		return NET_REFUSED;
	case ETIMEDOUT:
		return NET_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case EADDRNOTAVAIL:
	case EINVAL: /* IPv6 link-local without a zone */
		return NET_UNREACHABLE;
	default:
		return NET_CONNECT_LOCAL;
	}
}

static void finish(struct net_connect *c, int error)
{
	struct err why = ERR_NULL;
	int64_t took_ns = clock_mono_ns() - c->start_ns;
	void (*done)(void *, enum net_connect_result, int64_t, const struct err *) = c->done;
	void *cls = c->cls;

	if (error != 0)
		err_set(&why, 0, "%s", strerror(error));
	connect_free(c);
	done(cls, result_of(error), took_ns, &why);
}

static void on_ready(void *cls, uint32_t events)
{
	struct net_connect *c = cls;
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	finish(c, error);
}

static void on_timer(void *cls)
{
	struct net_connect *c = cls;
	finish(c, c->at_once ? c->at_once - 1 : ETIMEDOUT);
}

static int begin(struct net_connect *c, const struct net_address *to, int64_t timeout_ms,
		 struct err *err)
{
	c->watch.fd = socket(to->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->watch.fd < 0)
		return err_set(err, 1, "cannot make a socket: %s", strerror(errno));
	if (connect(c->watch.fd, (const struct sockaddr *)&to->to, to->to_len) == 0)
		c->at_once = 1;
	else if (errno != EINPROGRESS)
		c->at_once = errno + 1;
	else if (loop_fd_add(c->loop, &c->watch, err) != 0)
		return 1;
	loop_timer_in(c->loop, &c->timer, c->at_once ? 0 : timeout_ms);
	return 0;
}

int net_connect_start(struct loop *loop, const struct net_address *to, int64_t timeout_ms,
		      void (*done)(void *cls, enum net_connect_result result, int64_t took_ns,
				   const struct err *why),
		      void *cls, struct net_connect **out, struct err *err)
{
	struct net_connect *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, ERR_NOMEM, "no memory");
	c->loop = loop;
	c->start_ns = clock_mono_ns();
	c->done = done;
	c->cls = cls;
	c->watch = (struct loop_fd){.fd = -1, .events = EPOLLOUT, .ready = on_ready, .cls = c};
	c->timer = (struct loop_timer){.fire = on_timer, .cls = c};
	int r = begin(c, to, timeout_ms, err);
	if (r != 0) {
		connect_free(c);
		return r;
	}
	if (out)
		*out = c;
	return 0;
}

void net_connect_cancel(struct net_connect *c)
{
	if (c)
		connect_free(c);
}

const char *net_connect_advice(enum net_connect_result result)
{
	switch (result) {
	case NET_REFUSED:
		return "Nobody listens there, or a firewall rejects the connection: check the port "
		       "and whether a proxy is needed.";
	case NET_TIMED_OUT:
		return "No answer: check the security groups (outbound 443 here, inbound 443 at "
		       "the "
		       "VPC endpoint), the network ACLs, and the route (a NAT gateway, or a VPC "
		       "endpoint for aps-workspaces).";
	case NET_UNREACHABLE:
		return "There is no route to this address: the subnet has no NAT or internet "
		       "gateway, or this host has no address of that kind (IPv6).";
	default:
		return NULL;
	}
}
