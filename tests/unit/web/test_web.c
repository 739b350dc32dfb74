/* Routes. */
#include "face.h"

static void health_needs_nothing(void **state)
{
	struct face *f = *state;
	static const enum web_state states[] = {WEB_STARTING, WEB_READY, WEB_STOPPING};
	for (size_t i = 0; i < 3; i++) {
		web_set_state(f->web, states[i]);
		assert_int_equal(face_ask(f, "GET", "/-/healthy"), 200);
		assert_string_equal(f->body.ptr, "ampagent is Healthy.\n");
		assert_int_equal(face_ask(f, "HEAD", "/-/healthy"), 200);
		assert_string_equal(f->body.ptr, "");
	}
}

static void ready_when_it_is(void **state)
{
	struct face *f = *state;
	assert_int_equal(face_ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(face_ask(f, "GET", "/api/v1/targets"), 503);
	assert_non_null(strstr(f->body.ptr, "\"errorType\":\"unavailable\""));
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	web_set_state(f->web, WEB_READY);
	assert_int_equal(face_ask(f, "GET", "/-/ready"), 200);
	assert_string_equal(f->body.ptr, "ampagent is Ready.\n");
	assert_int_equal(face_ask(f, "GET", "/api/v1/targets"), 200);
	web_set_state(f->web, WEB_STOPPING);
	assert_int_equal(face_ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(face_ask(f, "HEAD", "/-/ready"), 503);
	/* Who waits for the rest to be delivered still sees the books. */
	assert_int_equal(face_ask(f, "GET", "/api/v1/ledger"), 200);
}

static void paths_and_methods(void **state)
{
	struct face *f = *state;
	static const struct {
		const char *method, *path;
		int status;
		const char *type;
	} cases[] = {
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/targets", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/version", 200, "application/json"},
		{"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
		{"GET", "/nothing", 404, NULL},
		{"GET", "/ecs/metrics", 404, NULL},
		{"GET", "/-/", 404, NULL},
		{"GET", "/metrics/", 404, NULL},
		{"POST", "/nothing", 404, NULL},
		{"POST", "/metrics", 405, NULL},
		{"DELETE", "/", 405, NULL},
		{"PUT", "/api/v1/targets", 405, NULL},
		{"POST", "/-/reload", 403, NULL},
		{"PUT", "/-/quit", 403, NULL},
		{"GET", "/-/reload", 405, NULL},
		{"HEAD", "/-/quit", 405, NULL},
	};
	web_set_state(f->web, WEB_READY);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int status = face_ask(f, cases[i].method, cases[i].path);
		if (status != cases[i].status)
			fail_msg("%s %s: %d, not %d", cases[i].method, cases[i].path, status,
				 cases[i].status);
		if (cases[i].type)
			assert_string_equal(f->type, cases[i].type);
	}
}

static void metrics_are_collected_and_counted(void **state)
{
	struct face *f = *state;
	assert_int_equal(face_ask(f, "GET", "/nothing"), 404);
	assert_int_equal(face_ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(face_ask(f, "POST", "/-/ready"), 405);
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	static const char *const lines[] = {
		"ampagent_build_info{version=\"test\"} 1\n",
		"# TYPE prometheus_http_requests_total counter\n",
		"prometheus_http_requests_total{handler=\"other\",code=\"404\"} 1\n",
		"prometheus_http_requests_total{handler=\"/-/ready\",code=\"503\"} 1\n",
		"prometheus_http_requests_total{handler=\"/-/ready\",code=\"405\"} 1\n",
		"prometheus_http_requests_total{handler=\"/metrics\",code=\"200\"} 1\n",
		"prometheus_ready 0\n",
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		if (!strstr(f->body.ptr, lines[i]))
			fail_msg("no %s in %s", lines[i], f->body.ptr);
	}
	assert_null(strstr(f->body.ptr, "code=\"500\""));
}

static void the_version(void **state)
{
	struct face *f = *state;
	assert_int_equal(face_ask(f, "GET", "/version"), 200);
	assert_int_equal(f->what, WEB_STATUS_BUILD);
	assert_string_equal(f->body.ptr, "\"data\"\n");
}

static void reload_and_quit_when_allowed(void **state)
{
	struct face *f = *state;
	web_set_state(f->web, WEB_READY);
	assert_int_equal(face_ask(f, "GET", "/-/reload"), 405);
	assert_string_equal(f->body.ptr, "Only POST or PUT requests allowed");
	assert_int_equal(face_ask(f, "POST", "/-/reload"), 200);
	assert_string_equal(f->body.ptr, "");
	assert_int_equal(face_ask(f, "PUT", "/-/reload"), 200);
	f->reload_later = true;
	assert_int_equal(face_ask(f, "PUT", "/-/reload"), 200);
	f->reload_error = "x.yml:1:2: bad";
	assert_int_equal(face_ask(f, "POST", "/-/reload"), 500);
	assert_string_equal(f->body.ptr, "failed to reload config: x.yml:1:2: bad\n");
	assert_int_equal(f->reloads, 4);
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	assert_non_null(strstr(f->body.ptr, "{handler=\"/-/reload\",code=\"200\"} 3\n"));
	assert_non_null(strstr(f->body.ptr, "{handler=\"/-/reload\",code=\"500\"} 1\n"));
	assert_int_equal(face_ask(f, "GET", "/-/quit"), 405);
	assert_int_equal(f->quits, 0);
	assert_int_equal(face_ask(f, "PUT", "/-/quit"), 200);
	assert_string_equal(f->body.ptr, "Requesting termination... Goodbye!");
	assert_int_equal(face_ask(f, "POST", "/-/quit"), 200);
	assert_string_equal(f->body.ptr, "Termination already in progress.");
	assert_int_equal(f->quits, 1);
}

static void without_the_flag_nothing_is_called(void **state)
{
	struct face *f = *state;
	assert_int_equal(face_ask(f, "POST", "/-/reload"), 403);
	assert_string_equal(f->body.ptr, "Lifecycle API is not enabled.");
	assert_int_equal(face_ask(f, "POST", "/-/quit"), 403);
	assert_int_equal(f->reloads + f->quits, 0);
}

static void the_task_has_a_page(void **state)
{
	struct face *f = *state;
	static const struct {
		const char *path;
		bool adot;
	} cases[] = {
		{"/ecs/metrics", false},
		{"/ecs/metrics?names=adot", true},
		{"/ecs/metrics?names=prometheus", false},
		{"/ecs/metrics?other=adot&names=%61dot", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		f->task_later = i % 2;
		assert_int_equal(face_ask(f, "GET", cases[i].path), 200);
		assert_string_equal(f->type, "text/plain; version=0.0.4; charset=utf-8");
		assert_string_equal(f->body.ptr, "up 1\n");
		assert_int_equal(f->task_pages, i + 1);
		assert_int_equal(f->task_adot, cases[i].adot);
	}
	f->task_error = "no statistics yet";
	assert_int_equal(face_ask(f, "GET", "/ecs/metrics"), 503);
	assert_string_equal(f->body.ptr, "no statistics yet\n");
	assert_int_equal(face_ask(f, "GET", "/ecs/metrics?names=none"), 400);
	assert_int_equal(face_ask(f, "POST", "/ecs/metrics"), 405);
	assert_int_equal(f->task_pages, 5);
	assert_int_equal(face_ask(f, "GET", "/metrics"), 200);
	assert_non_null(strstr(f->body.ptr, "{handler=\"/ecs/metrics\",code=\"200\"} 4\n"));
	assert_non_null(strstr(f->body.ptr, "{handler=\"/ecs/metrics\",code=\"503\"} 1\n"));
}

static void an_address_that_cannot_be_had(void **state)
{
	struct face *f = *state;
	struct err err = ERR_NULL;
	struct web *other = NULL;
	char listen[32];
	snprintf(listen, sizeof listen, "127.0.0.1:%d", web_port(f->web));
	const struct web_env env = {.loop = f->loop, .listen = sv_of(listen)};
	assert_int_not_equal(web_new(&env, &other, &err), 0);
	assert_null(other);
	assert_true(err.msg[0] != '\0');
	web_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACE_TEST(health_needs_nothing),
		FACE_TEST(ready_when_it_is),
		FACE_TEST(paths_and_methods),
		FACE_TEST(metrics_are_collected_and_counted),
		FACE_TEST(the_version),
		FACE_TEST(an_address_that_cannot_be_had),
		FACE_TEST(without_the_flag_nothing_is_called),
		cmocka_unit_test_setup_teardown(reload_and_quit_when_allowed, face_setup_lifecycle,
						face_teardown),
		cmocka_unit_test_setup_teardown(the_task_has_a_page, face_setup_task,
						face_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
