/* Start order: log, delivery, scraping, web, discovery. */
#include "app_parts.h"

#include "cors.h"
#include "status_api.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>

enum {
	FOUND_POLL_MS = 500,
	/* A source that cannot be read holds up the end of series no longer. */
	FOUND_WAIT_MS = 60000,
};

/* ---- what the web pages show ---- */

static void emit_memory(struct metrics_writer *w)
{
	metric_set(M_MEMORY_LIMIT, (double)budget_limit());
	metric_set(M_MEMORY_BUDGET, (double)budget_total());
	for (enum budget_part p = BUDGET_NONE + 1; p < BUDGET_PARTS; p++) {
		const struct metric_label part = {"part", sv_of(budget_part_name(p))};
		metrics_emit(w, M_MEMORY_USED, &part, 1, (double)budget_used(p));
	}
}

static void collect(void *cls, struct metrics_writer *w)
{
	struct app *a = cls;
	const struct metric_label version = {"version", SV(AMPAGENT_VERSION)};
	metrics_emit(w, M_BUILD_INFO, &version, 1, 1);
	metrics_emit(w, M_PROMETHEUS_BUILD_INFO, &version, 1, 1);
	metrics_emit_process(w);
	emit_memory(w);
	scrape_collect(a->scrape, w);
	discovery_collect(a->discovery, w);
	wal_collect(a->wal, w);
	remotewrite_collect(a->remotewrite, w);
	if (a->ecs.watch)
		ecs_watch_collect(a->ecs.watch, w);
}

static int api_data(void *cls, enum web_data what, const struct web_query *q, struct json_writer *w,
		    struct err *err)
{
	struct app *a = cls;
	const struct status_api status = {
		.scrape = a->scrape,
		.wal = a->wal,
		.config = a->config,
		.flags_shown = a->opt.flags_shown,
		.start_ms = a->start_ms,
		.reload_failed_ms = a->reload_failed_ms,
	};
	if (what != WEB_LEDGER)
		return status_api_data(&status, what, q, w, err);
	app_ledger_json(a, w);
	return 0;
}

static bool origin_allowed(void *cls, struct sv origin)
{
	const struct app *a = cls;
	return cors_allows(a->opt.cors, origin);
}

/* ---- start ---- */

static int open_log(struct app *a, struct err *err)
{
	const struct agent_options *agent = &a->config->agent;
	struct wal_options opt = {
		.dir = a->opt.storage_path,
		.max_bytes = agent->wal_max_bytes,
		.max_age_ms = agent->wal_max_age_ms,
		.durability = (enum wal_durability)agent->wal_durability,
		.sync_interval_ms = agent->wal_sync_interval_ms,
	};
	int r = wal_open(&opt, &a->wal, err);
	if (r != WAL_E_UNWRITABLE)
		return r;
	log_error("the log cannot be written to disk: samples are kept in memory only and are lost "
		  "when the agent stops",
		  "path", FMT("%.*s", SV_ARG(a->opt.storage_path)), "err", err->msg);
	opt.memory = true;
	opt.max_bytes = agent->wal_memory_bytes;
	return wal_open(&opt, &a->wal, err);
}

static void retire_frame(void *cls, uint32_t frame)
{
	wal_frame_retire(cls, frame);
}

int app_apply_delivery(struct app *a, const struct config *c, struct err *err)
{
	return remotewrite_apply(a->remotewrite, c->writes, c->n_writes, c->external_labels, err);
}

int app_apply_scraping(struct app *a, const struct config *c)
{
	struct scrape_features features = {
		.start_times = a->opt.features.start_times,
		.start_zero = a->opt.features.start_zero,
	};
	for (size_t i = 0; i < c->n_writes; i++)
		features.exemplars = features.exemplars || c->writes[i].send_exemplars;
	return scrape_apply(a->scrape, c->scrapes, c->n_scrapes, c->external_labels, &features);
}

static int start_delivery(struct app *a, struct err *err)
{
	const struct remotewrite_env env = {.wal = a->wal, .user_agent = APP_USER_AGENT};
	int r = remotewrite_new(&env, &a->remotewrite, err);
	return r != 0 ? r : app_apply_delivery(a, a->config, err);
}

/* The address that others reach the agent by: of the flag, else the host's name and the port. */
static void set_public(struct app *a, struct scrape_env *env)
{
	struct url_parts url;
	struct sv listen = a->opt.listen;
	const char *colon = memrchr(listen.ptr, ':', listen.len);
	if (colon)
		env->own_port = sv_from(listen, (size_t)(colon + 1 - listen.ptr));
	if (url_split(a->opt.external_url, &url) == 0) {
		const char *host = url.userinfo.ptr ? url.userinfo.ptr + url.userinfo.len + 1
						    : url.scheme.ptr + url.scheme.len + 3;
		env->public_scheme = url.scheme;
		env->public_host = sv_make(host, (size_t)(url.path.ptr - host));
		return;
	}
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	snprintf(a->public_host, sizeof a->public_host, "%s:%.*s", host, SV_ARG(env->own_port));
	env->public_scheme = SV("http");
	env->public_host = sv_of(a->public_host);
}

