/* The writer thread: the only one that changes files.
 *
 * It takes everything that waits, codes it into one buffer, and writes: definitions first, then
 * values, so that what is killed in between has labels without values and never values without
 * labels. Only then do readers see the batches. Writing that fails is tried again for as long as
 * the log is open; the queue fills meanwhile and put() says so. With nothing to write and nothing
 * to sync it sleeps without a timeout.
 */
#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>
#include <errno.h>

#include "batch_codec.h"
#include "log.h"

enum {
	/* What is coded before it is written: large enough for cheap writes, small in memory. */
	CHUNK_BYTES = 1 << 20,
	KEEP_BYTES = 256 << 10,
	RETRY_FIRST_MS = 100,
	RETRY_MAX_MS = 5000,
	COMPLAIN_EVERY_MS = 60000,
};

/* ---- the queue ---- */

int op_push(struct wal *w, const struct op *op)
{
	struct queue *q = &w->queue;
	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 64;
		struct op *v = reallocarray(q->v, cap, sizeof *v);
		if (!v)
			return ERR_NOMEM;
		q->v = v;
		q->cap = cap;
	}
	q->v[q->n++] = *op;
	q->put++;
	q->n_batches += op->kind == OP_BATCH;
	if (op->kind == OP_BATCH)
		q->batch_bytes += q->v[q->n - 1].bytes = op->batch->bytes;
	pthread_cond_signal(&w->queue_cond);
	return 0;
}

static void wait_until(struct wal *w, int64_t mono_ms)
{
	struct timespec ts = {.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};
	pthread_cond_timedwait(&w->queue_cond, &w->queue_mutex, &ts);
}

/* Waits after a failed try, with the reason in errno. false: the log is being closed, give up. */
static bool retry_wait(struct wal *w, const char *what)
{
	struct writer *wr = &w->writer;
	int64_t now = clock_mono_ms();
	int error = errno;
	if (error == ENOSPC || error == EDQUOT)
		segments_make_room(w);
	metric_add(M_WAL_WRITES_FAILED, 1);
	if (wr->complained_ms == 0 || now - wr->complained_ms >= COMPLAIN_EVERY_MS) {
		log_error("log cannot be written, trying again", "what", what, "err",
			  strerror(error), "dir", w->dir ? w->dir : "memory");
		wr->complained_ms = now;
	}
	pthread_mutex_lock(&w->mutex);
	w->failed = true;
	pthread_mutex_unlock(&w->mutex);

	int64_t delay = RETRY_FIRST_MS;
	for (unsigned i = 0; i < wr->tries && delay < RETRY_MAX_MS; i++)
		delay *= 2;
	wr->tries++;
	pthread_mutex_lock(&w->queue_mutex);
	w->queue.failures++;
	pthread_cond_broadcast(&w->done_cond);
	/* New batches signal too; they do not shorten the wait. */
	int64_t until = now + (delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS);
	while (!w->queue.stop && clock_mono_ms() < until) {
		if (w->queue.positions_wait) {
			pthread_mutex_unlock(&w->queue_mutex);
			positions_store(w);
			pthread_mutex_lock(&w->queue_mutex);
			continue;
		}
		wait_until(w, until);
	}
	bool stop = w->queue.stop;
	pthread_mutex_unlock(&w->queue_mutex);
	return !stop;
}

static void retry_over(struct wal *w)
{
	if (w->writer.tries == 0)
		return;
	w->writer.tries = 0;
	w->writer.complained_ms = 0;
	pthread_mutex_lock(&w->mutex);
	w->failed = false;
	pthread_mutex_unlock(&w->mutex);
}

/* ---- one chunk ---- */

