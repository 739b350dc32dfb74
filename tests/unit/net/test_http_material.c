/* Header lines made of secrets, and certificate files that change. */
#include "rig.h"

#include "../../../src/net/http_material.h"

#include <ampagent/base/clock.h>

#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char dir[] = "/tmp/materialXXXXXX";
static char file_a[64], file_b[64];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	snprintf(file_a, sizeof(file_a), "%s/a", dir);
	snprintf(file_b, sizeof(file_b), "%s/b", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(file_a);
	unlink(file_b);
	return rmdir(dir);
}

static void assert_lines(const struct http_options *o, bool with_auth, const char *want)
{
	_cleanup_(buf_deinit) struct buf lines = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&lines, 1 << 20);
	assert_int_equal(material_client_lines(&lines, o, with_auth, &err), 0);
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.ptr[i] == '\0')
			lines.ptr[i] = '\n';
	}
	buf_char(&lines, '\0');
	assert_string_equal(lines.ptr, want);
}

static void lines(void **state)
{
	write_file(file_a, "\n from-file \r\n");
	write_file(file_b, "");
	struct sv value[] = {SV("v")}, secret[] = {SV("s")}, file[] = {sv_of(file_a)};
	struct http_header_option h[] = {{SV("X"), value, 1, secret, 1, file, 1}};
	struct http_options none = {0};
	struct http_options headers = {.headers = h, .n_headers = 1};
	struct http_options basic = {
		.has_basic_auth = true, .username_file = sv_of(file_a), .password = SV("p")};
	struct http_options empty = {.has_basic_auth = true};
	struct http_options bearer = {.has_authorization = true, .credentials = SV("c")};
	struct http_options typed = {.has_authorization = true,
				     .auth_type = SV("Token"),
				     .credentials_file = sv_of(file_a),
				     .headers = h,
				     .n_headers = 1};
	assert_lines(&none, true, "");
	assert_lines(&headers, true, "X: v\nX: s\nX: from-file\n");
	assert_lines(&basic, true, "Authorization: Basic ZnJvbS1maWxlOnA=\n");
	assert_lines(&basic, false, "");
	assert_lines(&empty, true, "Authorization: Basic Og==\n");
	assert_lines(&bearer, true, "Authorization: Bearer c\n");
	assert_lines(&typed, true, "Authorization: Token from-file\nX: v\nX: s\nX: from-file\n");
	assert_lines(&typed, false, "X: v\nX: s\nX: from-file\n");
	file[0] = sv_of(file_b);
	assert_lines(&headers, true, "X: v\nX: s\nX;\n");
}

static void line_errors(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {{"", "v"},     {"A B", "v"},  {"A:", "v"},    {"A\n", "v"},
		     {"A", "b\nc"}, {"A", "b\rc"}, {"A", "b\x7f"}, {"\xc3\xa4", "v"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(buf_deinit) struct buf b = BUF_NULL;
		struct err err = ERR_NULL;
		buf_init(&b, 1000);
		assert_int_equal(
			material_line(&b, sv_of(cases[i].name), sv_of(cases[i].value), &err), 1);
		assert_int_equal(b.len, 0);
	}
	_cleanup_(buf_deinit) struct buf small = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&small, 8);
	assert_int_equal(material_line(&small, SV("Name"), SV("value"), &err), 1);
}

static void missing_secret_files(void **state)
{
	struct http_options o[] = {
		{.has_basic_auth = true, .username_file = sv_of(file_a)},
		{.has_basic_auth = true, .password_file = sv_of(file_a)},
		{.has_authorization = true, .credentials_file = sv_of(file_a)},
	};
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(buf_deinit) struct buf b = BUF_NULL;
		struct err err = ERR_NULL;
		buf_init(&b, 1000);
		assert_int_equal(material_client_lines(&b, &o[i], true, &err), 1);
		assert_non_null(strstr(err.msg, file_a));
	}
}

static void sensitive_names(void **state)
{
	assert_true(material_is_sensitive(SV("AUTHORIZATION")));
	assert_true(material_is_sensitive(SV("Cookie")));
	assert_true(material_is_sensitive(SV("x-amz-security-token")));
	assert_true(material_is_sensitive(SV("X-aws-ec2-metadata-token")));
	assert_true(material_is_sensitive(SV("x-amz-sso_bearer_token")));
	assert_false(material_is_sensitive(SV("X-aws-ec2-metadata-token-ttl-seconds")));
	assert_false(material_is_sensitive(SV("Accept")));
}

static void age(const char *path, time_t seconds)
{
	struct timeval times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	assert_int_equal(utimes(path, times), 0);
}

static void changed_certificate_files(void **state)
{
	struct material_tls m;
	struct tls_options o = {.ca_file = sv_of(file_a), .key_file = sv_of(file_b)};
	struct err err = ERR_NULL;
	int64_t later = clock_wall_ms() + 3600 * 1000; /* files are no longer fresh then */
	write_file(file_a, "one");
	write_file(file_b, "key");
	assert_int_equal(material_tls_init(&m, &o), 0);
	assert_int_equal(material_tls_check(&m, 10, later, &err), 0);
	assert_int_equal(material_tls_check(&m, 20, later, &err), 0);
	assert_int_equal(m.changed_ms, 0);
	age(file_a, 1000); /* touched, not changed */
	assert_int_equal(material_tls_check(&m, 30, later, &err), 0);
	assert_int_equal(m.changed_ms, 0);
	write_file(file_a, "two");
	assert_int_equal(material_tls_check(&m, 40, later, &err), 0);
	assert_int_equal(m.changed_ms, 40);
	assert_int_equal(material_tls_check(&m, 50, later, &err), 0);
	assert_int_equal(m.changed_ms, 40);
	unlink(file_b);
	write_file(file_a, "three"); /* noted although the other file fails */
	assert_int_equal(material_tls_check(&m, 60, later, &err), 1);
	assert_non_null(strstr(err.msg, file_b));
	assert_int_equal(m.changed_ms, 60);
	material_tls_deinit(&m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lines),
		TEST(line_errors),
		TEST(missing_secret_files),
		TEST(sensitive_names),
		TEST(changed_certificate_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
