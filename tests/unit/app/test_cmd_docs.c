/* The pages of docs/ that are made from tables are what `ampagent docs` prints. */
#include "commands.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* What the subcommand prints; its exit code is returned. */
static int run(char *what, struct buf *out)
{
	char name[] = "docs";
	char *argv[] = {name, what, NULL};
	FILE *file = tmpfile();
	fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	dup2(fileno(file), STDOUT_FILENO);
	int code = cmd_docs(what ? 2 : 1, argv);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	rewind(file);
	char chunk[4096];
	for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
		buf_append(out, chunk, n);
	fclose(file);
	return code;
}

static void pages(void **state)
{
	static const struct {
		char what[16];
		const char *path;
	} cases[] = {{"metrics", DOCS "/METRICS.md"},
		     {"config", DOCS "/CONFIG.md"},
		     {"ecs-metrics", DOCS "/ECS_METRICS.md"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(buf_deinit) struct buf made = BUF_NULL;
		_cleanup_(buf_deinit) struct buf kept = BUF_NULL;
		struct err err = ERR_NULL;
		char what[16];
		buf_init(&made, MiB(4));
		buf_init(&kept, MiB(4));
		memcpy(what, cases[i].what, sizeof what);
		assert_int_equal(run(what, &made), 0);
		if (file_read(cases[i].path, &kept, &err) != 0)
			fail_msg("%s", err.msg);
		if (!sv_eq(buf_view(&made), buf_view(&kept)))
			fail_msg("%s is out of date: ampagent docs %s > %s", cases[i].path, what,
				 cases[i].path);
	}
}

static void unknown_pages(void **state)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	char what[] = "everything";
	int kept = dup(STDERR_FILENO);
	FILE *null = fopen("/dev/null", "w");
	dup2(fileno(null), STDERR_FILENO);
	int codes[] = {run(what, &out), run(NULL, &out)};
	dup2(kept, STDERR_FILENO);
	close(kept);
	fclose(null);
	assert_int_equal(codes[0], 2);
	assert_int_equal(codes[1], 2);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(unknown_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
