/* The stop: what is scraped now is scraped, what is in the log is synced and delivered, within one
 * deadline. Nothing here waits for a disk or a peer: the loop goes on, pages are served.
 *
 *  states:  running -> scraping (app_stop) -> draining (scrapes have ended, or a third of the time
 *           is over) -> ended (synced and nothing queued, or the deadline passed)
 */
#include "app_parts.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <stdlib.h>

enum {
	POLL_MS = 20,
	/* Of the deadline that scrapes may take. */
	SCRAPE_SHARE = 3,
	/* Closing in order after the deadline; what takes longer stands still. */
	CLOSE_MS = 3000,
	LEFT_BYTES = 4096,
};

struct rest {
	struct remotewrite_status *v;
	size_t n;
	uint64_t queued;
	struct wal_stats log;
	bool synced;
};

static void rest_deinit(struct rest *r)
{
	free(r->v);
}
DEFINE_CLEANUP(struct rest, rest_deinit)

static struct rest rest_of(struct app *a)
{
	struct rest r = {.synced = a->scraped && wal_sync_done(a->wal, a->sync)};
	/* First what still waits to be written: once it is, it counts as queued. */
	wal_stats_get(a->wal, &r.log);
	r.n = app_destinations(a, &r.v);
	for (size_t i = 0; i < r.n; i++)
		r.queued += r.v[i].queued;
	return r;
}

static bool is_done(const struct rest *r)
{
	return r->queued == 0 && r->log.queue == 0 && r->synced;
}

/* Whether it waits for what it is to sign with, and nobody has failed yet. */
static bool lacks_keys(const struct remotewrite_status *s)
{
	const struct remotewrite_signing *g = &s->signing;
	return !s->has_error && g->is_signed && (!g->credentials.have || !g->region[0]);
}

/* "name: 120 samples, the oldest of 35s ago, HTTP status 503; ..." */
static void describe(const struct rest *r, int64_t wall_ms, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct remotewrite_status *s = &r->v[i];
		char age[DURATION_MAX];
		if (s->queued == 0)
			continue;
		buf_printf(out, "%s%s: %llu samples", out->len ? "; " : "", s->name,
			   (unsigned long long)s->queued);
		if (s->oldest_ms > 0 && s->oldest_ms <= wall_ms)
			buf_printf(out, ", the oldest of %s ago",
				   duration_format(age, (wall_ms - s->oldest_ms) / 1000 * 1000));
		if (s->has_error)
			buf_printf(out, ", %s", s->last_error);
		else if (lacks_keys(s) && s->signing.region[0])
			buf_printf(out, ", no AWS credentials came from %s",
				   s->signing.credentials.source);
		else if (lacks_keys(s))
			buf_printf(out, ", nobody told the AWS region to sign for");
	}
	buf_char(out, '\0');
}

static const char *why_left(const struct rest *r, bool second)
{
	if (second)
		return "a second signal";
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].queued > 0 && r->v[i].has_error)
			return "an endpoint fails, the flush deadline passed";
		if (r->v[i].queued > 0 && lacks_keys(&r->v[i]))
			return "nothing came to sign with, the flush deadline passed";
	}
	if (r->log.queue > 0 || !r->synced)
		return "the log cannot be written, the flush deadline passed";
	return "the flush deadline passed";
}

/* The one line that says how it ended. */
static void tell(struct app *a, const struct rest *r, bool second)
{
	const struct scrape_last last = scrape_last(a->scrape);
	_cleanup_(buf_deinit) struct buf left = BUF_NULL;
	char scrapes[96], took[DURATION_MAX];
	buf_init(&left, LEFT_BYTES);
	describe(r, clock_wall_ms(), &left);
	snprintf(scrapes, sizeof scrapes, "%zu good, %zu of targets that had gone, %zu cut off",
		 last.good, last.discarded, last.cut_off);
	duration_format(took, loop_now_ms(a->opt.loop) - a->stop_ms);
	if (is_done(r)) {
		log_info("stopped, everything is delivered", "took", took, "queued", "0",
			 "last_scrapes", scrapes);
		return;
	}
	log_warn(r->log.memory
			 ? "stopped with samples left: they are lost, the log is in memory only"
			 : "stopped with samples left in the log; they are sent after the next "
			   "start",
		 "reason", why_left(r, second), "took", took, "queued",
		 FMT("%llu", (unsigned long long)r->queued), "left", left.ptr ? left.ptr : "",
		 "unwritten_batches", FMT("%llu", (unsigned long long)r->log.queue), "last_scrapes",
		 scrapes);
}

static bool scrapes_are_over(struct app *a)
{
	if (a->scraped)
		return true;
	if (scrape_in_flight(a->scrape) > 0 && loop_now_ms(a->opt.loop) < a->scrape_until_ms)
		return false;
	scrape_cut_off(a->scrape);
	a->scraped = true;
	a->sync = wal_sync_begin(a->wal);
	return true;
}

static void stop_due(void *cls)
{
	struct app *a = cls;
	bool scraped = scrapes_are_over(a);
	_cleanup_(rest_deinit) struct rest r = rest_of(a);
	if ((!scraped || !is_done(&r)) && loop_now_ms(a->opt.loop) < a->drain_until_ms) {
		loop_timer_in(a->opt.loop, &a->drain_timer, POLL_MS);
		return;
	}
	tell(a, &r, false);
	loop_stop(a->opt.loop);
}

static void stop_now(struct app *a)
{
	_cleanup_(rest_deinit) struct rest r = rest_of(a);
	tell(a, &r, true);
	loop_timer_cancel(&a->drain_timer);
	loop_stop(a->opt.loop);
}

int64_t app_stop_ms(int64_t flush_deadline_ms)
{
	return flush_deadline_ms + CLOSE_MS;
}

void app_stop(struct app *a)
{
	int64_t now = loop_now_ms(a->opt.loop);
	if (a->draining) {
		stop_now(a);
		return;
	}
	a->draining = true;
	a->stop_ms = now;
	a->drain_until_ms = now + a->opt.flush_deadline_ms;
	a->scrape_until_ms = now + a->opt.flush_deadline_ms / SCRAPE_SHARE;
	if (a->opt.end_by)
		a->opt.end_by(a->opt.end_by_cls, now + app_stop_ms(a->opt.flush_deadline_ms));
	loop_timer_cancel(&a->auto_reload_timer);
	loop_timer_cancel(&a->found_timer);
	web_set_state(a->web, WEB_STOPPING);
	metric_set(M_READY, 0);
	discovery_pause(a->discovery);
	scrape_stop(a->scrape, a->scrape_until_ms);
	remotewrite_drain(a->remotewrite);
	a->drain_timer.fire = stop_due;
	a->drain_timer.cls = a;
	loop_timer_in(a->opt.loop, &a->drain_timer, 0);
}
