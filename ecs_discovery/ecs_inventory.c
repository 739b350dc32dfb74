/* From round to round: what is kept, and how long one may take. */
#include "ecs_inventory.h"
#include "ecs_round.h"
#include "ecs_way.h"

enum { ROUND_MAX_MS = 5 * 60 * 1000, ROUND_MAX_INTERVALS = 20, DEFINITIONS_SPARE = 64 };

struct ecs_inventory {
	struct loop *loop;
	const struct ecs_sd_options *opt;
	struct ecs_way way;
	struct arena arena; /* of these */
	struct sv *clusters;
	struct ecs_known *known; /* of the last whole round; NULL before */
	/* Definitions that known refers to, and those that the next round adds to: the same ones,
	 * unless too many of them are of no use any more. NULL: nobody wants definitions. */
	struct ecs_known *definitions, *definitions_next;
	bool wants_definitions;
	bool told[ECS_ACTIONS_];

	uint64_t number;
	struct ecs_round *round;
	struct loop_timer begin, limit;
	void (*done)(void *cls, bool changed, const struct err *why);
	void *cls;
};

static void stop(struct ecs_inventory *inv)
{
	loop_timer_cancel(&inv->begin);
	loop_timer_cancel(&inv->limit);
	ecs_way_cancel(&inv->way);
	ecs_round_free(take_ptr(inv->round));
}

static void finish(struct ecs_inventory *inv, bool changed, const struct err *why)
{
	struct err copy = why ? *why : ERR_NULL;
	stop(inv);
	inv->done(inv->cls, changed, why ? &copy : NULL);
}

/* ---- definitions ---- */

static size_t used_definitions(const struct ecs_known *known)
{
	const struct ecs_api_definition *before = NULL;
	size_t n = 0;
	/* Tasks of one definition are no neighbours; this is an upper bound, which will do. */
	for (size_t i = 0; known && i < known->tasks.n; i++) {
		n += known->view[i]->definition != before;
		before = known->view[i]->definition;
	}
	return n;
}

static int copy_used(const struct ecs_known *known, struct ecs_known *to)
{
	for (size_t i = 0; known && i < known->tasks.n; i++) {
		const struct ecs_api_definition *d = known->view[i]->definition;
		if (d && !ecs_table_find(&to->definitions, d->arn))
			ecs_known_copy_definition(to, d);
	}
	return to->failed ? ERR_NOMEM : 0;
}

static void drop_next(struct ecs_inventory *inv)
{
	if (inv->definitions_next != inv->definitions)
		ecs_known_free(inv->definitions_next);
	inv->definitions_next = NULL;
}

/* Where this round's definitions go. */
static int choose_definitions(struct ecs_inventory *inv)
{
	if (!inv->wants_definitions)
		return 0;
	if (inv->definitions_next && inv->definitions_next->failed)
		drop_next(inv);
	struct ecs_known *have = inv->definitions;
	size_t used = used_definitions(inv->known);
	if (!inv->definitions_next && have && !have->failed &&
	    have->definitions.n <= 2 * used + DEFINITIONS_SPARE)
		inv->definitions_next = have;
	if (inv->definitions_next)
		return 0;
	inv->definitions_next = ecs_known_new(LIMIT_ECS_KNOWN_BYTES);
	if (inv->definitions_next && copy_used(inv->known, inv->definitions_next) == 0)
		return 0;
	drop_next(inv);
	return ERR_NOMEM;
}

/* ---- a round ---- */

static void on_round(void *cls, const struct err *why)
{
	struct ecs_inventory *inv = cls;
	if (why) {
		finish(inv, false, why);
		return;
	}
	struct ecs_known *fresh = ecs_round_take(inv->round);
	bool changed = !inv->known || inv->known->digest != fresh->digest ||
		       inv->known->tasks.n != fresh->tasks.n;
	ecs_known_free(inv->known);
	inv->known = fresh;
	if (inv->definitions != inv->definitions_next)
		ecs_known_free(inv->definitions);
	inv->definitions = take_ptr(inv->definitions_next);
	finish(inv, changed, NULL);
}

