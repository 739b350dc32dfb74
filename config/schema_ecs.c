/* ecs_sd_configs, and aws_sd_configs with role ecs. */
#include "raw.h"
#include "schema.h"

const char *const schema_aws_roles[] = {
	"", "ec2", "ecs", "elasticache", "lightsail", "msk", "rds", NULL,
};

#define SELECTORS                                                                                  \
	{.key = "services",                                                                        \
	 .kind = SCHEMA_BLOCKS,                                                                    \
	 .block = &schema_ecs_service,                                                             \
	 LIST_AT(struct raw_ecs_sd, services, n_services),                                         \
	 .help = "Containers of services, chosen by the service's name. Prometheus does not know " \
		 "this key."},                                                                     \
		{.key = "task_definitions",                                                        \
		 .kind = SCHEMA_BLOCKS,                                                            \
		 .block = &schema_ecs_definition,                                                  \
		 LIST_AT(struct raw_ecs_sd, definitions, n_definitions),                           \
		 .help = "Containers of tasks, chosen by the ARN of the task definition. "         \
			 "Prometheus "                                                             \
			 "does not know this key."},                                               \
	{                                                                                          \
		.key = "docker_labels", .kind = SCHEMA_BLOCKS, .block = &schema_ecs_docker_label,  \
		LIST_AT(struct raw_ecs_sd, docker_labels, n_docker_labels),                        \
		.help = "Containers that have a docker label with their port. Prometheus does "    \
			"not know this key."                                                       \
	}

#define CLIENT                                                                                     \
	{.key = "region",                                                                          \
	 .kind = SCHEMA_STRING,                                                                    \
	 AT(struct raw_ecs_sd, opt.client.region),                                                 \
	 .fallback_text = "as for the AWS SDKs: environment, profile, instance metadata",          \
	 .help = "The region whose clusters are listed. It is looked for at the first request, "   \
		 "not when the file is read."},                                                    \
		{.key = "endpoint",                                                                \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(struct raw_ecs_sd, opt.client.endpoint),                                       \
		 .help = "URL of the ECS API, instead of the region's. EC2 and STS keep theirs."}, \
		{.key = "access_key",                                                              \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(struct raw_ecs_sd, opt.client.access_key),                                     \
		 .fallback_text = "the keys that the AWS SDKs find",                               \
		 .help = "Access key ID; only with secret_key."},                                  \
		{.key = "secret_key",                                                              \
		 .kind = SCHEMA_SECRET,                                                            \
		 AT(struct raw_ecs_sd, opt.client.secret_key),                                     \
		 .help = "Secret access key; only with access_key."},                              \
		{.key = "profile",                                                                 \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(struct raw_ecs_sd, opt.client.profile),                                        \
		 .help = "Profile of the shared AWS files."},                                      \
		{.key = "role_arn",                                                                \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(struct raw_ecs_sd, opt.client.role_arn),                                       \
		 .help = "Role that is assumed with those keys."},                                 \
		{.key = "external_id",                                                             \
		 .kind = SCHEMA_STRING,                                                            \
		 AT(struct raw_ecs_sd, opt.client.external_id),                                    \
		 .help = "External ID for assuming role_arn."},                                    \
	{                                                                                          \
		.key = "clusters", .kind = SCHEMA_STRINGS,                                         \
		LIST_AT(struct raw_ecs_sd, opt.clusters, opt.n_clusters),                          \
		.fallback_text = "all of the region", .help = "Names or ARNs of clusters."         \
	}

static const struct schema_entry ecs_sd_entries[] = {
	CLIENT,
	{.key = "port",
	 .kind = SCHEMA_INT,
	 AT(struct raw_ecs_sd, opt.port),
	 .fallback = "80",
	 .help = "Port of the targets where there are no selectors."},
	{.key = "refresh_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_ecs_sd, opt.refresh_interval_ms),
	 .fallback = "60s",
	 .positive = true,
	 .help = "How often the API is asked."},
	{.key = "request_concurrency",
	 .kind = SCHEMA_INT,
	 AT(struct raw_ecs_sd, request_concurrency),
	 .fallback = "20",
	 .help = "How many requests may be under way at one time, ten at most; below 1 it is the "
		 "default. All jobs together make 15 a second at most in one account and region."},
	SELECTORS,
	{.key = NULL},
};

