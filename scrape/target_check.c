/* One target looked at without being scraped. */
#include "target.h"

#include <ampagent/base/limits.h>
#include <ampagent/scrape.h>

/* A target's labels before and after relabeling, with what the rules make on the way. */
#define CHECK_BYTES MiB(16)

int scrape_check_target(const struct scrape_options *opt, const struct identity *identity,
			struct labels group, struct labels entry, struct err *err)
{
	_cleanup_(target_freep) struct target *t = NULL;
	_cleanup_(arena_deinit) struct arena scratch = ARENA_NULL;
	arena_init(&scratch, CHECK_BYTES);
	switch (target_make(opt, identity, group, entry, &scratch, &t, err)) {
	case TARGET_MADE:
	case TARGET_DROPPED:
	case TARGET_WAITS:
		return 0;
	case TARGET_REFUSED:
		return 1;
	case TARGET_NOMEM:
		break;
	}
	return err_set(err, 1, "out of memory");
}
