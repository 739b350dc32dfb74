/* Where the log's files live: a directory, or anonymous memory. Everything above works with names
 * and file descriptors and does not know which.
 */
#pragma once

#include <ampagent/base/err.h>
#include <pthread.h>

#include "codec.h"

struct store_file; /* one file in memory */

struct store {
	bool memory;
	bool read_only; /* files are opened for reading */
	int dir;        /* <storage path>/ampagent; -1 in memory */
	int lock;       /* LOCK, held while open */
	pthread_mutex_t mutex;
	struct store_file *files; /* in memory only */
	size_t n, cap;
};

#define STORE_NULL ((struct store){.dir = -1, .lock = -1, .mutex = PTHREAD_MUTEX_INITIALIZER})

/* Makes <path>/ampagent when missing, takes the lock, checks FORMAT. 0, or WAL_E_LOCKED,
 * WAL_E_UNWRITABLE, WAL_E_FORMAT with the reason. */
int store_open_dir(struct store *s, struct sv path, struct err *err);
void store_open_memory(struct store *s);
/* For looking only, without the lock: the directory itself, or the one in a storage path. 0, or 1
 * with the reason. */
int store_open_look(struct store *s, const char *dir, struct err *err);
void store_deinit(struct store *s);

enum { STORE_NAME_MAX = 160 };
/* "seg-0000000000000001". Returns dst. */
char *store_name(char dst[STORE_NAME_MAX], enum file_kind kind, uint64_t number);
/* The number of a name that store_name() made: 0, or 1 when it is not one of that kind. */
int store_number(const char *name, enum file_kind kind, uint64_t *number);

/* A file descriptor, or -1 with errno. Created files are new and empty. */
int store_create(struct store *s, const char *name);
int store_open(struct store *s, const char *name);
/* 0, or -1 with errno. Open descriptors stay usable. */
int store_remove(struct store *s, const char *name);
/* Puts new_name in the place of name, atomically. 0, or -1 with errno. */
int store_rename(struct store *s, const char *name, const char *new_name);
/* Makes created and removed names durable. */
int store_sync_names(struct store *s);
/* Calls fn for every name; files may be removed meanwhile. 0, or -1 with errno. */
int store_each(struct store *s, void (*fn)(void *cls, const char *name), void *cls);

/* All of the bytes at that place: 0, or -1 with errno. */
int write_at(int fd, struct sv bytes, uint64_t offset);
/* As write_at() at the end of a file; what a failed try left behind is cut off again. */
int append_at(int fd, struct sv bytes, uint64_t size);
/* As many bytes as there are, up to n. The number, or -1 with errno. */
ssize_t read_at(int fd, void *dst, size_t n, uint64_t offset);

DEFINE_CLEANUP(struct store, store_deinit)
