/* The books as JSON: what was scraped, and where each destination is with it. */
#include "app_parts.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/clock.h>
#include <stdlib.h>

static void write_count(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, sv_of(key));
	json_u64(w, v);
}

size_t app_destinations(struct app *a, struct remotewrite_status **out)
{
	size_t n = remotewrite_status_get(a->remotewrite, NULL, 0);
	*out = calloc(n ? n : 1, sizeof **out);
	return *out ? remotewrite_status_get(a->remotewrite, *out, n) : 0;
}

/* Over all runs: logged since then is the head less sinceSequence. */
static void write_refused(struct json_writer *w, const struct wal_ledger *l)
{
	char when[RFC3339_MAX];
	json_key(w, SV("sinceWhen"));
	json_string(w, sv_of(clock_format_rfc3339(when, l->since_ms)));
	write_count(w, "sinceSequence", l->base);
	write_count(w, "passedOver", l->passed_over);
	json_key(w, SV("refused"));
	json_begin_object(w);
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].scrapes == 0 && l->v[i].samples == 0)
			continue;
		json_key(w, sv_of(l->v[i].reason));
		json_begin_object(w);
		write_count(w, "scrapes", l->v[i].scrapes);
		write_count(w, "samples", l->v[i].samples);
		json_end_object(w);
	}
	json_end_object(w);
}

static void write_time(struct json_writer *w, const char *key, int64_t ms)
{
	char when[RFC3339_MAX];
	json_key(w, sv_of(key));
	if (ms != 0)
		json_string(w, sv_of(clock_format_rfc3339(when, ms)));
	else
		json_null(w);
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, sv_of(key));
	json_string(w, sv_of(text));
}

static void write_flag(struct json_writer *w, const char *key, bool v)
{
	json_key(w, sv_of(key));
	json_bool(w, v);
}

static void write_credentials(struct json_writer *w, const struct aws_credentials_status *c)
{
	write_text(w, "source", c->source);
	write_text(w, "kind", c->kind ? c->kind : "");
	write_text(w, "accessKey", c->access_key);
	write_text(w, "account", c->account);
	write_time(w, "fetched", c->have ? c->fetched_ms : 0);
	write_time(w, "expires", c->have ? c->expires_ms : 0);
	write_flag(w, "expired", c->expired);
	write_flag(w, "failing", c->failing);
	write_text(w, "lastError", c->failing ? c->last_error : "");
}

/* Secrets are not known here. */
static void write_signing(struct json_writer *w, const struct remotewrite_signing *g)
{
	json_key(w, SV("signing"));
	if (!g->is_signed) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	write_credentials(w, &g->credentials);
	write_text(w, "region", g->region);
	write_text(w, "regionFrom", g->region_from);
	json_key(w, SV("clockAheadSeconds"));
	if (g->clock_known)
		json_double(w, (double)-g->skew_ms / 1000);
	else
		json_null(w);
	bool wrong = g->skew_ms > AWS_CLOCK_WARN_MS || g->skew_ms < -AWS_CLOCK_WARN_MS;
	write_flag(w, "clockWrong", g->clock_known && wrong);
	json_end_object(w);
}

static void write_destination(struct json_writer *w, const struct remotewrite_status *s)
{
	json_begin_object(w);
	json_key(w, SV("name"));
	json_string(w, sv_of(s->name));
	json_key(w, SV("url"));
	json_string(w, sv_of(s->url));
	write_count(w, "sent", s->sent);
	write_count(w, "queued", s->queued);
	write_count(w, "dropped", s->dropped);
	json_key(w, SV("droppedBy"));
	json_begin_object(w);
	for (size_t r = 0; remotewrite_drop_reasons[r]; r++)
		if (s->dropped_by[r])
			write_count(w, remotewrite_drop_reasons[r], s->dropped_by[r]);
	json_end_object(w);
	json_key(w, SV("baseSequence"));
	json_i64(w, s->base);
	json_key(w, SV("balanced"));
	json_bool(w, s->balanced);
	write_count(w, "requests", s->requests);
	write_count(w, "failedRequests", s->failed_requests);
	write_count(w, "bytes", s->bytes);
	json_key(w, SV("lastError"));
	json_string(w, sv_of(s->has_error ? s->last_error : ""));
	write_signing(w, &s->signing);
	json_end_object(w);
}

void app_ledger_json(struct app *a, struct json_writer *w)
{
	struct wal_ledger ledger;
	struct wal_stats log;
	wal_refused_get(a->wal, &ledger);
	wal_stats_get(a->wal, &log);
	_cleanup_(freep) struct remotewrite_status *status = NULL;
	size_t n = app_destinations(a, &status);
	/* The log goes on meanwhile: the accounts are of one moment. */
	uint64_t head = n > 0 ? status[0].head : log.head.sequence;
	json_begin_object(w);
	write_count(w, "scraped", scrape_summary(a->scrape).samples);
	write_count(w, "logged", log.samples_written);
	write_count(w, "headSequence", head);
	write_refused(w, &ledger);
	json_key(w, SV("destinations"));
	json_begin_array(w);
	for (size_t i = 0; i < n; i++)
		write_destination(w, &status[i]);
	json_end_array(w);
	json_key(w, SV("refusals"));
	remotewrite_offenders_json(a->remotewrite, w);
	json_end_object(w);
}
