/* Log lines about AWS credentials, the region and clocks: each change once, what goes on failing at
 * most once in a while. */
#include "signing_log.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FAILING_EVERY_MS = 600000,
	/* So much below the limit a clock counts as right again: a Date has whole seconds. */
	CLOCK_MARGIN_MS = 5000,
};

static void free_list(struct signing_seen **list)
{
	while (*list) {
		struct signing_seen *s = *list;
		*list = s->next;
		free(s);
	}
}

void signing_log_deinit(struct signing_log *l)
{
	free_list(&l->keys);
	free_list(&l->clocks);
}

/* NULL without memory: then it is silent. */
static struct signing_seen *seen(struct signing_log *l, struct signing_seen **list,
				 const void *what)
{
	struct signing_seen *s = *list;
	while (s && s->what != what)
		s = s->next;
	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			return NULL;
		s->what = what;
		s->next = *list;
		*list = s;
	}
	s->generation = l->generation;
	return s;
}

/* ---- credentials ---- */

static const char *expiry(char dst[RFC3339_MAX], const struct aws_credentials_status *st)
{
	return st->expires_ms ? clock_format_rfc3339(dst, st->expires_ms) : "never";
}

static void log_found(struct signing_seen *s, const struct aws_credentials_status *st)
{
	char when[RFC3339_MAX];
	s->found = true;
	s->fetched_ms = st->fetched_ms;
	log_info("AWS credentials found", "source", st->source, "kind", st->kind, "access_key",
		 st->access_key, "expires", expiry(when, st));
}

static void log_renewed(struct signing_seen *s, const struct aws_credentials_status *st)
{
	char when[RFC3339_MAX];
	s->fetched_ms = st->fetched_ms;
	log_debug("AWS credentials were renewed", "source", st->source, "access_key",
		  st->access_key, "expires", expiry(when, st));
}

static void log_failing(struct signing_seen *s, const struct aws_credentials_status *st,
			int64_t mono_ms)
{
	char when[RFC3339_MAX];
	bool stale = st->have && st->expired;
	if (s->failing && stale == s->stale && mono_ms - s->told_at < FAILING_EVERY_MS)
		return;
	s->failing = true;
	s->stale = stale;
	s->told_at = mono_ms;
	if (!st->have)
		log_error("No AWS credentials: nothing can be signed; it is tried again", "source",
			  st->source, "kind", st->kind, "err", st->last_error);
	else if (stale)
		log_error("AWS credentials have expired and no others came: still signing "
			  "with them",
			  "source", st->source, "access_key", st->access_key, "expires",
			  expiry(when, st), "err", st->last_error);
	else
		log_warn("AWS credentials could not be renewed: it is tried again", "source",
			 st->source, "access_key", st->access_key, "expires", expiry(when, st),
			 "err", st->last_error);
}

static void log_asked(struct signing_seen *s, const struct aws_credentials_status *st)
{
	s->asked = true;
	log_info("AWS credentials are being asked for; nothing is sent before they come", "source",
		 st->source, "kind", st->kind);
}

static void see_keys(struct signing_seen *s, const struct signing *g, int64_t mono_ms)
{
	struct aws_credentials_status st;
	aws_credentials_status_get(g->credentials, &st);
	if (!st.have && !s->asked)
		log_asked(s, &st);
	if (st.have && !s->found)
		log_found(s, &st);
	else if (st.have && st.fetched_ms != s->fetched_ms)
		log_renewed(s, &st);
	if (st.failing) {
		log_failing(s, &st, mono_ms);
	} else if (s->failing && st.have) {
		s->failing = s->stale = false;
		log_info("AWS credentials are renewed again", "source", st.source, "access_key",
			 st.access_key);
	}
}

/* ---- clocks ---- */

static const char *url_text(char dst[256], struct sv url)
{
	snprintf(dst, 256, "%.*s", SV_ARG(url));
	return dst;
}

static void see_clock(struct signing_seen *s, const struct signing *g, struct sv url,
		      int64_t mono_ms, int64_t wall_ms)
{
	char text[256];
	int64_t ahead_ms = -aws_clock_skew_ms(g->clock, mono_ms, wall_ms);
	int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
	if (!g->clock->known)
		return;
	if (!s->wrong && off_ms > AWS_CLOCK_WARN_MS) {
		s->wrong = true;
		log_error(FMT("This machine's clock is %" PRId64 "s %s: set it", off_ms / 1000,
			      ahead_ms > 0 ? "ahead" : "behind"),
			  "compared_with", url_text(text, url), "meaning",
			  "requests are signed by the endpoint's time, but samples carry this "
			  "machine's, and AMP refuses what is more than 10 minutes ahead or an "
			  "hour old");
	} else if (s->wrong && off_ms < AWS_CLOCK_WARN_MS - CLOCK_MARGIN_MS) {
		s->wrong = false;
		log_info("This machine's clock is right again", "compared_with",
			 url_text(text, url));
	}
}

/* ---- all of it ---- */

static void see_region(struct signing *g, struct sv url)
{
	if (g->region_told || g->region.len == 0)
		return;
	char text[256];
	g->region_told = true;
	log_info("AWS region to sign for", "url", url_text(text, url), "region",
		 FMT("%.*s", SV_ARG(g->region)), "from", g->region_from);
}

void signing_log_see(struct signing_log *l, struct signing *g, struct sv url, int64_t mono_ms,
		     int64_t wall_ms)
{
	if (!signing_on(g))
		return;
	see_region(g, url);
	struct signing_seen *keys = seen(l, &l->keys, g->credentials);
	if (keys)
		see_keys(keys, g, mono_ms);
	struct signing_seen *clock = seen(l, &l->clocks, g->clock);
	if (clock)
		see_clock(clock, g, url, mono_ms, wall_ms);
}

void signing_log_begin(struct signing_log *l)
{
	l->generation++;
}

static void sweep(struct signing_seen **at, unsigned generation)
{
	while (*at) {
		struct signing_seen *s = *at;
		if (s->generation == generation) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
}

void signing_log_end(struct signing_log *l)
{
	sweep(&l->keys, l->generation);
	sweep(&l->clocks, l->generation);
}
