/* discovery_check_file: the groups of a file, or where it is wrong. */
#include <ampagent/discovery.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
	snprintf(directory, sizeof directory, "/tmp/ampagent-check-XXXXXX");
	return mkdtemp(directory) ? 0 : 1;
}

static int remove_directory(void **state)
{
	return rmdir(directory);
}

struct seen {
	size_t groups, targets;
	int answer;
};

static int on_group(void *cls, const struct target_group *g)
{
	struct seen *seen = cls;
	seen->groups++;
	seen->targets += g->n_targets;
	assert_true(labels_get(g->labels, SV("__meta_filepath")).len > 0);
	return seen->answer;
}

/* Writes a file, checks it, takes it away. */
static int check(const char *name, const char *text, struct seen *seen, struct err *err)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	int r = discovery_check_file(path, on_group, seen, err);
	assert_int_equal(unlink(path), 0);
	return r;
}

static void test_good(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_NULL;
	assert_int_equal(
		check("a.json", "[{\"targets\": [\"a\", \"b\"]}, {\"targets\": []}]", &seen, &err),
		0);
	assert_int_equal(seen.groups, 2);
	assert_int_equal(seen.targets, 2);
	assert_int_equal(check("a.yml", "- targets: [c]\n  labels: {x: y}\n", &seen, &err), 0);
	assert_int_equal(seen.targets, 3);
	seen.answer = 7;
	assert_int_equal(check("a.yaml", "- targets: [c]\n- targets: [d]\n", &seen, &err), 7);
	assert_int_equal(seen.targets, 4);
}

static void test_bad(void **state)
{
	struct seen seen = {0};
	struct err err = ERR_NULL;
	assert_int_equal(check("a.json", "[{\"targets\": [\"a\"],\n \"x\": 1}]", &seen, &err), 1);
	assert_non_null(strstr(err.msg, "/a.json:2:"));
	assert_int_equal(err.line, 2);
	assert_int_equal(check("a.yml", "- target: [c]\n", &seen, &err), 1);
	assert_non_null(strstr(err.msg, "/a.yml:1:"));
	assert_int_equal(seen.groups, 0);
	assert_int_equal(discovery_check_file("/nonexistent.json", on_group, &seen, &err), 1);
	assert_non_null(strstr(err.msg, "nonexistent"));
	assert_int_equal(discovery_check_file(directory, on_group, &seen, &err), 1);
	assert_non_null(strstr(err.msg, "not a regular file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
