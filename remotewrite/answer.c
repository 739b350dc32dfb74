/* The answer table. What a later attempt may repair is kept, whatever the specification allows to
 * drop: AMP throttles with 429, and 403 or 404 are a person's to repair while the data waits. */
#include "answer.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>
#include <stdio.h>

enum {
	BODY_SHOWN = 512,
	FORBIDDEN_MIN_MS = 1000,
	NOT_FOUND_MIN_MS = 5000,
	STOP_MAX_MS = 60000,
};

int64_t answer_retry_after_ms(struct sv s, int64_t now_wall_ms)
{
	uint64_t seconds;
	int64_t at_s;
	s = sv_trim(s);
	if (s.len == 0)
		return 0;
	if (sv_to_u64(s, &seconds) == 0)
		return seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS
							   : (int64_t)seconds * 1000;
	if (clock_parse_http_date(s.ptr, s.len, &at_s))
		return 0;
	int64_t wait = at_s * 1000 - now_wall_ms;
	return wait < 0 ? 0 : wait > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : wait;
}

static bool read_count(struct sv s, uint64_t *out)
{
	*out = 0;
	return s.len > 0 && sv_to_u64(sv_trim(s), out) == 0;
}

struct answer_written answer_written(const struct http_answer *a)
{
	struct answer_written w;
	bool samples = read_count(a->samples_written, &w.samples);
	bool histograms = read_count(a->histograms_written, &w.histograms);
	bool exemplars = read_count(a->exemplars_written, &w.exemplars);
	w.confirmed = samples || histograms || exemplars;
	return w;
}

/* An UTF-8 text stays as it is but for control bytes; other bytes become '?'. */
static void put_clean(char *dst, size_t size, struct sv s)
{
	/* A character may be cut at the end: up to three bytes are given up to find a whole one. */
	s = sv_make(s.ptr, s.len < size ? s.len : size - 1);
	struct sv t = s;
	for (int i = 0; i < 3 && t.len > 0 && !utf8_valid(t); i++)
		t.len--;
	bool text = t.len > 0 && utf8_valid(t);
	if (!text)
		t = s;
	size_t n = 0;
	for (size_t i = 0; i < t.len && n + 1 < size; i++) {
		unsigned char c = (unsigned char)t.ptr[i];
		dst[n++] = c < 0x20 || c == 0x7f ? ' ' : c >= 0x80 && !text ? '?' : t.ptr[i];
	}
	dst[n] = 0;
}

int64_t answer_skew_ms(const struct http_answer *a, int64_t now_wall_ms)
{
	int64_t date_s;
	if (a->result != HTTP_OK || a->date.len == 0 ||
	    clock_parse_http_date(a->date.ptr, a->date.len, &date_s))
		return 0;
	return date_s * 1000 - (now_wall_ms - a->duration_ns / 2000000);
}

/* ---- what may become of it ---- */

static void keep(struct answer *a, const struct answer_in *in, enum answer_cause cause)
{
	a->action = ANSWER_RETRY;
	a->cause = cause;
	a->after_ms = answer_retry_after_ms(in->retry_after, in->now_wall_ms);
}

static void stop(struct answer *a, const struct answer_in *in, enum answer_cause cause,
		 int64_t min_ms)
{
	keep(a, in, cause);
	a->action = ANSWER_STOP;
	a->min_backoff_ms = min_ms;
	a->max_backoff_ms = STOP_MAX_MS;
	a->loud = true;
}

static void drop(struct answer *a, enum drop_reason reason, enum answer_cause cause)
{
	a->action = ANSWER_DROP;
	a->reason = reason;
	a->cause = cause;
}

/* Whoever can give keys may do so at any moment: tried again often, told loudly. */
static void not_signed(struct answer *a, const struct answer_in *in, enum answer_cause cause)
{
	keep(a, in, cause);
	a->min_backoff_ms = FORBIDDEN_MIN_MS;
	a->loud = true;
}

static void not_sent(struct answer *a, const struct answer_in *in)
{
	if (sv_eq(in->error_type, SV(ANSWER_NO_CREDENTIALS)))
		not_signed(a, in, CAUSE_NO_CREDENTIALS);
	else if (sv_eq(in->error_type, SV(ANSWER_NO_REGION)))
		not_signed(a, in, CAUSE_NO_REGION);
	else
		keep(a, in, CAUSE_UNREACHABLE);
}