/* Shows what was written. */
static void publish(struct wal *w)
{
	struct writer *wr = &w->writer;
	uint64_t samples = 0;
	pthread_mutex_lock(&w->mutex);
	for (size_t i = 0; i < wr->n; i++) {
		samples += wr->batches[i]->n_samples;
		arena_move(&wr->batches[i]->arena, BUDGET_TAIL);
		tail_push(&w->tail, wr->batches[i]);
	}
	w->head = wr->pos;
	w->read_end = wr->read_end;
	w->segments[w->n_segments - 1].size = wr->pos.offset;
	w->states_bytes = wr->states.bytes;
	w->stats.batches_written += wr->n;
	w->stats.samples_written += samples;
	w->stats.bytes_written += wr->out.len;
	void (*fn)(void *) = w->on_written;
	void *cls = w->on_written_cls;
	pthread_mutex_unlock(&w->mutex);
	if (fn && wr->n > 0)
		fn(cls);
}

static void chunk_clear(struct writer *wr)
{
	for (size_t i = 0; i < wr->n; i++)
		batch_unref(wr->batches[i]);
	wr->n = 0;
	buf_shrink(&wr->out, KEEP_BYTES);
}

static void mark_dirty(struct wal *w)
{
	if (!w->writer.dirty)
		w->writer.dirty_since_ms = clock_mono_ms();
	w->writer.dirty = !w->opt.memory;
}

static bool sync_files(struct wal *w);

/* Before readers see it, if they must not see what a power loss could take. */
static bool sync_first(const struct wal *w)
{
	return w->opt.durability == WAL_DURABILITY_ALWAYS && !w->opt.memory;
}

/* Writes what was coded. false: given up because the log is being closed. */
static bool chunk_write(struct wal *w)
{
	struct writer *wr = &w->writer;
	bool ok = true;
	if (wr->out.len > 0 || w->defs.n_pending > 0)
		mark_dirty(w);
	uint64_t defs_len = w->defs.out.len;
	while (ok && (defs_write(&w->defs) || (sync_first(w) && defs_sync(&w->defs))))
		ok = retry_wait(w, "definitions");
	while (ok && wr->out.len > 0 && append_write(&wr->end, buf_view(&wr->out), wr->size))
		ok = retry_wait(w, "samples");
	if (ok && wr->dirty && sync_first(w))
		ok = sync_files(w);
	if (ok) {
		retry_over(w);
		wr->size += wr->out.len;
		pthread_mutex_lock(&w->mutex);
		w->stats.bytes_written += defs_len;
		pthread_mutex_unlock(&w->mutex);
		publish(w);
	}
	for (size_t i = 0; !ok && i < wr->n; i++) {
		wr->lost += wr->batches[i]->n_samples;
		wr->pos.sequence -= wr->batches[i]->n_samples; /* nobody has seen their numbers */
	}
	chunk_clear(wr);
	return ok;
}

/* Old segments of a log that is written slowly must be able to go by age, so a segment is not
 * written to for longer than a quarter of it. */
static bool segment_full(const struct wal *w, const struct writer *wr)
{
	if (wr->pos.offset >= w->opt.segment_bytes)
		return true;
	return w->opt.max_age_ms > 0 && wr->pos.offset > FILE_HEADER_BYTES &&
	       segments_clock_ms(w) - wr->created_ms > w->opt.max_age_ms / 4;
}

/* What the old segment still has in the page cache is synced before the new one exists, so after a
 * power loss only the newest segment can be torn. */
static bool segment_switch(struct wal *w, uint64_t sequence)
{
	const struct writer *wr = &w->writer;
	bool ok = chunk_write(w) && (!wr->dirty || sync_files(w));
	while (ok && segment_begin(w, sequence))
		ok = retry_wait(w, "new segment");
	if (!ok)
		return false;
	retry_over(w);
	return true;
}

/* Destinations tell one after the other how far they are, and a lead over the log makes this: what
 * the next one still needs is not known yet, so no segment goes. */
