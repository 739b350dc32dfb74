/* The counts: one table names those that standin.c and ingest.c keep apart. */
#include "standin_private.h"

struct count {
	struct sv name;
	size_t offset;
	bool of_ingest;
};

#define ENDPOINT(field)                                                                            \
	{                                                                                          \
		SV(#field), offsetof(struct standin_stats, field), false                           \
	}
#define INGEST(field)                                                                              \
	{                                                                                          \
		SV(#field), offsetof(struct standin_stats, field), true                            \
	}

static const struct count counts[] = {
	ENDPOINT(requests),       ENDPOINT(accepted),      ENDPOINT(answered_400),
	ENDPOINT(answered_403),   ENDPOINT(answered_429),  ENDPOINT(answered_5xx),
	ENDPOINT(answered_other), ENDPOINT(dropped),       INGEST(samples),
	INGEST(series),           INGEST(duplicates),      INGEST(out_of_order),
	INGEST(stale_markers),    INGEST(metadata),        INGEST(histograms),
	INGEST(exemplars),        INGEST(refused),         INGEST(conflicts),
	INGEST(too_old),          INGEST(too_new),         INGEST(over_limit),
	INGEST(resent_late),      INGEST(deduplicated),    ENDPOINT(body_bytes),
	INGEST(raw_bytes),        ENDPOINT(bad_signature), INGEST(bad_snappy),
	INGEST(bad_protobuf),     INGEST(bad_labels),
};

enum { N_COUNTS = sizeof counts / sizeof *counts };
_Static_assert(N_COUNTS == sizeof(struct standin_stats) / sizeof(uint64_t),
	       "every count has its line in the table");

struct standin_stats standin_stats_get(const struct standin *s)
{
	struct standin_stats all = s->stats;
	for (int i = 0; i < N_COUNTS; i++)
		if (counts[i].of_ingest)
			memcpy((char *)&all + counts[i].offset,
			       (const char *)&s->ingest.stats + counts[i].offset, sizeof(uint64_t));
	return all;
}

void standin_stats_json(const struct standin *s, struct json_writer *w)
{
	struct standin_stats all = standin_stats_get(s);
	json_begin_object(w);
	for (int i = 0; i < N_COUNTS; i++) {
		uint64_t value;
		memcpy(&value, (const char *)&all + counts[i].offset, sizeof value);
		json_key(w, counts[i].name);
		json_u64(w, value);
	}
	json_key(w, SV("uptime_ms"));
	json_i64(w, loop_now_ms(s->loop) - s->started_ms);
	json_key(w, SV("record_failed"));
	json_bool(w, s->ingest.record.failed);
	json_key(w, SV("answers"));
	json_begin_object(w);
	for (int status = 0; status < STANDIN_STATUS_MAX; status++) {
		if (s->by_status[status] == 0)
			continue;
		char text[16];
		snprintf(text, sizeof text, "%d", status);
		json_key(w, sv_of(text));
		json_u64(w, s->by_status[status]);
	}
	json_end_object(w);
	json_key(w, SV("switches"));
	json_begin_object(w);
	for (int i = SWITCH_NONE + 1; i < SWITCH_ACTIONS_; i++) {
		if (s->by_action[i] == 0)
			continue;
		json_key(w, switch_action_name((enum switch_action)i));
		json_u64(w, s->by_action[i]);
	}
	json_end_object(w);
	if (s->switches.o.aws) {
		json_key(w, SV("aws"));
		standin_aws_json(s, w);
	}
	json_end_object(w);
}
