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
	CONFIG_MAX_MS = 60000,
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

static struct answer retry(const struct answer_in *in)
{
	return (struct answer){.action = ANSWER_RETRY,
			       .after_ms = answer_retry_after_ms(in->retry_after, in->now_wall_ms)};
}

static struct answer retry_slowly(const struct answer_in *in, int64_t min_ms)
{
	struct answer a = retry(in);
	a.min_backoff_ms = min_ms;
	a.max_backoff_ms = CONFIG_MAX_MS;
	a.loud = true;
	return a;
}

static struct answer drop(enum drop_reason reason)
{
	return (struct answer){.action = ANSWER_DROP, .reason = reason};
}

struct answer answer_decide(const struct answer_in *in)
{
	/* An answer too long to read still has its status; without one the peer did not answer. */
	if (in->result != HTTP_OK && !(in->result == HTTP_TOO_LARGE && in->status > 0))
		return retry(in);
	int status = in->status;
	if (status == 202)
		return (struct answer){.action = ANSWER_DEDUPLICATED};
	/* A receiver of 1.0 sees an empty message: what was sent is nowhere. */
	if (in->v2 && (status == 415 || (status >= 200 && status < 300 && !in->confirmed)))
		return (struct answer){.action = ANSWER_FALL_BACK};
	if (status >= 200 && status < 300)
		return (struct answer){.action = ANSWER_DONE};
	switch (status) {
	case 400:
		return drop(DROP_ANSWERED_400);
	case 403:
		return retry_slowly(in, FORBIDDEN_MIN_MS);
	case 404:
		return retry_slowly(in, NOT_FOUND_MIN_MS);
	case 413:
		return (struct answer){.action = ANSWER_SPLIT};
	case 429:
		return in->drop_429 ? drop(DROP_ANSWERED_429) : retry(in);
	}
	if (status >= 500 && status < 600)
		return retry(in);
	return drop(status >= 400 && status < 500 ? DROP_ANSWERED_4XX : DROP_ANSWERED_OTHER);
}

/* An UTF-8 text stays as it is but for control bytes; other bytes become '?'. */
static void put_clean(char *dst, size_t size, struct sv s)
{
	/* A character may be cut at the end: up to three bytes are given up to find a whole one. */
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

char *answer_text(char *dst, size_t size, const struct http_answer *a, struct sv body)
{
	char shown[BODY_SHOWN + 1], id[96], type[96];
	body = sv_trim(body);
	if (body.len > BODY_SHOWN)
		body.len = BODY_SHOWN;
	put_clean(shown, sizeof shown, body);
	put_clean(id, sizeof id, a->request_id);
	put_clean(type, sizeof type, a->error_type);
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
