/* A position file as numbers that the log can check by itself. */
#include "position.h"

#include <ampagent/remotewrite.h>
#include <stdio.h>
#include <stdlib.h>

static int copy_places(const struct shard_place *v, uint32_t n, struct wal_place **out,
		       size_t *n_out)
{
	*out = calloc(n ? n : 1, sizeof **out);
	if (!*out)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < n; i++)
		(*out)[i] = (struct wal_place){v[i].pos, v[i].own};
	*n_out = n;
	return 0;
}

static void copy_dropped(const struct books *books, struct wal_position_books *out)
{
	_Static_assert((int)DROP_REASONS_ <= (int)WAL_REASONS_MAX, "all reasons have room");
	for (int i = 0; i < DROP_REASONS_; i++) {
		if (books->dropped[i] == 0)
			continue;
		struct wal_refused *r = &out->dropped[out->n_dropped++];
		snprintf(r->reason, sizeof r->reason, "%s", drop_reason_name((enum drop_reason)i));
		r->samples = books->dropped[i];
	}
}

static int summarise(struct sv content, struct wal_position_books *out, struct err *err)
{
	_cleanup_(position_deinit) struct position p = POSITION_NULL;
	*out = (struct wal_position_books){0};
	int r = position_parse(content, &p, err);
	if (r != 0)
		return r;
	out->base = p.base;
	out->sent = p.books.sent;
	out->unsettled = p.unsettled;
	copy_dropped(&p.books, out);
	if (copy_places(p.shards, p.n, &out->places, &out->n) == 0 &&
	    copy_places(p.former, p.n_former, &out->former, &out->n_former) == 0)
		return 0;
	wal_position_books_deinit(out);
	return ERR_NOMEM;
}

const struct wal_position_reader remotewrite_position_reader = {summarise, frame_shard};
