/* LD_PRELOAD: writes down what the process does to the files below AMPAGENT_POWERLOSS_ROOT, in
 * AMPAGENT_POWERLOSS_JOURNAL, and makes some of it fail with
 * AMPAGENT_POWERLOSS_FAULTS=seed:per_mille.
 *
 * Nothing is really synced: what a sync would have saved is decided from the journal (disk.c). All
 * real work is done by system calls, so that it does not matter who else stands in between. What is
 * there when the process starts counts as synced.
 */
/* Both names of each call are defined here. */
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "journal.h"

enum { FILES_MAX = 65536 };
#define EXPORT __attribute__((visibility("default")))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static int journal = -1;
static struct {
	ino_t ino;
	uint32_t file;
} files[FILES_MAX];
static uint32_t n_files, next_file = 1;
static uint64_t rng;
static unsigned per_mille;

static void write_all(const void *src, size_t n)
{
	const char *p = src;
	while (n > 0) {
		long done = syscall(SYS_write, journal, p, n);
		if (done <= 0)
			abort();
		p += done;
		n -= (size_t)done;
	}
}

/* One write, so that a kill leaves whole entries but for the last. */
static void tell(enum journal_kind kind, uint32_t file, uint64_t at, const void *src, size_t n)
{
	struct journal_head h = {kind, file, at, n};
	char *all = malloc(sizeof h + n);
	if (!all)
		abort();
	memcpy(all, &h, sizeof h);
	if (n > 0)
		memcpy(all + sizeof h, src, n);
	write_all(all, sizeof h + n);
	free(all);
}

static void tell_name(enum journal_kind kind, uint32_t file, const char *name)
{
	tell(kind, file, 0, name, strlen(name));
}

/* ---- which file ---- */

/* The name below the root, or NULL. */
static const char *below(const char *path)
{
	size_t n = strlen(root);
	if (journal < 0 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path[n] == '/' ? path + n + 1 : "";
}

static const char *path_of_fd(int fd, char dst[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, dst, PATH_MAX - 1);
	dst[n > 0 ? n : 0] = '\0';
	return dst;
}

static const char *name_at(int dir, const char *name, char dst[PATH_MAX])
{
	char at[PATH_MAX] = "";
	if (name[0] == '/') {
		snprintf(dst, PATH_MAX, "%s", name);
	} else if (dir != AT_FDCWD) {
		if (snprintf(dst, PATH_MAX, "%s/%s", path_of_fd(dir, at), name) >= PATH_MAX)
			abort();
	} else if (!getcwd(at, sizeof at) ||
		   snprintf(dst, PATH_MAX, "%s/%s", at, name) >= PATH_MAX) {
		return NULL;
	}
	return below(dst);
}

static uint32_t file_of_ino(ino_t ino)
{
	for (uint32_t i = n_files; i > 0; i--)
		if (files[i - 1].ino == ino)
			return files[i - 1].file;
	return 0;
}

static uint32_t file_of_fd(int fd, bool *dir)
{
	struct stat st;
	*dir = false;
	if (journal < 0 || fstat(fd, &st) != 0)
		return 0;
	*dir = S_ISDIR(st.st_mode);
	return S_ISREG(st.st_mode) ? file_of_ino(st.st_ino) : 0;
}

static uint32_t file_add(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || n_files == FILES_MAX)
		abort();
	for (uint32_t i = 0; i < n_files; i++)
		if (files[i].ino == st.st_ino) {
			files[i].file = next_file;
			return next_file++;
		}
	files[n_files].ino = st.st_ino;
	files[n_files++].file = next_file;
	return next_file++;
}

/* ---- faults ---- */

/* Syncs fail four times as often as the rest: there are fewer. */
static bool fails(unsigned rate)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (rng * UINT64_C(2685821657736338717) >> 33) % 1000 < rate;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* ---- the start ---- */

static void adopt_file(const char *path, const char *name)
{
	static char bytes[1 << 16];
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		abort();
	uint32_t file = file_add(fd);
	tell_name(JOURNAL_CREATE, file, name);
	uint64_t at = 0;
	for (long n; (n = syscall(SYS_read, fd, bytes, sizeof bytes)) > 0; at += (uint64_t)n)
		tell(JOURNAL_WRITE, file, at, bytes, (size_t)n);
	tell(JOURNAL_SYNC, file, 0, NULL, 0);
	syscall(SYS_close, fd);
}

static void adopt(const char *path)
{
	char sub[PATH_MAX];
	DIR *d = opendir(path);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) >= PATH_MAX ||
		    lstat(sub, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			tell_name(JOURNAL_MKDIR, 0, below(sub));
			adopt(sub);
		} else if (S_ISREG(st.st_mode)) {
			adopt_file(sub, below(sub));
		}
	}
	closedir(d);
	tell_name(JOURNAL_SYNC_NAMES, 0, below(path));
}

__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("AMPAGENT_POWERLOSS_ROOT");
	const char *to = getenv("AMPAGENT_POWERLOSS_JOURNAL");
	const char *faults = getenv("AMPAGENT_POWERLOSS_FAULTS");
	if (!at || !to)
		return;
	snprintf(root, sizeof root, "%s", at);
	journal = (int)syscall(SYS_openat, AT_FDCWD, to,
			       O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (journal < 0)
		abort();
	adopt(root);
	unsigned long long seed = 0;
	if (faults && sscanf(faults, "%llu:%u", &seed, &per_mille) == 2)
		rng = seed * 2 + 1;
	/* Children are not meant. */
	unsetenv("LD_PRELOAD");
}

