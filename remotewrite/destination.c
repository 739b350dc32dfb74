/* The destination's turn: read, change shards, send, store. */
#include "destination.h"

#include "symbols.h"

#include <ampagent/base/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	STORE_EVERY_MS = 1000,
	SWEEP_EVERY_MS = 15000,
	/* A peer that once refused a size is tried with twice of it after this long. */
	REGROW_AFTER_MS = 600000,
	KEEP_RAW_BYTES = 1024 * 1024,
	REACH_REQUESTS = 256,
	/* Read-ahead may take one n-th of the memory budget. */
	READ_AHEAD_PART = 16,
	/* Rounds of a turn without a request: then other destinations have theirs. */
	ROUNDS_MAX = 16,
};

const double destination_latency_bounds[LATENCY_BUCKETS] = {.005, .01, .025, .05, .1, .25, .5, 1,
							    2.5,  5,   10,   25,  60, 120, 300};

void workspace_init(struct workspace *w)
{
	buf_init_in(&w->raw, WORKSPACE_BYTES, BUDGET_QUEUES);
	buf_init_in(&w->packed, WORKSPACE_BYTES, BUDGET_QUEUES);
	image_scratch_init(&w->scratch);
	metadata_table_init(&w->metadata);
	w->symbols = NULL;
}

void workspace_deinit(struct workspace *w)
{
	buf_deinit(&w->raw);
	buf_deinit(&w->packed);
	image_scratch_deinit(&w->scratch);
	metadata_table_deinit(&w->metadata);
	symbols_free(w->symbols);
	w->symbols = NULL;
}

/* ---- beginning and end ---- */

static void raise_top(uint64_t *top, const struct shard_place *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		/* A place inside a batch is beyond the batch's first sample. */
		uint64_t sequence = v[i].pos.sequence + (v[i].own > 0);
		if (sequence > *top)
			*top = sequence;
	}
}

static void clamp(struct shard_place *v, uint32_t n, struct wal_pos head)
{
	for (uint32_t i = 0; i < n; i++)
		if (v[i].pos.sequence + (v[i].own > 0) > head.sequence)
			v[i] = (struct shard_place){.pos = head};
}

/* A power loss may have taken the newest part of the log after it was sent. Its numbers are not to
 * be given again; where that cannot be, the places come down to the head. */
static void meet_head(struct destination *d, struct position *pos)
{
	uint64_t top = 0;
	raise_top(&top, pos->shards, pos->n);
	raise_top(&top, pos->former, pos->n_former);
	struct wal_pos head = d->log.head(d->log.cls);
	if (top <= head.sequence)
		return;
	log_warn("The log ends before the delivery position: its newest part was lost",
		 "remote_name", FMT("%.*s", SV_ARG(d->cfg.name)), "samples",
		 FMT("%" PRIu64, top - head.sequence));
	if (d->log.advance(d->log.cls, top) == 0)
		return;
	clamp(pos->shards, pos->n, head);
	clamp(pos->former, pos->n_former, head);
}

static uint32_t shards_max(const struct queue_options *q)
{
	uint64_t n = q->max_shards > 0 ? q->max_shards : 1;
	return n > SHARDS_MAX ? SHARDS_MAX : (uint32_t)n;
}

static uint32_t shards_min(const struct queue_options *q)
{
	uint64_t n = q->min_shards > 1 ? q->min_shards : 1;
	return n > shards_max(q) ? shards_max(q) : (uint32_t)n;
}

/* What an unreadable file said of the log is not known: all of it counts as lost. */
static void count_lost(struct destination *d, struct position *pos, const char *why)
{
	uint64_t tail = d->log.tail(d->log.cls).sequence;
	uint64_t lost = pos->shards[0].pos.sequence - tail;
	pos->base = (int64_t)tail;
	pos->books.dropped[DROP_DAMAGED] = lost;
	log_error("The delivery position is unreadable: delivery begins at the log's end, what the "
		  "log has counts as dropped, though part of it may have been sent",
		  "remote_name", FMT("%.*s", SV_ARG(d->cfg.name)), "samples", FMT("%" PRIu64, lost),
		  "err", why);
}

/* The stored position, or a new one at the log's head. An unreadable file is as good as none: the
 * choice is between losing what is queued and sending all of the log again, and the log may be
 * hours long; nothing is sent twice. */
