/* A thin layer: what the log skipped is seen by its sequence numbers, so its own count is not used.
 */
#include "log.h"

static int log_open(void *cls, struct wal_pos from)
{
	struct rw_log *l = cls;
	uint64_t skipped;
	return wal_cursor_new(l->wal, from, &l->cursor, &skipped);
}

static int log_next(void *cls, struct batch **out)
{
	struct rw_log *l = cls;
	uint64_t skipped;
	return wal_cursor_next(l->cursor, out, &skipped);
}

static struct wal_pos log_pos(void *cls)
{
	struct rw_log *l = cls;
	return wal_cursor_pos(l->cursor);
}

static struct wal_pos log_head(void *cls)
{
	struct rw_log *l = cls;
	return wal_head(l->wal);
}

static struct wal_pos log_tail(void *cls)
{
	struct rw_log *l = cls;
	return wal_tail(l->wal);
}

static int log_advance(void *cls, uint64_t sequence)
{
	struct rw_log *l = cls;
	return l->may_advance && wal_advance_sequence(l->wal, sequence) == 0 ? 0 : 1;
}

static void log_hold(void *cls, struct wal_pos pos)
{
	struct rw_log *l = cls;
	wal_hold(l->wal, l->key, pos);
}

static int log_load(void *cls, struct buf *out, struct err *err)
{
	struct rw_log *l = cls;
	return wal_position_load(l->wal, l->key, out, err);
}

static int log_store(void *cls, struct sv content, struct err *err)
{
	struct rw_log *l = cls;
	return wal_position_put(l->wal, l->key, content, err);
}

static uint32_t log_next_frame(void *cls)
{
	struct rw_log *l = cls;
	return wal_next_frame(l->wal);
}

static uint16_t log_labels(void *cls, uint32_t frame, uint16_t from,
			   void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls)
{
	struct rw_log *l = cls;
	return wal_frame_labels(l->wal, frame, from, fn, fcls);
}

struct log_seam rw_log_seam(struct rw_log *l)
{
	return (struct log_seam){
		.open = log_open,
		.next = log_next,
		.pos = log_pos,
		.head = log_head,
		.tail = log_tail,
		.advance = log_advance,
		.hold = log_hold,
		.load = log_load,
		.store = log_store,
		.next_frame = log_next_frame,
		.labels = {log_labels, l},
		.cls = l,
	};
}

void rw_log_deinit(struct rw_log *l)
{
	if (l->cursor)
		wal_cursor_free(l->cursor);
	l->cursor = NULL;
}
