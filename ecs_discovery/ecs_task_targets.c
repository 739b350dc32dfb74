/* Containers by name, so that the list is the same whatever order they are told in. A group's
 * source is the container's name, which a restart keeps.
 *
 * In awsvpc and host networks all containers share one network, and one address would be that of
 * each of them: ports that no label gives to a container belong to the task.
 */
#include "ecs_task_targets.h"
#include "ecs_labels.h"
#include "ecs_task_choice.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/ip.h>

#include <stdio.h>
#include <stdlib.h>

#define META "__meta_ecs_"
#define LOOPBACK SV("127.0.0.1")

enum {
	FAULTS_MAX = 64,
	CANDIDATES_MAX = 256, /* as many questions a round */
	OWN_LABELS_MAX = 6,
};

struct member {
	const struct ecs_container *c;
	struct ecs_choice choice;
	bool shared; /* its network is the task's */
	bool own;    /* the agent's own container, as far as that matters */
	struct sv ip;
};

struct step {
	const struct ecs_task *task;
	const struct ecs_task_sd_options *opt;
	const struct ecs_task_place *place;
	struct ecs_task_found *out;
	struct group_writer writer;
	struct member *members;
	size_t n_members;
	uint64_t containers; /* hash of what runs */
	/* Addresses that are targets already or must not be, and the pages at them. */
	uint64_t *taken;
	size_t n_taken, max_taken;
	bool too_many, no_memory;
};

/* ---- what is said of it ---- */

static void add_fault(void *cls, const char *text)
{
	struct step *s = cls;
	if (s->out->n_faults == FAULTS_MAX)
		return;
	struct sv own = arena_dup(&s->out->arena, sv_of(text));
	if (own.ptr)
		s->out->faults[s->out->n_faults++] = own;
	else
		s->no_memory = true;
}

static void say(struct step *s, struct sv container, const char *what)
{
	char text[512];
	snprintf(text, sizeof text, "container \"%.*s\": %s", SV_ARG(container), what);
	add_fault(s, text);
}

/* ---- which containers, and where ---- */

static enum ecs_network network_of(const struct ecs_task *t, const struct ecs_container *c)
{
	if (c->network != ECS_NETWORK_UNKNOWN)
		return c->network;
	for (size_t i = 0; i < t->n_containers; i++)
		if (t->containers[i].network != ECS_NETWORK_UNKNOWN)
			return t->containers[i].network;
	return ECS_NETWORK_AWSVPC;
}

static const char *network_name(enum ecs_network n)
{
	return n == ECS_NETWORK_BRIDGE ? "bridge" : n == ECS_NETWORK_HOST ? "host" : "awsvpc";
}

/* In a host network it is an empty text. */
static struct sv ip_of(const struct ecs_container *c)
{
	struct in6_addr ip;
	for (size_t i = 0; i < c->n_ipv4; i++)
		if (ip_read(c->ipv4[i], &ip))
			return c->ipv4[i];
	for (size_t i = 0; i < c->n_ipv6; i++)
		if (ip_read(c->ipv6[i], &ip))
			return c->ipv6[i];
	return SV_NULL;
}

static bool runs(const struct ecs_container *c)
{
	return ecs_container_normal(c) && sv_eq(c->known_status, SV("RUNNING"));
}

bool ecs_task_has_bridge(const struct ecs_task *t)
{
	for (size_t i = 0; i < t->n_containers; i++)
		if (runs(&t->containers[i]) &&
		    network_of(t, &t->containers[i]) == ECS_NETWORK_BRIDGE)
			return true;
	return false;
}

static bool is_own(const struct ecs_task_place *p, const struct ecs_container *c)
{
	for (size_t i = 0; i < p->n_own_ips; i++)
		for (size_t k = 0; k < c->n_ipv4; k++)
			if (sv_eq(p->own_ips[i], c->ipv4[k]))
				return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = sv_cmp(x->c->name, y->c->name);
	return r != 0 ? r : sv_cmp(x->c->docker_id, y->c->docker_id);
}

static int read_members(struct step *s)
{
	const struct ecs_task *t = s->task;
	s->members = arena_calloc(&s->out->arena, t->n_containers + 1, sizeof *s->members);
	if (!s->members)
		return ERR_NOMEM;
	for (size_t i = 0; i < t->n_containers; i++) {
		const struct ecs_container *c = &t->containers[i];
		if (!runs(c))
			continue;
		bool bridge = network_of(t, c) == ECS_NETWORK_BRIDGE;
		s->members[s->n_members++] = (struct member){.c = c,
							     .shared = !bridge,
							     .own = bridge && is_own(s->place, c),
							     .ip = ip_of(c)};
	}
	if (s->n_members > 0)
		qsort(s->members, s->n_members, sizeof *s->members, by_name);
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->n_members; i++) {
		struct member *m = &s->members[i];
		uint64_t link[] = {s->containers,
				   hash_keyed(m->c->docker_id.ptr, m->c->docker_id.len),
				   (uint64_t)m->c->started_ms};
		s->containers = hash_keyed(link, sizeof link);
		r = ecs_choice_read(m->c, &s->out->arena, s->opt->docker_labels ? add_fault : NULL,
				    s, &m->choice);
	}
	return r;
}