EXPORT void powerloss_mark(uint32_t what, uint64_t which);
void powerloss_mark(uint32_t what, uint64_t which)
{
	pthread_mutex_lock(&mutex);
	if (journal >= 0)
		tell(JOURNAL_MARK, what, which, NULL, 0);
	pthread_mutex_unlock(&mutex);
}

/* ---- calls ---- */

static int do_open(int dir, const char *path, int flags, mode_t mode)
{
	char whole[PATH_MAX];
	const char *name = journal >= 0 ? name_at(dir, path, whole) : NULL;
	if (!name || !(flags & (O_CREAT | O_TRUNC)))
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	pthread_mutex_lock(&mutex);
	struct stat st;
	bool there = lstat(whole, &st) == 0;
	int fd = fails(per_mille) ? fail(ENOSPC) : (int)syscall(SYS_openat, dir, path, flags, mode);
	int error = errno;
	if (fd >= 0 && !there)
		tell_name(JOURNAL_CREATE, file_add(fd), name);
	else if (fd >= 0 && flags & O_TRUNC)
		tell(JOURNAL_TRUNCATE, file_of_ino(st.st_ino), 0, NULL, 0);
	errno = error;
	pthread_mutex_unlock(&mutex);
	return fd;
}

#define MODE(flags)                                                                                \
	mode_t mode = 0;                                                                           \
	if ((flags)&O_CREAT) {                                                                     \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
	}

EXPORT int open(const char *path, int flags, ...)
{
	MODE(flags)
	return do_open(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	MODE(flags)
	return do_open(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	MODE(flags)
	return do_open(dir, path, flags, mode);
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	MODE(flags)
	return do_open(dir, path, flags | O_LARGEFILE, mode);
}

static ssize_t do_pwrite(int fd, const void *src, size_t n, off_t at)
{
	bool dir;
	pthread_mutex_lock(&mutex);
	uint32_t file = file_of_fd(fd, &dir);
	bool bad = file != 0 && fails(per_mille);
	/* Some of it, or nothing. */
	if (bad && n > 1 && rng & 8)
		n /= 2;
	else if (bad)
		n = 0;
	ssize_t done = bad && n == 0 ? fail(ENOSPC) : syscall(SYS_pwrite64, fd, src, n, at);
	int error = errno;
	if (file != 0 && done > 0)
		tell(JOURNAL_WRITE, file, (uint64_t)at, src, (size_t)done);
	errno = error;
	pthread_mutex_unlock(&mutex);
	return done;
}

EXPORT ssize_t pwrite(int fd, const void *src, size_t n, off_t at)
{
	return do_pwrite(fd, src, n, at);
}

EXPORT ssize_t pwrite64(int fd, const void *src, size_t n, off64_t at)
{
	return do_pwrite(fd, src, n, at);
}

static int do_truncate(int fd, off_t size)
{
	bool dir;
	pthread_mutex_lock(&mutex);
	uint32_t file = file_of_fd(fd, &dir);
	int r = (int)syscall(SYS_ftruncate, fd, size);
	if (r == 0 && file != 0)
		tell(JOURNAL_TRUNCATE, file, (uint64_t)size, NULL, 0);
	pthread_mutex_unlock(&mutex);
	return r;
}

EXPORT int ftruncate(int fd, off_t size)
{
	return do_truncate(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
	return do_truncate(fd, size);
}

static int do_sync(int fd, long number)
{
	char whole[PATH_MAX];
	bool dir;
	pthread_mutex_lock(&mutex);
	uint32_t file = file_of_fd(fd, &dir);
	const char *name = dir ? below(path_of_fd(fd, whole)) : NULL;
	int r = 0;
	if (file != 0 || name)
		r = fails(4 * per_mille) ? fail(EIO) : 0;
	else
		r = (int)syscall(number, fd);
	int error = errno;
	if (file != 0)
		tell(JOURNAL_SYNC, file, r != 0, NULL, 0);
	else if (name && r == 0)
		tell_name(JOURNAL_SYNC_NAMES, 0, name);
	errno = error;
	pthread_mutex_unlock(&mutex);
	return r;
}

EXPORT int fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

EXPORT int fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

static int do_rename(int from_dir, const char *from, int to_dir, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX], both[2 * PATH_MAX];
	pthread_mutex_lock(&mutex);
	const char *x = name_at(from_dir, from, a), *y = name_at(to_dir, to, b);
	int r = x && fails(per_mille) ? fail(EIO)
				      : (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
	int error = errno;
	if (r == 0 && x && y) {
		int n = snprintf(both, sizeof both, "%s%s", x, y);
		tell(JOURNAL_RENAME, 0, strlen(x), both, (size_t)n);
	}
	errno = error;
	pthread_mutex_unlock(&mutex);
	return r;
}

EXPORT int rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return do_rename(from_dir, from, to_dir, to);
}

static int do_unlink(int dir, const char *path, int flags)
{
	char whole[PATH_MAX];
	pthread_mutex_lock(&mutex);
	const char *name = name_at(dir, path, whole);
	int r = (int)syscall(SYS_unlinkat, dir, path, flags);
	int error = errno;
	if (r == 0 && name)
		tell_name(JOURNAL_UNLINK, 0, name);
	errno = error;
	pthread_mutex_unlock(&mutex);
	return r;
}

EXPORT int unlink(const char *path)
{
	return do_unlink(AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
	return do_unlink(dir, path, flags);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	char whole[PATH_MAX];
	pthread_mutex_lock(&mutex);
	const char *name = name_at(AT_FDCWD, path, whole);
	int r = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	int error = errno;
	if (r == 0 && name)
		tell_name(JOURNAL_MKDIR, 0, name);
	errno = error;
	pthread_mutex_unlock(&mutex);
	return r;
}