static int load_position(struct destination *d, struct position *pos, struct err *err)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, POSITION_BYTES);
	struct err why = ERR_NULL;
	int r = d->log.load(d->log.cls, &text, &why);
	bool none = r == 1;
	if (r == 0)
		r = position_parse(buf_view(&text), pos, &why);
	if (r < 0)
		return err_set(err, r, "out of memory");
	if (r == 0) {
		meet_head(d, pos);
		return 0;
	}
	if (position_start(pos, d->log.head(d->log.cls), shards_min(&d->cfg.queue)))
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!none)
		count_lost(d, pos, why.msg);
	d->fresh = none;
	d->dirty = true;
	return 0;
}

static int slots_new(struct destination *d, uint32_t n)
{
	struct slot *v = calloc(n, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		slot_init(&v[i], d, i);
	d->slots = v;
	return 0;
}

int destination_init(struct destination *d, const struct destination_config *cfg,
		     const struct log_seam *log, const struct host_seam *host, struct workspace *ws,
		     uint64_t random, struct err *err)
{
	*d = (struct destination){.log = *log,
				  .ws = ws,
				  .host = *host,
				  .cfg = *cfg,
				  .eager = true,
				  .raw_max = SEND_RAW_BYTES,
				  .compressed_max = SEND_COMPRESSED_BYTES,
				  .random = random | 1};
	slot_init(&d->metadata_slot, d, 0);
	d->metadata_slot.metadata = true;
	epochs_init(&d->epochs, log->labels, &cfg->rules, &cfg->rules_owner);
	shed_init(&d->shed, log->next_frame ? log->next_frame(log->cls) : 0);
	_cleanup_(position_deinit) struct position pos = POSITION_NULL;
	int r = load_position(d, &pos, err);
	if (r == 0 && (progress_init(&d->progress, &pos) || slots_new(d, pos.n)))
		r = err_set(err, ERR_NOMEM, "out of memory");
	if (r == 0)
		r = d->log.open(d->log.cls, d->progress.end);
	if (r < 0) {
		destination_abandon(d);
		return r;
	}
	d->paced_sent = d->progress.books.sent;
	d->start_head = d->log.head(d->log.cls).sequence;
	if (d->start_head > pos.reach)
		d->start_head = pos.reach;
	d->reach = pos.clean || pos.reach == UINT64_MAX ? 0 : pos.reach;
	for (uint32_t i = 0; i < pos.n; i++)
		d->slots[i].maybe_repeated = !pos.clean;
	/* The file says that nothing was sent after it: no longer true from the first request on.
	 */
	d->dirty |= pos.clean;
	d->want_shards = shards_min(&cfg->queue);
	d->stored_segment = d->progress.end.segment;
	d->log.hold(d->log.cls, d->progress.end);
	return 0;
}

void destination_abandon(struct destination *d)
{
	for (uint32_t i = 0; d->slots && i < d->progress.n; i++)
		slot_deinit(&d->slots[i]);
	slot_deinit(&d->metadata_slot);
	free(d->slots);
	d->slots = NULL;
	epochs_deinit(&d->epochs);
	shed_deinit(&d->shed);
	progress_deinit(&d->progress);
}

static void store(struct destination *d, bool last);

void destination_deinit(struct destination *d)
{
	if (d->slots)
		store(d, true);
	destination_abandon(d);
}

static void change_rules(struct destination *d)
{
	uint64_t head = d->log.head(d->log.cls).sequence;
	uint64_t done = progress_hold(&d->progress).sequence;
	accepted_renew(&d->shed.accepted);
	if (epochs_change(&d->epochs, &d->cfg.rules, &d->cfg.rules_owner, head, done))
		log_warn("Labels changed so often while samples wait that the oldest of them are "
			 "sent with later labels than they were scraped for",
			 "remote_name", FMT("%.*s", SV_ARG(d->cfg.name)));
}

void destination_configure(struct destination *d, const struct destination_config *cfg,
			   bool rules_changed)
{
	/* Another peer, or another wish, is worth another try. */
	if (!sv_eq(d->cfg.url, cfg->url) || d->cfg.protocol != cfg->protocol)
		d->fell_back = false;
	if (!sv_eq(d->cfg.url, cfg->url))
		d->pace = (struct pace){0};
	d->cfg = *cfg;
	if (rules_changed)
		change_rules(d);
	else
		epochs_renew(&d->epochs, &cfg->rules, &cfg->rules_owner);
	if (d->want_shards > shards_max(&cfg->queue))
		d->want_shards = shards_max(&cfg->queue);
	if (d->want_shards < shards_min(&cfg->queue))
		d->want_shards = shards_min(&cfg->queue);
	/* What was in the way may be repaired now. */
	for (uint32_t i = 0; i < d->progress.n; i++) {
		d->slots[i].retry_at = 0;
		d->slots[i].backoff_ms = 0;
	}
	d->metadata_slot.retry_at = 0;
}

enum remotewrite_protocol destination_protocol(const struct destination *d)
{
	return d->fell_back ? REMOTEWRITE_V1 : d->cfg.protocol;
}

void destination_drain(struct destination *d)
{
	d->draining = true;
}

/* ---- reading ---- */

static enum drop_reason why_lost(const struct destination *d)
{
	struct wal_pos tail = d->log.tail(d->log.cls);
	return tail.sequence > d->progress.end.sequence ? DROP_LOG_BOUND : DROP_DAMAGED;
}

/* Reads until the log's end, or until enough is held: then the slowest shard has to move first. */
static int read_log(struct destination *d)
{
	while (d->progress.queue.bytes < budget_bound(SEND_READ_AHEAD_BYTES, READ_AHEAD_PART)) {
		_cleanup_(batch_unrefp) struct batch *b = NULL;
		enum drop_reason lost = why_lost(d);
		if (progress_reserve(&d->progress))
			return ERR_NOMEM;
		int r = d->log.next(d->log.cls, &b);
		if (r < 0)
			return r;
		if (r > 0)
			return progress_read_to(&d->progress, d->log.pos(d->log.cls), lost,
						d->now_ms);
		metadata_table_add(&d->ws->metadata, b);
		if (b->n_samples > 0 && b->t_ms > d->stats.highest_read_ms)
			d->stats.highest_read_ms = b->t_ms;
		if (progress_add(&d->progress, b, lost, d->now_ms))
			return ERR_NOMEM;
		b = NULL;
	}
	return 0;
}

/* ---- the number of shards ---- */

unsigned destination_flying(const struct destination *d)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < d->progress.n; i++)
		n += d->slots[i].state == SLOT_FLYING;
	return n;
}

