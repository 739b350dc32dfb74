/* OpenMetrics text as Prometheus takes it, case by case. */
#include "../../../scrape/openmetrics_parser.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { REJECT = -1 };

/* What the last line of a page was. */
struct last {
	char labels[512], exemplar[512];
	struct text_sample sample;
	struct openmetrics_exemplar ex;
	struct err err;
};

static void print_labels(const struct label_builder *b, char *dst, size_t size)
{
	size_t used = 0;
	dst[0] = '\0';
	for (size_t i = 0; i < b->n; i++)
		used += (size_t)snprintf(dst + used, size - used, "%.*s=%.*s;",
					 SV_ARG(b->v[i].name), SV_ARG(b->v[i].value));
}

/* One series line: the place after it, or NULL. */
static const char *read_series(const char *p, const char *end, enum metric_type type,
			       struct last *last)
{
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 1 << 20);
	const char *series_end = openmetrics_series(p, end, &last->err);
	if (!series_end)
		return NULL;
	const char *next =
		openmetrics_sample(series_end, end, &last->sample, &last->ex, &last->err);
	if (!next)
		return NULL;
	assert_ptr_equal(text_series(p, end, NULL), series_end);
	assert_true(series_end[-1] == '}' || openmetrics_name_ends(series_end));
	struct label_builder b;
	label_builder_init(&b, &arena);
	assert_int_equal(text_labels(sv_make(p, (size_t)(series_end - p)), type, &b), 0);
	print_labels(&b, last->labels, sizeof last->labels);
	last->exemplar[0] = '\0';
	if (last->ex.present) {
		label_builder_init(&b, &arena);
		assert_int_equal(openmetrics_exemplar_labels(last->ex.labels, &b), 0);
		print_labels(&b, last->exemplar, sizeof last->exemplar);
	}
	return next;
}

/* Reads a whole page, a newline appended as the page reader does: the number of samples, or REJECT.
 */
static int read_page(struct sv text, struct last *last)
{
	_cleanup_(freep) char *page = malloc(text.len + 1);
	if (text.len)
		memcpy(page, text.ptr, text.len);
	page[text.len] = '\n';
	const char *end = page + text.len + 1;
	enum metric_type type = METRIC_UNKNOWN;
	int n = 0;
	*last = (struct last){.err = ERR_NULL};
	for (const char *p = page; p;) {
		struct text_meta m;
		if (p == end || *p != '#') {
			p = read_series(p, end, type, last);
			n += p != NULL;
			continue;
		}
		p = openmetrics_comment(p, end, &m, &last->err);
		if (p && m.kind == TEXT_META_TYPE)
			type = m.type;
		if (p && m.kind == TEXT_META_END) {
			assert_ptr_equal(p, end);
			return n;
		}
	}
	assert_int_not_equal(last->err.msg[0], 0);
	return REJECT;
}

struct page_case {
	struct sv text;
	int samples;
	const char *labels; /* of the last one; NULL = do not look */
};

#define EOF_LINE "# EOF\n"
#define PAGE(text) SV(text EOF_LINE)

static void run_cases(const struct page_case *cases, size_t n_cases)
{
	for (size_t i = 0; i < n_cases; i++) {
		struct last last;
		int n = read_page(cases[i].text, &last);
		if (n != cases[i].samples ||
		    (cases[i].labels && strcmp(last.labels, cases[i].labels) != 0)) {
			print_error("case %zu: %.*s\n got %d %s %s\n", i, SV_ARG(cases[i].text), n,
				    last.labels, last.err.msg);
			fail();
		}
	}
}

#define RUN(cases) run_cases(cases, sizeof cases / sizeof cases[0])

