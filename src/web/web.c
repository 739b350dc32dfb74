/* Routes. One table: path, methods, handler; everything else is 404. */
#include "assets.h"

#include <ampagent/base/limits.h>
#include <ampagent/net/http_server.h>
#include <ampagent/web.h>

/* A page of metrics or targets. */
#define ANSWER_MAX MiB(64)

enum { ROUTES_MAX = 16 };

/* The statuses that are answered. */
static const int statuses[] = {200, 403, 404, 405, 500, 503};
enum { STATUSES = sizeof statuses / sizeof statuses[0] };

struct web {
	struct web_env env;
	struct http_server *server;
	enum web_state state;
	size_t route; /* of the request being answered; ROUTES_MAX - 1: none of ours */
	uint64_t answers[ROUTES_MAX][STATUSES];
};

#define TEXT SV("text/plain; charset=utf-8")
#define JSON SV("application/json")
#define HTML SV("text/html; charset=utf-8")

typedef void (*route_handler)(struct web *w, const struct http_server_request *req);

static void count(struct web *w, int status)
{
	for (size_t i = 0; i < STATUSES; i++)
		w->answers[w->route][i] += statuses[i] == status;
}

static void answer(struct web *w, const struct http_server_request *req, int status, struct sv type,
		   struct sv body)
{
	count(w, status);
	http_answer_now(req->exchange, status, type, body, NULL, 0);
}

static void healthy(struct web *w, const struct http_server_request *req)
{
	answer(w, req, 200, TEXT, SV("ampagent is Healthy.\n"));
}

static void ready(struct web *w, const struct http_server_request *req)
{
	if (w->state == WEB_READY) {
		answer(w, req, 200, TEXT, SV("ampagent is Ready.\n"));
		return;
	}
	const struct http_header stopping = {SV("X-Prometheus-Stopping"),
					     w->state == WEB_STOPPING ? SV("true") : SV("false")};
	count(w, 503);
	http_answer_now(req->exchange, 503, TEXT, SV("Service Unavailable\n"), &stopping, 1);
}

static void collect_answers(struct web *w, struct metrics_writer *mw);

static void metrics(struct web *w, const struct http_server_request *req)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, ANSWER_MAX);
	struct metrics_writer mw = {.out = &out};
	w->env.collect(w->env.cls, &mw);
	collect_answers(w, &mw);
	metrics_emit_cells(&mw);
	if (buf_failed(&out))
		answer(w, req, 500, TEXT, SV("the metrics do not fit into memory\n"));
	else
		answer(w, req, 200, SV("text/plain; version=0.0.4; charset=utf-8"), buf_view(&out));
}

static void page(struct web *w, const struct http_server_request *req)
{
	answer(w, req, 200, HTML, sv_make(asset_page_html, asset_page_html_len));
}

static void version(struct web *w, const struct http_server_request *req)
{
	answer(w, req, 200, JSON, SV("{\"version\":\"" AMPAGENT_VERSION "\"}\n"));
}

static bool api_ready(struct web *w, const struct http_server_request *req)
{
	if (w->state == WEB_READY || w->state == WEB_STOPPING)
		return true;
	answer(w, req, 503, JSON,
	       SV("{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"ampagent is "
		  "starting\"}\n"));
	return false;
}

/* Prometheus's envelope around one piece of data. */
static void begin_data(struct json_writer *jw, struct buf *out)
{
	buf_init(out, ANSWER_MAX);
	*jw = (struct json_writer){.out = out};
	json_begin_object(jw);
	json_key(jw, SV("status"));
	json_string(jw, SV("success"));
	json_key(jw, SV("data"));
}

static void end_data(struct web *w, struct json_writer *jw, const struct http_server_request *req)
{
	json_end_object(jw);
	if (buf_failed(jw->out))
		answer(w, req, 500, JSON,
		       SV("{\"status\":\"error\",\"errorType\":\"internal\",\"error\":\"the answer "
			  "is too large\"}\n"));
	else
		answer(w, req, 200, JSON, buf_view(jw->out));
}

