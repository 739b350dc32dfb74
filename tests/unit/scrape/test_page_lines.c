/* OpenMetrics pages, and a target that changes its format. Text pages: test_page.c. */
#include "world.h"

static void openmetrics(struct world *w)
{
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->features.exemplars = true;
}

static void test_openmetrics_page(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	assert_int_equal(scrape_page(w, "# TYPE a counter\n# HELP a text\na_total 1\n"
					"a_created 1000.5\n# TYPE s info\ns_info{v=\"1\"} 1\n"
					"# EOF"),
			 0);
	ASSERT_BATCH(w, "__name__=a_created, 1000.5\n__name__=a_total, 1\n"
			"__name__=s_info,v=1, 1\n");
	assert_int_equal(w->result.scraped, 3);
	assert_int_equal(w->result.series_added, 3);
	/* The same again is found line by line. */
	assert_int_equal(scrape_page(w, "# TYPE a counter\n# HELP a text\na_total 2\n"
					"a_created 1000.5\n# TYPE s info\ns_info{v=\"1\"} 1\n"
					"# EOF\n"),
			 0);
	assert_int_equal(w->result.matched, 3);
	assert_int_equal(w->result.parsed, 0);
	ASSERT_BATCH(w, "__name__=a_created, 1000.5\n__name__=a_total, 2\n"
			"__name__=s_info,v=1, 1\n");
}

static void test_end_is_needed(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	assert_int_equal(scrape_page(w, "a 1\n# EOF\n"), 0);
	assert_int_equal(scrape_page(w, "a 1\n"), 1);
	assert_int_equal(w->report[0], 0);
	/* a was read: no marker. */
	ASSERT_BATCH(w, "");
	assert_int_equal(scrape_page(w, "a 1\n\n# EOF\n"), 1);
	assert_int_equal(w->err.line, 2);
	assert_int_equal(scrape_page(w, "a 1\n# EOF\nb 1\n"), 1);
	assert_int_equal(scrape_page(w, "# EOF\n"), 0);
	ASSERT_BATCH(w, "__name__=a, stale\n");
}

static void test_exemplars(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	const char *page = "a_total 1 # {id=\"x\"} 0.5 7\nb_total 2 # {id=\"y\"} 0.25\n"
			   "c_total 3 # {id=\"\"} 1\n# EOF\n";
	assert_int_equal(scrape_page(w, page), 0);
	char expected[300];
	snprintf(expected, sizeof expected,
		 "__name__=a_total, 1\n__name__=b_total, 2\n__name__=c_total, 3\n"
		 "exemplar __name__=a_total, id=x, 0.5 @7000\n"
		 "exemplar __name__=b_total, id=y, 0.25 @%lld\n"
		 "exemplar __name__=c_total,  1 @%lld\n",
		 (long long)w->t_ms, (long long)w->t_ms);
	ASSERT_BATCH(w, expected);
	assert_int_equal(w->result.exemplars, 3);
	/* Repeated ones are not told again; a new one is. */
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.exemplars, 0);
	assert_int_equal(scrape_page(w, "a_total 1 # {id=\"x\"} 0.5 8\n"
					"b_total 2 # {id=\"y\"} 0.25\n# EOF\n"),
			 0);
	assert_int_equal(w->result.exemplars, 1);
	/* Nobody wants them. */
	w->features.exemplars = false;
	assert_int_equal(scrape_page(w, "a_total 1 # {id=\"z\"} 0.5 9\n# EOF\n"), 0);
	assert_int_equal(w->result.exemplars, 0);
}

static void test_long_exemplar_is_left_out(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	char page[400], long_value[130];
	memset(long_value, 'x', 127);
	long_value[127] = '\0';
	snprintf(page, sizeof page, "a 1 # {i=\"%s\"} 1\nb 1 # {ii=\"%s\"} 1\n# EOF\n", long_value,
		 long_value);
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.exemplars, 1);
	assert_non_null(strstr(w->text.ptr, "exemplar __name__=a,"));
	assert_non_null(strstr(w->text.ptr, "__name__=b, 1"));
}