/* Whether anything beyond the positions may have reached the peer. */
static bool may_be_out(const struct destination *d)
{
	for (uint32_t i = 0; i < d->progress.n; i++)
		if (d->slots[i].state != SLOT_IDLE || d->slots[i].attempt > 0)
			return true;
	return false;
}

bool destination_quiesces(const struct destination *d)
{
	return d->want_shards != d->progress.n && progress_may_reshard(&d->progress);
}

/* Requests that wait to be sent again are cut anew by the new shards, no sooner than they would
 * have been sent: a shard with a long wait must not stop the others from changing. */
static void slots_follow(struct destination *d, const struct slot *old, uint32_t n)
{
	bool maybe_repeated = false;
	int64_t retry_at = 0, backoff_ms = 0;
	unsigned attempt = 0;
	for (uint32_t i = 0; i < n; i++) {
		maybe_repeated |= old[i].maybe_repeated;
		if (old[i].retry_at > retry_at)
			retry_at = old[i].retry_at;
		if (old[i].backoff_ms > backoff_ms)
			backoff_ms = old[i].backoff_ms;
		if (old[i].attempt > attempt)
			attempt = old[i].attempt;
	}
	for (uint32_t i = 0; i < d->progress.n; i++) {
		d->slots[i].maybe_repeated = maybe_repeated;
		d->slots[i].retry_at = retry_at;
		d->slots[i].backoff_ms = backoff_ms;
		d->slots[i].attempt = attempt;
	}
}

/* With a request in flight a sample could reach the peer from two shards, in any order. */
static void change_shards(struct destination *d)
{
	if (!destination_quiesces(d) || destination_flying(d) > 0)
		return;
	uint32_t was = d->progress.n;
	struct slot *old = d->slots;
	if (slots_new(d, d->want_shards)) {
		d->want_shards = was;
		return;
	}
	if (progress_reshard(&d->progress, d->want_shards)) {
		free(d->slots);
		d->slots = old;
		d->want_shards = was;
		return;
	}
	slots_follow(d, old, was);
	for (uint32_t i = 0; i < was; i++)
		slot_deinit(&old[i]);
	free(old);
	d->turn_first = 0;
	d->dirty = true;
	log_info("Shards of remote write changed", "remote_name", FMT("%.*s", SV_ARG(d->cfg.name)),
		 "from", FMT("%" PRIu32, was), "to", FMT("%" PRIu32, d->progress.n));
}