static void ends_with_eof(void **state)
{
	static const struct page_case cases[] = {
		{SV("# EOF"), 0, NULL},
		{SV("# EOF\n"), 0, NULL},
		{SV("# EOF\n\n"), REJECT, NULL},
		{SV("# EOF\n\n\n"), REJECT, NULL},
		{SV(""), REJECT, NULL},
		{SV("\n"), REJECT, NULL},
		{SV("metric 1"), REJECT, NULL},
		{SV("metric 1\n"), REJECT, NULL},
		{SV("metric 1\n\n"), REJECT, NULL},
		{SV("metric 1\n# EOF"), 1, "__name__=metric;"},
		{SV("# EOF\na 1"), REJECT, NULL},
		{SV("# EOF\n# EOF\n"), REJECT, NULL},
		{SV("# EOFa 1"), REJECT, NULL},
		{SV("# EOF "), REJECT, NULL},
		{SV("# EOF\r\n"), REJECT, NULL},
		{SV("#EOF"), REJECT, NULL},
		{SV("#  EOF"), REJECT, NULL},
		{SV("# eof"), REJECT, NULL},
		{SV("# EO"), REJECT, NULL},
		{SV("\n# EOF\n"), REJECT, NULL},
		{SV("a 1\n\n# EOF\n"), REJECT, NULL},
		{SV("a 1# EOF\n"), REJECT, NULL},
	};
	RUN(cases);
}

static void reads_comments(void **state)
{
	static const struct page_case cases[] = {
		{PAGE("#\n"), REJECT, NULL},
		{PAGE("# \n"), REJECT, NULL},
		{PAGE("# free text\n"), REJECT, NULL},
		{PAGE("# HELPER m x\n"), REJECT, NULL},
		{PAGE("#  TYPE c counter\n"), REJECT, NULL},
		{PAGE("#\tTYPE c counter\n"), REJECT, NULL},
		{PAGE(" # TYPE c counter\n"), REJECT, NULL},
		{PAGE("# TYPE c  counter\n"), REJECT, NULL},
		{PAGE("# TYPE  c counter\n"), REJECT, NULL},
		{PAGE("# TYPE c counter \n"), REJECT, NULL},
		{PAGE("# TYPE\tc counter\n"), REJECT, NULL},
		{PAGE("# TYPE c\tcounter\n"), REJECT, NULL},
		{PAGE("# TYPE c untyped\n"), REJECT, NULL},
		{PAGE("# TYPE c Counter\n"), REJECT, NULL},
		{PAGE("# TYPE c \n"), REJECT, NULL},
		{PAGE("# TYPE m\n"), REJECT, NULL},
		{PAGE("# HELP m\n"), REJECT, NULL},
		{PAGE("# UNIT m\n"), REJECT, NULL},
		{PAGE("# HELP m \n# UNIT m \n"), 0, NULL},
		{PAGE("# HELP\n"), REJECT, NULL},
		{PAGE("# HELP 9m x\n"), REJECT, NULL},
		{PAGE("# HELP m.n x\n"), REJECT, NULL},
		{PAGE("# HELP \"m x\n"), REJECT, NULL},
		{PAGE("# HELP \"m.n\" x\n# TYPE \"\" gauge\n"), 0, NULL},
		{PAGE("# HELP \"m\nn\" x\n"), 0, NULL},
		{PAGE("# HELP m \xff\n"), REJECT, NULL},
		{PAGE("# UNIT m \xff\n"), REJECT, NULL},
		{PAGE("# TYPE a counter\n# TYPE a gauge\n# HELP a x\n# HELP a y\n"), 0, NULL},
		{PAGE("# UNIT m_seconds seconds\n"), 0, NULL},
		{PAGE("# UNIT \"m.n_seconds\" seconds\n"), 0, NULL},
		{PAGE("# UNIT _s s\n"), 0, NULL},
		{PAGE("# UNIT metric suffix\n"), REJECT, NULL},
		{PAGE("# UNIT metricsuffix suffix\n"), REJECT, NULL},
		{PAGE("# UNIT seconds seconds\n"), REJECT, NULL},
		{PAGE("# UNIT s seconds\n"), REJECT, NULL},
		{PAGE("# UNIT m_seconds  seconds\n"), REJECT, NULL},
	};
	RUN(cases);
}