static int start_scraping(struct app *a, struct err *err)
{
	struct scrape_env env = {
		.loop = a->opt.loop,
		.sink = wal_sink(a->wal),
		.refused = wal_refused_sink(a->wal),
		.owners = {wal_owner_find, a->wal, wal_owner_left},
		.next_frame = wal_next_frame(a->wal),
		.next_owner = wal_next_owner(a->wal),
		.user_agent = APP_USER_AGENT,
		.timestamp_tolerance_ms = a->opt.timestamp_tolerance_ms,
		.frame_retire = retire_frame,
		.frame_retire_cls = a->wal,
	};
	set_public(a, &env);
	int r = scrape_check(a->config->scrapes, a->config->n_scrapes, err);
	if (r == 0)
		r = scrape_new(&env, &a->scrape, err);
	if (r == 0)
		r = app_apply_scraping(a, a->config);
	return r;
}

static int start_discovery(struct app *a, struct err *err)
{
	const struct discovery_env env = {
		.loop = a->opt.loop,
		.sink = scrape_target_sink(a->scrape),
		.pool = a->ecs.pool,
		.aws = a->ecs.session,
		.ecs = a->ecs.watch,
		.own_address = a->ecs.own_address,
	};
	app_ecs_set_address(a);
	return discovery_new(&env, &a->discovery, err);
}

static void quit_asked(void *cls)
{
	struct app *a = cls;
	log_info("stopping, asked by HTTP");
	if (!a->draining)
		app_stop(a);
}

static int start_web(struct app *a, struct err *err)
{
	const struct web_env env = {
		.loop = a->opt.loop,
		.listen = a->opt.listen,
		.collect = collect,
		.data = api_data,
		.origin_allowed = origin_allowed,
		.enable_lifecycle = a->opt.enable_lifecycle,
		.reload = app_reload_asked,
		.task_metrics = a->ecs.watch ? app_ecs_task_metrics : NULL,
		.quit = quit_asked,
		.cls = a,
	};
	int r = web_new(&env, &a->web, err);
	if (r != 0)
		err_prefix(err,
			   "web server on %.*s (--web.listen-address or "
			   "AMPAGENT_WEB_LISTEN_ADDRESS names another)",
			   SV_ARG(a->opt.listen));
	return r;
}

/* A source that cannot be read may name what the log remembers; in the end nobody scrapes it. */
static void found_due(void *cls)
{
	struct app *a = cls;
	bool over = loop_now_ms(a->opt.loop) >= a->found_until_ms;
	if (app_ecs_is_known(a) && (discovery_complete(a->discovery) || over))
		scrape_found_all(a->scrape);
	else
		loop_timer_in(a->opt.loop, &a->found_timer, FOUND_POLL_MS);
}

void app_found_again(struct app *a)
{
	if (!loop_timer_armed(&a->found_timer))
		return;
	a->found_until_ms = loop_now_ms(a->opt.loop) + FOUND_WAIT_MS;
	loop_timer_in(a->opt.loop, &a->found_timer, FOUND_POLL_MS);
}

int app_new(const struct app_options *opt, struct app **out, struct err *err)
{
	struct app *a = calloc(1, sizeof *a);
	if (!a)
		return err_set(err, ERR_NOMEM, "out of memory");
	a->opt = *opt;
	a->start_ms = clock_wall_ms();
	a->config = config_ref(opt->config);
	int r = open_log(a, err);
	if (r == 0)
		r = start_delivery(a, err);
	if (r == 0)
		r = start_scraping(a, err);
	if (r == 0)
		r = app_ecs_begin(a, err);
	if (r == 0)
		r = start_web(a, err);
	if (r == 0)
		r = start_discovery(a, err);
	/* Last: targets start to be scraped as soon as discovery tells of them. */
	if (r == 0)
		r = discovery_apply(a->discovery, a->config->discoveries, a->config->n_scrapes);
	if (r != 0) {
		app_free(a);
		return r;
	}
	metric_set(M_READY, 1);
	app_reload_noted(true);
	app_start_auto_reload(a);
	a->found_timer = (struct loop_timer){.fire = found_due, .cls = a};
	a->found_until_ms = loop_now_ms(opt->loop) + FOUND_WAIT_MS;
	found_due(a);
	web_set_state(a->web, WEB_READY);
	log_info("ready to scrape and deliver", "version", AMPAGENT_VERSION, "listen",
		 FMT("port %d", web_port(a->web)), "jobs", FMT("%zu", a->config->n_scrapes),
		 "destinations", FMT("%zu", a->config->n_writes));
	*out = a;
	return 0;
}

void app_free(struct app *a)
{
	if (!a)
		return;
	loop_timer_cancel(&a->drain_timer);
	loop_timer_cancel(&a->found_timer);
	loop_timer_cancel(&a->auto_reload_timer);
	loop_timer_cancel(&a->next_timer);
	config_unref(a->next);
	free(a->asked.v);
	free(a->served.v);
	web_free(a->web);
	if (a->discovery)
		discovery_free(a->discovery);
	app_ecs_end(a);
	scrape_free(a->scrape);
	if (a->remotewrite)
		remotewrite_free(a->remotewrite);
	if (a->wal)
		wal_close(a->wal);
	/* Last: a file that cannot be read for now may hold it up. */
	config_loader_free(a->loader);
	config_unref(a->config);
	free(a);
}
