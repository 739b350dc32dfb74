/* cgroup: the memory limit of the control group that the process is in, of either version. */
#pragma once

#include <ampagent/base/sv.h>

enum { CGROUP_PATH_MAX = 4096 };

/* Where the group's files are. */
struct cgroup_place {
	int version;               /* 1 or 2 */
	size_t top;                /* dir may be shortened to this many bytes: the mount point */
	char dir[CGROUP_PATH_MAX]; /* of the process's own group */
};

/* From the texts of /proc/self/cgroup and /proc/self/mountinfo: 0; 1 when no memory controller is
 * mounted. Where both versions are, the first one has the controller if it has a memory line. */
int cgroup_find(struct sv groups, struct sv mounts, struct cgroup_place *out);
/* A limit as memory.max, memory.high and memory.limit_in_bytes tell it; 0 = none. */
uint64_t cgroup_limit_parse(struct sv text);
/* hierarchical_memory_limit of a memory.stat; 0 = none. */
uint64_t cgroup_stat_limit(struct sv text);
/* The lowest limit of the own group and those above it, as far as they can be seen; 0 = none. root
 * is put before every path ("" but in tests). */
uint64_t cgroup_memory_limit(const char *root);
