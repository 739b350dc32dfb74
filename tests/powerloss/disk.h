/* A disk as a journal leaves it, and what of it is there after the power was cut.
 *
 * Of each file: the bytes as the process sees them and as they were synced last. A page (4 KiB)
 * that was written since may be on the disk, in part or whole, or not; so may the file's size. A
 * page whose sync failed is not written any more until somebody writes to it again. Names that were
 * made, changed or removed since their directory was synced may be so or still as before.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal.h"

struct disk;

struct disk *disk_new(void);
void disk_free(struct disk *d);
/* Does what one entry says; bytes are those after its head. */
void disk_apply(struct disk *d, const struct journal_head *head, const char *bytes);
/* Makes in `dir`, which is there and empty, what a power cut at this moment may leave. */
void disk_cut(struct disk *d, uint64_t seed, const char *dir);
/* Calls fn for each name below the directory as the process sees it, with how many bytes of it a
 * cut cannot take (a lower bound: the length of what is synced without a gap). */
void disk_each(struct disk *d,
	       void (*fn)(void *cls, const char *name, uint64_t size, uint64_t safe), void *cls);

/* The next whole entry of a journal in memory: its size with its bytes, 0 at the end. */
size_t journal_next(const char *at, size_t left, struct journal_head *head);
