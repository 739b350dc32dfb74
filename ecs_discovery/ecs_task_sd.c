/* ecs_task_sd_configs: what listens to the task's watch, and the list that it made last.
 *
 * With ports to probe a list waits for their answers, which take a second at most: so a port that
 * goes on answering after its container was replaced does not come and go in between.
 */
#include "ecs_task_sd.h"
#include "ecs_task_probe.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/log.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

enum {
	FAULTS_KNOWN = 256, /* further ones are not told of */
	OWN_IPS_MAX = 64,
	FAULT_MAX = 600,
};

struct task_provider {
	struct provider base;
	const struct discovery_env *env;
	const struct ecs_task_sd_options *opt;
	struct ecs_listener listener;
	struct loop_timer first; /* the task was known before there was this provider */
	struct ecs_probe *probe; /* NULL: nothing is probed */
	bool due;                /* another task was told while ports were asked */
	bool put_off;            /* what answered before that has not been told */
	struct group_list groups;
	uint64_t hash; /* of groups */
	bool found;    /* groups say what the task says */
	uint64_t faults[FAULTS_KNOWN];
	size_t n_faults;
};

static struct task_provider *self_of(struct provider *p)
{
	return (struct task_provider *)p;
}

static const struct task_provider *reader_of(const struct provider *p)
{
	return (const struct task_provider *)p;
}

/* ---- making the list ---- */

struct own_ips {
	char text[OWN_IPS_MAX][INET_ADDRSTRLEN];
	struct sv v[OWN_IPS_MAX];
	size_t n;
};

/* The addresses of the network that the agent is in: in a bridge network one of them is that of its
 * own container, which costs no question to anybody. */
static void find_own_ips(struct own_ips *out)
{
	struct ifaddrs *list = NULL;
	out->n = 0;
	if (getifaddrs(&list) != 0)
		return;
	for (const struct ifaddrs *i = list; i && out->n < OWN_IPS_MAX; i = i->ifa_next) {
		struct sockaddr_in in;
		char *text = out->text[out->n];
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in, i->ifa_addr, sizeof in);
		if (inet_ntop(AF_INET, &in.sin_addr, text, INET_ADDRSTRLEN))
			out->v[out->n++] = sv_of(text);
	}
	freeifaddrs(list);
}

static int look(const struct task_provider *self, struct ecs_task_found *out)
{
	const struct ecs_task *task = ecs_watch_task(self->env->ecs);
	struct own_ips own = {.n = 0};
	if (!task)
		return 1;
	if (ecs_task_has_bridge(task))
		find_own_ips(&own);
	const struct ecs_task_place place = {
		.own_address = sv_of(self->env->own_address),
		.own_ips = own.v,
		.n_own_ips = own.n,
		.answers = self->probe ? ecs_probe_answered : NULL,
		.cls = self->probe,
	};
	return ecs_task_targets(task, self->opt, &place, out);
}

static uint64_t chain(uint64_t h, const void *ptr, size_t len)
{
	const uint64_t link[] = {h, len, hash_keyed(ptr, len)};
	return hash_keyed(link, sizeof link);
}

static uint64_t hash_groups(const struct group_list *l)
{
	uint64_t h = l->n;
	for (size_t i = 0; i < l->n; i++) {
		const struct target_group *g = &l->v[i];
		h = chain(h, g->source.ptr, g->source.len);
		h = chain(h, g->labels.ptr, g->labels.len);
		for (size_t k = 0; k < g->n_targets; k++)
			h = chain(h, g->targets[k].ptr, g->targets[k].len);
		h = chain(h, &g->n_targets, sizeof g->n_targets);
	}
	return h;
}

static void tell_faults(struct task_provider *self, const struct ecs_task_found *found)
{
	for (size_t i = 0; i < found->n_faults; i++) {
		uint64_t h = hash_keyed(found->faults[i].ptr, found->faults[i].len);
		bool known = self->n_faults == FAULTS_KNOWN;
		for (size_t k = 0; !known && k < self->n_faults; k++)
			known = self->faults[k] == h;
		if (known)
			continue;
		char text[FAULT_MAX];
		snprintf(text, sizeof text, "%.*s", SV_ARG(found->faults[i]));
		self->faults[self->n_faults++] = h;
		log_warn("ecs_task_sd: not a target", "err", text);
	}
}

