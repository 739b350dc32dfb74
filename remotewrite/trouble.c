/* Log lines of a destination: the first of a kind and cause at once, then at most one a minute. */
#include "destination.h"

#include <ampagent/base/log.h>
#include <inttypes.h>
#include <stdio.h>

enum { LOG_EVERY_MS = 60000 };

static void remember(struct destination *d, const char *text)
{
	d->has_error = true;
	snprintf(d->last_error, sizeof d->last_error, "%s", text);
}

static bool due(int64_t *last, int64_t now_ms)
{
	if (*last != 0 && now_ms - *last < LOG_EVERY_MS)
		return false;
	*last = now_ms;
	return true;
}

static const char *name_of(const struct destination *d, char dst[64])
{
	snprintf(dst, 64, "%.*s", SV_ARG(d->cfg.name));
	return dst;
}

static const char *url_of(const struct destination *d, char dst[256])
{
	snprintf(dst, 256, "%.*s", SV_ARG(d->cfg.url));
	return dst;
}

void trouble_retry(struct destination *d, const struct answer *a, const char *text, int64_t wait_ms)
{
	char name[64], url[256];
	remember(d, text);
	if (!d->failing) {
		d->failing = true;
		d->failing_since = d->now_ms;
	}
	if (!due(&d->retry_logged_at[a->cause], d->now_ms))
		return;
	d->told = true;
	bool unsent = a->cause == CAUSE_NO_CREDENTIALS || a->cause == CAUSE_NO_REGION;
	const char *msg =
		unsent    ? "Remote write cannot sign requests: the samples are kept until it can"
		: a->loud ? "Remote write is refused: the samples are kept and tried again, but "
			    "credentials, permissions, region or URL need attention"
			  : "Failed to send batch, retrying";
	enum log_level level = a->loud ? LOG_ERROR : LOG_WARN;
	log_at_(level, msg, "remote_name", name_of(d, name), "url", url_of(d, url), "backoff",
		FMT("%" PRId64 "ms", wait_ms), "cause", cause_name(a->cause), "meaning",
		cause_words(a->cause), "advice", cause_advice(a->cause), "err", text);
}

void trouble_drop(struct destination *d, const struct answer *a, const char *text,
		  enum drop_reason reason, uint64_t n)
{
	char name[64], url[256];
	remember(d, text);
	if (due(&d->drop_logged_at[a->cause], d->now_ms))
		log_error("Non-recoverable error, samples of a request are dropped", "remote_name",
			  name_of(d, name), "url", url_of(d, url), "count", FMT("%" PRIu64, n),
			  "reason", drop_reason_name(reason), "cause", cause_name(a->cause),
			  "named", a->subject, "meaning", cause_words(a->cause), "advice",
			  cause_advice(a->cause), "err", text);
}

void trouble_split(struct destination *d, const struct answer *a, const char *text)
{
	char name[64], url[256];
	if (due(&d->retry_logged_at[a->cause], d->now_ms))
		log_warn("A request was too large: it is sent again in parts, and smaller ones are "
			 "made for a while",
			 "remote_name", name_of(d, name), "url", url_of(d, url), "err", text);
}

void trouble_over(struct destination *d)
{
	char name[64], url[256];
	if (!d->failing)
		return;
	d->failing = false;
	d->has_error = false;
	/* A failure that was not told has no end to tell: a peer that fails now and then would fill
	 * the log. */
	if (!d->told)
		return;
	d->told = false;
	log_info("Remote write works again", "remote_name", name_of(d, name), "url", url_of(d, url),
		 "after", FMT("%.1fs", (double)(d->now_ms - d->failing_since) / 1000));
}

void trouble_fell_back(struct destination *d, const char *text)
{
	char name[64], url[256];
	log_warn("The endpoint does not speak remote write 2.0: remote write 1.0 is used from now "
		 "on; set protobuf_message: prometheus.WriteRequest",
		 "remote_name", name_of(d, name), "url", url_of(d, url), "err", text);
}

void trouble_request(const struct slot *s, const char *text)
{
	const struct destination *d = s->d;
	const struct built *b = &s->built;
	char name[64], url[256];
	log_debug("Remote write request failed", "remote_name", name_of(d, name), "url",
		  url_of(d, url), "message",
		  s->protocol == REMOTEWRITE_V2 ? "io.prometheus.write.v2.Request"
						: "prometheus.WriteRequest",
		  "attempt", FMT("%u", s->attempt), "shard", FMT("%" PRIu32, s->index), "samples",
		  FMT("%" PRIu64, b->books.sent - b->histograms.sent), "histograms",
		  FMT("%" PRIu64, b->histograms.sent), "exemplars",
		  FMT("%" PRIu64, b->exemplars.sent), "oldest_ms", FMT("%" PRId64, b->oldest_ms),
		  "newest_ms", FMT("%" PRId64, b->newest_ms), "bytes", FMT("%zu", s->raw_bytes),
		  "compressed_bytes", FMT("%zu", s->body.len), "err", text);
}

void trouble_store(struct destination *d, const char *text)
{
	char name[64];
	d->stats.position_failures++;
	if (due(&d->store_logged_at, d->now_ms))
		log_error("The delivery position cannot be stored: after a restart samples may be "
			  "sent again",
			  "remote_name", name_of(d, name), "err", text);
}
