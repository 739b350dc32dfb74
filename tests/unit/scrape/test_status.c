/* What the room tells of itself. */
#include "farm.h"

static char *targets_json(struct farm *f, const char *state, const char *pool)
{
	struct buf out = BUF_NULL;
	buf_init(&out, MiB(1));
	struct json_writer w = {.out = &out};
	scrape_targets_json(f->scrape, &w, sv_of(state), sv_of(pool));
	return buf_take(&out);
}

static void expect(struct farm *f, const char *state, const char *pool, const char *expected)
{
	_cleanup_(freep) char *json = targets_json(f, state, pool);
	assert_string_equal(json, expected);
}

#define NONE "{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":"

static void the_shape_of_targets(void **state)
{
	struct farm *f = *state;
	expect(f, "", "", NONE "{\"j\":0,\"k\":0}}");
	snprintf(f->address, sizeof f->address, "h:1");
	farm_sync(f, "j", LABELS("x=a\"b"));
	expect(f, "active", "j",
	       "{\"activeTargets\":[{\"discoveredLabels\":{\"__address__\":\"h:1\","
	       "\"__always_scrape_classic_histograms__\":\"false\","
	       "\"__convert_classic_histograms_to_nhcb__\":\"false\","
	       "\"__metrics_path__\":\"/metrics\",\"__scheme__\":\"http\","
	       "\"__scrape_interval__\":\"100ms\",\"__scrape_native_histograms__\":\"false\","
	       "\"__scrape_timeout__\":\"100ms\",\"job\":\"j\",\"x\":\"a\\\"b\"},"
	       "\"labels\":{\"instance\":\"h:1\",\"job\":\"j\",\"x\":\"a\\\"b\"},"
	       "\"scrapePool\":\"j\",\"scrapeUrl\":\"http://h:1/metrics\","
	       "\"globalUrl\":\"http://h:1/metrics\",\"lastError\":\"\","
	       "\"lastScrape\":\"0001-01-01T00:00:00Z\",\"lastScrapeDuration\":0,"
	       "\"health\":\"unknown\",\"scrapeInterval\":\"100ms\","
	       "\"scrapeTimeout\":\"100ms\"}],\"droppedTargets\":[],"
	       "\"droppedTargetCounts\":null}");
	expect(f, "ACTIVE", "k", NONE "null}");
	expect(f, "dropped", "j", NONE "{\"j\":0,\"k\":0}}");
	expect(f, "nonsense", "j", NONE "null}");
}

static void health_and_time(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "k", LABELS(""));
	farm_wait(f, 1);
	_cleanup_(freep) char *up = targets_json(f, "any", "k");
	assert_non_null(strstr(up, "\"health\":\"up\""));
	assert_null(strstr(up, "0001-01-01"));
	f->status = 503;
	farm_wait(f, f->n_batches + 2);
	_cleanup_(freep) char *down = targets_json(f, "any", "k");
	assert_non_null(strstr(down, "\"health\":\"down\""));
	assert_non_null(strstr(down, "\"lastError\":\"server returned HTTP status 503\""));
	struct scrape_summary sum = scrape_summary(f->scrape);
	assert_true(sum.pools == 2 && sum.targets == 1 && sum.targets_up == 0);
}

static void dropped_targets_show_no_password(void **state)
{
	struct farm *f = *state;
	struct sv source = SV("job");
	struct relabel_rule rule = relabel_rule_default();
	rule.action = RELABEL_DROP;
	rule.source_labels = &source;
	rule.n_source_labels = 1;
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(&rule, 1, NAMES_UTF8, &set, &bad, NULL), 0);
	f->opt[0].relabel = set;
	snprintf(f->address, sizeof f->address, "u:hidden@h");
	farm_sync(f, "j", LABELS(""));
	_cleanup_(freep) char *json = targets_json(f, "dropped", "");
	assert_non_null(strstr(json, "\"droppedTargets\":[{\"discoveredLabels\":{"));
	assert_non_null(strstr(json, "\"__address__\":\"<secret>\""));
	assert_non_null(strstr(json, "\"droppedTargetCounts\":{\"j\":1,\"k\":0}"));
	assert_null(strstr(json, "hidden"));
}

