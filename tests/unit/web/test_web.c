/* Routes, over the real server with the agent's own client. */
#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>
#include <ampagent/net/http_client.h>
#include <ampagent/web.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { GUARD_MS = 20000 };

struct fixture {
	struct loop *loop;
	struct web *web;
	struct http_pool *pool;
	struct http_client *client;
	char state[64], scrape_pool[64]; /* what targets() was asked for */
	bool large;
	const char *reload_error;
	bool reload_later;
	struct http_exchange *asked;
	struct loop_timer reload_timer;
	unsigned reloads, quits;

	bool done;
	enum http_result result;
	int status;
	char type[128];
	struct buf body; /* terminated */
};

static void collect(void *cls, struct metrics_writer *w)
{
	const struct metric_label version = {"version", SV("test")};
	metrics_emit(w, M_BUILD_INFO, &version, 1, 1);
}

static void targets(void *cls, struct json_writer *w, struct sv state, struct sv pool)
{
	struct fixture *f = cls;
	snprintf(f->state, sizeof f->state, "%.*s", SV_ARG(state));
	snprintf(f->scrape_pool, sizeof f->scrape_pool, "%.*s", SV_ARG(pool));
	if (f->large)
		w->out->failed = true;
	json_begin_object(w);
	json_end_object(w);
}

static void ledger(void *cls, struct json_writer *w)
{
	json_string(w, SV("books"));
}

static void reloaded(void *cls)
{
	struct fixture *f = cls;
	web_reload_answer(f->web, f->asked, f->reload_error);
}

static void reload(void *cls, struct http_exchange *asked)
{
	struct fixture *f = cls;
	f->reloads++;
	f->asked = asked;
	f->reload_timer = (struct loop_timer){.fire = reloaded, .cls = f};
	if (f->reload_later)
		loop_timer_in(f->loop, &f->reload_timer, 50);
	else
		reloaded(f);
}

static void quit(void *cls)
{
	struct fixture *f = cls;
	f->quits++;
	web_set_state(f->web, WEB_STOPPING);
}

static int setup_with(void **state, bool lifecycle)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err = ERR_NULL;
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	const struct web_env env = {
		.loop = f->loop,
		.listen = SV("127.0.0.1:0"),
		.collect = collect,
		.targets = targets,
		.ledger = ledger,
		.enable_lifecycle = lifecycle,
		.reload = reload,
		.quit = quit,
		.cls = f,
	};
	assert_int_equal(web_new(&env, &f->web, &err), 0);
	assert_int_equal(http_pool_new(f->loop, 4, 60000, &f->pool), 0);
	const struct http_options opt = {0};
	assert_int_equal(http_client_new(f->pool, &opt, &f->client, &err), 0);
	buf_init(&f->body, 1 << 20);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, false);
}

static int setup_lifecycle(void **state)
{
	return setup_with(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_client_free(f->client);
	http_pool_free(f->pool);
	web_free(f->web);
	loop_free(f->loop);
	buf_deinit(&f->body);
	http_client_global_deinit();
	free(f);
	return 0;
}

static void done(void *cls, const struct http_answer *a)
{
	struct fixture *f = cls;
	f->done = true;
	f->result = a->result;
	f->status = a->status;
	snprintf(f->type, sizeof f->type, "%.*s", SV_ARG(a->content_type));
	buf_append(&f->body, "", 1);
	loop_stop(f->loop);
}

static int ask(struct fixture *f, const char *method, const char *path)
{
	char url[256];
	struct err err = ERR_NULL;
	struct http_transfer *transfer;
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", web_port(f->web), path);
	const struct http_request req = {
		.method = sv_of(method),
		.url = sv_of(url),
		.timeout_ms = GUARD_MS,
		.body_max = 1 << 19,
		.body_out = &f->body,
	};
	f->done = false;
	assert_int_equal(http_start(f->client, &req, done, f, &transfer, &err), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->done);
	assert_int_equal(f->result, HTTP_OK);
	return f->status;
}

static void health_needs_nothing(void **state)
{
	struct fixture *f = *state;
	static const enum web_state states[] = {WEB_STARTING, WEB_READY, WEB_STOPPING};
	for (size_t i = 0; i < 3; i++) {
		web_set_state(f->web, states[i]);
		assert_int_equal(ask(f, "GET", "/-/healthy"), 200);
		assert_string_equal(f->body.ptr, "ampagent is Healthy.\n");
		assert_int_equal(ask(f, "HEAD", "/-/healthy"), 200);
		assert_string_equal(f->body.ptr, "");
	}
}

static void ready_when_it_is(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(ask(f, "GET", "/api/v1/targets"), 503);
	assert_non_null(strstr(f->body.ptr, "\"errorType\":\"unavailable\""));
	assert_int_equal(ask(f, "GET", "/metrics"), 200);
	web_set_state(f->web, WEB_READY);
	assert_int_equal(ask(f, "GET", "/-/ready"), 200);
	assert_string_equal(f->body.ptr, "ampagent is Ready.\n");
	assert_int_equal(ask(f, "GET", "/api/v1/targets"), 200);
	web_set_state(f->web, WEB_STOPPING);
	assert_int_equal(ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(ask(f, "HEAD", "/-/ready"), 503);
	/* Who waits for the rest to be delivered still sees the books. */
	assert_int_equal(ask(f, "GET", "/api/v1/ledger"), 200);
}

static void paths_and_methods(void **state)
{
	struct fixture *f = *state;
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
		int status = ask(f, cases[i].method, cases[i].path);
		if (status != cases[i].status)
			fail_msg("%s %s: %d, not %d", cases[i].method, cases[i].path, status,
				 cases[i].status);
		if (cases[i].type)
			assert_string_equal(f->type, cases[i].type);
	}
}

static void metrics_are_collected_and_counted(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "GET", "/nothing"), 404);
	assert_int_equal(ask(f, "GET", "/-/ready"), 503);
	assert_int_equal(ask(f, "POST", "/-/ready"), 405);
	assert_int_equal(ask(f, "GET", "/metrics"), 200);
	assert_int_equal(ask(f, "GET", "/metrics"), 200);
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

