/* Routes: path, methods, handler; everything else is 404. The API's stand in web_api.c. */
#include "assets.h"
#include "web_private.h"

/* The statuses that are answered. */
static const int statuses[] = {200, 204, 400, 403, 404, 405, 422, 500, 503};
enum { STATUSES = sizeof statuses / sizeof statuses[0] };
_Static_assert((int)STATUSES <= (int)WEB_STATUSES, "each has its count");

#define HTML SV("text/html; charset=utf-8")

void web_count(struct web *w, int status)
{
	for (size_t i = 0; i < STATUSES; i++)
		w->answers[w->route][i] += statuses[i] == status;
}

void web_answer(struct web *w, const struct http_server_request *req, int status, struct sv type,
		struct sv body)
{
	web_count(w, status);
	http_answer_now(req->exchange, status, type, body, NULL, 0);
}

static void healthy(struct web *w, const struct http_server_request *req)
{
	web_answer(w, req, 200, WEB_TEXT, SV("ampagent is Healthy.\n"));
}

static void ready(struct web *w, const struct http_server_request *req)
{
	if (w->state == WEB_READY) {
		web_answer(w, req, 200, WEB_TEXT, SV("ampagent is Ready.\n"));
		return;
	}
	const struct http_header stopping = {SV("X-Prometheus-Stopping"),
					     w->state == WEB_STOPPING ? SV("true") : SV("false")};
	web_count(w, 503);
	http_answer_now(req->exchange, 503, WEB_TEXT, SV("Service Unavailable\n"), &stopping, 1);
}

static void collect_answers(struct web *w, struct metrics_writer *mw);

static void metrics(struct web *w, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init_in(&out, budget_fair(0, WEB_ANSWER_MAX), BUDGET_QUEUES);
	struct metrics_writer mw = {.out = &out};
	w->env.collect(w->env.cls, &mw);
	collect_answers(w, &mw);
	metrics_emit_cells(&mw);
	if (buf_failed(&out))
		web_answer(w, req, 500, WEB_TEXT, SV("the metrics do not fit into memory\n"));
	else
		web_answer(w, req, 200, WEB_METRICS, buf_view(&out));
}

static void task_metrics(struct web *w, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf names = BUF_NULL;
	buf_init(&names, KiB(1));
	bool given = http_query_get(req->query, SV("names"), &names) == 0;
	bool adot = given && sv_eq(buf_view(&names), SV("adot"));
	if (!w->env.task_metrics)
		web_answer(w, req, 404, WEB_TEXT, SV("the agent runs in no ECS task\n"));
	else if (given && !adot && !sv_eq(buf_view(&names), SV("prometheus")))
		web_answer(w, req, 400, WEB_TEXT, SV("names must be prometheus or adot\n"));
	else
		w->env.task_metrics(w->env.cls, adot, req->exchange);
}

static void page(struct web *w, const struct http_server_request *req)
{
	web_answer(w, req, 200, HTML, sv_make(asset_page_html, asset_page_html_len));
}

/* The same as /api/v1/status/buildinfo without its envelope. */
static void version(struct web *w, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, KiB(16));
	struct json_writer jw = {.out = &out};
	const struct web_query none = {.limit = -1};
	w->env.data(w->env.cls, WEB_STATUS_BUILD, &none, &jw, NULL);
	buf_char(&out, '\n');
	web_answer(w, req, 200, WEB_JSON, buf_view(&out));
}

/* Reload and quit by HTTP are off, as they are in Prometheus unless a flag asks for them. */
static bool lifecycle(struct web *w, const struct http_server_request *req)
{
	if (!w->env.enable_lifecycle)
		web_answer(w, req, 403, WEB_TEXT, SV("Lifecycle API is not enabled."));
	return w->env.enable_lifecycle;
}

static void reload(struct web *w, const struct http_server_request *req)
{
	if (lifecycle(w, req))
		w->env.reload(w->env.cls, req->exchange);
}

static void quit(struct web *w, const struct http_server_request *req)
{
	if (!lifecycle(w, req))
		return;
	bool already = w->state == WEB_STOPPING;
	web_answer(w, req, 200, WEB_TEXT,
		   already ? SV("Termination already in progress.")
			   : SV("Requesting termination... Goodbye!"));
	if (!already)
		w->env.quit(w->env.cls);
}

static const struct web_route routes[] = {
	{SV("/"), page, WEB_GET},
	{SV("/targets"), page, WEB_GET},
	{SV("/metrics"), metrics, WEB_GET},
	{SV("/ecs/metrics"), task_metrics, WEB_GET},
	{SV("/version"), version, WEB_GET},
	{SV("/-/healthy"), healthy, WEB_GET},
	{SV("/-/ready"), ready, WEB_GET},
	{SV("/-/reload"), reload, WEB_POST | WEB_PUT},
	{SV("/-/quit"), quit, WEB_POST | WEB_PUT},
};

enum { ROUTES = sizeof routes / sizeof routes[0] };

/* All routes by one number: first those here, then the API's. */
static const struct web_route *route_at(size_t i)
{
	if (i < ROUTES)
		return &routes[i];
	return i - ROUTES < web_api_n_routes ? &web_api_routes[i - ROUTES] : NULL;
}

