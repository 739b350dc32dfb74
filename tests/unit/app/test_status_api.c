/* What the API tells of the process, its flags and its configuration. */
#include "status_api.h"

#include <ampagent/base/clock.h>
#include <ampagent/net/http_client.h>
#include <ampagent/scrape.h>
#include <ampagent/wal.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char text[] = "scrape_configs:\n"
			   "- job_name: j\n"
			   "  basic_auth: {username: u, password: hidden}\n"
			   "ampagent: {wal: {max_bytes: 3GiB, max_age: 36h}}\n";

struct fixture {
	struct loop *loop;
	struct config *config;
	struct status_api api;
};

static void retire(void *cls, uint32_t frame)
{
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err = ERR_NULL;
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	if (config_parse(sv_of(text), "x.yml", NULL, NULL, &f->config, &err) != 0)
		fail_msg("%s", err.msg);
	const struct wal_options log = {.memory = true, .max_bytes = MiB(1)};
	assert_int_equal(wal_open(&log, &f->api.wal, &err), 0);
	const struct scrape_env env = {.loop = f->loop, .frame_retire = retire};
	const struct scrape_features features = {0};
	assert_int_equal(scrape_new(&env, &f->api.scrape, &err), 0);
	assert_int_equal(scrape_apply(f->api.scrape, f->config->scrapes, f->config->n_scrapes,
				      f->config->external_labels, &features),
			 0);
	f->api.config = f->config;
	f->api.flags_shown = SV("{\"a\":\"b\"}");
	f->api.start_ms = 1700000000123;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	scrape_free(f->api.scrape);
	wal_close(f->api.wal);
	config_unref(f->config);
	loop_free(f->loop);
	http_client_global_deinit();
	free(f);
	return 0;
}

#define QUERY(...) ((struct web_query){.limit = -1, .limit_per_metric = -1, __VA_ARGS__})

/* Between two other values, so that commas tell. */
static char *data(struct fixture *f, enum web_data what, struct web_query q)
{
	struct buf out = BUF_NULL;
	struct err err = ERR_NULL;
	buf_init(&out, MiB(1));
	struct json_writer w = {.out = &out};
	json_begin_array(&w);
	json_null(&w);
	if (status_api_data(&f->api, what, &q, &w, &err) != 0) {
		buf_reset(&out);
		buf_sv(&out, sv_of(err.msg));
		return buf_take(&out);
	}
	json_null(&w);
	json_end_array(&w);
	return buf_take(&out);
}

static void expect(struct fixture *f, enum web_data what, struct web_query q, const char *expected)
{
	_cleanup_(freep) char *json = data(f, what, q);
	assert_string_equal(json, expected);
}

static void expect_part(struct fixture *f, enum web_data what, const char *part)
{
	_cleanup_(freep) char *json = data(f, what, QUERY());
	if (!strstr(json, part))
		fail_msg("no %s in %s", part, json);
}

static void flags_as_they_are_given(void **state)
{
	expect(*state, WEB_STATUS_FLAGS, QUERY(), "[null,{\"a\":\"b\"},null]");
}

static void the_configuration_without_secrets(void **state)
{
	struct fixture *f = *state;
	expect_part(f, WEB_STATUS_CONFIG, "{\"yaml\":\"");
	expect_part(f, WEB_STATUS_CONFIG, "password: <secret>");
	_cleanup_(freep) char *json = data(f, WEB_STATUS_CONFIG, QUERY());
	assert_null(strstr(json, "hidden"));
}