/* Returns whether the list is another one now. */
static bool publish(struct task_provider *self, struct ecs_task_found *found)
{
	uint64_t hash = hash_groups(&found->groups);
	bool changed = !self->found || hash != self->hash;
	tell_faults(self, found);
	self->found = true;
	self->hash = hash;
	if (!changed)
		return false;
	group_list_deinit(&self->groups);
	self->groups = found->groups;
	found->groups = GROUP_LIST_NULL;
	return true;
}

/* Without memory the last list stays, and the next round comes. */
static bool refresh(struct task_provider *self, bool may_probe)
{
	_cleanup_(ecs_task_found_deinit) struct ecs_task_found found = {.arena = ARENA_NULL,
									.groups = GROUP_LIST_NULL};
	if (look(self, &found) != 0)
		return false;
	if (may_probe && self->probe &&
	    ecs_probe_round(self->probe, found.candidates, found.n_candidates))
		return false;
	return publish(self, &found);
}

static void refresh_and_tell(struct task_provider *self, bool may_probe)
{
	if (refresh(self, may_probe) && self->base.changed)
		self->base.changed(self->base.cls);
}

static void on_told(void *cls, const struct ecs_task *task, bool changed)
{
	struct task_provider *self = cls;
	if (self->probe && ecs_probe_busy(self->probe))
		self->due = self->due || changed;
	else
		refresh_and_tell(self, true);
}

static void on_first(void *cls)
{
	on_told(cls, NULL, true);
}

/* What answered may be gone when another task was told meanwhile: its ports are asked before
 * anything is told. That is put off once only, as a task may change all the time. */
static void on_probed(void *cls)
{
	struct task_provider *self = cls;
	bool due = self->due, put_off = due && !self->put_off;
	self->due = false;
	self->put_off = put_off;
	if (!put_off)
		refresh_and_tell(self, false);
	if (due)
		refresh_and_tell(self, true);
}

/* ---- the provider ---- */

static size_t count(const struct provider *p)
{
	return reader_of(p)->groups.n;
}

static void list(const struct provider *p, struct target_group *out)
{
	const struct group_list *groups = &reader_of(p)->groups;
	if (groups->n > 0)
		memcpy(out, groups->v, groups->n * sizeof *out);
}

static bool complete(const struct provider *p)
{
	return reader_of(p)->found;
}

static void free_self(struct provider *p)
{
	struct task_provider *self = self_of(p);
	ecs_listener_leave(&self->listener);
	loop_timer_cancel(&self->first);
	ecs_probe_free(self->probe);
	group_list_deinit(&self->groups);
	free(self);
}

static const struct provider_ops ops = {
	.count = count, .list = list, .complete = complete, .free = free_self};

static int start(struct task_provider *self)
{
	const struct discovery_env *env = self->env;
	if (!env->ecs) {
		log_warn("ecs_task_sd_configs finds nothing: this is no ECS task, as neither "
			 "ECS_CONTAINER_METADATA_URI_V4 nor ECS_CONTAINER_METADATA_URI is set");
		return 0;
	}
	if (self->opt->n_probe_ports > 0 && env->pool) {
		int r = ecs_probe_new(env->loop, env->pool, on_probed, self, &self->probe);
		if (r != 0)
			return r;
	}
	ecs_watch_listen(env->ecs, &self->listener);
	if (self->probe && ecs_watch_task(env->ecs))
		loop_timer_in(env->loop, &self->first, 0);
	else
		refresh(self, false);
	return 0;
}

int ecs_task_provider_new(const struct discovery_env *env, const struct ecs_task_sd_options *opt,
			  struct provider **out)
{
	struct task_provider *self = calloc(1, sizeof *self);
	if (!self)
		return ERR_NOMEM;
	self->base.ops = &ops;
	self->env = env;
	self->opt = opt;
	self->listener = (struct ecs_listener){.told = on_told, .cls = self};
	self->first = (struct loop_timer){.fire = on_first, .cls = self};
	int r = start(self);
	if (r == 0)
		*out = &self->base;
	else
		free_self(&self->base);
	return r;
}

static bool same_ports(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

/* The interval is the watch's. */
bool ecs_task_provider_take(struct provider *p, const struct ecs_task_sd_options *opt)
{
	struct task_provider *self = self_of(p);
	const struct ecs_task_sd_options *own = p->ops == &ops ? self->opt : NULL;
	if (!own || own->task_metrics != opt->task_metrics ||
	    own->docker_labels != opt->docker_labels ||
	    !same_ports(own->ports, own->n_ports, opt->ports, opt->n_ports) ||
	    !same_ports(own->probe_ports, own->n_probe_ports, opt->probe_ports, opt->n_probe_ports))
		return false;
	self->opt = opt;
	return true;
}
