/* Start order: log, delivery, scraping, discovery, web. Stop order: discovery and scraping, log,
 * delivery.
 *
 *  states:  running -> draining (app_stop) -> ended (nothing queued, or the deadline passed)
 *
 * A reload goes the way of the start: the file, delivery, scraping, discovery. Whatever can be
 * refused is asked for before anything is changed.
 */
#include "app.h"

#include "config_loader.h"
#include "cors.h"
#include "status_api.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <ampagent/discovery.h>
#include <ampagent/net/http_client.h>
#include <ampagent/remotewrite.h>
#include <ampagent/scrape.h>
#include <ampagent/wal.h>
#include <ampagent/web.h>

enum { DRAIN_POLL_MS = 20, HOLD_POLL_MS = 10 };

#define USER_AGENT SV("ampagent/" AMPAGENT_VERSION)

struct askers {
	struct http_exchange **v;
	size_t n;
};

struct app {
	struct app_options opt;
	struct config *config;
	struct wal *wal;
	struct remotewrite *remotewrite;
	struct scrape *scrape;
	struct discovery *discovery;
	struct web *web;
	char public_host[300];
	bool draining;
	int64_t drain_until_ms;
	struct loop_timer drain_timer;
	struct config_loader *loader; /* a reload is under way */
	struct config *next;          /* of a reload that waits for the scrapes it would cut off */
	struct loop_timer next_timer;
	int64_t start_ms;
	int64_t reload_begin_ms;
	int64_t reload_failed_ms; /* of the last reload; 0: it went well */
	bool reload_again;
	struct askers asked;  /* for the next reload, by HTTP */
	struct askers served; /* by the one under way */
	uint64_t checksum;    /* of the configuration's files when they were last applied */
	struct loop_timer auto_reload_timer;
};

/* ---- what the web pages show ---- */

static void collect(void *cls, struct metrics_writer *w)
{
	struct app *a = cls;
	const struct metric_label version = {"version", SV(AMPAGENT_VERSION)};
	metrics_emit(w, M_BUILD_INFO, &version, 1, 1);
	metrics_emit(w, M_PROMETHEUS_BUILD_INFO, &version, 1, 1);
	metrics_emit_process(w);
	scrape_collect(a->scrape, w);
	discovery_collect(a->discovery, w);
	wal_collect(a->wal, w);
	remotewrite_collect(a->remotewrite, w);
}

static void write_count(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, sv_of(key));
	json_u64(w, v);
}

/* The status of all destinations; the caller frees it. None without memory. */
static size_t destinations(struct app *a, struct remotewrite_status **out)
{
	size_t n = remotewrite_status_get(a->remotewrite, NULL, 0);
	*out = calloc(n ? n : 1, sizeof **out);
	return *out ? remotewrite_status_get(a->remotewrite, *out, n) : 0;
}

static void ledger(struct app *a, struct json_writer *w)
{
	struct wal_stats log;
	wal_stats_get(a->wal, &log);
	json_begin_object(w);
	write_count(w, "scraped", scrape_summary(a->scrape).samples);
	write_count(w, "logged", log.samples_written);
	write_count(w, "headSequence", log.head.sequence);
	json_key(w, SV("destinations"));
	json_begin_array(w);
	_cleanup_(freep) struct remotewrite_status *status = NULL;
	size_t n = destinations(a, &status);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w);
		json_key(w, SV("name"));
		json_string(w, sv_of(status[i].name));
		json_key(w, SV("url"));
		json_string(w, sv_of(status[i].url));
		write_count(w, "sent", status[i].sent);
		write_count(w, "queued", status[i].queued);
		write_count(w, "dropped", status[i].dropped);
		json_key(w, SV("droppedBy"));
		json_begin_object(w);
		for (size_t r = 0; remotewrite_drop_reasons[r]; r++) {
			if (status[i].dropped_by[r])
				write_count(w, remotewrite_drop_reasons[r],
					    status[i].dropped_by[r]);
		}
		json_end_object(w);
		json_key(w, SV("baseSequence"));
		json_i64(w, status[i].base);
		write_count(w, "requests", status[i].requests);
		write_count(w, "failedRequests", status[i].failed_requests);
		write_count(w, "bytes", status[i].bytes);
		json_key(w, SV("lastError"));
		json_string(w, sv_of(status[i].has_error ? status[i].last_error : ""));
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
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
	ledger(a, w);
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

