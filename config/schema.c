/* The file's top level, global, and our own block. */
#include "schema.h"

#include "raw.h"
#include "schema_shared.h"

const char *schema_kind_text(enum schema_kind kind)
{
	static const char *const names[] = {
		[SCHEMA_STRING] = "string",
		[SCHEMA_SECRET] = "secret",
		[SCHEMA_PATH] = "file name",
		[SCHEMA_URL] = "URL",
		[SCHEMA_BOOL] = "boolean",
		[SCHEMA_DURATION] = "duration",
		[SCHEMA_SIZE] = "size",
		[SCHEMA_UINT] = "unsigned integer",
		[SCHEMA_INT] = "integer",
		[SCHEMA_FLOAT] = "number",
		[SCHEMA_WORD] = "word",
		[SCHEMA_STRINGS] = "list of strings",
		[SCHEMA_SECRETS] = "list of secrets",
		[SCHEMA_PATHS] = "list of file names",
		[SCHEMA_PORTS] = "list of ports",
		[SCHEMA_MAP] = "map of strings",
		[SCHEMA_LISTS] = "map of lists of strings",
		[SCHEMA_SECRET_LISTS] = "map of lists of secrets",
		[SCHEMA_JSON_MAP] = "map",
		[SCHEMA_BLOCK] = "block",
		[SCHEMA_BLOCKS] = "list of blocks",
		[SCHEMA_NAMED_BLOCKS] = "map of blocks",
		[SCHEMA_ANY] = "any",
	};
	return names[kind];
}

static const struct schema_entry file_entries[] = {
	{.key = "global",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_global,
	 AT(struct raw_config, global),
	 .help = "Defaults of all jobs, and the labels of everything that is sent."},
	{.key = "scrape_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_scrape,
	 LIST_AT(struct raw_config, scrapes, n_scrapes),
	 .help = "The jobs."},
	{.key = "remote_write",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_write,
	 LIST_AT(struct raw_config, writes, n_writes),
	 .help = "The destinations. Every sample goes to each of them."},
	{.key = "ampagent",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_agent,
	 AT(struct raw_config, agent),
	 .help = "Settings of ampagent itself; Prometheus does not know this block."},
	{.key = "scrape_config_files",
	 .kind = SCHEMA_PATHS,
	 LIST_AT(struct raw_config, scrape_config_files, n_scrape_config_files),
	 .help = "Names or patterns of files with further scrape_configs, their only key; `*` only "
		 "in the last path element. File names in them count from their own directory. "
		 "They are read anew with each load."},
	SERVER_ONLY("rule_files", SCHEMA_STRINGS, "Rules: there is no query engine here."),
	SERVER_ONLY("remote_read", SCHEMA_BLOCKS, "Remote read: there are no queries here."),
	{.key = "alerting",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_alerting,
	 NOWHERE,
	 .help = "Alertmanagers: there are no alerts here."},
	{.key = "storage",
	 .kind = SCHEMA_BLOCK,
	 .status = SCHEMA_NO_EFFECT,
	 .block = &schema_storage,
	 AT(struct raw_config, storage),
	 .help = "Settings of Prometheus's database; for ours see ampagent.wal."},
	{.key = "tracing",
	 .kind = SCHEMA_BLOCK,
	 .status = SCHEMA_NO_EFFECT,
	 .block = &schema_tracing,
	 AT(struct raw_config, tracing),
	 GIVEN_AT(struct raw_config, tracing_set),
	 .help = "Export of Prometheus's own traces."},
	{.key = "otlp",
	 .kind = SCHEMA_BLOCK,
	 .status = SCHEMA_NO_EFFECT,
	 .block = &schema_otlp,
	 AT(struct raw_config, otlp),
	 .help = "Translation of OTLP metrics, which are not received."},
	{.key = "runtime",
	 .kind = SCHEMA_BLOCK,
	 .status = SCHEMA_NO_EFFECT,
	 .block = &schema_runtime,
	 AT(struct raw_config, runtime),
	 .help = "Settings of the Go runtime."},
	{.key = NULL},
};

const struct schema_block schema_file = {
	.name = "the file",
	.title = "Top level",
	.help = "A file may be empty. Only its first YAML document counts.",
	.size = sizeof(struct raw_config),
	.node = offsetof(struct raw_config, node),
	.entries = file_entries,
};

static const struct schema_entry global_entries[] = {
	{.key = "scrape_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_global, shared.interval_ms),
	 .fallback_text = "1m",
	 .help = "How often targets are scraped. 0 means the default."},
	{.key = "scrape_timeout",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_global, shared.timeout_ms),
	 .fallback_text = "10s, or the interval where that is shorter",
	 .help = "How long one scrape may take, connect to last byte; at most the interval."},
	{.key = "external_labels",
	 .kind = SCHEMA_MAP,
	 LIST_AT(struct raw_global, external_labels, n_external_labels),
	 .help = "Labels added to every series that is sent, where the series has none of that "
		 "name. "
		 "`$NAME` and `${NAME}` in a value stand for environment variables, `$$` for `$`."},
	SHARED_ENTRIES(struct raw_global, "0", "0", "utf8", "allow-utf-8, underscores when legacy",
		       "false",
		       "[OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText1.0.0, "
		       "PrometheusText0.0.4], with PrometheusProto first in jobs with "
		       "scrape_native_histograms"),
	{.key = "evaluation_interval",
	 .kind = SCHEMA_DURATION,
	 .status = SCHEMA_NO_EFFECT,
	 AT(struct raw_global, evaluation_interval_ms),
	 .help = "How often rules run."},
	{.key = "rule_query_offset",
	 .kind = SCHEMA_DURATION,
	 .status = SCHEMA_NO_EFFECT,
	 AT(struct raw_global, rule_query_offset_ms),
	 .help = "Shift of rule evaluation."},
	{.key = "query_log_file",
	 .kind = SCHEMA_PATH,
	 .status = SCHEMA_NO_EFFECT,
	 AT(struct raw_global, query_log_file),
	 .help = "Log of queries."},
	{.key = NULL},
};