static void the_process(void **state)
{
	struct fixture *f = *state;
	metric_set(M_CONFIG_LAST_RELOAD_SUCCESS_TS, 1700000001.5);
	expect_part(f, WEB_STATUS_RUNTIME,
		    "{\"startTime\":\"2023-11-14T22:13:20.123Z\",\"CWD\":\"/");
	expect_part(f, WEB_STATUS_RUNTIME, "\"lastConfigTime\":\"2023-11-14T22:13:21.000Z\"");
	expect_part(f, WEB_STATUS_RUNTIME, "\"corruptionCount\":0,\"goroutineCount\":");
	expect_part(f, WEB_STATUS_RUNTIME, "\"reloadConfigSuccess\":true");
	expect_part(f, WEB_STATUS_RUNTIME, "\"storageRetention\":\"1d12h or 3GiB\"}");
	_cleanup_(freep) char *json = data(f, WEB_STATUS_RUNTIME, QUERY());
	/* A number that is not 0. */
	static const char *const counts[] = {"\"goroutineCount\":", "\"GOMAXPROCS\":"};
	for (size_t i = 0; i < 2; i++) {
		const char *digit = strstr(json, counts[i]) + strlen(counts[i]);
		assert_in_range(*digit, '1', '9');
	}
	expect_part(f, WEB_STATUS_BUILD, "{\"version\":\"" AMPAGENT_VERSION "\",\"revision\":\"\"");
}

static void a_reload_that_failed(void **state)
{
	struct fixture *f = *state;
	expect(f, WEB_NOTIFICATIONS, QUERY(), "[null,[],null]");
	f->api.reload_failed_ms = 1700000000000;
	expect(f, WEB_NOTIFICATIONS, QUERY(),
	       "[null,[{\"text\":\"Configuration reload has failed.\","
	       "\"date\":\"2023-11-14T22:13:20.000Z\",\"active\":true}],null]");
	expect_part(f, WEB_STATUS_RUNTIME, "\"reloadConfigSuccess\":false");
}

static void what_scraping_tells(void **state)
{
	struct fixture *f = *state;
	expect(f, WEB_SCRAPE_POOLS, QUERY(), "[null,{\"scrapePools\":[\"j\"]},null]");
	expect(f, WEB_TARGETS, QUERY(.state = SV("dropped")),
	       "[null,{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{\"j\":0}"
	       "}"
	       ",null]");
	expect(f, WEB_TARGETS_METADATA, QUERY(), "[null,[],null]");
	expect(f, WEB_TARGETS_METADATA, QUERY(.match_target = SV("{")),
	       "invalid parameter \"match_target\": 1:2: parse error: unexpected end of input "
	       "inside braces");
	expect(f, WEB_METADATA, QUERY(), "[null,{},null]");
	expect(f, WEB_RELABEL_STEPS, QUERY(.scrape_pool = SV("j"), .labels = SV("{}")),
	       "[null,{\"steps\":[]},null]");
	expect(f, WEB_RELABEL_STEPS, QUERY(.scrape_pool = SV("k"), .labels = SV("{}")),
	       "error retrieving scrape config: scrape pool \"k\" not found");
	expect(f, WEB_LEDGER, QUERY(), "no such data");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

/* Nobody has to read the log to see why targets are missing. */
static void targets_that_wait(void **state)
{
	struct fixture *f = *state;
	const struct identity unknown = {.mode = IDENTITY_AUTO};
	static const char label[] = "\x0b"
				    "__address__"
				    "\x0b"
				    "localhost:1";
	struct labels target = {label, sizeof label - 1};
	const struct target_group group = {.source = SV("0"), .targets = &target, .n_targets = 1};
	const struct target_sink sink = scrape_target_sink(f->api.scrape);
	expect(f, WEB_NOTIFICATIONS, QUERY(), "[null,[],null]");
	assert_int_equal(scrape_set_identity(f->api.scrape, &unknown), 0);
	sink.update(sink.cls, SV("j"), &group, 1);
	expect_part(
		f, WEB_NOTIFICATIONS,
		"{\"text\":\"Targets of this ECS task wait: its metadata has not yet said which "
		"task it is.\",\"date\":\"2023-11-14T22:13:20.123Z\",\"active\":true}");
	f->api.reload_failed_ms = 1700000001000;
	expect_part(f, WEB_NOTIFICATIONS, "{\"text\":\"Configuration reload has failed.\",");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flags_as_they_are_given),
		TEST(targets_that_wait),
		TEST(the_configuration_without_secrets),
		TEST(the_process),
		TEST(a_reload_that_failed),
		TEST(what_scraping_tells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