static void reads_series(void **state)
{
	static const struct page_case cases[] = {
		{PAGE("a 1\n"), 1, "__name__=a;"},
		{PAGE(" a 1\n"), REJECT, NULL},
		{PAGE("a\t1\n"), REJECT, NULL},
		{PAGE("a  1\n"), REJECT, NULL},
		{PAGE("a1\n"), REJECT, NULL},
		{PAGE("a\n"), REJECT, NULL},
		{PAGE("9a 1\n"), REJECT, NULL},
		{PAGE("a.b 1\n"), REJECT, NULL},
		{PAGE("a:b:9 1\n"), 1, "__name__=a:b:9;"},
		{PAGE("a{} 1\n"), 1, "__name__=a;"},
		{PAGE("a {} 1\n"), REJECT, NULL},
		{PAGE("a{}1\n"), REJECT, NULL},
		{PAGE("{} 1\n"), REJECT, NULL},
		{PAGE("{b=\"c\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\",} 1\n"), 1, "__name__=a;b=c;"},
		{PAGE("a{,} 1\n"), REJECT, NULL},
		{PAGE("a{,b=\"c\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\"d=\"e\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\",,d=\"e\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\", d=\"e\"} 1\n"), REJECT, NULL},
		{PAGE("a{ b=\"c\"} 1\n"), REJECT, NULL},
		{PAGE("a{b =\"c\"} 1\n"), REJECT, NULL},
		{PAGE("a{b= \"c\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\" } 1\n"), REJECT, NULL},
		{PAGE("a{b='c'} 1\n"), REJECT, NULL},
		{PAGE("a{b=c} 1\n"), REJECT, NULL},
		{PAGE("a{b} 1\n"), REJECT, NULL},
		{PAGE("a{b:c=\"d\"} 1\n"), REJECT, NULL},
		{PAGE("a{9=\"d\"} 1\n"), REJECT, NULL},
		{PAGE("a{=\"d\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\"}{d=\"e\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\n"), REJECT, NULL},
		{PAGE("a{b=\"c\nd\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"c\\\nd\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"\xff\"} 1\n"), REJECT, NULL},
		{PAGE("a{b=\"\\\\ \\\" \\n \\x\"} 1\n"), 1, "__name__=a;b=\\ \" \n \\x;"},
		{PAGE("a{b=\"}\",c=\"# {\",d=\"\"} 1\n"), 1, "__name__=a;b=};c=# {;d=;"},
		{PAGE("{\"a.b\"} 1\n"), 1, "__name__=a.b;"},
		{PAGE("{\"a.b\",} 1\n"), 1, "__name__=a.b;"},
		{PAGE("{\"a.b\",,} 1\n"), REJECT, NULL},
		{PAGE("{\"a.b\",c=\"d\"} 1\n"), 1, "__name__=a.b;c=d;"},
		{PAGE("{c=\"d\",\"a.b\",\"e.f\"=\"g\"} 1\n"), 1, "__name__=a.b;c=d;e.f=g;"},
		{PAGE("{\"a\",\"b\"} 1\n"), REJECT, NULL},
		{PAGE("a{\"b\"} 1\n"), REJECT, NULL},
		{PAGE("{\"a\"b=\"c\"} 1\n"), REJECT, NULL},
		{PAGE("{\"a\nb\",\"c\nd\"=\"e\"} 1\n"), 1, "__name__=a\nb;c\nd=e;"},
		{PAGE("{\"a\\\nb\"} 1\n"), REJECT, NULL},
		{PAGE("{\"\"} 1\n"), 1, "__name__=;"},
		{PAGE("a{__name__=\"x\"} 1\n"), 1, "__name__=a;__name__=x;"},
		{PAGE("# TYPE x summary\nx{quantile=\"0\"} 1\n"), 1, "__name__=x;quantile=0.0;"},
		{PAGE("# TYPE x histogram\nx_bucket{le=\"1\"} 1\n"), 1,
		 "__name__=x_bucket;le=1.0;"},
		{PAGE("# TYPE foo counter\nfoo_total{le=\"1\"} 1\n"), 1,
		 "__name__=foo_total;le=1;"},
		{PAGE("# TYPE x gaugehistogram\nx{le=\"1\"} 1\n"), 1, "__name__=x;le=1;"},
	};
	RUN(cases);
}

