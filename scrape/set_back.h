/* A clock that was set back by far. */
#pragma once

#include "owner.h"

/* No receiver takes samples that are further ahead of its clock, so times beyond it were a clock's
 * that was wrong, and hold nothing up. */
enum { SET_BACK_MS = 10 * 60 * 1000 };

/* Before a scrape at t_ms: when the owner's last time is more than that ahead, what is known of its
 * times is forgotten, so that the scrape counts as newer. Whether it was so. */
bool owner_set_back(struct owner *o, int64_t t_ms);
