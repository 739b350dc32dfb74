/* Destinations that the configuration no longer has: their books are closed and told. */
#include "removed.h"

#include "position.h"

#include <ampagent/base/log.h>
#include <ampagent/base/metrics.h>
#include <inttypes.h>
#include <stdlib.h>

/* Its books go with it: the sum stays. */
void removed_log(struct sv key, uint64_t queued)
{
	metric_add(M_RW_REMOVED_SAMPLES, queued);
	log_info("Remote write destination was removed: what was queued for it is dropped",
		 "destination", FMT("%.*s", SV_ARG(key)), "samples", FMT("%" PRIu64, queued),
		 "reason", drop_reason_name(DROP_DESTINATION_REMOVED));
}

struct orphans {
	bool (*running)(void *cls, struct sv key);
	void *cls;
	struct arena arena;
	struct sv *v;
	size_t n;
};

static void see_key(void *cls, struct sv key)
{
	struct orphans *o = cls;
	if (o->running(o->cls, key))
		return;
	struct sv *v = realloc(o->v, (o->n + 1) * sizeof *v);
	if (!v)
		return;
	o->v = v;
	struct sv copy = arena_dup(&o->arena, key);
	if (copy.ptr)
		o->v[o->n++] = copy;
}

static uint64_t queued_of(struct wal *wal, struct sv key)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	_cleanup_(position_deinit) struct position pos = POSITION_NULL;
	buf_init(&text, POSITION_BYTES);
	if (wal_position_load(wal, key, &text, NULL) || position_parse(buf_view(&text), &pos, NULL))
		return 0;
	int64_t n = (int64_t)wal_head(wal).sequence - pos.base - (int64_t)books_total(&pos.books);
	return n > 0 ? (uint64_t)n : 0;
}

void removed_drop_positions(struct wal *wal, bool (*running)(void *cls, struct sv key), void *cls)
{
	struct orphans o = {.running = running, .cls = cls};
	arena_init(&o.arena, MiB(1));
	wal_position_each(wal, see_key, &o);
	for (size_t i = 0; i < o.n; i++) {
		removed_log(o.v[i], queued_of(wal, o.v[i]));
		wal_position_drop(wal, o.v[i]);
	}
	free(o.v);
	arena_deinit(&o.arena);
}
