/* A decoded block as YAML-like text, secrets masked: what a destination without a name is named
 * after. */
#pragma once

#include <ampagent/base/buf.h>

#include "schema.h"

/* Appends what differs from the defaults, in the order of the schema, so that equal settings give
 * equal text however they were written and a key added to the schema later changes nothing. Secrets
 * are
 * "<secret>", a password in a URL is "xxxxx". */
void render_block(struct buf *out, const struct schema_block *block, const void *value);
