/* identity: lists are sorted, so that the same task gives the same identity in whatever order its
 * containers are told.
 */
#include <ampagent/ecs/identity.h>

#include <ampagent/base/ip.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	/* What a container is called inside, and the least that is taken for an id. */
	SHORT_ID = 12,
	LONG_ID = 64,
};

struct list {
	struct sv *v;
	size_t n;
	bool failed;
};

static void add(struct arena *arena, struct list *l, struct sv text)
{
	struct sv own = arena_dup(arena, text);
	l->failed = l->failed || !own.ptr;
	l->v[l->n++] = own;
}

static int by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

static void sort(struct list *l)
{
	size_t kept = 0;
	if (l->n > 0)
		qsort(l->v, l->n, sizeof *l->v, by_bytes);
	for (size_t i = 0; i < l->n; i++)
		if (kept == 0 || !sv_eq(l->v[i], l->v[kept - 1]))
			l->v[kept++] = l->v[i];
	l->n = kept;
}

/* The address that a stopped container had on a bridge may be another task's by now. */
static bool has_addresses(const struct ecs_container *c)
{
	return c->network == ECS_NETWORK_AWSVPC || !sv_eq(c->known_status, SV("STOPPED"));
}

static void add_addresses(struct arena *arena, struct list *l, const struct ecs_container *c)
{
	for (size_t i = 0; i < c->n_ipv4; i++)
		add(arena, l, c->ipv4[i]);
	for (size_t i = 0; i < c->n_ipv6; i++)
		add(arena, l, c->ipv6[i]);
}

/* Where programs of the host are found from a bridge: at the network's first address, the same on
 * each host. Docker's own network goes on behind what the third number says. */
static void add_gateway(struct arena *arena, struct list *l, struct sv ipv4)
{
	struct in6_addr ip;
	char text[INET_ADDRSTRLEN];
	if (!ip_read(ipv4, &ip) || !IN6_IS_ADDR_V4MAPPED(&ip))
		return;
	const uint8_t *b = ip.s6_addr + 12;
	bool docker = b[0] == 172 && b[1] == 17;
	snprintf(text, sizeof text, "%u.%u.%u.1", b[0], b[1], docker ? 0u : b[2]);
	add(arena, l, sv_of(text));
}

/* On a bridge containers find each other by the names of their links. */
static void add_bridge(struct arena *arena, struct list *l, const struct ecs_container *c)
{
	if (c->network != ECS_NETWORK_BRIDGE)
		return;
	if (c->name.len > 0)
		add(arena, l, c->name);
	for (size_t i = 0; i < c->n_ipv4; i++)
		add_gateway(arena, l, c->ipv4[i]);
}

static int read_lists(struct arena *arena, const struct ecs_task *t, struct list *unique,
		      struct list *hosts)
{
	size_t n = 1;
	for (size_t i = 0; i < t->n_containers; i++)
		n += 2 + 2 * t->containers[i].n_ipv4 + t->containers[i].n_ipv6;
	unique->v = arena_calloc(arena, n, sizeof *unique->v);
	hosts->v = arena_calloc(arena, n, sizeof *hosts->v);
	if (!unique->v || !hosts->v)
		return ERR_NOMEM;
	add(arena, unique, t->id);
	for (size_t i = 0; i < t->n_containers; i++) {
		const struct ecs_container *c = &t->containers[i];
		if (c->docker_id.len >= SHORT_ID)
			add(arena, unique, c->docker_id);
		if (c->docker_id.len == LONG_ID)
			add(arena, unique, sv_make(c->docker_id.ptr, SHORT_ID));
		if (c->network == ECS_NETWORK_AWSVPC)
			add_addresses(arena, unique, c);
		if (has_addresses(c))
			add_addresses(arena, hosts, c);
		add_bridge(arena, hosts, c);
	}
	sort(unique);
	sort(hosts);
	return unique->failed || hosts->failed ? ERR_NOMEM : 0;
}

static struct sv value_of(const struct ecs_task *t, struct sv name)
{
	const struct {
		const char *name;
		struct sv value;
	} known[] = {
		{"ecs_cluster", t->cluster_name},
		{"ecs_service", t->service},
		{"ecs_task_family", t->family},
		{"ecs_task_revision", t->revision},
		{"ecs_task_id", t->id},
		{"ecs_availability_zone", t->availability_zone},
		{"ecs_launch_type", t->launch_type},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (sv_eq(name, sv_of(known[i].name)))
			return known[i].value;
	return SV_NULL;
}

static int read_labels(struct arena *arena, const struct ecs_task *t, const struct sv *names,
		       size_t n_names, struct identity *out)
{
	struct identity_label *v = arena_calloc(arena, n_names + 1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_names; i++) {
		struct identity_label *l = &v[out->n_labels];
		struct sv value = value_of(t, names[i]);
		bool container = sv_eq(names[i], SV("ecs_container"));
		if (value.len == 0 && !container)
			continue;
		l->name = arena_dup(arena, names[i]);
		l->value = arena_dup(arena, value);
		l->from = container ? SV("__meta_ecs_container_name") : SV("");
		if (!l->name.ptr || !l->value.ptr)
			return ERR_NOMEM;
		out->n_labels++;
	}
	out->labels = v;
	return 0;
}

int ecs_identity(struct arena *arena, const struct ecs_task *task, enum identity_mode mode,
		 const struct sv *names, size_t n_names, struct identity *out)
{
	struct list unique = {0}, hosts = {0};
	*out = (struct identity){.mode = mode, .known = true};
	out->task_id = arena_dup(arena, task->id);
	if (!out->task_id.ptr || read_lists(arena, task, &unique, &hosts) != 0 ||
	    read_labels(arena, task, names, n_names, out) != 0)
		return ERR_NOMEM;
	out->unique = unique.v;
	out->n_unique = unique.n;
	out->hosts = hosts.v;
	out->n_hosts = hosts.n;
	return 0;
}
