/* What an answer does to the request it is for: its state, the books, the waits. */
#include "judge.h"

enum {
	RAW_FLOOR_BYTES = 64 * 1024,
	COMPRESSED_FLOOR_BYTES = 16 * 1024,
	RETRY_FLOOR_MS = 1,
	KEEP_BODY_BYTES = 256 * 1024,
};

static void count_answer(struct destination *d, const struct http_answer *a)
{
	struct destination_stats *st = &d->stats;
	int code = a->result == HTTP_OK || a->status > 0 ? a->status : 0;
	for (int i = 0; i < STATUS_CODES; i++) {
		if (st->codes[i].n > 0 && st->codes[i].code != code && i < STATUS_CODES - 1)
			continue;
		st->codes[i].code = code;
		st->codes[i].n++;
		break;
	}
	double seconds = (double)a->duration_ns / 1e9;
	int i = 0;
	while (i < LATENCY_BUCKETS && seconds > destination_latency_bounds[i])
		i++;
	st->latency[i]++;
	st->latency_sum_s += seconds;
}

static uint64_t next_random(struct destination *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

/* Doubles from the least to the most wait; up to a quarter more so that shards and replicas do not
 * come back together. What the peer asked for comes first. */
static int64_t next_wait(struct slot *s, const struct answer *a)
{
	const struct queue_options *q = &s->d->cfg.queue;
	int64_t min = a->min_backoff_ms > q->min_backoff_ms ? a->min_backoff_ms : q->min_backoff_ms;
	int64_t max = a->max_backoff_ms > q->max_backoff_ms ? a->max_backoff_ms : q->max_backoff_ms;
	if (min < RETRY_FLOOR_MS)
		min = RETRY_FLOOR_MS;
	if (max < min)
		max = min;
	s->backoff_ms = s->backoff_ms < min ? min : s->backoff_ms * 2;
	if (s->backoff_ms > max)
		s->backoff_ms = max;
	int64_t wait = s->backoff_ms;
	wait += (int64_t)(next_random(s->d) % (uint64_t)(wait / 4 + 1));
	return wait > a->after_ms ? wait : a->after_ms;
}

/* Floats, for Prometheus's metrics tell them from histograms. */
static uint64_t floats(const struct built *b)
{
	return b->books.sent - b->histograms.sent;
}

void judge_sending(const struct slot *s)
{
	struct destination_stats *st = &s->d->stats;
	st->samples.sent += floats(&s->built);
	st->histograms.sent += s->built.histograms.sent;
	st->exemplars.sent += s->built.exemplars.sent;
}

static void count_retried(const struct slot *s)
{
	struct destination_stats *st = &s->d->stats;
	st->samples.retried += floats(&s->built);
	st->histograms.retried += s->built.histograms.sent;
	st->exemplars.retried += s->built.exemplars.sent;
}

static void note_throttled(struct destination *d, enum answer_cause cause)
{
	if (cause == CAUSE_REQUEST_RATE)
		destination_throttled(d, THROTTLE_REQUESTS);
	else if (cause == CAUSE_INGESTION_RATE || cause == CAUSE_THROTTLED)
		destination_throttled(d, THROTTLE_INGESTION);
}

/* An answer that says no, for metrics and the table of offenders. */
static void note_refused(struct destination *d, const struct answer *a, uint64_t samples,
			 const char *text)
{
	if (a->cause == CAUSE_NONE || a->cause == CAUSE_REPLICA || a->cause == CAUSE_UNREACHABLE)
		return;
	d->stats.refused[a->cause]++;
	offenders_note(&d->offenders, a, samples, d->wall_ms, text);
}

/* When to try again. What the answer itself let be repaired is tried at once, but once a request.
 */
static int64_t wait_after(struct slot *s, const struct answer *a)
{
	bool repaired = false;
	bool look = a->action == ANSWER_REFRESH && a->after_ms == 0;
	s->keys_look_at = look ? s->d->now_ms + KEYS_LOOK_MS : 0;
	if (a->action == ANSWER_CLOCK) {
		repaired = s->clock_corrected = true;
	} else if (a->action == ANSWER_REFRESH && s->seam.refresh) {
		repaired = s->seam.refresh(s->seam.cls) && !s->refreshed;
		s->refreshed = true;
	}
	return repaired ? 0 : next_wait(s, a);
}

static void retry(struct slot *s, const struct answer *a, const char *text)
{
	struct destination *d = s->d;
	int64_t wait = wait_after(s, a);
	s->state = SLOT_WAITING;
	s->retry_at = d->now_ms + wait;
	s->attempt++;
	count_retried(s);
	note_refused(d, a, 0, text);
	trouble_retry(d, a, text, wait);
}

static void idle(struct slot *s)
{
	s->state = SLOT_IDLE;
	s->attempt = 0;
	s->backoff_ms = 0;
	s->retry_at = 0;
	s->clock_corrected = s->refreshed = false;
	s->keys_look_at = 0;
	buf_shrink(&s->body, KEEP_BODY_BYTES);
}

static void add_dropped(uint64_t to[DROP_REASONS_], const struct books *b)
{
	for (int i = 0; i < DROP_REASONS_; i++)
		to[i] += b->dropped[i];
}

/* The request is over: `written` of its samples count as sent, the rest under the reason. */
void judge_finish(struct slot *s, uint64_t written, enum drop_reason reason)
{
	struct destination *d = s->d;
	struct books books = s->built.books;
	if (written > 0 && s->built.newest_ms > d->stats.highest_sent_ms)
		d->stats.highest_sent_ms = s->built.newest_ms;
	if (written < books.sent) {
		books.dropped[reason] += books.sent - written;
		books.sent = written;
	}
	add_dropped(d->stats.histograms_dropped, &s->built.histograms);
	add_dropped(d->stats.exemplars_dropped, &s->built.exemplars);
	progress_commit(&d->progress, s->index, &s->built, &books);
	d->dirty = true;
	s->hurry -= s->hurry < s->built.items ? s->hurry : s->built.items;
	/* Part by part larger again: one odd sample among many costs a few requests, not many. */
	s->split_max = s->hurry > 0 ? s->split_max * 2 : 0;
	idle(s);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How many of the request's samples the peer says it wrote; what it did not counts as failed. */
static uint64_t count_written(struct slot *s, const struct answer_written *w)
{
	const struct built *b = &s->built;
	struct destination_stats *st = &s->d->stats;
	uint64_t samples = least(w->samples, floats(b));
	uint64_t histograms = least(w->histograms, b->histograms.sent);
	st->samples.failed += floats(b) - samples;
	st->histograms.failed += b->histograms.sent - histograms;
	st->exemplars.failed += b->exemplars.sent - least(w->exemplars, b->exemplars.sent);
	return samples + histograms;
}

/* Why a peer refuses what it has already, when a later sample of the series came after it. */
static bool may_be_repetition(enum answer_cause cause)
{
	return cause == CAUSE_OUT_OF_ORDER || cause == CAUSE_TOO_OLD || cause == CAUSE_DUPLICATE ||
	       cause == CAUSE_NOT_NAMED;
}

/* The service stores the others of a request, of which it names one sample. */
static void note_series(struct slot *s, const struct answer *a)
{
	if (a->action == ANSWER_SHED)
		shed_refused(s);
	else
		shed_other(s, a->cause >= CAUSE_OUT_OF_ORDER && a->cause <= CAUSE_INVALID);
}

static void drop_as(struct slot *s, const struct answer *a, enum drop_reason reason,
		    uint64_t written, const char *text)
{
	note_series(s, a);
	uint64_t lost = s->built.books.sent - written;
	note_refused(s->d, a, lost, text);
	trouble_drop(s->d, a, text, reason, lost);
	judge_finish(s, written, reason);
}

/* Refused, but for what the peer says it wrote all the same. */
static void drop(struct slot *s, const struct answer *a, const char *text,
		 const struct answer_written *w)
{
	const struct answer_written none = {.confirmed = false};
	/* An earlier run may have sent these already, and the peer then refuses them: only what
	 * was not repeated is a loss. That earlier requests were taken says nothing: what they
	 * brought again may have been the newest of its series. */
	if (a->reason == DROP_ANSWERED_400 && s->maybe_repeated && may_be_repetition(a->cause)) {
		uint64_t written = least(w->samples, floats(&s->built)) +
				   least(w->histograms, s->built.histograms.sent);
		drop_as(s, a, DROP_REPEATED, written, text);
		return;
	}
	drop_as(s, a, a->reason, count_written(s, w->confirmed ? w : &none), text);
}

/* Taken: all of it, unless the peer says less. */
static void taken(struct slot *s, const struct answer_written *w)
{
	static const struct answer partial = {.cause = CAUSE_NOT_NAMED};
	struct destination *d = s->d;
	uint64_t sent = s->built.books.sent;
	trouble_over(d);
	shed_taken(s);
	uint64_t written = w->confirmed ? count_written(s, w) : sent;
	if (written < sent)
		trouble_drop(d, &partial,
			     "the request was accepted, but not all samples were written",
			     DROP_ANSWERED_PARTIAL, sent - written);
	judge_finish(s, written, DROP_ANSWERED_PARTIAL);
}

/* The same samples go again, at once, as 1.0. */
static void fall_back(struct slot *s, const struct answer *a, const char *text)
{
	struct destination *d = s->d;
	count_retried(s);
	note_refused(d, a, 0, text);
	if (!d->fell_back)
		trouble_fell_back(d, text);
	d->fell_back = true;
	if (s->hurry < s->built.items)
		s->hurry = s->built.items;
	idle(s);
}

static size_t lower(size_t limit, size_t to, size_t floor)
{
	if (to < floor)
		to = floor;
	return to < limit ? to : limit;
}

/* Too large: its parts go at once, and all requests are smaller for a while. The common limit does
 * not follow one odd request all the way down. */
static void split(struct slot *s, const struct answer *a, const char *text)
{
	struct destination *d = s->d;
	if (s->built.books.sent <= 1) {
		const struct answer_written none = {.confirmed = false};
		drop_as(s, a, DROP_TOO_LARGE, count_written(s, &none), text);
		return;
	}
	note_refused(d, a, 0, text);
	trouble_split(d, a, text);
	d->stats.splits++;
	d->raw_max = lower(d->raw_max, s->raw_bytes / 2, RAW_FLOOR_BYTES);
	d->compressed_max = lower(d->compressed_max, s->body.len / 2, COMPRESSED_FLOOR_BYTES);
	d->shrunk_at = d->now_ms;
	uint32_t half = (uint32_t)(s->built.books.sent / 2);
	if (s->hurry < s->built.items)
		s->hurry = s->built.items;
	idle(s);
	s->split_max = half;
}

static struct answer decide(const struct slot *s, const struct http_answer *a, struct sv body,
			    const struct answer_written *written)
{
	const struct destination *d = s->d;
	struct answer_asked asked = {
		.now_wall_ms = d->wall_ms,
		.signed_ahead_ms =
			s->seam.signed_ahead_ms ? s->seam.signed_ahead_ms(s->seam.cls) : 0,
		.v2 = s->protocol == REMOTEWRITE_V2,
		.drop_429 = d->cfg.queue.retry_on_http_429_set && !d->cfg.queue.retry_on_http_429,
		.clock_corrected = s->clock_corrected,
	};
	return answer_judge(a, body, &asked, written);
}

void judge_samples(struct slot *s, const struct http_answer *a, struct sv body)
{
	struct destination *d = s->d;
	char text[1024];
	struct answer_written written = answer_written(a);
	struct answer answer = decide(s, a, body, &written);
	count_answer(d, a);
	if (answer.action != ANSWER_DONE && answer.action != ANSWER_DEDUPLICATED) {
		d->stats.failed_requests++;
		answer_text(text, sizeof text, a, body);
		if (d->cfg.failed_request_logging)
			trouble_request(s, text);
	}
	note_throttled(d, answer.cause);
	switch (answer.action) {
	case ANSWER_DONE:
		taken(s, &written);
		break;
	case ANSWER_DEDUPLICATED:
		trouble_over(d);
		judge_finish(s, 0, DROP_HA_DEDUPLICATED);
		break;
	case ANSWER_RETRY:
	case ANSWER_REFRESH:
	case ANSWER_CLOCK:
	case ANSWER_STOP:
		retry(s, &answer, text);
		break;
	case ANSWER_SPLIT:
		split(s, &answer, text);
		break;
	case ANSWER_FALL_BACK:
		fall_back(s, &answer, text);
		break;
	case ANSWER_DROP:
	case ANSWER_SHED:
		drop(s, &answer, text, &written);
		break;
	}
}

/* ---- metadata ---- */

/* The entries stay to be told when a later attempt may help; else they are passed over until the
 * next interval. */
static void metadata_failed(struct slot *s, const struct answer *answer, const char *text)
{
	struct destination *d = s->d;
	d->stats.failed_requests++;
	note_refused(d, answer, 0, text);
	if (answer_keeps(answer)) {
		s->retry_at = d->now_ms + wait_after(s, answer);
		s->attempt++;
		return;
	}
	d->stats.metadata_failed += s->n_entries;
	d->metadata_next += s->n_entries;
	idle(s);
}

void judge_metadata(struct slot *s, const struct http_answer *a, struct sv body)
{
	struct destination *d = s->d;
	const struct answer_written none = {.confirmed = false};
	struct answer answer = decide(s, a, body, &none);
	char text[1024];
	s->flight = NULL;
	s->state = SLOT_IDLE;
	count_answer(d, a);
	if (answer.action == ANSWER_DONE || answer.action == ANSWER_DEDUPLICATED) {
		d->stats.metadata += s->n_entries;
		d->metadata_next += s->n_entries;
		idle(s);
	} else {
		metadata_failed(s, &answer, answer_text(text, sizeof text, a, body));
	}
	/* It is made again when it is sent again. */
	buf_shrink(&s->body, 0);
}
