/* ecs_sd_configs: rounds of an inventory, and the list of the last whole one. */
#include "ecs_sd.h"
#include "ecs_api.h"
#include "ecs_inventory.h"
#include "ecs_targets.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/log.h>

static const double buckets_s[] = {0.01, 0.1, 1, 10};
enum { BUCKETS = sizeof buckets_s / sizeof buckets_s[0] };

struct refreshes {
	uint64_t n, failures;
	double seconds;
	uint64_t buckets[BUCKETS]; /* cumulative */
};

struct ecs_provider {
	struct provider base;
	struct loop *loop;
	const struct ecs_sd_options *opt;
	struct ecs_selection *selection;
	struct ecs_inventory *inventory;
	struct loop_timer timer;
	struct group_list groups;
	bool whole; /* groups are those of a whole round */
	bool stale; /* the view has changed since they were made */
	int64_t began_ms;
	char *fault;                 /* told of last; NULL when the last round was whole */
	size_t left[ECS_LEFT_COUNT]; /* told of last */
	struct refreshes refreshes;
};

/* ---- faults ---- */

/* What an error says without what differs each time: the request's id. */
static struct sv fault_core(struct sv text)
{
	return sv_make(text.ptr, sv_find_sv(text, SV(", request ")));
}

static const char *job_of(const struct ecs_provider *p)
{
	return p->base.job ? p->base.job : "";
}

static void tell_fault(struct ecs_provider *p, const struct err *why)
{
	if (p->fault && sv_eq(fault_core(sv_of(p->fault)), fault_core(sv_of(why->msg))))
		return;
	free(p->fault);
	p->fault = strdup(why->msg);
	log_warn(p->whole ? "ecs_sd: refresh failed, the last targets stay"
			  : "ecs_sd: refresh failed, there are no targets yet",
		 "job", job_of(p), "err", why->msg);
}

static void clear_fault(struct ecs_provider *p)
{
	if (p->fault)
		log_info("ecs_sd: refreshed again", "job", job_of(p));
	free(take_ptr(p->fault));
}

/* ---- rounds ---- */

static void count(struct refreshes *r, double seconds, bool failed)
{
	r->n++;
	r->failures += failed;
	r->seconds += seconds;
	for (int i = 0; i < BUCKETS; i++)
		r->buckets[i] += seconds <= buckets_s[i];
}

/* An interval after the begin of the last round, ten percent more or less: agents that were started
 * together do not go on asking together. */
static void arm(struct ecs_provider *p)
{
	uint64_t random;
	crypto_random(&random, sizeof random);
	int64_t interval_ms = p->opt->refresh_interval_ms, spread = interval_ms / 10;
	int64_t shift = (int64_t)(random % (uint64_t)(2 * spread + 1)) - spread;
	loop_timer_at(p->loop, &p->timer, p->began_ms + interval_ms + shift);
}

/* What stays out for a while only, because it is not up yet, is not worth a line. */
static void tell_left(struct ecs_provider *p, const size_t left[ECS_LEFT_COUNT])
{
	size_t n = 0;
	bool other = false;
	for (int i = ECS_LEFT_NO_ADDRESS + 1; i < ECS_LEFT_COUNT; i++) {
		n += left[i];
		other = other || left[i] != p->left[i];
	}
	memcpy(p->left, left, sizeof p->left);
	if (n > 0 && other)
		log_warn("ecs_sd: some are no targets", "job", job_of(p), "no_port",
			 FMT("%zu", left[ECS_LEFT_NO_PORT]), "no_definition",
			 FMT("%zu", left[ECS_LEFT_NO_DEFINITION]), "too_large",
			 FMT("%zu", left[ECS_LEFT_TOO_LARGE]));
}