static uint64_t answers(const struct destination *d)
{
	uint64_t n = 0;
	for (int i = 0; i < STATUS_CODES; i++)
		n += d->stats.codes[i].n;
	return n;
}

static int64_t busiest_ms(const struct destination *d)
{
	int64_t most = 0;
	for (uint32_t i = 0; i < d->progress.n; i++)
		if (d->slots[i].busy_ms > most)
			most = d->slots[i].busy_ms;
	return most;
}

/* What is wanted comes when requests in flight have ended. Turns come as often as it needs them:
 * with batches and with answers. */
static void consider_shards(struct destination *d)
{
	const struct queue_options *q = &d->cfg.queue;
	uint32_t n = d->progress.n;
	uint64_t done = books_total(&d->progress.books);
	struct reshard_in in = {
		.now_ms = d->now_ms,
		.logged = done + destination_queued(d),
		.done = done,
		.answers = answers(d),
		.failed = d->stats.failed_requests,
		.busy_ms = d->busy_ms,
		.busiest_ms = busiest_ms(d),
		.held = d->draining || pace_holds(&d->pace) || d->want_shards != n,
		.shards = n,
		.min = shards_min(q),
		.max = shards_max(q),
		.max_samples = destination_max_samples(d),
	};
	uint32_t wanted = reshard_wanted(&d->reshard, &in);
	for (uint32_t i = 0; i < n && reshard_begun(&d->reshard, d->now_ms); i++)
		d->slots[i].busy_ms = 0;
	if (d->want_shards == n && !d->draining && progress_may_reshard(&d->progress))
		d->want_shards = wanted;
}

void destination_note_time(struct destination *d)
{
	int64_t ms = d->busy_at != 0 && d->now_ms > d->busy_at ? d->now_ms - d->busy_at : 0;
	d->busy_at = d->now_ms;
	for (uint32_t i = 0; i < d->progress.n; i++) {
		if (d->slots[i].state != SLOT_FLYING)
			continue;
		d->slots[i].busy_ms += ms;
		d->busy_ms += ms;
	}
}

/* ---- throttling ---- */

void destination_throttled(struct destination *d, enum throttle kind)
{
	d->stats.throttled[kind]++;
	if (kind == THROTTLE_INGESTION)
		pace_refused(&d->pace, d->now_ms);
	else
		pace_refused_requests(&d->pace, d->now_ms);
}

uint64_t destination_max_samples(struct destination *d)
{
	return pace_max_samples(&d->pace, d->now_ms, d->cfg.queue.max_samples_per_send);
}

int64_t destination_deadline_ms(struct destination *d)
{
	return pace_deadline_ms(&d->pace, d->now_ms, d->cfg.queue.batch_send_deadline_ms);
}

static void tell_pace(struct destination *d)
{
	uint64_t sent = d->progress.books.sent;
	pace_taken(&d->pace, d->now_ms, sent - d->paced_sent);
	d->paced_sent = sent;
}

/* ---- storing ---- */

static void store(struct destination *d, bool last)
{
	_cleanup_(position_deinit) struct position pos = POSITION_NULL;
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, POSITION_BYTES);
	struct err err = ERR_NULL;
	bool stored = false;
	d->stored_at = d->now_ms;
	if (progress_position(&d->progress, &pos)) {
		trouble_store(d, "out of memory");
		return;
	}
	pos.clean = last && !may_be_out(d);
	pos.reach = d->progress.end.sequence + REACH_REQUESTS * d->cfg.queue.max_samples_per_send;
	if (position_write(&text, &pos, d->cfg.key))
		trouble_store(d, "too large");
	else if (d->log.store(d->log.cls, buf_view(&text), &err))
		trouble_store(d, err.msg);
	else
		stored = true;
	d->dirty = d->dirty && !stored;
	d->reach = stored ? pos.reach : UINT64_MAX;
	/* Even when it could not be stored: a full disk gets room only when segments go. */
	struct wal_pos hold = progress_hold(&d->progress);
	d->stored_segment = hold.segment;
	d->log.hold(d->log.cls, hold);
}

