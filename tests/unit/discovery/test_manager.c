/* Discovery as a whole over a real loop and real directories: what the scrape side is told. */
#include "dump.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>
#include <ampagent/discovery.h>

#include <sys/stat.h>

/* Ends a test that would wait for ever; nothing is asserted on time. */
enum { GIVE_UP_MS = 30000 };

struct seen {
	struct loop *loop;
	struct buf text; /* the last update, after the job's name */
	const char *want;
	unsigned updates;
	struct loop_timer give_up;
};

static char dir[64];

static void on_update(void *cls, struct sv job, const struct target_group *groups, size_t n)
{
	struct seen *s = cls;
	s->updates++;
	buf_reset(&s->text);
	buf_printf(&s->text, "%.*s:\n", SV_ARG(job));
	dump_groups(&s->text, groups, n);
	buf_char(&s->text, 0);
	assert_false(buf_failed(&s->text));
	if (s->want && strcmp(s->text.ptr, s->want) == 0)
		loop_stop(s->loop);
}

static void give_up(void *cls)
{
	struct seen *s = cls;
	loop_stop(s->loop);
}

static void init(struct seen *s, struct discovery **d)
{
	struct err err = ERR_NULL;
	*s = (struct seen){.want = NULL};
	assert_int_equal(loop_new(&s->loop, &err), 0);
	buf_init(&s->text, MiB(1));
	s->give_up = (struct loop_timer){.fire = give_up, .cls = s};
	struct target_sink sink = {.update = on_update, .cls = s};
	assert_int_equal(
		discovery_new(&(struct discovery_env){.loop = s->loop, .sink = sink}, d, &err), 0);
}

static void deinit(struct seen *s, struct discovery *d)
{
	discovery_free(d);
	loop_timer_cancel(&s->give_up);
	loop_free(s->loop);
	buf_deinit(&s->text);
}

/* Runs the loop until an update with that text has come. */
static void wait_for(struct seen *s, const char *want)
{
	s->want = want;
	if (s->text.len == 0 || strcmp(s->text.ptr, want) != 0) {
		loop_timer_in(s->loop, &s->give_up, GIVE_UP_MS);
		assert_int_equal(loop_run(s->loop), 0);
		loop_timer_cancel(&s->give_up);
	}
	s->want = NULL;
	assert_string_equal(s->text.ptr, want);
}

static void after(struct seen *s, int64_t ms)
{
	loop_timer_in(s->loop, &s->give_up, ms);
	assert_int_equal(loop_run(s->loop), 0);
}

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

static int make_dir(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/ampagent-sd-XXXXXX");
	return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"a.json",  "b.yml",   "v1/t.json", "v2/t.json",
					    "t.json",  "..data",  "v1",        "v2",
					    ".c.json", "new.json"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		remove(path_of(names[i]));
	return rmdir(dir);
}

/* The groups with the directory's name in them. */
static const char *want(const char *fmt)
{
	static char text[4096];
	size_t n = 0;
	for (const char *p = fmt; *p; p++) {
		if (*p == '@')
			n += (size_t)snprintf(text + n, sizeof text - n, "%s", dir);
		else
			text[n++] = *p;
	}
	text[n] = 0;
	return text;
}

static double metric(struct discovery *d, const char *line)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct metrics_writer w = {.out = &out};
	buf_init(&out, MiB(1));
	discovery_collect(d, &w);
	buf_char(&out, 0);
	const char *p = strstr(out.ptr, line);
	if (!p)
		fail_msg("no %s in\n%s", line, out.ptr);
	return strtod(p + strlen(line), NULL);
}

static void test_static_jobs(void **state)
{
	struct seen s;
	struct discovery *d;
	struct sv targets[] = {SV("a:1"), SV("b:2")};
	struct static_group_options group = {.targets = targets, .n_targets = 2};
	struct discovery_options jobs[] = {
		{.job_name = SV("empty")},
		{.job_name = SV("one"), .statics = &group, .n_statics = 1},
	};
	init(&s, &d);
	assert_int_equal(discovery_apply(d, jobs, 2), 0);
	assert_int_equal(s.updates, 2);
	assert_string_equal(s.text.ptr, "one:\n0 {} [a:1 b:2]\n");
	assert_true(metric(d, "prometheus_sd_discovered_targets{name=\"scrape\",config=\"one\"}") ==
		    2);
	assert_true(metric(d, "prometheus_sd_updates_total{name=\"scrape\"}") == 2);
	targets[0] = SV("c:3");
	assert_int_equal(discovery_apply(d, jobs + 1, 1), 0);
	assert_string_equal(s.text.ptr, "one:\n0 {} [c:3 b:2]\n");
	assert_int_equal(discovery_apply(d, NULL, 0), 0);
	assert_int_equal(s.updates, 3);
	deinit(&s, d);
}