/* ---- statuses ---- */

/* Only new series fail: sending the request again would bring the rest a second time and fail for
 * the same ones. Which series a metric's or a label set's limit concerns is not known here. */
static bool series_limit(struct answer *a, enum drop_reason reason, enum answer_cause cause)
{
	switch ((int)cause) {
	case CAUSE_SERIES_LIMIT:
		drop(a, reason, cause);
		a->action = ANSWER_SHED;
		return true;
	case CAUSE_METRIC_SERIES_LIMIT:
	case CAUSE_LABELSET_SERIES_LIMIT:
	case CAUSE_HISTOGRAM_SERIES_LIMIT:
		drop(a, reason, cause);
		return true;
	}
	return false;
}

static void forbidden(struct answer *a, const struct answer_in *in, enum answer_cause cause)
{
	if (cause != CAUSE_CREDENTIALS && cause != CAUSE_CLOCK && cause != CAUSE_SIGNATURE &&
	    cause != CAUSE_NOT_SIGNED)
		cause = CAUSE_ACCESS_DENIED;
	bool far = in->skew_ms > ANSWER_SKEW_MS || in->skew_ms < -ANSWER_SKEW_MS;
	/* The front end tells an old signature in several ways. */
	bool by_clock = cause == CAUSE_CLOCK || (far && cause == CAUSE_SIGNATURE) ||
			(far && answer_type_cause(in->error_type) == CAUSE_ACCESS_DENIED);
	stop(a, in, by_clock && !in->clock_corrected ? CAUSE_CLOCK : cause, FORBIDDEN_MIN_MS);
	if (by_clock && !in->clock_corrected)
		a->action = ANSWER_CLOCK;
	else if (cause == CAUSE_CREDENTIALS)
		a->action = ANSWER_REFRESH;
}

static void too_many(struct answer *a, const struct answer_in *in, enum answer_cause cause)
{
	if (series_limit(a, DROP_ANSWERED_429, cause))
		return;
	if (cause != CAUSE_INGESTION_RATE && cause != CAUSE_REQUEST_RATE)
		cause = CAUSE_THROTTLED;
	if (in->drop_429)
		drop(a, DROP_ANSWERED_429, cause);
	else
		keep(a, in, cause);
}

static bool about_samples(enum answer_cause cause)
{
	return (cause >= CAUSE_HA_CLUSTERS && cause <= CAUSE_METADATA) ||
	       cause == CAUSE_UNDECODABLE || cause == CAUSE_PROTOCOL;
}

/* front: told by the front end, which has stored nothing. */
static void bad_request(struct answer *a, const struct answer_in *in, enum answer_cause cause,
			bool front)
{
	if (cause == CAUSE_SIZE) {
		a->action = ANSWER_SPLIT;
		a->cause = cause;
	} else if (front && cause == CAUSE_REQUEST_RATE) {
		too_many(a, in, cause);
	} else if (front && cause >= CAUSE_CREDENTIALS && cause <= CAUSE_ACCESS_DENIED) {
		forbidden(a, in, cause);
	} else if (!series_limit(a, DROP_ANSWERED_400, cause)) {
		drop(a, DROP_ANSWERED_400, about_samples(cause) ? cause : CAUSE_NOT_NAMED);
	}
}

static void client_error(struct answer *a, const struct answer_in *in, enum answer_cause cause,
			 bool front)
{
	switch (in->status) {
	case 400:
		bad_request(a, in, cause, front);
		return;
	case 401:
	case 407:
		stop(a, in, CAUSE_CREDENTIALS, FORBIDDEN_MIN_MS);
		return;
	case 403:
		forbidden(a, in, cause);
		return;
	case 404:
		stop(a, in, CAUSE_NOT_FOUND, NOT_FOUND_MIN_MS);
		return;
	case 408:
		keep(a, in, CAUSE_SERVER);
		return;
	case 413:
		a->action = ANSWER_SPLIT;
		a->cause = CAUSE_SIZE;
		return;
	case 429:
		too_many(a, in, cause);
		return;
	}
	drop(a, DROP_ANSWERED_4XX, in->status == 415 ? CAUSE_PROTOCOL : CAUSE_REFUSED);
}

