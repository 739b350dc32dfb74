/* A disk that stands still, preloaded into the agent: what writes to files or syncs them waits for
 * as long as the file that STUCK_DISK names is there. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#pragma GCC visibility push(default)

enum { LOOK_US = 20000 };

static void wait_for_disk(void)
{
	const char *path = getenv("STUCK_DISK");
	while (path && access(path, F_OK) == 0)
		usleep(LOOK_US);
}

#define REAL(name) (*(void **)&real = dlsym(RTLD_NEXT, name))

int fdatasync(int fd)
{
	int (*real)(int fd);
	REAL("fdatasync");
	wait_for_disk();
	return real(fd);
}

int fsync(int fd)
{
	int (*real)(int fd);
	REAL("fsync");
	wait_for_disk();
	return real(fd);
}

/* With large files that is pwrite64(). */
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t (*real)(int fd, const void *p, size_t n, off_t at);
	REAL("pwrite64");
	wait_for_disk();
	return real(fd, p, n, at);
}
