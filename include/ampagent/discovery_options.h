/* What discovery is told of one job. Views live as long as the configuration snapshot. */
#pragma once

#include <ampagent/http_options.h>
#include <ampagent/model/labels.h>

struct static_group_options {
	struct sv *targets;
	size_t n_targets;
	struct labels labels;
};

struct file_sd_options {
	struct sv *files; /* globs, already joined to the configuration's directory */
	size_t n_files;
	int64_t refresh_interval_ms;
};

/* What the metrics of the agent's own task are called; words of ecs_task_sd_configs.task_metrics.
 */
enum ecs_task_metrics { ECS_TASK_METRICS_OFF, ECS_TASK_METRICS_ON, ECS_TASK_METRICS_ADOT };

/* ecs_task_sd_configs: containers of the task that the agent runs in. */
struct ecs_task_sd_options {
	int64_t refresh_interval_ms; /* the shortest of all jobs counts, for all */
	int task_metrics;            /* enum ecs_task_metrics: the agent's own page besides */
	bool docker_labels;          /* containers are chosen by their labels; true */
	uint64_t *ports;             /* every container is scraped at these, too */
	size_t n_ports;
	uint64_t *probe_ports; /* the same, but only where one answers */
	size_t n_probe_ports;
};

/* Keys and principal of calls to AWS, for discovery. */
struct aws_client_options {
	struct sv region, endpoint;
	struct sv access_key, secret_key;
	struct sv profile, role_arn, external_id;
};

/* A selector of ecs_sd_configs, of any kind; those of one job are or-ed. */
enum ecs_selector_kind { ECS_BY_SERVICE, ECS_BY_DEFINITION, ECS_BY_DOCKER_LABEL };
struct ecs_selector {
	enum ecs_selector_kind kind;
	struct sv name_pattern;      /* or arn_pattern: searched, not anchored; checked */
	struct sv container_pattern; /* container_name_pattern, the same; "" = any */
	uint64_t *ports;             /* metrics_ports */
	size_t n_ports;
	struct sv port_label, path_label, job_label; /* of ECS_BY_DOCKER_LABEL; "" = none */
	struct sv metrics_path, job_name;            /* "" = the job's */
};

/* ecs_sd_configs, and aws_sd_configs with role ecs: clusters, by the ECS API. */
struct ecs_sd_options {
	struct aws_client_options client;
	int64_t refresh_interval_ms;
	int64_t port;
	uint64_t request_concurrency; /* at least 1 */
	struct sv *clusters;          /* names or ARNs; none = all of the region */
	size_t n_clusters;
	struct ecs_selector *selectors; /* none: one target a task, at port, as Prometheus does */
	size_t n_selectors;
	struct http_options http;
	uint64_t digest;       /* hash of everything above */
	uint64_t asked_digest; /* of what says whom is asked, and about what: client, clusters,
				  http */
};

struct discovery_options {
	struct sv job_name;
	struct static_group_options *statics;
	size_t n_statics;
	struct file_sd_options *file_sds;
	size_t n_file_sds;
	struct ecs_task_sd_options *ecs_task_sds;
	size_t n_ecs_task_sds;
	struct ecs_sd_options *ecs_sds;
	size_t n_ecs_sds;
	uint64_t digest; /* hash of everything above: equal = nothing changed */
};
