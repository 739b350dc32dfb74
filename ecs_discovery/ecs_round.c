/* Phases. In each of them all questions are asked at once; the next one begins when they are
 * answered. What a round learns lies in one ecs_known, what it only needs meanwhile in an arena.
 */
#include "ecs_round.h"
#include "ecs_round_parts.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/log.h>

static void next_phase(struct ecs_round *r);

static void finish(struct ecs_round *r, const struct err *why)
{
	r->done(r->cls, why);
}

static void fail(struct ecs_round *r, const char *text)
{
	struct err err = ERR_NULL;
	err_set(&err, 1, "%s", text);
	finish(r, &err);
}

static void on_over(void *cls, const struct err *why)
{
	struct ecs_round *r = cls;
	if (why)
		finish(r, why);
	else
		next_phase(r);
}

/* ---- asking ---- */

int ecs_round_ask(struct ecs_round *r, enum ecs_action action, struct sv cluster,
		  const struct sv *ids, size_t n)
{
	struct ecs_question q = {action, cluster, ids, n};
	r->asked++;
	return ecs_api_ask(r->api, &q);
}

int ecs_round_ask_all(struct ecs_round *r, enum ecs_action action, struct sv cluster,
		      const struct sv *ids, size_t n)
{
	size_t batch = ecs_action_batch(action);
	int result = 0;
	for (size_t i = 0; result == 0 && i < n; i += batch)
		result = ecs_round_ask(r, action, cluster, ids + i, n - i < batch ? n - i : batch);
	return result;
}

/* ---- what is due ---- */

static bool its_turn(const struct ecs_round *r, struct sv arn)
{
	return hash_stable(arn.ptr, arn.len) % ECS_ROTATION == r->in.number % ECS_ROTATION;
}

static bool always_whole(const struct ecs_round *r)
{
	return r->listed_tasks.n <= ECS_ALWAYS_WHOLE;
}

static bool task_is_due(const struct ecs_round *r, const struct ecs_known_task *known)
{
	const struct ecs_api_task *t = &known->t;
	return always_whole(r) || !sv_eq(t->last_status, SV("RUNNING")) ||
	       !sv_eq(t->desired_status, SV("RUNNING")) ||
	       (sv_eq(t->health, SV("UNKNOWN")) && known->started_s > r->now_s - ECS_YOUNG_S) ||
	       its_turn(r, t->arn);
}

static bool service_is_due(const struct ecs_round *r, const struct ecs_known_service *known)
{
	return always_whole(r) || !sv_eq(known->s.status, SV("ACTIVE")) ||
	       its_turn(r, known->s.arn);
}

bool ecs_round_instance_due(const struct ecs_round *r, const struct ecs_api_instance *i)
{
	bool of_ec2 = !sv_starts_with(i->id, SV("mi-"));
	return always_whole(r) || (of_ec2 && i->private_ip.len == 0) ||
	       its_turn(r, i->container_instance_arn);
}

/* ---- phases ---- */

static int begin_clusters(struct ecs_round *r)
{
	return r->in.n_clusters > 0 ? 0 : ecs_round_ask(r, ECS_LIST_CLUSTERS, SV_NULL, NULL, 0);
}

static int begin_describe_clusters(struct ecs_round *r)
{
	if (r->in.n_clusters > 0)
		return ecs_round_ask_all(r, ECS_DESCRIBE_CLUSTERS, SV_NULL, r->in.clusters,
					 r->in.n_clusters);
	struct sv *ids = arena_alloc(&r->arena, (r->listed_clusters.n + 1) * sizeof *ids);
	for (size_t i = 0; ids && i < r->listed_clusters.n; i++)
		ids[i] = ((struct ecs_listed *)r->listed_clusters.v[i])->key;
	return ids ? ecs_round_ask_all(r, ECS_DESCRIBE_CLUSTERS, SV_NULL, ids, r->listed_clusters.n)
		   : ERR_NOMEM;
}

