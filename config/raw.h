/* The file as the schema decodes it, before globals are inherited and rules between keys are
 * checked. Strings and what goes into the snapshot as it is live in the snapshot's arena; the
 * structs here and the nodes they point to only while a file is read.
 */
#pragma once

#include <ampagent/base/yaml.h>
#include <ampagent/config.h>

/* One entry of a map of strings. */
struct raw_pair {
	struct sv name, value;
	const struct yaml_node *key; /* its place */
};

struct raw_relabel {
	struct relabel_rule rule;
	const struct yaml_node *node;
};

struct raw_oauth2 {
	struct oauth2_options opt;
	struct sv grant_type;
	struct raw_pair *endpoint_params;
	size_t n_endpoint_params;
	bool proxy_url_set;
};

/* The HTTP client keys, which stand among a block's own ones. */
struct raw_http {
	struct http_options opt;
	struct raw_oauth2 oauth2;
	struct sv bearer_token, bearer_token_file;
	bool proxy_url_set;
};

struct raw_static {
	struct sv *targets;
	size_t n_targets;
	struct raw_pair *labels;
	size_t n_labels;
	const struct yaml_node *node;
};

struct raw_file_sd {
	struct file_sd_options opt;
	const struct yaml_node *node;
};

struct raw_ecs_task_sd {
	struct ecs_task_sd_options opt;
	const struct yaml_node *node;
};

struct raw_ecs_selector {
	struct ecs_selector sel;
	const struct yaml_node *node;
};

struct raw_aws_filter {
	struct sv name;
	struct sv *values;
	size_t n_values;
};

/* Of ecs_sd_configs and of aws_sd_configs. */
struct raw_ecs_sd {
	struct ecs_sd_options opt;
	struct raw_http http;
	int role; /* index into schema_aws_roles */
	int64_t request_concurrency;
	struct raw_ecs_selector *services, *definitions, *docker_labels;
	size_t n_services, n_definitions, n_docker_labels;
	struct raw_aws_filter *filters;
	size_t n_filters;
	const struct yaml_node *node;
};

/* Order of the schema's words. */
enum raw_validation { VALIDATION_UNSET, VALIDATION_UTF8, VALIDATION_LEGACY };
enum raw_escaping {
	ESCAPING_UNSET,
	ESCAPING_ALLOW_UTF_8,
	ESCAPING_UNDERSCORES,
	ESCAPING_DOTS,
	ESCAPING_VALUES,
};

/* What global and a job share; a job inherits what it leaves open. */
struct raw_shared {
	int64_t interval_ms;
	int64_t timeout_ms;
	struct sv *protocols;
	size_t n_protocols;
	bool protocols_set;
	bool native_histograms;
	bool native_histograms_set;
	bool always_classic_histograms;
	bool always_classic_histograms_set;
	bool convert_to_nhcb;
	bool convert_to_nhcb_set;
	bool extra_scrape_metrics;
	bool extra_scrape_metrics_set;
	struct sv failure_log_file;
	uint64_t body_size_limit;
	uint64_t sample_limit;
	uint64_t target_limit;
	uint64_t label_limit;
	uint64_t label_name_length_limit;
	uint64_t label_value_length_limit;
	uint64_t keep_dropped_targets;
	int validation;
	int escaping;
};

struct raw_scrape {
	struct raw_shared shared;
	struct scrape_options opt;
	struct raw_http http;
	struct sv fallback;
	struct raw_relabel *relabel;
	size_t n_relabel;
	struct raw_relabel *metric_relabel;
	size_t n_metric_relabel;
	struct raw_static *statics;
	size_t n_statics;
	struct raw_file_sd *file_sds;
	size_t n_file_sds;
	struct raw_ecs_sd *ecs_sds, *aws_sds;
	size_t n_ecs_sds, n_aws_sds;
	struct raw_ecs_task_sd *ecs_task_sds;
	size_t n_ecs_task_sds;
	const struct yaml_node *node;
};

struct raw_write {
	struct remotewrite_options opt;
	struct raw_http http;
	struct raw_pair *headers;
	size_t n_headers;
	struct raw_relabel *relabel;
	size_t n_relabel;
	int protobuf_message; /* enum remotewrite_protocol + 1 */
	const struct yaml_node *node;
};

struct raw_global {
	struct raw_shared shared;
	int64_t evaluation_interval_ms;
	int64_t rule_query_offset_ms;
	struct sv query_log_file;
	struct raw_pair *external_labels;
	size_t n_external_labels;
	const struct yaml_node *node;
};

/* Blocks of a server, which are checked and then forgotten. */
struct raw_runtime {
	int64_t gogc;
};

struct raw_storage {
	int64_t out_of_order_time_window_ms;
	double stale_series_compaction_threshold;
	int float_encoding;
	int64_t retention_ms;
	uint64_t retention_bytes;
	double retention_percentage;
	bool tsdb_set, retention_set;
	int64_t max_exemplars;
	const struct yaml_node *node;
};

struct raw_tracing {
	int client_type;
	struct sv endpoint;
	double sampling_fraction;
	bool insecure;
	struct tls_options tls;
	struct raw_pair *headers;
	size_t n_headers;
	int compression;
	int64_t timeout_ms;
	const struct yaml_node *node;
};

struct raw_otlp {
	bool promote_all;
	struct sv *promote, *ignore;
	size_t n_promote, n_ignore;
	int strategy;
	bool keep_identifying, convert_to_nhcb, promote_scope, sanitize, preserve;
	const struct yaml_node *node;
};

struct raw_agent {
	struct agent_options opt; /* first: entries of ampagent.wal count from it */
	bool identity_labels_set;
	const struct yaml_node *node;
};

struct raw_config {
	struct raw_global global;
	struct sv *scrape_config_files;
	size_t n_scrape_config_files;
	struct raw_runtime runtime;
	struct raw_storage storage;
	struct raw_tracing tracing;
	bool tracing_set;
	struct raw_otlp otlp;
	struct raw_scrape *scrapes;
	size_t n_scrapes;
	struct raw_write *writes;
	size_t n_writes;
	struct raw_agent agent;
	const struct yaml_node *node;
};
