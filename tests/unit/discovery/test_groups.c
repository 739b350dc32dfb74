/* Lists of groups keep what they were given, at their own cost only. */
#include "../../../ecs_discovery/groups.h"
#include "dump.h"

static void test_groups_outlive_the_writer(void **state)
{
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	char text[] = "host:1";
	struct group_writer w;
	buf_init(&got, 65536);
	group_writer_init(&w, MiB(1));
	for (int i = 0; i < 3; i++) {
		char source[] = {(char)('0' + i), 0};
		group_writer_begin(&w);
		text[5] = source[0];
		assert_int_equal(group_writer_target(&w, sv_of(text), NULL), 0);
		assert_int_equal(group_writer_label(&w, SV("a"), SV("old"), NULL), 0);
		assert_int_equal(group_writer_label(&w, SV("a"), sv_of(source), NULL), 0);
		assert_int_equal(group_writer_end(&w, sv_of(source), NULL), 0);
	}
	group_writer_finish(&w, &list);
	group_writer_deinit(&w);
	dump_groups(&got, list.v, list.n);
	buf_char(&got, 0);
	assert_string_equal(got.ptr, "0 {a=\"0\"} [host:0]\n1 {a=\"1\"} [host:1]\n"
				     "2 {a=\"2\"} [host:2]\n");
}

static void test_dropped_fields(void **state)
{
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	_cleanup_(group_writer_deinit) struct group_writer w;
	group_writer_init(&w, MiB(1));
	group_writer_begin(&w);
	group_writer_target(&w, SV("a"), NULL);
	group_writer_label(&w, SV("a"), SV("b"), NULL);
	group_writer_drop_targets(&w);
	group_writer_drop_labels(&w);
	assert_int_equal(group_writer_end(&w, SV("s"), NULL), 0);
	group_writer_finish(&w, &list);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.v[0].n_targets, 0);
	assert_int_equal(list.v[0].labels.len, 0);
}

static void test_memory_is_bounded(void **state)
{
	_cleanup_(group_writer_deinit) struct group_writer w;
	struct err err = ERR_NULL;
	int r = 0, n = 0;
	group_writer_init(&w, KiB(64));
	group_writer_begin(&w);
	while (r == 0 && n < 100000) {
		r = group_writer_target(&w, SV("target:9100"), &err);
		n++;
	}
	assert_int_equal(r, 1);
	assert_true(n > 100);
	assert_string_not_equal(err.msg, "");
}

static void test_labels_of_one_target(void **state)
{
	static char long_value[LIMIT_LABELS_BYTES];
	_cleanup_(group_list_deinit) struct group_list list = GROUP_LIST_NULL;
	_cleanup_(group_writer_deinit) struct group_writer w;
	struct err err = ERR_NULL;
	char job[] = "shop";
	memset(long_value, 'x', sizeof long_value);
	group_writer_init(&w, MiB(1));
	group_writer_begin(&w);
	const struct label own[] = {
		{SV("job"), sv_of(job)}, {SV("__scheme__"), SV("")}, {SV("a"), SV("1")}};
	const struct label large = {SV("b"), sv_make(long_value, sizeof long_value)};
	assert_int_equal(group_writer_target_with(&w, SV("h:1"), own, 3, NULL), 0);
	/* What does not fit is no target; the others stay. */
	assert_int_equal(group_writer_target_with(&w, SV("h:2"), &large, 1, &err), 1);
	assert_non_null(strstr(err.msg, "labels of a target"));
	assert_int_equal(group_writer_target_with(&w, SV("h:3"), NULL, 0, NULL), 0);
	job[0] = 'X';
	assert_int_equal(group_writer_end(&w, SV("s"), NULL), 0);
	group_writer_finish(&w, &list);
	assert_int_equal(list.v[0].n_targets, 2);
	struct labels first = list.v[0].targets[0];
	assert_int_equal(labels_count(first), 3);
	assert_true(sv_eq(labels_get(first, SV("__address__")), SV("h:1")));
	assert_true(sv_eq(labels_get(first, SV("job")), SV("shop")));
	assert_true(sv_eq(labels_get(first, SV("a")), SV("1")));
	assert_int_equal(labels_count(list.v[0].targets[1]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_outlive_the_writer),
		cmocka_unit_test(test_dropped_fields),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_labels_of_one_target),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
