/* The files of scrape_config_files. */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/base/sv.h>

/* What may stand in scrape_config_files: at most one '*', or several in the last path element. */
bool include_pattern_valid(struct sv pattern);

/* Called for one file: its path and its bytes, which are gone after. 0 goes on. */
typedef int (*include_fn)(void *cls, const char *path, struct sv text);

/* Reads the files that the patterns (NUL-terminated, already joined to a directory) find, pattern
 * by pattern, each in the order of names; none found is fine. 0; 1 with the reason and the pattern
 * at fault when a file cannot be read; else what fn gave. */
int include_each(const struct sv *patterns, size_t n, include_fn fn, void *cls, size_t *at,
		 struct err *err);

/* Checksums: of the file itself, and continued with each file that is included. */
uint64_t include_checksum(struct sv text);
uint64_t include_checksum_add(uint64_t checksum, const char *path, struct sv text);