/* How far this process may get before the next position file is told before it sends: after a kill
 * only what lies between may have been sent without a note, and a 400 on it may mean just that. A
 * second's worth and more, so that it seldom costs a store of its own. When nothing can be stored,
 * sending goes on. */
static void reserve(struct destination *d)
{
	if (d->progress.end.sequence > d->reach)
		store(d, false);
}

static void store_when_due(struct destination *d, int64_t *wake)
{
	if (progress_hold(&d->progress).segment != d->stored_segment)
		d->dirty = true;
	if (!d->dirty)
		return;
	int64_t at = d->stored_at + STORE_EVERY_MS;
	bool drained = d->draining && destination_queued(d) == 0;
	if (d->now_ms >= at || d->stored_at == 0 || drained)
		store(d, false);
	if (d->dirty && at < *wake)
		*wake = d->stored_at + STORE_EVERY_MS;
}

/* ---- the turn ---- */

static void housekeeping(struct destination *d)
{
	if (d->now_ms - d->swept_at >= SWEEP_EVERY_MS || epochs_overfull(&d->epochs)) {
		d->swept_at = d->now_ms;
		epochs_sweep(&d->epochs, d->now_ms);
		shed_sweep(d);
		epochs_forget(&d->epochs, progress_hold(&d->progress).sequence);
	}
	if (d->shrunk_at != 0 && d->now_ms - d->shrunk_at >= REGROW_AFTER_MS) {
		d->raw_max = d->raw_max * 2 < SEND_RAW_BYTES ? d->raw_max * 2 : SEND_RAW_BYTES;
		d->compressed_max = d->compressed_max * 2 < SEND_COMPRESSED_BYTES
					    ? d->compressed_max * 2
					    : SEND_COMPRESSED_BYTES;
		bool whole =
			d->raw_max == SEND_RAW_BYTES && d->compressed_max == SEND_COMPRESSED_BYTES;
		d->shrunk_at = whole ? 0 : d->now_ms;
	}
	if (d->progress.settled != 0) {
		log_warn("Part of the log was gone when delivery went on", "remote_name",
			 FMT("%.*s", SV_ARG(d->cfg.name)), "samples",
			 FMT("%" PRId64, d->progress.settled));
		d->progress.settled = 0;
	}
	buf_shrink(&d->ws->raw, KEEP_RAW_BYTES);
	buf_shrink(&d->ws->packed, KEEP_RAW_BYTES);
	buf_shrink(&d->ws->scratch.series, KEEP_RAW_BYTES);
	buf_shrink(&d->ws->scratch.message, KEEP_RAW_BYTES);
	if (d->ws->symbols)
		symbols_shrink(d->ws->symbols, KEEP_RAW_BYTES);
}

/* Another one begins each time: where only so many samples may go, none gets all of them. */
static bool slots_turn(struct destination *d, int64_t *wake)
{
	bool moved = false;
	uint32_t n = d->progress.n, first = d->turn_first++;
	for (uint32_t i = 0; i < n; i++)
		moved |= slot_turn(&d->slots[(first + i) % n], wake) > 0;
	return moved;
}

int64_t destination_turn(struct destination *d, int64_t now_ms, int64_t wall_ms)
{
	d->now_ms = now_ms;
	d->wall_ms = wall_ms;
	destination_note_time(d);
	tell_pace(d);
	if (!d->started) {
		d->started = true;
		d->swept_at = now_ms;
		d->metadata_at = now_ms + d->cfg.metadata.send_interval_ms;
	}
	int64_t wake = now_ms + SWEEP_EVERY_MS;
	bool moved = true;
	int r = 0;
	for (int round = 0; moved && round < ROUNDS_MAX; round++) {
		moved = false;
		if (r == 0)
			r = read_log(d); /* when it fails, what is held still goes */
		change_shards(d);
		reserve(d);
		moved |= slots_turn(d, &wake);
	}
	if (moved)
		wake = now_ms;
	metadata_turn(d, &wake);
	consider_shards(d);
	store_when_due(d, &wake);
	housekeeping(d);
	return r < 0 ? r : wake;
}

uint64_t destination_queued(const struct destination *d)
{
	return progress_queued(&d->progress, d->log.head(d->log.cls));
}

uint64_t destination_pending(const struct destination *d)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < d->progress.n; i++)
		n += d->progress.shards[i].waiting;
	return n;
}
