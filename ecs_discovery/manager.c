/* The manager: a set of providers for each job, and one update of the job's complete list when any
 * of them has changed. */
#include "ecs_sd.h"
#include "ecs_task_sd.h"
#include "file.h"
#include "static.h"
#include <ampagent/discovery.h>

/* Providers that change together make one update. */
enum { COALESCE_MS = 100 };

enum source_kind { SOURCE_STATIC, SOURCE_FILE, SOURCE_ECS_TASK, SOURCE_ECS };

struct source {
	enum source_kind kind;
	struct provider *provider; /* NULL: a newer job has it now */
};

struct job {
	struct discovery *discovery;
	char *name;
	struct source *sources;
	size_t n_sources;
	struct loop_timer timer;
	size_t n_targets; /* of the last update */
};

struct discovery {
	struct discovery_env env;
	struct file_sd *file_sd;
	struct job **jobs;
	size_t n_jobs;
	uint64_t received, updates;
	int64_t last_update_ms;
	bool paused;
};

static void job_free(struct job *j)
{
	loop_timer_cancel(&j->timer);
	for (size_t i = 0; i < j->n_sources; i++)
		provider_free(j->sources[i].provider);
	free(j->sources);
	free(j->name);
	free(j);
}

DEFINE_CLEANUP_PTR(struct job, job_free)

static int job_deliver(struct job *j)
{
	struct discovery *d = j->discovery;
	size_t n = 0, at = 0;
	for (size_t i = 0; i < j->n_sources; i++)
		n += j->sources[i].provider->ops->count(j->sources[i].provider);
	_cleanup_(freep) struct target_group *groups = calloc(n + 1, sizeof *groups);
	if (!groups)
		return ERR_NOMEM;
	for (size_t i = 0; i < j->n_sources; i++) {
		const struct provider *p = j->sources[i].provider;
		p->ops->list(p, groups + at);
		at += p->ops->count(p);
	}
	j->n_targets = 0;
	for (size_t i = 0; i < n; i++)
		j->n_targets += groups[i].n_targets;
	d->updates++;
	d->last_update_ms = loop_wall_ms(d->env.loop);
	d->env.sink.update(d->env.sink.cls, sv_of(j->name), groups, n);
	return 0;
}

static void on_timer(void *cls)
{
	struct job *j = cls;
	/* Memory may be there the next time; the scrape side keeps the last list until then. */
	if (job_deliver(j) != 0)
		loop_timer_in(j->discovery->env.loop, &j->timer, COALESCE_MS);
}

static void on_change(void *cls)
{
	struct job *j = cls;
	j->discovery->received++;
	if (!j->discovery->paused && !loop_timer_armed(&j->timer))
		loop_timer_in(j->discovery->env.loop, &j->timer, COALESCE_MS);
}

static void add_provider(struct job *j, enum source_kind kind, struct provider *p)
{
	p->changed = on_change;
	p->cls = j;
	p->job = j->name;
	j->sources[j->n_sources++] = (struct source){kind, p};
	j->discovery->received++;
}

/* Options of a source of any kind. */
struct wanted {
	enum source_kind kind;
	union {
		const struct file_sd_options *file;
		const struct ecs_task_sd_options *ecs_task;
		const struct ecs_sd_options *ecs;
	};
};

static bool serves(struct provider *p, const struct wanted *w)
{
	switch (w->kind) {
	case SOURCE_FILE:
		return file_provider_is(p, w->file);
	case SOURCE_ECS_TASK:
		return ecs_task_provider_take(p, w->ecs_task);
	case SOURCE_ECS:
		return ecs_provider_take(p, w->ecs);
	case SOURCE_STATIC:
		break;
	}
	return false;
}

/* Takes over an old job's provider for equal options: what it found last lives on over a reload,
 * even if its source is out of order now. NULL when there is none. */
