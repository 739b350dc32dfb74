#include "check.h"

#include <ampagent/base/buf.h>
#include <ampagent/base/log.h>

#include <fcntl.h>

/* What the last call wrote to standard error. */
static char captured[200000];

static int pipe_fds[2];
static int real_stderr;

static void capture_begin(void)
{
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
	fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 18);
	real_stderr = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
}

static const char *capture_end(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(pipe_fds[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(pipe_fds[0], captured + n, sizeof captured - 1 - n)) > 0;)
		n += (size_t)got;
	close(pipe_fds[0]);
	captured[n] = '\0';
	return captured;
}

static void writes_logfmt(void **state)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"", "\"\""},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"quo\"te\\", "\"quo\\\"te\\\\\""},
		{"back\\slash", "back\\slash"},
		{"line\nbreak\ttab\rcr", "\"line\\nbreak\\ttab\\rcr\""},
		{"bell\x07", "\"bell\\x07\""},
		{"esc\x1b[31m", "\"esc\\x1b[31m\""},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"bad\xff", "\"bad\\xff\""},
		{"csi\xc2\x9b", "\"csi\\u009b\""},
		{"rtl\xe2\x80\xae", "\"rtl\\u202e\""},
	};
	log_init(LOG_INFO, LOG_LOGFMT);
	for (size_t i = 0; i < N_OF(cases); i++) {
		capture_begin();
		int at = __LINE__ + 1;
		log_warn("it happened", "key", cases[i][0], "n", FMT("%d", 7));
		const char *line = capture_end();
		char want[300];
		assert_memory_equal(line, "time=2", 6);
		snprintf(want, sizeof want,
			 "Z level=WARN source=test_log.c:%d msg=\"it happened\" "
			 "key=%s n=7\n",
			 at, cases[i][1]);
		assert_string_equal(strchr(line, 'Z'), want);
	}
}

static void writes_json(void **state)
{
	log_init(LOG_INFO, LOG_JSON);
	capture_begin();
	int at = __LINE__ + 1;
	log_error("m", "k", "a\"b\xff", "null", NULL);
	const char *line = capture_end();
	assert_memory_equal(line, "{\"time\":\"2", 10);
	char want[200];
	snprintf(want, sizeof want,
		 "Z\",\"level\":\"ERROR\",\"source\":\"test_log.c:%d\",\"msg\":\"m\","
		 "\"k\":\"a\\\"b\xef\xbf\xbd\",\"null\":\"\"}\n",
		 at);
	assert_string_equal(strchr(line, 'Z'), want);
}

static void keeps_levels(void **state)
{
	log_init(LOG_WARN, LOG_LOGFMT);
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARN));
	capture_begin();
	log_info("unseen");
	log_debug("unseen");
	assert_string_equal(capture_end(), "");
	log_init(LOG_DEBUG, LOG_LOGFMT);
	capture_begin();
	log_debug("seen");
	assert_non_null(strstr(capture_end(), "level=DEBUG"));
}

/* However long the values, one line with its end comes out. */
static void cuts_what_is_too_long(void **state)
{
	static char value[100000];
	memset(value, 'v', sizeof value - 1);
	log_init(LOG_INFO, LOG_LOGFMT);
	capture_begin();
	log_info("m", "a", value, "b", "end");
	const char *line = capture_end();
	assert_non_null(strstr(line, "v b=end\n"));
	assert_true(strlen(line) < 9000);
	capture_begin();
	log_info("m", "a", value, "b", value, "c", value, "d", value, "e", value, "f", value, "g",
		 value, "h", value, "i", value, "j", "end");
	line = capture_end();
	assert_true(strlen(line) <= 65537);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void parses_options(void **state)
{
	enum log_level level = LOG_INFO;
	enum log_format format = LOG_LOGFMT;
	assert_int_equal(log_level_parse(SV("error"), &level), 0);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_level_parse(SV("debug"), &level), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_int_equal(log_level_parse(SV("INFO"), &level), 1);
	assert_int_equal(log_format_parse(SV("json"), &format), 0);
	assert_int_equal(format, LOG_JSON);
	assert_int_equal(log_format_parse(SV("logfmt"), &format), 0);
	assert_int_equal(format, LOG_LOGFMT);
	assert_int_equal(log_format_parse(SV("xml"), &format), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_logfmt),  cmocka_unit_test(writes_json),
		cmocka_unit_test(keeps_levels),   cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(parses_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