static void test_format_changes(void **state)
{
	struct world *w = *state;
	/* Text takes what OpenMetrics does not, and the other way round: what was learnt under one
	 * is checked again under the other. */
	assert_int_equal(scrape_page(w, "# TYPE a counter\na{b=\"c\" } 1\n"), 0);
	openmetrics(w);
	assert_int_equal(scrape_page(w, "# TYPE a counter\na{b=\"c\" } 1\n# EOF\n"), 1);
	assert_int_equal(scrape_page(w, "# TYPE a unknown\na{b=\"c\"} 2\n# EOF\n"), 0);
	ASSERT_BATCH(w, "__name__=a,b=c, 2\n");
	w->format = PROTO_TEXT_0_0_4;
	assert_int_equal(scrape_page(w, "# TYPE a unknown\na{b=\"c\"} 2\n"), 1);
	assert_int_equal(scrape_page(w, "a{b=\"c\"} 3\n"), 0);
	assert_int_equal(w->result.matched, 1);
	ASSERT_BATCH(w, "__name__=a,b=c, 3\n");
}

static void test_start_times(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	w->features.start_times = true;
	const char *page = "# TYPE a counter\na_total{x=\"1\"} 1\na_created{x=\"1\"} 1000\n"
			   "a_total{x=\"2\"} 2\n# TYPE g gauge\ng 1\n# EOF\n";
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_page(w, page), 0);
		ASSERT_BATCH(w, "__name__=a_total,x=1, 1\n__name__=a_total,x=2, 2\n__name__=g, 1\n"
				"start __name__=a_total,x=1, @1000000\n");
		assert_int_equal(w->result.scraped, 3);
	}
}

#define COUNTER_FORM "# TYPE a counter\na_total %d\na_created %lld.5\n# EOF\n"

static void test_zero_at_start(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	w->features.start_zero = true;
	char page[200], expected[300];
	int64_t start_s = w->t_ms / 1000 - 100;
	snprintf(page, sizeof page, COUNTER_FORM, 5, (long long)start_s);
	assert_int_equal(scrape_page(w, page), 0);
	snprintf(expected, sizeof expected,
		 "__name__=a_total, 0 @%lld\n__name__=a_total, 5 @%lld\n",
		 (long long)start_s * 1000 + 500, (long long)w->t_ms);
	ASSERT_BATCH(w, expected);
	/* The same start: no zero. */
	snprintf(page, sizeof page, COUNTER_FORM, 6, (long long)start_s);
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=a_total, 6\n");
	/* It began anew between two scrapes. */
	int64_t again_s = w->t_ms / 1000;
	snprintf(page, sizeof page, COUNTER_FORM, 1, (long long)again_s);
	assert_int_equal(scrape_page(w, page), 0);
	snprintf(expected, sizeof expected,
		 "__name__=a_total, 0 @%lld\n__name__=a_total, 1 @%lld\n",
		 (long long)again_s * 1000 + 500, (long long)w->t_ms);
	ASSERT_BATCH(w, expected);
	/* One that is gone gets its marker. */
	assert_int_equal(scrape_page(w, "# EOF\n"), 0);
	ASSERT_BATCH(w, "__name__=a_total, stale\n");
}

/* A sample behind its zero is none twice, whatever its text. */
static void test_zero_and_a_second_text(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	w->features.start_zero = true;
	char page[200], expected[300];
	assert_int_equal(scrape_page(w, "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 5\n# EOF\n"),
			 0);
	int64_t start_s = w->t_ms / 1000;
	snprintf(page, sizeof page,
		 "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 1\n"
		 "a_created{x=\"1\",y=\"2\"} %lld.5\na_total{y=\"2\",x=\"1\"} 3\n# EOF\n",
		 (long long)start_s);
	assert_int_equal(scrape_page(w, page), 0);
	snprintf(expected, sizeof expected,
		 "__name__=a_total,x=1,y=2, 0 @%lld\n__name__=a_total,x=1,y=2, 1 @%lld\n",
		 (long long)start_s * 1000 + 500, (long long)w->t_ms);
	ASSERT_BATCH(w, expected);
	assert_int_equal(w->result.duplicates, 1);
}

static void test_metadata(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	const char *page =
		"# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\n"
		"a_seconds_total 1\n# EOF\n";
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->n_metadata, 1 + REPORT_MAX);
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->n_metadata, 0);
}