static struct provider *take_provider(struct job *old, const struct wanted *w)
{
	for (size_t i = 0; old && i < old->n_sources; i++) {
		struct source *s = &old->sources[i];
		if (s->provider && s->kind == w->kind && serves(s->provider, w))
			return take_ptr(s->provider);
	}
	return NULL;
}

static int make_provider(const struct discovery *d, const struct wanted *w, struct provider **out)
{
	switch (w->kind) {
	case SOURCE_FILE:
		return file_provider_new(d->file_sd, w->file, out);
	case SOURCE_ECS_TASK:
		return ecs_task_provider_new(&d->env, w->ecs_task, out);
	case SOURCE_ECS:
		return ecs_provider_new(d->env.aws, d->env.pool, w->ecs, out);
	case SOURCE_STATIC:
		break;
	}
	return ERR_NOMEM;
}

static int add_source(struct job *j, struct job *old, const struct wanted *w)
{
	struct provider *p = take_provider(old, w);
	int r = p ? 0 : make_provider(j->discovery, w, &p);
	if (r == 0)
		add_provider(j, w->kind, p);
	return r;
}

static int add_sources(struct job *j, struct job *old, const struct discovery_options *opt)
{
	struct wanted w = {.kind = SOURCE_FILE};
	int r = 0;
	for (size_t i = 0; r == 0 && i < opt->n_file_sds; i++) {
		w.file = &opt->file_sds[i];
		r = add_source(j, old, &w);
	}
	w.kind = SOURCE_ECS_TASK;
	for (size_t i = 0; r == 0 && i < opt->n_ecs_task_sds; i++) {
		w.ecs_task = &opt->ecs_task_sds[i];
		r = add_source(j, old, &w);
	}
	w.kind = SOURCE_ECS;
	for (size_t i = 0; r == 0 && i < opt->n_ecs_sds; i++) {
		w.ecs = &opt->ecs_sds[i];
		r = add_source(j, old, &w);
	}
	return r;
}

static int job_new(struct discovery *d, const struct discovery_options *opt, struct job *old,
		   struct job **out)
{
	_cleanup_(job_freep) struct job *j = calloc(1, sizeof *j);
	if (!j)
		return ERR_NOMEM;
	j->discovery = d;
	j->timer = (struct loop_timer){.fire = on_timer, .cls = j};
	j->name = sv_dup(opt->job_name);
	j->sources = calloc(1 + opt->n_file_sds + opt->n_ecs_task_sds + opt->n_ecs_sds,
			    sizeof(struct source));
	if (!j->name || !j->sources)
		return ERR_NOMEM;
	if (opt->n_statics > 0) {
		struct provider *p;
		int r = static_provider_new(opt->statics, opt->n_statics, &p);
		if (r != 0)
			return r;
		add_provider(j, SOURCE_STATIC, p);
	}
	int r = add_sources(j, old, opt);
	if (r == 0)
		*out = take_ptr(j);
	return r;
}

static void jobs_free(struct job **jobs, size_t n)
{
	for (size_t i = 0; jobs && i < n; i++)
		job_free(jobs[i]);
	free(jobs);
}

int discovery_new(const struct discovery_env *env, struct discovery **out, struct err *err)
{
	_cleanup_(discovery_freep) struct discovery *d = calloc(1, sizeof *d);
	if (!d)
		return ERR_NOMEM;
	d->env = *env;
	int r = file_sd_new(env->loop, &d->file_sd, err);
	if (r != 0)
		return r;
	*out = take_ptr(d);
	return 0;
}

void discovery_use_aws(struct discovery *d, struct http_pool *pool, struct aws_session *aws)
{
	d->env.pool = pool;
	d->env.aws = aws;
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	jobs_free(d->jobs, d->n_jobs);
	file_sd_free(d->file_sd);
	free(d);
}

static struct job *find_job(const struct discovery *d, struct sv name)
{
	for (size_t i = 0; i < d->n_jobs; i++)
		if (sv_eq(sv_of(d->jobs[i]->name), name))
			return d->jobs[i];
	return NULL;
}

