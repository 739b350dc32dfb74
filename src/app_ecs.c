/* The agent as a part of an ECS task: what all who ask AWS on the main loop share, the watch on the
 * task's metadata, which task this is, and the page with the task's own metrics. Elsewhere there is
 * no watch, and nothing here ever runs.
 */
#include "app_parts.h"
#include "environment.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <ampagent/ecs/identity.h>
#include <ampagent/ecs/metrics.h>
#include <ampagent/net/http_client.h>

enum {
	/* Connections are kept over some rounds of the watch. */
	IDLE_MS = 60000,
	IDLE_MAX = 16,
	SAY_FIRST_MS = 5000,
	SAY_MS = 30000,
	NAME_SHOWN = 300, /* ECS allows 255 */
};

#define IDENTITY_BYTES MiB(1)
#define ENTRY_BYTES (4 * LIMIT_LABELS_BYTES)

/* Somebody who waits for the page of the task's metrics. */
struct page_asker {
	struct ecs_stats_asker stats;
	struct app *app;
	struct http_exchange *asked;
	bool adot_names;
	struct page_asker *next, **prev;
};

static void page_free(struct page_asker *p)
{
	ecs_stats_cancel(&p->stats);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	free(p);
}
DEFINE_CLEANUP_PTR(struct page_asker, page_free)

/* ---- what is shared ---- */

static bool asks_api(const struct config *c)
{
	for (size_t i = 0; i < c->n_scrapes; i++)
		if (c->discoveries[i].n_ecs_sds > 0)
			return true;
	return false;
}

static void told(void *cls, const struct ecs_task *task, bool changed);
static void say_due(void *cls);

/* Not before it is needed: an agent that asks nobody has none. */
static int need_session(struct app *a, struct err *err)
{
	struct app_ecs *e = &a->ecs;
	struct aws_session_options opt = {
		.loop = a->opt.loop,
		.user_agent = APP_USER_AGENT,
	};
	if (e->session)
		return 0;
	int r = 0;
	if (!e->pool)
		r = http_pool_new(a->opt.loop, IDLE_MAX, IDLE_MS, &e->pool);
	if (r != 0)
		return err_set(err, r, "out of memory");
	http_pool_use(e->pool, FD_WEB);
	opt.pool = e->pool;
	return aws_session_new(&opt, &e->session, err);
}

static int begin_watch(struct app *a, struct err *err)
{
	struct app_ecs *e = &a->ecs;
	int r = ecs_watch_new(e->session, 0, &e->watch, err);
	if (r != 0)
		return r;
	e->begin_ms = loop_now_ms(a->opt.loop);
	e->listener = (struct ecs_listener){.told = told, .cls = a};
	ecs_watch_listen(e->watch, &e->listener);
	e->say_timer = (struct loop_timer){.fire = say_due, .cls = a};
	loop_timer_in(a->opt.loop, &e->say_timer, SAY_FIRST_MS);
	return 0;
}

int app_ecs_begin(struct app *a, struct err *err)
{
	bool in_task = environment_place(environment_process) == PLACE_ECS;
	int r = 0;
	if (in_task || asks_api(a->config))
		r = need_session(a, err);
	if (r == 0 && in_task)
		r = begin_watch(a, err);
	if (r == 0 && app_ecs_identify(a, a->config) < 0)
		r = err_set(err, ERR_NOMEM, "out of memory");
	return r;
}

void app_ecs_set_address(struct app *a)
{
	struct sv host = a->opt.listen;
	const char *colon = memrchr(host.ptr, ':', host.len);
	host.len = colon ? (size_t)(colon - host.ptr) : 0;
	if (host.len == 0 || sv_eq(host, SV("0.0.0.0")) || sv_eq(host, SV("[::]")))
		host = SV("127.0.0.1");
	snprintf(a->ecs.own_address, sizeof a->ecs.own_address, "%.*s:%d", SV_ARG(host),
		 web_port(a->web));
}

void app_ecs_end(struct app *a)
{
	struct app_ecs *e = &a->ecs;
	loop_timer_cancel(&e->say_timer);
	ecs_listener_leave(&e->listener);
	while (e->pages)
		page_free(e->pages);
	ecs_watch_free(take_ptr(e->watch));
	aws_session_free(take_ptr(e->session));
	if (e->pool)
		http_pool_free(take_ptr(e->pool));
}

/* ---- which task this is ---- */

/* What local targets get by this configuration, as far as it is known now. */
static int make_identity(struct app *a, const struct config *c, struct arena *arena,
			 struct identity *out)
{
	const struct ecs_task *task = a->ecs.watch ? ecs_watch_task(a->ecs.watch) : NULL;
	enum identity_mode mode = (enum identity_mode)c->agent.identity;
	*out = (struct identity){.mode = a->ecs.watch ? mode : IDENTITY_OFF};
	if (task && ecs_identity(arena, task, mode, c->agent.identity_labels,
				 c->agent.n_identity_labels, out) != 0)
		return ERR_NOMEM;
	out->external = c->external_labels;
	return 0;
}

int app_ecs_identify(struct app *a, const struct config *c)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity identity;
	arena_init(&arena, IDENTITY_BYTES);
	if (make_identity(a, c, &arena, &identity) != 0)
		return ERR_NOMEM;
	return scrape_set_identity(a->scrape, &identity);
}

bool app_ecs_is_known(const struct app *a)
{
	return !a->ecs.watch || a->config->agent.identity == IDENTITY_OFF ||
	       ecs_watch_task(a->ecs.watch);
}