const struct schema_block schema_ecs_sd = {
	.name = "ecs_sd_configs[]",
	.title = "ecs_sd_configs",
	.help = "Finds the tasks of ECS clusters by the ECS API. The HTTP client keys (see below) "
		"stand among these and are for the API, not for the targets.\n"
		"\n"
		"Without selectors a task whose IP address is known is one target at `port`, as in "
		"Prometheus: the address of the task's own network interface (awsvpc), else the "
		"private address of its EC2 instance. A task that has only an IPv6 address is a "
		"target too. With selectors (services, task_definitions, docker_labels) each "
		"container port that one of them chooses is a target; what several choose is taken "
		"once for each address and path, and the first one counts, in the order services, "
		"task_definitions, docker_labels.\n"
		"\n"
		"Where a chosen port is reached depends on the network mode of the task "
		"definition: "
		"awsvpc, at the task's own address; host, at the EC2 instance's; bridge, at the "
		"EC2 "
		"instance's with the host port that the task tells, dynamic ports and ranges "
		"included. Tasks on ECS Anywhere have no address there unless their network "
		"bindings name one. Ports of UDP are passed over. Tasks without an address and "
		"ports that no host publishes are left out and counted in "
		"`ampagent_ecs_sd_left_out`.\n"
		"\n"
		"Other than Prometheus: clusters may be given by their names, fields that the API "
		"leaves out and instances of ECS Anywhere do no harm, a refresh counts whole or "
		"not "
		"at all, and of groups only `service:NAME` names a service (Prometheus takes what "
		"follows any prefix but `family:`). Other than the ecs_observer of OpenTelemetry, "
		"whose selectors these "
		"are: "
		"in awsvpc and host mode the port of a docker label needs no port mapping, and "
		"metrics_ports must not be empty.\n"
		"\n"
		"Labels for relabel_configs; what is not known is not there:\n"
		"\n"
		"| label | meaning |\n"
		"|---|---|\n"
		"| `__meta_ecs_cluster`, `__meta_ecs_cluster_arn` | Name and ARN of the cluster |\n"
		"| `__meta_ecs_service`, `__meta_ecs_service_arn`, `__meta_ecs_service_status` | "
		"The service, for tasks of one |\n"
		"| `__meta_ecs_task_arn`, `__meta_ecs_task_group`, `__meta_ecs_task_definition` | "
		"ARN of the task, its group, ARN of its definition |\n"
		"| `__meta_ecs_region`, `__meta_ecs_availability_zone`, `__meta_ecs_subnet_id` | "
		"Where it is |\n"
		"| `__meta_ecs_ip_address`, `__meta_ecs_public_ip` | Its addresses |\n"
		"| `__meta_ecs_network_mode` | awsvpc, or bridge, which stands for host too |\n"
		"| `__meta_ecs_launch_type` | EC2, FARGATE or EXTERNAL |\n"
		"| `__meta_ecs_desired_status`, `__meta_ecs_last_status`, "
		"`__meta_ecs_health_status` | Status of the task |\n"
		"| `__meta_ecs_platform_family`, `__meta_ecs_platform_version` | Of Fargate |\n"
		"| `__meta_ecs_container_instance_arn`, `__meta_ecs_ec2_instance_id`, "
		"`__meta_ecs_ec2_instance_type`, `__meta_ecs_ec2_instance_private_ip`, "
		"`__meta_ecs_ec2_instance_public_ip` | The EC2 instance |\n"
		"| `__meta_ecs_tag_cluster_KEY`, `__meta_ecs_tag_service_KEY`, "
		"`__meta_ecs_tag_task_KEY`, `__meta_ecs_tag_ec2_KEY` | Tags; characters other than "
		"letters, digits and `_` become `_` |\n"
		"\n"
		"With selectors there are these, too, and `job` and `__metrics_path__` where a "
		"selector or a docker label says so:\n"
		"\n"
		"| label | meaning |\n"
		"|---|---|\n"
		"| `__meta_ecs_container_name`, `__meta_ecs_container_port` | The container, and "
		"its own port |\n"
		"| `__meta_ecs_container_label_KEY` | Each docker label |\n"
		"| `__meta_ecs_task_definition_family`, `__meta_ecs_task_definition_revision` | Of "
		"the task definition |\n"
		"| `__meta_ecs_task_started_by` | Who started the task |\n"
		"\n"
		"What a refresh asks: all lists, a hundred names a call (ListServices and "
		"ListTasks "
		"of each cluster), and descriptions, a hundred a call (services ten). Regions of "
		"up to 500 tasks are described whole each time. In larger ones a task is described "
		"when it is new, is not RUNNING or not meant to be, has health UNKNOWN in its "
		"first "
		"ten minutes, and else in every tenth refresh; what goes with it likewise. Task "
		"definitions are asked for once. One that fails leaves the last targets. It may "
		"take five minutes or twenty refresh "
		"intervals, whichever is less.\n"
		"\n"
		"IAM: ecs:ListClusters, DescribeClusters, ListServices, DescribeServices, "
		"ListTasks, DescribeTasks and DescribeContainerInstances, ec2:DescribeInstances "
		"and DescribeNetworkInterfaces; with selectors ecs:DescribeTaskDefinition too.",
	.size = sizeof(struct raw_ecs_sd),
	.node = offsetof(struct raw_ecs_sd, node),
	.entries = ecs_sd_entries,
	.inlined = &schema_http,
	.inlined_offset = offsetof(struct raw_ecs_sd, http),
};

