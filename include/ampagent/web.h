/* The agent's own HTTP face: health, metrics, API and pages. Reads snapshots through callbacks and
 * changes nothing but by reload and quit. Runs on the loop given.
 */
#pragma once

#include <ampagent/base/json.h>
#include <ampagent/base/metrics.h>
#include <ampagent/net/loop.h>

struct http_exchange;
struct web;

/* What the API can be asked for. */
enum web_data {
	WEB_TARGETS,
	WEB_TARGETS_METADATA,
	WEB_RELABEL_STEPS,
	WEB_SCRAPE_POOLS,
	WEB_METADATA,
	WEB_STATUS_CONFIG,
	WEB_STATUS_FLAGS,
	WEB_STATUS_RUNTIME,
	WEB_STATUS_BUILD,
	WEB_NOTIFICATIONS,
	WEB_LEDGER, /* where the samples are, for each destination */
};

/* Parameters, those of the path that has them; empty = not given. */
struct web_query {
	struct sv state, scrape_pool, match_target, metric, labels;
	int64_t limit, limit_per_metric; /* -1 = not given */
};

struct web_env {
	struct loop *loop;
	struct sv listen; /* "host:port" */
	/* Every metric that the registry's cells do not have. */
	void (*collect)(void *cls, struct metrics_writer *w);
	/* Writes one value: 0, or 1 with the reason, which is answered with 400. */
	int (*data)(void *cls, enum web_data what, const struct web_query *q, struct json_writer *w,
		    struct err *err);
	/* Whether scripts of pages from there may read the API; NULL = none may. */
	bool (*origin_allowed)(void *cls, struct sv origin);
	/* POST and PUT of /-/reload and /-/quit; without enable_lifecycle they are refused. */
	bool enable_lifecycle;
	/* web_reload_answer() is to be called once for it, now or later. */
	void (*reload)(void *cls, struct http_exchange *asked);
	/* GET /ecs/metrics[?names=adot]: the task's own metrics. web_page_answer() is to be called
	 * once for it, now or later. NULL: there is no such page. */
	void (*task_metrics)(void *cls, bool adot_names, struct http_exchange *asked);
	/* The answer is on its way before the agent has stopped. */
	void (*quit)(void *cls);
	void *cls;
};

enum web_state { WEB_STARTING, WEB_READY, WEB_STOPPING };

int web_new(const struct web_env *env, struct web **out, struct err *err);
void web_free(struct web *w);
/* Ends what reload() began: why NULL = it went well. */
void web_reload_answer(struct web *w, struct http_exchange *asked, const char *why);
/* Ends what task_metrics() began: a page of the text format; or, when why is not NULL, 503 with it.
 */
void web_page_answer(struct web *w, struct http_exchange *asked, struct sv page, const char *why);
/* /-/ready answers 503 unless ready, the API 503 while starting. */
void web_set_state(struct web *w, enum web_state state);
int web_port(const struct web *w);