static void the_envelope_of_the_api(void **state)
{
	struct fixture *f = *state;
	web_set_state(f->web, WEB_READY);
	assert_int_equal(ask(f, "GET", "/api/v1/targets?state=active&scrapePool=a%20b"), 200);
	assert_string_equal(f->type, "application/json");
	assert_string_equal(f->body.ptr, "{\"status\":\"success\",\"data\":{}}");
	assert_string_equal(f->state, "active");
	assert_string_equal(f->scrape_pool, "a b");
	assert_int_equal(ask(f, "GET", "/api/v1/targets"), 200);
	assert_string_equal(f->state, "");
	assert_int_equal(ask(f, "GET", "/api/v1/ledger"), 200);
	assert_string_equal(f->body.ptr, "{\"status\":\"success\",\"data\":\"books\"}");
	f->large = true;
	assert_int_equal(ask(f, "GET", "/api/v1/targets"), 500);
	assert_non_null(strstr(f->body.ptr, "\"errorType\":\"internal\""));
}

static void reload_and_quit_when_allowed(void **state)
{
	struct fixture *f = *state;
	web_set_state(f->web, WEB_READY);
	assert_int_equal(ask(f, "GET", "/-/reload"), 405);
	assert_string_equal(f->body.ptr, "Only POST or PUT requests allowed");
	assert_int_equal(ask(f, "POST", "/-/reload"), 200);
	assert_string_equal(f->body.ptr, "");
	assert_int_equal(ask(f, "PUT", "/-/reload"), 200);
	f->reload_later = true;
	assert_int_equal(ask(f, "PUT", "/-/reload"), 200);
	f->reload_error = "x.yml:1:2: bad";
	assert_int_equal(ask(f, "POST", "/-/reload"), 500);
	assert_string_equal(f->body.ptr, "failed to reload config: x.yml:1:2: bad\n");
	assert_int_equal(f->reloads, 4);
	assert_int_equal(ask(f, "GET", "/metrics"), 200);
	assert_non_null(strstr(f->body.ptr, "{handler=\"/-/reload\",code=\"200\"} 3\n"));
	assert_non_null(strstr(f->body.ptr, "{handler=\"/-/reload\",code=\"500\"} 1\n"));
	assert_int_equal(ask(f, "GET", "/-/quit"), 405);
	assert_int_equal(f->quits, 0);
	assert_int_equal(ask(f, "PUT", "/-/quit"), 200);
	assert_string_equal(f->body.ptr, "Requesting termination... Goodbye!");
	assert_int_equal(ask(f, "POST", "/-/quit"), 200);
	assert_string_equal(f->body.ptr, "Termination already in progress.");
	assert_int_equal(f->quits, 1);
}

static void without_the_flag_nothing_is_called(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(ask(f, "POST", "/-/reload"), 403);
	assert_string_equal(f->body.ptr, "Lifecycle API is not enabled.");
	assert_int_equal(ask(f, "POST", "/-/quit"), 403);
	assert_int_equal(f->reloads + f->quits, 0);
}

static void an_address_that_cannot_be_had(void **state)
{
	struct fixture *f = *state;
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(health_needs_nothing),
		TEST(ready_when_it_is),
		TEST(paths_and_methods),
		TEST(metrics_are_collected_and_counted),
		TEST(the_envelope_of_the_api),
		TEST(an_address_that_cannot_be_had),
		TEST(without_the_flag_nothing_is_called),
		cmocka_unit_test_setup_teardown(reload_and_quit_when_allowed, setup_lifecycle,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
