/* What the kernel tells of control groups: the input is both texts, apart at the first NUL. */
#include <ampagent/base/cgroup.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sv in = sv_make((const char *)data, size);
	size_t n = sv_find(in, '\0');
	struct cgroup_place at;
	cgroup_limit_parse(in);
	cgroup_stat_limit(in);
	if (cgroup_find(sv_make(in.ptr, n), sv_from(in, n + 1), &at) != 0)
		return 0;
	size_t len = strnlen(at.dir, sizeof at.dir);
	if (len == sizeof at.dir || at.top > len || (at.version != 1 && at.version != 2))
		abort();
	return 0;
}
