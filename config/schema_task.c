/* ecs_task_sd_configs: the containers of the agent's own ECS task. */
#include "raw.h"
#include "schema.h"

/* In the order of enum ecs_task_metrics. */
static const char *const task_metrics_words[] = {"off", "on", "adot", NULL};

static const struct schema_entry task_sd_entries[] = {
	{.key = "refresh_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_ecs_task_sd, opt.refresh_interval_ms),
	 .fallback = "15s",
	 .help = "How often the task is asked for, at least 5s. There is one question for all "
		 "jobs: "
		 "the shortest interval of all of them counts."},
	{.key = "task_metrics",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_ecs_task_sd, opt.task_metrics),
	 .words = task_metrics_words,
	 .fallback = "off",
	 .help = "Makes the CPU, memory, network and disk of the task and its containers a target: "
		 "the agent's own page `/ecs/metrics`, with the label job=\"ecs_task\"; `adot` "
		 "asks for the metric names that ADOT gives them. `on` and "
		 "`adot` can stand in one job each; more jobs need relabel_configs, which tell "
		 "their series apart."},
	{.key = "docker_labels",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_ecs_task_sd, opt.docker_labels),
	 .fallback = "true",
	 .help = "Whether containers are chosen by their docker labels. Without, "
		 "`prometheus.io/scrape` still excludes."},
	{.key = "ports",
	 .kind = SCHEMA_PORTS,
	 LIST_AT(struct raw_ecs_task_sd, opt.ports, opt.n_ports),
	 .help = "Every container is scraped at these container ports too. Where containers share "
		 "one network (awsvpc, host) that is one target a port, without the labels of a "
		 "container; a port that docker labels name already is left to them."},
	{.key = "probe_ports",
	 .kind = SCHEMA_PORTS,
	 LIST_AT(struct raw_ecs_task_sd, opt.probe_ports, opt.n_probe_ports),
	 .help = "The same, but only where `GET /metrics` is answered with 200 within a second, by "
		 "http; in bridge networks at the path of the container's label, if it has one. "
		 "Ports "
		 "that do not answer are tried again with every refresh; those that did once only "
		 "when a container starts, stops or is another one."},
	{.key = NULL},
};

const struct schema_block schema_ecs_task_sd = {
	.name = "ecs_task_sd_configs[]",
	.title = "ecs_task_sd_configs",
	.help = "Finds the containers of the ECS task in which the agent is a sidecar, by the "
		"task metadata endpoint (version 4, else 3); Prometheus does not know this block. "
		"A "
		"container is scraped while its KnownStatus is RUNNING; containers of ECS itself "
		"(Type is not NORMAL) never are. While the endpoint does not answer, or not with a "
		"task, the last targets stay.\n"
		"\n"
		"These docker labels of a container count (dockerLabels in the task definition); "
		"where both names of a row are there the first one counts:\n"
		"\n"
		"| docker label | or | meaning |\n"
		"|---|---|---|\n"
		"| `prometheus.io/scrape` | | `false` or `0`: never scraped, whatever else is "
		"configured. "
		"`true` or `1`: scraped at its port labels, else at the TCP ports of its port "
		"mappings, "
		"as far as the endpoint tells them: with awsvpc and host networks it does not. "
		"Without it a port label is enough. |\n"
		"| `prometheus.io/port` | `ECS_PROMETHEUS_EXPORTER_PORT` | The container port; "
		"several are set apart by commas. |\n"
		"| `prometheus.io/path` | `ECS_PROMETHEUS_METRICS_PATH` | Instead of the job's "
		"metrics_path. |\n"
		"| `prometheus.io/scheme` | | `http` or `https`, instead of the job's scheme. |\n"
		"| `prometheus.io/job` | `ECS_PROMETHEUS_JOB_NAME` | The label `job`. |\n"
		"\n"
		"A label with a value that cannot be is told of once in the log, with the "
		"container's name, and its container is not scraped by labels. The agent's own "
		"container is scraped only when its labels say so.\n"
		"\n"
		"The address is 127.0.0.1 with the container port in awsvpc and host networks, as "
		"all containers share one network there (in IPv6-only tasks, too): an application "
		"has to listen on loopback or on all addresses. In bridge "
		"networks it is the container's own IP address with the container port: the agent "
		"has to be in a bridge network itself, as a sidecar is, and neither published "
		"ports "
		"nor links are needed.\n"
		"\n"
		"Labels for relabel_configs; what is not known is not there:\n"
		"\n"
		"| label | meaning |\n"
		"|---|---|\n"
		"| `__meta_ecs_cluster` | Name of the cluster |\n"
		"| `__meta_ecs_cluster_arn` | ARN of the cluster |\n"
		"| `__meta_ecs_service` | Name of the service |\n"
		"| `__meta_ecs_task_arn` | ARN of the task |\n"
		"| `__meta_ecs_task_id` | The last part of the task's ARN |\n"
		"| `__meta_ecs_task_group` | `service:NAME`, `family:NAME` or the task's own group "
		"|\n"
		"| `__meta_ecs_task_definition` | ARN of the task definition |\n"
		"| `__meta_ecs_task_definition_family` | Its family |\n"
		"| `__meta_ecs_task_definition_revision` | Its revision |\n"
		"| `__meta_ecs_region` | Region of the task |\n"
		"| `__meta_ecs_availability_zone` | Availability zone of the task |\n"
		"| `__meta_ecs_launch_type` | EC2, FARGATE or EXTERNAL |\n"
		"| `__meta_ecs_desired_status` | Desired status of the task |\n"
		"| `__meta_ecs_last_status` | Known status of the task |\n"
		"| `__meta_ecs_network_mode` | awsvpc, bridge or host |\n"
		"| `__meta_ecs_ip_address` | IP address of the container; in awsvpc networks the "
		"task's |\n"
		"| `__meta_ecs_health_status` | Of the container: UNKNOWN, HEALTHY or UNHEALTHY, "
		"if it has a health check |\n"
		"| `__meta_ecs_container_name` | Name of the container |\n"
		"| `__meta_ecs_container_id` | Its docker ID, another one after each restart: as a "
		"label of series it makes new ones |\n"
		"| `__meta_ecs_container_image` | Its image, as the task definition has it |\n"
		"| `__meta_ecs_container_port` | The port that is scraped |\n"
		"| `__meta_ecs_container_label_NAME` | Each docker label; characters other than "
		"letters, digits and `_` become `_` |\n"
		"| `__meta_ecs_source` | What chose the target: docker_label, ports, probe or "
		"task_metrics |",
	.size = sizeof(struct raw_ecs_task_sd),
	.node = offsetof(struct raw_ecs_task_sd, node),
	.entries = task_sd_entries,
};
