/* Which configuration counts, and how it is loaded. */
#include "config_source.h"

#include "variables.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT(job)                                                                                  \
	"scrape_configs: [{job_name: " job ", authorization: {credentials_file: token}}]\n"

struct fixture {
	char dir[64];
};

static void write_file(const char *name, const char *text)
{
	struct err err = ERR_NULL;
	if (file_replace(name, sv_of(text), &err) != 0)
		fail_msg("%s", err.msg);
}

static int setup(void **state)
{
	static struct fixture f;
	snprintf(f.dir, sizeof f.dir, "/tmp/ampagent-source-XXXXXX");
	*state = &f;
	clear_all();
	return mkdtemp(f.dir) && chdir(f.dir) == 0 ? 0 : 1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	unlink("prometheus.yml");
	unlink("given.yml");
	unlink("other.yml");
	return chdir("/") == 0 && rmdir(f->dir) == 0 ? 0 : 1;
}

/* The one job's name of what is found; path as it is called. */
static void assert_found(const char *file, const char *path, bool is_file, const char *job)
{
	_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
	_cleanup_(config_unrefp) struct config *c = NULL;
	struct err err = ERR_NULL;
	if (config_source_find(get, sv_of(file), SV_NULL, &s, &err) != 0 ||
	    config_source_load(&s, NULL, &c, &err) != 0)
		fail_msg("%s", err.msg);
	assert_string_equal(s.path, path);
	assert_int_equal(s.is_file, is_file);
	assert_int_equal(c->n_scrapes, 1);
	assert_true(sv_eq(c->scrapes[0].job_name, sv_of(job)));
}

static void order(void **state)
{
	set("AMPAGENT_REMOTE_WRITE_URL", "http://127.0.0.1:9/push");
	set("AMPAGENT_TARGETS", "127.0.0.1:1");
	assert_found("", "the environment", false, "app");
	write_file("prometheus.yml", TEXT("default"));
	assert_found("", "prometheus.yml", true, "default");
	set("AMPAGENT_CONFIG_CONTENT", " \n");
	assert_found("", "prometheus.yml", true, "default");
	set("AMPAGENT_CONFIG_CONTENT", TEXT("content"));
	assert_found("", "AMPAGENT_CONFIG_CONTENT", false, "content");
	write_file("other.yml", TEXT("other"));
	set("AMPAGENT_CONFIG_FILE", "other.yml");
	assert_found("", "other.yml", true, "other");
	write_file("given.yml", TEXT("given"));
	assert_found("given.yml", "given.yml", true, "given");
}

static void nothing(void **state)
{
	static const char *const ways[] = {"--config.file (AMPAGENT_CONFIG_FILE)",
					   "prometheus.yml in the working directory",
					   "AMPAGENT_CONFIG_CONTENT",
					   "AMPAGENT_REMOTE_WRITE_URL",
					   "AMPAGENT_WORKSPACE_ID",
					   "AWS_PROMETHEUS_ENDPOINT"};
	_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
	struct err err = ERR_NULL;
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &s, &err), 1);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		assert_non_null(strstr(err.msg, ways[i]));
	assert_null(strstr(err.msg, "AOT_CONFIG_CONTENT"));
	config_source_deinit(&s);
	set("AOT_CONFIG_CONTENT", "receivers: {}");
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &s, &err), 1);
	assert_non_null(strstr(err.msg, "AOT_CONFIG_CONTENT is ADOT's"));
}

static void messages(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} cases[] = {
		{"AMPAGENT_CONFIG_CONTENT", "global: {}\nnonsense: 1\n",
		 "AMPAGENT_CONFIG_CONTENT:2:1: "},
		{"AMPAGENT_CONFIG_CONTENT", "a: [\n", "AMPAGENT_CONFIG_CONTENT:"},
		{"AMPAGENT_CONFIG_FILE", "missing.yml", "cannot open missing.yml: "},
		/* Taken by the variable's own check, refused by the configuration's. */
		{"AMPAGENT_REMOTE_WRITE_URL", "http://127.0.0.1/%zz",
		 "AMPAGENT_REMOTE_WRITE_URL: the environment:"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
		struct config *c = NULL;
		struct err err = ERR_NULL;
		clear_all();
		set("AMPAGENT_TARGETS", "a:1");
		set(cases[i].name, cases[i].value);
		assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &s, &err), 0);
		assert_int_equal(config_source_load(&s, NULL, &c, &err), 1);
		if (strncmp(err.msg, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%s", err.msg);
	}
}

static void refused_variable(void **state)
{
	_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
	struct err err = ERR_NULL;
	set("AMPAGENT_REMOTE_WRITE_URL", "nonsense");
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &s, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_REMOTE_WRITE_URL: "));
}

/* Relative names of a text count from the working directory. */
static void relative_names(void **state)
{
	_cleanup_(config_source_deinit) struct config_source s = {.is_file = false};
	_cleanup_(config_unrefp) struct config *c = NULL;
	struct err err = ERR_NULL;
	set("AMPAGENT_CONFIG_CONTENT", TEXT("x"));
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &s, &err), 0);
	assert_int_equal(config_source_load(&s, NULL, &c, &err), 0);
	assert_true(sv_eq(c->scrapes[0].http.credentials_file, SV("token")));
}

static void checksums(void **state)
{
	_cleanup_(config_source_deinit) struct config_source file = {.is_file = false};
	_cleanup_(config_source_deinit) struct config_source text = {.is_file = false};
	struct err err = ERR_NULL;
	uint64_t a = 0, b = 0;
	write_file("prometheus.yml", TEXT("x"));
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &file, &err), 0);
	assert_int_equal(config_source_checksum(&file, &a, &err), 0);
	write_file("prometheus.yml", TEXT("y"));
	assert_int_equal(config_source_checksum(&file, &b, &err), 0);
	assert_int_not_equal(a, b);
	set("AMPAGENT_CONFIG_CONTENT", TEXT("x"));
	assert_int_equal(config_source_find(get, SV_NULL, SV_NULL, &text, &err), 0);
	assert_int_equal(config_source_checksum(&text, &a, &err), 1);
	assert_non_null(strstr(err.msg, "AMPAGENT_CONFIG_CONTENT stays as it is"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(order),          TEST(nothing),
					   TEST(messages),       TEST(refused_variable),
					   TEST(relative_names), TEST(checksums)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
