/* A copy of a job's HTTP settings. Clients and the requests they have under way look at them for as
 * long as a pool runs, which may be longer than the configuration they came from.
 */
#pragma once

#include <ampagent/base/arena.h>
#include <ampagent/http_options.h>

/* Everything goes into the arena, secrets too: wipe it. 0 or ERR_NOMEM. */
int client_options_copy(struct arena *arena, const struct http_options *from,
			struct http_options *to);
