/* Protobuf pages through an owner: histograms, exemplars, limits, staleness. */
#include "proto_writer.h"
#include "world.h"

enum { COUNTER = 0, GAUGE = 1, HISTOGRAM = 4 };

static void start(struct world *w, struct buf *page)
{
	w->format = PROTO_PROMETHEUS_PROTO;
	w->opt.native_histograms = true;
	w->features.exemplars = true;
	buf_init(page, MiB(1));
}

static void put_gauge(struct buf *page, const char *name, double v)
{
	size_t family = pw_family(page, sv_of(name), GAUGE);
	size_t metric = pw_begin(page, 4);
	size_t gauge = pw_begin(page, 2);
	pw_double(page, 1, v);
	pw_end(page, gauge);
	pw_end(page, metric);
	pw_end(page, family);
}

/* A native histogram of two buckets, 1 and `last` above it. */
static void put_histogram(struct buf *page, const char *name, uint64_t last, int64_t exemplar_s)
{
	size_t family = pw_family(page, sv_of(name), HISTOGRAM);
	size_t metric = pw_begin(page, 4);
	size_t histogram = pw_begin(page, 7);
	pw_varint(page, 1, 1 + last);
	pw_double(page, 2, 4.5);
	pw_signed(page, 5, 3);
	pw_double(page, 6, 0.001);
	pw_varint(page, 7, 0);
	pw_span(page, 12, 0, 2);
	pw_signed(page, 13, 1);
	pw_signed(page, 13, (int64_t)last - 1);
	if (exemplar_s)
		pw_exemplar(page, 16, SV("x"), 0.5, exemplar_s);
	pw_end(page, histogram);
	pw_end(page, metric);
	pw_end(page, family);
}

static void test_values_and_histograms(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_gauge(&page, "g", 1.5);
	put_histogram(&page, "h", 3, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
		ASSERT_BATCH(w, "__name__=g, 1.5\n"
				"__name__=h, hist 3 count 4 zero 0 sum 4.5 p1 p2\n");
		assert_int_equal(w->result.series_added, i ? 0 : 2);
		assert_int_equal(w->n_metadata, i ? 0 : 2 + REPORT_MAX);
		assert_int_equal(w->result.parsed, i ? 0 : 2);
	}
	buf_reset(&page);
	put_gauge(&page, "g", 2);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=g, 2\n__name__=h, stale\n");
	/* It comes back, as something else. */
	put_gauge(&page, "h", 7);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=g, 2\n__name__=h, 7\n");
}

static void test_broken_page_leaves_nothing(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_gauge(&page, "g", 1);
	put_histogram(&page, "h", 3, 7);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	/* Cut inside the second family: g was read and keeps its state, h gets its marker. */
	assert_int_equal(scrape_bytes(w, sv_make(page.ptr, page.len - 3)), 1);
	ASSERT_BATCH(w, "__name__=h, stale\n");
	assert_int_equal(w->report[0], 0);
	assert_non_null(strstr(w->err.msg, "byte "));
}

static void test_refused_histogram_fails_the_page(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_gauge(&page, "g", 1);
	size_t family = pw_family(&page, SV("h"), HISTOGRAM);
	size_t metric = pw_begin(&page, 4);
	size_t histogram = pw_begin(&page, 7);
	pw_varint(&page, 1, 9); /* one bucket of 1 does not make 9 */
	pw_double(&page, 2, 4.5);
	pw_signed(&page, 5, 3);
	pw_span(&page, 12, 0, 1);
	pw_signed(&page, 13, 1);
	pw_end(&page, histogram);
	pw_end(&page, metric);
	pw_end(&page, family);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 1);
	ASSERT_BATCH(w, "");
	assert_int_equal(w->result.scraped, 2);
	assert_int_equal(w->result.post_relabel, 1);
}