const struct schema_block schema_global = {
	.name = "global",
	.title = "global",
	.help = "What a job does not say itself it takes from here. A limit of a job that is 0 or "
		"not given is the global one, so a job cannot switch a global limit off.",
	.size = sizeof(struct raw_global),
	.node = offsetof(struct raw_global, node),
	.entries = global_entries,
};

/* In the order of enum wal_durability. */
static const char *const durability_words[] = {"interval", "none", "always", NULL};

static const struct schema_entry agent_wal_entries[] = {
	{.key = "max_bytes",
	 .kind = SCHEMA_SIZE,
	 AT(struct agent_options, wal_max_bytes),
	 .fallback = "2GB",
	 .positive = true,
	 .help = "Disk space of the log. When it is full the oldest samples go, counted as "
		 "dropped."},
	{.key = "max_age",
	 .kind = SCHEMA_DURATION,
	 AT(struct agent_options, wal_max_age_ms),
	 .fallback = "0",
	 .help = "Samples that could not be delivered for this long are dropped and counted; 0 "
		 "keeps them as long as there is space."},
	{.key = "durability",
	 .kind = SCHEMA_WORD,
	 AT(struct agent_options, wal_durability),
	 .words = durability_words,
	 .fallback = "interval",
	 .help = "What a power loss may take. `none`: what the system did not write by itself, as "
		 "nothing is synced before a segment ends or the agent stops. `interval`: what was "
		 "logged since the last sync, which is at most `sync_interval` ago. `always`: "
		 "nothing "
		 "that was logged; samples are synced before they are sent, all that wait at once. "
		 "A "
		 "killed process (not the machine) costs the same in each: what was not yet handed "
		 "to "
		 "the system."},
	{.key = "sync_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct agent_options, wal_sync_interval_ms),
	 .fallback = "1s",
	 .help = "How often the log is synced to disk with `durability: interval`. 0 syncs after "
		 "every write."},
	{.key = "memory_bytes",
	 .kind = SCHEMA_SIZE,
	 AT(struct agent_options, wal_memory_bytes),
	 .fallback = "64MB",
	 .positive = true,
	 .help = "Bound of the log where no disk can be written and it is kept in memory."},
	{.key = NULL},
};

const struct schema_block schema_agent_wal = {
	.name = "ampagent.wal",
	.title = "ampagent.wal",
	.help = "The log that holds samples until they are delivered.",
	.size = sizeof(struct agent_options),
	.node = SCHEMA_NOWHERE,
	.entries = agent_wal_entries,
};

/* In the order of enum identity_mode. */
static const char *const identity_words[] = {"auto", "strict", "off", NULL};

static const struct schema_entry agent_entries[] = {
	{.key = "wal",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_agent_wal,
	 AT(struct raw_agent, opt),
	 .help = "The log between scraping and sending."},
	{.key = "identity",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_agent, opt.identity),
	 .words = identity_words,
	 .fallback = "auto",
	 .no_empty = true,
	 .help = "In an ECS task: what makes series of its own targets (at loopback, `0.0.0.0` or "
		 "the task's addresses) distinct from those of its copies, which have the same "
		 "addresses. `auto`: they get `identity_labels`, and `instance` becomes `TASK "
		 "ID:PORT` where it is the address. `strict`: nothing is added, and such a target "
		 "is refused unless one of its labels, or an external label, names the task. "
		 "`off`: as Prometheus. Elsewhere it does nothing."},
	{.key = "identity_labels",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_agent, opt.identity_labels, opt.n_identity_labels),
	 GIVEN_AT(struct raw_agent, identity_labels_set),
	 .fallback_text = "all",
	 .help = "Which labels `identity: auto` adds where a target has none of that name: "
		 "`ecs_cluster`, `ecs_service`, `ecs_task_family`, `ecs_task_revision`, "
		 "`ecs_task_id`, `ecs_container`, `ecs_availability_zone`, `ecs_launch_type`. A "
		 "target that no other label makes distinct gets `ecs_task_id` even when it is not "
		 "named here."},
	{.key = NULL},
};

const struct schema_block schema_agent = {
	.name = "ampagent",
	.title = "ampagent",
	.help = "Settings of ampagent itself. Prometheus refuses a file with this block.",
	.size = sizeof(struct raw_agent),
	.node = offsetof(struct raw_agent, node),
	.entries = agent_entries,
};

const struct schema_block *const schema_documented[] = {
	&schema_file,
	&schema_global,
	&schema_scrape,
	&schema_static,
	&schema_file_sd,
	&schema_ecs_sd,
	&schema_ecs_service,
	&schema_ecs_definition,
	&schema_ecs_docker_label,
	&schema_aws_sd,
	&schema_ecs_task_sd,
	&schema_relabel,
	&schema_write,
	&schema_queue,
	&schema_metadata,
	&schema_sigv4,
	&schema_http,
	&schema_basic_auth,
	&schema_authorization,
	&schema_oauth2,
	&schema_tls,
	&schema_header,
	&schema_alerting,
	&schema_agent,
	&schema_agent_wal,
	NULL,
};