/* ---- addresses ---- */

static struct sv address_of(struct step *s, struct sv host, uint16_t port)
{
	struct sv own = ecs_labels_host_port(&s->out->arena, host, port);
	s->no_memory = s->no_memory || !own.ptr;
	return own;
}

static bool is_taken(const struct step *s, uint64_t what)
{
	for (size_t i = 0; i < s->n_taken; i++)
		if (s->taken[i] == what)
			return true;
	return false;
}

/* Returns false when it is taken. */
static bool take(struct step *s, uint64_t what)
{
	if (is_taken(s, what) || s->n_taken == s->max_taken)
		return false;
	s->taken[s->n_taken++] = what;
	return true;
}

static uint64_t hash_sv(struct sv s)
{
	return hash_keyed(s.ptr, s.len);
}

static uint64_t hash_page(struct sv address, struct sv path)
{
	const uint64_t link[] = {hash_sv(address), hash_sv(path)};
	return hash_keyed(link, sizeof link);
}

/* ---- groups ---- */

/* How a target differs from others of its group. */
struct kind {
	const char *source;
	struct sv path, scheme, job;
	uint16_t port; /* 0 = not told */
	bool adot;
};

static int write_target(struct step *s, struct sv address, const struct kind *k, struct err *err)
{
	char port[8] = "";
	if (k->port)
		snprintf(port, sizeof port, "%u", (unsigned)k->port);
	const struct label own[OWN_LABELS_MAX] = {
		{SV("__metrics_path__"), k->path},
		{SV("__scheme__"), k->scheme},
		{SV("job"), k->job},
		{SV("__param_names"), k->adot ? SV("adot") : SV("")},
		{SV(META "container_port"), sv_of(port)},
		{SV(META "source"), sv_of(k->source)},
	};
	return group_writer_target_with(&s->writer, address, own, OWN_LABELS_MAX, err);
}

static int put(struct step *s, struct sv name, struct sv value, struct err *err)
{
	return group_writer_label(&s->writer, name, value, err);
}

/* "arn:aws:ecs:eu-west-1:111122223333:" of the task's ARN, before the kind of resource; "" when it
 * is not of that form. */
static struct sv arn_head(struct sv arn)
{
	size_t at = sv_find_sv(arn, SV(":task/"));
	return at < arn.len ? sv_make(arn.ptr, at + 1) : SV_NULL;
}

/* An ARN beside the task's; the name alone when the task's ARN is of another form. */
static int put_arn(struct step *s, struct sv label, const char *kind, struct sv a, struct sv b,
		   struct err *err)
{
	char text[600];
	struct sv head = arn_head(s->task->arn);
	if (a.len == 0)
		return 0;
	snprintf(text, sizeof text, "%.*s%s%.*s%s%.*s", SV_ARG(head), head.len > 0 ? kind : "",
		 SV_ARG(a), b.len > 0 ? ":" : "", SV_ARG(b));
	return put(s, label, sv_of(text), err);
}

static int put_task(struct step *s, struct err *err)
{
	const struct ecs_task *t = s->task;
	char group[300];
	snprintf(group, sizeof group, "service:%.*s", SV_ARG(t->service));
	bool arn = sv_starts_with(t->cluster, SV("arn:"));
	const struct label known[] = {
		{SV(META "cluster"), t->cluster_name},
		{SV(META "cluster_arn"), arn ? t->cluster : SV("")},
		{SV(META "service"), t->service},
		{SV(META "task_arn"), t->arn},
		{SV(META "task_id"), t->id},
		{SV(META "task_group"), t->group.len > 0     ? t->group
					: t->service.len > 0 ? sv_of(group)
							     : SV("")},
		{SV(META "task_definition_family"), t->family},
		{SV(META "task_definition_revision"), t->revision},
		{SV(META "region"), t->region},
		{SV(META "availability_zone"), t->availability_zone},
		{SV(META "launch_type"), t->launch_type},
		{SV(META "desired_status"), t->desired_status},
		{SV(META "last_status"), t->known_status},
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof known / sizeof *known; i++)
		r = put(s, known[i].name, known[i].value, err);
	if (r == 0 && !arn)
		r = put_arn(s, SV(META "cluster_arn"), "cluster/", t->cluster_name, SV(""), err);
	return r != 0 ? r
		      : put_arn(s, SV(META "task_definition"), "task-definition/", t->family,
				t->revision, err);
}