static void test_bare_names_are_the_same_in_every_format(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_gauge(&page, "g", 1);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	w->format = PROTO_TEXT_0_0_4;
	assert_int_equal(scrape_page(w, "g 2\n"), 0);
	assert_int_equal(w->result.series_added, 0);
	w->format = PROTO_PROMETHEUS_PROTO;
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	assert_int_equal(w->result.series_added, 0);
}

static void test_exemplars(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_histogram(&page, "h", 3, 7);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	assert_non_null(strstr(w->text.ptr, "exemplar __name__=h, "));
	assert_non_null(strstr(w->text.ptr, " 0.5 @7000\n"));
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	assert_null(strstr(w->text.ptr, "exemplar"));
}

static void test_bucket_limits(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_histogram(&page, "h", 3, 0);
	w->opt.native_histogram_min_bucket_factor = 2; /* schema 0 at most */
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=h, hist 0 count 4 zero 0 sum 4.5 p1 p2\n");
	w->opt.native_histogram_bucket_limit = 1;
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 1);
	assert_true(w->result.bucket_limit);
}

/* The same histogram told twice: the first stays. */
static void test_duplicates(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	put_histogram(&page, "h", 3, 0);
	put_gauge(&page, "h", 7);
	put_histogram(&page, "h", 5, 0);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=h, hist 3 count 4 zero 0 sum 4.5 p1 p2\n");
	assert_int_equal(w->result.duplicates, 2);
	assert_int_equal(w->result.post_relabel, 3);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=h, hist 3 count 4 zero 0 sum 4.5 p1 p2\n");
	assert_int_equal(w->result.duplicates, 2);
}

/* A start time between two scrapes: a histogram of nothing stands there. */
static void test_zero_at_start(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	w->features.start_zero = true;
	int64_t start_s = w->t_ms / 1000 - 5;
	size_t family = pw_family(&page, SV("h"), HISTOGRAM);
	size_t metric = pw_begin(&page, 4);
	size_t histogram = pw_begin(&page, 7);
	pw_varint(&page, 1, 1);
	pw_double(&page, 2, 4.5);
	pw_signed(&page, 5, 3);
	pw_span(&page, 12, 0, 1);
	pw_signed(&page, 13, 1);
	pw_time(&page, 15, start_s, 0);
	pw_end(&page, histogram);
	pw_end(&page, metric);
	pw_end(&page, family);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	char expected[200];
	snprintf(expected, sizeof expected,
		 "__name__=h, hist 3 count 0 zero 0 sum 0 @%lld\n"
		 "__name__=h, hist 3 count 1 zero 0 sum 4.5 p1\n",
		 (long long)start_s * 1000);
	ASSERT_BATCH(w, expected);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=h, hist 3 count 1 zero 0 sum 4.5 p1\n");
}

/* The marker that a page shows of a series that is known does not count for sample_limit. */
static void markers_pass_the_limit(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page;
	start(w, &page);
	w->opt.sample_limit = 1;
	put_gauge(&page, "g", 1);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	buf_reset(&page);
	put_gauge(&page, "g", double_of_bits(VALUE_STALE_BITS));
	put_gauge(&page, "h", 2);
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 0);
	ASSERT_BATCH(w, "__name__=g, stale\n__name__=h, 2\n");
	buf_reset(&page);
	put_gauge(&page, "h", 2);
	put_gauge(&page, "i", double_of_bits(VALUE_STALE_BITS));
	assert_int_equal(scrape_bytes(w, buf_view(&page)), 1);
	assert_true(w->result.sample_limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values_and_histograms),
		TEST(test_broken_page_leaves_nothing),
		TEST(test_refused_histogram_fails_the_page),
		TEST(test_bare_names_are_the_same_in_every_format),
		TEST(test_exemplars),
		TEST(test_bucket_limits),
		TEST(test_duplicates),
		TEST(test_zero_at_start),
		TEST(markers_pass_the_limit),
	};
	return cmocka_run_group_tests_name("page_proto", tests, NULL, NULL);
}