static bool taken(const struct answer_in *in)
{
	return in->status >= 200 && in->status < 300;
}

static bool is_html(struct sv type)
{
	static const struct sv html = SV("text/html");
	return type.len >= html.len && sv_eq_nocase(sv_make(type.ptr, html.len), html);
}

static void refused(struct answer *a, const struct answer_in *in)
{
	char scratch[LIMIT_ANSWER_BYTES];
	struct answer_said said = {.cause = CAUSE_NONE};
	/* A page for people is some proxy's, and no error of the service. */
	if (!is_html(in->content_type))
		answer_body_read(in->body, scratch, &said);
	enum answer_cause by_type =
		answer_type_cause(in->error_type.len > 0 ? in->error_type : said.type);
	bool front = said.json || by_type != CAUSE_NONE;
	/* An error's name says less than the text where the clock is concerned. */
	enum answer_cause cause =
		by_type == CAUSE_NONE || said.cause == CAUSE_CLOCK ? said.cause : by_type;
	put_clean(a->subject, sizeof a->subject, said.subject);
	if (in->status >= 400 && in->status < 500)
		client_error(a, in, cause, front);
	else if (in->status >= 500 && in->status < 600)
		keep(a, in, CAUSE_SERVER);
	else if (in->status >= 300 && in->status < 400)
		/* Nothing is stored here, and a signature is not taken elsewhere. */
		stop(a, in, CAUSE_REDIRECT, NOT_FOUND_MIN_MS);
	else
		drop(a, DROP_ANSWERED_OTHER, CAUSE_REFUSED);
}

struct answer answer_decide(const struct answer_in *in)
{
	struct answer a = {.action = ANSWER_DONE};
	/* An answer too long to read still has its status; without one the peer did not answer. */
	if (in->result != HTTP_OK && !(in->result == HTTP_TOO_LARGE && in->status > 0)) {
		not_sent(&a, in);
	} else if (in->status == 202) {
		a.action = ANSWER_DEDUPLICATED;
		a.cause = CAUSE_REPLICA;
	} else if (in->v2 && (in->status == 415 || (taken(in) && !in->confirmed))) {
		/* A receiver of 1.0 sees an empty message: what was sent is nowhere. */
		a.action = ANSWER_FALL_BACK;
		a.cause = CAUSE_PROTOCOL;
	} else if (!taken(in)) {
		refused(&a, in);
	}
	return a;
}

struct answer answer_judge(const struct http_answer *a, struct sv body,
			   const struct answer_asked *asked, const struct answer_written *written)
{
	struct answer_in in = {
		.result = a->result,
		.status = a->status,
		.retry_after = a->retry_after,
		.drop_429 = asked->drop_429,
		.now_wall_ms = asked->now_wall_ms,
		.v2 = asked->v2,
		.confirmed = written->confirmed,
		.error_type = a->error_type,
		.content_type = a->content_type,
		.body = body,
		.skew_ms = answer_skew_ms(a, asked->now_wall_ms + asked->signed_ahead_ms),
		.clock_corrected = asked->clock_corrected,
	};
	return answer_decide(&in);
}

char *answer_text(char *dst, size_t size, const struct http_answer *a, struct sv body)
{
	char shown[BODY_SHOWN + 1], id[96], type[96];
	put_clean(shown, sizeof shown, sv_trim(body));
	put_clean(id, sizeof id, a->request_id);
	put_clean(type, sizeof type, a->status > 0 ? a->error_type : SV_NULL);
	int n = a->result != HTTP_OK && a->status == 0
			? snprintf(dst, size, "%s", a->error ? a->error : "no answer")
			: snprintf(dst, size, "server returned HTTP status %d", a->status);
	size_t at = n < 0 ? 0 : (size_t)n;
	if (at < size && type[0])
		at += (size_t)snprintf(dst + at, size - at, " (%s)", type);
	if (at < size && shown[0])
		at += (size_t)snprintf(dst + at, size - at, ": %s", shown);
	if (at < size && id[0])
		snprintf(dst + at, size - at, " [request id %s]", id);
	return dst;
}
