/* A job: scrape_configs, static_configs, file_sd_configs, relabel rules. */
#include "raw.h"
#include "schema.h"
#include "schema_shared.h"

const char *const schema_validation_words[] = {"", "utf8", "legacy", NULL};
const char *const schema_escaping_words[] = {"",     "allow-utf-8", "underscores",
					     "dots", "values",      NULL};

#define NOT_BUILT_SD(name) NOT_BUILT(#name "_sd_configs", SCHEMA_ANY, "Service discovery.")

static const struct schema_entry scrape_entries[] = {
	{.key = "job_name",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_scrape, opt.job_name),
	 .required = true,
	 .help = "The label `job` of its targets, and the job's name everywhere; unique."},
	{.key = "scrape_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_scrape, shared.interval_ms),
	 .fallback_text = "global",
	 .help = "How often targets are scraped."},
	{.key = "scrape_timeout",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_scrape, shared.timeout_ms),
	 .fallback_text = "global, or the interval where that is shorter",
	 .help = "How long one scrape may take; at most the interval."},
	{.key = "metrics_path",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_scrape, opt.metrics_path),
	 .fallback = "/metrics",
	 .help = "Path of the page."},
	{.key = "scheme",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_scrape, opt.scheme),
	 .fallback = "http",
	 .help = "`http` or `https`."},
	{.key = "params",
	 .kind = SCHEMA_LISTS,
	 LIST_AT(struct raw_scrape, opt.params, opt.n_params),
	 .help = "Query parameters of the request."},
	{.key = "honor_labels",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_scrape, opt.honor_labels),
	 .fallback = "false",
	 .help = "Where the page and the target have the same label: true keeps the page's, "
		 "false renames it to `exported_<name>`."},
	{.key = "honor_timestamps",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_scrape, opt.honor_timestamps),
	 .fallback = "true",
	 .help = "Whether timestamps on the page count."},
	{.key = "track_timestamps_staleness",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_scrape, opt.track_timestamps_staleness),
	 .fallback = "false",
	 .help = "Whether series with timestamps of their own get staleness markers."},
	{.key = "enable_compression",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_scrape, opt.enable_compression),
	 .fallback = "true",
	 .help = "Whether gzip is offered."},
	{.key = "fallback_scrape_protocol",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_scrape, fallback),
	 .help = "The format of pages whose Content-Type is missing or unknown; without it such "
		 "a scrape fails. The names are those of scrape_protocols."},
	SHARED_ENTRIES(struct raw_scrape, "global", "global", "global",
		       "global; from the job's own validation scheme where it has one", "global",
		       "global, else as said there"),
	{.key = "native_histogram_bucket_limit",
	 .kind = SCHEMA_UINT,
	 AT(struct raw_scrape, opt.native_histogram_bucket_limit),
	 .help = "A native histogram with more buckets is made coarser until it fits; 0 is no "
		 "limit."},
	{.key = "native_histogram_min_bucket_factor",
	 .kind = SCHEMA_FLOAT,
	 AT(struct raw_scrape, opt.native_histogram_min_bucket_factor),
	 .help = "A native histogram whose buckets grow by a smaller factor is made coarser; 0 is "
		 "no limit."},
	{.key = "relabel_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_relabel,
	 LIST_AT(struct raw_scrape, relabel, n_relabel),
	 .help = "Rules applied to each target's labels."},
	{.key = "metric_relabel_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_relabel,
	 LIST_AT(struct raw_scrape, metric_relabel, n_metric_relabel),
	 .help = "Rules applied to each sample's labels."},
	{.key = "static_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_static,
	 LIST_AT(struct raw_scrape, statics, n_statics),
	 .help = "Targets written down here."},
	{.key = "file_sd_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_file_sd,
	 LIST_AT(struct raw_scrape, file_sds, n_file_sds),
	 .help = "Targets read from files."},
	{.key = "ecs_sd_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_ecs_sd,
	 LIST_AT(struct raw_scrape, ecs_sds, n_ecs_sds),
	 .help = "Tasks of ECS clusters."},
	{.key = "aws_sd_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_aws_sd,
	 LIST_AT(struct raw_scrape, aws_sds, n_aws_sds),
	 .help = "The same, as newer versions of Prometheus have it."},
	{.key = "ecs_task_sd_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_ecs_task_sd,
	 LIST_AT(struct raw_scrape, ecs_task_sds, n_ecs_task_sds),
	 .help = "Containers of the ECS task that the agent runs in."},
	NOT_BUILT_SD(http),
	NOT_BUILT_SD(dns),
	NOT_BUILT_SD(kubernetes),
	NOT_BUILT_SD(ec2),
	NOT_BUILT_SD(rds),
	NOT_BUILT_SD(msk),
	NOT_BUILT_SD(elasticache),
	NOT_BUILT_SD(lightsail),
	NOT_BUILT_SD(azure),
	NOT_BUILT_SD(consul),
	NOT_BUILT_SD(digitalocean),
	NOT_BUILT_SD(docker),
	NOT_BUILT_SD(dockerswarm),
	NOT_BUILT_SD(eureka),
	NOT_BUILT_SD(gce),
	NOT_BUILT_SD(hetzner),
	NOT_BUILT_SD(ionos),
	NOT_BUILT_SD(kuma),
	NOT_BUILT_SD(linode),
	NOT_BUILT_SD(marathon),
	NOT_BUILT_SD(nerve),
	NOT_BUILT_SD(nomad),
	NOT_BUILT_SD(oci),
	NOT_BUILT_SD(openstack),
	NOT_BUILT_SD(outscale),
	NOT_BUILT_SD(ovhcloud),
	NOT_BUILT_SD(puppetdb),
	NOT_BUILT_SD(scaleway),
	NOT_BUILT_SD(serverset),
	NOT_BUILT_SD(stackit),
	NOT_BUILT_SD(triton),
	NOT_BUILT_SD(uyuni),
	NOT_BUILT_SD(vultr),
	{.key = NULL},
};

