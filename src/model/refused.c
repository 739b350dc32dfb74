/* The names of what is refused before the log, as they stand in log, metrics and API. */
#include <ampagent/model/refused.h>

const char *refused_name(enum refused why)
{
	static const char *const names[REFUSED_REASONS_] = {
		[REFUSED_FETCH] = "fetch",
		[REFUSED_PAGE] = "page",
		[REFUSED_BODY_SIZE] = "body_size",
		[REFUSED_LIMIT] = "limit",
		[REFUSED_TARGET_LIMIT] = "target_limit",
		[REFUSED_SKIPPED] = "skipped",
		[REFUSED_DUPLICATE] = "duplicate",
		[REFUSED_OUT_OF_ORDER] = "out_of_order",
		[REFUSED_OUT_OF_BOUNDS] = "out_of_bounds",
		[REFUSED_CLOCK] = "clock",
		[REFUSED_QUEUE] = "queue",
		[REFUSED_MEMORY] = "memory",
		[REFUSED_NEW_SERIES] = "new_series",
		[REFUSED_QUARANTINE] = "quarantine",
		[REFUSED_STOPPED] = "stopped",
	};
	return names[why];
}
