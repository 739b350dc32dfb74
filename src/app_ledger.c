/* The books as JSON: what was scraped, and where each destination is with it. */
#include "app_parts.h"

#include <ampagent/base/cleanup.h>
#include <stdlib.h>

static void write_count(struct json_writer *w, const char *key, uint64_t v)
{
	json_key(w, sv_of(key));
	json_u64(w, v);
}

size_t app_destinations(struct app *a, struct remotewrite_status **out)
{
	size_t n = remotewrite_status_get(a->remotewrite, NULL, 0);
	*out = calloc(n ? n : 1, sizeof **out);
	return *out ? remotewrite_status_get(a->remotewrite, *out, n) : 0;
}

void app_ledger_json(struct app *a, struct json_writer *w)
{
	struct wal_stats log;
	wal_stats_get(a->wal, &log);
	json_begin_object(w);
	write_count(w, "scraped", scrape_summary(a->scrape).samples);
	write_count(w, "logged", log.samples_written);
	write_count(w, "headSequence", log.head.sequence);
	json_key(w, SV("destinations"));
	json_begin_array(w);
	_cleanup_(freep) struct remotewrite_status *status = NULL;
	size_t n = app_destinations(a, &status);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w);
		json_key(w, SV("name"));
		json_string(w, sv_of(status[i].name));
		json_key(w, SV("url"));
		json_string(w, sv_of(status[i].url));
		write_count(w, "sent", status[i].sent);
		write_count(w, "queued", status[i].queued);
		write_count(w, "dropped", status[i].dropped);
		json_key(w, SV("droppedBy"));
		json_begin_object(w);
		for (size_t r = 0; remotewrite_drop_reasons[r]; r++) {
			if (status[i].dropped_by[r])
				write_count(w, remotewrite_drop_reasons[r],
					    status[i].dropped_by[r]);
		}
		json_end_object(w);
		json_key(w, SV("baseSequence"));
		json_i64(w, status[i].base);
		write_count(w, "requests", status[i].requests);
		write_count(w, "failedRequests", status[i].failed_requests);
		write_count(w, "bytes", status[i].bytes);
		json_key(w, SV("lastError"));
		json_string(w, sv_of(status[i].has_error ? status[i].last_error : ""));
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, SV("refusals"));
	remotewrite_offenders_json(a->remotewrite, w);
	json_end_object(w);
}
