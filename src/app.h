/* The agent as a whole: wiring, start, reload, drain and stop. Lives on one loop (discovery,
 * scraping, web); the log's writer and the sender have threads of their own.
 */
#pragma once

#include "config_source.h"

#include <ampagent/base/err.h>
#include <ampagent/net/loop.h>

struct app;

struct app_options {
	struct loop *loop;
	struct config *config;              /* a reference is taken */
	const struct config_source *source; /* of a reload; outlives the app */
	struct config_features features;
	struct sv storage_path;
	struct sv listen;
	struct sv external_url; /* how the agent is reached from elsewhere; empty = by host name */
	struct sv flags_shown;  /* a JSON object, for /api/v1/status/flags */
	struct relabel_set *cors; /* of cors_compile(); NULL = no origin may read the API */
	int64_t flush_deadline_ms;
	int64_t timestamp_tolerance_ms; /* of scrapes; 0 = times are never adjusted */
	bool enable_lifecycle;          /* reload and quit by HTTP */
	int64_t auto_reload_ms;         /* the file is looked at this often; 0 = never */
	/* Told at the stop: the process must have ended by then (monotonic). NULL = nobody asks. */
	void (*end_by)(void *cls, int64_t mono_ms);
	void *end_by_cls;
};

/* Opens the log (bounded memory when the disk cannot be written, loudly), starts delivery, scraping
 * and the web server. 0, or 1 with the reason. */
int app_new(const struct app_options *opt, struct app **out, struct err *err);
/* Loads the configuration anew, off the loop, and applies it; what it does not change goes on
 * untouched. When the file is bad or something in it is refused, nothing has changed. How it went
 * is logged and told in the metrics. One that is asked for while another is under way follows it.
 */
void app_reload(struct app *a);
/* The warnings of a configuration, into the log. */
void app_log_warnings(const struct config *c);
/* Scrapes local targets once more, delivers what is there, then ends the loop: all within the flush
 * deadline. A second call ends it at once. */
void app_stop(struct app *a);
/* After the loop has ended: 0; APP_E_REFUSED, which is an exit code, with the reason: in the task
 * that this turned out to be the configuration cannot be used. */
enum { APP_E_REFUSED = 2 };
int app_result(const struct app *a, struct err *err);
/* What a stop may take with closing. */
int64_t app_stop_ms(int64_t flush_deadline_ms);
void app_free(struct app *a);
