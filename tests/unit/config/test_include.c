/* include: the files of scrape_config_files, what is wrong in them, and checksums. */
#include "directory.h"

#include "include.h"

#define MAIN "global: {scrape_interval: 7s}\nscrape_config_files: ['jobs/*.yml', one.yaml]\n"

static struct config *load_main(struct err *err)
{
	struct config *c = NULL;
	int r = config_load(directory_path("main.yml"), NULL, &c, err);
	assert_int_equal(r, c ? 0 : 1);
	return c;
}

static void test_jobs(void **state)
{
	struct err err = ERR_NULL;
	mkdir(directory_path("jobs"), 0700);
	directory_file("main.yml", MAIN "scrape_configs:\n- job_name: own\n");
	directory_file("jobs/b.yml", "scrape_configs:\n- job_name: b\n  scrape_interval: 9s\n");
	directory_file("jobs/a.yml", "scrape_configs:\n- job_name: a2\n- job_name: a1\n"
				     "  authorization: {credentials_file: token}\n"
				     "  file_sd_configs: [{files: [sd.json]}]\n");
	directory_file("jobs/.hidden.yml", "");
	directory_file("jobs/not.yaml", "wrong: true\n");
	directory_file("one.yaml", "scrape_configs: [{job_name: one, grant: 1}]\n");
	_cleanup_(config_unrefp) struct config *none = load_main(&err);
	assert_null(none);
	assert_non_null(strstr(err.msg, "/one.yaml:1:34: unknown key \"grant\""));
	directory_file("one.yaml", "scrape_configs: [{job_name: one}]\n");
	_cleanup_(config_unrefp) struct config *c = load_main(&err);
	if (!c)
		fail_msg("%s", err.msg);
	static const char *const names[] = {"own", "a2", "a1", "b", "one"};
	assert_int_equal(c->n_scrapes, LEN(names));
	for (size_t i = 0; i < LEN(names); i++) {
		assert_sv_equal(c->scrapes[i].job_name, names[i]);
		assert_sv_equal(c->discoveries[i].job_name, names[i]);
		assert_true(c->scrapes[i].digest != 0);
	}
	assert_int_equal(c->scrapes[2].interval_ms, 7000);
	assert_int_equal(c->scrapes[3].interval_ms, 9000);
	/* names count from the file that has them */
	assert_sv_equal(c->scrapes[2].http.credentials_file, directory_path("jobs/token"));
	assert_sv_equal(c->discoveries[2].file_sds[0].files[0], directory_path("jobs/sd.json"));
	/* the page shows the patterns, not what they found */
	assert_int_equal(sv_find_sv(c->shown, SV("job_name: a1")), c->shown.len);
	assert_int_not_equal(sv_find_sv(c->shown, sv_of(directory_path("jobs/*.yml"))),
			     c->shown.len);
}

static const struct {
	const char *text, *part;
} bad[] = {
	{"scrape_configs:\n- job_name: own\n",
	 "/one.yaml:2:13: found multiple scrape configs with job name \"own\", first found in "},
	{"scrape_configs:\n- job_name: x\n- job_name: x\n",
	 "/one.yaml:3:13: found multiple scrape configs with job name \"x\", first at line 2"},
	{"global: {}\n", "/one.yaml:1:1: unknown key \"global\" in the file"},
	{"scrape_configs:\n- {}\n", "/one.yaml:2:3: job_name is empty"},
	{"scrape_configs:\n- scrape_timeout: 8s\n  job_name: x\n",
	 "/one.yaml:2:19: scrape timeout"},
	{"scrape_configs: [\n", "/one.yaml:2:1: "},
	{"scrape_configs:\n-\n", "/one.yaml:2:2: empty or null element in \"scrape_configs\""},
};

static void test_errors(void **state)
{
	directory_file("main.yml", MAIN "scrape_configs:\n- job_name: own\n");
	for (size_t i = 0; i < LEN(bad); i++) {
		struct err err = ERR_NULL;
		directory_file("one.yaml", bad[i].text);
		_cleanup_(config_unrefp) struct config *c = load_main(&err);
		if (c || !strstr(err.msg, bad[i].part) ||
		    !sv_starts_with(sv_of(err.msg), sv_of(directory)))
			fail_msg("\"%s\" is not \"%s\"", err.msg, bad[i].part);
	}
}

