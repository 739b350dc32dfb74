/* In which order Prometheus shows keys, and which it shows even when they are zero. Keys that are
 * not built are passed over; keys that are not named follow in the order of the schema. */
#include "shown.h"

#include "schema.h"

static const char *const file_order[] = {
	"global", "scrape_config_files", "scrape_configs", "remote_write", "ampagent", NULL,
};

static const char *const global_order[] = {
	"scrape_interval",
	"scrape_timeout",
	"scrape_protocols",
	"evaluation_interval",
	"rule_query_offset",
	"query_log_file",
	"scrape_failure_log_file",
	"external_labels",
	"body_size_limit",
	"sample_limit",
	"target_limit",
	"label_limit",
	"label_name_length_limit",
	"label_value_length_limit",
	"keep_dropped_targets",
	"metric_name_validation_scheme",
	"metric_name_escaping_scheme",
	"!scrape_native_histograms",
	"convert_classic_histograms_to_nhcb",
	"always_scrape_classic_histograms",
	"!extra_scrape_metrics",
	NULL,
};

#define HTTP_ORDER                                                                                 \
	"basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file",              \
		"tls_config", "!follow_redirects", "!enable_http2", "proxy_url", "no_proxy",       \
		"proxy_from_environment", "proxy_connect_header", "http_headers"

static const char *const scrape_order[] = {
	"!job_name",
	"honor_labels",
	"!honor_timestamps",
	"!track_timestamps_staleness",
	"params",
	"scrape_interval",
	"scrape_timeout",
	"scrape_protocols",
	"fallback_scrape_protocol",
	"!scrape_native_histograms",
	"!always_scrape_classic_histograms",
	"!convert_classic_histograms_to_nhcb",
	"scrape_failure_log_file",
	"metrics_path",
	"scheme",
	"!enable_compression",
	"body_size_limit",
	"sample_limit",
	"target_limit",
	"label_limit",
	"label_name_length_limit",
	"label_value_length_limit",
	"native_histogram_bucket_limit",
	"native_histogram_min_bucket_factor",
	"keep_dropped_targets",
	"metric_name_validation_scheme",
	"metric_name_escaping_scheme",
	"!extra_scrape_metrics",
	HTTP_ORDER,
	"relabel_configs",
	"metric_relabel_configs",
	"aws_sd_configs",
	"azure_sd_configs",
	"consul_sd_configs",
	"digitalocean_sd_configs",
	"dns_sd_configs",
	"docker_sd_configs",
	"dockerswarm_sd_configs",
	"ec2_sd_configs",
	"ecs_sd_configs",
	"ecs_task_sd_configs",
	"elasticache_sd_configs",
	"eureka_sd_configs",
	"file_sd_configs",
	"gce_sd_configs",
	"hetzner_sd_configs",
	"http_sd_configs",
	"ionos_sd_configs",
	"kubernetes_sd_configs",
	"kuma_sd_configs",
	"lightsail_sd_configs",
	"linode_sd_configs",
	"marathon_sd_configs",
	"msk_sd_configs",
	"nerve_sd_configs",
	"nomad_sd_configs",
	"oci_sd_configs",
	"openstack_sd_configs",
	"outscale_sd_configs",
	"ovhcloud_sd_configs",
	"puppetdb_sd_configs",
	"rds_sd_configs",
	"scaleway_sd_configs",
	"serverset_sd_configs",
	"stackit_sd_configs",
	"static_configs",
	"triton_sd_configs",
	"uyuni_sd_configs",
	"vultr_sd_configs",
	NULL,
};

static const char *const relabel_order[] = {
	"source_labels", "!separator",   "?regex",  "modulus",
	"target_label",  "!replacement", "!action", NULL,
};

static const char *const static_order[] = {"!targets", "labels", NULL};

static const char *const write_order[] = {
	"!url",
	"remote_timeout",
	"headers",
	"write_relabel_configs",
	"name",
	"send_exemplars",
	"send_native_histograms",
	"round_robin_dns",
	"failed_request_logging",
	"protobuf_message",
	HTTP_ORDER,
	"queue_config",
	"metadata_config",
	"sigv4",
	"azuread",
	"google_iam",
	NULL,
};

static const char *const metadata_order[] = {
	"!send",
	"!send_interval",
	"max_samples_per_send",
	NULL,
};

static const char *const queue_order[] = {
	"capacity",
	"max_shards",
	"min_shards",
	"max_samples_per_send",
	"batch_send_deadline",
	"!min_backoff",
	"!max_backoff",
	"?retry_on_http_429",
	"sample_age_limit",
	NULL,
};

static const char *const tls_order[] = {
	"ca",
	"cert",
	"key",
	"ca_file",
	"cert_file",
	"key_file",
	"ca_ref",
	"cert_ref",
	"key_ref",
	"server_name",
	"!insecure_skip_verify",
	"min_version",
	"max_version",
	NULL,
};

static const char *const oauth2_order[] = {
	"client_id",
	"client_secret",
	"client_secret_file",
	"client_certificate_key_id",
	"client_certificate_key",
	"client_certificate_key_file",
	"grant_type",
	"signature_algorithm",
	"iss",
	"audience",
	"claims",
	"scopes",
	"token_url",
	"endpoint_params",
	"tls_config",
	NULL,
};

static const char *const wal_order[] = {
	"max_bytes", "!max_age", "durability", "!sync_interval", "memory_bytes", NULL,
};

static const char *const agent_order[] = {"wal", "!identity", "!identity_labels", NULL};

static const char *const ecs_sd_order[] = {
	"!region",  "!endpoint",        "access_key",          "secret_key",
	"profile",  "role_arn",         "external_id",         "clusters",
	"!port",    "refresh_interval", "request_concurrency", HTTP_ORDER,
	"services", "task_definitions", "docker_labels",       NULL,
};

static const char *const aws_sd_order[] = {
	"!role",    "region",      "endpoint",         "access_key",    "secret_key", "profile",
	"role_arn", "external_id", "refresh_interval", "port",          HTTP_ORDER,   "filters",
	"clusters", "services",    "task_definitions", "docker_labels", NULL,
};

const char *const *shown_order(const struct schema_block *block)
{
	const struct {
		const struct schema_block *block;
		const char *const *order;
	} orders[] = {
		{&schema_file, file_order},         {&schema_global, global_order},
		{&schema_scrape, scrape_order},     {&schema_relabel, relabel_order},
		{&schema_static, static_order},     {&schema_write, write_order},
		{&schema_metadata, metadata_order}, {&schema_queue, queue_order},
		{&schema_tls, tls_order},           {&schema_oauth2, oauth2_order},
		{&schema_agent_wal, wal_order},     {&schema_agent, agent_order},
		{&schema_ecs_sd, ecs_sd_order},     {&schema_aws_sd, aws_sd_order},
	};
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		if (orders[i].block == block)
			return orders[i].order;
	return NULL;
}
