/* Small files: whole reads with a maximum, atomic replacement, paths. */
#pragma once

#include <ampagent/base/buf.h>
#include <ampagent/base/err.h>

/* Appends the file's bytes to out: 0, or 1 with the reason (missing, too large, ...). */
int file_read(const char *path, struct buf *out, struct err *err);
/* The same, never waiting: for threads that have other things to do. A pipe is refused. */
int file_read_at_once(const char *path, struct buf *out, struct err *err);
/* Writes path.tmp, syncs it, renames it over path, syncs the directory: 0 or 1. */
int file_replace(const char *path, struct sv content, struct err *err);
/* dir + "/" + name, or name itself when absolute. malloc'd. */
char *path_join(struct sv dir, struct sv name);
/* The directory part ("." when there is none). */
struct sv path_dir(struct sv path);
/* mkdir -p: 0 or 1. */
int dir_make(const char *path, struct err *err);
