/* Opening and closing the log, and its small questions. */
#include <ampagent/base/clock.h>
#include <errno.h>

#include "batch_codec.h"
#include "log.h"

enum {
	SEGMENT_BYTES_MIN = 64 << 10,
	/* The queue and the tail may take one n-th of the memory budget. */
	QUEUE_PART = 4,
	TAIL_PART = 16,
};

static void wal_free(struct wal *w)
{
	for (size_t i = 0; i < w->queue.n; i++)
		batch_unref(w->queue.v[i].batch);
	for (size_t i = 0; i < w->n_holds; i++)
		free(w->holds[i].key);
	if (w->writer.fd >= 0)
		close(w->writer.fd);
	free(w->writer.batches);
	free(w->writer.retired);
	append_deinit(&w->writer.end);
	positions_deinit(&w->queue);
	buf_deinit(&w->writer.out);
	frame_states_deinit(&w->writer.states);
	tail_deinit(&w->tail);
	recent_deinit(&w->recent);
	defs_deinit(&w->defs);
	store_deinit(&w->store);
	pthread_mutex_destroy(&w->mutex);
	pthread_mutex_destroy(&w->queue_mutex);
	pthread_cond_destroy(&w->queue_cond);
	pthread_cond_destroy(&w->done_cond);
	free(w->queue.v);
	free(w->holds);
	free(w->segments);
	free(w->dir);
	free(w);
}

DEFINE_CLEANUP_PTR(struct wal, wal_free)

/* Deleting goes by whole segments: there must be several within the bound. */
static size_t default_segment_bytes(uint64_t max_bytes)
{
	if (max_bytes == 0 || max_bytes / 8 >= WAL_SEGMENT_BYTES)
		return WAL_SEGMENT_BYTES;
	return max_bytes / 8 > SEGMENT_BYTES_MIN ? max_bytes / 8 : SEGMENT_BYTES_MIN;
}

static struct wal *wal_alloc(const struct wal_options *opt)
{
	struct wal *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->queue_cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&w->done_cond, NULL);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_mutex_init(&w->queue_mutex, NULL);
	w->store = STORE_NULL;
	defs_init(&w->defs, &w->store);
	w->writer.fd = -1;
	w->writer.end = APPEND_NULL;
	buf_init(&w->writer.out, WAL_RECORD_BYTES + LEDGER_RECORD_MAX);
	w->writer.out.part = BUDGET_BATCHES;
	w->writer.states.part = BUDGET_SERIES;
	w->opt = *opt;
	w->wall_offset_ms = clock_wall_ms() - clock_mono_ms();
	w->defs.keep = !opt->memory && opt->durability != WAL_DURABILITY_NONE;
	if (w->opt.segment_bytes == 0)
		w->opt.segment_bytes = default_segment_bytes(opt->max_bytes);
	if (w->opt.max_bytes == 0)
		w->opt.max_bytes = UINT64_MAX;
	w->tail.max_bytes =
		budget_bound(w->opt.tail_bytes ? w->opt.tail_bytes : WAL_TAIL_BYTES, TAIL_PART);
	return w;
}

/* What a killed process left half-made. */
static void remove_unfinished(void *cls, const char *name)
{
	if (sv_starts_with(sv_of(name), SV("pos-")) && sv_ends_with(sv_of(name), SV(".tmp")))
		store_remove(cls, name);
}

static int load(struct wal *w, struct err *err)
{
	struct err why = ERR_NULL;
	store_each(&w->store, remove_unfinished, &w->store);
	int r = segments_load(w, &why);
	if (r == 0)
		r = defs_load(&w->defs, segments_next_number(w) - 1, &why);
	if (r > 0)
		return err_set(err, WAL_E_UNWRITABLE, "%s/ampagent: %s", w->dir, why.msg);
	w->stats.repaired_bytes += w->defs.repaired_bytes;
	return r;
}

static int begin(struct wal *w, struct err *err)
{
	ledger_begin(w);
	if (segment_begin(w, w->head.sequence))
		return err_set(err, errno == ENOMEM ? ERR_NOMEM : WAL_E_UNWRITABLE,
			       "%s/ampagent: new segment: %s", w->dir ? w->dir : "(memory)",
			       strerror(errno));
	w->defs.segment = w->head.segment;
	w->next_frame = w->defs.next_frame;
	w->next_owner = w->defs.next_owner;
	if (pthread_create(&w->thread, NULL, writer_run, w))
		return err_set(err, ERR_FATAL, "the log's thread cannot be started");
	w->thread_started = true;
	return 0;
}

int wal_open(const struct wal_options *opt, struct wal **out, struct err *err)
{
	_cleanup_(wal_freep) struct wal *w = wal_alloc(opt);
	if (!w)
		return ERR_NOMEM;
	int r = 0;
	if (opt->memory) {
		store_open_memory(&w->store);
	} else {
		w->dir = sv_dup(opt->dir);
		r = w->dir ? store_open_dir(&w->store, opt->dir, err) : ERR_NOMEM;
	}
	if (r == 0)
		r = load(w, err);
	if (r == 0)
		r = begin(w, err);
	if (r)
		return r;
	*out = take_ptr(w);
	return 0;
}