static void on_way(void *cls, const struct err *why)
{
	struct ecs_inventory *inv = cls;
	struct err err = ERR_NULL;
	if (why) {
		finish(inv, false, why);
		return;
	}
	const struct ecs_round_input in = {.peer = &inv->way.peer,
					   .clusters = inv->clusters,
					   .n_clusters = inv->opt->n_clusters,
					   .last = inv->known,
					   .definitions = inv->definitions_next,
					   .number = inv->number++,
					   .told = inv->told};
	if (ecs_round_new(&in, on_round, inv, &inv->round) == 0) {
		ecs_round_begin(inv->round);
		return;
	}
	err_set(&err, 1, "no memory");
	finish(inv, false, &err);
}

static void on_begin(void *cls)
{
	struct ecs_inventory *inv = cls;
	struct err err = ERR_NULL;
	if (choose_definitions(inv) == 0) {
		ecs_way_find(&inv->way, on_way, inv);
		return;
	}
	err_set(&err, 1, "no memory");
	finish(inv, false, &err);
}

static int64_t limit_ms(const struct ecs_inventory *inv)
{
	int64_t interval_ms = inv->opt->refresh_interval_ms;
	return interval_ms < ROUND_MAX_MS / ROUND_MAX_INTERVALS ? interval_ms * ROUND_MAX_INTERVALS
								: ROUND_MAX_MS;
}

static void on_limit(void *cls)
{
	struct ecs_inventory *inv = cls;
	struct err err = ERR_NULL;
	err_set(&err, 1, "given up after %g s, the answers come too slowly",
		(double)limit_ms(inv) / 1000);
	finish(inv, false, &err);
}

void ecs_inventory_round(struct ecs_inventory *inv,
			 void (*done)(void *cls, bool changed, const struct err *why), void *cls)
{
	inv->done = done;
	inv->cls = cls;
	loop_timer_in(inv->loop, &inv->begin, 0);
	loop_timer_in(inv->loop, &inv->limit, limit_ms(inv));
}

/* ---- the inventory ---- */

/* A round may outlive the options it began with. */
static int copy_clusters(struct ecs_inventory *inv)
{
	size_t n = inv->opt->n_clusters;
	inv->clusters = arena_calloc(&inv->arena, n + 1, sizeof *inv->clusters);
	for (size_t i = 0; inv->clusters && i < n; i++) {
		inv->clusters[i] = arena_dup(&inv->arena, inv->opt->clusters[i]);
		if (!inv->clusters[i].ptr)
			return ERR_NOMEM;
	}
	return inv->clusters ? 0 : ERR_NOMEM;
}

int ecs_inventory_new(struct aws_session *s, struct http_pool *pool,
		      const struct ecs_sd_options *opt, bool definitions,
		      struct ecs_inventory **out)
{
	struct ecs_inventory *inv = calloc(1, sizeof *inv);
	if (!inv)
		return ERR_NOMEM;
	inv->loop = aws_session_loop(s);
	inv->opt = opt;
	inv->wants_definitions = definitions;
	inv->begin = (struct loop_timer){.fire = on_begin, .cls = inv};
	inv->limit = (struct loop_timer){.fire = on_limit, .cls = inv};
	ecs_way_init(&inv->way, s, pool, opt);
	arena_init(&inv->arena, MiB(16));
	if (copy_clusters(inv) != 0) {
		ecs_inventory_free(inv);
		return ERR_NOMEM;
	}
	*out = inv;
	return 0;
}

void ecs_inventory_options(struct ecs_inventory *inv, const struct ecs_sd_options *opt)
{
	bool anew = loop_timer_armed(&inv->limit) && ecs_way_has_client(&inv->way);
	if (anew)
		stop(inv);
	inv->opt = opt;
	ecs_way_options(&inv->way, opt);
	if (anew)
		ecs_inventory_round(inv, inv->done, inv->cls);
}

void ecs_inventory_free(struct ecs_inventory *inv)
{
	if (!inv)
		return;
	stop(inv);
	drop_next(inv);
	ecs_known_free(inv->known);
	ecs_known_free(inv->definitions);
	ecs_way_deinit(&inv->way);
	arena_deinit(&inv->arena);
	free(inv);
}

struct ecs_view ecs_inventory_view(const struct ecs_inventory *inv)
{
	const struct ecs_known *k = inv->known;
	return (struct ecs_view){.region = inv->way.peer.region,
				 .tasks = k ? (const struct ecs_api_task *const *)k->view : NULL,
				 .n_tasks = k ? k->tasks.n : 0};
}
