/* Stop order: discovery and scraping, log, delivery.
 *
 *  states:  running -> draining (app_stop) -> ended (nothing queued, or the deadline passed)
 */
#include "app_parts.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/log.h>
#include <stdlib.h>

enum { DRAIN_POLL_MS = 20 };

static uint64_t queued(struct app *a)
{
	_cleanup_(freep) struct remotewrite_status *status = NULL;
	size_t n = app_destinations(a, &status);
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