static void test_unreadable(void **state)
{
	struct err err = ERR_NULL;
	directory_file("main.yml", "scrape_config_files: [none.yml]\n");
	_cleanup_(config_unrefp) struct config *empty = load_main(&err);
	assert_non_null(empty);
	directory_file("main.yml", "scrape_config_files: ['a*']\n");
	mkdir(directory_path("a.d"), 0700);
	_cleanup_(config_unrefp) struct config *c = load_main(&err);
	assert_null(c);
	assert_non_null(strstr(err.msg, "main.yml:1:23: \"scrape_config_files\": "));
	assert_non_null(strstr(err.msg, "a.d is not a regular file"));
	uint64_t sum;
	assert_int_equal(config_checksum(directory_path("main.yml"), &sum, &err), 1);
	rmdir(directory_path("a.d"));
	/* nor is a FIFO waited for */
	assert_int_equal(mkfifo(directory_path("a.fifo"), 0600), 0);
	_cleanup_(config_unrefp) struct config *fifo = load_main(&err);
	assert_null(fifo);
}

/* A warning says which file it is about. */
static void test_warnings(void **state)
{
	struct err err = ERR_NULL;
	directory_file("main.yml", "scrape_config_files: [one.yaml]\nruntime: {}\n");
	directory_file("one.yaml", "scrape_configs:\n- job_name: a\n  oauth2:\n    grant_type: x\n"
				   "    client_id: c\n    token_url: t\n");
	_cleanup_(config_unrefp) struct config *c = load_main(&err);
	assert_non_null(c);
	assert_int_equal(c->n_warnings, 2);
	assert_sv_equal(c->warnings[0].path, directory_path("main.yml"));
	assert_sv_equal(c->warnings[1].path, directory_path("one.yaml"));
	assert_int_equal(c->warnings[1].line, 4);
}

static void test_patterns(void **state)
{
	static const char *const good[] = {"", "a", "*", "/a/b*.yml", "a/*b*c", "a/[x"};
	static const char *const wrong[] = {"*/a", "a/*/b.yml", "a*/"};
	for (size_t i = 0; i < LEN(good); i++)
		assert_true(include_pattern_valid(sv_of(good[i])));
	for (size_t i = 0; i < LEN(wrong); i++)
		assert_false(include_pattern_valid(sv_of(wrong[i])));
	static const struct refusal refusals[] = {
		{"scrape_config_files: [a, '*/b']\n", 1, 26, "invalid scrape config file path"},
		{"scrape_config_files: {a: b}\n", 1, 22, "expected list of strings"},
	};
	check_refusals(refusals, LEN(refusals));
}

static uint64_t checksum(void)
{
	struct err err = ERR_NULL;
	uint64_t sum = 0;
	if (config_checksum(directory_path("main.yml"), &sum, &err) != 0)
		fail_msg("%s", err.msg);
	_cleanup_(config_unrefp) struct config *c = load_main(&err);
	if (c)
		assert_true(c->checksum == sum);
	return sum;
}

/* What changes the checksum: the file, a file that it includes, and which there are. */
static void test_checksum(void **state)
{
	static const char *const steps[][2] = {
		{"main.yml", "scrape_config_files: ['*.yaml']\n"},
		{"main.yml", "scrape_config_files: ['*.yaml'] # changed\n"},
		{"a.yaml", "scrape_configs: []\n"},
		{"a.yaml", "scrape_configs:  []\n"},
		{"b.yaml", ""},
		{"main.yml", "broken: ["},
	};
	uint64_t seen[LEN(steps)];
	for (size_t i = 0; i < LEN(steps); i++) {
		directory_file(steps[i][0], steps[i][1]);
		seen[i] = checksum();
		assert_true(checksum() == seen[i]);
		for (size_t k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
	}
	struct err err = ERR_NULL;
	assert_int_equal(config_checksum(directory_path("none"), &seen[0], &err), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_jobs, directory_clear),
		cmocka_unit_test_teardown(test_errors, directory_clear),
		cmocka_unit_test_teardown(test_unreadable, directory_clear),
		cmocka_unit_test_teardown(test_warnings, directory_clear),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test_teardown(test_checksum, directory_clear),
	};
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
