/* What a process did to the files below one directory, in order: preload.c writes it, disk.c reads
 * it. Each entry is a head and `bytes` bytes: names are relative to that directory.
 */
#pragma once

#include <stdint.h>

enum journal_kind {
	JOURNAL_CREATE = 1, /* file: name */
	JOURNAL_MKDIR,      /* name */
	JOURNAL_WRITE,      /* file, at: data */
	JOURNAL_TRUNCATE,   /* file, at: the new size */
	JOURNAL_SYNC,       /* file; at 1: it failed, and what was dirty is not tried again */
	JOURNAL_SYNC_NAMES, /* name: the directory */
	JOURNAL_UNLINK,     /* name */
	JOURNAL_RENAME,     /* at: length of the first name; both names */
	JOURNAL_MARK,       /* file: what, at: which; of the process's own choice */
};

struct journal_head {
	uint32_t kind;
	uint32_t file; /* numbered from 1, never given twice */
	uint64_t at;
	uint64_t bytes;
};
