/* A configuration as /api/v1/status/config shows it. */
#pragma once

#include "raw.h"

#include <ampagent/base/buf.h>

/* Appends raw, which the checks have filled in, as Prometheus prints it: its order of keys, its way
 * of writing YAML, defaults filled in, secrets as "<secret>" and passwords in URLs as "xxxxx". What
 * differs from Prometheus is told in shown.c. */
void shown_config(struct buf *out, const struct raw_config *raw);
/* One string as a YAML scalar, quoted where it would mean something else. */
void shown_scalar(struct buf *out, struct sv s);
/* The same, always in single quotes. */
void shown_quoted(struct buf *out, struct sv s);
/* A URL with its password masked. */
void shown_url(struct buf *out, struct sv url);
/* The URL with `xxxxx` for its password: itself, or made in buf, which the caller frees. */
struct sv shown_url_masked(struct sv url, struct buf *buf);

/* The order in which a block's keys are shown; a "!" before a key: also when it is zero; a "?":
 * when it is in the file. NULL: the schema's order. For tests. */
struct schema_block;
const char *const *shown_order(const struct schema_block *block);
