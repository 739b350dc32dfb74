#include "check.h"

#include <ampagent/base/file.h>

#include <sys/stat.h>

static char dir[] = "/tmp/ampagent-file-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : 1;
}

static char *in_dir(const char *name)
{
	char *path = path_join(sv_of(dir), sv_of(name));
	assert_non_null(path);
	return path;
}

static void writes_and_reads(void **state)
{
	_cleanup_(freep) char *path = in_dir("a"), *tmp = in_dir("a.tmp");
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&out, 11);
	assert_int_equal(file_replace(path, SV("old"), &err), 0);
	assert_int_equal(file_replace(path, SV("hello"), &err), 0);
	assert_int_equal(access(tmp, F_OK), -1);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_sv(buf_view(&out), "hellohello");
	assert_int_equal(file_read(path, &out, &err), 1);
	assert_non_null(strstr(err.msg, "larger than 11 bytes"));
	buf_reset(&out);
	assert_int_equal(file_replace(path, SV(""), &err), 0);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_int_equal(out.len, 0);
	unlink(path);
}

static void reads_large_files(void **state)
{
	enum { SIZE = 100001 };
	_cleanup_(freep) char *path = in_dir("large"), *content = calloc(SIZE, 1);
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, SIZE);
	for (int i = 0; i < SIZE; i++)
		content[i] = (char)i;
	assert_int_equal(file_replace(path, sv_make(content, SIZE), NULL), 0);
	assert_int_equal(file_read(path, &out, NULL), 0);
	assert_true(sv_eq(buf_view(&out), sv_make(content, SIZE)));
	unlink(path);
}

static void says_why_not(void **state)
{
	_cleanup_(freep) char *path = in_dir("missing/file");
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&out, 100);
	assert_int_equal(file_read(path, &out, &err), 1);
	assert_non_null(strstr(err.msg, "No such file"));
	assert_int_equal(file_read(dir, &out, &err), 1);
	assert_non_null(strstr(err.msg, "directory"));
	assert_int_equal(file_replace(path, SV("x"), &err), 1);
	assert_non_null(strstr(err.msg, "missing/file"));
	/* Renaming over a directory fails, and the half-made file goes. */
	_cleanup_(freep) char *sub = in_dir("sub"), *tmp = in_dir("sub.tmp");
	assert_int_equal(dir_make(sub, NULL), 0);
	assert_int_equal(file_replace(sub, SV("x"), &err), 1);
	assert_int_equal(access(tmp, F_OK), -1);
	rmdir(sub);
}

/* A pipe that nobody writes to would be waited for without end. */
static void reads_without_waiting(void **state)
{
	_cleanup_(freep) char *path = in_dir("ready"), *pipe = in_dir("pipe");
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&out, 100);
	assert_int_equal(file_replace(path, SV("hello"), NULL), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(file_read_at_once(path, &out, &err), 0);
	assert_sv(buf_view(&out), "hello");
	assert_int_equal(file_read_at_once("/dev/null", &out, &err), 0);
	assert_int_equal(out.len, 5);
	assert_int_equal(file_read_at_once(pipe, &out, &err), 1);
	assert_non_null(strstr(err.msg, "pipe: it"));
	assert_int_equal(file_read_at_once(dir, &out, &err), 1);
	assert_non_null(strstr(err.msg, "directory"));
	unlink(path);
	assert_int_equal(file_read_at_once(path, &out, &err), 1);
	assert_non_null(strstr(err.msg, "No such file"));
	unlink(pipe);
}

static void makes_directories(void **state)
{
	_cleanup_(freep) char *deep = in_dir("x/y/z"), *mid = in_dir("x/y"), *top = in_dir("x");
	struct err err = ERR_NULL;
	assert_int_equal(dir_make(deep, &err), 0);
	assert_int_equal(dir_make(deep, &err), 0);
	struct stat st;
	assert_int_equal(stat(deep, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	_cleanup_(freep) char *file = in_dir("x/y/z/f"), *under = in_dir("x/y/z/f/g");
	assert_int_equal(file_replace(file, SV("x"), NULL), 0);
	assert_int_equal(dir_make(under, &err), 1);
	assert_non_null(strstr(err.msg, "z/f"));
	unlink(file);
	rmdir(deep);
	rmdir(mid);
	rmdir(top);
}

static void joins_paths(void **state)
{
	static const char *const cases[][3] = {
		{"a", "b", "a/b"}, {"a/", "b", "a/b"},      {"/", "b", "/b"}, {"", "b", "b"},
		{"a", "/b", "/b"}, {"a//", "b/c", "a/b/c"}, {"a", "", "a/"},  {"//", "b", "/b"},
	};
	for (size_t i = 0; i < N_OF(cases); i++) {
		_cleanup_(freep) char *path = path_join(sv_of(cases[i][0]), sv_of(cases[i][1]));
		assert_string_equal(path, cases[i][2]);
	}
	static const char *const dirs[][2] = {
		{"a/b", "a"}, {"b", "."}, {"/b", "/"}, {"a//b", "a"}, {"", "."}, {"a/b/", "a/b"},
	};
	for (size_t i = 0; i < N_OF(dirs); i++)
		assert_sv(path_dir(sv_of(dirs[i][0])), dirs[i][1]);
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),  cmocka_unit_test(reads_large_files),
		cmocka_unit_test(says_why_not),      cmocka_unit_test(reads_without_waiting),
		cmocka_unit_test(makes_directories), cmocka_unit_test(joins_paths),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