static int put_network(struct step *s, const struct member *m, struct err *err)
{
	const char *mode = network_name(network_of(s->task, m->c));
	int r = put(s, SV(META "network_mode"), sv_of(mode), err);
	return r != 0 ? r : put(s, SV(META "ip_address"), m->ip, err);
}

static int put_docker_label(struct step *s, const struct ecs_pair *label, struct err *err)
{
	struct sv name =
		ecs_labels_name(&s->writer.scratch, SV(META "container_label_"), label->name);
	return name.ptr ? put(s, name, label->value, err) : err_set(err, 1, "memory is short");
}

static int put_container(struct step *s, const struct member *m, struct err *err)
{
	const struct label known[] = {
		{SV(META "container_name"), m->c->name},
		{SV(META "container_id"), m->c->docker_id},
		{SV(META "container_image"), m->c->image},
		{SV(META "health_status"), m->c->health},
	};
	int r = put_network(s, m, err);
	for (size_t i = 0; r == 0 && i < sizeof known / sizeof *known; i++)
		r = put(s, known[i].name, known[i].value, err);
	for (size_t i = 0; r == 0 && i < m->c->n_labels; i++)
		r = put_docker_label(s, &m->c->labels[i], err);
	return r;
}

/* A group that cannot be is told of; the others stay. */
static void end_group(struct step *s, int r, struct sv source, struct err *err)
{
	if (r == 0 && s->writer.n_targets > 0)
		r = group_writer_end(&s->writer, source, err);
	if (r != 0)
		say(s, source, err->msg);
}

/* ---- which ports ---- */

static int by_labels(struct step *s, const struct member *m, struct err *err)
{
	const struct kind base = {.source = "docker_label",
				  .path = m->choice.path,
				  .scheme = m->choice.scheme,
				  .job = m->choice.job};
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->choice.n_ports; i++) {
		struct kind k = base;
		k.port = m->choice.ports[i];
		struct sv address = address_of(s, m->shared ? LOOPBACK : m->ip, k.port);
		if (is_taken(s, hash_sv(address)) && !is_taken(s, hash_page(address, SV("")))) {
			say(s, m->c->name,
			    "its port is that of a container with prometheus.io/"
			    "scrape: false");
			continue;
		}
		uint64_t page = hash_page(address, k.path.len > 0 ? k.path : SV("/metrics"));
		if (!take(s, page)) {
			say(s, m->c->name,
			    "another container has a label with the same port: all "
			    "containers share one network");
			continue;
		}
		/* The empty path marks an address that is a target. */
		take(s, hash_sv(address));
		take(s, hash_page(address, SV("")));
		r = write_target(s, address, &k, err);
	}
	return r;
}

static int at_ports(struct step *s, struct sv host, uint16_t except, struct err *err)
{
	struct kind k = {.source = "ports"};
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->opt->n_ports; i++) {
		k.port = (uint16_t)s->opt->ports[i];
		struct sv address = address_of(s, host, k.port);
		if (k.port != except && take(s, hash_sv(address)))
			r = write_target(s, address, &k, err);
	}
	return r;
}

static void add_candidate(struct step *s, const struct ecs_candidate *c)
{
	if (s->out->n_candidates < CANDIDATES_MAX)
		s->out->candidates[s->out->n_candidates++] = *c;
	else if (!s->too_many) {
		s->too_many = true;
		add_fault(s, "probe_ports: the task has more ports to probe than are tried");
	}
}

/* who: hash of the containers that may answer. */
static int at_probed(struct step *s, struct sv host, uint16_t except, struct sv path, uint64_t who,
		     struct err *err)
{
	struct kind k = {.source = "probe",
			 .path = path.len > 0 ? path : SV("/metrics"),
			 .scheme = SV("http")};
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->opt->n_probe_ports; i++) {
		k.port = (uint16_t)s->opt->probe_ports[i];
		struct sv address = address_of(s, host, k.port);
		if (k.port == except || !take(s, hash_sv(address)))
			continue;
		const uint64_t link[] = {hash_page(address, k.path), who};
		const struct ecs_candidate c = {address, k.path, hash_keyed(link, sizeof link)};
		add_candidate(s, &c);
		if (s->place->answers && s->place->answers(s->place->cls, c.key))
			r = write_target(s, address, &k, err);
	}
	return r;
}

static uint16_t own_port(const struct step *s)
{
	uint64_t port = 0;
	struct sv address = s->place->own_address;
	size_t at = address.len;
	while (at > 0 && address.ptr[at - 1] != ':')
		at--;
	return at > 0 && sv_to_u64(sv_from(address, at), &port) == 0 && port <= UINT16_MAX
		       ? (uint16_t)port
		       : 0;
}

