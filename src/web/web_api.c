/* The JSON API, in Prometheus's shapes: {"status": "success", "data": ...}, or with "errorType" and
 * "error". What needs a database of samples is answered as Prometheus's agent answers it. */
#include "web_private.h"

#include <ampagent/base/text.h>

/* Longest parameter. */
enum { PARAMETER_BYTES = 64 << 10 };

/* ---- answers ---- */

/* Whose scripts may read the answer: as Prometheus tells it. */
static void answer_api(struct web *w, const struct http_server_request *req, int status,
		       struct sv body)
{
	struct http_header headers[5] = {{SV("Vary"), SV("Origin")}};
	size_t n = 1;
	struct sv origin = http_exchange_header(req->exchange, "Origin");
	if (origin.len > 0) {
		headers[n++] =
			(struct http_header){SV("Access-Control-Allow-Headers"),
					     SV("Accept, Authorization, Content-Type, Origin")};
		headers[n++] = (struct http_header){SV("Access-Control-Allow-Methods"),
						    SV("GET, POST, OPTIONS")};
		headers[n++] =
			(struct http_header){SV("Access-Control-Expose-Headers"), SV("Date")};
		if (w->env.origin_allowed && w->env.origin_allowed(w->env.cls, origin))
			headers[n++] =
				(struct http_header){SV("Access-Control-Allow-Origin"), origin};
	}
	web_count(w, status);
	http_answer_now(req->exchange, status, body.len ? WEB_JSON : SV_NULL, body, headers, n);
}

void web_api_options(struct web *w, const struct http_server_request *req)
{
	answer_api(w, req, 204, SV_NULL);
}

static void answer_error(struct web *w, const struct http_server_request *req, int status,
			 const char *type, struct sv why)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, KiB(16));
	struct json_writer jw = {.out = &out};
	json_begin_object(&jw);
	json_key(&jw, SV("status"));
	json_string(&jw, SV("error"));
	json_key(&jw, SV("errorType"));
	json_string(&jw, sv_of(type));
	json_key(&jw, SV("error"));
	json_string(&jw, why);
	json_end_object(&jw);
	answer_api(w, req, status, buf_view(&out));
}

static void bad_data(struct web *w, const struct http_server_request *req, const char *why)
{
	answer_error(w, req, 400, "bad_data", sv_of(why));
}

static bool api_ready(struct web *w, const struct http_server_request *req)
{
	if (w->state == WEB_READY || w->state == WEB_STOPPING)
		return true;
	answer_error(w, req, 503, "unavailable", SV("ampagent is starting"));
	return false;
}

static void begin_data(struct json_writer *jw, struct buf *out)
{
	buf_init_in(out, budget_fair(0, WEB_ANSWER_MAX), BUDGET_QUEUES);
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
		answer_error(w, req, 500, "internal", SV("the answer is too large"));
	else
		answer_api(w, req, 200, buf_view(jw->out));
}

/* ---- parameters ---- */

static struct sv parameter(const struct http_server_request *req, const char *name, struct buf *out)
{
	buf_init(out, PARAMETER_BYTES);
	http_query_get(req->query, sv_of(name), out);
	return buf_view(out);
}

/* As Go's Atoi reads it; absent: -1. 0, or 1. */
static int take_limit(const struct http_server_request *req, const char *name, int64_t *out)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	struct sv v = parameter(req, name, &text);
	*out = -1;
	if (v.len > 1 && v.ptr[0] == '+' && v.ptr[1] != '-')
		v = sv_from(v, 1);
	return v.len == 0 ? 0 : sv_to_i64(v, out);
}

/* ---- data ---- */

static void answer_data(struct web *w, const struct http_server_request *req, enum web_data what,
			const struct web_query *q)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct json_writer jw;
	struct err err = ERR_NULL;
	begin_data(&jw, &out);
	if (w->env.data(w->env.cls, what, q, &jw, &err) != 0)
		bad_data(w, req, err.msg);
	else
		end_data(w, &jw, req);
}

static void plain(struct web *w, const struct http_server_request *req, enum web_data what)
{
	const struct web_query none = {.limit = -1, .limit_per_metric = -1};
	if (api_ready(w, req))
		answer_data(w, req, what, &none);
}

static void targets(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf state = BUF_NULL;
	_cleanup_(buf_deinit) struct buf pool = BUF_NULL;
	const struct web_query q = {.state = parameter(req, "state", &state),
				    .scrape_pool = parameter(req, "scrapePool", &pool)};
	answer_data(w, req, WEB_TARGETS, &q);
}

static void targets_metadata(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf match = BUF_NULL;
	_cleanup_(buf_deinit) struct buf metric = BUF_NULL;
	struct web_query q = {.match_target = parameter(req, "match_target", &match),
			      .metric = parameter(req, "metric", &metric)};
	if (take_limit(req, "limit", &q.limit) != 0)
		bad_data(w, req, "limit must be a number");
	else
		answer_data(w, req, WEB_TARGETS_METADATA, &q);
}

