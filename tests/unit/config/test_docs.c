/* docs: docs/CONFIG.md begins with what the schema says; the program adds its environment. */
#include "parse.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#ifndef CONFIG_MD
#error "CONFIG_MD names docs/CONFIG.md"
#endif

static void test_page(void **state)
{
	_cleanup_(buf_deinit) struct buf made = BUF_NULL, kept = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&made, MiB(1));
	buf_init(&kept, MiB(1));
	assert_int_equal(config_print_docs(&made), 0);
	if (file_read(CONFIG_MD, &kept, &err) != 0)
		fail_msg("%s", err.msg);
	if (!sv_starts_with(buf_view(&kept), buf_view(&made)))
		fail_msg("docs/CONFIG.md differs from the schema: ampagent docs config > "
			 "docs/CONFIG.md");
}

static void test_no_room(void **state)
{
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	buf_init(&small, 100);
	assert_int_equal(config_print_docs(&small), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
