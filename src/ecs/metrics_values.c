/* metrics_values: what is told of containers and what can be said of the task from it.
 *
 * Containers of one network namespace tell the same counters, each read at a moment of its own: the
 * largest is the latest, so the task's are that one and never a sum.
 */
#include "metrics_values.h"

#include <math.h>
#include <stdlib.h>

/* A limit that is this large means none: version 1 says 2^63 less a page, others 2^64 - 1. */
#define LIMIT_NONE 0x1p60
#define MIB 1048576.0

static double told(double v)
{
	return v < 0 ? NAN : v;
}

static double limit(double v)
{
	return v > 0 && v < LIMIT_NONE ? v : NAN;
}

static double positive(double v)
{
	return v > 0 ? v : NAN;
}

static double first(double a, double b)
{
	return a >= 0 ? a : b;
}

/* ---- a container ---- */

static double vcpus(const struct ecs_stats *s)
{
	double used = s->v[ECS_STAT_CPU_TOTAL] - s->v[ECS_STAT_CPU_BEFORE];
	if (s->v[ECS_STAT_CPU_BEFORE] < 0 || used < 0 || s->before_ns == 0 ||
	    s->read_ns <= s->before_ns)
		return NAN;
	return used / (double)(s->read_ns - s->before_ns);
}

static void add_cpu(const struct ecs_container *c, const struct ecs_stats *s, double *v)
{
	v[ECS_VALUE_CPU_USAGE] = told(s->v[ECS_STAT_CPU_TOTAL]);
	v[ECS_VALUE_CPU_USER] = told(s->v[ECS_STAT_CPU_USER]);
	v[ECS_VALUE_CPU_KERNEL] = told(s->v[ECS_STAT_CPU_KERNEL]);
	v[ECS_VALUE_CPU_HOST] = told(s->v[ECS_STAT_CPU_HOST]);
	v[ECS_VALUE_CPU_THROTTLED] = told(s->v[ECS_STAT_THROTTLED]);
	v[ECS_VALUE_CPU_PERIODS] = told(s->v[ECS_STAT_PERIODS]);
	v[ECS_VALUE_CPU_THROTTLED_PERIODS] = told(s->v[ECS_STAT_THROTTLED_PERIODS]);
	v[ECS_VALUE_CPU_ONLINE] = positive(s->v[ECS_STAT_CPU_ONLINE]);
	v[ECS_VALUE_CPU_CORES] = first(s->v[ECS_STAT_CPU_LISTED], v[ECS_VALUE_CPU_ONLINE]);
	v[ECS_VALUE_CPU_VCPU] = vcpus(s);
	v[ECS_VALUE_CPU_UTILIZED] =
		v[ECS_VALUE_CPU_VCPU] * 100 / (c->cpu_limit > 0 ? c->cpu_limit : 1);
}

/* Without the files' pages that can be dropped at once; there can be no less than nothing. */
static double without(double usage, double droppable)
{
	if (usage < 0 || droppable < 0)
		return NAN;
	return usage > droppable ? usage - droppable : 0;
}

static void add_memory(const struct ecs_stats *s, double *v)
{
	double usage = s->v[ECS_STAT_MEMORY_USAGE];
	v[ECS_VALUE_MEMORY_USAGE] = told(usage);
	v[ECS_VALUE_MEMORY_WORKING_SET] =
		without(usage, first(s->v[ECS_STAT_TOTAL_INACTIVE], s->v[ECS_STAT_INACTIVE]));
	v[ECS_VALUE_MEMORY_CACHE] = told(first(s->v[ECS_STAT_CACHE], s->v[ECS_STAT_FILE]));
	v[ECS_VALUE_MEMORY_RSS] = told(first(s->v[ECS_STAT_RSS], s->v[ECS_STAT_ANON]));
	v[ECS_VALUE_MEMORY_MAX] = told(s->v[ECS_STAT_MEMORY_MAX]);
	v[ECS_VALUE_MEMORY_LIMIT] = limit(s->v[ECS_STAT_MEMORY_LIMIT]);
	v[ECS_VALUE_MEMORY_UTILIZED] =
		floor(without(usage, first(s->v[ECS_STAT_CACHE], s->v[ECS_STAT_INACTIVE])) / MIB);
}

