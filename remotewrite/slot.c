/* Requests: one slot a shard has one request from its cutting to its final answer.
 *
 * slot.state changes in slot_turn(), send(), slot_answered() only:
 *   IDLE -> FLYING         cut and started
 *   IDLE -> WAITING        cut, but it could not be started
 *   FLYING -> IDLE         done, dropped, or to be cut smaller
 *   FLYING -> WAITING      to be sent again
 *   WAITING -> FLYING      the wait is over
 *   WAITING -> IDLE        its samples grew too old, or the protocol changed: cut again
 */
#include "destination.h"

#include "symbols.h"

#include <ampagent/base/compress.h>
#include <stdlib.h>

enum {
	RAW_FLOOR_BYTES = 64 * 1024,
	COMPRESSED_FLOOR_BYTES = 16 * 1024,
	NOMEM_RETRY_MS = 1000,
	RETRY_FLOOR_MS = 1,
	KEEP_BODY_BYTES = 256 * 1024,
};

void slot_init(struct slot *s, struct destination *d, uint32_t index)
{
	*s = (struct slot){.d = d, .index = index, .kept = 1};
	buf_init(&s->body, WORKSPACE_BYTES);
}

void slot_deinit(struct slot *s)
{
	if (s->state == SLOT_FLYING && s->flight)
		s->seam.cancel(s->seam.cls, s->flight);
	s->flight = NULL;
	s->state = SLOT_IDLE;
	buf_deinit(&s->body);
}

static void want(int64_t *wake, int64_t at)
{
	if (at < *wake)
		*wake = at;
}

/* ---- answers ---- */

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

static void count_sent(const struct slot *s)
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

static void retry(struct slot *s, const struct answer *a, const char *text)
{
	struct destination *d = s->d;
	int64_t wait = next_wait(s, a);
	s->state = SLOT_WAITING;
	s->retry_at = d->now_ms + wait;
	s->attempt++;
	count_retried(s);
	trouble_retry(d, text, a->loud, wait);
}

static void idle(struct slot *s)
{
	s->state = SLOT_IDLE;
	s->attempt = 0;
	s->backoff_ms = 0;
	s->retry_at = 0;
	buf_shrink(&s->body, KEEP_BODY_BYTES);
}

static void add_dropped(uint64_t to[DROP_REASONS_], const struct books *b)
{
	for (int i = 0; i < DROP_REASONS_; i++)
		to[i] += b->dropped[i];
}

/* The request is over: `written` of its samples count as sent, the rest under the reason. */
static void finish(struct slot *s, uint64_t written, enum drop_reason reason)
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

/* Refused, but for what the peer says it wrote all the same. */
static void drop(struct slot *s, enum drop_reason reason, const char *text,
		 const struct answer_written *w)
{
	struct destination *d = s->d;
	const struct answer_written none = {.confirmed = false};
	/* An earlier run may have sent these already, and the peer then refuses them: only what
	 * was not repeated is a loss. That earlier requests were taken says nothing: what they
	 * brought again may have been the newest of its series. */
	if (reason == DROP_ANSWERED_400 && s->maybe_repeated) {
		uint64_t written = least(w->samples, floats(&s->built)) +
				   least(w->histograms, s->built.histograms.sent);
		trouble_drop(d, text, DROP_REPEATED, s->built.books.sent - written);
		finish(s, written, DROP_REPEATED);
		return;
	}
	uint64_t written = count_written(s, w->confirmed ? w : &none);
	trouble_drop(d, text, reason, s->built.books.sent - written);
	finish(s, written, reason);
}

/* Taken: all of it, unless the peer says less. */
static void taken(struct slot *s, const struct answer_written *w)
{
	struct destination *d = s->d;
	uint64_t sent = s->built.books.sent;
	trouble_over(d);
	uint64_t written = w->confirmed ? count_written(s, w) : sent;
	if (written < sent)
		trouble_drop(d, "the request was accepted, but not all samples were written",
			     DROP_ANSWERED_PARTIAL, sent - written);
	finish(s, written, DROP_ANSWERED_PARTIAL);
}

