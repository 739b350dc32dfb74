#include "world.h"

#define HEAD "# TYPE h histogram\n"

static void convert(struct world *w)
{
	w->opt.convert_to_nhcb = true;
	w->features.exemplars = true;
}

static void test_one_histogram(void **state)
{
	struct world *w = *state;
	convert(w);
	const char *page = HEAD "h_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 5\n"
				"h_bucket{le=\"+Inf\"} 6\nh_sum 7.5\nh_count 6\nx 1\n";
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, "__name__=h, hist -53 count 6 zero 0 sum 7.5 p2 p1 p-2 b1 b2\n"
			"__name__=x, 1\n");
	assert_int_equal(w->result.scraped, 2);
	assert_int_equal(w->result.series_added, 2);
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.series_added, 0);
	assert_int_equal(w->result.parsed, 0);
	/* Gone: one marker, a plain one. */
	assert_int_equal(scrape_page(w, "x 1\n"), 0);
	ASSERT_BATCH(w, "__name__=h, stale\n__name__=x, 1\n");
}

static void test_classic_ones_may_stay(void **state)
{
	struct world *w = *state;
	convert(w);
	w->opt.always_classic_histograms = true;
	assert_int_equal(scrape_page(w, HEAD "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 2\n"
					     "h_sum 1\nh_count 2\n"),
			 0);
	ASSERT_BATCH(w, "__name__=h, hist -53 count 2 zero 0 sum 1 p2 b1\n"
			"__name__=h_bucket,le=+Inf, 2\n__name__=h_bucket,le=1.0, 2\n"
			"__name__=h_count, 2\n__name__=h_sum, 1\n");
	assert_int_equal(w->result.scraped, 5);
}

static void test_series_of_one_family(void **state)
{
	struct world *w = *state;
	convert(w);
	assert_int_equal(
		scrape_page(w,
			    HEAD "h_bucket{m=\"a\",le=\"1\"} 1\nh_bucket{m=\"a\",le=\"+Inf\"} 1\n"
				 "h_count{m=\"a\"} 1\nh_sum{m=\"a\"} 1\n"
				 "h_bucket{m=\"b\",le=\"1\"} 0.5\n"
				 "h_bucket{m=\"b\",le=\"+Inf\"} 2\nh_count{m=\"b\"} 2\n"
				 "h_sum{m=\"b\"} 3\n# TYPE other gauge\nother 1\n"),
		0);
	ASSERT_BATCH(w, "__name__=h,m=a, hist -53 count 1 zero 0 sum 1 p1 b1\n"
			"__name__=h,m=b, float hist -53 count 2 zero 0 sum 3 p0.5 p1.5 b1\n"
			"__name__=other, 1\n");
}

/* It is known by its text, as a plain sample would be. */
static void test_known_by_its_text(void **state)
{
	struct world *w = *state;
	convert(w);
	const char *page = HEAD "h_count 1\nh_sum 1\nh_count{a=\"b\"} 2\nh_sum{a=\"b\"} 1\n";
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.series_added, 2);
	assert_int_equal(scrape_page(w, "h 1\nh{a=\"b\"} 2\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	ASSERT_BATCH(w, "__name__=h, 1\n__name__=h,a=b, 2\n");
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.series_added, 0);
}

static void test_contradictions_are_lost(void **state)
{
	struct world *w = *state;
	convert(w);
	/* Buckets must not fall. */
	assert_int_equal(scrape_page(w, HEAD "h_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 2\n"
					     "h_bucket{le=\"+Inf\"} 6\nh_count 6\nh_sum 1\nx 1\n"),
			 0);
	ASSERT_BATCH(w, "__name__=x, 1\n");
	assert_int_equal(scrape_page(w, HEAD "h_bucket{le=\"1\"} 5e18\nh_count 0\nx 1\n"), 0);
	ASSERT_BATCH(w, "__name__=x, 1\n");
}

static void test_what_is_no_part_passes(void **state)
{
	struct world *w = *state;
	convert(w);
	assert_int_equal(scrape_page(w, "h_count 1\n" HEAD "h_other 1\ng_count 2\nh_bucket 3\n"
					"# TYPE s summary\ns_count 1\ns_sum 2\n"),
			 0);
	ASSERT_BATCH(w, "__name__=g_count, 2\n__name__=h_bucket, 3\n__name__=h_count, 1\n"
			"__name__=h_other, 1\n__name__=s_count, 1\n__name__=s_sum, 2\n");
}

static void test_exemplars_need_times(void **state)
{
	struct world *w = *state;
	convert(w);
	w->format = PROTO_OPENMETRICS_1_0_0;
	assert_int_equal(scrape_page(w, HEAD "h_bucket{le=\"1\"} 1 # {t=\"a\"} 0.5 7\n"
					     "h_bucket{le=\"+Inf\"} 2 # {t=\"b\"} 3\nh_sum 1\n"
					     "h_count 2\n# EOF\n"),
			 0);
	ASSERT_BATCH(w, "__name__=h, hist -53 count 2 zero 0 sum 1 p1 p0 b1\n"
			"exemplar __name__=h, t=a, 0.5 @7000\n");
}

static void test_what_openmetrics_has_beside(void **state)
{
	struct world *w = *state;
	convert(w);
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->opt.always_classic_histograms = true;
	/* Once a histogram was met, lines of start times are no samples; exemplars go with it. */
	assert_int_equal(
		scrape_page(w, "# TYPE a counter\na_total 1\na_created 5\n" HEAD
			       "h_bucket{le=\"+Inf\"} 1 # {t=\"a\"} 0.5 7\nh_sum 1\nh_count 1\n"
			       "h_created 5\n# TYPE c counter\nc_total 1\nc_created 5\n"
			       "# EOF\n"),
		0);
	ASSERT_BATCH(w, "__name__=a_created, 5\n__name__=a_total, 1\n__name__=c_total, 1\n"
			"__name__=h, hist -53 count 1 zero 0 sum 1 p1\n"
			"__name__=h_bucket,le=+Inf, 1\n__name__=h_count, 1\n__name__=h_sum, 1\n"
			"exemplar __name__=h, t=a, 0.5 @7000\n");
}

static void test_relabeling_and_limits(void **state)
{
	struct world *w = *state;
	convert(w);
	w->opt.native_histogram_bucket_limit = 1;
	assert_int_equal(scrape_page(w, HEAD "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n"
					     "h_sum 1\nh_count 3\nx 1\n"),
			 1);
	assert_true(w->result.bucket_limit);
	assert_int_equal(w->result.post_relabel, 2);
	assert_non_null(strstr(w->err.msg, "bucket limit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_histogram),           TEST(test_classic_ones_may_stay),
		TEST(test_series_of_one_family),    TEST(test_known_by_its_text),
		TEST(test_contradictions_are_lost), TEST(test_what_is_no_part_passes),
		TEST(test_exemplars_need_times),    TEST(test_what_openmetrics_has_beside),
		TEST(test_relabeling_and_limits),
	};
	return cmocka_run_group_tests_name("page_nhcb", tests, NULL, NULL);
}
