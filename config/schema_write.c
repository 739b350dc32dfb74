/* A destination: remote_write and its blocks. */
#include "raw.h"
#include "schema.h"

static const char *const message_words[] = {"", "prometheus.WriteRequest",
					    "io.prometheus.write.v2.Request", NULL};

static const struct schema_entry write_entries[] = {
	{.key = "url",
	 .kind = SCHEMA_URL,
	 AT(struct raw_write, opt.url),
	 .required = true,
	 .help = "Where samples are posted to."},
	{.key = "name",
	 .kind = SCHEMA_STRING,
	 AT(struct raw_write, opt.name),
	 .fallback_text = "six hex digits from the block's content",
	 .help = "Name in metrics and logs; unique. Without one it is the beginning of a SHA-256 "
		 "of the block with secrets left out, and two blocks may not be equal."},
	{.key = "remote_timeout",
	 .kind = SCHEMA_DURATION,
	 AT(struct raw_write, opt.timeout_ms),
	 .fallback = "30s",
	 .positive = true,
	 .help = "How long one request may take."},
	{.key = "headers",
	 .kind = SCHEMA_MAP,
	 LIST_AT(struct raw_write, headers, n_headers),
	 .help = "Further request headers. They are not part of a SigV4 signature. Headers that "
		 "sending itself sets are refused."},
	{.key = "write_relabel_configs",
	 .kind = SCHEMA_BLOCKS,
	 .block = &schema_relabel,
	 LIST_AT(struct raw_write, relabel, n_relabel),
	 .help = "Rules applied to each series, external labels included, before it is sent here."},
	{.key = "queue_config",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_queue,
	 AT(struct raw_write, opt.queue),
	 .help = "Parallelism, request size and retries."},
	{.key = "metadata_config",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_metadata,
	 AT(struct raw_write, opt.metadata),
	 .help = "Sending of metric types and help texts by remote write 1.0; without effect in "
		 "2.0, where they are part of each request."},
	{.key = "sigv4",
	 .kind = SCHEMA_BLOCK,
	 .block = &schema_sigv4,
	 AT(struct raw_write, opt.sigv4),
	 GIVEN_AT(struct raw_write, opt.has_sigv4),
	 .help = "AWS Signature Version 4. `sigv4: {}` finds credentials and region by itself; "
		 "`sigv4:` with nothing behind it is off, with a warning."},
	{.key = "protobuf_message",
	 .kind = SCHEMA_WORD,
	 AT(struct raw_write, protobuf_message),
	 .words = message_words,
	 .fallback = "prometheus.WriteRequest",
	 .help = "The message sent: remote write 1.0 or 2.0."},
	{.key = "send_exemplars",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_write, opt.send_exemplars),
	 .fallback = "false",
	 .help = "Whether exemplars are sent."},
	{.key = "send_native_histograms",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_write, opt.send_native_histograms),
	 .fallback = "false",
	 .help = "Whether native histograms are sent."},
	{.key = "round_robin_dns",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_write, opt.round_robin_dns),
	 .fallback = "false",
	 .help = "Whether requests are spread over all addresses of the host name."},
	{.key = "failed_request_logging",
	 .kind = SCHEMA_BOOL,
	 AT(struct raw_write, opt.failed_request_logging),
	 .fallback = "false",
	 .help = "Whether requests that failed for good are logged."},
	NOT_BUILT("azuread", SCHEMA_ANY, "Azure credentials."),
	NOT_BUILT("google_iam", SCHEMA_ANY, "Google Cloud credentials."),
	{.key = NULL},
};

const struct schema_block schema_write = {
	.name = "remote_write[]",
	.title = "remote_write",
	.help = "One entry is one destination. The HTTP client keys (see below) stand among "
		"these. At most one of basic_auth, authorization, oauth2 and sigv4. Two entries "
		"with the same content are refused unless their names differ.",
	.size = sizeof(struct raw_write),
	.node = offsetof(struct raw_write, node),
	.entries = write_entries,
	.inlined = &schema_http_write,
	.inlined_offset = offsetof(struct raw_write, http),
};

