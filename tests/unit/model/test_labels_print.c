#include <ampagent/base/limits.h>
#include <ampagent/model/labels.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Recorded from Go's strconv.Quote. */
static const struct {
	struct sv in;
	const char *want;
} quotes[] = {
	{SV(""), "\"\""},
	{SV("plain"), "\"plain\""},
	{SV("a\"b\\c"), "\"a\\\"b\\\\c\""},
	{SV("\a\b\f\n\r\t\v\x00\x1b\x7f"), "\"\\a\\b\\f\\n\\r\\t\\v\\x00\\x1b\\x7f\""},
	{SV("é日本"), "\"é日本\""},
	{SV("\xff\xc3"), "\"\\xff\\xc3\""},
	{SV("\xe2\x80\x8b\xc2\xad\xef\xbb\xbf"), "\"\\u200b\\u00ad\\ufeff\""},
	{SV("\xf3\xa0\x80\x81\xf0\x9f\x98\x80"), "\"\\U000e0001\xf0\x9f\x98\x80\""},
	{SV("\xe2\x80\xa8"), "\"\\u2028\""},
	{SV("\xef\xbf\xbd"), "\"\xef\xbf\xbd\""},
	{SV("\xcd\xb8"), "\"\\u0378\""},
};

static void test_quoting(void **state)
{
	for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, KiB(4));
		assert_int_equal(go_quote(&out, quotes[i].in), 0);
		buf_char(&out, 0);
		assert_string_equal(out.ptr, quotes[i].want);
	}
}

static void test_set(void **state)
{
	_cleanup_(arena_deinit) struct arena arena = ARENA_NULL;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct label_builder b;
	struct labels set = LABELS_NULL;
	arena_init(&arena, MiB(1));
	buf_init(&out, KiB(4));
	assert_int_equal(labels_print(&out, set), 0);
	label_builder_init(&b, &arena);
	label_builder_set(&b, SV("z"), SV("1\n2"));
	label_builder_set(&b, SV("__name__"), SV("up"));
	label_builder_set(&b, SV("a.b"), SV("x"));
	assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
	assert_int_equal(labels_print(&out, set), 0);
	buf_char(&out, 0);
	assert_string_equal(out.ptr, "{}{__name__=\"up\", \"a.b\"=\"x\", z=\"1\\n2\"}");
}

static void test_full_buffer(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 4);
	assert_int_equal(go_quote(&out, SV("too long")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_full_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
