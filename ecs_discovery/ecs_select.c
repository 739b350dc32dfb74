/* Selectors as OpenTelemetry's ecs_observer has them, with these differences: ports that only UDP
 * has are passed over; a docker label's port counts in awsvpc and host mode also when the task
 * definition has no mapping of it; ranges of ports are known. */
#include "ecs_select.h"

#include <ampagent/model/pattern.h>

struct ecs_selection {
	const struct ecs_sd_options *opt;
	struct patterns {
		struct pattern *name, *container; /* NULL = any */
	} * patterns;                             /* one for each selector */
};

void ecs_selection_free(struct ecs_selection *s)
{
	for (size_t i = 0; s && s->patterns && i < s->opt->n_selectors; i++) {
		pattern_free(s->patterns[i].name);
		pattern_free(s->patterns[i].container);
	}
	if (s)
		free(s->patterns);
	free(s);
}

static int compile(struct sv text, struct pattern **out)
{
	return text.len > 0 && pattern_new(text, out, NULL) != 0 ? ERR_NOMEM : 0;
}

int ecs_selection_new(const struct ecs_sd_options *opt, struct ecs_selection **out)
{
	_cleanup_(ecs_selection_freep) struct ecs_selection *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_NOMEM;
	s->opt = opt;
	s->patterns = calloc(opt->n_selectors + 1, sizeof *s->patterns);
	if (!s->patterns)
		return ERR_NOMEM;
	for (size_t i = 0; i < opt->n_selectors; i++) {
		const struct ecs_selector *sel = &opt->selectors[i];
		if (compile(sel->name_pattern, &s->patterns[i].name) != 0 ||
		    compile(sel->container_pattern, &s->patterns[i].container) != 0)
			return ERR_NOMEM;
	}
	*out = take_ptr(s);
	return 0;
}

bool ecs_selection_needs_definitions(const struct ecs_selection *s)
{
	return s->opt->n_selectors > 0;
}

const struct ecs_sd_options *ecs_selection_options(const struct ecs_selection *s)
{
	return s->opt;
}

/* ---- where a port is ---- */

enum mode { MODE_NONE, MODE_BRIDGE, MODE_HOST, MODE_OWN };

/* The interface tells most surely; a definition without a mode is one for bridge. */
static enum mode mode_of(const struct ecs_api_task *t)
{
	struct sv mode = t->definition->network_mode;
	if (t->has_eni || sv_eq(mode, SV("awsvpc")))
		return MODE_OWN;
	if (sv_eq(mode, SV("host")))
		return MODE_HOST;
	return sv_eq(mode, SV("none")) ? MODE_NONE : MODE_BRIDGE;
}

static struct sv first_of(struct sv a, struct sv b)
{
	return a.len > 0 ? a : b;
}

static struct sv own_ip(const struct ecs_api_task *t)
{
	return t->has_eni ? first_of(t->eni_ipv4, t->eni_ipv6) : SV_NULL;
}

static struct sv host_ip(const struct ecs_api_task *t)
{
	return t->container_instance_arn.len > 0 && t->instance ? t->instance->private_ip : SV_NULL;
}

struct sv ecs_select_task_ip(const struct ecs_api_task *t)
{
	return t->has_eni ? own_ip(t) : host_ip(t);
}

static const struct ecs_api_container *running(const struct ecs_api_task *t, struct sv name)
{
	for (size_t i = 0; i < t->n_containers; i++)
		if (sv_eq(t->containers[i].name, name))
			return &t->containers[i];
	return NULL;
}

/* The entry of a list of ports that has this one for TCP. */
static const struct ecs_api_port *find_port(const struct ecs_api_port *v, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t last = v[i].container_last ? v[i].container_last : v[i].container;
		if (port >= v[i].container && port <= last && !sv_eq(v[i].protocol, SV("udp")))
			return &v[i];
	}
	return NULL;
}

/* An address that means the same elsewhere. */
static bool is_reachable(struct sv ip)
{
	return ip.len > 0 && !sv_starts_with(ip, SV("0.")) && !sv_starts_with(ip, SV("127.")) &&
	       !sv_eq(ip, SV("::")) && !sv_eq(ip, SV("::1"));
}

/* The port on the host, 0 when that is not told. */
static uint16_t on_host(const struct ecs_api_port *entry, uint16_t port)
{
	unsigned at = entry->host ? entry->host + (unsigned)(port - entry->container) : 0;
	return at <= UINT16_MAX ? (uint16_t)at : 0;
}

static void place_bridged(const struct ecs_api_task *t, const struct ecs_api_container *c,
			  struct ecs_chosen *out)
{
	const struct ecs_api_port *entry =
		c ? find_port(c->bindings, c->n_bindings, out->port) : NULL;
	out->ip = host_ip(t);
	if (!entry)
		return;
	out->at = on_host(entry, out->port);
	if (out->ip.len == 0 && is_reachable(entry->bind_ip))
		out->ip = entry->bind_ip;
}

/* Fills in ip and at. */
static void place(const struct ecs_api_task *t, struct ecs_chosen *out)
{
	const struct ecs_api_container *c = running(t, out->container->name);
	const struct ecs_api_port *mapping =
		find_port(out->container->ports, out->container->n_ports, out->port);
	enum mode mode = mode_of(t);
	out->ip = SV_NULL;
	out->at = 0;
	if (mode == MODE_BRIDGE) {
		place_bridged(t, c, out);
	} else if (mode != MODE_NONE) {
		out->at = mapping && mapping->host ? on_host(mapping, out->port) : out->port;
		out->ip = mode == MODE_OWN ? own_ip(t) : host_ip(t);
	}
	if (out->ip.len == 0 && c && mode != MODE_NONE) {
		out->ip = first_of(c->ipv4, c->ipv6);
		if (out->ip.len > 0)
			out->at = out->port; /* it is the container's own */
	}
}