static const struct schema_entry filter_entries[] = {
	{.key = "name", .kind = SCHEMA_STRING, AT(struct raw_aws_filter, name)},
	{.key = "values", .kind = SCHEMA_STRINGS, LIST_AT(struct raw_aws_filter, values, n_values)},
	{.key = NULL},
};

static const struct schema_block schema_aws_filter = {
	.name = "filters[]",
	.size = sizeof(struct raw_aws_filter),
	.node = SCHEMA_NOWHERE,
	.entries = filter_entries,
};

static const struct schema_entry aws_sd_entries[] = {
	{.key = "role",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_ecs_sd, role),
	 .words = schema_aws_roles,
	 .required = true,
	 .help = "What is discovered; only ecs is built."},
	CLIENT,
	{.key = "port",
	 .kind = SCHEMA_INT,
	 AT(struct raw_ecs_sd, opt.port),
	 .fallback_text = "80",
	 .help = "As in ecs_sd_configs; 0 is the default."},
	{.key = "refresh_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_ecs_sd, opt.refresh_interval_ms),
	 .fallback_text = "60s",
	 .help = "As in ecs_sd_configs; 0 is the default."},
	{.key = "filters",
	 .kind = SCHEMA_BLOCKS,
	 .status = SCHEMA_NO_EFFECT,
	 .block = &schema_aws_filter,
	 LIST_AT(struct raw_ecs_sd, filters, n_filters),
	 .help = "Filters of the roles ec2 and rds."},
	SELECTORS,
	{.key = NULL},
};

const struct schema_block schema_aws_sd = {
	.name = "aws_sd_configs[]",
	.title = "aws_sd_configs",
	.help = "With `role: ecs` the same as ecs_sd_configs, with the same labels. The HTTP "
		"client "
		"keys stand among these, and here follow_redirects is false by default.",
	.size = sizeof(struct raw_ecs_sd),
	.node = offsetof(struct raw_ecs_sd, node),
	.entries = aws_sd_entries,
	.inlined = &schema_http_aws,
	.inlined_offset = offsetof(struct raw_ecs_sd, http),
};

