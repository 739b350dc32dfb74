/* The list of segments: beginning new ones, letting old ones go.
 *
 * Invariants, under the mutex: numbers ascend, `first` does not descend, the list is never empty
 * once the log is open, its last segment is the one written to and is never deleted.
 */
#include <ampagent/base/clock.h>
#include <errno.h>

#include "log.h"

uint64_t segments_next_number(const struct wal *w)
{
	uint64_t next = w->n_segments ? w->segments[w->n_segments - 1].number + 1 : 1;
	return next > w->min_segment ? next : w->min_segment;
}

int segment_add(struct wal *w, const struct segment *s)
{
	if (w->n_segments == w->cap_segments) {
		size_t cap = w->cap_segments ? w->cap_segments * 2 : 16;
		struct segment *v = reallocarray(w->segments, cap, sizeof *v);
		if (!v)
			return ERR_NOMEM;
		w->segments = v;
		w->cap_segments = cap;
	}
	w->segments[w->n_segments++] = *s;
	return 0;
}

/* The header is kept as what follows it, so that a failed sync can be made good. */
int64_t segments_clock_ms(const struct wal *w)
{
	return clock_mono_ms() + w->wall_offset_ms;
}

static int create(struct wal *w, const struct segment *s, struct append *out)
{
	uint8_t raw[FILE_HEADER_BYTES];
	char name[STORE_NAME_MAX];
	struct file_header h = {.kind = FILE_SEGMENT,
				.number = s->number,
				.sequence = s->first,
				.created_ms = s->created_ms,
				.next_frame = w->defs.next_frame,
				.next_owner = w->defs.next_owner};
	file_header_put(raw, &h);
	_cleanup_(close_fdp) int fd =
		store_create(&w->store, store_name(name, FILE_SEGMENT, s->number));
	if (fd < 0)
		return -1;
	append_begin(out, fd, 0, !w->opt.memory && w->opt.durability != WAL_DURABILITY_NONE);
	if (append_write(out, sv_make((const char *)raw, sizeof raw), 0) ||
	    store_sync_names(&w->store)) {
		int saved = errno;
		store_remove(&w->store, name);
		append_deinit(out);
		errno = saved;
		return -1;
	}
	fd = -1;
	return 0;
}

int segment_begin(struct wal *w, uint64_t sequence)
{
	struct segment s = {.number = segments_next_number(w),
			    .first = sequence,
			    .size = FILE_HEADER_BYTES,
			    .created_ms = clock_wall_ms()};
	struct append end = APPEND_NULL;
	if (create(w, &s, &end))
		return -1;
	s.created_ms = segments_clock_ms(w);
	struct wal_pos pos = {s.number, FILE_HEADER_BYTES, sequence};
	pthread_mutex_lock(&w->mutex);
	int r = segment_add(w, &s);
	if (r == 0)
		w->head = w->read_end = pos;
	pthread_mutex_unlock(&w->mutex);
	if (r) {
		close(end.fd);
		append_deinit(&end);
		errno = ENOMEM;
		return -1;
	}
	if (w->writer.fd >= 0)
		close(w->writer.fd);
	append_deinit(&w->writer.end);
	w->writer.fd = end.fd;
	w->writer.end = end;
	w->writer.pos = w->writer.read_end = pos;
	w->writer.size = FILE_HEADER_BYTES;
	w->writer.created_ms = s.created_ms;
	w->writer.dirty = !w->opt.memory;
	w->writer.dirty_since_ms = clock_mono_ms();
	w->writer.ledger_stands = false;
	frame_states_next_segment(&w->writer.states);
	return 0;
}

/* ---- letting go; with the mutex held ---- */

static bool lowest_hold(const struct wal *w, struct wal_pos *out)
{
	for (size_t i = 0; i < w->n_holds; i++)
		if (i == 0 || pos_cmp(w->holds[i].pos, *out) < 0)
			*out = w->holds[i].pos;
	return w->n_holds > 0;
}

static uint64_t bytes_held(const struct wal *w, uint64_t defs_bytes)
{
	uint64_t n = defs_bytes;
	for (size_t i = 0; i < w->n_segments; i++)
		n += w->segments[i].size;
	return n;
}

/* A segment is as old as its newest sample: the next one was begun then. */
static bool too_old(const struct wal *w, int64_t now_ms)
{
	return w->opt.max_age_ms > 0 && w->segments[1].created_ms < now_ms - w->opt.max_age_ms;
}

/* Samples of the first segment that somebody still wanted. */
static uint64_t first_wanted(const struct wal *w)
{
	struct wal_pos low;
	if (!lowest_hold(w, &low))
		return 0;
	uint64_t end = w->segments[1].first;
	uint64_t from = low.sequence > w->segments[0].first ? low.sequence : w->segments[0].first;
	return from < end ? end - from : 0;
}

/* The full disk is why nothing goes on, so the bound is not looked at. Not before the destinations
 * told what they need. */
static bool first_is_free(const struct wal *w)
{
	struct wal_pos low;
	return w->n_segments > 1 && lowest_hold(w, &low) && low.segment > w->segments[0].number;
}

/* Whether the first segment may or must go. */
static bool first_goes(struct wal *w, bool at_begin, uint64_t defs_bytes, int64_t now_ms)
{
	struct wal_pos low;
	if (w->n_segments < 2)
		return false;
	if (bytes_held(w, defs_bytes) > w->opt.max_bytes || too_old(w, now_ms)) {
		w->stats.dropped_bounds += first_wanted(w);
		return true;
	}
	if (!at_begin)
		return false;
	if (!lowest_hold(w, &low))
		return w->n_segments > 2;
	return low.segment > w->segments[0].number;
}

static void take_first(struct wal *w, char name[STORE_NAME_MAX])
{
	store_name(name, FILE_SEGMENT, w->segments[0].number);
	w->n_segments--;
	memmove(w->segments, w->segments + 1, w->n_segments * sizeof w->segments[0]);
}

void segments_make_room(struct wal *w)
{
	for (;;) {
		char name[STORE_NAME_MAX];
		pthread_mutex_lock(&w->mutex);
		bool goes = w->writer.took_batch && first_is_free(w);
		if (goes)
			take_first(w, name);
		pthread_mutex_unlock(&w->mutex);
		if (!goes)
			return;
		store_remove(&w->store, name);
		metric_add(M_WAL_TRUNCATIONS, 1);
	}
}

void segments_trim(struct wal *w, bool at_begin)
{
	struct defs_stats ds;
	defs_stats_get(&w->defs, &ds);
	int64_t now_ms = segments_clock_ms(w);
	uint64_t gone = 0, oldest;
	for (;;) {
		char name[STORE_NAME_MAX];
		pthread_mutex_lock(&w->mutex);
		bool goes = first_goes(w, at_begin, ds.bytes, now_ms);
		if (goes)
			take_first(w, name);
		oldest = w->segments[0].number;
		pthread_mutex_unlock(&w->mutex);
		if (!goes)
			break;
		store_remove(&w->store, name);
		gone++;
	}
	if (gone > 0)
		metric_add(M_WAL_TRUNCATIONS, gone);
	if (!at_begin)
		return;
	pthread_mutex_lock(&w->mutex);
	if (w->recent.n > 0 && clock_mono_ms() > w->recent.until_ms)
		recent_deinit(&w->recent);
	pthread_mutex_unlock(&w->mutex);
	defs_next_segment(&w->defs, w->writer.pos.segment, oldest);
}
