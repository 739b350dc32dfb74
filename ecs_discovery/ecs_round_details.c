/* What described tasks refer to: definitions, container instances, network interfaces, EC2
 * instances. The latter two may be denied: then the first question is the only one. */
#include "ecs_round_parts.h"

/* ---- due, cluster by cluster ---- */

int ecs_due_init(struct ecs_due *d, struct arena *arena, size_t max)
{
	*d = (struct ecs_due){.v = arena_alloc(arena, (max + 1) * sizeof *d->v), .arena = arena};
	return d->v ? 0 : ERR_NOMEM;
}

void ecs_due_add(struct ecs_due *d, struct sv id, struct sv cluster)
{
	d->v[d->n++] = (struct ecs_due_item){id, cluster};
}

static int by_cluster(const void *a, const void *b)
{
	const struct ecs_due_item *x = a, *y = b;
	int c = sv_cmp(x->cluster, y->cluster);
	return c ? c : sv_cmp(x->id, y->id);
}

int ecs_due_ask(struct ecs_due *d, struct ecs_round *r, enum ecs_action action)
{
	struct sv *ids = arena_alloc(d->arena, (d->n + 1) * sizeof *ids);
	int result = ids ? 0 : ERR_NOMEM;
	qsort(d->v, d->n, sizeof *d->v, by_cluster);
	for (size_t i = 0; ids && i < d->n; i++)
		ids[i] = d->v[i].id;
	for (size_t from = 0, to; result == 0 && from < d->n; from = to) {
		for (to = from + 1; to < d->n && sv_eq(d->v[to].cluster, d->v[from].cluster);)
			to++;
		result = ecs_round_ask_all(r, action, d->v[from].cluster, ids + from, to - from);
	}
	d->n = 0;
	return result;
}

/* ---- who waits for what EC2 tells ---- */

static int await(struct ecs_round *r, struct ecs_table *t, struct sv key, struct ecs_api_task *task,
		 struct ecs_api_instance *instance)
{
	struct ecs_awaited *w = arena_alloc(&r->arena, sizeof *w);
	if (!w)
		return ERR_NOMEM;
	*w = (struct ecs_awaited){key, task, instance, NULL};
	struct ecs_awaited *have = ecs_table_find(t, key);
	if (!have)
		return ecs_table_add(t, w);
	w->next = have->next;
	have->next = w;
	return 0;
}

/* The first batch goes out, the rest when that was not denied. */
static int ask_awaited(struct ecs_round *r, enum ecs_action action, const struct ecs_table *t)
{
	struct sv *ids = arena_alloc(&r->arena, (t->n + 1) * sizeof *ids);
	size_t first = t->n < ecs_action_batch(action) ? t->n : ecs_action_batch(action);
	if (!ids)
		return ERR_NOMEM;
	for (size_t i = 0; i < t->n; i++)
		ids[i] = ((struct ecs_awaited *)t->v[i])->key;
	r->held[action] = (struct ecs_held){ids + first, t->n - first, false};
	return first ? ecs_round_ask(r, action, SV_NULL, ids, first) : 0;
}

/* ---- phases ---- */

static int want_definition(struct ecs_round *r, struct ecs_table *wanted, struct sv arn)
{
	if (!r->in.definitions || !arn.len || ecs_table_find(wanted, arn) ||
	    ecs_table_find(&r->in.definitions->definitions, arn))
		return 0;
	struct ecs_listed *l = arena_calloc(&r->arena, 1, sizeof *l);
	if (!l)
		return ERR_NOMEM;
	l->key = arn;
	int result = ecs_table_add(wanted, l);
	return result == 0 ? ecs_round_ask(r, ECS_DESCRIBE_TASK_DEFINITION, SV_NULL, &l->key, 1)
			   : result;
}

static int want_instance(struct ecs_round *r, struct ecs_table *wanted, struct ecs_due *due,
			 const struct ecs_api_task *t)
{
	struct sv arn = t->container_instance_arn;
	if (!arn.len || ecs_table_find(wanted, arn) || ecs_table_find(&r->known->instances, arn))
		return 0;
	const struct ecs_api_instance *last =
		r->in.last ? ecs_table_find(&r->in.last->instances, arn) : NULL;
	if (last && !ecs_round_instance_due(r, last))
		return ecs_known_copy_instance(r->known, last) ? 0 : ERR_NOMEM;
	struct ecs_listed *l = arena_calloc(&r->arena, 1, sizeof *l);
	if (!l)
		return ERR_NOMEM;
	l->key = arn;
	ecs_due_add(due, arn, t->cluster->arn);
	return ecs_table_add(wanted, l);
}

static int want_for_tasks(struct ecs_round *r, struct ecs_table *definitions,
			  struct ecs_table *instances, struct ecs_due *due)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < r->known->tasks.n; i++) {
		struct ecs_known_task *known = r->known->tasks.v[i];
		result = want_definition(r, definitions, known->t.definition_arn);
		if (result == 0)
			result = want_instance(r, instances, due, &known->t);
		if (result == 0 && known->fresh && known->t.eni_id.len > 0)
			result = await(r, &r->interfaces, known->t.eni_id, &known->t, NULL);
	}
	return result;
}

int ecs_round_begin_details(struct ecs_round *r)
{
	struct ecs_table definitions = {.v = NULL}, instances = {.v = NULL};
	struct ecs_due due;
	int result = ecs_due_init(&due, &r->arena, r->known->tasks.n);
	if (result == 0)
		result = want_for_tasks(r, &definitions, &instances, &due);
	if (result == 0)
		result = ecs_due_ask(&due, r, ECS_DESCRIBE_CONTAINER_INSTANCES);
	if (result == 0)
		result = ask_awaited(r, ECS_EC2_INTERFACES, &r->interfaces);
	ecs_table_deinit(&definitions);
	ecs_table_deinit(&instances);
	return result;
}

/* Those copied out of the last round have what EC2 told. */
int ecs_round_begin_instances(struct ecs_round *r)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < r->known->instances.n; i++) {
		struct ecs_api_instance *instance = r->known->instances.v[i];
		if (sv_starts_with(instance->id, SV("i-")) && instance->private_ip.len == 0)
			result = await(r, &r->instances, instance->id, NULL, instance);
	}
	return result == 0 ? ask_awaited(r, ECS_EC2_INSTANCES, &r->instances) : result;
}

/* An id that EC2 passes over is no error of its answer, as it may be gone; but the container
 * instance is there, with tasks that had an address in the last round. */
int ecs_round_keep_instances(struct ecs_round *r)
{
	for (size_t i = 0; r->in.last && i < r->known->instances.n; i++) {
		struct ecs_api_instance *now = r->known->instances.v[i];
		const struct ecs_api_instance *last =
			ecs_table_find(&r->in.last->instances, now->container_instance_arn);
		if (now->private_ip.len == 0 && last && sv_eq(last->id, now->id))
			ecs_known_fill_instance(r->known, now, last);
	}
	return 0;
}