static void collect_answers(struct web *w, struct metrics_writer *mw)
{
	for (size_t r = 0; r < WEB_ROUTES_MAX; r++) {
		const struct web_route *route = route_at(r);
		for (size_t i = 0; i < STATUSES; i++) {
			char code[16];
			snprintf(code, sizeof code, "%d", statuses[i]);
			const struct metric_label labels[] = {
				{"handler", route ? route->path : SV("other")},
				{"code", sv_of(code)},
			};
			if (w->answers[r][i])
				metrics_emit(mw, M_HTTP_REQUESTS, labels, 2,
					     (double)w->answers[r][i]);
		}
	}
}

static bool path_fits(struct sv pattern, struct sv path)
{
	size_t colon = sv_find(pattern, ':');
	if (colon == pattern.len)
		return sv_eq(pattern, path);
	struct sv after = sv_from(pattern, colon);
	after = sv_from(after, sv_find(after, '/'));
	return path.len > colon + after.len && sv_starts_with(path, sv_make(pattern.ptr, colon)) &&
	       sv_ends_with(path, after);
}

static bool method_fits(struct sv method, unsigned methods)
{
	if (sv_eq(method, SV("GET")) || sv_eq(method, SV("HEAD")))
		return methods & WEB_GET;
	if (sv_eq(method, SV("POST")))
		return methods & WEB_POST;
	return sv_eq(method, SV("PUT")) && methods & WEB_PUT;
}

static void wrong_method(struct web *w, const struct http_server_request *req, unsigned methods)
{
	struct sv allowed = !(methods & WEB_GET) ? SV("POST, PUT")
			    : methods & WEB_POST ? SV("GET, HEAD, POST")
						 : SV("GET, HEAD");
	const struct http_header allow = {SV("Allow"), allowed};
	web_count(w, 405);
	http_answer_now(req->exchange, 405, WEB_TEXT,
			sv_starts_with(req->path, SV("/-/")) && !(methods & WEB_GET)
				? SV("Only POST or PUT requests allowed")
				: SV("Method Not Allowed\n"),
			&allow, 1);
}

static void route(void *cls, const struct http_server_request *req)
{
	struct web *w = cls;
	const struct web_route *r;
	for (size_t i = 0; (r = route_at(i)) != NULL; i++) {
		if (path_fits(r->path, req->path)) {
			w->route = i;
			break;
		}
	}
	if (!r)
		w->route = WEB_ROUTES_MAX - 1;
	if (sv_eq(req->method, SV("OPTIONS")) && sv_starts_with(req->path, WEB_API_PREFIX))
		web_api_options(w, req);
	else if (!r)
		web_answer(w, req, 404, WEB_TEXT, SV("404 page not found\n"));
	else if (method_fits(req->method, r->methods))
		r->handler(w, req);
	else
		wrong_method(w, req, r->methods);
}

/* Other requests may have been answered since that one was asked. */
static void answer_asked(struct web *w, struct http_exchange *asked, struct sv path, int status,
			 struct sv type, struct sv body)
{
	for (w->route = 0; !sv_eq(routes[w->route].path, path);)
		w->route++;
	const struct http_server_request req = {.exchange = asked};
	web_answer(w, &req, status, type, body);
}

void web_reload_answer(struct web *w, struct http_exchange *asked, const char *why)
{
	char text[ERR_MSG_MAX + 64] = "";
	if (why)
		snprintf(text, sizeof text, "failed to reload config: %s\n", why);
	answer_asked(w, asked, SV("/-/reload"), why ? 500 : 200, WEB_TEXT, sv_of(text));
}

void web_page_answer(struct web *w, struct http_exchange *asked, struct sv page, const char *why)
{
	char text[ERR_MSG_MAX + 2] = "";
	if (why)
		snprintf(text, sizeof text, "%s\n", why);
	answer_asked(w, asked, SV("/ecs/metrics"), why ? 503 : 200, why ? WEB_TEXT : WEB_METRICS,
		     why ? sv_of(text) : page);
}

int web_new(const struct web_env *env, struct web **out, struct err *err)
{
	_cleanup_(freep) struct web *w = calloc(1, sizeof *w);
	if (!w)
		return err_set(err, ERR_NOMEM, "out of memory");
	w->env = *env;
	const struct http_server_options opt = {
		.listen = env->listen,
		.body_max = KiB(64),
		.max_connections = LIMIT_SERVER_CONNECTIONS,
		.read_timeout_ms = 30000,
		.handler = route,
		.cls = w,
	};
	if (ROUTES + web_api_n_routes >= WEB_ROUTES_MAX)
		return err_set(err, ERR_FATAL, "more routes than are counted");
	int r = http_server_new(env->loop, &opt, &w->server, err);
	if (r != 0)
		return r;
	*out = take_ptr(w);
	return 0;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	http_server_free(w->server);
	free(w);
}

void web_set_state(struct web *w, enum web_state state)
{
	w->state = state;
}

int web_port(const struct web *w)
{
	return http_server_port(w->server);
}