static void reads_values_and_times(void **state)
{
	static const struct page_case cases[] = {
		{PAGE("a true\n"), REJECT, NULL},
		{PAGE("a 1_2\n"), REJECT, NULL},
		{PAGE("a 0x1p3\n"), REJECT, NULL},
		{PAGE("a 1e999\n"), REJECT, NULL},
		{PAGE("a Inf\na +inf\na -Infinity\na nan\na .5\na 5.\na 1e-999\n"), 7, NULL},
		{PAGE("a 1 \n"), REJECT, NULL},
		{PAGE("a 1\r\n"), REJECT, NULL},
		{PAGE("a 1\t2\n"), REJECT, NULL},
		{PAGE("a 1  2\n"), REJECT, NULL},
		{PAGE("a 1 1 1\n"), REJECT, NULL},
		{PAGE("a 1 1z\n"), REJECT, NULL},
		{PAGE("a 1 2 \n"), REJECT, NULL},
		{PAGE("a 1 2 #\n"), REJECT, NULL},
		{PAGE("a 1 #\n"), REJECT, NULL},
		{PAGE("a 1 NaN\n"), REJECT, NULL},
		{PAGE("a 1 Inf\n"), REJECT, NULL},
		{PAGE("a 1 -Inf\n"), REJECT, NULL},
		{PAGE("a 1 1_0\n"), REJECT, NULL},
		{PAGE("a 1 1e999\n"), REJECT, NULL},
		{PAGE("a 1 -5\na 1 1e3\na 1 .5\n"), 3, NULL},
	};
	RUN(cases);

	static const struct {
		struct sv text;
		uint64_t bits;
		bool has_time;
		int64_t t_ms;
	} samples[] = {
		{PAGE("a -0\n"), UINT64_C(1) << 63, false, 0},
		{PAGE("a NaN\n"), VALUE_NAN_BITS, false, 0},
		{PAGE("a 0 123.123\n"), 0, true, 123123},
		{PAGE("a 0 1520879607.789\n"), 0, true, 1520879607789},
		{PAGE("a 0 0.0019999\n"), 0, true, 1}, /* cut, not rounded */
		{PAGE("a 0 -0.0019999\n"), 0, true, -1},
		{PAGE("a 0 -1.5\n"), 0, true, -1500},
		{PAGE("a 0 0\n"), 0, true, 0},
		{PAGE("a 0 1e17\n"), 0, true, INT64_MIN},
		{PAGE("a 0 -1e17\n"), 0, true, INT64_MIN},
		{PAGE("a 0 1e308\n"), 0, true, INT64_MIN}, /* infinite after the product */
		{PAGE("a 0 9.2e15\n"), 0, true, INT64_C(9200000000000000000)},
	};
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		struct last last;
		assert_int_equal(read_page(samples[i].text, &last), 1);
		assert_true(last.sample.bits == samples[i].bits);
		assert_int_equal(last.sample.has_time, samples[i].has_time);
		if (last.sample.has_time)
			assert_true(last.sample.t_ms == samples[i].t_ms);
		assert_false(last.ex.present);
	}
}

static void refuses_broken_exemplars(void **state)
{
	static const struct page_case cases[] = {
		{PAGE("a 1 # {aa=bb} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {bb} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {\"bb\",aa=\"c\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"}\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} \n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"}1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\",,cc=\"dd\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"cc=\"dd\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {,aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"\n"), REJECT, NULL},
		{PAGE("a 1 # aa=\"bb\" 1\n"), REJECT, NULL},
		{PAGE("a 1 #{aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1  # {aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 #  {aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a # {aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} x\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 x\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 NaN\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 Inf\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 -Inf\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 2 3\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 2 \n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"bb\"} 1 # {aa=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"\xff\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"b\nb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {\"a\na\"=\"bb\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {aa=\"b\0b\"} 1\n"), REJECT, NULL},
		{PAGE("a 1 # {\"a\0a\"=\"bb\"} 1\n"), REJECT, NULL},
	};
	RUN(cases);
}

