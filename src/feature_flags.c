#include "feature_flags.h"

#include <ampagent/base/log.h>

#include <stddef.h>

#define OFFSET(field) ((int)offsetof(struct feature_flags, field))

enum { NOTHING = -1 };

static const struct {
	const char *name;
	int field;           /* the switch that it turns on */
	const char *note;    /* logged */
	const char *refused; /* why it cannot be had */
} known[] = {
	{"native-histograms", OFFSET(config.native_histograms),
	 "scrape_native_histograms is on by default; set it in the configuration instead", NULL},
	{"extra-scrape-metrics", OFFSET(config.extra_scrape_metrics),
	 "extra_scrape_metrics is on by default; set it in the configuration instead", NULL},
	{"created-timestamp-zero-ingestion", OFFSET(config.start_zero),
	 "start times become samples of value 0; PrometheusProto is asked for first", NULL},
	{"st-storage", OFFSET(config.start_times),
	 "start times are kept; PrometheusProto is asked for first", NULL},
	{"auto-reload-config", OFFSET(auto_reload), "deprecated; use --config.auto-reload", NULL},
	{"otlp-deltatocumulative", OFFSET(otlp_to_cumulative), NULL, NULL},
	{"otlp-native-delta-ingestion", OFFSET(otlp_native_delta), NULL, NULL},
	{"type-and-unit-labels", NOTHING, NULL,
	 "is not built: series would lack the labels that it adds"},
	{"st-synthesis", NOTHING, NULL,
	 "is not built: values would not be relative to a made-up start"},
	/* Of Prometheus's database, rules and queries, or always so here. */
	{"concurrent-rule-eval", NOTHING, NULL, NULL},
	{"delayed-compaction", NOTHING, NULL, NULL},
	{"exemplar-storage", NOTHING, NULL, NULL},
	{"fast-startup", NOTHING, NULL, NULL},
	{"histograms-st-encoding", NOTHING, NULL, NULL},
	{"memory-snapshot-on-shutdown", NOTHING, NULL, NULL},
	{"metadata-wal-records", NOTHING, NULL, NULL},
	{"old-ui", NOTHING, NULL, NULL},
	{"ooo-native-histograms", NOTHING, NULL, NULL},
	{"promql-binop-fill-modifiers", NOTHING, NULL, NULL},
	{"promql-delayed-name-removal", NOTHING, NULL, NULL},
	{"promql-duration-expr", NOTHING, NULL, NULL},
	{"promql-experimental-functions", NOTHING, NULL, NULL},
	{"promql-extended-range-selectors", NOTHING, NULL, NULL},
	{"promql-per-step-stats", NOTHING, NULL, NULL},
	{"search-api", NOTHING, NULL, NULL},
	{"use-start-timestamps", NOTHING, NULL, NULL},
	{"use-uncached-io", NOTHING, NULL, NULL},
	{"xor2-encoding", NOTHING, NULL, NULL},
};

enum { KNOWN = sizeof known / sizeof known[0] };

static int take_one(struct feature_flags *f, struct sv name, struct err *err)
{
	size_t i = 0;
	while (i < KNOWN && !sv_eq(sv_of(known[i].name), name))
		i++;
	if (i == KNOWN) {
		log_warn("Unknown option for --enable-feature", "option",
			 FMT("%.*s", SV_ARG(name)));
		return 0;
	}
	if (known[i].refused)
		return err_set(err, 2, "--enable-feature=%s %s", known[i].name, known[i].refused);
	if (known[i].field != NOTHING)
		*(bool *)(void *)((char *)f + known[i].field) = true;
	if (known[i].note)
		log_info(known[i].note, "feature", known[i].name);
	return 0;
}

int feature_flags_take(struct feature_flags *f, struct sv list, struct err *err)
{
	for (;;) {
		size_t comma = sv_find(list, ',');
		int r = take_one(f, sv_make(list.ptr, comma), err);
		if (r != 0)
			return r;
		if (comma == list.len)
			break;
		list = sv_from(list, comma + 1);
	}
	if (f->otlp_to_cumulative && f->otlp_native_delta)
		return err_set(err, 2,
			       "--enable-feature: otlp-deltatocumulative and "
			       "otlp-native-delta-ingestion exclude each other");
	return 0;
}