/* The same samples go again, at once, as 1.0. */
static void fall_back(struct slot *s, const char *text)
{
	struct destination *d = s->d;
	count_retried(s);
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
static void split(struct slot *s, const char *text)
{
	struct destination *d = s->d;
	if (s->built.books.sent <= 1) {
		const struct answer_written none = {.confirmed = false};
		drop(s, DROP_TOO_LARGE, text, &none);
		return;
	}
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

static struct answer decide(const struct slot *s, const struct http_answer *a, bool confirmed)
{
	const struct destination *d = s->d;
	struct answer_in in = {
		.result = a->result,
		.status = a->status,
		.retry_after = a->retry_after,
		.drop_429 = d->cfg.queue.retry_on_http_429_set && !d->cfg.queue.retry_on_http_429,
		.now_wall_ms = d->wall_ms,
		.v2 = s->protocol == REMOTEWRITE_V2,
		.confirmed = confirmed,
	};
	return answer_decide(&in);
}

static void slot_judge(struct slot *s, const struct http_answer *a, struct sv body)
{
	struct destination *d = s->d;
	char text[1024];
	struct answer_written written = answer_written(a);
	struct answer answer = decide(s, a, written.confirmed);
	if (answer.action != ANSWER_DONE && answer.action != ANSWER_DEDUPLICATED) {
		d->stats.failed_requests++;
		answer_text(text, sizeof text, a, body);
		if (d->cfg.failed_request_logging)
			trouble_request(s, text);
	}
	switch (answer.action) {
	case ANSWER_DONE:
		taken(s, &written);
		break;
	case ANSWER_DEDUPLICATED:
		trouble_over(d);
		finish(s, 0, DROP_HA_DEDUPLICATED);
		break;
	case ANSWER_RETRY:
		retry(s, &answer, text);
		break;
	case ANSWER_SPLIT:
		split(s, text);
		break;
	case ANSWER_FALL_BACK:
		fall_back(s, text);
		break;
	case ANSWER_DROP:
		drop(s, answer.reason, text, &written);
		break;
	}
}

static void slot_answered(void *cls, const struct http_answer *a, struct sv body)
{
	struct slot *s = cls;
	struct destination *d = s->d;
	s->flight = NULL;
	d->host.now(d->host.cls, &d->now_ms, &d->wall_ms);
	count_answer(d, a);
	slot_judge(s, a, body);
	d->host.wake(d->host.cls);
}

/* ---- sending ---- */

static int start(struct slot *s, send_done done, struct err *err)
{
	struct destination *d = s->d;
	struct send_request req = {
		.protocol = s->protocol,
		.body = buf_view(&s->body),
		.hash = s->hash,
		.attempt = s->attempt,
		.wall_ms = d->wall_ms,
		.timeout_ms = d->cfg.timeout_ms,
	};
	s->seam = d->cfg.send;
	s->state = SLOT_FLYING;
	d->stats.requests++;
	return s->seam.start(s->seam.cls, &req, done, s, &s->flight, err);
}

static void send(struct slot *s)
{
	struct destination *d = s->d;
	struct err err = ERR_NULL;
	d->eager = false;
	count_sent(s);
	d->stats.bytes += s->body.len;
	if (start(s, slot_answered, &err) == 0)
		return;
	s->flight = NULL;
	struct http_answer a = {.result = HTTP_LOCAL, .error = err.msg};
	count_answer(d, &a);
	slot_judge(s, &a, SV_NULL);
}

/* ---- cutting ---- */

static int64_t oldest_allowed(const struct destination *d)
{
	int64_t limit = d->cfg.queue.sample_age_limit_ms;
	return limit > 0 ? d->wall_ms - limit : INT64_MIN;
}

static uint64_t sequence_at(const struct progress *p, uint64_t no)
{
	return no < queue_end(&p->queue) ? queue_at(&p->queue, no)->pos.sequence : p->end.sequence;
}

/* A request ends where the rules change: its peer may look at the first series only to tell
 * replicas apart. */
static int cut(struct slot *s, uint32_t max_samples)
{
	struct destination *d = s->d;
	struct progress *p = &d->progress;
	struct shard_walk walk = progress_walk(p, s->index);
	struct cursor from = p->shards[s->index].done;
	uint64_t end, repeated_end = s->maybe_repeated ? d->start_head : UINT64_MAX;
	struct images *images = epochs_at(&d->epochs, sequence_at(p, from.no), &end);
	struct build_limits limits = {
		.max_samples = max_samples,
		.raw_max = d->raw_max,
		.oldest_ms = oldest_allowed(d),
		.sequence_end = end < repeated_end ? end : repeated_end,
		.as = {.protocol = s->protocol,
		       .exemplars = d->cfg.send_exemplars,
		       .histograms = d->cfg.send_native_histograms,
		       .symbols = d->ws->symbols,
		       .metadata = &d->ws->metadata},
	};
	buf_reset(&d->ws->raw);
	int r = shard_build(&walk, from, &limits, images, &d->ws->scratch, d->now_ms, &d->ws->raw,
			    &s->built);
	if (r == 0 && s->built.items == 0 && !s->built.fenced &&
	    sequence_at(p, s->built.end.no) >= repeated_end) {
		s->maybe_repeated = false;
		return cut(s, max_samples);
	}
	return r;
}

/* Compressed in the shared buffer, which has to hold the worst case; what waits for the network is
 * just as large as it is. */
static int pack(struct slot *s)
{
	struct workspace *ws = s->d->ws;
	buf_reset(&s->body);
	buf_reset(&ws->packed);
	s->hash[0] = 0;
	s->raw_bytes = ws->raw.len;
	if (snappy_block_compress(&ws->packed, buf_view(&ws->raw)) ||
	    buf_sv(&s->body, buf_view(&ws->packed)))
		return ERR_NOMEM;
	return 0;
}

/* Cuts a request that is small enough in every way. 0, ERR_NOMEM, or 1 when nothing of what was
 * passed is to be sent. */
static int build(struct slot *s)
{
	struct destination *d = s->d;
	uint64_t max = d->cfg.queue.max_samples_per_send;
	if (s->split_max > 0 && s->split_max < max)
		max = s->split_max;
	uint32_t n = max == 0 ? 1 : max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
	s->protocol = destination_protocol(d);
	if (s->protocol == REMOTEWRITE_V2 && !d->ws->symbols) {
		d->ws->symbols = symbols_new();
		if (!d->ws->symbols)
			return ERR_NOMEM;
	}
	for (;;) {
		int r = cut(s, n);
		if (r < 0)
			return r;
		uint64_t sent = s->built.books.sent;
		if (sent == 0)
			return 1;
		if (pack(s))
			return ERR_NOMEM;
		if (s->body.len <= d->compressed_max || sent == 1)
			break;
		n = (uint32_t)(sent / 2);
	}
	s->kept = 0.5 * s->kept +
		  0.5 * (double)s->built.books.sent / (double)(s->built.items ? s->built.items : 1);
	return 0;
}

/* Whether reading stands still until this shard moves. */
static bool holds_up(const struct slot *s)
{
	const struct progress *p = &s->d->progress;
	return p->queue.bytes >= SEND_READ_AHEAD_BYTES &&
	       p->shards[s->index].done.no == p->queue.first;
}

static bool should_send(struct slot *s, int64_t *wake)
{
	struct destination *d = s->d;
	int64_t loaded_ms = 0;
	uint64_t waiting = progress_waiting(&d->progress, s->index, &loaded_ms);
	if (waiting == 0)
		return false;
	int64_t due = loaded_ms + d->cfg.queue.batch_send_deadline_ms;
	if (d->draining || d->eager || s->hurry > 0 || d->now_ms >= due || holds_up(s) ||
	    (double)waiting * s->kept >= (double)d->cfg.queue.max_samples_per_send)
		return true;
	want(wake, due);
	return false;
}

int slot_turn(struct slot *s, int64_t *wake)
{
	struct destination *d = s->d;
	if (s->state == SLOT_FLYING || destination_quiesces(d))
		return 0;
	if (d->now_ms < s->retry_at) {
		want(wake, s->retry_at);
		return 0;
	}
	if (s->state == SLOT_WAITING &&
	    (s->built.oldest_ms < oldest_allowed(d) || s->protocol != destination_protocol(d)))
		s->state = SLOT_IDLE;
	if (s->state == SLOT_IDLE) {
		if (!should_send(s, wake))
			return 0;
		int r = build(s);
		if (r < 0) {
			s->retry_at = d->now_ms + NOMEM_RETRY_MS;
			want(wake, s->retry_at);
			return 0;
		}
		/* The shards that it waits for wake the destination when they move. */
		if (r > 0 && s->built.items == 0 && s->built.fenced)
			return 0;
		if (r > 0) {
			finish(s, 0, DROP_REASONS_);
			return 1;
		}
	}
	send(s);
	if (s->state == SLOT_WAITING)
		want(wake, s->retry_at);
	return s->state == SLOT_IDLE;
}

/* ---- metadata ---- */

/* The entries stay to be told when a later attempt may help; else they are passed over until the
 * next interval. */
static void metadata_failed(struct slot *s, const struct answer *answer)
{
	struct destination *d = s->d;
	d->stats.failed_requests++;
	if (answer->action == ANSWER_RETRY) {
		s->retry_at = d->now_ms + next_wait(s, answer);
		s->attempt++;
		return;
	}
	d->stats.metadata_failed += s->n_entries;
	d->metadata_next += s->n_entries;
	idle(s);
}

static void metadata_judge(struct slot *s, const struct http_answer *a)
{
	struct destination *d = s->d;
	struct answer answer = decide(s, a, false);
	s->flight = NULL;
	s->state = SLOT_IDLE;
	count_answer(d, a);
	if (answer.action == ANSWER_DONE || answer.action == ANSWER_DEDUPLICATED) {
		d->stats.metadata += s->n_entries;
		d->metadata_next += s->n_entries;
		idle(s);
	} else {
		metadata_failed(s, &answer);
	}
	/* It is made again when it is sent again. */
	buf_shrink(&s->body, 0);
}

static void metadata_answered(void *cls, const struct http_answer *a, struct sv body)
{
	struct slot *s = cls;
	struct destination *d = s->d;
	d->host.now(d->host.cls, &d->now_ms, &d->wall_ms);
	metadata_judge(s, a);
	d->host.wake(d->host.cls);
}

/* Whether there are entries to tell now. Everything is told once an interval; a round that takes
 * longer, because the peer fails, gives way to the next. */
static bool metadata_due(struct destination *d, int64_t *wake)
{
	if (d->now_ms >= d->metadata_at) {
		d->stats.metadata_failed += d->metadata_to - d->metadata_next;
		d->metadata_at = d->now_ms + d->cfg.metadata.send_interval_ms;
		d->metadata_next = 0;
		d->metadata_to = d->ws->metadata.n;
	}
	if (d->metadata_next < d->metadata_to)
		return true;
	want(wake, d->metadata_at);
	return false;
}

static int metadata_pack(struct slot *s)
{
	struct destination *d = s->d;
	uint64_t max = d->cfg.metadata.max_samples_per_send;
	uint32_t left = d->metadata_to - d->metadata_next;
	uint32_t n = max > 0 && max < left ? (uint32_t)max : left;
	buf_reset(&d->ws->raw);
	s->n_entries = metadata_encode(&d->ws->metadata, d->metadata_next, d->metadata_next + n,
				       SEND_COMPRESSED_BYTES, &d->ws->raw);
	return s->n_entries == 0 || pack(s) ? ERR_NOMEM : 0;
}

void metadata_turn(struct destination *d, int64_t *wake)
{
	struct slot *s = &d->metadata_slot;
	/* In 2.0 each series has its own. */
	if (!d->cfg.metadata.send || destination_protocol(d) == REMOTEWRITE_V2 || d->draining ||
	    s->state == SLOT_FLYING || !metadata_due(d, wake))
		return;
	if (d->now_ms < s->retry_at) {
		want(wake, s->retry_at);
		return;
	}
	if (metadata_pack(s)) {
		s->retry_at = d->now_ms + NOMEM_RETRY_MS;
		want(wake, s->retry_at);
		return;
	}
	d->stats.metadata_bytes += s->body.len;
	struct err err = ERR_NULL;
	if (start(s, metadata_answered, &err)) {
		struct http_answer a = {.result = HTTP_LOCAL, .error = err.msg};
		metadata_judge(s, &a);
		want(wake, s->retry_at);
	}
}
