/* What struct app is made of, and what its files do for each other. Private to the program. */
#pragma once

#include "app.h"
#include "config_loader.h"

#include <ampagent/discovery.h>
#include <ampagent/ecs/watch.h>
#include <ampagent/remotewrite.h>
#include <ampagent/scrape.h>
#include <ampagent/wal.h>
#include <ampagent/web.h>

#define APP_USER_AGENT SV("ampagent/" AMPAGENT_VERSION)

struct askers {
	struct http_exchange **v;
	size_t n;
};

/* The ECS task around the agent (app_ecs.c). */
struct app_ecs {
	struct http_pool *pool;
	struct aws_session *session; /* both NULL while nobody asks AWS on this loop */
	struct ecs_watch *watch;     /* NULL: in no task */
	struct ecs_listener listener;
	struct loop_timer say_timer;
	int64_t begin_ms;
	bool learnt;              /* which task this is */
	struct err refused;       /* why this configuration cannot be used in it */
	struct page_asker *pages; /* who waits for the task's metrics */
	char own_address[300];    /* "host:port" of the agent's own pages */
};

struct app {
	struct app_options opt;
	struct config *config;
	struct wal *wal;
	struct remotewrite *remotewrite;
	struct scrape *scrape;
	struct discovery *discovery;
	struct web *web;
	struct app_ecs ecs;
	char public_host[300];
	bool draining;
	/* While draining: whether scrapes have ended, what the log was asked to sync then, and
	 * monotonic times. */
	bool scraped;
	uint64_t sync;
	int64_t stop_ms, scrape_until_ms, drain_until_ms;
	struct loop_timer drain_timer;
	/* Asks discovery whether it has told of all targets, until then. */
	struct loop_timer found_timer;
	int64_t found_until_ms;
	struct config_loader *loader; /* a reload is under way */
	struct config *next;          /* of a reload that waits for the scrapes it would cut off */
	struct loop_timer next_timer;
	int64_t start_ms;
	int64_t reload_begin_ms;
	int64_t reload_failed_ms; /* of the last reload; 0: it went well */
	bool reload_again;
	struct askers asked;  /* for the next reload, by HTTP */
	struct askers served; /* by the one under way */
	uint64_t checksum;    /* of the configuration's files when they were last applied */
	struct loop_timer auto_reload_timer;
};

/* ---- app.c ---- */

int app_apply_delivery(struct app *a, const struct config *c, struct err *err);
int app_apply_scraping(struct app *a, const struct config *c);
/* Targets that waited come now: whether all are there is asked anew. */
void app_found_again(struct app *a);

/* ---- app_ecs.c ---- */

/* After scraping has begun, before the web server. 0; 1 with the reason; ERR_NOMEM. */
int app_ecs_begin(struct app *a, struct err *err);
/* Once the web server listens. */
void app_ecs_set_address(struct app *a);
/* After web server and discovery. */
void app_ecs_end(struct app *a);
/* Tells scraping which task this is, by this configuration: 0; 1 when it knows; ERR_NOMEM. */
int app_ecs_identify(struct app *a, const struct config *c);
/* Whether local targets are not held back. */
bool app_ecs_is_known(const struct app *a);
/* Whether the configuration can be used in this task, as far as that is known, and discovery has
 * what it needs for it: 0; 1 with the reason; ERR_NOMEM. */
int app_ecs_check(struct app *a, const struct config *c, struct err *err);
void app_ecs_task_metrics(void *cls, bool adot_names, struct http_exchange *asked);

/* ---- app_ledger.c ---- */

/* The status of all destinations; the caller frees it. None without memory. */
size_t app_destinations(struct app *a, struct remotewrite_status **out);
/* The data of /api/v1/ledger. */
void app_ledger_json(struct app *a, struct json_writer *w);

/* ---- app_reload.c ---- */

void app_reload_noted(bool good);
/* A reload asked for by HTTP: answered when it has ended. */
void app_reload_asked(void *cls, struct http_exchange *asked);
void app_start_auto_reload(struct app *a);
