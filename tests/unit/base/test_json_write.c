#include "check.h"

#include <ampagent/base/json.h>

#include <math.h>

static void writes_a_document(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1000);
	struct json_writer w = {.out = &out};
	json_begin_object(&w);
	json_key(&w, SV("a"));
	json_begin_array(&w);
	json_u64(&w, UINT64_MAX);
	json_i64(&w, INT64_MIN);
	json_double(&w, 0.1);
	json_double(&w, 1e6);
	json_double(&w, INFINITY);
	json_double(&w, NAN);
	json_bool(&w, true);
	json_bool(&w, false);
	json_null(&w);
	json_begin_array(&w);
	json_end_array(&w);
	json_begin_object(&w);
	json_end_object(&w);
	json_end_array(&w);
	json_key(&w, SV("b\""));
	json_string(&w, SV("c"));
	json_end_object(&w);
	assert_sv(buf_view(&out),
		  "{\"a\":[18446744073709551615,-9223372036854775808,0.1,1e+06,\"+Inf\",\"NaN\","
		  "true,false,null,[],{}],\"b\\\"\":\"c\"}");
}

static void quotes(void **state)
{
	static const char *const cases[][2] = {
		{"", "\"\""},
		{"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
		{"\n\r\t\x01\x1f\x7f", "\"\\n\\r\\t\\u0001\\u001f\\u007f\""},
		{"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
		{"a\xff\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, 100);
		assert_int_equal(json_quote(&out, sv_of(cases[i][0])), 0);
		assert_sv(buf_view(&out), cases[i][1]);
	}
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	buf_init(&small, 3);
	assert_int_equal(json_quote(&small, SV("abc")), 1);
}

static int keep(void *cls, enum json_event event, struct sv text, struct err *err)
{
	return buf_sv(cls, text);
}

/* Every byte string that is UTF-8 comes back as it was. */
static void reads_back(void **state)
{
	for (unsigned c = 0; c < 0x80; c++) {
		char text[3] = {(char)c, 'x', (char)c};
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		_cleanup_(buf_deinit) struct buf back = BUF_NULL;
		_cleanup_(json_reader_deinit) struct json_reader r;
		buf_init(&out, 100);
		buf_init(&back, 100);
		json_quote(&out, sv_make(text, 3));
		json_reader_init(&r, keep, &back, 100);
		assert_int_equal(json_feed(&r, buf_view(&out), NULL), 0);
		assert_int_equal(json_finish(&r, NULL), 0);
		assert_true(sv_eq(buf_view(&back), sv_make(text, 3)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_document),
		cmocka_unit_test(quotes),
		cmocka_unit_test(reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