static void add_life(const struct ecs_container *c, double *v)
{
	v[ECS_VALUE_STARTED] = positive((double)c->started_ms);
	v[ECS_VALUE_FINISHED] = positive((double)c->finished_ms);
	v[ECS_VALUE_RESTARTS] = told((double)c->restarts);
	if (c->known_status.len > 0)
		v[ECS_VALUE_RUNNING] = sv_eq(c->known_status, SV("RUNNING"));
	if (c->has_exit_code)
		v[ECS_VALUE_EXIT_CODE] = (double)c->exit_code;
	if (c->started_ms > 0 && c->finished_ms >= c->started_ms)
		v[ECS_VALUE_DURATION] = (double)(c->finished_ms - c->started_ms);
	/* What has ended holds nothing. */
	if (!sv_eq(c->known_status, SV("STOPPED"))) {
		v[ECS_VALUE_CPU_RESERVED] = positive(c->cpu_limit);
		v[ECS_VALUE_MEMORY_RESERVED] = positive(c->memory_mib);
	}
}

static void sum_interfaces(const struct ecs_interface *interfaces, size_t n, double *v)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ECS_NETS; k++)
			if (interfaces[i].v[k] >= 0)
				v[ECS_VALUE_NET + k] =
					first(v[ECS_VALUE_NET + k], 0) + interfaces[i].v[k];
}

static void clear(struct ecs_values *out)
{
	*out = (struct ecs_values){0};
	for (size_t i = 0; i < ECS_VALUES; i++)
		out->v[i] = NAN;
}

static void reckon_container(const struct ecs_container *c, const struct ecs_stats *s,
			     struct ecs_values *out)
{
	clear(out);
	out->container = c;
	add_life(c, out->v);
	add_cpu(c, s, out->v);
	add_memory(s, out->v);
	out->v[ECS_VALUE_READ_BYTES] = told(s->v[ECS_STAT_READ_BYTES]);
	out->v[ECS_VALUE_WRITE_BYTES] = told(s->v[ECS_STAT_WRITE_BYTES]);
	out->v[ECS_VALUE_READS] = told(s->v[ECS_STAT_READS]);
	out->v[ECS_VALUE_WRITES] = told(s->v[ECS_STAT_WRITES]);
	out->v[ECS_VALUE_PROCESSES] = told(s->v[ECS_STAT_PIDS]);
	out->v[ECS_VALUE_PROCESSES_LIMIT] = limit(s->v[ECS_STAT_PIDS_LIMIT]);
	/* What Docker might tell of the host's network is not the container's. */
	if (c->network == ECS_NETWORK_HOST)
		return;
	out->v[ECS_VALUE_RATE_RX] = told(s->v[ECS_STAT_RATE_RX]);
	out->v[ECS_VALUE_RATE_TX] = told(s->v[ECS_STAT_RATE_TX]);
	sum_interfaces(s->interfaces, s->n_interfaces, out->v);
	if (c->network != ECS_NETWORK_AWSVPC) {
		out->interfaces = s->interfaces;
		out->n_interfaces = s->n_interfaces;
	}
}

/* ---- the task ---- */

static const enum ecs_value summed[] = {
	ECS_VALUE_CPU_USAGE,       ECS_VALUE_CPU_USER,     ECS_VALUE_CPU_KERNEL,
	ECS_VALUE_CPU_VCPU,        ECS_VALUE_MEMORY_USAGE, ECS_VALUE_MEMORY_WORKING_SET,
	ECS_VALUE_MEMORY_CACHE,    ECS_VALUE_MEMORY_RSS,   ECS_VALUE_MEMORY_MAX,
	ECS_VALUE_MEMORY_UTILIZED, ECS_VALUE_READ_BYTES,   ECS_VALUE_WRITE_BYTES,
	ECS_VALUE_PROCESSES,       ECS_VALUE_CPU_RESERVED, ECS_VALUE_MEMORY_RESERVED,
};

