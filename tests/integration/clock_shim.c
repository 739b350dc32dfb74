/* A wall clock that a test sets, preloaded into the agent: CLOCK_SHIFT names a file with what is
 * added, eight bytes of milliseconds, read at every call. The monotonic clock stays as it is. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default)

static const volatile int64_t *shift;
static int (*real_gettime)(clockid_t id, struct timespec *ts);

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("CLOCK_SHIFT");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		abort();
	close(fd);
	shift = map;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	/* Sanitizers ask before constructors have run. */
	if (!real_gettime)
		*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	int r = real_gettime(id, ts);
	if (r != 0 || !shift || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return r;
	int64_t ns = ts->tv_nsec + *shift % 1000 * 1000000;
	ts->tv_sec += *shift / 1000 + ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	if (ts->tv_nsec < 0) {
		ts->tv_nsec += 1000000000;
		ts->tv_sec--;
	}
	return 0;
}

time_t time(time_t *out)
{
	struct timespec ts = {0, 0};
	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = {0, 0};
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
