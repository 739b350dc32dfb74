/* docs/ECS_METRICS.md is what the tables of names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/ecs/metrics.h>

static void the_page_is_in_step(void **state)
{
	_cleanup_(buf_deinit) struct buf made, kept;
	struct err err = ERR_NULL;
	buf_init(&made, MiB(1));
	buf_init(&kept, MiB(1));
	assert_int_equal(ecs_metrics_print_docs(&made), 0);
	if (file_read(ECS_METRICS_MD, &kept, &err) != 0)
		fail_msg("%s", err.msg);
	if (!sv_eq(buf_view(&made), buf_view(&kept)))
		fail_msg("docs/ECS_METRICS.md differs from the tables: ampagent docs ecs-metrics > "
			 "docs/ECS_METRICS.md");
}

static void what_does_not_fit_is_told(void **state)
{
	_cleanup_(buf_deinit) struct buf made;
	buf_init(&made, 1000);
	assert_int_equal(ecs_metrics_print_docs(&made), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_is_in_step),
		cmocka_unit_test(what_does_not_fit_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
