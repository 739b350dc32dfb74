/* The first steps of a connection one at a time, for a diagnosis: a name looked up, one address
 * connected to. No proxy, nothing kept.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>
#include <ampagent/net/loop.h>

#include <sys/socket.h>

enum { NET_ADDRESSES_MAX = 16 };

struct net_address {
	char text[64]; /* "10.0.0.1", "fd00::1", "fe80::1%eth0" */
	/* RFC 1918, 100.64.0.0/10, fc00::/7: for a public name, a VPC endpoint answers. */
	bool is_private;
	bool is_local;              /* loopback or link-local: no VPC endpoint, and no AMP either */
	struct sockaddr_storage to; /* with the port */
	socklen_t to_len;
};

enum net_resolve_result {
	NET_RESOLVED,
	NET_NO_SUCH_HOST,  /* no name server knows the name */
	NET_NO_ADDRESS,    /* the name is there, but has no address of a kind used here */
	NET_TRY_AGAIN,     /* no name server answers, or they fail for now */
	NET_RESOLVE_LOCAL, /* memory, descriptors, no valid name ... */
};

struct net_addresses {
	struct net_address list[NET_ADDRESSES_MAX]; /* in the order to try them */
	size_t n;
	size_t n_all;     /* as many were found */
	bool all_private; /* false when n is 0 */
};

/* Looks host up (a name, an IPv4 address, an IPv6 address with or without brackets); blocks as long
 * as the system's resolver takes: for commands. why may be NULL; set when the result is not
 * NET_RESOLVED. */
enum net_resolve_result net_resolve(struct sv host, unsigned port, struct net_addresses *out,
				    struct err *why);
/* What to do about it: a sentence, or NULL. */
const char *net_resolve_advice(enum net_resolve_result result);

enum net_connect_result {
	NET_CONNECTED,
	NET_REFUSED,       /* the host is there, nobody listens (or a firewall says so) */
	NET_TIMED_OUT,     /* no answer: security groups, network ACLs, routes */
	NET_UNREACHABLE,   /* no route to it from here */
	NET_CONNECT_LOCAL, /* descriptors, memory, a local rule that forbids it */
};

struct net_connect;
/* Connects by TCP and closes. done is called once from the loop, never from inside this call; *out
 * is gone after it. why->msg: the system's text, unless connected. 0; 1 with the reason (no
 * descriptor), ERR_NOMEM: done is not called. */
int net_connect_start(struct loop *loop, const struct net_address *to, int64_t timeout_ms,
		      void (*done)(void *cls, enum net_connect_result result, int64_t took_ns,
				   const struct err *why),
		      void *cls, struct net_connect **out, struct err *err);
void net_connect_cancel(struct net_connect *c);
const char *net_connect_advice(enum net_connect_result result);
