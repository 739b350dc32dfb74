/* What a scrape pool is told: one scrape_configs entry with the global defaults filled in.
 * Views live as long as the configuration snapshot. Limits: 0 = off.
 */
#pragma once

#include <ampagent/http_options.h>
#include <ampagent/model/labels.h>
#include <ampagent/model/relabel.h>

enum scrape_protocol {
	PROTO_NONE,
	PROTO_PROMETHEUS_PROTO,
	PROTO_OPENMETRICS_0_0_1,
	PROTO_OPENMETRICS_1_0_0,
	PROTO_TEXT_0_0_4,
	PROTO_TEXT_1_0_0,
};

/* Which names a target is asked for in the formats that know escaping. */
enum escaping_scheme { ESCAPE_ALLOW_UTF_8, ESCAPE_UNDERSCORES, ESCAPE_DOTS, ESCAPE_VALUES };

struct scrape_param {
	struct sv name;
	struct sv *values;
	size_t n_values;
};

struct scrape_options {
	struct sv job_name;
	bool honor_labels;
	bool honor_timestamps;
	bool track_timestamps_staleness;
	bool enable_compression;
	bool extra_scrape_metrics;
	bool native_histograms;         /* scrape_native_histograms */
	bool always_classic_histograms; /* always_scrape_classic_histograms */
	bool convert_to_nhcb;           /* convert_classic_histograms_to_nhcb */
	uint64_t native_histogram_bucket_limit;
	double native_histogram_min_bucket_factor;
	struct scrape_param *params;
	size_t n_params;
	int64_t interval_ms;
	int64_t timeout_ms;
	enum scrape_protocol protocols[8];
	size_t n_protocols;
	enum scrape_protocol fallback_protocol;
	struct sv metrics_path;
	struct sv scheme;
	uint64_t body_size_limit;
	uint64_t sample_limit;
	uint64_t target_limit;
	uint64_t label_limit;
	uint64_t label_name_length_limit;
	uint64_t label_value_length_limit;
	uint64_t keep_dropped_targets;
	enum name_scheme names;
	enum escaping_scheme escaping;
	struct sv failure_log_file;         /* scrape_failure_log_file, joined; empty = none */
	struct relabel_set *relabel;        /* NULL = none */
	struct relabel_set *metric_relabel; /* NULL = none */
	bool has_relabel; /* relabel_configs given: defers the check of static addresses */
	struct http_options http;
	/* Two hashes of everything above, secrets and rules included: equal = nothing changed. The
	 * second leaves out what a target's series do not depend on: interval, timeout,
	 * sample_limit and the HTTP client keys. */
	uint64_t digest;
	uint64_t series_digest;
};