static int begin_lists(struct ecs_round *r)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < r->known->clusters.n; i++) {
		const struct ecs_api_cluster *c = r->known->clusters.v[i];
		/* Deleted: it is still described for a while, but its lists are errors. */
		if (sv_eq(c->status, SV("INACTIVE")))
			continue;
		result = ecs_round_ask(r, ECS_LIST_SERVICES, c->arn, NULL, 0);
		if (result == 0)
			result = ecs_round_ask(r, ECS_LIST_TASKS, c->arn, NULL, 0);
	}
	return result;
}

static int begin_describe(struct ecs_round *r)
{
	struct ecs_due due;
	int result = ecs_due_init(&due, &r->arena, r->listed_tasks.n + r->listed_services.n);
	for (size_t i = 0; result == 0 && i < r->listed_tasks.n; i++) {
		struct ecs_listed *l = r->listed_tasks.v[i];
		const struct ecs_known_task *last =
			r->in.last ? ecs_table_find(&r->in.last->tasks, l->key) : NULL;
		if (last && !task_is_due(r, last))
			ecs_known_copy_task(r->known, last, l->cluster);
		else
			ecs_due_add(&due, l->key, l->cluster->arn);
	}
	if (result == 0)
		result = ecs_due_ask(&due, r, ECS_DESCRIBE_TASKS);
	for (size_t i = 0; result == 0 && i < r->listed_services.n; i++) {
		struct ecs_listed *l = r->listed_services.v[i];
		const struct ecs_known_service *last =
			r->in.last ? ecs_table_find(&r->in.last->services, l->key) : NULL;
		if (last && !service_is_due(r, last))
			ecs_known_copy_service(r->known, last, l->cluster);
		else
			ecs_due_add(&due, l->key, l->cluster->arn);
	}
	return result == 0 ? ecs_due_ask(&due, r, ECS_DESCRIBE_SERVICES) : result;
}

static int (*const phases[])(struct ecs_round *r) = {
	begin_clusters,           begin_describe_clusters, begin_lists,
	begin_describe,           ecs_round_begin_details, ecs_round_begin_instances,
	ecs_round_keep_instances,
};

static void seal(struct ecs_round *r)
{
	if (ecs_known_seal(r->known, r->in.definitions) != 0) {
		fail(r, "no memory for what the ECS API told");
		return;
	}
	r->sealed = true;
	finish(r, NULL);
}

static void next_phase(struct ecs_round *r)
{
	r->asked = 0;
	while (r->asked == 0 && r->phase < sizeof phases / sizeof phases[0])
		if (phases[r->phase++](r) != 0 || r->known->failed) {
			fail(r, "no memory for what the ECS API told");
			return;
		}
	if (r->asked == 0)
		seal(r);
}

/* ---- the round ---- */

int ecs_round_new(const struct ecs_round_input *input,
		  void (*done)(void *cls, const struct err *why), void *cls, struct ecs_round **out)
{
	_cleanup_(ecs_round_freep) struct ecs_round *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NOMEM;
	r->in = *input;
	r->now_s = aws_session_now_ms(input->peer->session) / 1000;
	r->done = done;
	r->cls = cls;
	arena_init(&r->arena, LIMIT_ECS_KNOWN_BYTES);
	arena_init(&r->page, LIMIT_ECS_KNOWN_BYTES);
	r->known = ecs_known_new(LIMIT_ECS_KNOWN_BYTES);
	if (!r->known)
		return ERR_NOMEM;
	const struct ecs_api_user user = {ecs_round_answer, ecs_round_denied, on_over, r};
	if (ecs_api_new(input->peer, &user, &r->api) != 0)
		return ERR_NOMEM;
	*out = take_ptr(r);
	return 0;
}

void ecs_round_begin(struct ecs_round *r)
{
	next_phase(r);
}

void ecs_round_free(struct ecs_round *r)
{
	if (!r)
		return;
	struct ecs_table *tables[] = {&r->listed_clusters, &r->listed_services, &r->listed_tasks,
				      &r->interfaces, &r->instances};
	ecs_api_free(r->api);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		ecs_table_deinit(tables[i]);
	ecs_known_free(r->known);
	arena_deinit(&r->arena);
	arena_deinit(&r->page);
	free(r);
}

struct ecs_known *ecs_round_take(struct ecs_round *r)
{
	return r->sealed ? take_ptr(r->known) : NULL;
}
