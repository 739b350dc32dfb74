/* Files of failed fetches (scrape_failure_log_file): one JSON object a line, appended. Jobs that
 * name the same file share it.
 */
#pragma once

#include <ampagent/base/err.h>
#include <ampagent/scrape_options.h>

struct failure_log;

struct failure_logs {
	struct failure_log **v;
	size_t n;
};

/* Opens every file that the jobs name, once; *out is to be closed whatever is returned. 0; 1 with
 * the reason when one cannot be opened (the others are), or ERR_NOMEM. */
int failure_logs_open(const struct scrape_options *opts, size_t n, struct failure_logs *out,
		      struct err *err);
void failure_logs_close(struct failure_logs *l);
/* NULL when there is no such file. */
struct failure_log *failure_logs_find(const struct failure_logs *l, struct sv path);

struct failure {
	int64_t wall_ms;
	struct sv source; /* where it was noticed, "file:line" */
	struct sv message, job, url;
};

/* Nothing is done for NULL. A line that cannot be written is lost; the first is told. */
void failure_log_write(struct failure_log *l, const struct failure *f);