static void expect_global(struct farm *f, const char *address, const char *url)
{
	char expected[128];
	snprintf(f->address, sizeof f->address, "%s", address);
	farm_sync(f, "j", LABELS(""));
	_cleanup_(freep) char *json = targets_json(f, "active", "j");
	snprintf(expected, sizeof expected, "\"globalUrl\":\"%s\"", url);
	if (!strstr(json, expected))
		fail_msg("no %s in %s", expected, json);
}

static void urls_as_others_see_them(void **state)
{
	struct farm *f = *state;
	struct scrape_env *env = &f->scrape->env;
	env->public_scheme = SV("https");
	env->public_host = SV("agent.example:8443");
	env->own_port = SV("9090");
	expect_global(f, "other:9090", "http://other:9090/metrics");
	expect_global(f, "localhost:9100", "http://agent.example:9100/metrics");
	expect_global(f, "127.0.0.1:9100", "http://agent.example:9100/metrics");
	expect_global(f, "[::1]:9100", "http://agent.example:9100/metrics");
	expect_global(f, "[::2]:9100", "http://[::2]:9100/metrics");
	expect_global(f, "127.0.0.1", "http://agent.example/metrics");
	/* The agent itself. */
	expect_global(f, "127.0.0.1:9090", "https://agent.example:8443/metrics");
	env->public_host = SV("[::5]:1");
	expect_global(f, "localhost:9100", "http://[::5]:9100/metrics");
	expect_global(f, "localhost:9090", "https://[::5]:1/metrics");
}

static void pools_by_name(void **state)
{
	struct farm *f = *state;
	struct buf out = BUF_NULL;
	buf_init(&out, KiB(1));
	struct json_writer w = {.out = &out};
	f->opt[0].job_name = SV("z");
	farm_apply(f);
	scrape_pools_json(f->scrape, &w);
	_cleanup_(freep) char *json = buf_take(&out);
	assert_string_equal(json, "{\"scrapePools\":[\"k\",\"z\"]}");
}

static void metrics(void **state)
{
	struct farm *f = *state;
	f->opt[1].target_limit = 7;
	farm_sync(f, "j", LABELS("x=1", "x=2"));
	farm_wait(f, 4);
	static const char *const lines[] = {
		"prometheus_target_scrape_pool_targets{scrape_job=\"j\"} 2\n",
		"prometheus_target_scrape_pool_targets{scrape_job=\"k\"} 0\n",
		"prometheus_target_scrape_pool_target_limit{scrape_job=\"k\"} 7\n",
		"prometheus_target_scrape_pool_sync_total{scrape_job=\"j\"} 1\n",
		"prometheus_target_sync_failed_total{scrape_job=\"j\"} 0\n",
		"ampagent_scrape_series{scrape_job=\"j\"} 14\n",
		"prometheus_target_interval_length_seconds_count{interval=\"100ms\"} ",
		"ampagent_scrape_samples_refused_total{reason=\"clock_set_back\"} 0\n",
	};
	_cleanup_(freep) char *text = farm_metrics(f);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (!strstr(text, lines[i]))
			fail_msg("no %s in\n%s", lines[i], text);
	}
	/* Both jobs have the same interval: one summary. */
	char *first = strstr(text, "_seconds_count{");
	assert_non_null(first);
	assert_null(strstr(first + 1, "_seconds_count{"));
	assert_true(metric_get(M_AGENT_ACTIVE_SERIES) == 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(the_shape_of_targets),
		FARM_TEST(health_and_time),
		FARM_TEST(dropped_targets_show_no_password),
		FARM_TEST(urls_as_others_see_them),
		FARM_TEST(pools_by_name),
		FARM_TEST(metrics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
