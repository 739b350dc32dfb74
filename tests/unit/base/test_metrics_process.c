#include "check.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/metrics.h>
#include <ampagent/base/number.h>

#include <fcntl.h>
#include <sys/resource.h>

static double value_of(const char *name)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1 << 16);
	struct metrics_writer w = {.out = &out};
	metrics_emit_process(&w);
	char key[100];
	int n = snprintf(key, sizeof key, "\n%s ", name);
	struct sv text = buf_view(&out);
	struct sv rest = sv_from(text, sv_find_sv(text, sv_make(key, (size_t)n)) + (size_t)n);
	uint64_t bits = 0;
	if (number_parse(sv_make(rest.ptr, sv_find(rest, '\n')), &bits) != 0)
		fail_msg("no %s in %.*s", name, SV_ARG(text));
	return double_of_bits(bits);
}

static void tells_about_this_process(void **state)
{
	double now = (double)clock_wall_ms() / 1000;
	assert_true(value_of("process_cpu_seconds_total") > 0);
	assert_true(value_of("process_resident_memory_bytes") > 100000);
	assert_true(value_of("process_virtual_memory_bytes") >=
		    value_of("process_resident_memory_bytes"));
	/* The kernel's boot time is in whole seconds, and the wall clock may have been set. */
	double start = value_of("process_start_time_seconds");
	assert_true(start > now - 7200 && start < now + 7200);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	assert_true(value_of("process_max_fds") == (double)limit.rlim_cur);
}

static void counts_descriptors(void **state)
{
	double before = value_of("process_open_fds");
	int fds[3];
	for (int i = 0; i < 3; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(value_of("process_open_fds") == before + 3);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_about_this_process),
		cmocka_unit_test(counts_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
