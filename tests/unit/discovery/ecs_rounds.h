/* An inventory of a made-up region and the ends of its rounds. */
#pragma once

#include "../../../ecs_discovery/ecs_api.h"
#include "../../../ecs_discovery/ecs_inventory.h"
#include "ecs_world.h"

struct rounds {
	struct world *w;
	struct ecs_inventory *inv;
	unsigned n, failed;
	bool changed;
	char why[ERR_MSG_MAX]; /* of the last one; "" when it was whole */
};

static inline void on_round(void *cls, bool changed, const struct err *why)
{
	struct rounds *r = cls;
	r->n++;
	r->failed += why != NULL;
	r->changed = changed;
	snprintf(r->why, sizeof r->why, "%s", why ? why->msg : "");
}

static inline void rounds_begin(struct rounds *r, struct world *w, bool definitions)
{
	*r = (struct rounds){.w = w};
	assert_int_equal(ecs_inventory_new(w->session, w->pool, &w->opt, definitions, &r->inv), 0);
}

static inline void rounds_end(struct rounds *r)
{
	ecs_inventory_free(r->inv);
}

/* One round, with the counts of its calls. */
static inline void run_round(struct rounds *r)
{
	unsigned n = r->n;
	world_forget_counts(r->w);
	ecs_inventory_round(r->inv, on_round, r);
	assert_int_equal(r->n, n);
	world_until(r->w, &r->n, n + 1);
}

static inline void run_whole(struct rounds *r)
{
	run_round(r);
	assert_string_equal(r->why, "");
}

/* A round that fails for that reason and leaves the view as it was. */
static inline void run_failing(struct rounds *r, const char *why)
{
	struct ecs_view before = ecs_inventory_view(r->inv);
	run_round(r);
	if (!strstr(r->why, why))
		fail_msg("\"%s\" does not say \"%s\"", r->why, why);
	assert_false(r->changed);
	struct ecs_view after = ecs_inventory_view(r->inv);
	assert_true(before.tasks == after.tasks && before.n_tasks == after.n_tasks);
}

static inline const struct ecs_api_task *task_in_view(const struct rounds *r, unsigned id)
{
	struct ecs_view v = ecs_inventory_view(r->inv);
	char arn[96];
	snprintf(arn, sizeof arn, WORLD_ARN "task/c1/%u", id);
	for (size_t i = 0; i < v.n_tasks; i++)
		if (sv_eq(v.tasks[i]->arn, sv_of(arn)))
			return v.tasks[i];
	return NULL;
}

#define assert_text(v, text) assert_true(sv_eq(v, sv_of(text)))
