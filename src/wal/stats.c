/* What the log tells about itself. */
#include "log.h"

void wal_stats_get(struct wal *w, struct wal_stats *out)
{
	struct defs_stats ds;
	defs_stats_get(&w->defs, &ds);
	pthread_mutex_lock(&w->queue_mutex);
	uint64_t queue = w->queue.n_batches;
	pthread_mutex_unlock(&w->queue_mutex);

	pthread_mutex_lock(&w->mutex);
	const struct segment *first = &w->segments[0];
	*out = w->stats;
	out->head = w->head;
	out->tail = (struct wal_pos){first->number, FILE_HEADER_BYTES, first->first};
	out->bytes = ds.bytes;
	for (size_t i = 0; i < w->n_segments; i++)
		out->bytes += w->segments[i].size;
	out->segments = w->n_segments;
	/* In memory the files are memory too. */
	out->memory_bytes = w->tail.bytes + w->states_bytes + ds.memory_bytes +
			    w->recent.cap * sizeof *w->recent.v + (w->opt.memory ? out->bytes : 0);
	out->failed = w->failed;
	pthread_mutex_unlock(&w->mutex);
	out->defs_bytes = ds.bytes;
	out->frames = ds.frames;
	out->owners = ds.owners;
	out->queue = queue;
	out->memory = w->opt.memory;
}

static void set_u64(enum metric_id id, uint64_t v)
{
	metric_set(id, (double)v);
}

static void emit_sync(struct wal *w, struct metrics_writer *mw)
{
	uint32_t buckets[SYNC_BUCKETS];
	pthread_mutex_lock(&w->mutex);
	memcpy(buckets, w->sync_buckets, sizeof buckets);
	double sum = w->sync_seconds;
	pthread_mutex_unlock(&w->mutex);

	uint64_t count = 0;
	double limit = SYNC_FIRST_SECONDS;
	for (unsigned i = 0; i < SYNC_BUCKETS; i++, limit *= 2) {
		char text[32] = "+Inf";
		if (i + 1 < SYNC_BUCKETS)
			snprintf(text, sizeof text, "%g", limit);
		struct metric_label le = {"le", sv_of(text)};
		count += buckets[i];
		metrics_emit_suffix(mw, M_WAL_FSYNC_SECONDS, "_bucket", &le, 1, (double)count);
	}
	metrics_emit_suffix(mw, M_WAL_FSYNC_SECONDS, "_sum", NULL, 0, sum);
	metrics_emit_suffix(mw, M_WAL_FSYNC_SECONDS, "_count", NULL, 0, (double)count);
}

static void emit_refused(struct wal *w, struct metrics_writer *mw)
{
	struct wal_ledger l;
	wal_refused_get(w, &l);
	for (size_t i = 0; i < l.n; i++) {
		const struct metric_label reason = {"reason", sv_of(l.v[i].reason)};
		metrics_emit(mw, M_LEDGER_REFUSED_SAMPLES, &reason, 1, (double)l.v[i].samples);
	}
	for (size_t i = 0; i < l.n; i++) {
		const struct metric_label reason = {"reason", sv_of(l.v[i].reason)};
		metrics_emit(mw, M_LEDGER_REFUSED_SCRAPES, &reason, 1, (double)l.v[i].scrapes);
	}
}

void wal_collect(struct wal *w, struct metrics_writer *mw)
{
	struct wal_stats s;
	wal_stats_get(w, &s);
	set_u64(M_WAL_BYTES, s.bytes);
	set_u64(M_WAL_DEFS_BYTES, s.defs_bytes);
	set_u64(M_WAL_SEGMENTS, s.segments);
	set_u64(M_WAL_SEGMENT_CURRENT, s.head.segment);
	set_u64(M_WAL_FRAMES, s.frames);
	set_u64(M_WAL_OWNERS, s.owners);
	set_u64(M_WAL_BATCHES_WRITTEN, s.batches_written);
	set_u64(M_WAL_SAMPLES_WRITTEN, s.samples_written);
	set_u64(M_WAL_BYTES_WRITTEN, s.bytes_written);
	set_u64(M_WAL_HEAD_SEQUENCE, s.head.sequence);
	set_u64(M_WAL_QUEUE, s.queue);
	set_u64(M_WAL_TAIL_BYTES, s.memory_bytes);
	set_u64(M_WAL_REPAIRED_BYTES, s.repaired_bytes);
	set_u64(M_WAL_DROPPED_BOUNDS, s.dropped_bounds);
	set_u64(M_WAL_MEMORY_ONLY, s.memory);
	set_u64(M_WAL_FAILED, s.failed);
	emit_sync(w, mw);
	emit_refused(w, mw);
}
