/* removed: destinations that the configuration no longer has. */
#pragma once

#include <ampagent/wal.h>

/* What was queued for it counts as dropped. */
void removed_log(struct sv key, uint64_t queued);
/* Drops the position files of all that do not run, those of earlier runs. */
void removed_drop_positions(struct wal *wal, bool (*running)(void *cls, struct sv key), void *cls);