/* What Prometheus has counted when it finds that a line is broken. */
static void test_counts_of_broken_lines(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *page;
		unsigned scraped;
	} cases[] = {
		{"before 1\na 1", 1},
		{"before 1\na 1 # {x=\"y\"} 1", 1},
		{"before 1\na 1 \nafter 2\n# EOF\n", 2},
		{"before 1\na 1  2\nafter 2\n# EOF\n", 2},
		{"before 1\na 1 # \nafter 2\n# EOF\n", 2},
		{"before 1\na 1 #\nafter 2\n# EOF\n", 1},
		{"before 1\na 1 1 \nafter 2\n# EOF\n", 1},
	};
	openmetrics(w);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
			assert_int_equal(scrape_page(w, cases[i].page), 1);
			if (w->result.scraped != cases[i].scraped)
				fail_msg("%s: %d", cases[i].page, (int)w->result.scraped);
		}
		assert_int_equal(scrape_page(w, "before 1\na 1\nafter 2\n# EOF\n"), 0);
	}
}

/* Series that a bad page showed are not new later; they have no marker, for they had no sample. */
static void test_bad_pages_are_remembered(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "# HELP a x\na 1\nb 1\nbroken\n"), 1);
	ASSERT_BATCH(w, "");
	assert_int_equal(w->n_metadata, 1 + REPORT_MAX);
	assert_int_equal(w->result.series_added, 2);
	assert_int_equal(scrape_page(w, "a 2\nb 2\nc 2\nbroken\n"), 1);
	assert_int_equal(w->result.series_added, 1);
	assert_int_equal(scrape_page(w, "# HELP a x\nb 3\na 3\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	assert_int_equal(w->n_metadata, 0);
	ASSERT_BATCH(w, "__name__=a, 3\n__name__=b, 3\n");
	/* c was forgotten with the good page. */
	assert_int_equal(scrape_page(w, "a 4\nb 4\nc 4\n"), 0);
	assert_int_equal(w->result.series_added, 1);
	ASSERT_BATCH(w, "__name__=a, 4\n__name__=b, 4\n__name__=c, 4\n");
	/* The log takes none: what it was to define is known no more. */
	assert_int_equal(scrape_page(w, "d 1\nbroken\n"), 1);
	assert_int_equal(scrape_and(w, "a 5\nd 5\n", true), 0);
	assert_int_equal(scrape_page(w, "a 6\nd 6\n"), 0);
	ASSERT_BATCH(w, "__name__=a, 6\n__name__=d, 6\n");
}

static void test_bad_pages_are_bounded(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(4));
	for (int round = 0; round < 20; round++) {
		buf_reset(&page);
		for (int i = 0; i < 500; i++)
			buf_printf(&page, "m%d_%d 1\n", round, i);
		buf_sv(&page, SV("broken\n"));
		assert_int_equal(scrape_bytes(w, buf_view(&page)), 1);
		assert_true(w->owner->lines.n <= 1500);
	}
}

/* A label that stands twice is found out by the storage, which limits come before. */
static void test_label_twice_beyond_a_limit(void **state)
{
	struct world *w = *state;
	w->opt.honor_timestamps = true;
	w->opt.sample_limit = 1;
	assert_int_equal(scrape_page(w, "a 1\nb 1\nc{x=\"1\",x=\"2\"} 1\nd 1\n"), 1);
	assert_int_equal(w->result.scraped, 4);
	assert_int_equal(w->result.post_relabel, 4);
	w->opt.sample_limit = 0;
	assert_int_equal(scrape_page(w, "a 1\nc{x=\"1\",x=\"2\"} 1\nd 1\n"), 1);
	assert_int_equal(w->result.scraped, 2);
	assert_int_equal(w->result.post_relabel, 1);
	char page[100];
	snprintf(page, sizeof page, "a 1\nc{x=\"1\",x=\"2\"} 1 %lld\n",
		 (long long)w->t_ms + 3600 * 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_page(w, page), 0);
		assert_int_equal(w->result.out_of_bounds, 1);
		ASSERT_BATCH(w, "__name__=a, 1\n");
	}
}

