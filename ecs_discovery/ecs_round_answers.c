/* What a round makes of each answer. An answer must account for everything that it was asked. */
#include "ec2_xml.h"
#include "ecs_json.h"
#include "ecs_round_parts.h"

#include <ampagent/base/log.h>

/* ---- lists ---- */

static int use_list(struct ecs_round *r, const struct ecs_question *q, struct ecs_table *t,
		    const struct ecs_answer *a)
{
	const struct ecs_api_cluster *cluster =
		q->cluster.len ? ecs_table_find(&r->known->clusters, q->cluster) : NULL;
	for (size_t i = 0; i < a->n_arns; i++) {
		/* Lists may name something twice while it moves between their pages. */
		if (ecs_table_find(t, a->arns[i]))
			continue;
		struct ecs_listed *l = arena_calloc(&r->arena, 1, sizeof *l);
		if (!l)
			return ERR_NOMEM;
		l->key = ecs_keep(r->known, a->arns[i]);
		l->cluster = cluster;
		if (ecs_table_add(t, l) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

/* ---- descriptions ---- */

/* What is gone since it was listed is fine. */
static int check_failures(const struct ecs_question *q, const struct ecs_answer *a, struct err *err)
{
	for (size_t i = 0; i < a->n_failures; i++)
		if (!sv_eq(a->failures[i].reason, SV("MISSING")))
			return err_set(err, 1, "%.*s: %.*s", SV_ARG(a->failures[i].arn),
				       SV_ARG(a->failures[i].reason));
	if (a->n_things + a->n_failures != q->n_ids)
		return err_set(err, 1, "it tells of %zu of the %zu that were asked for",
			       a->n_things + a->n_failures, q->n_ids);
	return 0;
}

static int not_asked(struct sv arn, struct err *err)
{
	return err_set(err, 1, "it tells of %.*s, which was not asked for or told before",
		       SV_ARG(arn));
}

static bool is_asked(const struct ecs_question *q, struct sv arn)
{
	for (size_t i = 0; i < q->n_ids; i++)
		if (sv_eq(q->ids[i], arn))
			return true;
	return false;
}

static bool tells_of_cluster(const struct ecs_answer *a, struct sv name)
{
	for (size_t i = 0; i < a->n_things; i++) {
		const struct ecs_api_cluster *c = a->things[i];
		if (sv_eq(c->arn, name) || sv_eq(c->name, name))
			return true;
	}
	return false;
}

/* Each cluster of the configuration must be there; it may be named twice, by name and by ARN. */
static int check_clusters(const struct ecs_question *q, const struct ecs_answer *a, struct err *err)
{
	for (size_t i = 0; i < q->n_ids; i++)
		if (!tells_of_cluster(a, q->ids[i]))
			return err_set(err, 1, "there is no cluster %.*s", SV_ARG(q->ids[i]));
	return 0;
}

static int use_clusters(struct ecs_round *r, const struct ecs_question *q,
			const struct ecs_answer *a, struct err *err)
{
	int result = r->in.n_clusters > 0 ? check_clusters(q, a, err) : check_failures(q, a, err);
	for (size_t i = 0; result == 0 && i < a->n_things; i++) {
		struct ecs_api_cluster *c = a->things[i];
		bool listed = ecs_table_find(&r->listed_clusters, c->arn) != NULL;
		bool added = ecs_known_add(r->known, &r->known->clusters, c);
		if (r->in.n_clusters == 0 && !(listed && added))
			result = not_asked(c->arn, err);
	}
	return result;
}

static int use_services(struct ecs_round *r, const struct ecs_question *q,
			const struct ecs_answer *a, struct err *err)
{
	int result = check_failures(q, a, err);
	for (size_t i = 0; result == 0 && i < a->n_things; i++) {
		struct ecs_known_service *s = a->things[i];
		const struct ecs_listed *l = ecs_table_find(&r->listed_services, s->s.arn);
		s->cluster = l ? l->cluster : NULL;
		if (!l || !ecs_known_add(r->known, &r->known->services, s))
			result = not_asked(s->s.arn, err);
	}
	return result;
}

static int use_tasks(struct ecs_round *r, const struct ecs_question *q, const struct ecs_answer *a,
		     struct err *err)
{
	int result = check_failures(q, a, err);
	for (size_t i = 0; result == 0 && i < a->n_things; i++) {
		struct ecs_known_task *t = a->things[i];
		const struct ecs_listed *l = ecs_table_find(&r->listed_tasks, t->t.arn);
		t->fresh = true;
		t->t.cluster = l ? l->cluster : NULL;
		if (!l || !ecs_known_add(r->known, &r->known->tasks, t))
			result = not_asked(t->t.arn, err);
	}
	return result;
}

static int use_instances(struct ecs_round *r, const struct ecs_question *q,
			 const struct ecs_answer *a, struct err *err)
{
	int result = check_failures(q, a, err);
	for (size_t i = 0; result == 0 && i < a->n_things; i++) {
		struct ecs_api_instance *s = a->things[i];
		if (!is_asked(q, s->container_instance_arn) ||
		    !ecs_known_add(r->known, &r->known->instances, s))
			result = not_asked(s->container_instance_arn, err);
	}
	return result;
}

static int use_definition(struct ecs_round *r, const struct ecs_question *q,
			  const struct ecs_answer *a, struct err *err)
{
	struct ecs_api_definition *d = a->n_things == 1 ? a->things[0] : NULL;
	if (!d || !sv_eq(d->arn, q->ids[0]))
		return err_set(err, 1, "it tells of another definition than %.*s",
			       SV_ARG(q->ids[0]));
	ecs_known_add(r->in.definitions, &r->in.definitions->definitions, d);
	return r->in.definitions->failed ? ERR_NOMEM : 0;
}

static int use_ecs(struct ecs_round *r, const struct ecs_question *q, struct sv body,
		   struct sv *next_token, struct err *err)
{
	bool definition = q->action == ECS_DESCRIBE_TASK_DEFINITION;
	struct ecs_known *into = definition ? r->in.definitions : r->known;
	struct ecs_answer a;
	int result = ecs_json_read(into, &r->page, q->action, body, &a, err);
	if (result != 0)
		return result;
	switch (q->action) {
	case ECS_LIST_CLUSTERS:
		*next_token = a.next_token;
		return use_list(r, q, &r->listed_clusters, &a);
	case ECS_LIST_SERVICES:
		*next_token = a.next_token;
		return use_list(r, q, &r->listed_services, &a);
	case ECS_LIST_TASKS:
		*next_token = a.next_token;
		return use_list(r, q, &r->listed_tasks, &a);
	case ECS_DESCRIBE_CLUSTERS:
		return use_clusters(r, q, &a, err);
	case ECS_DESCRIBE_SERVICES:
		return use_services(r, q, &a, err);
	case ECS_DESCRIBE_TASKS:
		return use_tasks(r, q, &a, err);
	case ECS_DESCRIBE_CONTAINER_INSTANCES:
		return use_instances(r, q, &a, err);
	default:
		return use_definition(r, q, &a, err);
	}
}

/* ---- EC2 ---- */

static void use_interfaces(struct ecs_round *r, const struct ec2_answer *a)
{
	for (size_t i = 0; i < a->n_interfaces; i++) {
		struct ecs_awaited *w = ecs_table_find(&r->interfaces, a->interfaces[i].id);
		for (; w; w = w->next)
			w->task->eni_public_ip = a->interfaces[i].public_ip;
	}
}

static void use_ec2_instances(struct ecs_round *r, const struct ec2_answer *a)
{
	for (size_t i = 0; i < a->n_instances; i++) {
		struct ecs_awaited *w = ecs_table_find(&r->instances, a->instances[i].id);
		for (; w; w = w->next) {
			struct sv arn = w->instance->container_instance_arn;
			*w->instance = a->instances[i];
			w->instance->container_instance_arn = arn;
		}
	}
}

static int use_ec2(struct ecs_round *r, const struct ecs_question *q, struct sv body,
		   struct sv *next_token, struct err *err)
{
	struct ec2_answer a;
	bool interfaces = q->action == ECS_EC2_INTERFACES;
	int result = interfaces ? ec2_xml_interfaces(r->known, &r->page, body, &a, err)
				: ec2_xml_instances(r->known, &r->page, body, &a, err);
	if (result != 0)
		return result;
	*next_token = a.next_token;
	if (interfaces)
		use_interfaces(r, &a);
	else
		use_ec2_instances(r, &a);
	struct ecs_held *held = &r->held[q->action];
	if (held->allowed)
		return 0;
	held->allowed = true;
	return ecs_round_ask_all(r, q->action, SV_NULL, held->ids, held->n);
}

int ecs_round_answer(void *cls, const struct ecs_question *q, struct sv body, struct sv *next_token,
		     struct err *err)
{
	struct ecs_round *r = cls;
	arena_reset(&r->page);
	int result = q->action >= ECS_EC2_INSTANCES ? use_ec2(r, q, body, next_token, err)
						    : use_ecs(r, q, body, next_token, err);
	return result == 0 && r->known->failed ? ERR_NOMEM : result;
}

/* A task without an interface of its own has its instance's address and no other. */
static bool instances_needed(const struct ecs_round *r)
{
	for (size_t i = 0; i < r->known->tasks.n; i++) {
		const struct ecs_known_task *t = r->known->tasks.v[i];
		if (!t->t.has_eni && t->t.container_instance_arn.len > 0)
			return true;
	}
	return false;
}

bool ecs_round_denied(void *cls, const struct ecs_question *q, const struct err *why)
{
	struct ecs_round *r = cls;
	bool interfaces = q->action == ECS_EC2_INTERFACES;
	if (!interfaces && (q->action != ECS_EC2_INSTANCES || instances_needed(r)))
		return false;
	if (!r->in.told[q->action])
		log_warn(interfaces
				 ? "ecs_sd: targets have no public addresses: may not ask"
				 : "ecs_sd: targets have no labels of EC2 instances: may not ask",
			 "err", why->msg);
	r->in.told[q->action] = true;
	return true;
}
