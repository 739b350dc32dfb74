/* Times as AWS services and credential programs write them: pure. */
#pragma once

#include <ampagent/base/sv.h>

/* RFC 3339 with any number of fraction digits, Z or an offset, "T" or a blank: 0 and ms since 1970,
 * or 1. */
int aws_time_read(struct sv text, int64_t *out_ms);
