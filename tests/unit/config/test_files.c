/* files: config_check(), what is said of files that are not there. */
#include "directory.h"

struct said {
	char *out, *errors;
	int result;
};

static struct said check(bool syntax_only)
{
	struct said s = {NULL, NULL, 0};
	size_t n, m;
	FILE *out = open_memstream(&s.out, &n), *errors = open_memstream(&s.errors, &m);
	assert_true(out && errors);
	s.result = config_check(directory_path("main.yml"), NULL, syntax_only, out, errors, NULL);
	fclose(out);
	fclose(errors);
	return s;
}

static void expect(bool syntax_only, int result, const char *out, const char *error)
{
	struct said s = check(syntax_only);
	if (s.result != result || !strstr(s.out, out) || !strstr(s.errors, error) ||
	    (*error == '\0') != (*s.errors == '\0'))
		fail_msg("%d\n%s\n%s", s.result, s.out, s.errors);
	free(s.out);
	free(s.errors);
}

#define JOB "scrape_configs:\n- job_name: a\n  "

static void test_needed(void **state)
{
	static const char *const yaml[] = {
		JOB "authorization: {credentials_file: none}\n",
		JOB "bearer_token_file: none\n",
		JOB "tls_config: {cert_file: none, key: x}\n",
		JOB "tls_config: {cert: x, key_file: none}\n",
	};
	static const char *const place[] = {
		"main.yml:3:37: \"credentials_file\": ", "main.yml:3:22: \"bearer_token_file\": ",
		"main.yml:3:27: \"cert_file\": ", "main.yml:3:35: \"key_file\": "};
	for (size_t i = 0; i < LEN(yaml); i++) {
		directory_file("main.yml", yaml[i]);
		expect(false, 1, "Checking ", place[i]);
		expect(false, 1, "", "none: No such file");
		expect(true, 0, "Checking ", "");
	}
	directory_file("none", "");
	for (size_t i = 0; i < LEN(yaml); i++) {
		directory_file("main.yml", yaml[i]);
		expect(false, 0, "Checking ", "");
	}
}

/* What Prometheus's tool does not look at is only warned of. */
static void test_warned(void **state)
{
	static const char *const yaml[] = {
		JOB "basic_auth: {password_file: none}\n",
		JOB "tls_config: {ca_file: none}\n",
		JOB "http_headers: {X: {files: [none]}}\n",
		JOB "oauth2: {client_id: c, token_url: t, client_secret_file: none}\n",
		"remote_write:\n- url: http://x\n  authorization: {credentials_file: none}\n",
	};
	for (size_t i = 0; i < LEN(yaml); i++) {
		directory_file("main.yml", yaml[i]);
		expect(false, 0, "  WARNING: ", "");
		expect(false, 0, "main.yml:3:", "");
		struct said s = check(true);
		assert_null(strstr(s.out, "WARNING"));
		free(s.out);
		free(s.errors);
	}
}

static void test_others(void **state)
{
	directory_file("main.yml", "global: {scrape_failure_log_file: none}\nruntime: {}\n");
	expect(false, 0, "main.yml:2:1: \"runtime\" in the file has no effect", "");
	directory_file("main.yml", "globl: {}\n");
	expect(false, 1, "Checking", "  FAILED: ");
	expect(true, 1, "Checking", "main.yml:1:1: unknown key \"globl\"");
	/* files that are included are left alone with syntax_only */
	directory_file("main.yml", "scrape_config_files: [inc]\n");
	directory_file("inc", "wrong: 1\n");
	expect(true, 0, "Checking", "");
	expect(false, 1, "Checking", "inc:1:1: unknown key \"wrong\"");
	unlink(directory_path("main.yml"));
	expect(false, 1, "Checking", "main.yml: No such file");
}

/* Not in a file: the same is looked at. */
static void test_text(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *out, *error;
	} cases[] = {
		{JOB "authorization: {credentials_file: none}\n", 1, "Checking VARIABLE\n",
		 "  FAILED: VARIABLE:3:37: \"credentials_file\": none: No such file"},
		{"runtime: {}\n", 0, "  WARNING: VARIABLE:1:1: ", ""},
		{"globl: {}\n", 1, "Checking ", "VARIABLE:1:1: unknown key \"globl\""},
	};
	for (size_t i = 0; i < LEN(cases); i++) {
		char *said = NULL, *wrong = NULL;
		size_t n, m;
		struct config *c = NULL;
		FILE *out = open_memstream(&said, &n), *errors = open_memstream(&wrong, &m);
		int r = config_check_text(sv_of(cases[i].text), "VARIABLE", NULL, false, out,
					  errors, &c);
		fclose(out);
		fclose(errors);
		if (r != cases[i].result || !strstr(said, cases[i].out) ||
		    !strstr(wrong, cases[i].error) || (r == 0) != (c != NULL))
			fail_msg("%d\n%s\n%s", r, said, wrong);
		config_unref(c);
		free(said);
		free(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_needed, directory_clear),
		cmocka_unit_test_teardown(test_warned, directory_clear),
		cmocka_unit_test_teardown(test_others, directory_clear),
		cmocka_unit_test(test_text),
	};
	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
