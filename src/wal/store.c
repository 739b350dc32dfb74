/* The log's files, in a directory or in anonymous memory.
 *
 * In memory each file is a memfd: reads, writes and cuts are the same calls as on disk, so there is
 * one code path above, and pages are given back to the system when a file goes.
 */
#include <ampagent/base/cleanup.h>
#include <ampagent/base/file.h>
#include <ampagent/wal.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "store.h"

struct store_file {
	char *name;
	int fd;
};

static const char format_text[] = "ampagent log 1\n";

static int unwritable(struct err *err, struct sv path, const char *what)
{
	return err_set(err, WAL_E_UNWRITABLE, "%.*s/ampagent: %s: %s", SV_ARG(path), what,
		       strerror(errno));
}

static int take_lock(struct store *s, struct sv path, struct err *err)
{
	char pid[32] = "";
	s->lock = openat(s->dir, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock < 0)
		return unwritable(err, path, "LOCK");
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return unwritable(err, path, "locking LOCK");
		ssize_t n = read_at(s->lock, pid, sizeof pid - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		return err_set(err, WAL_E_LOCKED,
			       "%.*s/ampagent is in use by another process (pid %s)", SV_ARG(path),
			       pid[0] ? pid : "unknown");
	}
	int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(s->lock, 0) != 0 || write_at(s->lock, sv_make(pid, (size_t)n), 0) != 0)
		return unwritable(err, path, "writing LOCK");
	return 0;
}

/* The directories above may have been made just now: their names are synced, up to the file
 * system's root. What cannot be synced there was not made by us. */
static void sync_above(const struct store *s)
{
	struct stat here, above;
	_cleanup_(close_fdp) int fd = openat(s->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(s->dir, &here) != 0)
		return;
	while (fstat(fd, &above) == 0 && above.st_dev == here.st_dev &&
	       above.st_ino != here.st_ino) {
		fsync(fd);
		int next = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return;
		close(fd);
		fd = next;
		here = above;
	}
}

static void note_newest(void *cls, const char *name)
{
	uint64_t *newest = cls, number;
	if (store_number(name, FILE_SEGMENT, &number) == 0 && number > *newest)
		*newest = number;
}

/* Whoever opens a log begins a segment, so the newest one tells which version wrote last. */
static bool newest_is_ours(struct store *s)
{
	char name[STORE_NAME_MAX];
	uint8_t raw[FILE_HEADER_BYTES];
	struct file_header h;
	uint64_t newest = 0;
	store_each(s, note_newest, &newest);
	_cleanup_(close_fdp) int fd = store_open(s, store_name(name, FILE_SEGMENT, newest));
	ssize_t n = fd < 0 ? 0 : read_at(fd, raw, sizeof raw, 0);
	return n > 0 && file_header_get(raw, (size_t)n, FILE_SEGMENT, &h) == 0;
}

static int check_format(struct store *s, struct sv path, struct err *err)
{
	char text[64];
	_cleanup_(close_fdp) int fd = store_open(s, "FORMAT");
	if (fd < 0 && errno != ENOENT)
		return unwritable(err, path, "FORMAT");
	ssize_t n = fd < 0 ? 0 : read_at(fd, text, sizeof text, 0);
	if (n < 0)
		return unwritable(err, path, "reading FORMAT");
	if (sv_eq(sv_make(text, (size_t)n), SV("ampagent log 1\n")))
		return 0;
	/* Empty: its first writer did not live to finish. Anything else before a segment of this
	 * version: damaged. */
	if (n > 0 && !newest_is_ours(s))
		return err_set(err, WAL_E_FORMAT,
			       "%.*s/ampagent was written by another version: FORMAT is not "
			       "\"ampagent log 1\"",
			       SV_ARG(path));
	_cleanup_(close_fdp) int out = store_create(s, "FORMAT");
	if (out < 0 || write_at(out, sv_of(format_text), 0) != 0 || fdatasync(out) != 0 ||
	    store_sync_names(s) != 0)
		return unwritable(err, path, "writing FORMAT");
	sync_above(s);
	return 0;
}

int store_open_dir(struct store *s, struct sv path, struct err *err)
{
	_cleanup_(freep) char *dir = path_join(path, SV("ampagent"));
	if (!dir)
		return ERR_NOMEM;
	struct err why = ERR_NULL;
	if (dir_make(dir, &why) != 0)
		return err_set(err, WAL_E_UNWRITABLE, "%s", why.msg);
	s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return unwritable(err, path, "opening");
	int r = take_lock(s, path, err);
	return r ? r : check_format(s, path, err);
}

int store_open_look(struct store *s, const char *dir, struct err *err)
{
	_cleanup_(close_fdp) int outer = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (outer < 0)
		return err_set(err, 1, "%s: %s", dir, strerror(errno));
	s->read_only = true;
	s->dir = openat(outer, "ampagent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0) {
		s->dir = outer;
		outer = -1;
	}
	_cleanup_(close_fdp) int format = store_open(s, "FORMAT");
	if (format < 0)
		return err_set(err, 1, "%s: no log here: FORMAT: %s", dir, strerror(errno));
	return 0;
}

void store_open_memory(struct store *s)
{
	s->memory = true;
}

