#include "check.h"

#include <ampagent/base/text.h>

static void utf8(void **state)
{
	static const char *const good[] = {
		"",
		"ascii",
		"0123456789abcdef",
		"caf\xc3\xa9",
		"\xe2\x82\xac 12345678",
		"\xf0\x9f\x98\x80",
		"12345678\xc2\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80",
		"\xc3",
		"12345678\xff",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xe2\x82",
		"\xe2\x28\xa1",
		"\xf0\x9f\x98",
		"\xfe",
		"abc\xc3(",
	};
	for (size_t i = 0; i < N_OF(good); i++)
		assert_true(utf8_valid(sv_of(good[i])));
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_false(utf8_valid(sv_of(bad[i])));
	assert_true(utf8_valid(SV("a\0b")));
}

static void base64(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfb\xef", "//777w=="},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		_cleanup_(buf_deinit) struct buf back = BUF_NULL;
		buf_init(&out, 64);
		buf_init(&back, 64);
		assert_int_equal(base64_encode(&out, sv_of(cases[i][0])), 0);
		assert_sv(buf_view(&out), cases[i][1]);
		assert_int_equal(base64_decode(&back, buf_view(&out)), 0);
		assert_sv(buf_view(&back), cases[i][0]);
	}
	static const char *const bad[] = {
		"Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9 ", "Zm-v", "Zm9v\n", "=Zm9", "Z=m9",
	};
	for (size_t i = 0; i < N_OF(bad); i++) {
		_cleanup_(buf_deinit) struct buf back = BUF_NULL;
		buf_init(&back, 64);
		assert_int_equal(base64_decode(&back, sv_of(bad[i])), 1);
	}
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	buf_init(&small, 3);
	assert_int_equal(base64_encode(&small, SV("f")), 1);
}

static void hex(void **state)
{
	char text[9];
	hex_encode(text, (const uint8_t *)"\x00\x9f\xa0\xff", 4);
	assert_string_equal(text, "009fa0ff");
	hex_encode(text, NULL, 0);
	assert_string_equal(text, "");
}

static void urls(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 200);
	assert_int_equal(url_encode(&out, SV("aZ09-._~ /+%\xc3\xa9"), false), 0);
	assert_sv(buf_view(&out), "aZ09-._~%20%2F%2B%25%C3%A9");
	buf_reset(&out);
	assert_int_equal(url_encode(&out, SV("/a b"), true), 0);
	assert_sv(buf_view(&out), "/a%20b");
	buf_reset(&out);
	assert_int_equal(url_query_escape(&out, SV("a b+c/d=e&f~")), 0);
	assert_sv(buf_view(&out), "a+b%2Bc%2Fd%3De%26f~");
	buf_reset(&out);
	assert_int_equal(url_decode(&out, SV("a%20b+c%2f"), false), 0);
	assert_sv(buf_view(&out), "a b+c/");
	buf_reset(&out);
	assert_int_equal(url_decode(&out, SV("a+b%2B"), true), 0);
	assert_sv(buf_view(&out), "a b+");
	static const char *const bad[] = {"%", "%2", "a%2", "%zz", "%2g", "%%20"};
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_int_equal(url_decode(&out, sv_of(bad[i]), false), 1);
}

static void nearest(void **state)
{
	static const char *const words[] = {"scrape_interval", "scrape_timeout", "job_name",
					    "metrics_path",    "scheme",         NULL};
	static const char *const cases[][2] = {
		{"scrape_intervall", "scrape_interval"},
		{"scrape_timout", "scrape_timeout"},
		{"jobname", "job_name"},
		{"schema", "scheme"},
		{"shceme", "scheme"},
		{"scheme", "scheme"},
		{"zzzzzzzz", NULL},
		{"x", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		const char *got = nearest_word(sv_of(cases[i][0]), words);
		if (cases[i][1])
			assert_string_equal(got ? got : "(none)", cases[i][1]);
		else
			assert_null(got);
	}
	char long_word[500];
	memset(long_word, 'a', sizeof long_word);
	assert_null(nearest_word(sv_make(long_word, sizeof long_word), words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8), cmocka_unit_test(base64),  cmocka_unit_test(hex),
		cmocka_unit_test(urls), cmocka_unit_test(nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