struct file_job {
	struct sv globs[2];
	struct file_sd_options file;
	struct static_group_options group;
	struct sv target;
	struct discovery_options opts;
	char text[2][128];
};

static void file_job(struct file_job *j, const char *a, const char *b, int64_t interval_ms)
{
	snprintf(j->text[0], sizeof j->text[0], "%s/%s", dir, a);
	snprintf(j->text[1], sizeof j->text[1], "%s/%s", dir, b ? b : "");
	j->globs[0] = sv_of(j->text[0]);
	j->globs[1] = sv_of(j->text[1]);
	j->file = (struct file_sd_options){j->globs, b ? 2 : 1, interval_ms};
	j->target = SV("s:1");
	j->group = (struct static_group_options){.targets = &j->target, .n_targets = 1};
	j->opts = (struct discovery_options){.job_name = SV("j"),
					     .statics = &j->group,
					     .n_statics = 1,
					     .file_sds = &j->file,
					     .n_file_sds = 1};
}

static void test_files_come_change_break_and_go(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "*.json", "b.yml", 3600000);
	init(&s, &d);
	put("a.json", "[{\"targets\":[\"a:1\"]},{\"targets\":[\"a:2\"]}]");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	assert_int_equal(s.updates, 1);
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [a:1]\n"
			  "@/a.json:1 {__meta_filepath=\"@/a.json\"} [a:2]\n"));
	put("b.yml", "- targets: [b:1]\n  labels: {x: y}\n");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [a:1]\n"
			  "@/a.json:1 {__meta_filepath=\"@/a.json\"} [a:2]\n"
			  "@/b.yml:0 {__meta_filepath=\"@/b.yml\", x=\"y\"} [b:1]\n"));
	/* Broken: the others change, this one stays as it was. */
	double errors = metric_get(M_SD_FILE_READ_ERRORS);
	put("a.json", "[{\"targets\":[\"a:1\"],\"oops\":1}]");
	put("b.yml", "- targets: [b:2]\n");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [a:1]\n"
			  "@/a.json:1 {__meta_filepath=\"@/a.json\"} [a:2]\n"
			  "@/b.yml:0 {__meta_filepath=\"@/b.yml\"} [b:2]\n"));
	assert_true(metric_get(M_SD_FILE_READ_ERRORS) > errors);
	/* A reload while it is broken keeps what it gave last. */
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	assert_non_null(strstr(s.text.ptr, "a:2"));
	/* Repaired with one group less. */
	put("a.json", "[{\"targets\":[\"a:3\"]}]");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [a:3]\n"
			  "@/b.yml:0 {__meta_filepath=\"@/b.yml\"} [b:2]\n"));
	assert_int_equal(unlink(path_of("a.json")), 0);
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/b.yml:0 {__meta_filepath=\"@/b.yml\"} [b:2]\n"));
	assert_int_equal(unlink(path_of("b.yml")), 0);
	wait_for(&s, "j:\n0 {} [s:1]\n");
	deinit(&s, d);
}

/* Kubernetes mounts a ConfigMap so: t.json -> ..data/t.json, ..data -> v1; a new version is a new
 * directory and a rename over ..data. */
static void test_config_map_swap(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "t.json", NULL, 3600000);
	init(&s, &d);
	mkdir(path_of("v1"), 0700);
	mkdir(path_of("v2"), 0700);
	put("v1/t.json", "[{\"targets\":[\"one\"]}]");
	put("v2/t.json", "[{\"targets\":[\"two\"]}]");
	assert_int_equal(symlink("v1", path_of("..data")), 0);
	assert_int_equal(symlink("..data/t.json", path_of("t.json")), 0);
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/t.json:0 {__meta_filepath=\"@/t.json\"} [one]\n"));
	assert_int_equal(symlink("v2", path_of("..next")), 0);
	assert_int_equal(rename(path_of("..next"), path_of("..data")), 0);
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/t.json:0 {__meta_filepath=\"@/t.json\"} [two]\n"));
	deinit(&s, d);
}

