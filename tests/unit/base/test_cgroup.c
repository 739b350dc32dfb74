#include "check.h"

#include <ampagent/base/cgroup.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <ftw.h>
#include <unistd.h>

#define V1_MOUNTS                                                                                  \
	"22 1 0:20 / /proc rw - proc proc rw\n"                                                    \
	"32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"                     \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"      \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define V2_MOUNTS "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void finds_the_group(void **state)
{
	static const struct {
		const char *groups, *mounts, *dir;
		int version;
		size_t top;
	} rows[] = {
		{"9:name=systemd:/\n4:memory:/box/a\n1:cpu:/\n0::/\n", V1_MOUNTS,
		 "/sys/fs/cgroup/memory/box/a", 1, 21},
		{"4:memory,hugetlb:/\n", V1_MOUNTS, "/sys/fs/cgroup/memory", 1, 21},
		{"0::/user.slice/agent.service\n", V2_MOUNTS,
		 "/sys/fs/cgroup/user.slice/agent.service", 2, 14},
		{"0::/\n", V2_MOUNTS, "/sys/fs/cgroup", 2, 14},
		/* A container that sees only its own part, by the host's names. */
		{"4:memory:/docker/abc\n",
		 "9 1 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		 "/sys/fs/cgroup/memory", 1, 21},
		{"4:memory:/docker/abc/inner\n",
		 "9 1 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		 "/sys/fs/cgroup/memory/inner", 1, 21},
		{"4:memory:/elsewhere\n",
		 "9 1 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		 "/sys/fs/cgroup/memory", 1, 21},
		{"0::/../other\n", V2_MOUNTS, "/sys/fs/cgroup", 2, 14},
		{"0::/a b\n", "9 1 0:32 / /sys/my\\040groups rw - cgroup2 c rw\n",
		 "/sys/my groups/a b", 2, 14},
	};
	for (size_t i = 0; i < N_OF(rows); i++) {
		struct cgroup_place at;
		assert_int_equal(cgroup_find(sv_of(rows[i].groups), sv_of(rows[i].mounts), &at), 0);
		assert_string_equal(at.dir, rows[i].dir);
		assert_int_equal(at.version, rows[i].version);
		assert_int_equal(at.top, rows[i].top);
	}
}

static void no_group_is_none(void **state)
{
	struct cgroup_place at;
	assert_int_equal(cgroup_find(SV(""), SV(V1_MOUNTS), &at), 1);
	assert_int_equal(cgroup_find(SV("5:cpu:/x\n"), SV(V1_MOUNTS), &at), 1);
	assert_int_equal(cgroup_find(SV("4:memory:/x\n"), SV(V2_MOUNTS), &at), 1);
	assert_int_equal(cgroup_find(SV("0::/x\n"), SV(""), &at), 1);
	assert_int_equal(cgroup_find(SV("garbage"), SV("garbage\n\n - \n"), &at), 1);
	char line[3 * CGROUP_PATH_MAX];
	int n = snprintf(line, sizeof line, "0::/%0*d\n", 2 * CGROUP_PATH_MAX, 1);
	assert_int_equal(cgroup_find(sv_make(line, (size_t)n), SV(V2_MOUNTS), &at), 1);
}

static void reads_limits(void **state)
{
	assert_true(cgroup_limit_parse(SV("33554432\n")) == MiB(32));
	assert_true(cgroup_limit_parse(SV("max\n")) == 0);
	assert_true(cgroup_limit_parse(SV("9223372036854771712\n")) == 0);
	assert_true(cgroup_limit_parse(SV("")) == 0);
	assert_true(cgroup_limit_parse(SV("-1")) == 0);
	assert_true(cgroup_limit_parse(SV("99999999999999999999999")) == 0);
	assert_true(cgroup_stat_limit(SV("cache 1\nhierarchical_memory_limit 4096\nrss 2\n")) ==
		    4096);
	assert_true(cgroup_stat_limit(SV("cache 1\nhierarchical_memory_limit "
					 "9223372036854771712")) == 0);
	assert_true(cgroup_stat_limit(SV("cache 1\n")) == 0);
}

/* ---- trees of files ---- */

static char root[] = "/tmp/ampagent-cgroup-XXXXXX";

static int make_root(void **state)
{
	memcpy(root + sizeof root - 7, "XXXXXX", 6);
	return mkdtemp(root) ? 0 : -1;
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int drop_root(void **state)
{
	return nftw(root, drop, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text)
{
	char full[512], dir[512];
	struct err err = ERR_NULL;
	snprintf(full, sizeof full, "%s%s", root, path);
	struct sv parent = path_dir(sv_of(full));
	snprintf(dir, sizeof dir, "%.*s", SV_ARG(parent));
	assert_int_equal(dir_make(dir, &err), 0);
	assert_int_equal(file_replace(full, sv_of(text), &err), 0);
}

static void the_lowest_limit_of_version_2_holds(void **state)
{
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/proc/self/mountinfo", V2_MOUNTS);
	assert_true(cgroup_memory_limit(root) == 0);
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.high", "max\n");
	assert_true(cgroup_memory_limit(root) == 0);
	put("/sys/fs/cgroup/a/memory.max", "67108864\n");
	assert_true(cgroup_memory_limit(root) == MiB(64));
	put("/sys/fs/cgroup/a/b/memory.max", "50331648\n");
	assert_true(cgroup_memory_limit(root) == MiB(48));
	put("/sys/fs/cgroup/a/b/memory.high", "33554432\n");
	assert_true(cgroup_memory_limit(root) == MiB(32));
	put("/sys/fs/cgroup/memory.max", "1048576\n");
	assert_true(cgroup_memory_limit(root) == MiB(1));
	/* Above the mount point there is nothing to ask. */
	put("/sys/fs/memory.max", "4096\n");
	assert_true(cgroup_memory_limit(root) == MiB(1));
}

static void the_lowest_limit_of_version_1_holds(void **state)
{
	put("/proc/self/cgroup", "4:memory:/box/a\n0::/\n");
	put("/proc/self/mountinfo", V1_MOUNTS);
	assert_true(cgroup_memory_limit(root) == 0);
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "67108864\n");
	assert_true(cgroup_memory_limit(root) == MiB(64));
	put("/sys/fs/cgroup/memory/box/a/memory.limit_in_bytes", "134217728\n");
	assert_true(cgroup_memory_limit(root) == MiB(64));
	/* A group above that cannot be seen. */
	put("/sys/fs/cgroup/memory/box/a/memory.stat", "hierarchical_memory_limit 33554432\n");
	assert_true(cgroup_memory_limit(root) == MiB(32));
}

static void without_files_there_is_none(void **state)
{
	assert_true(cgroup_memory_limit(root) == 0);
	assert_true(cgroup_memory_limit("/nowhere/at/all") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_group),
		cmocka_unit_test(no_group_is_none),
		cmocka_unit_test(reads_limits),
		cmocka_unit_test_setup_teardown(the_lowest_limit_of_version_2_holds, make_root,
						drop_root),
		cmocka_unit_test_setup_teardown(the_lowest_limit_of_version_1_holds, make_root,
						drop_root),
		cmocka_unit_test_setup_teardown(without_files_there_is_none, make_root, drop_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