static const struct schema_entry included_entries[] = {
	{.key = "scrape_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_scrape,
	 LIST_AT(struct raw_config, scrapes, n_scrapes),
	 .help = "The jobs."},
	{.key = NULL},
};

/* A file of scrape_config_files: into the lists of a struct raw_config. */
const struct schema_block schema_included = {
	.name = "the file",
	.size = sizeof(struct raw_config),
	.node = SCHEMA_NOWHERE,
	.entries = included_entries,
};

const struct schema_block schema_scrape = {
	.name = "scrape_configs[]",
	.title = "scrape_configs",
	.help = "One entry is one job. The HTTP client keys (see below) stand among these.",
	.size = sizeof(struct raw_scrape),
	.node = offsetof(struct raw_scrape, node),
	.entries = scrape_entries,
	.inlined = &schema_http,
	.inlined_offset = offsetof(struct raw_scrape, http),
};

static const struct schema_entry static_entries[] = {
	{.key = "targets",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_static, targets, n_targets),
	 .help = "Addresses, `host:port`; no default port is added. An address with a `/` is "
		 "refused unless the job has relabel_configs."},
	{.key = "labels",
	 .kind = SCHEMA_MAP,
	 LIST_AT(struct raw_static, labels, n_labels),
	 .help = "Labels of all of these targets."},
	{.key = NULL},
};

const struct schema_block schema_static = {
	.name = "static_configs[]",
	.title = "static_configs",
	.size = sizeof(struct raw_static),
	.node = offsetof(struct raw_static, node),
	.entries = static_entries,
};

static const struct schema_entry file_sd_entries[] = {
	{.key = "files",
	 .kind = SCHEMA_PATHS,
	 LIST_AT(struct raw_file_sd, opt.files, opt.n_files),
	 .required = true,
	 .help = "Names or patterns, ending in .json, .yml or .yaml; `*` only in the last path "
		 "element."},
	{.key = "refresh_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_file_sd, opt.refresh_interval_ms),
	 .fallback = "5m",
	 .positive = true,
	 .help = "The files are read again this often, besides when they change."},
	{.key = NULL},
};

const struct schema_block schema_file_sd = {
	.name = "file_sd_configs[]",
	.title = "file_sd_configs",
	.help = "A file that cannot be read or parsed keeps its last good targets.",
	.size = sizeof(struct raw_file_sd),
	.node = offsetof(struct raw_file_sd, node),
	.entries = file_sd_entries,
};

/* In the order of enum relabel_action. */
static const char *const action_words[] = {
	"replace",   "keep",      "drop",     "keepequal", "dropequal", "hashmod",
	"lowercase", "uppercase", "labelmap", "labeldrop", "labelkeep", NULL,
};

static const struct schema_entry relabel_entries[] = {
	{.key = "source_labels",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_relabel, rule.source_labels, rule.n_source_labels),
	 GIVEN_AT(struct raw_relabel, rule.source_labels_set),
	 .help = "Labels whose values, joined by the separator, are the rule's input."},
	{.key = "separator",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_relabel, rule.separator),
	 GIVEN_AT(struct raw_relabel, rule.separator_set),
	 .fallback = ";",
	 .help = "Between the joined values."},
	{.key = "regex",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_relabel, rule.regex),
	 GIVEN_AT(struct raw_relabel, rule.regex_set),
	 .fallback = "(.*)",
	 .help = "RE2 expression that the whole input must match."},
	{.key = "modulus",
	 .kind = SCHEMA_UINT,
	 AT(struct raw_relabel, rule.modulus),
	 .help = "For hashmod."},
	{.key = "target_label",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_relabel, rule.target_label),
	 .help = "The label that is set; may refer to groups of the regex in replace."},
	{.key = "replacement",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_relabel, rule.replacement),
	 GIVEN_AT(struct raw_relabel, rule.replacement_set),
	 .fallback = "$1",
	 .help = "The new value; `$1`, `${1}` and `${name}` are groups of the regex."},
	{.key = "action",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_relabel, rule.action),
	 .words = action_words,
	 .any_case = true,
	 .fallback = "replace",
	 .help = "What the rule does."},
	{.key = NULL},
};

const struct schema_block schema_relabel = {
	.name = "relabel rule",
	.title = "Relabel rules",
	.help = "relabel_configs, metric_relabel_configs and write_relabel_configs are "
		"lists of these. Rules act in order; what a rule drops sees no further "
		"rule. Expressions are those that Prometheus takes, with these exceptions: "
		"classes have their short name or that of a script, spelt as Unicode does "
		"(`\\p{Lu}`, `\\p{Greek}`, not `\\p{Letter}` or `\\p{greek}`), and "
		"unassigned code points are in none; `\\x{d800}` to `\\x{dfff}` match "
		"nothing; a repeat inside one of 0 times counts towards the limit of 1000; "
		"an expression whose repeated parts need more than 12 MiB is refused "
		"(`\\pL{1,500}` does not, `\\pL{1,1000}` does).",
	.size = sizeof(struct raw_relabel),
	.node = offsetof(struct raw_relabel, node),
	.entries = relabel_entries,
};
