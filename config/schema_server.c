/* Blocks of a Prometheus server's file: an agent has no use for them, but they are read as
 * strictly. */
#include "raw.h"
#include "schema.h"

static const struct schema_entry alerting_entries[] = {
	SERVER_ONLY("alertmanagers", SCHEMA_BLOCKS, "Alertmanagers."),
	SERVER_ONLY("alert_relabel_configs", SCHEMA_BLOCKS, "Relabeling of alerts."),
	{.key = NULL},
};

const struct schema_block schema_alerting = {
	.name = "alerting",
	.title = "alerting",
	.help = "Accepted only when it holds nothing.",
	.node = SCHEMA_NOWHERE,
	.entries = alerting_entries,
};

static const struct schema_entry runtime_entries[] = {
	{.key = "gogc", .kind = SCHEMA_INT, AT(struct raw_runtime, gogc)},
	{.key = NULL},
};

const struct schema_block schema_runtime = {
	.name = "runtime",
	.size = sizeof(struct raw_runtime),
	.node = SCHEMA_NOWHERE,
	.entries = runtime_entries,
};

static const char *const chunk_words[] = {"", "xor", "xor2", NULL};

static const struct schema_entry chunk_entries[] = {
	{.key = "floats",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_storage, float_encoding),
	 .words = chunk_words},
	{.key = NULL},
};

static const struct schema_block schema_chunk = {
	.name = "storage.tsdb.chunk_encoding",
	.size = sizeof(struct raw_storage),
	.node = SCHEMA_NOWHERE,
	.entries = chunk_entries,
};

static const struct schema_entry retention_entries[] = {
	{.key = "time", .kind = SCHEMA_DURATION, AT(struct raw_storage, retention_ms)},
	{.key = "size", .kind = SCHEMA_SIZE, AT(struct raw_storage, retention_bytes)},
	{.key = "percentage", .kind = SCHEMA_FLOAT, AT(struct raw_storage, retention_percentage)},
	{.key = NULL},
};

static const struct schema_block schema_retention = {
	.name = "storage.tsdb.retention",
	.size = sizeof(struct raw_storage),
	.node = SCHEMA_NOWHERE,
	.entries = retention_entries,
};

static const struct schema_entry tsdb_entries[] = {
	/* Not documented, but Prometheus takes it and its configuration page shows it. */
	{.key = "outofordertimewindow",
	 .kind = SCHEMA_INT,
	 AT(struct raw_storage, out_of_order_time_window_ms)},
	{.key = "out_of_order_time_window",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_storage, out_of_order_time_window_ms)},
	{.key = "stale_series_compaction_threshold",
	 .kind = SCHEMA_FLOAT,
	 AT(struct raw_storage, stale_series_compaction_threshold)},
	{.key = "chunk_encoding", .kind = SCHEMA_BLOCK, .block = &schema_chunk, .offset = 0},
	{.key = "retention", .kind = SCHEMA_BLOCK, .block = &schema_retention, .offset = 0},
	{.key = NULL},
};

static const struct schema_block schema_tsdb = {
	.name = "storage.tsdb",
	.size = sizeof(struct raw_storage),
	.node = SCHEMA_NOWHERE,
	.entries = tsdb_entries,
};

static const struct schema_entry exemplars_entries[] = {
	{.key = "max_exemplars", .kind = SCHEMA_INT, AT(struct raw_storage, max_exemplars)},
	{.key = NULL},
};

static const struct schema_block schema_exemplars = {
	.name = "storage.exemplars",
	.size = sizeof(struct raw_storage),
	.node = SCHEMA_NOWHERE,
	.entries = exemplars_entries,
};

static const struct schema_entry storage_entries[] = {
	{.key = "tsdb", .kind = SCHEMA_BLOCK, .block = &schema_tsdb, .offset = 0},
	{.key = "exemplars", .kind = SCHEMA_BLOCK, .block = &schema_exemplars, .offset = 0},
	{.key = NULL},
};

const struct schema_block schema_storage = {
	.name = "storage",
	.size = sizeof(struct raw_storage),
	.node = offsetof(struct raw_storage, node),
	.entries = storage_entries,
};

static const char *const client_words[] = {"", "grpc", "http", NULL};
static const char *const compression_words[] = {"", "gzip", NULL};

static const struct schema_entry tracing_entries[] = {
	{.key = "client_type",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_tracing, client_type),
	 .words = client_words,
	 .no_empty = true},
	{.key = "endpoint", .kind = SCHEMA_STRING, AT(struct raw_tracing, endpoint)},
	{.key = "sampling_fraction",
	 .kind = SCHEMA_FLOAT,
	 AT(struct raw_tracing, sampling_fraction)},
	{.key = "insecure", .kind = SCHEMA_BOOL, AT(struct raw_tracing, insecure)},
	{.key = "tls_config",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_tls,
	 AT(struct raw_tracing, tls)},
	{.key = "headers", .kind = SCHEMA_MAP, LIST_AT(struct raw_tracing, headers, n_headers)},
	{.key = "compression",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_tracing, compression),
	 .words = compression_words},
	{.key = "timeout", .kind = SCHEMA_DURATION, AT(struct raw_tracing, timeout_ms)},
	{.key = NULL},
};

const struct schema_block schema_tracing = {
	.name = "tracing",
	.size = sizeof(struct raw_tracing),
	.node = offsetof(struct raw_tracing, node),
	.entries = tracing_entries,
};

static const char *const strategy_words[] = {
	"",
	"UnderscoreEscapingWithSuffixes",
	"UnderscoreEscapingWithoutSuffixes",
	"NoUTF8EscapingWithSuffixes",
	"NoTranslation",
	NULL,
};

static const struct schema_entry otlp_entries[] = {
	{.key = "promote_all_resource_attributes",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_otlp, promote_all)},
	{.key = "promote_resource_attributes",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_otlp, promote, n_promote)},
	{.key = "ignore_resource_attributes",
	 .kind = SCHEMA_STRINGS,
	 LIST_AT(struct raw_otlp, ignore, n_ignore)},
	{.key = "translation_strategy",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_otlp, strategy),
	 .words = strategy_words},
	{.key = "keep_identifying_resource_attributes",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_otlp, keep_identifying)},
	{.key = "convert_histograms_to_nhcb",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_otlp, convert_to_nhcb)},
	{.key = "promote_scope_metadata", .kind = SCHEMA_BOOL, AT(struct raw_otlp, promote_scope)},
	{.key = "label_name_underscore_sanitization",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_otlp, sanitize)},
	{.key = "label_name_preserve_multiple_underscores",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_otlp, preserve)},
	{.key = NULL},
};

const struct schema_block schema_otlp = {
	.name = "otlp",
	.size = sizeof(struct raw_otlp),
	.node = offsetof(struct raw_otlp, node),
	.entries = otlp_entries,
};
