/* Start times as Prometheus finds them: for each sample of a page, in order. */
#include "../../../scrape/openmetrics_parser.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MAX_STARTS = 16 };

struct starts_case {
	struct sv page; /* good pages that end with a newline */
	int64_t starts[MAX_STARTS];
	size_t n;
};

/* The start times of a page's samples, `_created` lines left out. Returns how many. */
static size_t read_starts(struct sv page, int64_t *starts, size_t max)
{
	const char *end = page.ptr + page.len;
	struct openmetrics_starts s = {0};
	struct sv family = SV("");
	enum metric_type type = METRIC_UNKNOWN;
	size_t n = 0;
	for (const char *p = page.ptr;;) {
		struct text_meta m;
		if (*p == '#') {
			p = openmetrics_comment(p, end, &m, NULL);
			assert_non_null(p);
			if (m.kind == TEXT_META_END)
				return n;
			family = m.family;
			if (m.kind == TEXT_META_TYPE)
				type = m.type;
			continue;
		}
		const char *series_end = openmetrics_series(p, end, NULL);
		assert_non_null(series_end);
		struct sv series = sv_make(p, (size_t)(series_end - p));
		struct text_sample sample;
		struct openmetrics_exemplar ex;
		p = openmetrics_sample(series_end, end, &sample, &ex, NULL);
		assert_non_null(p);
		if (openmetrics_is_created(series, family, type))
			continue;
		assert_true(n < max);
		starts[n++] = openmetrics_start_ms(&s, series, p, end, family, type);
	}
}

#define PAGE(text) SV(text "# EOF\n")

static const struct starts_case cases[] = {
	{PAGE("# TYPE foo counter\n"
	      "foo_total 17.0 1520879607.789 # {id=\"x\"} 5\n"
	      "foo_created 1520872607.123\n"),
	 {1520872607123},
	 1},
	/* A line that stands before its samples tells nothing. */
	{PAGE("# TYPE foo counter\nfoo_created 1\nfoo_total 1\n"), {0}, 1},
	/* One time for all parts of a histogram, the bounds aside. */
	{PAGE("# TYPE h histogram\n"
	      "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n"
	      "h_created 5\n"),
	 {5000, 5000, 5000, 5000},
	 4},
	/* Known from the series' earlier lines. */
	{PAGE("# TYPE h histogram\nh_count 2\nh_created 5\nh_sum 3\nh_bucket{le=\"1\"} 1\n"),
	 {5000, 5000, 5000},
	 3},
	{PAGE("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"1\"} 1\ns_created 5\n"),
	 {5000, 5000},
	 2},
	/* Bounds are only aside where the type has them. */
	{PAGE("# TYPE s summary\ns{le=\"0.5\"} 1\ns_created 5\n"), {0}, 1},
	{PAGE("# TYPE c counter\nc_total{quantile=\"1\"} 1\nc_created{quantile=\"1\"} 5\n"),
	 {5000},
	 1},
	{PAGE("# TYPE c counter\nc_total{a=\"1\"} 1\nc_created{a=\"1\"} 5\n"
	      "c_total{a=\"2\"} 1\nc_created{a=\"2\"} 6\nc_total{a=\"3\"} 1\n"),
	 {5000, 6000, 0},
	 3},
	/* The first line ahead decides. */
	{PAGE("# TYPE c counter\nc_total{a=\"1\"} 1\nc_total{a=\"2\"} 1\n"
	      "c_created{a=\"1\"} 5\nc_created{a=\"2\"} 6\n"),
	 {5000, 0},
	 2},
	{PAGE("# TYPE c counter\nc_total{a=\"1\"} 1\nc_total{a=\"2\"} 1\n"
	      "c_created{a=\"2\"} 6\nc_created{a=\"1\"} 5\n"),
	 {0, 6000},
	 2},
	/* Labels are compared as they are written. */
	{PAGE("# TYPE c counter\nc_total{a=\"1\",b=\"2\"} 1\nc_created{b=\"2\",a=\"1\"} 5\n"),
	 {0},
	 1},
	{PAGE("# TYPE c counter\nc_total{a=\"1\"} 1\nc_created{\"a\"=\"1\",} 5\n"), {5000}, 1},
	/* Any comment ends the family. */
	{PAGE("# TYPE c counter\nc_total 1\n# HELP c x\nc_created 5\n"), {0}, 1},
	{PAGE("# TYPE c counter\nc_total 1\n# TYPE d counter\nc_created 5\nd_total 1\n"),
	 {0, 0},
	 2},
	/* The length of the family's name is what counts. */
	{PAGE("# TYPE foo counter\n# HELP foo_total x\nfoo_total 1\nfoo_created 5\n"), {0}, 1},
	{PAGE("# TYPE xyz counter\nfoo_total 1\nfoo_created 5\n"), {5000}, 1},
	{PAGE("# TYPE foo counter\nfoo_total 1\nbar_created 5\n"), {0}, 1},
	/* A family's name longer than the series. */
	{PAGE("# TYPE a_long_name counter\na 1\na_created 5\n"), {0}, 1},
	{PAGE("# HELP c a name that is longer than all that follows\n"
	      "# TYPE c0123456789012345678901234567890123456789 counter\nc 1\n"),
	 {0},
	 1},
	/* Quoted names. */
	{PAGE("# TYPE \"f.o\" counter\n{\"f.o_total\",a=\"1\"} 1\n{\"f.o_created\",a=\"1\"} 5\n"),
	 {5000},
	 1},
	{PAGE("# TYPE \"f.o\" counter\n{\"f.o_total\",a=\"1\"} 1\n{a=\"1\",\"f.o_created\"} 5\n"),
	 {5000},
	 1},
	{PAGE("# TYPE \"f.o\" counter\n{a=\"1\",\"f.o_total\"} 1\n{a=\"1\",\"f.o_created\"} 5\n"),
	 {0},
	 1},
	{PAGE("# TYPE \"f\n# EOF\" counter\n{\"f\n# EOF_total\"} 1\n{\"f\n# EOF_created\"} 5\n"),
	 {5000},
	 1},
	/* Types without start times. */
	{PAGE("# TYPE g gauge\ng 1\ng_created 5\n"), {0, 0}, 2},
	{PAGE("c_total 1\nc_created 5\n"), {0, 0}, 2},
	{PAGE("# TYPE g gaugehistogram\ng_gcount 1\ng_created 5\n"), {0, 0}, 2},
	/* Values. */
	{PAGE("# TYPE c counter\nc_total 1\nc_created 0.0019999\n"), {1}, 1},
	{PAGE("# TYPE c counter\nc_total 1\nc_created -1.5 7 # {} 1\n"), {-1500}, 1},
	{PAGE("# TYPE c counter\nc_total 1\nc_created NaN\n"), {INT64_MIN}, 1},
	/* A time that is not after 1970 is not remembered. */
	{PAGE("# TYPE h histogram\nh_count 1\nh_created 0\nh_sum 1\n"), {0, 0}, 2},
	/* What was not found, or is not looked for, is forgotten. */
	{PAGE("# TYPE h histogram\nh_count 1\nh_created 5\nh_count{a=\"1\"} 1\nh_sum 1\n"),
	 {5000, 0, 0},
	 3},
	{PAGE("# TYPE h histogram\nh_count 1\nh_created 5\n# TYPE g gauge\ng 1\n"
	      "# TYPE h histogram\nh_sum 1\n"),
	 {5000, 0, 0},
	 3},
};

