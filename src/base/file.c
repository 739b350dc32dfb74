/* file: small files, whole. */
#include <ampagent/base/file.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { READ_STEP = 16384 };

/* Room for the whole file and the read that finds its end: a secret that made the buffer grow would
 * leave a copy in freed memory. */
static int reserve_whole(int fd, struct buf *out)
{
	struct stat st;
	size_t left = out->max - out->len;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return 0;
	size_t want = (size_t)st.st_size + 1;
	return buf_reserve(out, want < left ? want : left);
}

static int read_whole(int fd, const char *path, struct buf *out, struct err *err)
{
	if (reserve_whole(fd, out) != 0)
		return err_set(err, 1, "cannot read %s: no memory", path);
	for (;;) {
		size_t room = out->cap - out->len;
		size_t left = out->max - out->len;
		if (room == 0 && left > 0) {
			if (buf_reserve(out, left < READ_STEP ? left : READ_STEP) != 0)
				return err_set(err, 1, "cannot read %s: no memory", path);
			continue;
		}
		/* At the maximum one more byte tells whether the file ends there. */
		char extra;
		ssize_t n = room ? read(fd, out->ptr + out->len, room) : read(fd, &extra, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, 1, "cannot read %s: %s", path, strerror(errno));
		if (n == 0)
			return 0;
		if (room == 0)
			return err_set(err, 1, "%s is larger than %zu bytes", path, out->max);
		out->len += (size_t)n;
	}
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, 1, "cannot open %s: %s", path, strerror(errno));
	return read_whole(fd, path, out, err);
}

int file_read_at_once(const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set(err, 1, "cannot open %s: %s", path, strerror(errno));
	if (S_ISFIFO(st.st_mode))
		return err_set(err, 1,
			       "%s is a pipe: it has to be a file, which is read again and "
			       "again",
			       path);
	return read_whole(fd, path, out, err);
}

static int write_all(int fd, struct sv content)
{
	while (content.len > 0) {
		ssize_t n = write(fd, content.ptr, content.len);
		if (n < 0 && errno != EINTR)
			return 1;
		if (n > 0)
			content = sv_from(content, (size_t)n);
	}
	return 0;
}

/* close(2) may be the one to say that a write failed. */
static int write_synced(const char *path, struct sv content)
{
	_cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, content) != 0 || fsync(fd) != 0)
		return 1;
	int closing = fd;
	fd = -1;
	return close(closing) != 0;
}

static int sync_dir(const char *path)
{
	_cleanup_(freep) char *dir = sv_dup(path_dir(sv_of(path)));
	if (!dir)
		return 1;
	_cleanup_(close_fdp) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0;
}

int file_replace(const char *path, struct sv content, struct err *err)
{
	size_t size = strlen(path) + sizeof ".tmp";
	_cleanup_(freep) char *tmp = malloc(size);
	if (!tmp)
		return err_set(err, 1, "cannot write %s: no memory", path);
	snprintf(tmp, size, "%s.tmp", path);
	if (write_synced(tmp, content) != 0) {
		int cause = errno;
		unlink(tmp);
		return err_set(err, 1, "cannot write %s: %s", tmp, strerror(cause));
	}
	if (rename(tmp, path) != 0) {
		int cause = errno;
		unlink(tmp);
		return err_set(err, 1, "cannot rename %s to %s: %s", tmp, path, strerror(cause));
	}
	if (sync_dir(path) != 0)
		return err_set(err, 1, "cannot sync the directory of %s: %s", path,
			       strerror(errno));
	return 0;
}

char *path_join(struct sv dir, struct sv name)
{
	if (dir.len == 0 || (name.len > 0 && name.ptr[0] == '/'))
		return sv_dup(name);
	while (dir.len > 1 && dir.ptr[dir.len - 1] == '/')
		dir.len--;
	size_t size = dir.len + name.len + 2;
	char *path = malloc(size);
	if (path)
		snprintf(path, size, "%.*s%s%.*s", SV_ARG(dir), sv_eq(dir, SV("/")) ? "" : "/",
			 SV_ARG(name));
	return path;
}

struct sv path_dir(struct sv path)
{
	while (path.len > 0 && path.ptr[path.len - 1] != '/')
		path.len--;
	if (path.len == 0)
		return SV(".");
	while (path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	return path;
}

static bool is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int dir_make(const char *path, struct err *err)
{
	_cleanup_(freep) char *part = sv_dup(sv_of(path));
	if (!part)
		return err_set(err, 1, "cannot make %s: no memory", path);
	for (char *p = part;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char end = *p;
		*p = '\0';
		if (p > part && mkdir(part, 0755) != 0) {
			int cause = errno;
			if (!is_dir(part))
				return err_set(err, 1, "cannot make directory %s: %s", part,
					       strerror(cause));
		}
		if (end == '\0')
			return 0;
		*p = end;
	}
}
