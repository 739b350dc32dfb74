/* Metadata of what was scraped, as the API tells it. */
#include "farm.h"

static const char page[] = "# HELP c_total Counts.\n# TYPE c_total counter\nc_total 1\n"
			   "# TYPE g gauge\ng 2\n# HELP only A \"help\".\n";

static char *by_target(struct farm *f, struct metadata_query q, struct err *err)
{
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	struct json_writer w = {.out = &out};
	if (scrape_targets_metadata_json(f->scrape, &w, &q, err) != 0)
		assert_int_equal(out.len, 0);
	return buf_take(&out);
}

static char *by_family(struct farm *f, struct metadata_query q)
{
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	struct json_writer w = {.out = &out};
	scrape_metadata_json(f->scrape, &w, &q);
	return buf_take(&out);
}

#define QUERY(max, max_each, ...)                                                                  \
	((struct metadata_query){.limit = (max), .limit_per_metric = (max_each), __VA_ARGS__})

static void expect_targets(struct farm *f, struct metadata_query q, const char *expected)
{
	struct err err = ERR_NULL;
	_cleanup_(freep) char *json = by_target(f, q, &err);
	assert_string_equal(err.msg, "");
	assert_string_equal(json, expected);
}

static void expect_families(struct farm *f, struct metadata_query q, const char *expected)
{
	_cleanup_(freep) char *json = by_family(f, q);
	assert_string_equal(json, expected);
}

static void before_anything_is_scraped(void **state)
{
	struct farm *f = *state;
	snprintf(f->address, sizeof f->address, "127.0.0.1:1");
	farm_sync(f, "j", LABELS(""));
	expect_targets(f, QUERY(-1, -1), "[]");
	expect_families(f, QUERY(-1, -1), "{}");
}

/* Two targets of job j (x=1, x=2), one of k. */
static void scrape_all(struct farm *f)
{
	f->body = sv_of(page);
	farm_sync(f, "j", LABELS("x=1", "x=2"));
	farm_sync(f, "k", LABELS(""));
	farm_wait(f, f->n_batches + 6);
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void of_targets(void **state)
{
	struct farm *f = *state;
	scrape_all(f);
	struct err err = ERR_NULL;
	_cleanup_(freep) char *all = by_target(f, QUERY(-1, -1), &err);
	assert_int_equal(count_of(all, "\"target\":{"), 9);
	assert_int_equal(count_of(all, "\"metric\":\"up\""), 0);
	char expected[512];
	snprintf(expected, sizeof expected,
		 "[{\"target\":{\"instance\":\"%s\",\"job\":\"k\"},\"type\":\"counter\","
		 "\"help\":\"Counts.\",\"unit\":\"\"}]",
		 f->address);
	expect_targets(f, QUERY(-1, -1, .match_target = SV("{job=\"k\"}"), .metric = SV("c_total")),
		       expected);
	snprintf(expected, sizeof expected,
		 "[{\"target\":{\"instance\":\"%s\",\"job\":\"j\",\"x\":\"2\"},\"type\":"
		 "\"unknown\",\"help\":\"A \\\"help\\\".\",\"unit\":\"\"}]",
		 f->address);
	expect_targets(f, QUERY(-1, -1, .match_target = SV("{x!~\"1?\"}"), .metric = SV("only")),
		       expected);
	expect_targets(f, QUERY(-1, -1, .metric = SV("none")), "[]");
	expect_targets(f, QUERY(-1, -1, .match_target = SV("up")), "[]");
}

static void limits_of_targets(void **state)
{
	struct farm *f = *state;
	scrape_all(f);
	static const struct {
		int64_t limit;
		size_t all, one;
	} cases[] = {{-2, 9, 3}, {0, 0, 0}, {1, 3, 1}, {3, 3, 3}, {4, 6, 3}, {99, 9, 3}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = ERR_NULL;
		struct metadata_query q = QUERY(cases[i].limit, -1);
		_cleanup_(freep) char *all = by_target(f, q, &err);
		q.metric = SV("g");
		_cleanup_(freep) char *one = by_target(f, q, &err);
		assert_int_equal(count_of(all, "\"target\":{"), cases[i].all);
		assert_int_equal(count_of(one, "\"target\":{"), cases[i].one);
	}
}

static void a_selector_that_is_none(void **state)
{
	struct farm *f = *state;
	struct err err = ERR_NULL;
	_cleanup_(freep) char *json = by_target(f, QUERY(-1, -1, .match_target = SV("{foo")), &err);
	assert_string_equal(err.msg, "invalid parameter \"match_target\": 1:5: parse error: "
				     "unexpected end of input inside braces");
}

#define C_TOTAL "\"c_total\":[{\"type\":\"counter\",\"unit\":\"\",\"help\":\"Counts.\"}"
#define GAUGE "\"g\":[{\"type\":\"gauge\",\"unit\":\"\",\"help\":\"\"}]"

static void of_families(void **state)
{
	struct farm *f = *state;
	scrape_all(f);
	expect_families(f, QUERY(2, -1), "{" C_TOTAL "]," GAUGE "}");
	expect_families(f, QUERY(-1, -1, .metric = SV("g")), "{" GAUGE "}");
	expect_families(f, QUERY(-1, -1, .metric = SV("none")), "{}");
	expect_families(f, QUERY(0, -1), "{}");
	/* Targets that disagree: job k goes on with what it has. */
	struct owner *o = farm_pool(f, 1)->targets[0]->owner;
	const struct batch_metadata other = {METRIC_GAUGE, SV("c_total"), SV("Counts."), SV("")};
	assert_int_equal(metadata_list_set(&f->scrape->metadata, &o->metadata, &other, 1), 0);
	expect_families(f, QUERY(-1, -1, .metric = SV("c_total")),
			"{" C_TOTAL ",{\"type\":\"gauge\",\"unit\":\"\",\"help\":\"Counts.\"}]}");
	expect_families(f, QUERY(-1, 1, .metric = SV("c_total")), "{" C_TOTAL "]}");
}

/* What is kept follows the page, and goes with the target. */
static void pages_that_change(void **state)
{
	struct farm *f = *state;
	f->body = SV("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n");
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	f->body = SV("# TYPE a gauge\na 1\n# TYPE c counter\nc 1\n");
	farm_wait(f, f->n_batches + 2);
	expect_families(f, QUERY(-1, -1),
			"{\"a\":[{\"type\":\"gauge\",\"unit\":\"\",\"help\":\"\"}],"
			"\"c\":[{\"type\":\"counter\",\"unit\":\"\",\"help\":\"\"}]}");
	farm_sync(f, "j", (const char *const[]){NULL});
	expect_families(f, QUERY(-1, -1), "{}");
	expect_targets(f, QUERY(-1, -1), "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(before_anything_is_scraped),
		FARM_TEST(of_targets),
		FARM_TEST(limits_of_targets),
		FARM_TEST(a_selector_that_is_none),
		FARM_TEST(of_families),
		FARM_TEST(pages_that_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