static void api_targets(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf state = BUF_NULL;
	_cleanup_(buf_deinit) struct buf pool = BUF_NULL;
	buf_init(&state, KiB(1));
	buf_init(&pool, KiB(16));
	http_query_get(req->query, SV("state"), &state);
	http_query_get(req->query, SV("scrapePool"), &pool);
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct json_writer jw;
	begin_data(&jw, &out);
	w->env.targets(w->env.cls, &jw, buf_view(&state), buf_view(&pool));
	end_data(w, &jw, req);
}

static void api_ledger(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct json_writer jw;
	begin_data(&jw, &out);
	w->env.ledger(w->env.cls, &jw);
	end_data(w, &jw, req);
}

/* Reload and quit by HTTP are off, as they are in Prometheus unless a flag asks for them. */
static bool lifecycle(struct web *w, const struct http_server_request *req)
{
	if (!w->env.enable_lifecycle)
		answer(w, req, 403, TEXT, SV("Lifecycle API is not enabled."));
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
	answer(w, req, 200, TEXT,
	       already ? SV("Termination already in progress.")
		       : SV("Requesting termination... Goodbye!"));
	if (!already)
		w->env.quit(w->env.cls);
}

static const struct {
	struct sv path;
	route_handler handler;
	bool changes; /* POST and PUT, not GET and HEAD */
} routes[] = {
	{SV("/"), page},
	{SV("/targets"), page},
	{SV("/metrics"), metrics},
	{SV("/version"), version},
	{SV("/-/healthy"), healthy},
	{SV("/-/ready"), ready},
	{SV("/-/reload"), reload, true},
	{SV("/-/quit"), quit, true},
	{SV("/api/v1/targets"), api_targets},
	{SV("/api/v1/ledger"), api_ledger},
};

enum { ROUTES = sizeof routes / sizeof routes[0] };
_Static_assert((int)ROUTES < (int)ROUTES_MAX, "one place is kept for unknown paths");

static void collect_answers(struct web *w, struct metrics_writer *mw)
{
	for (size_t r = 0; r < ROUTES_MAX; r++) {
		for (size_t i = 0; i < STATUSES; i++) {
			char code[16];
			snprintf(code, sizeof code, "%d", statuses[i]);
			const struct metric_label labels[] = {
				{"handler", r < ROUTES ? routes[r].path : SV("other")},
				{"code", sv_of(code)},
			};
			if (w->answers[r][i])
				metrics_emit(mw, M_HTTP_REQUESTS, labels, 2,
					     (double)w->answers[r][i]);
		}
	}
}

static bool method_fits(struct sv method, bool changes)
{
	if (changes)
		return sv_eq(method, SV("POST")) || sv_eq(method, SV("PUT"));
	return sv_eq(method, SV("GET")) || sv_eq(method, SV("HEAD"));
}

static void wrong_method(struct web *w, const struct http_server_request *req, bool changes)
{
	const struct http_header allow = {SV("Allow"), changes ? SV("POST, PUT") : SV("GET, HEAD")};
	count(w, 405);
	http_answer_now(req->exchange, 405, TEXT,
			changes ? SV("Only POST or PUT requests allowed")
				: SV("Method Not Allowed\n"),
			&allow, 1);
}

static void route(void *cls, const struct http_server_request *req)
{
	struct web *w = cls;
	w->route = ROUTES_MAX - 1;
	for (size_t i = 0; i < ROUTES; i++) {
		if (!sv_eq(routes[i].path, req->path))
			continue;
		w->route = i;
		if (method_fits(req->method, routes[i].changes))
			routes[i].handler(w, req);
		else
			wrong_method(w, req, routes[i].changes);
		return;
	}
	answer(w, req, 404, TEXT, SV("404 page not found\n"));
}

void web_reload_answer(struct web *w, struct http_exchange *asked, const char *why)
{
	char text[ERR_MSG_MAX + 64] = "";
	if (why)
		snprintf(text, sizeof text, "failed to reload config: %s\n", why);
	/* Other requests may have been answered since. */
	for (w->route = 0; !sv_eq(routes[w->route].path, SV("/-/reload"));)
		w->route++;
	const struct http_server_request req = {.exchange = asked};
	answer(w, &req, why ? 500 : 200, TEXT, sv_of(text));
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
