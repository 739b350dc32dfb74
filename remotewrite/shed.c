/* When to shed, and what an answer proves. */
#include "shed.h"

#include "destination.h"

#include <ampagent/base/log.h>
#include <inttypes.h>

enum { SWEEP_MS = 600000 };

void shed_init(struct shed *s, uint32_t first_frame)
{
	*s = (struct shed){.learns = first_frame == 1};
	accepted_init(&s->accepted, first_frame);
}

void shed_deinit(struct shed *s)
{
	accepted_deinit(&s->accepted);
}

/* ---- when ---- */

static bool other_probes(const struct slot *s)
{
	const struct destination *d = s->d;
	for (uint32_t i = 0; i < d->progress.n; i++)
		if (i != s->index && d->slots[i].probe && d->slots[i].built.unproven &&
		    d->slots[i].state != SLOT_IDLE)
			return true;
	return false;
}

bool shed_cut(struct slot *s)
{
	const struct shed *shed = &s->d->shed;
	s->probe = false;
	if (shed->wait_ms == 0)
		return false;
	if (s->d->now_ms < shed->until_ms || other_probes(s))
		return true;
	s->probe = true;
	return false;
}

static bool learns(struct shed *s, int64_t now_ms)
{
	if (s->learns && s->learns_until_ms == 0)
		s->learns_until_ms = now_ms + SHED_LEARN_MS;
	s->learns = s->learns && now_ms < s->learns_until_ms;
	return s->learns;
}

static void say(const struct destination *d, bool begins)
{
	char name[64];
	snprintf(name, sizeof name, "%.*s", SV_ARG(d->cfg.name));
	if (begins)
		log_error("The endpoint takes no more new series: samples of series that it has "
			  "never taken are dropped for now, all others go on",
			  "remote_name", name, "for", FMT("%" PRId64 "s", d->shed.wait_ms / 1000),
			  "reason", drop_reason_name(DROP_SERIES_LIMIT), "advice",
			  cause_advice(CAUSE_SERIES_LIMIT));
	else
		log_info("The endpoint takes new series again", "remote_name", name);
}

/* ---- what an answer proves ---- */

static void add(struct slot *s, uint32_t frame, const uint64_t slots[FRAME_SLOTS / 64])
{
	accepted_add(&s->d->shed.accepted, frame, slots, s->d->now_ms);
}

static void add_one(struct slot *s, uint32_t frame, uint16_t slot)
{
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	if (slot >= FRAME_SLOTS)
		return;
	slots[slot / 64] = UINT64_C(1) << (slot % 64);
	add(s, frame, slots);
}

static void add_column(struct slot *s, const struct batch_column *col, uint32_t from, uint32_t to)
{
	uint64_t slots[FRAME_SLOTS / 64] = {0};
	for (uint32_t i = from; i < to; i++)
		slots[i / 64] |= col->present[i / 64] & UINT64_C(1) << (i % 64);
	add(s, col->frame, slots);
}

/* Items of a batch from one place to another, of this shard. */
static void add_items(struct slot *s, const struct batch *b, const struct cursor *from,
		      const struct cursor *to)
{
	uint32_t n = s->d->progress.n;
	for (size_t i = from->item; i < b->n_columns && i <= to->item; i++) {
		const struct batch_column *col = &b->columns[i];
		if (frame_shard(col->frame, n) == s->index)
			add_column(s, col, i == from->item ? from->slot : 0,
				   i == to->item ? to->slot : col->n_slots);
	}
	size_t at = b->n_columns;
	for (size_t i = 0; i < b->n_rows; i++, at++)
		if (at >= from->item && at < to->item &&
		    frame_shard(b->rows[i].frame, n) == s->index)
			add_one(s, b->rows[i].frame, b->rows[i].slot);
	for (size_t i = 0; i < b->n_histograms; i++, at++)
		if (at >= from->item && at < to->item &&
		    frame_shard(b->histograms[i].frame, n) == s->index)
			add_one(s, b->histograms[i].frame, b->histograms[i].slot);
}

/* What lies between the shard's place and the request's end. */
static void prove(struct slot *s)
{
	const struct queue *q = &s->d->progress.queue;
	struct cursor from = s->d->progress.shards[s->index].done;
	const struct cursor *end = &s->built.end;
	if (!s->built.unproven)
		return;
	for (; from.no < queue_end(q) && from.no <= end->no;
	     from = (struct cursor){.no = from.no + 1}) {
		const struct batch *b = queue_at(q, from.no)->batch;
		struct cursor whole = {.no = from.no, .item = UINT32_MAX};
		if (b)
			add_items(s, b, &from, from.no == end->no ? end : &whole);
	}
}

void shed_built(struct slot *s)
{
	struct shed *shed = &s->d->shed;
	if (!s->built.unproven || !learns(shed, s->d->now_ms))
		return;
	prove(s);
	s->built.unproven = false;
}

void shed_taken(struct slot *s)
{
	struct shed *shed = &s->d->shed;
	prove(s);
	if (!s->probe || !s->built.unproven || shed->wait_ms == 0)
		return;
	s->probe = false;
	shed->wait_ms = 0;
	say(s->d, false);
}

void shed_refused(struct slot *s)
{
	struct shed *shed = &s->d->shed;
	bool again = shed->wait_ms > 0;
	if (learns(shed, s->d->now_ms))
		return;
	if (!again)
		shed->wait_ms = SHED_FIRST_MS;
	else if (s->probe)
		shed->wait_ms = 2 * shed->wait_ms < SHED_MAX_MS ? 2 * shed->wait_ms : SHED_MAX_MS;
	shed->until_ms = s->d->now_ms + shed->wait_ms;
	if (!again || s->probe)
		say(s->d, true);
	s->probe = false;
}

void shed_other(struct slot *s, bool stored)
{
	if (stored)
		prove(s);
	if (s->probe)
		s->d->shed.until_ms = s->d->now_ms + s->d->shed.wait_ms;
	s->probe = false;
}

void shed_sweep(struct destination *d)
{
	struct shed *shed = &d->shed;
	if (d->now_ms - shed->swept_ms < SWEEP_MS)
		return;
	shed->swept_ms = d->now_ms;
	for (unsigned e = 0; e < d->epochs.n; e++) {
		const struct images *images = &d->epochs.v[e].images;
		for (uint32_t i = 0; i < images->n; i++)
			accepted_touch(&shed->accepted, images->v[i]->frame, d->now_ms);
	}
	accepted_sweep(&shed->accepted, d->now_ms);
}
