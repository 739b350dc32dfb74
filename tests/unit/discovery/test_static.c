#include "../../../ecs_discovery/static.h"
#include "dump.h"

#include <ampagent/base/limits.h>

static void test_groups_are_numbered(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf got = BUF_NULL;
	_cleanup_(provider_freep) struct provider *p = NULL;
	struct sv targets[] = {SV("a:1"), SV("b:2")};
	struct static_group_options groups[3] = {
		{.targets = targets, .n_targets = 2},
		{.targets = NULL, .n_targets = 0},
		{.targets = targets + 1, .n_targets = 1},
	};
	struct label_builder b;
	struct target_group out[3];
	arena_init(&arena, MiB(1));
	buf_init(&got, 65536);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("env"), SV("prod"));
	assert_int_equal(label_builder_finish(&b, &arena, &groups[0].labels), 0);
	assert_int_equal(static_provider_new(groups, 3, &p), 0);
	targets[0] = targets[1] = SV("gone");
	arena_deinit(&arena);
	assert_int_equal(p->ops->count(p), 3);
	p->ops->list(p, out);
	dump_groups(&got, out, 3);
	buf_char(&got, 0);
	assert_string_equal(got.ptr, "0 {env=\"prod\"} [a:1 b:2]\n1 {} []\n2 {} [b:2]\n");
}

static void test_too_long_target_is_left_out(void **state)
{
	_cleanup_(freep) char *text = calloc(1, LIMIT_LABELS_BYTES);
	_cleanup_(provider_freep) struct provider *p = NULL;
	memset(text, 'a', LIMIT_LABELS_BYTES);
	struct sv targets[] = {sv_make(text, LIMIT_LABELS_BYTES), SV("b")};
	struct static_group_options group = {.targets = targets, .n_targets = 2};
	struct target_group out[1];
	assert_int_equal(static_provider_new(&group, 1, &p), 0);
	p->ops->list(p, out);
	assert_int_equal(out[0].n_targets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_are_numbered),
		cmocka_unit_test(test_too_long_target_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