static bool advance(struct wal *w, uint64_t sequence)
{
	uint64_t before = w->writer.pos.sequence;
	if (sequence <= before)
		return true;
	if (!segment_switch(w, sequence))
		return false;
	ledger_note_passed_over(w, sequence - before);
	/* At once, so that the gap is never without its reason. */
	ledger_append(w);
	defs_next_segment(&w->defs, w->writer.pos.segment, w->segments[0].number);
	return true;
}

static int batches_room(struct writer *wr)
{
	if (wr->n < wr->cap)
		return 0;
	size_t cap = wr->cap ? wr->cap * 2 : 64;
	struct batch **v = reallocarray(wr->batches, cap, sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	wr->batches = v;
	wr->cap = cap;
	return 0;
}

/* Codes one batch at the end of the chunk. 0 or ERR_NOMEM with nothing changed but that frames may
 * be told in full again. */
static int chunk_add(struct wal *w, struct batch *b)
{
	struct writer *wr = &w->writer;
	if (!wr->ledger_stands && ledger_append(w))
		return ERR_NOMEM;
	size_t start = wr->out.len;
	if (batches_room(wr) || batch_encode(&wr->out, &wr->states, b, wr->pos.sequence))
		return ERR_NOMEM;
	if (defs_add(&w->defs, b)) {
		wr->out.len = start;
		frame_states_forget(&wr->states);
		return ERR_NOMEM;
	}
	/* Where the batch before ended: places between two batches are one, whatever else stands
	 * there.
	 */
	b->pos = wr->read_end;
	wr->pos.offset += wr->out.len - start;
	wr->pos.sequence += b->n_samples;
	b->end = wr->read_end = wr->pos;
	wr->batches[wr->n++] = b;
	return 0;
}

/* The definitions' index learns, once a segment and frame, that the frame is in use. */
static void touch_frames(struct wal *w, const struct batch *b)
{
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct frame_state *s =
			frame_states_find(&w->writer.states, b->columns[i].frame);
		if (s && s->columns == 1)
			defs_touch(&w->defs, s->frame, b->owner);
	}
	for (size_t i = 0; i < b->n_rows; i++)
		if (i == 0 || b->rows[i].frame != b->rows[i - 1].frame)
			defs_touch(&w->defs, b->rows[i].frame, b->owner);
	for (size_t i = 0; i < b->n_histograms; i++)
		if (i == 0 || b->histograms[i].frame != b->histograms[i - 1].frame)
			defs_touch(&w->defs, b->histograms[i].frame, b->owner);
	for (size_t i = 0; i < b->n_exemplars; i++)
		if (i == 0 || b->exemplars[i].frame != b->exemplars[i - 1].frame)
			defs_touch(&w->defs, b->exemplars[i].frame, b->owner);
}

static bool write_batch(struct wal *w, struct batch *b)
{
	struct writer *wr = &w->writer;
	/* A batch that only defines has no place of its own in the log. */
	bool empty = b->n_samples == 0 && b->n_metadata == 0 && b->n_exemplars == 0;
	bool ok = true;
	wr->took_batch = true;
	if (segment_full(w, wr) && (ok = segment_switch(w, wr->pos.sequence)))
		segments_trim(w, true);
	while (ok && (empty ? defs_add(&w->defs, b) : chunk_add(w, b))) {
		ok = chunk_write(w);
		errno = ENOMEM;
		ok = ok && retry_wait(w, "memory");
	}
	wr->lost += ok ? 0 : b->n_samples;
	if (ok && !empty)
		touch_frames(w, b);
	else
		batch_unref(b);
	if (!ok)
		return false;
	if (wr->out.len + w->defs.out.len >= CHUNK_BYTES)
		return chunk_write(w);
	return true;
}

/* ---- retiring ---- */

/* The record follows the sync of the frame's last markers: without them it would leave the series
 * unended for ever. Until then only this run knows. Without memory the definitions stay until the
 * log is opened again. */
