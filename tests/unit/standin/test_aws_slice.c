#include "check.h"

#include "../../../src/standin/aws_slice.h"

static void members_are_views_of_what_was_written(void **state)
{
	struct sv text =
		SV(" { \"a\" : 1.50 ,\"b\":[ 1,2 ], \"c\":{\"d\":\"}\\\"]\"},\n\"e\":\"x\"}\n");
	struct aws_slices it = aws_slices_of(text);
	static const char *const want[][2] = {
		{"a", "1.50"}, {"b", "[ 1,2 ]"}, {"c", "{\"d\":\"}\\\"]\"}"}, {"e", "\"x\""}};
	struct sv key, value;
	assert_int_equal(aws_json_check(text, NULL), 0);
	for (size_t i = 0; i < N_OF(want); i++) {
		assert_true(aws_slice_next(&it, &key, &value));
		assert_sv(key, want[i][0]);
		assert_sv(value, want[i][1]);
	}
	assert_false(aws_slice_next(&it, &key, &value));
	assert_false(aws_slice_next(&it, &key, &value));
}

static void elements_have_no_keys(void **state)
{
	struct aws_slices it = aws_slices_of(SV("[null, [], {},true ,\"\\\\\"]"));
	static const char *const want[] = {"null", "[]", "{}", "true", "\"\\\\\""};
	struct sv key, value;
	for (size_t i = 0; i < N_OF(want); i++) {
		assert_true(aws_slice_next(&it, &key, &value));
		assert_sv(key, "");
		assert_sv(value, want[i]);
	}
	assert_false(aws_slice_next(&it, &key, &value));
}

static void nothing_else_has_members(void **state)
{
	static const char *const texts[] = {"1", "\"{}\"", "null", "{}", "[]", " [ ] ", ""};
	struct sv key, value;
	for (size_t i = 0; i < N_OF(texts); i++) {
		struct aws_slices it = aws_slices_of(sv_of(texts[i]));
		assert_false(aws_slice_next(&it, &key, &value));
		assert_null(aws_member(sv_of(texts[i]), SV("a")).ptr);
	}
}

static void a_member_is_found_by_name(void **state)
{
	struct sv object = SV("{\"ab\":1,\"a\":\"one\",\"n\":null,\"in\":{\"x\":2}}");
	assert_sv(aws_member_text(object, SV("a")), "one");
	assert_sv(aws_member(object, SV("n")), "null");
	assert_sv(aws_member_text(object, SV("ab")), "");
	assert_sv(aws_member_text(object, SV("n")), "");
	assert_null(aws_member(object, SV("x")).ptr);
}

static void without(const char *object, const char *name, const char *want)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1024);
	aws_put_without(&out, sv_of(object), sv_of(name));
	assert_sv(buf_view(&out), want);
}

static void a_member_can_be_left_out(void **state)
{
	without("{\"a\": 1, \"tags\":[{\"key\":\"tags\"}], \"b\":[1, 2]}", "tags",
		"{\"a\":1,\"b\":[1, 2]}");
	without("{\"tags\":[]}", "tags", "{}");
	without("{\"b\":{\"tags\":1}}", "tags", "{\"b\":{\"tags\":1}}");
}

static void what_is_not_json_is_told(void **state)
{
	struct err err = ERR_NULL;
	assert_int_equal(aws_json_check(SV("{\"a\":}"), &err), 1);
	assert_true(err.msg[0] != '\0');
	assert_int_equal(aws_json_check(SV("{\"a\":1"), NULL), 1);
	assert_int_equal(aws_json_check(SV("{} {}"), NULL), 1);
	assert_int_equal(aws_json_check(SV("[1e5, \"\\u00fc\"] "), NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_views_of_what_was_written),
		cmocka_unit_test(elements_have_no_keys),
		cmocka_unit_test(nothing_else_has_members),
		cmocka_unit_test(a_member_is_found_by_name),
		cmocka_unit_test(a_member_can_be_left_out),
		cmocka_unit_test(what_is_not_json_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