/* 0, or 1 with the reason: then the list is the last one. */
static int make_groups(struct ecs_provider *p, struct err *err)
{
	struct ecs_view view = ecs_inventory_view(p->inventory);
	struct group_list list = GROUP_LIST_NULL;
	size_t left[ECS_LEFT_COUNT] = {0};
	int r = ecs_targets(p->selection, &view, &list, left, err);
	if (r != 0) {
		group_list_deinit(&list);
		return r < 0 ? err_set(err, 1, "no memory for the targets") : r;
	}
	group_list_deinit(&p->groups);
	p->groups = list;
	p->stale = false;
	tell_left(p, left);
	return 0;
}

static void on_round(void *cls, bool changed, const struct err *why)
{
	struct ecs_provider *p = cls;
	struct err err = why ? *why : ERR_NULL;
	p->stale = p->stale || changed;
	bool another = !why && p->stale;
	bool failed = why || (another && make_groups(p, &err) != 0);
	count(&p->refreshes, (double)(loop_now_ms(p->loop) - p->began_ms) / 1000, failed);
	arm(p);
	if (failed) {
		tell_fault(p, &err);
		return;
	}
	p->whole = true;
	clear_fault(p);
	if (another && p->base.changed)
		p->base.changed(p->base.cls);
}

static void on_timer(void *cls)
{
	struct ecs_provider *p = cls;
	p->began_ms = loop_now_ms(p->loop);
	ecs_inventory_round(p->inventory, on_round, p);
}

/* ---- the provider ---- */

static size_t count_groups(const struct provider *p)
{
	return ((const struct ecs_provider *)p)->groups.n;
}

static void list_groups(const struct provider *p, struct target_group *out)
{
	const struct group_list *groups = &((const struct ecs_provider *)p)->groups;
	for (size_t i = 0; i < groups->n; i++)
		out[i] = groups->v[i];
}

static bool complete(const struct provider *p)
{
	return ((const struct ecs_provider *)p)->whole;
}

static void free_self(struct provider *base)
{
	struct ecs_provider *p = (struct ecs_provider *)base;
	loop_timer_cancel(&p->timer);
	ecs_inventory_free(p->inventory);
	ecs_selection_free(p->selection);
	group_list_deinit(&p->groups);
	free(p->fault);
	free(p);
}

static const struct provider_ops ops = {
	.count = count_groups, .list = list_groups, .complete = complete, .free = free_self};

int ecs_provider_new(struct aws_session *s, struct http_pool *pool,
		     const struct ecs_sd_options *opt, struct provider **out)
{
	struct ecs_provider *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->base.ops = &ops;
	p->loop = aws_session_loop(s);
	p->opt = opt;
	p->groups = GROUP_LIST_NULL;
	p->timer = (struct loop_timer){.fire = on_timer, .cls = p};
	int r = ecs_selection_new(opt, &p->selection);
	if (r == 0)
		r = ecs_inventory_new(s, pool, opt, ecs_selection_needs_definitions(p->selection),
				      &p->inventory);
	if (r != 0) {
		free_self(&p->base);
		return r;
	}
	loop_timer_in(p->loop, &p->timer, 0);
	*out = &p->base;
	return 0;
}

bool ecs_provider_take(struct provider *base, const struct ecs_sd_options *opt)
{
	struct ecs_provider *p = (struct ecs_provider *)base;
	_cleanup_(ecs_selection_freep) struct ecs_selection *selection = NULL;
	struct err err = ERR_NULL;
	if (base->ops != &ops || p->opt->asked_digest != opt->asked_digest ||
	    ecs_selection_new(opt, &selection) != 0)
		return false;
	/* What is known has definitions, or has none. */
	if (ecs_selection_needs_definitions(selection) !=
	    ecs_selection_needs_definitions(p->selection))
		return false;
	p->stale = p->stale || p->opt->digest != opt->digest;
	ecs_selection_free(p->selection);
	p->selection = take_ptr(selection);
	p->opt = opt;
	ecs_inventory_options(p->inventory, opt);
	/* If memory is short, the next round makes them. */
	if (p->whole && p->stale)
		make_groups(p, &err);
	if (loop_timer_armed(&p->timer) && p->refreshes.n > 0)
		arm(p);
	return true;
}

