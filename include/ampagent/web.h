/* The agent's own HTTP face: health, metrics, API and pages. Reads snapshots through callbacks and
 * changes nothing but by reload and quit. Runs on the loop given.
 */
#pragma once

#include <ampagent/base/json.h>
#include <ampagent/base/metrics.h>
#include <ampagent/net/loop.h>

struct http_exchange;
struct web;

struct web_env {
	struct loop *loop;
	struct sv listen; /* "host:port" */
	/* Every metric that the registry's cells do not have. */
	void (*collect)(void *cls, struct metrics_writer *w);
	/* The data of /api/v1/targets. */
	void (*targets)(void *cls, struct json_writer *w, struct sv state, struct sv pool);
	/* The data of /api/v1/ledger: where the samples are, for each destination. */
	void (*ledger)(void *cls, struct json_writer *w);
	/* POST and PUT of /-/reload and /-/quit; without enable_lifecycle they are refused. */
	bool enable_lifecycle;
	/* web_reload_answer() is to be called once for it, now or later. */
	void (*reload)(void *cls, struct http_exchange *asked);
	/* The answer is on its way before the agent has stopped. */
	void (*quit)(void *cls);
	void *cls;
};

enum web_state { WEB_STARTING, WEB_READY, WEB_STOPPING };

int web_new(const struct web_env *env, struct web **out, struct err *err);
void web_free(struct web *w);
/* Ends what reload() began: why NULL = it went well. */
void web_reload_answer(struct web *w, struct http_exchange *asked, const char *why);
/* /-/ready answers 503 unless ready, the API 503 while starting. */
void web_set_state(struct web *w, enum web_state state);
int web_port(const struct web *w);
