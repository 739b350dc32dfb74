/* Who may have the last descriptors. */
#include "rig.h"

#include <ampagent/base/metrics.h>
#include <ampagent/net/descriptors.h>

#include <sys/resource.h>
#include <unistd.h>

static struct rlimit old;

static int keep_limit(void **state)
{
	return getrlimit(RLIMIT_NOFILE, &old);
}

static int restore_limit(void **state)
{
	return setrlimit(RLIMIT_NOFILE, &old);
}

static void soft(rlim_t n)
{
	struct rlimit limit = {n, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void the_soft_limit_is_raised(void **state)
{
	soft(100);
	assert_int_equal(descriptors_limit(), 100);
	int64_t raised = descriptors_raise();
	struct rlimit now;
	assert_int_equal(raised, descriptors_limit());
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur > 100 && now.rlim_cur == now.rlim_max);
}

static void uses_end_one_after_the_other(void **state)
{
	static const struct {
		rlim_t limit;
		int scrape, web, send; /* the first that each may not have */
	} cases[] = {{64, 48, 56, 60}, {256, 192, 224, 240}, {1024, 960, 992, 1008}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		soft(cases[i].limit);
		double refused = metric_get(M_DESCRIPTORS_REFUSED);
		assert_true(descriptors_may_keep(cases[i].scrape - 1, FD_SCRAPE));
		assert_true(descriptors_may_keep(cases[i].web - 1, FD_WEB));
		assert_true(descriptors_may_keep(cases[i].send - 1, FD_SEND));
		assert_true(metric_get(M_DESCRIPTORS_REFUSED) == refused);
		assert_false(descriptors_may_keep(cases[i].scrape, FD_SCRAPE));
		assert_false(descriptors_may_keep(cases[i].web, FD_WEB));
		assert_false(descriptors_may_keep(cases[i].send, FD_SEND));
		assert_true(metric_get(M_DESCRIPTORS_REFUSED) == refused + 3);
		assert_true(descriptors_may_idle(cases[i].scrape * 3 / 4 - 1, FD_SCRAPE));
		assert_false(descriptors_may_idle(cases[i].scrape * 3 / 4, FD_SCRAPE));
	}
}

static void moved_to_a_lower_place(void **state)
{
	int fds[64], n = 0;
	soft(64);
	while (n < 64 && (fds[n] = dup(0)) >= 0)
		n++;
	assert_true(n > 8 && n < 64);
	/* Nothing below is free. */
	assert_int_equal(descriptors_move(fds[--n], FD_WEB), -1);
	close(fds[0]);
	int fd = descriptors_move(fds[--n], FD_WEB);
	assert_int_equal(fd, fds[0]);
	while (n > 0)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_soft_limit_is_raised),
		cmocka_unit_test(uses_end_one_after_the_other),
		cmocka_unit_test(moved_to_a_lower_place),
	};
	return cmocka_run_group_tests(tests, keep_limit, restore_limit);
}
