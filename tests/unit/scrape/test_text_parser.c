/* The text format as Prometheus's lexer takes it, case by case. */
#include "../../../scrape/text_parser.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { REJECT = -1 };

/* Reads a whole page: the number of samples, or REJECT. Labels of the last series go to *last. */
static int read_page(struct sv text, char *last, size_t size, struct text_sample *sample)
{
	_cleanup_(freep) char *page = malloc(text.len + 1);
	memcpy(page, text.ptr, text.len);
	page[text.len] = '\n';
	const char *p = page, *end = page + text.len + 1;
	enum metric_type type = METRIC_UNKNOWN;
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	int n = 0;
	for (;;) {
		struct text_meta meta;
		struct err err = ERR_NULL;
		enum text_line what = text_next(&p, end);
		if (what == TEXT_END)
			return n;
		if (what == TEXT_COMMENT) {
			p = text_comment(p, end, &meta, &err);
			if (!p)
				return REJECT;
			if (meta.kind == TEXT_META_END)
				return n;
			if (meta.kind == TEXT_META_TYPE)
				type = meta.type;
			continue;
		}
		const char *series_end = text_series(p, end, &err);
		const char *next = series_end ? text_sample(series_end, end, sample, &err) : NULL;
		if (!next) {
			assert_int_not_equal(err.msg[0], 0);
			return REJECT;
		}
		struct label_builder b;
		label_builder_init(&b, &arena);
		assert_int_equal(text_labels(sv_make(p, (size_t)(series_end - p)), type, &b), 0);
		size_t used = 0;
		for (size_t i = 0; i < b.n; i++)
			used += (size_t)snprintf(last + used, size - used, "%.*s=%.*s;",
						 SV_ARG(b.v[i].name), SV_ARG(b.v[i].value));
		n++;
		p = next;
	}
}

struct page_case {
	struct sv text;
	int samples;
	const char *labels; /* of the last one; NULL = do not look */
};

