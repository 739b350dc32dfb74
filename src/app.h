/* The agent as a whole: wiring, start, drain and stop. Lives on one loop (discovery, scraping,
 * web); the log's writer and the sender have threads of their own.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/config.h>
#include <ampagent/net/loop.h>

struct app;

struct app_options {
	struct loop *loop;
	struct config *config; /* a reference is taken */
	struct sv storage_path;
	struct sv listen;
	int64_t flush_deadline_ms;
};

/* Opens the log (bounded memory when the disk cannot be written, loudly), starts delivery, scraping
 * and the web server. 0, or 1 with the reason. */
int app_new(const struct app_options *opt, struct app **out, struct err *err);
/* Stops scraping, delivers what is there within the flush deadline, then ends the loop. A second
 * call ends it at once. */
void app_stop(struct app *a);
void app_free(struct app *a);
