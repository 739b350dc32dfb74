/* Findings as lines and as JSON; strangers' bytes in them. */
#include "report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_sv(struct sv got, const char *want)
{
	if (!sv_eq(got, sv_of(want)))
		fail_msg("\"%.*s\" is not \"%s\"", SV_ARG(got), want);
}

static void urls(void **state)
{
	static const struct {
		const char *url, *shown;
	} cases[] = {
		{"https://a.test/x", "https://a.test/x"},
		{"https://me:pw@a.test:8443/x?token=secret#f", "https://a.test:8443/x?..."},
		{"http://[fd00::1]:9/x", "http://[fd00::1]:9/x"},
		{"me:pw@a.test/x?token=secret", "a.test/x?..."},
		{"a.test/x", "a.test/x"},
		{"http://a.test/\nx", "http://a.test/ x"},
		{"", ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;
		buf_init(&out, 4096);
		report_public_url(&out, sv_of(cases[i].url));
		assert_sv(buf_view(&out), cases[i].shown);
		buf_deinit(&out);
	}
}

static void strangers(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *shown;
	} cases[] = {
		{" a\r\nb\x7f", 100, "a  b "},    {"caf\xc3\xa9", 100, "caf\xc3\xa9"},
		{"caf\xc3\xa9s", 4, "caf ..."},   {"caf\xff", 100, "caf?"},
		{"\x1b[31mred", 100, " [31mred"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;
		buf_init(&out, 4096);
		report_clean(&out, sv_of(cases[i].text), cases[i].max);
		assert_sv(buf_view(&out), cases[i].shown);
		buf_deinit(&out);
	}
}

static void fill(struct report *r)
{
	report_init(r);
	r->name = SV("amp");
	r->url = SV("https://a.test/x");
	for (int i = 0; i < DOCTOR_STEPS_; i++)
		report_say(&r->steps[i], VERDICT_OK, "fine");
}

static void findings(void **state)
{
	struct report r;
	fill(&r);
	assert_int_equal(report_failed(&r), DOCTOR_STEPS_);
	report_say(&r.steps[DOCTOR_TCP], VERDICT_FAIL, "two\nlines %d", 7);
	report_say(&r.steps[DOCTOR_WRITE], VERDICT_FAIL, "x");
	assert_sv(buf_view(&r.steps[DOCTOR_TCP].evidence), "two lines 7");
	assert_int_equal(report_failed(&r), DOCTOR_TCP);
	report_say(&r.steps[DOCTOR_TCP], VERDICT_WARN, "again");
	assert_sv(buf_view(&r.steps[DOCTOR_TCP].evidence), "again");
	assert_int_equal(report_failed(&r), DOCTOR_WRITE);
	report_advise(&r.steps[DOCTOR_WRITE], "do this");
	report_advise(&r.steps[DOCTOR_WRITE], "and that");
	assert_sv(buf_view(&r.steps[DOCTOR_WRITE].advice), "do this\nand that");
	report_deinit(&r);
}

static void tidied(void **state)
{
	struct report r;
	fill(&r);
	struct finding *f = &r.steps[DOCTOR_WRITE];
	buf_sv(&f->advice, SV("a\x1b[1mb\nc\xff\x7f"));
	buf_sv(&f->details, SV("caf\xc3\xa9\r\n"));
	report_tidy(f);
	assert_sv(buf_view(&f->advice), "a [1mb\nc? ");
	assert_sv(buf_view(&f->details), "caf\xc3\xa9 \n");
	report_deinit(&r);
}

static void lines(void **state)
{
	struct report r;
	char text[4096] = "";
	fill(&r);
	struct finding *f = &r.steps[DOCTOR_TLS];
	report_say(f, VERDICT_FAIL, "expired");
	report_detail(f, "seen");
	report_advise(f, "renew");
	report_advise(f, "or wait");
	FILE *out = fmemopen(text, sizeof text, "w");
	assert_non_null(out);
	report_print_destination(out, &r);
	report_print_step(out, DOCTOR_TLS, f);
	report_print_result(out, &r, DOCTOR_TLS, true, 17);
	report_print_result(out, &r, DOCTOR_STEPS_, true, 0);
	report_print_result(out, &r, DOCTOR_STEPS_, false, 0);
	fclose(out);
	assert_string_equal(text, "\namp: https://a.test/x\n"
				  "  tls         FAIL    expired\n"
				  "                         seen\n"
				  "                      -> renew\n"
				  "                         or wait\n"
				  "\nbroken at step tls of amp (exit code 17)\n"
				  "\nhealthy, with warnings\n"
				  "\nhealthy\n");
	report_deinit(&r);
}

static void json(void **state)
{
	struct report r;
	struct buf out;
	fill(&r);
	report_say(&r.steps[DOCTOR_TLS], VERDICT_FAIL, "a \"quoted\" \xff byte");
	report_detail(&r.steps[DOCTOR_TLS], "one");
	report_detail(&r.steps[DOCTOR_TLS], "two");
	report_advise(&r.steps[DOCTOR_TLS], "renew");
	r.steps[DOCTOR_TLS].ms = 12;
	buf_init(&out, 65536);
	struct json_writer w = {.out = &out};
	report_json(&w, &r, 1, 17);
	const char *head =
		"{\"exit_code\":17,\"failed_step\":\"tls\",\"destinations\":[{\"name\":"
		"\"amp\",\"url\":\"https://a.test/x\",\"steps\":[{\"step\":\"config\","
		"\"verdict\":\"ok\",\"evidence\":\"fine\",\"details\":[],\"advice\":\"\","
		"\"ms\":0}";
	assert_true(sv_starts_with(buf_view(&out), sv_of(head)));
	struct sv tls = SV("{\"step\":\"tls\",\"verdict\":\"fail\",\"evidence\":\"a "
			   "\\\"quoted\\\" ? byte\",\"details\":[\"one\",\"two\"],\"advice\":"
			   "\"renew\",\"ms\":12}");
	assert_true(sv_find_sv(buf_view(&out), tls) < out.len);
	buf_reset(&out);
	w = (struct json_writer){.out = &out};
	report_json(&w, &r, 0, 0);
	assert_sv(buf_view(&out), "{\"exit_code\":0,\"failed_step\":null,\"destinations\":[]}");
	buf_deinit(&out);
	report_deinit(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),  cmocka_unit_test(strangers), cmocka_unit_test(findings),
		cmocka_unit_test(lines), cmocka_unit_test(tidied),    cmocka_unit_test(json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
