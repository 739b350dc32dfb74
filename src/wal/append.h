/* The end of a file that is written to. What is not known to be on stable storage is kept in
 * memory: when a sync fails, the kernel may have thrown the bytes away and says so only once, so
 * they are written again before the next try.
 */
#pragma once

#include "store.h"

struct append {
	int fd;         /* not owned */
	bool keep;      /* else a failed sync cannot be made good */
	bool again;     /* a sync failed: what is kept has to be written once more */
	uint64_t first; /* where what is kept begins */
	struct buf kept;
};

#define APPEND_NULL ((struct append){.fd = -1})

/* Goes on at the end of a file of `size` bytes. What was kept of another one is forgotten. */
void append_begin(struct append *a, int fd, uint64_t size, bool keep);
void append_deinit(struct append *a);
/* Writes at the end, which is at `size`; below what was written when that is to be replaced. More
 * than can be kept is synced at once. 0, or -1 with errno: to be called again with the same. */
int append_write(struct append *a, struct sv bytes, uint64_t size);
/* 0, or -1 with errno: to be called again. */
int append_sync(struct append *a);