static const struct page_case cases[] = {
	{SV("a 1\n#\0\nb nonsense"), 1, "__name__=a;"},
	{SV("a 1\n# \0\nb nonsense"), 1, "__name__=a;"},
	{SV("a 1\n# x\0y\nb 2"), 2, "__name__=b;"},
	{SV("a 1\n# UNIT m\0x\nb 2"), 2, "__name__=b;"},
	{SV("# TYPE\0 a gauge\nb 2"), 1, "__name__=b;"},
	{SV("# HELP a\0b\nb 2"), REJECT, NULL},
	{SV("# TYPE a\0gauge\nb 2"), REJECT, NULL},
	{SV("{\"a\0b\"} 1"), REJECT, NULL},
	{SV("{\"a\",\"c\0\"=\"2\"} 1"), REJECT, NULL},
	{SV("a"), REJECT, NULL},
	{SV("a{b='c'} 1"), REJECT, NULL},
	{SV("a{b="), REJECT, NULL},
	{SV("a{\xff=\"foo\"} 1"), REJECT, NULL},
	{SV("a{b=\"\xff\"} 1"), REJECT, NULL},
	{SV("{\"a\", \"b = \"c\"}"), REJECT, NULL},
	{SV("a true"), REJECT, NULL},
	{SV("empty_label_name{=\"\"} 0"), REJECT, NULL},
	{SV("{A}0"), REJECT, NULL},
	{SV("{A} 0"), REJECT, NULL},
	{SV("foo 1_2"), REJECT, NULL},
	{SV("foo 0x1p-3"), REJECT, NULL},
	{SV("foo 0x1P-3"), REJECT, NULL},
	{SV("foo 0 1_2"), REJECT, NULL},
	{SV("{a=\"ok\"} 1"), REJECT, NULL},
	{SV("# TYPE #"), REJECT, NULL},
	{SV("# HELP #"), REJECT, NULL},
	{SV("a{b=\"x\0y\"} 1"), 1, NULL},
	{SV("# HELP a x\0y\na 1"), 1, "__name__=a;"},
	{SV("a\0{b=\"d\"} 1"), REJECT, NULL},
	{SV("a{b\0=\"x\"} 1"), REJECT, NULL},
	{SV("a{b=\0\"s\"} 1"), REJECT, NULL},
	/* The lexer reads over NULs, but only behind a byte of a value or of a comment. */
	{SV("a{b=\"x\"\0} 1"), 1, "__name__=a;b=x\";"},
	{SV("a{b=\"x\\\0\"\"} 1"), 1, "__name__=a;b=x\\;"},
	{SV("a{b=\"x\\\0\n\"} 1"), REJECT, NULL},
	{SV("a{b= \0\t\"s\"} 1"), 1, "__name__=a;b=s;"},
	{SV("a{b \0=\"s\"} 1"), REJECT, NULL},
	{SV("# TYPE\0 a summary\na{quantile=\"1\"} 2"), 1, "__name__=a;quantile=1.0;"},
	{SV("# T\0\0YPE \0 a bogus\nb 2"), REJECT, NULL},
	{SV("# TYPE \0\na 2"), REJECT, NULL},
	{SV("# HELP \"a\"\0b\nb 2"), REJECT, NULL},
	{SV("# \0TYPE a bogus\nb 2"), 0, NULL},
	{SV("a 0 1\0"), REJECT, NULL},
	{SV("a 1\n\0b garbage"), 1, "__name__=a;"},
	{SV("\0"), 0, NULL},
	{SV("a 1\n#x\0y\nb nonsense"), 1, "__name__=a;"},
	{SV("x{quantile=\"0.8\", a=\"b\"} 1"), 1, "__name__=x;quantile=0.8;a=b;"},
	{SV("x{ quantile=\"0.9\", a=\"b\"} 1"), 1, "__name__=x;quantile=0.9;a=b;"},
	{SV("x { quantile = \"1.0\", a = \"b\" } 1"), 1, "__name__=x;quantile=1.0;a=b;"},
	{SV("x { quantile = \"1.0\", a = \"b\", } 1"), 1, "__name__=x;quantile=1.0;a=b;"},
	{SV("x { quantile = \"2.0\" a = \"b\" } 8"), 1, "__name__=x;quantile=2.0;a=b;"},
	{SV("#\n# Hrandom stuff\n# comment \n text 1"), 1, NULL},
	{SV("# HELP n"), 0, NULL},
	{SV("# HELP n "), 0, NULL},
	{SV("#\tTYPE x summary\nx{quantile=\"0\"} 1"), 1, "__name__=x;quantile=0.0;"},
	{SV("x 33  \t123123"), 1, "__name__=x;"},
	{SV("testmetric{label=\"\\\"bar\\\"\"} 1"), 1, "__name__=testmetric;label=\"bar\";"},
	{SV("# TYPE go.gc summary\n{\"go.gc\",quantile=\"0\"} 1"), REJECT, NULL},
	{SV("# TYPE \"go.gc\" summary\n{\"go.gc\",quantile=\"0\"} 1"), 1,
	 "__name__=go.gc;quantile=0.0;"},
	{SV("{\"a\\nb{}\xc3\xa9\",\"l\\\"q\"=\"\\\\v\"} 1"), 1,
	 "__name__=a\nb{}\xc3\xa9;l\"q=\\v;"},
	{SV("{q=\"1\",\"m.x\"} 1"), 1, "__name__=m.x;q=1;"},
	{SV("a{\"b\"} 1"), REJECT, NULL},
	{SV("a 1 -5"), REJECT, NULL},
	{SV("a 1 1.5"), REJECT, NULL},
	{SV("a 1 99999999999999999999"), REJECT, NULL},
	{SV("a 1\r\n"), REJECT, NULL},
	{SV("  a 1"), 1, "__name__=  a;"},
	{SV("a{b=\"x\ny\"} 1"), 1, "__name__=a;b=x\ny;"},
	{SV("a{} 1"), 1, "__name__=a;"},
	{SV("{} 1"), REJECT, NULL},
	{SV("a{,} 1"), REJECT, NULL},
	{SV("a{b=\"c\",,} 1"), REJECT, NULL},
	{SV("# TYPE a counter "), REJECT, NULL},
	{SV("# TYPE  a  counter"), REJECT, NULL},
	{SV("# TYPE a unknown"), REJECT, NULL},
	{SV("#TYPE a bogus"), 0, NULL},
	{SV("a 1e999"), REJECT, NULL},
	{SV("a 1e-999"), 1, NULL},
	{SV("a Infinity\na +inf\na nan\na .5\na 5."), 5, NULL},
	{SV("a 0x10"), REJECT, NULL},
	{SV("a +nan"), REJECT, NULL},
	{SV("a{b=\"c\"}1"), 1, "__name__=a;b=c;"},
	{SV("a 1\n# EOF"), 1, NULL},
	{SV("a 1 # {id=\"x\"} 5"), REJECT, NULL},
	{SV("a.b 1"), REJECT, NULL},
	{SV("a-b 1"), REJECT, NULL},
	{SV("9a 1"), REJECT, NULL},
	{SV("a-1 2"), 1, "__name__=a;"}, /* the lexer needs no blank before a value */
	{SV(""), 0, NULL},
	{SV("\n\n \t\n"), 0, NULL},
	{SV("a 1\n\n  \nb 2\n"), 2, "__name__=b;"},
	{SV("a 1 2 3"), REJECT, NULL},
	{SV("a 1{"), REJECT, NULL},
	{SV("a{b=\"c\"}{d=\"e\"} 1"), REJECT, NULL},
	{SV("a{b=\"c\\"), REJECT, NULL},
	{SV("a{b=\"c"), REJECT, NULL},
	{SV("a{b=\"\\x\"} 1"), 1, "__name__=a;b=\\x;"},
	{SV("a{b=\"c\"\n} 1"), REJECT, NULL},
	{SV("# TYPE h histogram\nh{le=\"1\"} 1"), 1, "__name__=h;le=1.0;"},
	{SV("# TYPE h histogram\nh{le=\"1e6\"} 1"), 1, "__name__=h;le=1e+06;"},
	{SV("# TYPE h histogram\nh{le=\"100000\"} 1"), 1, "__name__=h;le=100000.0;"},
	{SV("# TYPE h histogram\nh{le=\"+inf\"} 1"), 1, "__name__=h;le=+Inf;"},
	{SV("# TYPE h histogram\nh{le=\"x\"} 1"), 1, "__name__=h;le=x;"},
	{SV("# TYPE h histogram\nh{le=\".00001\"} 1"), 1, "__name__=h;le=1e-05;"},
	{SV("# TYPE h counter\nh{le=\"1\"} 1"), 1, "__name__=h;le=1;"},
	{SV("# TYPE h histogram\nh{quantile=\"1\"} 1"), 1, "__name__=h;quantile=1;"},
};