void wal_close(struct wal *w)
{
	if (!w)
		return;
	if (w->thread_started) {
		pthread_mutex_lock(&w->queue_mutex);
		w->queue.stop = true;
		pthread_cond_broadcast(&w->queue_cond);
		pthread_mutex_unlock(&w->queue_mutex);
		pthread_join(w->thread, NULL);
	}
	wal_free(w);
}

/* ---- the sink ---- */

/* Of large batches memory has room for a few only; one is always taken. */
static bool queue_full(const struct queue *q, const struct batch *b)
{
	size_t max = budget_bound(SIZE_MAX, QUEUE_PART);
	return q->n_batches >= WAL_QUEUE_BATCHES ||
	       (q->n_batches > 0 && (b->bytes > max || q->batch_bytes > max - b->bytes));
}

static int put(void *cls, struct batch *b)
{
	struct wal *w = cls;
	/* A batch that breaks the rules of batch.h is a bug of its maker. */
	if (!batch_sound(b))
		return ERR_FATAL;
	/* The writer would try for ever. */
	if (batch_encoded_max(b) > WAL_RECORD_BYTES)
		return 1;
	pthread_mutex_lock(&w->queue_mutex);
	int r = w->queue.stop || queue_full(&w->queue, b) ? 1 : 0;
	if (r == 0 && op_push(w, &(struct op){.kind = OP_BATCH, .batch = b}))
		r = 1;
	pthread_mutex_unlock(&w->queue_mutex);
	return r;
}

struct batch_sink wal_sink(struct wal *w)
{
	return (struct batch_sink){put, w};
}

int wal_flush(struct wal *w, bool sync)
{
	struct queue *q = &w->queue;
	pthread_mutex_lock(&w->queue_mutex);
	uint64_t target = q->put, failures = q->failures;
	if (sync && q->sync_to < target)
		q->sync_to = target;
	pthread_cond_signal(&w->queue_cond);
	while ((sync ? q->synced : q->written) < target && q->failures == failures)
		pthread_cond_wait(&w->done_cond, &w->queue_mutex);
	int r = (sync ? q->synced : q->written) < target ? ERR_FATAL : 0;
	pthread_mutex_unlock(&w->queue_mutex);
	return r;
}

uint64_t wal_sync_begin(struct wal *w)
{
	struct queue *q = &w->queue;
	pthread_mutex_lock(&w->queue_mutex);
	uint64_t target = q->put;
	if (q->sync_to < target)
		q->sync_to = target;
	pthread_cond_signal(&w->queue_cond);
	pthread_mutex_unlock(&w->queue_mutex);
	return target;
}

bool wal_sync_done(struct wal *w, uint64_t target)
{
	pthread_mutex_lock(&w->queue_mutex);
	bool done = w->queue.synced >= target;
	pthread_mutex_unlock(&w->queue_mutex);
	return done;
}

void wal_frame_retire(struct wal *w, uint32_t frame)
{
	defs_leave(&w->defs, frame);
	pthread_mutex_lock(&w->queue_mutex);
	/* Without memory the definitions stay until the log is opened again. */
	op_push(w, &(struct op){.kind = OP_RETIRE, .frame = frame});
	pthread_mutex_unlock(&w->queue_mutex);
}

int wal_advance_sequence(struct wal *w, uint64_t sequence)
{
	pthread_mutex_lock(&w->queue_mutex);
	int r = op_push(w, &(struct op){.kind = OP_ADVANCE, .sequence = sequence});
	pthread_mutex_unlock(&w->queue_mutex);
	return r ? r : wal_flush(w, false);
}

/* ---- small questions ---- */

uint32_t wal_next_frame(const struct wal *w)
{
	return w->next_frame;
}

uint32_t wal_next_owner(const struct wal *w)
{
	return w->next_owner;
}

uint16_t wal_frame_labels(struct wal *w, uint32_t frame, uint16_t from,
			  void (*fn)(void *cls, uint16_t slot, struct labels labels), void *cls)
{
	return defs_labels(&w->defs, frame, from, fn, cls);
}

struct wal_pos wal_head(struct wal *w)
{
	pthread_mutex_lock(&w->mutex);
	struct wal_pos pos = w->head;
	pthread_mutex_unlock(&w->mutex);
	return pos;
}

struct wal_pos wal_tail(struct wal *w)
{
	pthread_mutex_lock(&w->mutex);
	const struct segment *s = &w->segments[0];
	struct wal_pos pos = {s->number, FILE_HEADER_BYTES, s->first};
	pthread_mutex_unlock(&w->mutex);
	return pos;
}

void wal_on_written(struct wal *w, void (*fn)(void *cls), void *cls)
{
	pthread_mutex_lock(&w->mutex);
	w->on_written = fn;
	w->on_written_cls = cls;
	pthread_mutex_unlock(&w->mutex);
}