static int apply_delivery(struct app *a, const struct config *c, struct err *err)
{
	return remotewrite_apply(a->remotewrite, c->writes, c->n_writes, c->external_labels, err);
}

static int apply_scraping(struct app *a, const struct config *c)
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
	const struct remotewrite_env env = {.wal = a->wal, .user_agent = USER_AGENT};
	int r = remotewrite_new(&env, &a->remotewrite, err);
	return r != 0 ? r : apply_delivery(a, a->config, err);
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
		.owners = {wal_owner_find, a->wal},
		.next_frame = wal_next_frame(a->wal),
		.next_owner = wal_next_owner(a->wal),
		.user_agent = USER_AGENT,
		.timestamp_tolerance_ms = a->opt.timestamp_tolerance_ms,
		.frame_retire = retire_frame,
		.frame_retire_cls = a->wal,
	};
	set_public(a, &env);
	int r = scrape_check(a->config->scrapes, a->config->n_scrapes, err);
	if (r == 0)
		r = scrape_new(&env, &a->scrape, err);
	if (r == 0)
		r = apply_scraping(a, a->config);
	if (r == 0)
		r = discovery_new(a->opt.loop, scrape_target_sink(a->scrape), &a->discovery, err);
	return r;
}

/* ---- reload ---- */

static void reload_noted(bool good)
{
	metric_set(M_CONFIG_LAST_RELOAD_SUCCESSFUL, good);
	if (good)
		metric_set(M_CONFIG_LAST_RELOAD_SUCCESS_TS, (double)clock_wall_ms() / 1000);
}

void app_log_warnings(const struct config *c)
{
	for (size_t i = 0; i < c->n_warnings; i++) {
		const struct config_warning *w = &c->warnings[i];
		log_warn(w->text.ptr, "file", FMT("%.*s", SV_ARG(w->path.len ? w->path : c->path)),
			 "line", FMT("%d", w->line));
	}
}

/* What may be refused: 0, or 1 and nothing has changed. */
static int apply_refusable(struct app *a, const struct config *c, struct err *err)
{
	int r = scrape_check(c->scrapes, c->n_scrapes, err);
	if (r == 0)
		r = apply_delivery(a, c, err);
	return r < 0 ? err_set(err, 1, "out of memory") : r;
}

/* 0, or negative: fatal. The old configuration goes only after all parts have let go of it. */
static int apply_rest(struct app *a, struct config *c, struct err *err)
{
	int r = apply_scraping(a, c);
	if (r == 0)
		r = discovery_apply(a->discovery, c->discoveries, c->n_scrapes);
	struct config *old = a->config;
	a->config = config_ref(c);
	config_unref(old);
	return r != 0 ? err_set(err, r, "out of memory") : 0;
}

static bool same_log_options(const struct agent_options *x, const struct agent_options *y)
{
	return x->wal_max_bytes == y->wal_max_bytes && x->wal_max_age_ms == y->wal_max_age_ms &&
	       x->wal_sync_interval_ms == y->wal_sync_interval_ms &&
	       x->wal_memory_bytes == y->wal_memory_bytes;
}

static int take_config(struct app *a, struct config *c, struct err *err)
{
	if (a->draining)
		return err_set(err, 1, "the agent is stopping");
	app_log_warnings(c);
	if (!same_log_options(&c->agent, &a->config->agent))
		log_warn("settings of the log (ampagent.wal) take effect with the next start");
	return apply_refusable(a, c, err);
}