static void metadata(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf metric = BUF_NULL;
	struct web_query q = {.metric = parameter(req, "metric", &metric)};
	if (take_limit(req, "limit", &q.limit) != 0)
		bad_data(w, req, "limit must be a number");
	else if (take_limit(req, "limit_per_metric", &q.limit_per_metric) != 0)
		bad_data(w, req, "limit_per_metric must be a number");
	else
		answer_data(w, req, WEB_METADATA, &q);
}

static void relabel_steps(struct web *w, const struct http_server_request *req)
{
	if (!api_ready(w, req))
		return;
	_cleanup_(buf_deinit) struct buf pool = BUF_NULL;
	_cleanup_(buf_deinit) struct buf labels = BUF_NULL;
	const struct web_query q = {.scrape_pool = parameter(req, "scrapePool", &pool),
				    .labels = parameter(req, "labels", &labels)};
	if (q.scrape_pool.len == 0)
		bad_data(w, req, "no scrapePool parameter provided");
	else if (q.labels.len == 0)
		bad_data(w, req, "no labels parameter provided");
	else
		answer_data(w, req, WEB_RELABEL_STEPS, &q);
}

#define PLAIN(name, what)                                                                          \
	static void name(struct web *w, const struct http_server_request *req)                     \
	{                                                                                          \
		plain(w, req, what);                                                               \
	}
PLAIN(scrape_pools, WEB_SCRAPE_POOLS)
PLAIN(ledger, WEB_LEDGER)
PLAIN(status_config, WEB_STATUS_CONFIG)
PLAIN(status_flags, WEB_STATUS_FLAGS)
PLAIN(status_runtime, WEB_STATUS_RUNTIME)
PLAIN(status_build, WEB_STATUS_BUILD)
PLAIN(notifications, WEB_NOTIFICATIONS)

/* There is nothing to replay: a log is ready when it is open. */
static void wal_replay(struct web *w, const struct http_server_request *req)
{
	answer_api(w, req, 200,
		   SV("{\"status\":\"success\",\"data\":{\"min\":0,\"max\":0,\"current\":0}}"));
}

/* No stream is kept open: the answer is Prometheus's when it has too many of them. */
static void notifications_live(struct web *w, const struct http_server_request *req)
{
	answer_api(w, req, 204, SV_NULL);
}

static void unavailable(struct web *w, const struct http_server_request *req)
{
	if (api_ready(w, req))
		answer_error(w, req, 422, "execution", SV("unavailable with Prometheus Agent"));
}

const struct web_route web_api_routes[] = {
	{SV("/api/v1/targets"), targets, WEB_GET},
	{SV("/api/v1/targets/metadata"), targets_metadata, WEB_GET},
	{SV("/api/v1/targets/relabel_steps"), relabel_steps, WEB_GET},
	{SV("/api/v1/scrape_pools"), scrape_pools, WEB_GET},
	{SV("/api/v1/metadata"), metadata, WEB_GET},
	{SV("/api/v1/status/config"), status_config, WEB_GET},
	{SV("/api/v1/status/flags"), status_flags, WEB_GET},
	{SV("/api/v1/status/runtimeinfo"), status_runtime, WEB_GET},
	{SV("/api/v1/status/buildinfo"), status_build, WEB_GET},
	{SV("/api/v1/status/walreplay"), wal_replay, WEB_GET},
	{SV("/api/v1/notifications"), notifications, WEB_GET},
	{SV("/api/v1/notifications/live"), notifications_live, WEB_GET},
	{SV("/api/v1/ledger"), ledger, WEB_GET},
	{SV("/api/v1/query"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/query_range"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/query_exemplars"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/format_query"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/parse_query"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/labels"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/label/:name/values"), unavailable, WEB_GET},
	{SV("/api/v1/series"), unavailable, WEB_GET | WEB_POST},
	{SV("/api/v1/alertmanagers"), unavailable, WEB_GET},
	{SV("/api/v1/status/tsdb"), unavailable, WEB_GET},
	{SV("/api/v1/status/tsdb/blocks"), unavailable, WEB_GET},
	{SV("/api/v1/alerts"), unavailable, WEB_GET},
	{SV("/api/v1/rules"), unavailable, WEB_GET},
	{SV("/api/v1/admin/tsdb/delete_series"), unavailable, WEB_POST | WEB_PUT},
	{SV("/api/v1/admin/tsdb/clean_tombstones"), unavailable, WEB_POST | WEB_PUT},
	{SV("/api/v1/admin/tsdb/snapshot"), unavailable, WEB_POST | WEB_PUT},
};

const size_t web_api_n_routes = sizeof web_api_routes / sizeof web_api_routes[0];