static void container_group(struct step *s, const struct member *m)
{
	struct err err = ERR_NULL;
	if (m->choice.excluded || (!m->shared && m->ip.len == 0))
		return;
	group_writer_begin(&s->writer);
	int r = put_task(s, &err);
	if (r == 0)
		r = put_container(s, m, &err);
	if (r == 0 && s->opt->docker_labels && m->choice.wanted)
		r = by_labels(s, m, &err);
	if (r == 0 && !m->shared && !m->own) {
		const uint64_t who[] = {hash_sv(m->c->docker_id), (uint64_t)m->c->started_ms};
		r = at_ports(s, m->ip, 0, &err);
		if (r == 0)
			r = at_probed(s, m->ip, 0, m->choice.path, hash_keyed(who, sizeof who),
				      &err);
	}
	end_group(s, r, m->c->name, &err);
}

/* Ports of the network that containers share. */
static void task_group(struct step *s)
{
	struct err err = ERR_NULL;
	const struct member *any = NULL;
	for (size_t i = 0; !any && i < s->n_members; i++)
		if (s->members[i].shared && !s->members[i].choice.excluded)
			any = &s->members[i];
	if (!any)
		return;
	group_writer_begin(&s->writer);
	int r = put_task(s, &err);
	if (r == 0)
		r = put_network(s, any, &err);
	if (r == 0)
		r = at_ports(s, LOOPBACK, own_port(s), &err);
	if (r == 0)
		r = at_probed(s, LOOPBACK, own_port(s), SV(""), s->containers, &err);
	end_group(s, r, SV("(task)"), &err);
}

static void metrics_group(struct step *s)
{
	struct err err = ERR_NULL;
	const struct kind k = {.source = "task_metrics",
			       .path = SV("/ecs/metrics"),
			       .scheme = SV("http"),
			       .job = SV("ecs_task"),
			       .adot = s->opt->task_metrics == ECS_TASK_METRICS_ADOT};
	if (s->opt->task_metrics == ECS_TASK_METRICS_OFF || s->place->own_address.len == 0)
		return;
	group_writer_begin(&s->writer);
	int r = put_task(s, &err);
	if (r == 0)
		r = write_target(s, s->place->own_address, &k, &err);
	end_group(s, r, SV("(metrics)"), &err);
}

/* ---- the step ---- */

/* What an excluded container says of its ports keeps them from being scraped as the task's. */
static void take_excluded(struct step *s)
{
	for (size_t i = 0; i < s->n_members; i++) {
		const struct member *m = &s->members[i];
		for (size_t k = 0; m->shared && m->choice.excluded && k < m->choice.n_ports; k++)
			take(s, hash_sv(address_of(s, LOOPBACK, m->choice.ports[k])));
	}
}

static int make_room(struct step *s)
{
	struct arena *a = &s->out->arena;
	size_t each = s->opt->n_ports + s->opt->n_probe_ports;
	s->max_taken = (s->n_members + 1) * (3 * ECS_CHOICE_PORTS_MAX + each);
	s->taken = arena_calloc(a, s->max_taken, sizeof *s->taken);
	s->out->candidates = arena_calloc(a, CANDIDATES_MAX, sizeof *s->out->candidates);
	return s->taken && s->out->candidates ? 0 : ERR_NOMEM;
}

int ecs_task_targets(const struct ecs_task *task, const struct ecs_task_sd_options *opt,
		     const struct ecs_task_place *place, struct ecs_task_found *out)
{
	struct step s = {.task = task, .opt = opt, .place = place, .out = out};
	*out = (struct ecs_task_found){.arena = ARENA_NULL, .groups = GROUP_LIST_NULL};
	arena_init(&out->arena, GROUPS_MAX_BYTES);
	out->faults = arena_calloc(&out->arena, FAULTS_MAX, sizeof *out->faults);
	int r = out->faults ? read_members(&s) : ERR_NOMEM;
	if (r == 0)
		r = make_room(&s);
	if (r != 0) {
		ecs_task_found_deinit(out);
		return r;
	}
	group_writer_init(&s.writer, GROUPS_MAX_BYTES);
	take_excluded(&s);
	for (size_t i = 0; i < s.n_members; i++)
		container_group(&s, &s.members[i]);
	task_group(&s);
	metrics_group(&s);
	group_writer_finish(&s.writer, &out->groups);
	group_writer_deinit(&s.writer);
	if (s.no_memory)
		ecs_task_found_deinit(out);
	return s.no_memory ? ERR_NOMEM : 0;
}

void ecs_task_found_deinit(struct ecs_task_found *f)
{
	group_list_deinit(&f->groups);
	arena_deinit(&f->arena);
	*f = (struct ecs_task_found){.arena = ARENA_NULL, .groups = GROUP_LIST_NULL};
}
