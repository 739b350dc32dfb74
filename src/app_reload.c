/* A reload goes the way of the start: the file, delivery, scraping, discovery. Whatever can be
 * refused is asked for before anything is changed.
 */
#include "app_parts.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>
#include <stdlib.h>

enum { HOLD_POLL_MS = 10 };

void app_reload_noted(bool good)
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

enum { END_ROUNDS_MAX = 10000 };

/* Series end under the external labels that they were scraped with. Scrapes that come later, those
 * under way among them, are told by the new ones. */
static void end_series(struct app *a)
{
	scrape_series_end_begin(a->scrape);
	for (int i = 0; i < END_ROUNDS_MAX && scrape_series_end(a->scrape) != 0; i++)
		if (wal_flush(a->wal, false) != 0)
			break;
}

/* What may be refused: 0, or 1 and nothing has changed but that series may have a gap. */
static int apply_refusable(struct app *a, const struct config *c, struct err *err)
{
	int r = scrape_check(c->scrapes, c->n_scrapes, err);
	if (r == 0)
		r = app_ecs_check(a, c, err);
	if (r == 0 && !labels_eq(c->external_labels, a->config->external_labels))
		end_series(a);
	/* Rules hold from the log's head on: what was scraped by the old ones is to be below. */
	if (r == 0)
		wal_flush(a->wal, false);
	if (r == 0)
		r = app_apply_delivery(a, c, err);
	return r < 0 ? err_set(err, 1, "out of memory") : r;
}

/* 0, or negative: fatal. The old configuration goes only after all parts have let go of it. */
static int apply_rest(struct app *a, struct config *c, struct err *err)
{
	int r = app_apply_scraping(a, c);
	if (r == 0 && app_ecs_identify(a, c) < 0)
		r = ERR_NOMEM;
	/* All targets are told of anew, those of jobs that stay too: labels may be others. */
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
	       x->wal_durability == y->wal_durability && x->wal_memory_bytes == y->wal_memory_bytes;
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
	app_reload_noted(result == 0);
	a->reload_failed_ms = result == 0 ? 0 : clock_wall_ms();
	if (result == 0) {
		a->checksum = a->config->checksum;
		log_info("configuration reloaded", "file", a->opt.source->path, "jobs",
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
	if (a->reload_again && !a->draining)
		begin_reload(a);
}

/* Scrapes of jobs that change come to their end by the old settings: each has its time-out. */
static void next_due(void *cls)
{
	struct app *a = cls;
	struct err err = ERR_NULL;
	if (a->draining) {
		config_unref(take_ptr(a->next));
		reload_ended(a, err_set(&err, 1, "the agent is stopping"), &err);
		return;
	}
	if (scrape_hold(a->scrape, a->next->scrapes, a->next->n_scrapes) > 0) {
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
	if (!a->opt.source->is_file)
		log_info("what the environment says stays until the next start; files that it "
			 "names are read again",
			 "from", a->opt.source->path);
	int r = config_loader_new(a->opt.loop, a->opt.source, &a->opt.features, config_loaded, a,
				  &a->loader, &err);
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

void app_reload_asked(void *cls, struct http_exchange *asked)
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

/* A file that cannot be read, or is bad, is looked at again each time. */
static void auto_reload_due(void *cls)
{
	struct app *a = cls;
	struct err err = ERR_NULL;
	uint64_t now = 0;
	loop_timer_in(a->opt.loop, &a->auto_reload_timer, a->opt.auto_reload_ms);
	if (a->loader || a->next)
		return;
	if (config_source_checksum(a->opt.source, &now, &err) != 0) {
		a->checksum = 0;
		log_error("the configuration cannot be looked at for changes", "err", err.msg);
	} else if (now != a->checksum) {
		log_info("the configuration has changed", "file", a->opt.source->path);
		app_reload(a);
	}
}

void app_start_auto_reload(struct app *a)
{
	a->checksum = a->config->checksum;
	a->auto_reload_timer.fire = auto_reload_due;
	a->auto_reload_timer.cls = a;
	/* The environment of a process does not change. */
	if (a->opt.auto_reload_ms > 0 && a->opt.source->is_file)
		loop_timer_in(a->opt.loop, &a->auto_reload_timer, a->opt.auto_reload_ms);
}