static void reads_pages_as_prometheus_does(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char labels[512] = "";
		struct text_sample sample;
		int n = read_page(cases[i].text, labels, sizeof labels, &sample);
		if (n != cases[i].samples ||
		    (cases[i].labels && strcmp(labels, cases[i].labels) != 0)) {
			print_error("case %zu: %.*s\n got %d %s\n", i, SV_ARG(cases[i].text), n,
				    labels);
			fail();
		}
	}
}

static void reads_values_and_times(void **state)
{
	char labels[64];
	struct text_sample s;
	assert_int_equal(read_page(SV("a 1.5 123"), labels, sizeof labels, &s), 1);
	assert_true(s.bits == bits_of_double(1.5) && s.has_time && s.t_ms == 123);
	assert_int_equal(read_page(SV("a NaN"), labels, sizeof labels, &s), 1);
	assert_true(s.bits == VALUE_NAN_BITS && !s.has_time);
	assert_int_equal(read_page(SV("a -0"), labels, sizeof labels, &s), 1);
	assert_true(s.bits == UINT64_C(1) << 63);
	assert_int_equal(read_page(SV("a 1 9223372036854775807"), labels, sizeof labels, &s), 1);
	assert_true(s.t_ms == INT64_MAX);
	assert_int_equal(read_page(SV("a 1 9223372036854775808"), labels, sizeof labels, &s),
			 REJECT);
}

static void assert_help(struct sv page, struct sv expected)
{
	struct text_meta m;
	assert_non_null(text_comment(page.ptr, page.ptr + page.len, &m, NULL));
	assert_int_equal(m.kind, TEXT_META_HELP);
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 4096);
	assert_true(sv_eq(text_unescape(&arena, m.help, false), expected));
}

static void decodes_help(void **state)
{
	assert_help(SV("# HELP a line\\nbreak \\\\ \\\" \\x\n"), SV("line\nbreak \\ \\\" \\x"));
	assert_help(SV("# HELP a  b \n"), SV(" b "));
	/* Blanks alone are no text. */
	assert_help(SV("# HELP a \t \n"), SV(""));
	assert_help(SV("# HELP a \0 \n"), SV(""));
	assert_help(SV("# HELP a  \0b\n"), SV(" \0b"));
}

static void knows_where_a_bare_name_ends(void **state)
{
	assert_true(text_name_ends(" 1\n"));
	assert_true(text_name_ends("\n"));
	assert_false(text_name_ends("b 1\n"));
	assert_false(text_name_ends(":b 1\n"));
	assert_false(text_name_ends("{b=\"c\"} 1\n"));
	assert_false(text_name_ends(" \t{b=\"c\"} 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_pages_as_prometheus_does),
		cmocka_unit_test(reads_values_and_times),
		cmocka_unit_test(decodes_help),
		cmocka_unit_test(knows_where_a_bare_name_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
