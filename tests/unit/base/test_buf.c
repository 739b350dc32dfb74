#include "check.h"

#include <ampagent/base/buf.h>

static void grows_to_its_maximum(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_char(&b, 'x'), 0);
	assert_int_equal(b.len, 100);
	assert_int_equal(buf_char(&b, 'x'), 1);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 100);
	assert_int_equal(buf_append(&b, "", 0), 1);
	buf_reset(&b);
	assert_int_equal(buf_sv(&b, SV("again")), 0);
	assert_sv(buf_view(&b), "again");
}

static void a_piece_too_large_leaves_what_was_there(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, 8);
	buf_sv(&b, SV("12345"));
	assert_int_equal(buf_sv(&b, SV("6789")), 1);
	assert_sv(buf_view(&b), "12345");
	struct buf none = BUF_NULL;
	assert_int_equal(buf_char(&none, 'x'), 1);
	assert_null(none.ptr);
}

static void huge_requests_do_not_wrap(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, SIZE_MAX);
	buf_char(&b, 'x');
	assert_int_equal(buf_reserve(&b, SIZE_MAX), 1);
	buf_reset(&b);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), 1);
}

static void prints(void **state)
{
	_cleanup_(buf_deinit) struct buf b = BUF_NULL;
	buf_init(&b, 300);
	assert_int_equal(buf_printf(&b, "%s", ""), 0);
	assert_int_equal(b.len, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(buf_printf(&b, "%04d:%s", i, "123456789"), 0);
	assert_int_equal(b.len, 280);
	assert_memory_equal(b.ptr + 266, "0019:123456789", 14);
	/* Exactly to the maximum, then one over. */
	assert_int_equal(buf_printf(&b, "%020d", 7), 0);
	assert_int_equal(b.len, 300);
	assert_int_equal(buf_printf(&b, "x"), 1);
}

static void hands_over(void **state)
{
	struct buf b = BUF_NULL;
	buf_init(&b, 64);
	buf_sv(&b, SV("text"));
	char *text = buf_take(&b);
	assert_string_equal(text, "text");
	free(text);
	assert_null(b.ptr);
	assert_int_equal(b.len, 0);
	text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
	for (int i = 0; i < 65; i++)
		buf_char(&b, 'x');
	assert_null(buf_take(&b));
	assert_null(b.ptr);
	/* A full buffer still has room for the NUL. */
	for (int i = 0; i < 64; i++)
		assert_int_equal(buf_char(&b, 'y'), 0);
	text = buf_take(&b);
	assert_int_equal(strlen(text), 64);
	free(text);
}

static void shrinks_and_wipes(void **state)
{
	struct buf b = BUF_NULL;
	buf_init(&b, 4096);
	buf_reserve(&b, 1000);
	buf_sv(&b, SV("x"));
	buf_shrink(&b, 4096);
	assert_non_null(b.ptr);
	assert_int_equal(b.len, 0);
	buf_shrink(&b, 10);
	assert_null(b.ptr);
	assert_int_equal(b.max, 4096);
	buf_sv(&b, SV("secret"));
	buf_wipe(&b);
	assert_null(b.ptr);
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum),
		cmocka_unit_test(a_piece_too_large_leaves_what_was_there),
		cmocka_unit_test(huge_requests_do_not_wrap),
		cmocka_unit_test(prints),
		cmocka_unit_test(hands_over),
		cmocka_unit_test(shrinks_and_wipes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