static void begin_reload(struct app *a);

static void reload_ended(struct app *a, int result, const struct err *err)
{
	reload_noted(result == 0);
	a->reload_failed_ms = result == 0 ? 0 : clock_wall_ms();
	if (result == 0) {
		a->checksum = a->config->checksum;
		log_info("configuration reloaded", "file", a->opt.config_path, "jobs",
			 FMT("%zu", a->config->n_scrapes), "destinations",
			 FMT("%zu", a->config->n_writes), "duration",
			 FMT("%lldms", (long long)(clock_mono_ms() - a->reload_begin_ms)));
	} else if (result > 0) {
		log_error("the configuration cannot be reloaded; the old one stays", "err",
			  err->msg);
	} else {
		log_error("no memory to reload the configuration", "err", err->msg);
		loop_fail(a->opt.loop, result);
	}
	for (size_t i = 0; i < a->served.n; i++)
		web_reload_answer(a->web, a->served.v[i], result == 0 ? NULL : err->msg);
	a->served.n = 0;
	if (a->reload_again)
		begin_reload(a);
}

/* Scrapes of jobs that change come to their end by the old settings: each has its time-out. */
static void next_due(void *cls)
{
	struct app *a = cls;
	struct err err = ERR_NULL;
	if (!a->draining && scrape_hold(a->scrape, a->next->scrapes, a->next->n_scrapes) > 0) {
		loop_timer_in(a->opt.loop, &a->next_timer, HOLD_POLL_MS);
		return;
	}
	_cleanup_(config_unrefp) struct config *c = take_ptr(a->next);
	int r = apply_rest(a, c, &err);
	reload_ended(a, r, &err);
}

static void config_loaded(void *cls, int result, struct config *loaded, struct err *err)
{
	struct app *a = cls;
	_cleanup_(config_unrefp) struct config *c = loaded;
	config_loader_free(take_ptr(a->loader));
	if (result == 0)
		result = take_config(a, c, err);
	if (result != 0) {
		reload_ended(a, result, err);
		return;
	}
	a->next = take_ptr(c);
	a->next_timer = (struct loop_timer){.fire = next_due, .cls = a};
	next_due(a);
}

static void begin_reload(struct app *a)
{
	struct err err = ERR_NULL;
	struct askers served = a->served;
	a->served = a->asked;
	a->asked = served;
	a->reload_again = false;
	a->reload_begin_ms = clock_mono_ms();
	int r = config_loader_new(a->opt.loop, a->opt.config_path, &a->opt.features, config_loaded,
				  a, &a->loader, &err);
	if (r != 0)
		reload_ended(a, r, &err);
}

void app_reload(struct app *a)
{
	if (a->loader || a->next)
		a->reload_again = true;
	else
		begin_reload(a);
}

static void reload_asked(void *cls, struct http_exchange *asked)
{
	struct app *a = cls;
	struct http_exchange **v = realloc(a->asked.v, (a->asked.n + 1) * sizeof(*v));
	if (!v) {
		web_reload_answer(a->web, asked, "out of memory");
		return;
	}
	a->asked.v = v;
	v[a->asked.n++] = asked;
	app_reload(a);
}

static void quit_asked(void *cls)
{
	struct app *a = cls;
	log_info("stopping, asked by HTTP");
	if (!a->draining)
		app_stop(a);
}

/* A file that cannot be read, or is bad, is looked at again each time. */
static void auto_reload_due(void *cls)
{
	struct app *a = cls;
	struct err err = ERR_NULL;
	uint64_t now = 0;
	loop_timer_in(a->opt.loop, &a->auto_reload_timer, a->opt.auto_reload_ms);
	if (a->loader || a->next)
		return;
	if (config_checksum(a->opt.config_path, &now, &err) != 0) {
		a->checksum = 0;
		log_error("the configuration cannot be looked at for changes", "err", err.msg);
	} else if (now != a->checksum) {
		log_info("the configuration has changed", "file", a->opt.config_path);
		app_reload(a);
	}
}