static void retire_later(struct wal *w, uint32_t frame)
{
	struct writer *wr = &w->writer;
	if (wr->n_retired == wr->cap_retired) {
		size_t cap = wr->cap_retired ? wr->cap_retired * 2 : 64;
		uint32_t *v = reallocarray(wr->retired, cap, sizeof *v);
		if (!v)
			return;
		wr->retired = v;
		wr->cap_retired = cap;
	}
	wr->retired[wr->n_retired++] = frame;
	defs_mark_retired(&w->defs, frame);
}

/* All before it is synced: what was retired is told with the next write. */
static void retire_note(struct wal *w)
{
	struct writer *wr = &w->writer;
	for (size_t i = 0; i < wr->n_retired; i++)
		defs_retire(&w->defs, wr->retired[i]);
	wr->n_retired = 0;
}

/* Without a next write it is told by itself. */
static bool retire_due(struct wal *w)
{
	if (!w->writer.dirty)
		retire_note(w);
	return w->defs.n_pending == 0 || chunk_write(w);
}

static bool write_op(struct wal *w, const struct op *op)
{
	switch (op->kind) {
	case OP_BATCH:
		return write_batch(w, op->batch);
	case OP_RETIRE:
		retire_later(w, op->frame);
		frame_states_release(&w->writer.states, op->frame);
		return true;
	case OP_ADVANCE:
		return advance(w, op->sequence);
	}
	return true;
}

/* ---- syncing ---- */

static void note_sync(struct wal *w, int64_t ns)
{
	double seconds = (double)ns / 1e9;
	unsigned i = 0;
	for (double limit = SYNC_FIRST_SECONDS; seconds > limit && i + 1 < SYNC_BUCKETS; limit *= 2)
		i++;
	pthread_mutex_lock(&w->mutex);
	w->sync_buckets[i]++;
	w->sync_seconds += seconds;
	pthread_mutex_unlock(&w->mutex);
}

/* Definitions first, as they are written. Where nothing is promised, nothing is tried again: what
 * the system threw away is gone. */
static bool sync_files(struct wal *w)
{
	struct writer *wr = &w->writer;
	int64_t start = clock_mono_ns();
	bool ok = true;
	while (ok && (defs_sync(&w->defs) || append_sync(&wr->end))) {
		ok = retry_wait(w, "syncing");
		if (w->opt.durability == WAL_DURABILITY_NONE)
			break;
	}
	if (!ok)
		return false;
	retry_over(w);
	note_sync(w, clock_mono_ns() - start);
	wr->dirty = false;
	retire_note(w);
	return true;
}

/* ---- the thread ---- */

/* Takes what waits; sleeps until there is something to do. true: the log is being closed. */
static bool take_ops(struct wal *w, struct op **ops, size_t *n, bool *sync)
{
	struct queue *q = &w->queue;
	struct writer *wr = &w->writer;
	pthread_mutex_lock(&w->queue_mutex);
	for (;;) {
		int64_t due = wr->dirty_since_ms + w->opt.sync_interval_ms;
		bool timed = wr->dirty && w->opt.durability != WAL_DURABILITY_NONE;
		*sync = q->stop || q->sync_to > q->synced || (timed && clock_mono_ms() >= due);
		bool ledger_due = w->ledger_due_ms != 0 && clock_mono_ms() >= w->ledger_due_ms;
		if (q->n > 0 || *sync || ledger_due || q->positions_wait)
			break;
		if (w->ledger_due_ms != 0 && (!timed || w->ledger_due_ms < due))
			wait_until(w, w->ledger_due_ms);
		else if (timed)
			wait_until(w, due);
		else
			pthread_cond_wait(&w->queue_cond, &w->queue_mutex);
	}
	*ops = q->v;
	*n = q->n;
	q->v = NULL;
	q->n = q->cap = 0;
	bool stop = q->stop;
	pthread_mutex_unlock(&w->queue_mutex);
	return stop;
}

/* q->n_batches falls only now: what is being written counts as waiting, so that a disk that stands
 * still bounds memory. */