/* Many events, one update; a rewrite with the same bytes, none. */
static void test_updates_are_few(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "*.json", NULL, 3600000);
	init(&s, &d);
	put("a.json", "[]");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	unsigned updates = s.updates;
	for (int i = 0; i < 20; i++)
		put("a.json", "[]");
	after(&s, 600);
	assert_int_equal(s.updates, updates);
	for (int i = 0; i < 20; i++)
		put("a.json", "[{\"targets\":[\"x\"]}]");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [x]\n"));
	after(&s, 600);
	assert_int_equal(s.updates, updates + 1);
	deinit(&s, d);
}

/* What no event tells is found by the timer: here a directory that appears later. */
static void test_timer_finds_new_directory(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "v1/t.json", NULL, 50);
	init(&s, &d);
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	wait_for(&s, "j:\n0 {} [s:1]\n");
	mkdir(path_of("v1"), 0700);
	put("v1/t.json", "[{\"targets\":[\"one\"]}]");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/v1/t.json:0 {__meta_filepath=\"@/v1/t.json\"} [one]\n"));
	deinit(&s, d);
}

static void test_reload_keeps_and_replaces(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j, other;
	init(&s, &d);
	file_job(&j, "a.json", NULL, 3600000);
	file_job(&other, ".c.json", NULL, 3600000);
	put("a.json", "[{\"targets\":[\"a\"]}]");
	put(".c.json", "[{\"targets\":[\"c\"]}]");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	assert_true(metric(d, want("prometheus_sd_file_mtime_seconds{filename=\"@/a.json\"}")) >
		    1e9);
	double scans = metric(d, "prometheus_sd_file_scan_duration_seconds_count");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	assert_true(metric(d, "prometheus_sd_file_scan_duration_seconds_count") == scans);
	assert_int_equal(discovery_apply(d, &other.opts, 1), 0);
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/.c.json:0 {__meta_filepath=\"@/.c.json\"} [c]\n"));
	deinit(&s, d);
}

/* Complete once every file has been read, and told of; one that breaks later has told already. */
static void test_what_is_complete(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "*.json", NULL, 3600000);
	init(&s, &d);
	assert_true(discovery_complete(d));
	put("a.json", "[{\"targets\":[\"a:1\"]}]");
	put("new.json", "{ broken");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	assert_non_null(strstr(s.text.ptr, "a:1"));
	assert_false(discovery_complete(d));
	put("new.json", "[{\"targets\":[\"n:1\"]}]");
	wait_for(&s, want("j:\n0 {} [s:1]\n"
			  "@/a.json:0 {__meta_filepath=\"@/a.json\"} [a:1]\n"
			  "@/new.json:0 {__meta_filepath=\"@/new.json\"} [n:1]\n"));
	assert_true(discovery_complete(d));
	double errors = metric_get(M_SD_FILE_READ_ERRORS);
	put("new.json", "{ broken");
	while (metric_get(M_SD_FILE_READ_ERRORS) == errors)
		after(&s, 50);
	assert_true(discovery_complete(d));
	deinit(&s, d);
}

static void test_paused(void **state)
{
	struct seen s;
	struct discovery *d;
	struct file_job j;
	file_job(&j, "*.json", NULL, 3600000);
	init(&s, &d);
	put("a.json", "[]");
	assert_int_equal(discovery_apply(d, &j.opts, 1), 0);
	unsigned updates = s.updates;
	double received = metric(d, "prometheus_sd_received_updates_total{name=\"scrape\"}");
	discovery_pause(d);
	put("a.json", "[{\"targets\":[\"a:1\"]}]");
	while (metric(d, "prometheus_sd_received_updates_total{name=\"scrape\"}") == received)
		after(&s, 50);
	after(&s, 300);
	assert_int_equal(s.updates, updates);
	deinit(&s, d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_jobs),
		cmocka_unit_test_setup_teardown(test_what_is_complete, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_paused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_files_come_change_break_and_go, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_config_map_swap, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_updates_are_few, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_timer_finds_new_directory, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_reload_keeps_and_replaces, make_dir,
						remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
