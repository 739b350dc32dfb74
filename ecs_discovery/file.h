/* file_sd_configs: groups read from files found by globs.
 *
 * Files are read when their directories change and on a timer. A file that cannot be read or
 * understood keeps the groups it gave last and is told of once in the log, until its fault changes.
 */
#pragma once

#include "provider.h"
#include <ampagent/base/metrics.h>
#include <ampagent/discovery_options.h>
#include <ampagent/net/loop.h>

/* What all file providers share. */
struct file_sd;

int file_sd_new(struct loop *loop, struct file_sd **out, struct err *err);
/* All providers must be gone. NULL is fine. */
void file_sd_free(struct file_sd *sd);
void file_sd_collect(const struct file_sd *sd, struct metrics_writer *w);

/* Reads the files before it returns. Copies what it needs of opt. 0, or ERR_NOMEM. */
int file_provider_new(struct file_sd *sd, const struct file_sd_options *opt, struct provider **out);
/* Whether p is a file provider made from equal options. */
bool file_provider_is(const struct provider *p, const struct file_sd_options *opt);

DEFINE_CLEANUP_PTR(struct file_sd, file_sd_free)