static void start_auto_reload(struct app *a)
{
	a->checksum = a->config->checksum;
	a->auto_reload_timer.fire = auto_reload_due;
	a->auto_reload_timer.cls = a;
	if (a->opt.auto_reload_ms > 0)
		loop_timer_in(a->opt.loop, &a->auto_reload_timer, a->opt.auto_reload_ms);
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
		.reload = reload_asked,
		.quit = quit_asked,
		.cls = a,
	};
	int r = web_new(&env, &a->web, err);
	if (r != 0)
		err_prefix(err, "web server on %.*s", SV_ARG(a->opt.listen));
	return r;
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
		r = start_web(a, err);
	/* Last: targets start to be scraped as soon as discovery tells of them. */
	if (r == 0)
		r = discovery_apply(a->discovery, a->config->discoveries, a->config->n_scrapes);
	if (r != 0) {
		app_free(a);
		return r;
	}
	metric_set(M_READY, 1);
	reload_noted(true);
	start_auto_reload(a);
	web_set_state(a->web, WEB_READY);
	log_info("ready to scrape and deliver", "version", AMPAGENT_VERSION, "listen",
		 FMT("port %d", web_port(a->web)), "jobs", FMT("%zu", a->config->n_scrapes),
		 "destinations", FMT("%zu", a->config->n_writes));
	*out = a;
	return 0;
}

/* ---- stop ---- */

static uint64_t queued(struct app *a)
{
	_cleanup_(freep) struct remotewrite_status *status = NULL;
	size_t n = destinations(a, &status);
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += status[i].queued;
	return sum;
}

static void drain_due(void *cls)
{
	struct app *a = cls;
	/* First what still waits to be written: once it is, it counts as queued. */
	struct wal_stats log;
	wal_stats_get(a->wal, &log);
	uint64_t left = queued(a);
	if ((left > 0 || log.queue > 0) && loop_now_ms(a->opt.loop) < a->drain_until_ms) {
		loop_timer_in(a->opt.loop, &a->drain_timer, DRAIN_POLL_MS);
		return;
	}
	if (left > 0 || log.queue > 0)
		log_warn("stopped with samples left in the log; they are sent after the next start",
			 "queued", FMT("%llu", (unsigned long long)left));
	else
		log_info("stopped, everything is delivered", "queued", "0");
	loop_stop(a->opt.loop);
}

void app_stop(struct app *a)
{
	if (a->draining) {
		log_warn("stopped at once on a second signal", "queued",
			 FMT("%llu", (unsigned long long)queued(a)));
		loop_stop(a->opt.loop);
		return;
	}
	a->draining = true;
	loop_timer_cancel(&a->auto_reload_timer);
	web_set_state(a->web, WEB_STOPPING);
	metric_set(M_READY, 0);
	scrape_pause(a->scrape);
	wal_flush(a->wal, true);
	remotewrite_drain(a->remotewrite);
	a->drain_until_ms = loop_now_ms(a->opt.loop) + a->opt.flush_deadline_ms;
	a->drain_timer.fire = drain_due;
	a->drain_timer.cls = a;
	loop_timer_in(a->opt.loop, &a->drain_timer, DRAIN_POLL_MS);
}

void app_free(struct app *a)
{
	if (!a)
		return;
	loop_timer_cancel(&a->drain_timer);
	loop_timer_cancel(&a->auto_reload_timer);
	loop_timer_cancel(&a->next_timer);
	config_loader_free(a->loader);
	config_unref(a->next);
	free(a->asked.v);
	free(a->served.v);
	web_free(a->web);
	if (a->discovery)
		discovery_free(a->discovery);
	scrape_free(a->scrape);
	if (a->remotewrite)
		remotewrite_free(a->remotewrite);
	if (a->wal)
		wal_close(a->wal);
	config_unref(a->config);
	free(a);
}