/* Of the host: each container tells the same. */
static const enum ecs_value shared[] = {ECS_VALUE_CPU_HOST, ECS_VALUE_CPU_ONLINE,
					ECS_VALUE_CPU_CORES};

static double larger(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

/* A sum without a container that runs would be wrong, and seem to fall. */
static bool sums_hold(const struct ecs_task *task, const struct ecs_stats *stats)
{
	for (size_t i = 0; i < task->n_containers; i++) {
		const struct ecs_container *c = &task->containers[i];
		if (ecs_container_normal(c) && sv_eq(c->known_status, SV("RUNNING")) &&
		    !ecs_stats_told(&stats[i]))
			return false;
	}
	return true;
}

static void add_sums(struct ecs_reckoning *r)
{
	double *v = r->task.v;
	bool all_limited = true;
	double limits = NAN;
	for (size_t i = 0; i < r->n; i++) {
		const double *c = r->containers[i].v;
		for (size_t k = 0; k < sizeof summed / sizeof summed[0]; k++)
			if (!isnan(c[summed[k]]))
				v[summed[k]] = first(v[summed[k]], 0) + c[summed[k]];
		for (size_t k = 0; k < sizeof shared / sizeof shared[0]; k++)
			v[shared[k]] = larger(v[shared[k]], c[shared[k]]);
		if (!isnan(c[ECS_VALUE_MEMORY_LIMIT]))
			limits = first(limits, 0) + c[ECS_VALUE_MEMORY_LIMIT];
		else if (!isnan(c[ECS_VALUE_MEMORY_USAGE]))
			all_limited = false;
	}
	v[ECS_VALUE_MEMORY_LIMIT] = all_limited ? limits : NAN;
}

static void merge_interface(struct ecs_interface *all, size_t *n, const struct ecs_interface *one)
{
	size_t i = 0;
	while (i < *n && !sv_eq(all[i].name, one->name))
		i++;
	if (i == ECS_INTERFACES_MAX)
		return;
	if (i == *n)
		all[(*n)++] = *one;
	for (size_t k = 0; k < ECS_NETS; k++)
		all[i].v[k] = larger(all[i].v[k], one->v[k]);
}

/* The pause container's counters too: it may be the only one that has them. */
static int add_shared_network(struct arena *arena, const struct ecs_task *task,
			      const struct ecs_stats *stats, struct ecs_values *out)
{
	struct ecs_interface *all = arena_calloc(arena, ECS_INTERFACES_MAX, sizeof *all);
	if (!all)
		return ERR_NOMEM;
	for (size_t i = 0; i < task->n_containers; i++) {
		const struct ecs_stats *s = &stats[i];
		if (task->containers[i].network != ECS_NETWORK_AWSVPC)
			continue;
		for (size_t k = 0; k < s->n_interfaces; k++)
			merge_interface(all, &out->n_interfaces, &s->interfaces[k]);
		out->v[ECS_VALUE_RATE_RX] =
			larger(out->v[ECS_VALUE_RATE_RX], told(s->v[ECS_STAT_RATE_RX]));
		out->v[ECS_VALUE_RATE_TX] =
			larger(out->v[ECS_VALUE_RATE_TX], told(s->v[ECS_STAT_RATE_TX]));
	}
	out->interfaces = all;
	sum_interfaces(all, out->n_interfaces, out->v);
	return 0;
}

/* Containers with networks of their own. */
static void sum_networks(struct ecs_reckoning *r)
{
	double *v = r->task.v;
	for (size_t i = 0; i < r->n; i++) {
		const double *c = r->containers[i].v;
		for (size_t k = ECS_VALUE_NET; k < ECS_VALUES; k++)
			if (!isnan(c[k]))
				v[k] = first(v[k], 0) + c[k];
		for (size_t k = ECS_VALUE_RATE_RX; k <= ECS_VALUE_RATE_TX; k++)
			if (!isnan(c[k]))
				v[k] = first(v[k], 0) + c[k];
	}
}

static bool in_awsvpc(const struct ecs_task *task)
{
	for (size_t i = 0; i < task->n_containers; i++)
		if (task->containers[i].network == ECS_NETWORK_AWSVPC)
			return true;
	return false;
}

static int reckon_task(struct arena *arena, const struct ecs_task *task,
		       const struct ecs_stats *stats, struct ecs_reckoning *r)
{
	double *v = r->task.v;
	bool hold = sums_hold(task, stats);
	int result = 0;
	clear(&r->task);
	if (hold)
		add_sums(r);
	if (in_awsvpc(task))
		result = add_shared_network(arena, task, stats, &r->task);
	else if (hold)
		sum_networks(r);
	v[ECS_VALUE_CPU_LIMIT] = positive(task->cpu_limit * 1024);
	v[ECS_VALUE_MEMORY_TASK_LIMIT] = positive(task->memory_mib);
	v[ECS_VALUE_CPU_RESERVED] = first(v[ECS_VALUE_CPU_LIMIT], v[ECS_VALUE_CPU_RESERVED]);
	v[ECS_VALUE_MEMORY_RESERVED] =
		first(v[ECS_VALUE_MEMORY_TASK_LIMIT], v[ECS_VALUE_MEMORY_RESERVED]);
	v[ECS_VALUE_CPU_UTILIZED] = v[ECS_VALUE_CPU_VCPU] * 1024;
	v[ECS_VALUE_STORAGE_USED] = told(task->ephemeral_used_mib);
	v[ECS_VALUE_STORAGE_RESERVED] = told(task->ephemeral_reserved_mib);
	v[ECS_VALUE_CLOCK_ERROR] = told(task->clock_error_ms);
	v[ECS_VALUE_CLOCK_SYNCHRONIZED] = told(task->clock_synchronized);
	return result;
}

/* ---- which containers ---- */

static bool stopped(const struct ecs_container *c)
{
	return sv_eq(c->known_status, SV("STOPPED"));
}

/* By name; of one name, the one to be told of first: it runs, or started last. */
static int by_name(const void *pa, const void *pb)
{
	const struct ecs_container *a = *(const struct ecs_container *const *)pa;
	const struct ecs_container *b = *(const struct ecs_container *const *)pb;
	int c = sv_cmp(a->name, b->name);
	if (c == 0)
		c = stopped(a) - stopped(b);
	if (c == 0)
		c = (a->started_ms < b->started_ms) - (a->started_ms > b->started_ms);
	return c != 0 ? c : (a > b) - (a < b);
}

int ecs_reckon(struct arena *arena, const struct ecs_task *task, const struct ecs_stats *stats,
	       struct ecs_reckoning *out)
{
	size_t n = 0, room = task->n_containers ? task->n_containers : 1;
	const struct ecs_container **order = arena_calloc(arena, room, sizeof *order);
	*out = (struct ecs_reckoning){0};
	out->containers = arena_calloc(arena, room, sizeof *out->containers);
	if (!order || !out->containers)
		return ERR_NOMEM;
	for (size_t i = 0; i < task->n_containers; i++)
		if (ecs_container_normal(&task->containers[i]) && task->containers[i].name.len > 0)
			order[n++] = &task->containers[i];
	qsort(order, n, sizeof *order, by_name);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !sv_eq(order[i]->name, order[i - 1]->name))
			reckon_container(order[i], &stats[order[i] - task->containers],
					 &out->containers[out->n++]);
	return reckon_task(arena, task, stats, out);
}
