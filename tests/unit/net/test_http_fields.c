#include "rig.h"

#include "../../../src/net/http_fields.h"

#include <ampagent/base/limits.h>

static void keeps_what_is_wanted(void **state)
{
	struct http_fields f;
	http_fields_init(&f);
	static const char *const lines[] = {
		"HTTP/1.1 100 Continue\r\n",
		"Retry-After: 1\r\n",
		"\r\n",
	};
	static const char *const final[] = {
		"HTTP/1.1 200 OK\r\n", "CONTENT-TYPE:  text/plain \r\n", "Other: x\r\n",
		"Date:\r\n",           "x-amzn-requestid: a\r\n",        "X-Amzn-RequestId: b\r\n",
	};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(http_fields_line(&f, sv_of(lines[i])), 0);
	assert_false(f.complete); /* that was not the answer */
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(http_fields_line(&f, sv_of(final[i])), 0);
	assert_false(f.complete);
	assert_int_equal(http_fields_line(&f, SV("\r\n")), 0);
	assert_true(f.complete);
	assert_true(sv_eq(http_fields_get(&f, FIELD_CONTENT_TYPE), SV("text/plain")));
	assert_true(sv_eq(http_fields_get(&f, FIELD_REQUEST_ID), SV("b")));
	assert_int_equal(http_fields_get(&f, FIELD_RETRY_AFTER).len, 0);
	assert_int_equal(http_fields_get(&f, FIELD_DATE).len, 0);
	http_fields_reset(&f);
	assert_false(f.complete);
	assert_int_equal(http_fields_get(&f, FIELD_CONTENT_TYPE).len, 0);
	http_fields_deinit(&f);
}

static void keeps_what_was_written(void **state)
{
	struct http_fields f;
	http_fields_init(&f);
	static const char *const lines[] = {
		"HTTP/1.1 204 No Content\r\n",
		"X-Prometheus-Remote-Write-Samples-Written: 12\r\n",
		"x-prometheus-remote-write-histograms-written: 3\r\n",
		"\r\n",
	};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(http_fields_line(&f, sv_of(lines[i])), 0);
	assert_true(sv_eq(http_fields_get(&f, FIELD_SAMPLES_WRITTEN), SV("12")));
	assert_true(sv_eq(http_fields_get(&f, FIELD_HISTOGRAMS_WRITTEN), SV("3")));
	assert_int_equal(http_fields_get(&f, FIELD_EXEMPLARS_WRITTEN).len, 0);
	http_fields_deinit(&f);
}

static void counts_all_lines(void **state)
{
	struct http_fields f;
	char line[1024];
	int n = 0;
	memset(line, 'x', sizeof(line));
	http_fields_init(&f);
	while (n < 1000 && http_fields_line(&f, sv_make(line, sizeof(line))) == 0)
		n++;
	assert_int_equal(n, LIMIT_HTTP_HEADER_BYTES / sizeof(line));
	http_fields_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_wanted),
		cmocka_unit_test(keeps_what_was_written),
		cmocka_unit_test(counts_all_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