/* All listen to one watch: the shortest interval counts; 0 = nobody has one. */
static int64_t watch_interval(const struct discovery_options *opts, size_t n)
{
	int64_t ms = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < opts[i].n_ecs_task_sds; k++)
			if (ms == 0 || opts[i].ecs_task_sds[k].refresh_interval_ms < ms)
				ms = opts[i].ecs_task_sds[k].refresh_interval_ms;
	return ms;
}

int discovery_apply(struct discovery *d, const struct discovery_options *opts, size_t n)
{
	struct job **jobs = calloc(n + 1, sizeof(struct job *));
	size_t made = 0;
	if (d->env.ecs)
		ecs_watch_set_interval(d->env.ecs, watch_interval(opts, n));
	int r = jobs ? 0 : ERR_NOMEM;
	for (; r == 0 && made < n; made += r == 0)
		r = job_new(d, &opts[made], find_job(d, opts[made].job_name), &jobs[made]);
	if (r != 0) {
		jobs_free(jobs, made);
		jobs = NULL;
		n = 0;
	}
	/* After a failure the old jobs go as well: the new ones may have taken their providers. */
	jobs_free(d->jobs, d->n_jobs);
	d->jobs = jobs;
	d->n_jobs = n;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = job_deliver(jobs[i]);
	return r;
}

bool discovery_complete(const struct discovery *d)
{
	for (size_t i = 0; i < d->n_jobs; i++) {
		const struct job *j = d->jobs[i];
		/* What has changed is told in a moment. */
		bool complete = !loop_timer_armed(&j->timer);
		for (size_t k = 0; complete && k < j->n_sources; k++)
			complete = j->sources[k].provider->ops->complete(j->sources[k].provider);
		if (!complete)
			return false;
	}
	return true;
}

void discovery_tell_again(struct discovery *d)
{
	for (size_t i = 0; i < d->n_jobs; i++)
		if (!d->paused && !loop_timer_armed(&d->jobs[i]->timer))
			loop_timer_in(d->env.loop, &d->jobs[i]->timer, 0);
}

void discovery_pause(struct discovery *d)
{
	d->paused = true;
	for (size_t i = 0; i < d->n_jobs; i++)
		loop_timer_cancel(&d->jobs[i]->timer);
}

static void collect_ecs(const struct discovery *d, struct metrics_writer *w)
{
	size_t n = 0, at = 0;
	for (size_t i = 0; i < d->n_jobs; i++)
		n += d->jobs[i]->n_sources;
	_cleanup_(freep) struct ecs_provider_of *v = calloc(n + 1, sizeof *v);
	for (size_t i = 0; v && i < d->n_jobs; i++)
		for (size_t k = 0; k < d->jobs[i]->n_sources; k++)
			if (d->jobs[i]->sources[k].kind == SOURCE_ECS)
				v[at++] = (struct ecs_provider_of){d->jobs[i]->sources[k].provider,
								   sv_of(d->jobs[i]->name)};
	ecs_providers_collect(v, at, w);
}

void discovery_collect(struct discovery *d, struct metrics_writer *w)
{
	struct metric_label labels[] = {{"name", SV("scrape")}, {"config", SV_NULL}};
	for (size_t i = 0; i < d->n_jobs; i++) {
		labels[1].value = sv_of(d->jobs[i]->name);
		metrics_emit(w, M_SD_DISCOVERED_TARGETS, labels, 2, (double)d->jobs[i]->n_targets);
	}
	metrics_emit(w, M_SD_FAILED_CONFIGS, labels, 1, 0);
	metrics_emit(w, M_SD_RECEIVED_UPDATES, labels, 1, (double)d->received);
	metrics_emit(w, M_SD_UPDATES, labels, 1, (double)d->updates);
	metrics_emit(w, M_SD_UPDATES_DELAYED, labels, 1, 0);
	metrics_emit(w, M_SD_LAST_UPDATE_TS, labels, 1, (double)d->last_update_ms / 1000);
	file_sd_collect(d->file_sd, w);
	collect_ecs(d, w);
}