/* ---- what is chosen ---- */

struct choosing {
	const struct ecs_selection *s;
	const struct ecs_api_task *task;
	int (*choose)(void *cls, const struct ecs_chosen *c);
	void *cls;
	struct ecs_chosen *seen;
	size_t n_seen, cap_seen;
};

static bool is_same(const struct ecs_chosen *a, const struct ecs_chosen *b)
{
	if (!sv_eq(a->path, b->path))
		return false;
	if (a->at == 0 || a->ip.len == 0 || b->at == 0 || b->ip.len == 0)
		return a->container == b->container && a->port == b->port;
	return a->at == b->at && sv_eq(a->ip, b->ip);
}

/* Tells of a port unless another selector, or this one, did before. */
static int tell(struct choosing *w, const struct ecs_chosen *c)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (is_same(&w->seen[i], c))
			return 0;
	if (w->n_seen == w->cap_seen) {
		size_t cap = w->cap_seen ? 2 * w->cap_seen : 8;
		struct ecs_chosen *wider = realloc(w->seen, cap * sizeof *wider);
		if (!wider)
			return ERR_NOMEM;
		w->seen = wider;
		w->cap_seen = cap;
	}
	w->seen[w->n_seen++] = *c;
	return w->choose(w->cls, c);
}

static int tell_port(struct choosing *w, const struct ecs_selector *sel,
		     const struct ecs_api_definition_container *c, uint16_t port)
{
	struct ecs_chosen chosen = {
		.container = c, .port = port, .path = sel->metrics_path, .job = sel->job_name};
	if (!find_port(c->ports, c->n_ports, port))
		return 0;
	place(w->task, &chosen);
	return tell(w, &chosen);
}

/* metrics_ports that the container has a mapping of. */
static int tell_ports(struct choosing *w, const struct ecs_selector *sel,
		      const struct ecs_api_definition_container *c)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sel->n_ports; i++)
		r = tell_port(w, sel, c, (uint16_t)sel->ports[i]);
	return r;
}

/* The label's value, or SV_NULL. */
static struct sv label_of(const struct ecs_api_definition_container *c, struct sv key)
{
	for (size_t i = 0; key.len > 0 && i < c->labels.n; i++)
		if (sv_eq(c->labels.v[i].key, key))
			return c->labels.v[i].value;
	return SV_NULL;
}

static bool has_label(const struct ecs_api_definition_container *c, struct sv key)
{
	for (size_t i = 0; key.len > 0 && i < c->labels.n; i++)
		if (sv_eq(c->labels.v[i].key, key))
			return true;
	return false;
}

static int tell_labelled(struct choosing *w, const struct ecs_selector *sel,
			 const struct ecs_api_definition_container *c)
{
	struct ecs_chosen chosen = {.container = c};
	uint64_t port = 0;
	if (!has_label(c, sel->port_label))
		return 0;
	if (sv_to_u64(label_of(c, sel->port_label), &port) == 0 && port <= UINT16_MAX)
		chosen.port = (uint16_t)port;
	chosen.path = first_of(label_of(c, sel->path_label), sel->metrics_path);
	chosen.job = first_of(sel->job_name, label_of(c, sel->job_label));
	place(w->task, &chosen);
	if (chosen.port == 0)
		chosen.at = 0;
	return tell(w, &chosen);
}

/* The service's name, from the group where the service itself is not known. */
static struct sv service_name(const struct ecs_api_task *t)
{
	if (t->service)
		return t->service->name;
	return sv_starts_with(t->group, SV("service:")) ? sv_from(t->group, 8) : SV_NULL;
}

static bool matches(const struct ecs_selection *s, size_t i, const struct ecs_api_task *t,
		    const struct ecs_api_definition_container *c)
{
	const struct patterns *p = &s->patterns[i];
	struct sv name =
		s->opt->selectors[i].kind == ECS_BY_SERVICE ? service_name(t) : t->definition_arn;
	if (p->container && !pattern_found(p->container, c->name))
		return false;
	if (s->opt->selectors[i].kind == ECS_BY_DOCKER_LABEL)
		return true;
	return name.len > 0 && (!p->name || pattern_found(p->name, name));
}

static int choose_in(struct choosing *w, const struct ecs_api_definition_container *c)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < w->s->opt->n_selectors; i++) {
		const struct ecs_selector *sel = &w->s->opt->selectors[i];
		if (!matches(w->s, i, w->task, c))
			continue;
		r = sel->kind == ECS_BY_DOCKER_LABEL ? tell_labelled(w, sel, c)
						     : tell_ports(w, sel, c);
	}
	return r;
}

int ecs_select(const struct ecs_selection *s, const struct ecs_api_task *task,
	       int (*choose)(void *cls, const struct ecs_chosen *c), void *cls)
{
	struct choosing w = {.s = s, .task = task, .choose = choose, .cls = cls};
	int r = 0;
	for (size_t i = 0; r == 0 && i < task->definition->n_containers; i++)
		r = choose_in(&w, &task->definition->containers[i]);
	free(w.seen);
	return r;
}
