/* Windows of a few seconds; each end of one is a decision. */
#include "reshard.h"

#include <math.h>

enum {
	WINDOW_MS = 5000,
	/* A window goes on until it has seen some answers, but no longer than this. */
	WINDOW_MAX_MS = 30000,
	ANSWERS_A_SHARD = 2,
	/* One failed request among so many: the peer fails. */
	FAILS_AMONG = 4,
	/* A backlog that will be gone so soon needs nothing. */
	CATCH_UP_S = 60,
	/* Less than this may wait in normal times; where no shard ever rests, less than the other.
	 */
	NORMAL_S = 10,
	NORMAL_FULL_S = 2,
	SHRINK_AFTER_MS = 30000,
	HOLD_MS = 60000,
	HOLD_MAX_MS = 600000,
};

#define BUSY_FULL 0.9
#define BUSY_TO_GROW 0.5   /* of the shards */
#define BUSY_TO_SHRINK 0.3 /* of the shards: half of them would have 0.6 */
#define HELPS 0.15         /* of what a growth would bring if all went by shards */
#define SMOOTH 0.3

struct window {
	double seconds, in, out, busy, busiest;
	uint64_t queued;
};

static void begin(struct reshard *r, const struct reshard_in *in)
{
	r->begun = true;
	r->held = in->held;
	r->from = *in;
}

static bool measure(struct reshard *r, const struct reshard_in *in, struct window *w)
{
	int64_t ms = in->now_ms - r->from.now_ms;
	uint64_t answers = in->answers - r->from.answers;
	if (ms < WINDOW_MS ||
	    (ms < WINDOW_MAX_MS && answers < (uint64_t)in->shards * ANSWERS_A_SHARD))
		return false;
	w->seconds = (double)ms / 1000;
	w->in = (double)(in->logged - r->from.logged) / w->seconds;
	w->out = (double)(in->done - r->from.done) / w->seconds;
	w->busy = (double)(in->busy_ms - r->from.busy_ms) / (double)ms;
	w->busiest = (double)in->busiest_ms / (double)ms;
	/* A peer that answers nothing at all will have failed soon. */
	r->held |= answers == 0 && w->busy > 0;
	r->held |= (in->failed - r->from.failed) * FAILS_AMONG > answers;
	w->queued = in->logged > in->done ? in->logged - in->done : 0;
	r->in_rate += r->in_rate > 0 ? SMOOTH * (w->in - r->in_rate) : w->in;
	return true;
}

/* More waits than normal work leaves. */
static bool lags(const struct reshard *r, const struct reshard_in *in, const struct window *w)
{
	double rate = w->out > r->in_rate ? w->out : r->in_rate;
	double normal = w->busiest >= BUSY_FULL ? NORMAL_FULL_S : NORMAL_S;
	return w->queued > 2 * (uint64_t)in->shards * in->max_samples &&
	       (double)w->queued > normal * rate;
}

static bool in_time(const struct reshard *r, const struct window *w)
{
	return (double)w->queued < CATCH_UP_S * (w->out - r->in_rate);
}

/* Where shards are not what is short (the peer's own limit, our processor), more of them only make
 * each request slower. */
static uint32_t judge_trial(struct reshard *r, const struct reshard_in *in, const struct window *w)
{
	double gain = (double)r->tried_to / r->tried_from - 1;
	bool helped = w->out >= r->tried_rate * (1 + HELPS * gain) || in_time(r, w);
	uint32_t back = r->tried_from;
	r->tried_from = 0;
	if (helped) {
		r->hold_ms = 0;
		return in->shards;
	}
	r->hold_ms = r->hold_ms ? r->hold_ms * 2 : HOLD_MS;
	if (r->hold_ms > HOLD_MAX_MS)
		r->hold_ms = HOLD_MAX_MS;
	r->grow_at_ms = in->now_ms + r->hold_ms;
	return back;
}

static uint32_t grow(struct reshard *r, const struct reshard_in *in, const struct window *w)
{
	/* Series are not spread evenly: one shard may have more than it can do while others rest.
	 */
	bool uneven = w->busy < BUSY_TO_GROW * in->shards;
	if (in->now_ms < r->grow_at_ms || in_time(r, w) || (uneven && w->busiest < BUSY_FULL))
		return in->shards;
	double need = r->in_rate + (double)w->queued / CATCH_UP_S;
	double factor = w->out > 0 && !uneven ? need / w->out : 2;
	uint32_t n = factor < 2 ? (uint32_t)ceil(in->shards * factor) : 2 * in->shards;
	if (n <= in->shards)
		n = in->shards + 1;
	if (n > in->max)
		n = in->max;
	if (n <= in->shards)
		return in->shards;
	r->tried_from = in->shards;
	r->tried_to = n;
	r->tried_rate = w->out;
	return n;
}

/* At most to half, and so that those left are not busy for more than 0.6 of the time. */
static uint32_t shrink(struct reshard *r, const struct reshard_in *in)
{
	int64_t ms = in->now_ms - r->calm_ms;
	if (!r->calm) {
		r->calm = true;
		r->calm_ms = r->from.now_ms;
		r->calm_busy_ms = r->from.busy_ms;
		return in->shards;
	}
	if (ms < SHRINK_AFTER_MS)
		return in->shards;
	double busy = (double)(in->busy_ms - r->calm_busy_ms) / (double)ms;
	r->calm = false;
	return busy <= BUSY_TO_SHRINK * in->shards ? in->shards / 2 : in->shards;
}

static uint32_t bounded(const struct reshard_in *in, uint32_t n)
{
	if (n > in->max)
		n = in->max;
	return n < in->min ? in->min : n;
}

uint32_t reshard_wanted(struct reshard *r, const struct reshard_in *in)
{
	struct window w;
	/* Another number of shards than before, other bounds: what was seen is of the past. */
	if (!r->begun || in->shards != r->from.shards || in->done < r->from.done) {
		begin(r, in);
		r->calm = false;
		return bounded(in, in->shards);
	}
	r->held |= in->held;
	if (!measure(r, in, &w))
		return bounded(in, in->shards);
	uint32_t n = in->shards;
	bool lagging = lags(r, in, &w);
	if (r->held) {
		r->calm = false;
		r->tried_from = 0;
	} else if (lagging) {
		r->calm = false;
		if (r->tried_from && r->tried_to == in->shards)
			n = judge_trial(r, in, &w);
		if (n == in->shards)
			n = grow(r, in, &w);
	} else {
		r->tried_from = 0;
		r->hold_ms = 0;
		r->grow_at_ms = 0;
		n = shrink(r, in);
	}
	begin(r, in);
	return bounded(in, n);
}
