/* What is asked for and what is accepted. */
#include "../../../scrape/target.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void accept_offers_what_is_built(void **state)
{
	struct scrape_options opt = {0};
	opt.protocols[0] = PROTO_OPENMETRICS_1_0_0;
	opt.protocols[1] = PROTO_TEXT_0_0_4;
	opt.n_protocols = 2;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, 1024);
	assert_int_equal(scrape_accept_header(&opt, &out), 0);
	assert_true(sv_eq(buf_view(&out), SV("text/plain;version=0.0.4;q=0.6,*/*;q=0.5")));
}

static void content_types(void **state)
{
	static const struct {
		const char *type;
		bool good, good_with_fallback;
	} cases[] = {
		{"text/plain", true, true},
		{"text/plain; version=0.0.4; charset=utf-8", true, true},
		{"TEXT/Plain;version=1.0.0;escaping=allow-utf-8", true, true},
		{"text/plain;", true, true},
		{"text/plain; x=\"a\\\"b;c\"", true, true},
		{"", false, true},
		{"invalid/", false, true},
		{"invalid/invalid/invalid", false, true},
		{"/", false, true},
		{"text/plain; charset=utf-8; charset=utf-8", false, true},
		{"text/plain; charset", false, true},
		{"text/html", false, true},
		{"application/openmetrics-text; version=1.0.0", false, false},
		{"application/vnd.google.protobuf; proto=x", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum scrape_protocol p;
		struct err err = ERR_NULL;
		assert_int_equal(scrape_content_format(sv_of(cases[i].type), PROTO_NONE, &p, &err),
				 !cases[i].good);
		assert_int_equal(
			scrape_content_format(sv_of(cases[i].type), PROTO_TEXT_0_0_4, &p, &err),
			!cases[i].good_with_fallback);
	}
}

static void why_a_type_is_refused(void **state)
{
	static const struct {
		const char *type, *why;
	} cases[] = {
		{"", "no Content-Type"},
		{"text/html", "\"text/html\" is not a metrics format"},
		{"application/openmetrics-text", "was not offered"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum scrape_protocol p;
		struct err err = ERR_NULL;
		assert_int_equal(scrape_content_format(sv_of(cases[i].type), PROTO_NONE, &p, &err),
				 1);
		assert_non_null(strstr(err.msg, cases[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_offers_what_is_built),
		cmocka_unit_test(content_types),
		cmocka_unit_test(why_a_type_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