static void tell_done(struct wal *w, const struct op *ops, size_t n, bool synced)
{
	size_t n_batches = 0, bytes = 0;
	for (size_t i = 0; i < n; i++) {
		n_batches += ops[i].kind == OP_BATCH;
		bytes += ops[i].bytes;
	}
	pthread_mutex_lock(&w->queue_mutex);
	w->queue.n_batches -= n_batches;
	w->queue.batch_bytes -= bytes;
	w->queue.written += n;
	if (synced)
		w->queue.synced = w->queue.written;
	pthread_cond_broadcast(&w->done_cond);
	pthread_mutex_unlock(&w->queue_mutex);
}

/* Ledger changes go before what is written next. They alone must not make a segment grow without
 * end.
 */
static bool write_ledger(struct wal *w)
{
	pthread_mutex_lock(&w->queue_mutex);
	bool changed = w->ledger_due_ms != 0;
	pthread_mutex_unlock(&w->queue_mutex);
	if (!changed)
		return true;
	if (segment_full(w, &w->writer)) {
		if (!segment_switch(w, w->writer.pos.sequence))
			return false;
		segments_trim(w, true);
	}
	/* Without memory it is due still, and tried again. */
	ledger_append(w);
	return true;
}

/* A full disk may have room for this much: one try. */
static void write_ledger_last(struct wal *w)
{
	struct writer *wr = &w->writer;
	buf_reset(&wr->out);
	if (ledger_append(w) == 0 && append_at(wr->fd, buf_view(&wr->out), wr->size) == 0)
		fdatasync(wr->fd);
	buf_reset(&wr->out);
}

static void give_up(struct wal *w, const struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i].kind == OP_BATCH) {
			w->writer.lost += ops[i].batch->n_samples;
			batch_unref(ops[i].batch);
		}
	pthread_mutex_lock(&w->queue_mutex);
	for (size_t i = 0; i < w->queue.n; i++)
		if (w->queue.v[i].kind == OP_BATCH)
			w->writer.lost += w->queue.v[i].batch->n_samples;
	pthread_mutex_unlock(&w->queue_mutex);
	if (w->writer.lost > 0)
		log_error("log closed while it cannot be written: samples lost", "samples",
			  FMT("%llu", (unsigned long long)w->writer.lost), "dir",
			  w->dir ? w->dir : "memory");
	ledger_note_own(w, LEDGER_UNWRITTEN, w->writer.lost);
	write_ledger_last(w);
}

/* An empty segment tells how far the log went: what is later cut off the end of the one before is
 * missed. Nothing depends on it. */
static void tell_end(struct wal *w)
{
	struct writer *wr = &w->writer;
	pthread_mutex_lock(&w->mutex);
	uint64_t first = w->segments[w->n_segments - 1].first;
	pthread_mutex_unlock(&w->mutex);
	if (!w->opt.memory && wr->pos.sequence > first && segment_begin(w, wr->pos.sequence) == 0 &&
	    wr->end.keep)
		append_sync(&wr->end);
}

void *writer_run(void *wal)
{
	struct wal *w = wal;
	for (bool stop = false; !stop;) {
		_cleanup_(freep) struct op *ops = NULL;
		size_t n, done = 0;
		bool sync, ok;
		stop = take_ops(w, &ops, &n, &sync);
		ok = write_ledger(w);
		while (ok && done < n)
			ok = write_op(w, &ops[done++]);
		ok = ok && chunk_write(w);
		if (ok && sync && w->writer.dirty)
			ok = sync_files(w);
		ok = ok && retire_due(w);
		positions_store(w);
		if (ok && n > 0)
			segments_trim(w, false);
		if (!ok)
			give_up(w, ops + done, n - done);
		else if (stop)
			tell_end(w);
		tell_done(w, ops, n, ok && sync);
		stop = stop || !ok;
	}
	return NULL;
}
