#include "face.h"

static void collect(void *cls, struct metrics_writer *w)
{
	const struct metric_label version = {"version", SV("test")};
	metrics_emit(w, M_BUILD_INFO, &version, 1, 1);
}

static int data(void *cls, enum web_data what, const struct web_query *q, struct json_writer *w,
		struct err *err)
{
	struct face *f = cls;
	f->what = what;
	f->asked++;
	snprintf(f->asked_for, sizeof f->asked_for, "%.*s|%.*s|%.*s|%.*s|%.*s|%lld|%lld",
		 SV_ARG(q->state), SV_ARG(q->scrape_pool), SV_ARG(q->match_target),
		 SV_ARG(q->metric), SV_ARG(q->labels), (long long)q->limit,
		 (long long)q->limit_per_metric);
	if (f->large)
		w->out->failed = true;
	json_string(w, SV("data"));
	return f->why ? err_set(err, 1, "%s", f->why) : 0;
}

static bool origin_allowed(void *cls, struct sv origin)
{
	return true;
}

static void reloaded(void *cls)
{
	struct face *f = cls;
	web_reload_answer(f->web, f->reload, f->reload_error);
}

static void reload(void *cls, struct http_exchange *asked)
{
	struct face *f = cls;
	f->reloads++;
	f->reload = asked;
	f->reload_timer = (struct loop_timer){.fire = reloaded, .cls = f};
	if (f->reload_later)
		loop_timer_in(f->loop, &f->reload_timer, 50);
	else
		reloaded(f);
}

static void paged(void *cls)
{
	struct face *f = cls;
	web_page_answer(f->web, f->task, SV("up 1\n"), f->task_error);
}

static void task_metrics(void *cls, bool adot_names, struct http_exchange *asked)
{
	struct face *f = cls;
	f->task_pages++;
	f->task_adot = adot_names;
	f->task = asked;
	f->task_timer = (struct loop_timer){.fire = paged, .cls = f};
	if (f->task_later)
		loop_timer_in(f->loop, &f->task_timer, 50);
	else
		paged(f);
}

static void quit(void *cls)
{
	struct face *f = cls;
	f->quits++;
	web_set_state(f->web, WEB_STOPPING);
}

static int setup_with(void **state, bool lifecycle, bool in_task)
{
	struct face *f = calloc(1, sizeof *f);
	struct err err = ERR_NULL;
	assert_int_equal(http_client_global_init(), 0);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	const struct web_env env = {
		.loop = f->loop,
		.listen = SV("127.0.0.1:0"),
		.collect = collect,
		.data = data,
		.origin_allowed = origin_allowed,
		.enable_lifecycle = lifecycle,
		.reload = reload,
		.task_metrics = in_task ? task_metrics : NULL,
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

int face_setup(void **state)
{
	return setup_with(state, false, false);
}

int face_setup_lifecycle(void **state)
{
	return setup_with(state, true, false);
}

int face_setup_task(void **state)
{
	return setup_with(state, false, true);
}

int face_teardown(void **state)
{
	struct face *f = *state;
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
	struct face *f = cls;
	f->done = true;
	f->result = a->result;
	f->status = a->status;
	snprintf(f->type, sizeof f->type, "%.*s", SV_ARG(a->content_type));
	buf_append(&f->body, "", 1);
	loop_stop(f->loop);
}

int face_ask(struct face *f, const char *method, const char *path)
{
	char url[256];
	struct err err = ERR_NULL;
	struct http_transfer *transfer;
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", web_port(f->web), path);
	const struct http_request req = {
		.method = sv_of(method),
		.url = sv_of(url),
		.timeout_ms = FACE_GUARD_MS,
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
