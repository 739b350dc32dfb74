/* Labels that tell a task's own targets from those of its copies. */
#include "identity.h"

#include <ampagent/base/ip.h>

#define ADDRESS SV("__address__")
#define INSTANCE SV("instance")
#define TASK_ID SV("ecs_task_id")
#define CONTAINER SV("ecs_container")

/* ---- addresses ---- */

bool address_split(struct sv address, struct sv *host, struct sv *port)
{
	size_t colon = sv_find(address, ':');
	*port = SV_NULL;
	if (address.len > 0 && address.ptr[0] == '[') {
		size_t end = sv_find(address, ']');
		struct sv rest = sv_from(address, end + 1);
		if (end == address.len || (rest.len > 0 && rest.ptr[0] != ':'))
			return false;
		*host = sv_make(address.ptr + 1, end - 1);
		*port = sv_from(rest, 1);
		return true;
	}
	/* With more than one colon it is an address of IPv6 and no port. */
	if (colon < address.len &&
	    sv_find(sv_from(address, colon + 1), ':') < address.len - colon - 1) {
		*host = address;
		return true;
	}
	*host = sv_make(address.ptr, colon);
	*port = sv_from(address, colon + 1);
	return true;
}

static bool is_loopback(const struct in6_addr *ip)
{
	return IN6_IS_ADDR_LOOPBACK(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
}

static bool is_unspecified(const struct in6_addr *ip)
{
	static const unsigned char zero[4];
	return IN6_IS_ADDR_UNSPECIFIED(ip) ||
	       (IN6_IS_ADDR_V4MAPPED(ip) && memcmp(ip->s6_addr + 12, zero, 4) == 0);
}

static bool same_host(struct sv a, struct sv b)
{
	struct in6_addr x, y;
	if (ip_read_any(a, &x) && ip_read_any(b, &y))
		return memcmp(&x, &y, sizeof x) == 0;
	return sv_eq_nocase(a, b);
}

/* What every machine calls itself. */
static bool is_self(struct sv host)
{
	struct in6_addr ip;
	if (host.len > 1 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len == 0 || sv_eq_nocase(host, SV("localhost")))
		return true;
	return ip_read_any(host, &ip) && (is_loopback(&ip) || is_unspecified(&ip));
}

static bool has_host(const struct sv *v, size_t n, struct sv host)
{
	for (size_t i = 0; i < n; i++)
		if (same_host(v[i], host))
			return true;
	return false;
}

bool identity_is_on(const struct identity *id)
{
	return id && id->mode != IDENTITY_OFF;
}

/* A name of one word, as links give it, or an address that is none of the network's: whose that is
 * only the task can say. */
static bool is_in_doubt(struct sv host)
{
	struct in6_addr ip;
	if (!ip_read_any(host, &ip))
		return sv_find(host, '.') == host.len;
	return IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 172 && ip.s6_addr[13] == 17;
}

bool identity_owns(const struct identity *id, struct sv host)
{
	if (is_self(host) || (id && has_host(id->hosts, id->n_hosts, host)))
		return true;
	return identity_is_on(id) && !id->known && is_in_doubt(host);
}

/* ---- what names the task ---- */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Not as a part of something longer: 10.0.0.1 is not in 10.0.0.12. */
static bool contains(struct sv text, struct sv part)
{
	for (size_t at = 0; part.len > 0 && at + part.len <= text.len; at++) {
		struct sv rest = sv_from(text, at);
		size_t i = sv_find_sv(rest, part);
		if (i == rest.len)
			return false;
		at += i;
		if ((at == 0 || !is_alnum(text.ptr[at - 1])) &&
		    (at + part.len == text.len || !is_alnum(text.ptr[at + part.len])))
			return true;
	}
	return false;
}

static bool names_task(const struct identity *id, struct sv value)
{
	for (size_t i = 0; i < id->n_unique; i++)
		if (contains(value, id->unique[i]))
			return true;
	return false;
}

static bool is_distinct(const struct identity *id, bool honor_labels, const struct label_builder *b)
{
	struct label l;
	for (size_t i = 0; i < b->n; i++) {
		struct sv name = b->v[i].name;
		bool of_page = honor_labels && (sv_eq(name, INSTANCE) || sv_eq(name, SV("job")));
		if (!of_page && !sv_starts_with(name, SV("__")) && names_task(id, b->v[i].value))
			return true;
	}
	for (size_t at = 0; labels_next(id->external, &at, &l);)
		if (label_builder_get(b, l.name).len == 0 && names_task(id, l.value))
			return true;
	return false;
}

int identity_check(const struct identity *id, bool honor_labels, const struct label_builder *b,
		   struct err *err)
{
	if (is_distinct(id, honor_labels, b))
		return 0;
	return err_set(err, 1,
		       "every task of the service has a target \"%.*s\", and no label says which "
		       "task this one is of (ampagent.identity: strict): let a relabel rule make "
		       "such a label of __meta_ecs_task_id (ecs_task_sd_configs), set an external "
		       "label, or write \"identity: auto\"",
		       SV_ARG(label_builder_get(b, ADDRESS)));
}

/* ---- what a target gets ---- */

int identity_values(const struct identity *id, const struct label_builder *b, struct sv **out)
{
	struct sv *v = arena_calloc(b->arena, id->n_labels + 1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	for (size_t i = 0; i < id->n_labels; i++) {
		const struct identity_label *l = &id->labels[i];
		if (l->from.len > 0)
			v[i] = label_builder_get(b, l->from);
		if (v[i].len == 0)
			v[i] = l->value;
	}
	*out = v;
	return 0;
}

/* One of the loopback addresses that nobody uses but to have several. */
static bool is_odd_loopback(struct sv host)
{
	struct in6_addr ip;
	return ip_read_any(host, &ip) && IN6_IS_ADDR_V4MAPPED(&ip) && is_loopback(&ip) &&
	       memcmp(ip.s6_addr + 12, "\x7f\0\0\1", 4) != 0;
}

/* Whether the port alone says which target of the task it is: all share that host. Else (a network
 * in which containers have addresses of their own) the container's name does. */
static bool port_is_enough(const struct identity *id, struct sv host, const struct label_builder *b)
{
	return (is_self(host) && !is_odd_loopback(host)) ||
	       has_host(id->unique, id->n_unique, host) || label_builder_get(b, CONTAINER).len > 0;
}

static int set_instance(const struct identity *id, struct label_builder *b)
{
	struct sv address = label_builder_get(b, ADDRESS), host, port;
	if (!sv_eq(label_builder_get(b, INSTANCE), address) ||
	    !address_split(address, &host, &port) || !port_is_enough(id, host, b))
		return 0;
	size_t n = id->task_id.len + (port.len > 0 ? 1 + port.len : 0);
	char *text = arena_alloc(b->arena, n + 1);
	if (!text)
		return ERR_NOMEM;
	snprintf(text, n + 1, "%.*s%s%.*s", SV_ARG(id->task_id), port.len > 0 ? ":" : "",
		 SV_ARG(port));
	label_builder_set(b, INSTANCE, sv_make(text, n));
	return 0;
}

int identity_add(const struct identity *id, const struct sv *values, bool honor_labels,
		 struct label_builder *b)
{
	for (size_t i = 0; i < id->n_labels; i++)
		if (values[i].len > 0 && label_builder_get(b, id->labels[i].name).len == 0)
			label_builder_set(b, id->labels[i].name, values[i]);
	if (set_instance(id, b) != 0)
		return ERR_NOMEM;
	if (!is_distinct(id, honor_labels, b))
		label_builder_set(b, TASK_ID, id->task_id);
	return b->failed ? ERR_NOMEM : 0;
}