/* ---- metrics ---- */

static const struct refreshes *refreshes_of(const struct ecs_provider_of *v)
{
	return &((const struct ecs_provider *)v->provider)->refreshes;
}

static bool first_of_job(const struct ecs_provider_of *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (sv_eq(v[k].job, v[i].job))
			return false;
	return true;
}

/* Of all providers, or of one job's. */
static struct refreshes sum(const struct ecs_provider_of *v, size_t n, const struct sv *job)
{
	struct refreshes all = {.n = 0};
	for (size_t i = 0; i < n; i++) {
		const struct refreshes *r = refreshes_of(&v[i]);
		if (job && !sv_eq(v[i].job, *job))
			continue;
		all.n += r->n;
		all.failures += r->failures;
		all.seconds += r->seconds;
		for (int b = 0; b < BUCKETS; b++)
			all.buckets[b] += r->buckets[b];
	}
	return all;
}

static void emit_histogram(const struct refreshes *r, struct metrics_writer *w)
{
	static const char *const bounds[] = {"0.01", "0.1", "1", "10"};
	struct metric_label labels[] = {{"mechanism", SV("ecs")}, {"le", SV("+Inf")}};
	enum metric_id id = M_SD_REFRESH_DURATION_HISTOGRAM;
	for (int i = 0; i < BUCKETS; i++) {
		labels[1].value = sv_of(bounds[i]);
		metrics_emit_suffix(w, id, "_bucket", labels, 2, (double)r->buckets[i]);
	}
	labels[1].value = SV("+Inf");
	metrics_emit_suffix(w, id, "_bucket", labels, 2, (double)r->n);
	metrics_emit_suffix(w, id, "_sum", labels, 1, r->seconds);
	metrics_emit_suffix(w, id, "_count", labels, 1, (double)r->n);
}

static void emit_left(const struct ecs_provider_of *v, size_t n, struct sv job,
		      struct metrics_writer *w)
{
	static const char *const reasons[ECS_LEFT_COUNT] = {
		[ECS_LEFT_NO_ADDRESS] = "no_address",
		[ECS_LEFT_NO_PORT] = "no_port",
		[ECS_LEFT_NO_DEFINITION] = "no_definition",
		[ECS_LEFT_TOO_LARGE] = "too_large",
	};
	struct metric_label labels[] = {{"config", job}, {"reason", SV_NULL}};
	for (int reason = 0; reason < ECS_LEFT_COUNT; reason++) {
		size_t left = 0;
		for (size_t i = 0; i < n; i++)
			if (sv_eq(v[i].job, job))
				left += ((const struct ecs_provider *)v[i].provider)->left[reason];
		labels[1].value = sv_of(reasons[reason]);
		metrics_emit(w, M_ECS_SD_LEFT_OUT, labels, 2, (double)left);
	}
}

void ecs_providers_collect(const struct ecs_provider_of *v, size_t n, struct metrics_writer *w)
{
	struct metric_label labels[] = {{"mechanism", SV("ecs")}, {"config", SV_NULL}};
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		labels[1].value = v[i].job;
		if (first_of_job(v, i))
			metrics_emit(w, M_SD_REFRESH_FAILURES, labels, 2,
				     (double)sum(v, n, &v[i].job).failures);
	}
	for (size_t i = 0; i < n; i++) {
		struct refreshes of_job = sum(v, n, &v[i].job);
		labels[1].value = v[i].job;
		if (!first_of_job(v, i))
			continue;
		metrics_emit_suffix(w, M_SD_REFRESH_DURATION, "_sum", labels, 2, of_job.seconds);
		metrics_emit_suffix(w, M_SD_REFRESH_DURATION, "_count", labels, 2,
				    (double)of_job.n);
	}
	for (size_t i = 0; i < n; i++)
		if (first_of_job(v, i))
			emit_left(v, n, v[i].job, w);
	struct refreshes all = sum(v, n, NULL);
	emit_histogram(&all, w);
	ecs_api_collect(w);
}
