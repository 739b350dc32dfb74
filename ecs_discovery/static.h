/* static_configs: all of a job's in one provider, sources "0", "1", ... */
#pragma once

#include "provider.h"
#include <ampagent/discovery_options.h>

/* Copies what it needs of opts. 0 and *out, or ERR_NOMEM. */
int static_provider_new(const struct static_group_options *opts, size_t n, struct provider **out);