static void reads_exemplars(void **state)
{
	static const struct {
		struct sv text;
		const char *labels;
		double value;
		bool has_time;
		int64_t t_ms;
	} cases[] = {
		{PAGE("foo_total 17.0 1520879607.789 # {id=\"x\"} 5\n"), "id=x;", 5, false, 0},
		{PAGE("a_bucket{le=\"1\"} 3 # {t=\"y\",} -1.5 1520879607.789\n"), "t=y;", -1.5,
		 true, 1520879607789},
		{PAGE("# TYPE g gauge\ng 1 # {id=\"x\"} 5\n"), "id=x;", 5, false, 0},
		{PAGE("# TYPE s summary\ns_sum 1 # {id=\"x\"} 5 .5\n"), "id=x;", 5, true, 500},
		{PAGE("# TYPE h histogram\nh_count 1 # {} 5\n"), "", 5, false, 0},
		{PAGE("a 1 # {\"id.thing\"=\"v\"} +Inf\n"), "id.thing=v;", (double)INFINITY, false,
		 0},
		{PAGE("a 1 # {z=\"\",a=\"b\",z=\"c\"} 1\n"), "z=;a=b;z=c;", 1, false, 0},
		{PAGE("a 1 # {b=\"\\\\ \\\" \\n\"} 1\n"), "b=\\\\ \\\" \\n;", 1, false, 0},
		{PAGE("a 1 # {b=\"}\",c=\" # {\"} 1\n"), "b=};c= # {;", 1, false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct last last;
		assert_int_equal(read_page(cases[i].text, &last), 1);
		assert_true(last.ex.present);
		assert_string_equal(last.exemplar, cases[i].labels);
		assert_true(last.ex.bits == bits_of_double(cases[i].value));
		assert_int_equal(last.ex.has_time, cases[i].has_time);
		if (last.ex.has_time)
			assert_true(last.ex.t_ms == cases[i].t_ms);
	}
	struct last last;
	assert_int_equal(read_page(PAGE("a 1 # {} nan\nb 2\n"), &last), 2);
	assert_false(last.ex.present);
	assert_int_equal(read_page(PAGE("a 1 # {} nan\n"), &last), 1);
	assert_true(last.ex.bits == VALUE_NAN_BITS);
}

/* The specification forbids each of these pages; Prometheus takes them, and so their samples. */
static void takes_what_only_the_specification_forbids(void **state)
{
	static const struct page_case cases[] = {
		/* Names that clash, and families that are mixed or come twice. */
		{PAGE("# TYPE a counter\n# TYPE a_total gauge\na_total 1\na_total 2\n"), 2, NULL},
		{PAGE("# TYPE a gauge\n# TYPE b gauge\na 1\nb 1\na 2\n"), 3, NULL},
		{PAGE("# TYPE a gauge\na 1\n# TYPE a gauge\na{b=\"c\"} 1\n"), 2, NULL},
		{PAGE("a{b=\"1\"} 1 2\na{b=\"2\"} 1 2\na{b=\"1\"} 1 3\n"), 3, NULL},
		{PAGE("a 1 2\na 1 1\na 1 1\na 1\n"), 4, NULL},
		/* Metadata in the wrong place, or twice. */
		{PAGE("a 1\n# TYPE a gauge\n# HELP a x\n"), 1, NULL},
		{PAGE("# HELP a x\n# HELP a y\n# UNIT a_s s\n# UNIT a_s s\na 1\n"), 1, NULL},
		{PAGE("# TYPE a_s info\n# UNIT a_s s\na_s_info 1\n"), 1, NULL},
		/* Values and suffixes that the type does not have. */
		{PAGE("# TYPE a counter\na 1\na_total -1\na_total NaN\na_created -1\n"), 4, NULL},
		{PAGE("# TYPE a info\na_info 2\na_info{b=\"c\"} NaN\n"), 2, NULL},
		{PAGE("# TYPE a stateset\na 2\na{a=\"b\"} -1\na{b=\"c\"} 0.5\n"), 3, NULL},
		{PAGE("# TYPE a summary\na{quantile=\"2\"} -1\na{quantile=\"x\"} 1\na 1\n"), 3,
		 NULL},
		{PAGE("# TYPE a summary\na_count -1\na_sum -1\n"), 2, NULL},
		/* Histograms without "+Inf", not rising, out of order, without le. */
		{PAGE("# TYPE a histogram\na_bucket{le=\"2\"} 3\na_bucket{le=\"1\"} 4\na_count "
		      "1\n"),
		 3, NULL},
		{PAGE("# TYPE a histogram\na_bucket 1\na_bucket{le=\"x\"} 1\na_sum -1\n"), 3, NULL},
		{PAGE("# TYPE a gaugehistogram\na_gcount 1\na_bucket{le=\"NaN\"} -1\n"), 2, NULL},
		/* Exemplars where none belong, and too long ones. */
		{PAGE("# TYPE a summary\na_count 1 # {b=\"c\"} 1\n"), 1, NULL},
		{PAGE("# TYPE a info\na_info 1 # {b=\"c\"} 1\n"), 1, NULL},
		{PAGE("# TYPE a histogram\na_sum 1 # {b=\"c\"} 1\na_created 1 # {} 1\n"), 2, NULL},
		{PAGE("a 1 # {b=\"0123456789012345678901234567890123456789012345678901234567890"
		      "12345678901234567890123456789012345678901234567890123456789012345678\"} "
		      "1\n"),
		 1, NULL},
		/* A label twice: the page is read, the series is refused later. */
		{PAGE("a{b=\"1\",b=\"2\"} 1\n"), 1, "__name__=a;b=1;b=2;"},
		{PAGE("a{b=\"1\",\"b\"=\"1\"} 1\n"), 1, "__name__=a;b=1;b=1;"},
	};
	RUN(cases);
}

/* Where Prometheus's lexer passes over NULs, and where it does not. */
static void takes_nuls_where_prometheus_does(void **state)
{
	static const struct page_case cases[] = {
		{PAGE("a{b=\"x\0y\"} 1\n"), 1, NULL},
		{PAGE("a{b=\"\0\"} 1\n"), 1, NULL},
		{PAGE("a{b=\0\"x\"} 1\n"), REJECT, NULL},
		{PAGE("a{b\0=\"x\"} 1\n"), REJECT, NULL},
		{PAGE("a\0{b=\"x\"} 1\n"), REJECT, NULL},
		{PAGE("{\"a\0b\"} 1\n"), REJECT, NULL},
		{PAGE("{\"a\",\"c\0\"=\"2\"} 1\n"), REJECT, NULL},
		{PAGE("a \0001\n"), REJECT, NULL},
		{PAGE("a 1\0\n"), REJECT, NULL},
		{PAGE("a 1 1\0\n"), REJECT, NULL},
		{PAGE("a 1\n\0b 1\n"), REJECT, NULL},
		{PAGE("# HELP a x\0y\na 1\n"), 1, NULL},
		{PAGE("# TYPE a \0gauge\n"), REJECT, NULL},
		{PAGE("# TYPE a\0 gauge\n"), REJECT, NULL},
		{PAGE("# HELP \"a\0b\" c\n"), REJECT, NULL},
		{PAGE("# \0TYPE a gauge\n"), REJECT, NULL},
		{PAGE("# T\0\0YPE\0 \0a gauge\na 1\n"), 1, NULL},
		{PAGE("# HELP a b\n\0\0a 1\n"), 1, "__name__=a;"},
		{PAGE("# TYPE a gauge\n\0a 1\n"), REJECT, NULL},
		{SV("# E\0O\0F\0"), 0, NULL},
		{SV("# EOF\0\n\0\0"), 0, NULL},
		{SV("# EOF\n\0\n"), REJECT, NULL},
		{SV("# EOF\0x"), REJECT, NULL},
		{SV("\0# EOF\n"), REJECT, NULL},
	};
	RUN(cases);
}

static struct text_meta comment(struct sv line)
{
	struct text_meta m;
	struct err err = ERR_NULL;
	assert_ptr_equal(openmetrics_comment(line.ptr, line.ptr + line.len, &m, &err),
			 line.ptr + line.len);
	return m;
}

static void tells_what_comments_say(void **state)
{
	static const struct {
		struct sv line;
		enum metric_type type;
	} types[] = {
		{SV("# TYPE a counter\n"), METRIC_COUNTER},
		{SV("# TYPE a gauge\n"), METRIC_GAUGE},
		{SV("# TYPE a histogram\n"), METRIC_HISTOGRAM},
		{SV("# TYPE a gaugehistogram\n"), METRIC_GAUGEHISTOGRAM},
		{SV("# TYPE a summary\n"), METRIC_SUMMARY},
		{SV("# TYPE a info\n"), METRIC_INFO},
		{SV("# TYPE a stateset\n"), METRIC_STATESET},
		{SV("# TYPE a unknown\n"), METRIC_UNKNOWN},
	};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct text_meta m = comment(types[i].line);
		assert_int_equal(m.kind, TEXT_META_TYPE);
		assert_int_equal(m.type, types[i].type);
		assert_true(sv_eq(m.family, SV("a")));
	}
	struct text_meta m = comment(SV("# UNIT \"a\\\"b_s\" s\n"));
	assert_int_equal(m.kind, TEXT_META_UNIT);
	assert_true(sv_eq(m.family, SV("a\\\"b_s")) && sv_eq(m.unit, SV("s")));

	m = comment(SV("# HELP a escape \\ \\n \\\\ \\\" \\x\n"));
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, 4096);
	assert_int_equal(m.kind, TEXT_META_HELP);
	assert_true(sv_eq(text_unescape(&arena, m.help, true), SV("escape \\ \n \\ \" \\x")));
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		struct sv text;
		const char *why;
	} cases[] = {
		{SV("a 1\n"), "does not end with # EOF"},
		{SV("a 1"), "does not end with # EOF"},
		{SV("# EOF\na 1\n"), "unexpected data after # EOF"},
		{SV("# TYPE a bogus\n"), "invalid metric type \"bogus\""},
		{SV("# UNIT a s\n"), "unit \"s\""},
		{SV("a x\n"), "invalid value \"x\""},
		{SV("a 1 2x\n"), "invalid timestamp \"2x\""},
		{SV("a 1 NaN\n"), "NaN or infinite"},
		{SV("a 1 # {} x\n"), "invalid exemplar value \"x\""},
		{SV("a\t1\n"), "expected a blank"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct last last;
		assert_int_equal(read_page(cases[i].text, &last), REJECT);
		if (!strstr(last.err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].text.ptr, last.err.msg);
	}
}

static void knows_where_a_bare_name_ends(void **state)
{
	assert_true(openmetrics_name_ends(" 1\n"));
	assert_false(openmetrics_name_ends("b 1\n"));
	assert_false(openmetrics_name_ends(":b 1\n"));
	assert_false(openmetrics_name_ends("{b=\"c\"} 1\n"));
	assert_false(openmetrics_name_ends("\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_with_eof),
		cmocka_unit_test(reads_comments),
		cmocka_unit_test(reads_series),
		cmocka_unit_test(reads_values_and_times),
		cmocka_unit_test(refuses_broken_exemplars),
		cmocka_unit_test(reads_exemplars),
		cmocka_unit_test(takes_what_only_the_specification_forbids),
		cmocka_unit_test(takes_nuls_where_prometheus_does),
		cmocka_unit_test(tells_what_comments_say),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(knows_where_a_bare_name_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
