/* What the file provider does at once, without a loop turning; test_manager.c has the rest. */
#include "../../../ecs_discovery/file.h"
#include "dump.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <sys/stat.h>

static char dir[64];
static struct loop *loop;
static struct file_sd *sd;

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static int next;
	char *p = paths[next++ % 4];
	snprintf(p, sizeof paths[0], "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(file_replace(path_of(name), sv_of(text), NULL), 0);
}

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/ampagent-file-XXXXXX");
	return !mkdtemp(dir) || loop_new(&loop, NULL) != 0 || file_sd_new(loop, &sd, NULL) != 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"a.json", "b.JSON", "c.yaml", ".d.yml", "e.json"};
	file_sd_free(sd);
	loop_free(loop);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		remove(path_of(names[i]));
	return rmdir(dir);
}

/* The targets in order, with blanks between. */
static const char *targets_of(const struct provider *p)
{
	static char text[256];
	struct target_group groups[16];
	size_t n = p->ops->count(p), at = 0;
	assert_true(n <= 16);
	p->ops->list(p, groups);
	text[0] = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < groups[i].n_targets; k++) {
			struct sv s = labels_get(groups[i].targets[k], SV("__address__"));
			at += (size_t)snprintf(text + at, sizeof text - at, "%.*s ", SV_ARG(s));
		}
	}
	return text;
}

static void test_globs_and_endings(void **state)
{
	char all[128], json[128];
	put("a.json", "[{\"targets\":[\"a\"]}]");
	put("b.JSON", "[{\"targets\":[\"b\"]}]");
	put("c.yaml", "- targets: [c]");
	put(".d.yml", "- targets: [d]");
	snprintf(all, sizeof all, "%s/*", dir);
	snprintf(json, sizeof json, "%s/*.json", dir);
	struct sv globs[] = {sv_of(json), sv_of(all)};
	struct file_sd_options opt = {globs, 2, 3600000};
	_cleanup_(provider_freep) struct provider *p = NULL;
	assert_int_equal(file_provider_new(sd, &opt, &p), 0);
	/* "." and ".." are found by the wide glob too, and are no files. */
	assert_string_equal(targets_of(p), "d a b c ");
	assert_true(file_provider_is(p, &opt));
	opt.n_files = 1;
	assert_false(file_provider_is(p, &opt));
	opt.n_files = 2;
	opt.refresh_interval_ms = 1;
	assert_false(file_provider_is(p, &opt));
	opt.refresh_interval_ms = 3600000;
	globs[1] = globs[0];
	assert_false(file_provider_is(p, &opt));
}

/* A pipe must not block the loop, and a file that is not there is no error. */
static void test_what_is_no_file(void **state)
{
	struct sv globs[] = {sv_of(path_of("e.json")), sv_of(path_of("a.json")),
			     SV("/nonexistent/x.json")};
	struct file_sd_options opt = {globs, 3, 3600000};
	_cleanup_(provider_freep) struct provider *p = NULL;
	assert_int_equal(mkfifo(path_of("e.json"), 0600), 0);
	double errors = metric_get(M_SD_FILE_READ_ERRORS);
	assert_int_equal(file_provider_new(sd, &opt, &p), 0);
	assert_string_equal(targets_of(p), "");
	assert_true(metric_get(M_SD_FILE_READ_ERRORS) == errors + 1);
}

/* Two providers of one file make one mtime sample. */
static void test_mtime_is_told_once(void **state)
{
	put("a.json", "[]");
	struct sv glob = sv_of(path_of("a.json"));
	struct file_sd_options opt = {&glob, 1, 3600000};
	_cleanup_(provider_freep) struct provider *p = NULL, *q = NULL;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct metrics_writer w = {.out = &out};
	buf_init(&out, MiB(1));
	assert_int_equal(file_provider_new(sd, &opt, &p), 0);
	assert_int_equal(file_provider_new(sd, &opt, &q), 0);
	file_sd_collect(sd, &w);
	buf_char(&out, 0);
	const char *first = strstr(out.ptr, "a.json\"}");
	assert_non_null(first);
	assert_null(strstr(first + 1, "a.json\"}"));
	assert_non_null(strstr(out.ptr, "prometheus_sd_file_scan_duration_seconds_count 2\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_globs_and_endings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mtime_is_told_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
