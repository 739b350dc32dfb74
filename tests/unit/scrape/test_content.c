/* What is asked for and what is accepted. */
#include "../../../scrape/target.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PROTO_MIME                                                                                 \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"                 \
	"encoding=delimited"

static void accept_offers_formats_in_order(void **state)
{
	static const struct {
		enum scrape_protocol protocols[5];
		size_t n;
		enum escaping_scheme escaping;
		struct sv header;
	} cases[] = {
		{{PROTO_TEXT_0_0_4},
		 1,
		 ESCAPE_ALLOW_UTF_8,
		 SV("text/plain;version=0.0.4;q=0.6,*/*;q=0.5")},
		/* The default list. */
		{{PROTO_OPENMETRICS_1_0_0, PROTO_OPENMETRICS_0_0_1, PROTO_TEXT_1_0_0,
		  PROTO_TEXT_0_0_4},
		 4,
		 ESCAPE_ALLOW_UTF_8,
		 SV("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		    "application/openmetrics-text;version=0.0.1;q=0.5,"
		    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")},
		/* The list with native histograms. */
		{{PROTO_PROMETHEUS_PROTO, PROTO_OPENMETRICS_1_0_0, PROTO_OPENMETRICS_0_0_1,
		  PROTO_TEXT_1_0_0, PROTO_TEXT_0_0_4},
		 5,
		 ESCAPE_UNDERSCORES,
		 SV(PROTO_MIME
		    ";q=0.6,"
		    "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,"
		    "application/openmetrics-text;version=0.0.1;q=0.4,"
		    "text/plain;version=1.0.0;escaping=underscores;q=0.3,"
		    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1")},
		{{PROTO_TEXT_1_0_0},
		 1,
		 ESCAPE_DOTS,
		 SV("text/plain;version=1.0.0;escaping=dots;q=0.6,*/*;q=0.5")},
		{{PROTO_TEXT_0_0_4, PROTO_OPENMETRICS_1_0_0},
		 2,
		 ESCAPE_VALUES,
		 SV("text/plain;version=0.0.4;q=0.6,"
		    "application/openmetrics-text;version=1.0.0;escaping=values;q=0.5,*/*;q=0.4")},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct scrape_options opt = {.n_protocols = cases[i].n,
					     .escaping = cases[i].escaping};
		memcpy(opt.protocols, cases[i].protocols, sizeof cases[i].protocols);
		_cleanup_(buf_deinit) struct buf out = BUF_NULL;
		buf_init(&out, 1024);
		assert_int_equal(scrape_accept_header(&opt, &out), 0);
		if (!sv_eq(buf_view(&out), cases[i].header))
			fail_msg("%.*s", SV_ARG(buf_view(&out)));
	}
}

static void content_types(void **state)
{
	static const struct {
		const char *type;
		enum scrape_protocol protocol;
	} cases[] = {
		{"text/plain", PROTO_TEXT_0_0_4},
		{" text/plain ", PROTO_TEXT_0_0_4},
		{"text/plain; version=0.0.4; charset=utf-8", PROTO_TEXT_0_0_4},
		{"TEXT/Plain;version=1.0.0;escaping=allow-utf-8", PROTO_TEXT_0_0_4},
		{"text/plain;", PROTO_TEXT_0_0_4},
		{"text/plain; ", PROTO_TEXT_0_0_4},
		{"text/plain;;", PROTO_NONE},
		{"text/plain; ;", PROTO_NONE},
		{"text/plain; x=\"a\\\"b;c\"", PROTO_TEXT_0_0_4},
		{"text/plain; x=\"\"", PROTO_TEXT_0_0_4},
		{"text/plain; x=\"a", PROTO_NONE},
		{"text/plain; x=", PROTO_NONE},
		{"text/plain; x = y ; z = w", PROTO_TEXT_0_0_4},
		{"text/plain; x=y z=w", PROTO_NONE},
		{"text/plain; x*=y; x*0=\"z\"", PROTO_TEXT_0_0_4},
		/* A parameter may come twice with one value. */
		{"text/plain; charset=utf-8; charset=utf-8", PROTO_TEXT_0_0_4},
		{"text/plain; charset=utf-8; CHARSET=\"utf-8\"", PROTO_TEXT_0_0_4},
		{"text/plain; x=\"a\\;\"; x=\"a;\"", PROTO_TEXT_0_0_4},
		{"text/plain; x=\"a\\b\"; x=\"ab\"", PROTO_NONE},
		{"text/plain; charset=utf-8; charset=utf", PROTO_NONE},
		{"application/openmetrics-text; charset=UTF-8; charset=utf-8", PROTO_NONE},
		{"text/plain; charset", PROTO_NONE},
		{"text/plain, text/plain", PROTO_NONE},
		{"", PROTO_NONE},
		{"text", PROTO_NONE},
		{"invalid/", PROTO_NONE},
		{"invalid/invalid/invalid", PROTO_NONE},
		{"/", PROTO_NONE},
		{";", PROTO_NONE},
		{"text/html", PROTO_NONE},
		{"application/openmetrics-text", PROTO_OPENMETRICS_1_0_0},
		{"application/openmetrics-text; version=0.0.1; charset=utf-8",
		 PROTO_OPENMETRICS_1_0_0},
		{"application/openmetrics-text; version=9; escaping=dots", PROTO_OPENMETRICS_1_0_0},
		{"application/vnd.google.protobuf", PROTO_PROMETHEUS_PROTO},
		{PROTO_MIME, PROTO_PROMETHEUS_PROTO},
		{"application/vnd.google.protobuf; proto=x", PROTO_PROMETHEUS_PROTO},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sv type = sv_of(cases[i].type);
		enum scrape_protocol p;
		struct err err = ERR_NULL;
		int rc = scrape_content_format(type, PROTO_NONE, &p, &err);
		if (rc != (cases[i].protocol == PROTO_NONE) || (rc == 0 && p != cases[i].protocol))
			fail_msg("%s: %d, %d", cases[i].type, rc, (int)p);
		/* What is not known is as the fallback says, and only that. */
		for (enum scrape_protocol f = PROTO_PROMETHEUS_PROTO; f <= PROTO_TEXT_1_0_0; f++) {
			assert_int_equal(scrape_content_format(type, f, &p, &err), 0);
			assert_int_equal(p, rc ? f : cases[i].protocol);
		}
	}
}

static void why_a_type_is_refused(void **state)
{
	static const struct {
		const char *type, *why;
	} cases[] = {
		{"", "no Content-Type"},
		{"text/html", "\"text/html\" is not a metrics format"},
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
		cmocka_unit_test(accept_offers_formats_in_order),
		cmocka_unit_test(content_types),
		cmocka_unit_test(why_a_type_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
