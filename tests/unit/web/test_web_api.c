/* The API's paths, parameters and errors. */
#include "face.h"

static void the_envelope(void **state)
{
	struct face *f = *state;
	web_set_state(f->web, WEB_READY);
	assert_int_equal(face_ask(f, "GET", "/api/v1/targets"), 200);
	assert_string_equal(f->type, "application/json");
	assert_string_equal(f->body.ptr, "{\"status\":\"success\",\"data\":\"data\"}");
	f->why = "not \"this\"";
	assert_int_equal(face_ask(f, "GET", "/api/v1/targets"), 400);
	assert_string_equal(f->type, "application/json");
	assert_string_equal(f->body.ptr, "{\"status\":\"error\",\"errorType\":\"bad_data\","
					 "\"error\":\"not \\\"this\\\"\"}");
	f->why = NULL;
	f->large = true;
	assert_int_equal(face_ask(f, "GET", "/api/v1/targets"), 500);
	assert_non_null(strstr(f->body.ptr, "\"errorType\":\"internal\""));
}

static void what_is_asked_for(void **state)
{
	static const struct {
		const char *path;
		enum web_data what;
		const char *query;
	} cases[] = {
		{"targets?state=active&scrapePool=a%20b&limit=x", WEB_TARGETS, "active|a b||||0|0"},
		{"targets", WEB_TARGETS, "|||||0|0"},
		{"targets/metadata", WEB_TARGETS_METADATA, "|||||-1|0"},
		{"targets/metadata?match_target=%7Ba%3D%22b%22%7D&metric=m&limit=7",
		 WEB_TARGETS_METADATA, "||{a=\"b\"}|m||7|0"},
		{"targets/relabel_steps?scrapePool=p&labels=%7B%7D", WEB_RELABEL_STEPS,
		 "|p|||{}|0|0"},
		{"metadata?metric=m&limit=%2B0&limit_per_metric=-3", WEB_METADATA, "|||m||0|-3"},
		{"metadata?limit=", WEB_METADATA, "|||||-1|-1"},
		{"scrape_pools", WEB_SCRAPE_POOLS, "|||||-1|-1"},
		{"status/config", WEB_STATUS_CONFIG, "|||||-1|-1"},
		{"status/flags", WEB_STATUS_FLAGS, "|||||-1|-1"},
		{"status/runtimeinfo", WEB_STATUS_RUNTIME, "|||||-1|-1"},
		{"status/buildinfo", WEB_STATUS_BUILD, "|||||-1|-1"},
		{"notifications", WEB_NOTIFICATIONS, "|||||-1|-1"},
		{"ledger", WEB_LEDGER, "|||||-1|-1"},
	};
	struct face *f = *state;
	web_set_state(f->web, WEB_READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char path[256];
		snprintf(path, sizeof path, "/api/v1/%s", cases[i].path);
		assert_int_equal(face_ask(f, "GET", path), 200);
		assert_int_equal(f->what, cases[i].what);
		assert_string_equal(f->asked_for, cases[i].query);
	}
}

static void parameters_that_are_wrong(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{"targets/metadata?limit=1x", "limit must be a number"},
		{"metadata?limit=%2B-1", "limit must be a number"},
		{"metadata?limit=99999999999999999999", "limit must be a number"},
		{"metadata?limit_per_metric=many", "limit_per_metric must be a number"},
		{"targets/relabel_steps?labels=%7B%7D", "no scrapePool parameter provided"},
		{"targets/relabel_steps?scrapePool=p", "no labels parameter provided"},
	};
	struct face *f = *state;
	web_set_state(f->web, WEB_READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char path[256], expected[256];
		snprintf(path, sizeof path, "/api/v1/%s", cases[i].path);
		snprintf(expected, sizeof expected,
			 "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"%s\"}",
			 cases[i].why);
		assert_int_equal(face_ask(f, "GET", path), 400);
		assert_string_equal(f->body.ptr, expected);
	}
	assert_int_equal(f->asked, 0);
}

static void what_an_agent_has_not(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
	} cases[] = {
		{"GET", "query?query=up", 422},
		{"POST", "query", 422},
		{"GET", "query_range", 422},
		{"POST", "series", 422},
		{"GET", "labels", 422},
		{"GET", "label/a%20b/values", 422},
		{"GET", "rules", 422},
		{"GET", "alerts", 422},
		{"GET", "alertmanagers", 422},
		{"GET", "status/tsdb", 422},
		{"PUT", "admin/tsdb/snapshot", 422},
		{"GET", "admin/tsdb/snapshot", 405},
		{"DELETE", "series", 405},
		{"POST", "targets", 405},
		{"POST", "label/a/values", 405},
		{"GET", "label/values", 404},
		{"GET", "label//values", 404},
		{"GET", "nothing", 404},
		{"GET", "", 404},
		{"OPTIONS", "targets", 204},
		{"OPTIONS", "nothing/at/all", 204},
		{"GET", "notifications/live", 204},
		{"GET", "status/walreplay", 200},
	};
	struct face *f = *state;
	web_set_state(f->web, WEB_READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char path[256];
		snprintf(path, sizeof path, "/api/v1/%s", cases[i].path);
		int status = face_ask(f, cases[i].method, path);
		if (status != cases[i].status)
			fail_msg("%s %s: %d", cases[i].method, path, status);
		if (status == 422)
			assert_string_equal(f->body.ptr,
					    "{\"status\":\"error\",\"errorType\":\"execution\","
					    "\"error\":\"unavailable with Prometheus Agent\"}");
	}
	assert_int_equal(f->asked, 0);
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	assert_non_null(strstr(f->body.ptr, "{handler=\"/api/v1/label/:name/values\",code=\"422\"} "
					    "1\n"));
	assert_non_null(strstr(f->body.ptr, "{handler=\"/api/v1/targets\",code=\"405\"} 1\n"));
}

static void before_the_agent_is_ready(void **state)
{
	struct face *f = *state;
	assert_int_equal(face_ask(f, "GET", "/api/v1/metadata"), 503);
	assert_string_equal(f->body.ptr, "{\"status\":\"error\",\"errorType\":\"unavailable\","
					 "\"error\":\"ampagent is starting\"}");
	assert_int_equal(face_ask(f, "GET", "/api/v1/query"), 503);
	assert_int_equal(face_ask(f, "OPTIONS", "/api/v1/query"), 204);
	assert_int_equal(f->asked, 0);
	web_set_state(f->web, WEB_STOPPING);
	assert_int_equal(face_ask(f, "GET", "/api/v1/metadata"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACE_TEST(the_envelope),
		FACE_TEST(what_is_asked_for),
		FACE_TEST(parameters_that_are_wrong),
		FACE_TEST(what_an_agent_has_not),
		FACE_TEST(before_the_agent_is_ready),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
