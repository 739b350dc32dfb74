/* What is to be checked: files, and URLs as if they stood in one. */
#include "load.h"

#include <ampagent/base/file.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct loaded {
	struct report report;
	struct config *config;
	int result;
};

static void load(struct loaded *l, const struct doctor_options *opt)
{
	*l = (struct loaded){.config = NULL};
	report_init(&l->report);
	l->result = doctor_load(opt, &l->report, &l->config);
}

static void unload(struct loaded *l)
{
	report_deinit(&l->report);
	if (l->config)
		config_unref(l->config);
}
DEFINE_CLEANUP(struct loaded, unload)

static bool says(const struct buf *b, const char *word)
{
	return sv_find_sv(buf_view(b), sv_of(word)) < b->len;
}

static void files(void **state)
{
	static const struct {
		const char *text; /* NULL: no file */
		enum verdict verdict;
		const char *evidence;
	} cases[] = {
		{NULL, VERDICT_FAIL, "No such file"},
		{"remote_write: [", VERDICT_FAIL, ":1:"},
		{"global: {}\n", VERDICT_FAIL, "no remote_write"},
		{"remote_write:\n- url: http://a.test/x\n", VERDICT_OK,
		 "1 destination, 0 scrape jobs"},
		{"remote_write:\n- url: http://a.test/x\n- url: http://b.test/x\n"
		 "scrape_configs:\n- job_name: a\n",
		 VERDICT_OK, "2 destinations, 1 scrape job"},
		{"remote_write:\n- url: http://a.test/x\n  sigv4:\n", VERDICT_WARN,
		 "1 destination"},
	};
	char path[] = "/tmp/test-load-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(unload) struct loaded l;
		const struct doctor_options opt = {.config_path = path};
		if (cases[i].text)
			assert_int_equal(file_replace(path, sv_of(cases[i].text), NULL), 0);
		else
			unlink(path);
		load(&l, &opt);
		const struct finding *f = &l.report.steps[DOCTOR_CONFIG];
		assert_int_equal(f->verdict, cases[i].verdict);
		if (!says(&f->evidence, cases[i].evidence))
			fail_msg("%.*s", SV_ARG(buf_view(&f->evidence)));
		assert_int_equal(l.result, cases[i].verdict == VERDICT_FAIL);
		assert_int_equal(f->advice.len > 0, cases[i].verdict == VERDICT_FAIL);
		assert_int_equal(f->details.len > 0, cases[i].verdict == VERDICT_WARN);
	}
	unlink(path);
}

/* What is loaded by others. */
static int load_text(void *cls, struct config **out, struct err *err)
{
	return cls ? config_parse(sv_of(cls), "VARIABLE", NULL, NULL, out, err)
		   : err_set(err, 1, "there is no configuration: none");
}

static void other_sources(void **state)
{
	static const struct {
		const char *text, *evidence, *advice; /* text NULL: there is none */
	} cases[] = {
		{"remote_write:\n- url: http://a.test/x\n",
		 "VARIABLE: 1 destination, 0 scrape jobs", ""},
		{"globl: {}\n", "VARIABLE:1:1: ", "Correct the variable"},
		{NULL, "there is no configuration: none", "Run it where the agent runs"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		_cleanup_(unload) struct loaded l;
		char text[64] = "";
		if (cases[i].text)
			snprintf(text, sizeof text, "%s", cases[i].text);
		const struct doctor_options opt = {.config_path = "VARIABLE",
						   .load = load_text,
						   .load_cls = cases[i].text ? text : NULL};
		load(&l, &opt);
		const struct finding *f = &l.report.steps[DOCTOR_CONFIG];
		assert_int_equal(l.result, i > 0);
		assert_int_equal(f->advice.len > 0, i > 0);
		if (!says(&f->evidence, cases[i].evidence) ||
		    (i > 0 && !says(&f->advice, cases[i].advice)))
			fail_msg("%.*s %.*s", SV_ARG(buf_view(&f->evidence)),
				 SV_ARG(buf_view(&f->advice)));
	}
}

/* Whatever the URL's bytes, they are the URL and nothing else of the file. */
static void urls(void **state)
{
	static const char *const texts[] = {
		"https://a.test/x", "http://a.test/'\"x",   "http://a.test/x: {y}",
		"http://a.test/#x", "http://a.test/%7B%7D",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		_cleanup_(unload) struct loaded l;
		const struct doctor_options opt = {.url = sv_of(texts[i]),
						   .sign = true,
						   .region = SV("eu-west-1"),
						   .profile = SV("a: b\"c")};
		load(&l, &opt);
		assert_int_equal(l.result, 0);
		assert_int_equal(l.config->n_writes, 1);
		const struct remotewrite_options *w = &l.config->writes[0];
		assert_true(sv_eq(w->url, opt.url));
		assert_true(w->has_sigv4);
		assert_true(sv_eq(w->sigv4.region, opt.region));
		assert_true(sv_eq(w->sigv4.profile, opt.profile));
		assert_int_equal(l.report.steps[DOCTOR_CONFIG].verdict, VERDICT_SKIPPED);
	}
}

static void url_without_signature(void **state)
{
	_cleanup_(unload) struct loaded l;
	const struct doctor_options opt = {.url = SV("https://a.test/x")};
	load(&l, &opt);
	assert_int_equal(l.result, 0);
	assert_false(l.config->writes[0].has_sigv4);
}

static void no_url(void **state)
{
	_cleanup_(unload) struct loaded l;
	const struct doctor_options opt = {.url = SV("http://[::1/x"), .sign = true};
	load(&l, &opt);
	assert_int_equal(l.result, 1);
	assert_int_equal(l.report.steps[DOCTOR_URL].verdict, VERDICT_FAIL);
	assert_true(l.report.steps[DOCTOR_URL].advice.len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),  cmocka_unit_test(other_sources),
		cmocka_unit_test(urls),   cmocka_unit_test(url_without_signature),
		cmocka_unit_test(no_url),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