static const struct schema_entry queue_entries[] = {
	{.key = "capacity",
	 .kind = SCHEMA_UINT,
	 AT(struct queue_options, capacity),
	 .fallback = "10000",
	 .positive = true,
	 .help = "Has no effect: samples wait in the log, not in a queue, and at most 4 MiB of it "
		 "is read ahead of the slowest shard."},
	{.key = "max_shards",
	 .kind = SCHEMA_UINT,
	 AT(struct queue_options, max_shards),
	 .fallback = "50",
	 .positive = true,
	 .help = "Most requests in flight at one time. The number follows the backlog: it grows "
		 "while "
		 "what waits would last for more than a minute, and shrinks to min_shards again."},
	{.key = "min_shards",
	 .kind = SCHEMA_UINT,
	 AT(struct queue_options, min_shards),
	 .fallback = "1",
	 .positive = true,
	 .help = "Fewest shards; at most max_shards."},
	{.key = "max_samples_per_send",
	 .kind = SCHEMA_UINT,
	 AT(struct queue_options, max_samples_per_send),
	 .fallback = "2000",
	 .positive = true,
	 .help = "Most samples in one request. While the endpoint refuses requests for their "
		 "number "
		 "they may be up to eight times as large (but not above 20000 for that)."},
	{.key = "batch_send_deadline",
	 .kind = SCHEMA_DURATION,
	 AT(struct queue_options, batch_send_deadline_ms),
	 .fallback = "5s",
	 .help = "A request that is not full waits at most this long. While the endpoint refuses "
		 "requests for their number it may be up to 30 seconds."},
	{.key = "min_backoff",
	 .kind = SCHEMA_DURATION,
	 AT(struct queue_options, min_backoff_ms),
	 .fallback = "30ms",
	 .help = "Pause before the first retry; doubles with each further one."},
	{.key = "max_backoff",
	 .kind = SCHEMA_DURATION,
	 AT(struct queue_options, max_backoff_ms),
	 .fallback = "5s",
	 .help = "Longest pause; at least min_backoff."},
	{.key = "retry_on_http_429",
	 .kind = SCHEMA_BOOL,
	 AT(struct queue_options, retry_on_http_429),
	 GIVEN_AT(struct queue_options, retry_on_http_429_set),
	 .fallback_text = "true",
	 .help = "Whether a request answered 429 is sent again instead of dropped. Prometheus's "
		 "default is false; AMP throttles with 429, so here only an explicit false drops."},
	{.key = "sample_age_limit",
	 .kind = SCHEMA_DURATION,
	 AT(struct queue_options, sample_age_limit_ms),
	 GIVEN_AT(struct queue_options, sample_age_limit_set),
	 .fallback = "0s",
	 .fallback_text = "`59m` when the URL is AMP's, else `0s`",
	 .help = "Older samples are dropped instead of sent, and counted (too_old); 0 is no limit. "
		 "AMP refuses what is older than an hour, so when the URL's host is a workspace's "
		 "(aps-workspaces.REGION.amazonaws.com and its other forms) and the key is not "
		 "given, the limit is an hour less a minute for the way. Prometheus's default is "
		 "no limit."},
	{.key = NULL},
};

const struct schema_block schema_queue = {
	.name = "queue_config",
	.title = "queue_config",
	.size = sizeof(struct queue_options),
	.node = SCHEMA_NOWHERE,
	.entries = queue_entries,
};

static const struct schema_entry metadata_entries[] = {
	{.key = "send",
	 .kind = SCHEMA_BOOL,
	 AT(struct metadata_options, send),
	 .fallback = "true",
	 .help = "Whether metadata is sent."},
	{.key = "send_interval",
	 .kind = SCHEMA_DURATION,
	 AT(struct metadata_options, send_interval_ms),
	 .fallback = "1m",
	 .positive = true,
	 .help = "How often."},
	{.key = "max_samples_per_send",
	 .kind = SCHEMA_UINT,
	 AT(struct metadata_options, max_samples_per_send),
	 .fallback = "2000",
	 .positive = true,
	 .help = "Most metrics in one metadata request."},
	{.key = NULL},
};

const struct schema_block schema_metadata = {
	.name = "metadata_config",
	.title = "metadata_config",
	.size = sizeof(struct metadata_options),
	.node = SCHEMA_NOWHERE,
	.entries = metadata_entries,
};

static const struct schema_entry sigv4_entries[] = {
	{.key = "region",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, region),
	 .fallback_text = "from the URL's host, else AWS_REGION, else AWS_DEFAULT_REGION, else the "
			  "profile's, else that of the ECS task or the instance",
	 .help = "Region of the signature."},
	{.key = "access_key",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, access_key),
	 .fallback_text = "the default chain of the AWS SDKs",
	 .help = "Access key ID; together with secret_key or not at all. Without one, credentials "
		 "come from the environment, a web identity token, the profile, the container's or "
		 "the instance's role: the first of them that is configured."},
	{.key = "secret_key",
	 .kind = SCHEMA_SECRET,
	 AT(struct sigv4_options, secret_key),
	 .help = "Secret access key."},
	{.key = "profile",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, profile),
	 .fallback_text = "AWS_PROFILE, else `default`",
	 .help = "Profile of the shared AWS configuration (~/.aws/config, ~/.aws/credentials) that "
		 "credentials and region come from. One that is named here must exist."},
	{.key = "role_arn",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, role_arn),
	 .help = "A role to assume with the credentials that were found."},
	{.key = "external_id",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, external_id),
	 .help = "External ID that the role asks for. Only with role_arn."},
	{.key = "use_fips_sts_endpoint",
	 .kind = SCHEMA_BOOL,
	 AT(struct sigv4_options, use_fips_sts_endpoint),
	 .fallback = "false",
	 .help = "Whether roles are assumed at the FIPS endpoint of STS."},
	{.key = "service_name",
	 .kind = SCHEMA_STRING,
	 AT(struct sigv4_options, service_name),
	 .fallback = "aps",
	 .help = "Service of the signature."},
	{.key = NULL},
};

const struct schema_block schema_sigv4 = {
	.name = "sigv4",
	.title = "sigv4",
	.size = sizeof(struct sigv4_options),
	.node = SCHEMA_NOWHERE,
	.entries = sigv4_entries,
};