void store_deinit(struct store *s)
{
	for (size_t i = 0; i < s->n; i++) {
		close(s->files[i].fd);
		free(s->files[i].name);
	}
	free(s->files);
	if (s->dir >= 0)
		close(s->dir);
	if (s->lock >= 0)
		close(s->lock);
	pthread_mutex_destroy(&s->mutex);
	*s = STORE_NULL;
}

static const char *prefix_of(enum file_kind kind)
{
	return kind == FILE_SEGMENT ? "seg-" : "def-";
}

char *store_name(char dst[STORE_NAME_MAX], enum file_kind kind, uint64_t number)
{
	snprintf(dst, STORE_NAME_MAX, "%s%016" PRIu64, prefix_of(kind), number);
	return dst;
}

int store_number(const char *name, enum file_kind kind, uint64_t *number)
{
	char again[STORE_NAME_MAX];
	if (strncmp(name, prefix_of(kind), 4) != 0 || sv_to_u64(sv_of(name + 4), number) != 0)
		return 1;
	return strcmp(name, store_name(again, kind, *number)) == 0 ? 0 : 1;
}

/* ---- in memory; the caller holds the mutex ---- */

static struct store_file *memory_find(struct store *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->files[i].name, name) == 0)
			return &s->files[i];
	errno = ENOENT;
	return NULL;
}

static int memory_remove(struct store *s, const char *name)
{
	struct store_file *f = memory_find(s, name);
	if (!f)
		return -1;
	close(f->fd);
	free(f->name);
	*f = s->files[--s->n];
	return 0;
}

static int memory_create(struct store *s, const char *name)
{
	memory_remove(s, name);
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 8;
		struct store_file *v = reallocarray(s->files, cap, sizeof *v);
		if (!v)
			return -1;
		s->files = v;
		s->cap = cap;
	}
	_cleanup_(freep) char *copy = strdup(name);
	_cleanup_(close_fdp) int fd = memfd_create(name, MFD_CLOEXEC);
	int out = fd >= 0 && copy ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (out < 0)
		return -1;
	s->files[s->n++] = (struct store_file){take_ptr(copy), fd};
	fd = -1;
	return out;
}

static int memory_rename(struct store *s, const char *name, const char *new_name)
{
	char *copy = strdup(new_name);
	if (!copy || !memory_find(s, name)) {
		free(copy);
		return -1;
	}
	memory_remove(s, new_name);
	struct store_file *f = memory_find(s, name);
	free(f->name);
	f->name = copy;
	return 0;
}

/* ---- either ---- */

int store_create(struct store *s, const char *name)
{
	if (!s->memory)
		return openat(s->dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	pthread_mutex_lock(&s->mutex);
	int fd = memory_create(s, name);
	pthread_mutex_unlock(&s->mutex);
	return fd;
}

int store_open(struct store *s, const char *name)
{
	if (!s->memory)
		return openat(s->dir, name, (s->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	pthread_mutex_lock(&s->mutex);
	struct store_file *f = memory_find(s, name);
	int fd = f ? fcntl(f->fd, F_DUPFD_CLOEXEC, 0) : -1;
	pthread_mutex_unlock(&s->mutex);
	return fd;
}

int store_remove(struct store *s, const char *name)
{
	if (!s->memory)
		return unlinkat(s->dir, name, 0);
	pthread_mutex_lock(&s->mutex);
	int r = memory_remove(s, name);
	pthread_mutex_unlock(&s->mutex);
	return r;
}

int store_rename(struct store *s, const char *name, const char *new_name)
{
	if (!s->memory)
		return renameat(s->dir, name, s->dir, new_name);
	pthread_mutex_lock(&s->mutex);
	int r = memory_rename(s, name, new_name);
	pthread_mutex_unlock(&s->mutex);
	return r;
}

int store_sync_names(struct store *s)
{
	return s->memory ? 0 : fsync(s->dir);
}

static void closedirp_cleanup(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int dir_each(struct store *s, void (*fn)(void *cls, const char *name), void *cls)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (struct dirent *e; (errno = 0, e = readdir(d));)
		if (e->d_name[0] != '.')
			fn(cls, e->d_name);
	return errno ? -1 : 0;
}

/* Backwards: removing a file puts the last one in its place. */
static int memory_each(struct store *s, void (*fn)(void *cls, const char *name), void *cls)
{
	for (size_t i = SIZE_MAX;;) {
		char name[STORE_NAME_MAX];
		pthread_mutex_lock(&s->mutex);
		i = i < s->n ? i : s->n;
		if (i > 0)
			snprintf(name, sizeof name, "%s", s->files[i - 1].name);
		pthread_mutex_unlock(&s->mutex);
		if (i == 0)
			return 0;
		fn(cls, name);
		i--;
	}
}

int store_each(struct store *s, void (*fn)(void *cls, const char *name), void *cls)
{
	return s->memory ? memory_each(s, fn, cls) : dir_each(s, fn, cls);
}

int write_at(int fd, struct sv bytes, uint64_t offset)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t n = pwrite(fd, bytes.ptr + done, bytes.len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int append_at(int fd, struct sv bytes, uint64_t size)
{
	if (write_at(fd, bytes, size) == 0)
		return 0;
	int saved = errno;
	/* Should this fail too, the next try writes over the rest, or the reader passes it over. */
	int ignored = ftruncate(fd, (off_t)size);
	(void)ignored;
	errno = saved;
	return -1;
}

ssize_t read_at(int fd, void *dst, size_t n, uint64_t offset)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)dst + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}