#define CONTAINERS                                                                                 \
	{.key = "container_name_pattern",                                                          \
	 .kind = SCHEMA_STRING,                                                                    \
	 AT(struct raw_ecs_selector, sel.container_pattern),                                       \
	 .help = "Only containers with such a name; searched for likewise."},                      \
	{                                                                                          \
		.key = "metrics_ports", .kind = SCHEMA_PORTS,                                      \
		LIST_AT(struct raw_ecs_selector, sel.ports, sel.n_ports), .required = true,        \
		.help = "Container ports; those of which the task definition has a mapping are "   \
			"scraped."                                                                 \
	}

#define JOB_AND_PATH                                                                               \
	{.key = "metrics_path",                                                                    \
	 .kind = SCHEMA_STRING,                                                                    \
	 AT(struct raw_ecs_selector, sel.metrics_path),                                            \
	 .fallback_text = "the job's",                                                             \
	 .help = "Path of the page."},                                                             \
	{                                                                                          \
		.key = "job_name", .kind = SCHEMA_STRING,                                          \
		AT(struct raw_ecs_selector, sel.job_name), .fallback_text = "the job's",           \
		.help = "The label `job`."                                                         \
	}

static const struct schema_entry service_entries[] = {
	{.key = "name_pattern",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.name_pattern),
	 .required = true,
	 .help = "RE2 expression that is searched for in the service's name: `^web$` for exactly "
		 "that one."},
	CONTAINERS,
	JOB_AND_PATH,
	{.key = NULL},
};

const struct schema_block schema_ecs_service = {
	.name = "services[]",
	.title = "ecs_sd_configs.services",
	.size = sizeof(struct raw_ecs_selector),
	.node = offsetof(struct raw_ecs_selector, node),
	.entries = service_entries,
};

static const struct schema_entry definition_entries[] = {
	{.key = "arn_pattern",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.name_pattern),
	 .required = true,
	 .help = "RE2 expression that is searched for in the ARN of the task definition, such as "
		 "`:task-definition/web:[0-9]+$`."},
	CONTAINERS,
	JOB_AND_PATH,
	{.key = NULL},
};

const struct schema_block schema_ecs_definition = {
	.name = "task_definitions[]",
	.title = "ecs_sd_configs.task_definitions",
	.size = sizeof(struct raw_ecs_selector),
	.node = offsetof(struct raw_ecs_selector, node),
	.entries = definition_entries,
};

static const struct schema_entry docker_label_entries[] = {
	{.key = "port_label",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.port_label),
	 .fallback = "ECS_PROMETHEUS_EXPORTER_PORT",
	 .help = "The docker label with the container port. In awsvpc and host mode the port needs "
		 "no mapping."},
	{.key = "metrics_path_label",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.path_label),
	 .fallback = "ECS_PROMETHEUS_METRICS_PATH",
	 .help = "The docker label with the path of the page; \"\" for none."},
	{.key = "job_name_label",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.job_label),
	 .fallback = "ECS_PROMETHEUS_JOB_NAME",
	 .help = "The docker label with the label `job`; \"\" for none."},
	{.key = "metrics_path",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.metrics_path),
	 .fallback_text = "the job's",
	 .help = "Path of the page where the container has no such label."},
	{.key = "job_name",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_ecs_selector, sel.job_name),
	 .fallback_text = "the job's",
	 .help = "The label `job`, whatever the docker label says."},
	{.key = NULL},
};

const struct schema_block schema_ecs_docker_label = {
	.name = "docker_labels[]",
	.title = "ecs_sd_configs.docker_labels",
	.help = "The defaults are the names that the CloudWatch agent looks for (port and path) "
		"and "
		"that ecs_task_sd_configs knows: `docker_labels: [{}]` takes them.",
	.size = sizeof(struct raw_ecs_selector),
	.node = offsetof(struct raw_ecs_selector, node),
	.entries = docker_label_entries,
};