/* What a bad page had but nothing took is new when it comes. */
static void test_refused_ones_stay_unknown(void **state)
{
	struct world *w = *state;
	w->opt.sample_limit = 2;
	assert_int_equal(scrape_page(w, "a 1\nb 1\n"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(scrape_page(w, "a 1\nb 1\nc 1\n"), 1);
	assert_int_equal(scrape_page(w, "a 1\nc 1\n"), 0);
	assert_int_equal(w->result.series_added, 1);
	/* b was forgotten meanwhile, and is beyond the limit again. */
	assert_int_equal(scrape_page(w, "a 1\nc 1\nb 1\n"), 1);
	assert_int_equal(w->result.series_added, 0);
	assert_int_equal(scrape_page(w, "a 1\nb 1\n"), 0);
	assert_int_equal(w->result.series_added, 1);
}

/* Prometheus takes both texts of a series, so it knows both. */
static void test_both_texts_are_known(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n"), 0);
	assert_int_equal(w->result.series_added, 2);
	assert_int_equal(w->result.duplicates, 1);
	assert_int_equal(scrape_page(w, "a{y=\"2\",x=\"1\"} 3\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	ASSERT_BATCH(w, "__name__=a,x=1,y=2, 3\n");
}

static void test_known_ones_beyond_the_limit(void **state)
{
	struct world *w = *state;
	w->opt.sample_limit = 2;
	assert_int_equal(scrape_page(w, "m 1\n"), 0);
	assert_int_equal(scrape_page(w, "x 1\ny 1\nm 1\n"), 1);
	assert_int_equal(scrape_page(w, "m 1\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	/* Also one that only bad pages had, once before the limit. */
	assert_int_equal(scrape_page(w, "n 1\nx 1\ny 1\n"), 1);
	assert_int_equal(scrape_page(w, "x 1\ny 1\nn 1\n"), 1);
	assert_int_equal(scrape_page(w, "n 1\n"), 0);
	assert_int_equal(w->result.series_added, 0);
}

/* A new series whose first sample is refused is not known yet: its second one is no duplicate. */
static void test_refused_then_taken(void **state)
{
	struct world *w = *state;
	char page[100];
	w->opt.honor_timestamps = true;
	snprintf(page, sizeof page, "a 1 %lld\na 2\na 3\n", (long long)w->t_ms + 3600 * 1000);
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=a, 2\n");
	assert_int_equal(w->result.series_added, 1);
	assert_int_equal(w->result.duplicates, 1);
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=a, stale\n");
	assert_int_equal(w->result.duplicates, 2);
}

static void test_nan_exemplar_is_always_new(void **state)
{
	struct world *w = *state;
	openmetrics(w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_page(w, "a 1 # {x=\"y\"} NaN\n# EOF\n"), 0);
		assert_int_equal(w->result.exemplars, 1);
	}
}

static void test_empty_page_makes_nothing_new(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a 1\nb 1\n"), 0);
	assert_int_equal(w->result.series_added, 2);
	assert_int_equal(scrape_bytes(w, SV("")), 0);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, stale\n");
	assert_int_equal(scrape_page(w, "a 1\nb 1\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	/* A page of a blank line is not empty. */
	assert_int_equal(scrape_page(w, "\n"), 0);
	assert_int_equal(scrape_page(w, "a 1\nb 1\n"), 0);
	assert_int_equal(w->result.series_added, 2);
}

static void test_bounds_as_go_reads_them(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "# TYPE h histogram\nh_bucket{le=\"0x1p3\"} 1\n"
					"h_bucket{le=\"1_0\"} 2\nh_bucket{le=\"1__0\"} 3\n"),
			 0);
	ASSERT_BATCH(w, "__name__=h_bucket,le=10.0, 2\n__name__=h_bucket,le=1__0, 3\n"
			"__name__=h_bucket,le=8.0, 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_openmetrics_page),
		TEST(test_end_is_needed),
		TEST(test_exemplars),
		TEST(test_long_exemplar_is_left_out),
		TEST(test_format_changes),
		TEST(test_start_times),
		TEST(test_zero_at_start),
		TEST(test_zero_and_a_second_text),
		TEST(test_metadata),
		TEST(test_counts_of_broken_lines),
		TEST(test_bad_pages_are_remembered),
		TEST(test_bad_pages_are_bounded),
		TEST(test_label_twice_beyond_a_limit),
		TEST(test_refused_then_taken),
		TEST(test_both_texts_are_known),
		TEST(test_known_ones_beyond_the_limit),
		TEST(test_refused_ones_stay_unknown),
		TEST(test_nan_exemplar_is_always_new),
		TEST(test_empty_page_makes_nothing_new),
		TEST(test_bounds_as_go_reads_them),
	};
	return cmocka_run_group_tests_name("page_lines", tests, NULL, NULL);
}
