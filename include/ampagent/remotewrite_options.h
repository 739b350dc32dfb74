/* What a remote-write destination is told. Views live as long as the configuration snapshot. */
#pragma once

#include <ampagent/http_options.h>
#include <ampagent/model/labels.h>
#include <ampagent/model/relabel.h>

struct queue_options {
	uint64_t capacity;
	uint64_t max_shards;
	uint64_t min_shards;
	uint64_t max_samples_per_send;
	int64_t batch_send_deadline_ms;
	int64_t min_backoff_ms;
	int64_t max_backoff_ms;
	bool retry_on_http_429;
	bool retry_on_http_429_set;  /* given in the file */
	int64_t sample_age_limit_ms; /* 0 = no limit */
	bool sample_age_limit_set;   /* given in the file */
};

struct metadata_options {
	bool send;
	int64_t send_interval_ms;
	uint64_t max_samples_per_send;
};

struct sigv4_options {
	struct sv region;
	struct sv access_key, secret_key;
	struct sv service_name; /* "aps" by default */
	struct sv profile;
	struct sv role_arn, external_id;
	bool use_fips_sts_endpoint;
};

enum remotewrite_protocol { REMOTEWRITE_V1, REMOTEWRITE_V2 };

struct remotewrite_options {
	struct sv name; /* explicit, or derived from the block as Prometheus does */
	bool name_set;
	struct sv url;
	int64_t timeout_ms;
	struct http_header_option *headers; /* values only */
	size_t n_headers;
	struct relabel_set *write_relabel; /* NULL = none */
	struct queue_options queue;
	struct metadata_options metadata;
	enum remotewrite_protocol protocol; /* protobuf_message */
	bool send_exemplars;
	bool send_native_histograms;
	bool round_robin_dns;
	bool failed_request_logging;
	bool has_sigv4;
	struct sigv4_options sigv4;
	struct http_options http;
};
