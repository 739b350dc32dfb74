/* The data of the API that does not come from one part alone: flags, configuration, the process.
 */
#pragma once

#include <ampagent/config.h>
#include <ampagent/web.h>

struct scrape;
struct wal;

struct status_api {
	struct scrape *scrape;
	struct wal *wal;
	const struct config *config;
	struct sv flags_shown; /* a JSON object */
	int64_t start_ms;
	int64_t reload_failed_ms; /* 0: the last one went well */
};

/* All of enum web_data but the ledger. */
int status_api_data(const struct status_api *s, enum web_data what, const struct web_query *q,
		    struct json_writer *w, struct err *err);