static void finds_what_prometheus_finds(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t starts[MAX_STARTS];
		size_t n = read_starts(cases[i].page, starts, MAX_STARTS);
		for (size_t k = 0; k < n && k < cases[i].n; k++) {
			if (starts[k] != cases[i].starts[k])
				fail_msg("%.*s: sample %zu: %lld", SV_ARG(cases[i].page), k,
					 (long long)starts[k]);
		}
		if (n != cases[i].n)
			fail_msg("%.*s: %zu samples", SV_ARG(cases[i].page), n);
	}
}

static void knows_created_lines(void **state)
{
	struct sv family = SV("c");
	assert_true(openmetrics_is_created(SV("c_created"), family, METRIC_COUNTER));
	assert_true(openmetrics_is_created(SV("d_created{a=\"1\"}"), family, METRIC_HISTOGRAM));
	assert_true(openmetrics_is_created(SV("{a=\"1\",\"c_created\"}"), family, METRIC_SUMMARY));
	assert_true(openmetrics_is_created(SV("_created"), family, METRIC_COUNTER));
	assert_false(openmetrics_is_created(SV("created"), family, METRIC_COUNTER));
	assert_false(openmetrics_is_created(SV("c_total{a=\"_created\"}"), family, METRIC_COUNTER));
	assert_false(
		openmetrics_is_created(SV("{\"_created\"=\"1\",\"c\"}"), family, METRIC_COUNTER));
	assert_false(openmetrics_is_created(SV("c_created"), family, METRIC_GAUGE));
	assert_false(openmetrics_is_created(SV("c_created"), family, METRIC_UNKNOWN));
	assert_false(openmetrics_is_created(SV("c_created"), family, METRIC_GAUGEHISTOGRAM));
}

/* A long family without `_created` lines, and one that has them all at its end, are looked through
 * once: many times over they would take longer than a test may. */
static void looks_ahead_once(void **state)
{
	enum { LINES = 100000 };
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, 64 << 20);
	for (int family = 0; family < 2; family++) {
		buf_printf(&page, "# TYPE c%d counter\n", family);
		for (int i = 0; i < LINES; i++)
			buf_printf(&page, "c%d_total{a=\"%d\"} 1\n", family, i);
	}
	for (int i = 0; i < LINES; i++)
		buf_printf(&page, "c1_created{a=\"%d\"} 2\n", i);
	assert_int_equal(buf_printf(&page, "# EOF\n"), 0);
	_cleanup_(freep) int64_t *starts = calloc(2 * LINES, sizeof *starts);
	assert_int_equal(read_starts(buf_view(&page), starts, 2 * LINES), 2 * LINES);
	for (int i = 0; i < 2 * LINES; i++)
		assert_int_equal(starts[i], i == LINES ? 2000 : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_prometheus_finds),
		cmocka_unit_test(knows_created_lines),
		cmocka_unit_test(looks_ahead_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
