/* log: the log as a destination's seam. */
#pragma once

#include "destination.h"

#include <ampagent/wal.h>

struct rw_log {
	struct wal *wal;
	struct sv key; /* borrowed */
	struct wal_cursor *cursor;
	bool may_advance; /* nothing was logged by this process yet */
};

struct log_seam rw_log_seam(struct rw_log *l);
void rw_log_deinit(struct rw_log *l);
