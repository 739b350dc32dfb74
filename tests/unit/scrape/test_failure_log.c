/* Failure logs: which files, which lines, what happens when they cannot be written. */
#include "../../../scrape/failure_log.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[64], one[96], two[96];

static int make_dir(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/ampagent-failures-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(one, sizeof one, "%s/one.log", dir);
	snprintf(two, sizeof two, "%s/two.log", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(one);
	unlink(two);
	return rmdir(dir);
}

static void read_all(const char *path, struct buf *out)
{
	struct err err = ERR_NULL;
	buf_init(out, MiB(1));
	if (file_read(path, out, &err) != 0)
		fail_msg("%s", err.msg);
}

static const struct failure failure = {
	.wall_ms = 1700000000123,
	.source = SV("scraper.c:1"),
	.message = SV("no \"answer\"\n"),
	.job = SV("j"),
	.url = SV("http://x/metrics"),
};

#define LINE                                                                                       \
	"{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"ERROR\",\"source\":\"scraper.c:1\","   \
	"\"msg\":\"no \\\"answer\\\"\\n\",\"job_name\":\"j\",\"target\":\"http://x/metrics\"}\n"

static void jobs_share_a_file(void **state)
{
	struct scrape_options opts[4] = {{.failure_log_file = sv_of(one)},
					 {.failure_log_file = SV_NULL},
					 {.failure_log_file = sv_of(two)},
					 {.failure_log_file = sv_of(one)}};
	struct failure_logs logs;
	struct err err = ERR_NULL;
	assert_int_equal(failure_logs_open(opts, 4, &logs, &err), 0);
	assert_int_equal(logs.n, 2);
	assert_non_null(failure_logs_find(&logs, sv_of(one)));
	assert_ptr_not_equal(failure_logs_find(&logs, sv_of(one)),
			     failure_logs_find(&logs, sv_of(two)));
	assert_null(failure_logs_find(&logs, SV("")));
	assert_null(failure_logs_find(&logs, SV("elsewhere")));
	failure_log_write(failure_logs_find(&logs, sv_of(two)), &failure);
	failure_log_write(NULL, &failure);
	failure_logs_close(&logs);
	/* What is there stays. */
	assert_int_equal(failure_logs_open(opts, 4, &logs, &err), 0);
	failure_log_write(failure_logs_find(&logs, sv_of(two)), &failure);
	failure_logs_close(&logs);
	_cleanup_(buf_deinit) struct buf first = BUF_NULL;
	_cleanup_(buf_deinit) struct buf second = BUF_NULL;
	read_all(one, &first);
	read_all(two, &second);
	assert_int_equal(first.len, 0);
	assert_true(sv_eq(buf_view(&second), SV(LINE LINE)));
}

static void files_that_cannot_be_opened(void **state)
{
	struct scrape_options opts[3] = {{.failure_log_file = SV("/nonexistent/a.log")},
					 {.failure_log_file = sv_of(one)},
					 {.failure_log_file = sv_of(dir)}};
	struct failure_logs logs;
	struct err err = ERR_NULL;
	assert_int_equal(failure_logs_open(opts, 3, &logs, &err), 1);
	assert_non_null(strstr(err.msg, "scrape_failure_log_file /nonexistent/a.log: No such"));
	/* The others serve. */
	assert_int_equal(logs.n, 1);
	failure_log_write(failure_logs_find(&logs, sv_of(one)), &failure);
	failure_logs_close(&logs);
	struct stat st;
	assert_int_equal(stat(one, &st), 0);
	assert_int_equal(st.st_size, sizeof LINE - 1);
	/* A pipe that nobody reads is no reason to wait. */
	assert_int_equal(mkfifo(two, 0600), 0);
	opts[0].failure_log_file = sv_of(two);
	assert_int_equal(failure_logs_open(opts, 1, &logs, &err), 1);
	failure_logs_close(&logs);
}

static void a_full_disk_is_told_once(void **state)
{
	struct scrape_options opt = {.failure_log_file = SV("/dev/full")};
	struct failure_logs logs;
	struct err err = ERR_NULL;
	assert_int_equal(failure_logs_open(&opt, 1, &logs, &err), 0);
	log_init(LOG_ERROR, LOG_LOGFMT);
	int kept = dup(STDERR_FILENO);
	int file = open(one, O_RDWR | O_CREAT, 0600);
	dup2(file, STDERR_FILENO);
	failure_log_write(logs.v[0], &failure);
	failure_log_write(logs.v[0], &failure);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(file);
	failure_logs_close(&logs);
	_cleanup_(buf_deinit) struct buf told = BUF_NULL;
	read_all(one, &told);
	buf_char(&told, '\0');
	char *first = strstr(told.ptr, "failed scrapes cannot be logged");
	assert_non_null(first);
	assert_non_null(strstr(first, "/dev/full"));
	assert_null(strstr(first + 1, "failed scrapes cannot be logged"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_share_a_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(files_that_cannot_be_opened, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_full_disk_is_told_once, make_dir, remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