static int check_static(const struct scrape_options *opt, const struct identity *identity,
			const struct static_group_options *g, struct sv address, struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct label_builder b;
	struct labels entry;
	arena_init(&arena, ENTRY_BYTES);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("__address__"), address);
	/* What cannot be scraped for other reasons is told when it is to be. */
	if (label_builder_finish(&b, &arena, &entry) != 0 ||
	    scrape_check_target(opt, NULL, g->labels, entry, NULL) != 0)
		return 0;
	return scrape_check_target(opt, identity, g->labels, entry, err);
}

static int check_statics(const struct config *c, const struct identity *identity, struct err *err)
{
	for (size_t i = 0; i < c->n_scrapes; i++) {
		const struct discovery_options *d = &c->discoveries[i];
		for (size_t k = 0; k < d->n_statics; k++) {
			const struct static_group_options *g = &d->statics[k];
			for (size_t t = 0; t < g->n_targets; t++) {
				if (check_static(&c->scrapes[i], identity, g, g->targets[t], err) ==
				    0)
					continue;
				err_prefix(err, "job \"%.*s\", static_configs",
					   SV_ARG(d->job_name));
				return 1;
			}
		}
	}
	return 0;
}

int app_ecs_check(struct app *a, const struct config *c, struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	struct identity identity;
	if (asks_api(c)) {
		int r = need_session(a, err);
		if (r != 0)
			return r;
		discovery_use_aws(a->discovery, a->ecs.pool, a->ecs.session);
	}
	arena_init(&arena, IDENTITY_BYTES);
	if (make_identity(a, c, &arena, &identity) != 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (identity.mode != IDENTITY_STRICT || !identity.known)
		return 0;
	return check_statics(c, &identity, err);
}

/* The metadata answered for the first time. False: the configuration cannot be used here. */
static bool learn_task(struct app *a, const struct ecs_task *task)
{
	struct app_ecs *e = &a->ecs;
	char id[NAME_SHOWN], family[NAME_SHOWN], cluster[NAME_SHOWN];
	e->learnt = true;
	loop_timer_cancel(&e->say_timer);
	snprintf(id, sizeof id, "%.*s", SV_ARG(task->id));
	snprintf(family, sizeof family, "%.*s:%.*s", SV_ARG(task->family), SV_ARG(task->revision));
	snprintf(cluster, sizeof cluster, "%.*s", SV_ARG(task->cluster_name));
	log_info("this is the agent of an ECS task", "task", id, "family", family, "cluster",
		 cluster);
	app_found_again(a);
	if (app_ecs_check(a, a->config, &e->refused) != 1)
		return true;
	loop_stop(a->opt.loop);
	return false;
}

/* Container ids and addresses come and go with restarts, so it is looked at in each round. */
static void told(void *cls, const struct ecs_task *task, bool changed)
{
	struct app *a = cls;
	if (a->draining || a->ecs.refused.msg[0] || (!a->ecs.learnt && !learn_task(a, task)))
		return;
	int r = app_ecs_identify(a, a->config);
	if (r == 0)
		discovery_tell_again(a->discovery);
	else if (r < 0)
		log_error("no memory for the task's identity");
}

static void say_due(void *cls)
{
	struct app *a = cls;
	const struct app_ecs *e = &a->ecs;
	char since[DURATION_MAX];
	loop_timer_in(a->opt.loop, &a->ecs.say_timer, SAY_MS);
	if (a->draining || a->config->agent.identity == IDENTITY_OFF)
		return;
	const char *why = ecs_watch_error(e->watch);
	duration_format(since, (loop_now_ms(a->opt.loop) - e->begin_ms) / 1000 * 1000);
	log_warn("targets of this task wait: the metadata has not yet said which task this is",
		 "waiting", FMT("%zu", scrape_summary(a->scrape).targets_waiting), "since", since,
		 "err", why[0] ? why : "no answer");
}

int app_result(const struct app *a, struct err *err)
{
	if (!a->ecs.refused.msg[0])
		return 0;
	*err = a->ecs.refused;
	return APP_E_REFUSED;
}

/* ---- the page of its metrics ---- */

static int write_page(const struct page_asker *p, struct sv stats, struct buf *page,
		      struct err *err)
{
	const struct ecs_task *task = ecs_watch_task(p->app->ecs.watch);
	if (!task)
		return err_set(err, 1, "the task's metadata has not answered yet");
	int r = ecs_metrics_page(task, stats, p->adot_names ? ECS_NAMES_ADOT : ECS_NAMES_PROMETHEUS,
				 page, err);
	return r == 0 && buf_failed(page) ? ERR_NOMEM : r;
}

static void stats_done(void *cls, struct sv stats, const struct err *why)
{
	_cleanup_(page_freep) struct page_asker *p = cls;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	struct err err = ERR_NULL;
	int r = 1;
	buf_init(&page, LIMIT_ECS_TASK_BYTES);
	if (why)
		err = *why;
	else
		r = write_page(p, stats, &page, &err);
	if (r < 0)
		err_set(&err, r, "out of memory");
	web_page_answer(p->app->web, p->asked, buf_view(&page), r == 0 ? NULL : err.msg);
}

void app_ecs_task_metrics(void *cls, bool adot_names, struct http_exchange *asked)
{
	struct app *a = cls;
	struct page_asker *p = calloc(1, sizeof *p);
	if (!p) {
		web_page_answer(a->web, asked, SV_NULL, "out of memory");
		return;
	}
	*p = (struct page_asker){
		.stats = {.done = stats_done, .cls = p},
		.app = a,
		.asked = asked,
		.adot_names = adot_names,
		.next = a->ecs.pages,
		.prev = &a->ecs.pages,
	};
	if (p->next)
		p->next->prev = &p->next;
	a->ecs.pages = p;
	ecs_watch_stats(a->ecs.watch, &p->stats);
}
