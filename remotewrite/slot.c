/* Requests: one slot a shard has one request from its cutting to its final answer.
 *
 * slot.state changes in slot_turn(), send() and judge.c only:
 *   IDLE -> FLYING         cut and started
 *   IDLE -> WAITING        cut, but it could not be started
 *   FLYING -> IDLE         done, dropped, or to be cut smaller
 *   FLYING -> WAITING      to be sent again
 *   WAITING -> FLYING      the wait is over
 *   WAITING -> IDLE        its samples grew too old, or the protocol changed: cut again
 */
#include "judge.h"

#include "symbols.h"

#include <ampagent/base/compress.h>
#include <stdlib.h>

enum {
	NOMEM_RETRY_MS = 1000,
};

void slot_init(struct slot *s, struct destination *d, uint32_t index)
{
	*s = (struct slot){.d = d, .index = index, .kept = 1};
	buf_init_in(&s->body, WORKSPACE_BYTES, BUDGET_QUEUES);
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

/* ---- sending ---- */

static void slot_answered(void *cls, const struct http_answer *a, struct sv body)
{
	struct slot *s = cls;
	struct destination *d = s->d;
	s->flight = NULL;
	d->host.now(d->host.cls, &d->now_ms, &d->wall_ms);
	destination_note_time(d);
	if (a->status > 0)
		age_clock_answer(&d->age, d->now_ms, d->wall_ms, a->date);
	judge_samples(s, a, body);
	d->host.wake(d->host.cls);
}

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
	judge_sending(s);
	pace_spend(&d->pace, d->now_ms, s->built.books.sent);
	d->stats.bytes += s->body.len;
	if (start(s, slot_answered, &err) == 0)
		return;
	s->flight = NULL;
	struct http_answer a = {.result = HTTP_LOCAL, .error = err.msg};
	judge_samples(s, &a, SV_NULL);
}

/* ---- cutting ---- */

static int64_t oldest_allowed(struct destination *d)
{
	int64_t limit = d->cfg.queue.sample_age_limit_ms;
	int64_t now_ms = age_clock_now(&d->age, d->now_ms, d->wall_ms);
	return limit > 0 ? now_ms - limit : INT64_MIN;
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
		.accepted = &d->shed.accepted,
		.shed = shed_cut(s),
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
	uint64_t max = destination_max_samples(d);
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
	shed_built(s);
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
	int64_t due = loaded_ms + destination_deadline_ms(d);
	if (d->draining || d->eager || s->hurry > 0 || d->now_ms >= due || holds_up(s) ||
	    (double)waiting * s->kept >= (double)destination_max_samples(d))
		return true;
	want(wake, due);
	return false;
}

/* Keys that were refused may have been replaced: no reason to wait any longer. */
static bool keys_came(struct slot *s)
{
	const struct destination *d = s->d;
	const struct send_seam *seam = &d->cfg.send;
	if (s->keys_look_at == 0 || d->now_ms < s->keys_look_at || !seam->other_keys)
		return false;
	s->keys_look_at = d->now_ms + KEYS_LOOK_MS;
	return seam->other_keys(seam->cls);
}

static bool must_wait(struct slot *s, int64_t *wake)
{
	if (s->d->now_ms >= s->retry_at || keys_came(s))
		return false;
	want(wake, s->retry_at);
	if (s->keys_look_at != 0)
		want(wake, s->keys_look_at);
	return true;
}

int slot_turn(struct slot *s, int64_t *wake)
{
	struct destination *d = s->d;
	if (s->state == SLOT_FLYING || destination_quiesces(d))
		return 0;
	if (must_wait(s, wake))
		return 0;
	if (s->state == SLOT_WAITING &&
	    (s->built.oldest_ms < oldest_allowed(d) || s->protocol != destination_protocol(d)))
		s->state = SLOT_IDLE;
	if (s->state == SLOT_IDLE && !should_send(s, wake))
		return 0;
	int64_t next = pace_next(&d->pace, d->now_ms);
	if (next > d->now_ms) {
		want(wake, next);
		return 0;
	}
	if (s->state == SLOT_IDLE) {
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
			judge_finish(s, 0, DROP_REASONS_);
			return 1;
		}
	}
	send(s);
	if (s->state == SLOT_WAITING)
		want(wake, s->retry_at);
	return s->state == SLOT_IDLE;
}

/* ---- metadata ---- */

static void metadata_answered(void *cls, const struct http_answer *a, struct sv body)
{
	struct slot *s = cls;
	struct destination *d = s->d;
	d->host.now(d->host.cls, &d->now_ms, &d->wall_ms);
	destination_note_time(d);
	judge_metadata(s, a, body);
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
	if (must_wait(s, wake))
		return;
	if (metadata_pack(s)) {
		s->retry_at = d->now_ms + NOMEM_RETRY_MS;
		want(wake, s->retry_at);
		return;
	}
	d->stats.metadata_bytes += s->body.len;
	struct err err = ERR_NULL;
	if (start(s, metadata_answered, &err)) {
		struct http_answer a = {.result = HTTP_LOCAL, .error = err.msg};
		judge_metadata(s, &a, SV_NULL);
		want(wake, s->retry_at);
	}
}
