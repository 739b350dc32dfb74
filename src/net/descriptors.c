#include <ampagent/base/limits.h>
#include <ampagent/base/metrics.h>
#include <ampagent/net/descriptors.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

int64_t descriptors_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX)
		return INT32_MAX;
	return (int64_t)limit.rlim_cur;
}

int64_t descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return descriptors_limit();
}

/* The first number that this use may not have: a part of a small limit, a fixed number of a large
 * one is kept from it. */
static int64_t bound(enum fd_use use)
{
	static const int64_t kept[] = {[FD_SCRAPE] = DESCRIPTORS_KEPT,
				       [FD_WEB] = DESCRIPTORS_KEPT / 2,
				       [FD_SEND] = DESCRIPTORS_KEPT / 4};
	static const int64_t part[] = {[FD_SCRAPE] = 4, [FD_WEB] = 8, [FD_SEND] = 16};
	int64_t limit = descriptors_limit();
	int64_t keep = limit / part[use];
	return limit - (keep < kept[use] ? keep : kept[use]);
}

bool descriptors_may_keep(int fd, enum fd_use use)
{
	if (fd < bound(use))
		return true;
	metric_add(M_DESCRIPTORS_REFUSED, 1);
	return false;
}

int descriptors_move(int fd, enum fd_use use)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	close(fd);
	if (moved < 0 || descriptors_may_keep(moved, use))
		return moved;
	close(moved);
	return -1;
}

bool descriptors_may_idle(int fd, enum fd_use use)
{
	return fd < bound(use) * 3 / 4;
}
