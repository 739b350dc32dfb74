/* Names are Prometheus's where the meaning is the same, ampagent_* else. A metric with labels, and
 * every summary and histogram, is emitted by the room that owns the state. */
#pragma once

/* clang-format off */
#define METRICS_TABLE(X) \
	X(M_BUILD_INFO, METRIC_KIND_GAUGE, "ampagent_build_info", "version", "A metric with a constant 1 value labeled by the version ampagent was built from.") \
	X(M_PROMETHEUS_BUILD_INFO, METRIC_KIND_GAUGE, "prometheus_build_info", "version", "A metric with a constant 1 value, for dashboards and alerts that ask for it; the version is ampagent's.") \
	X(M_READY, METRIC_KIND_GAUGE, "prometheus_ready", "", "Whether start-up is complete (1) or not (0).") \
	X(M_CONFIG_LAST_RELOAD_SUCCESSFUL, METRIC_KIND_GAUGE, "prometheus_config_last_reload_successful", "", "Whether the last configuration reload attempt was successful.") \
	X(M_CONFIG_LAST_RELOAD_SUCCESS_TS, METRIC_KIND_GAUGE, "prometheus_config_last_reload_success_timestamp_seconds", "", "Timestamp of the last successful configuration reload.") \
	X(M_PROCESS_CPU_SECONDS, METRIC_KIND_COUNTER, "process_cpu_seconds_total", "", "User and system CPU time spent in seconds.") \
	X(M_PROCESS_RESIDENT_MEMORY, METRIC_KIND_GAUGE, "process_resident_memory_bytes", "", "Resident memory size in bytes.") \
	X(M_PROCESS_VIRTUAL_MEMORY, METRIC_KIND_GAUGE, "process_virtual_memory_bytes", "", "Virtual memory size in bytes.") \
	X(M_PROCESS_OPEN_FDS, METRIC_KIND_GAUGE, "process_open_fds", "", "Open file descriptors.") \
	X(M_PROCESS_MAX_FDS, METRIC_KIND_GAUGE, "process_max_fds", "", "Highest number of file descriptors the process may open.") \
	X(M_PROCESS_START_TIME, METRIC_KIND_GAUGE, "process_start_time_seconds", "", "Start time of the process since the Unix epoch in seconds.") \
	X(M_DESCRIPTORS_REFUSED, METRIC_KIND_COUNTER, "ampagent_descriptors_refused_total", "", "Connections given up at once because open files are short: the last ones are kept for what matters more.") \
	X(M_HTTP_REQUESTS, METRIC_KIND_COUNTER, "prometheus_http_requests_total", "handler,code", "HTTP requests answered, by handler and status code.") \
	X(M_SD_DISCOVERED_TARGETS, METRIC_KIND_GAUGE, "prometheus_sd_discovered_targets", "name,config", "Current number of discovered targets.") \
	X(M_SD_FAILED_CONFIGS, METRIC_KIND_GAUGE, "prometheus_sd_failed_configs", "name", "Current number of service discovery configurations that failed to load.") \
	X(M_SD_RECEIVED_UPDATES, METRIC_KIND_COUNTER, "prometheus_sd_received_updates_total", "name", "Updates received from service discovery mechanisms.") \
	X(M_SD_UPDATES, METRIC_KIND_COUNTER, "prometheus_sd_updates_total", "name", "Updates handed on to scraping.") \
	X(M_SD_UPDATES_DELAYED, METRIC_KIND_COUNTER, "prometheus_sd_updates_delayed_total", "name", "Updates that had to wait because scraping was still taking the last one.") \
	X(M_SD_LAST_UPDATE_TS, METRIC_KIND_GAUGE, "prometheus_sd_last_update_timestamp_seconds", "name", "Timestamp of the last update handed on to scraping.") \
	X(M_SD_FILE_READ_ERRORS, METRIC_KIND_COUNTER, "prometheus_sd_file_read_errors_total", "", "File discovery read errors.") \
	X(M_SD_FILE_SCAN_DURATION, METRIC_KIND_SUMMARY, "prometheus_sd_file_scan_duration_seconds", "", "Time a scan of the file discovery files took in seconds.") \
	X(M_SD_FILE_MTIME, METRIC_KIND_GAUGE, "prometheus_sd_file_mtime_seconds", "filename", "Modification time of files read by file discovery.") \
	X(M_SD_REFRESH_FAILURES, METRIC_KIND_COUNTER, "prometheus_sd_refresh_failures_total", "mechanism,config", "Refreshes of service discovery that failed; the last targets stay.") \
	X(M_SD_REFRESH_DURATION, METRIC_KIND_SUMMARY, "prometheus_sd_refresh_duration_seconds", "mechanism,config", "Time that refreshes of service discovery took in seconds.") \
	X(M_SD_REFRESH_DURATION_HISTOGRAM, METRIC_KIND_HISTOGRAM, "prometheus_sd_refresh_duration_histogram_seconds", "mechanism", "Time that refreshes of service discovery took in seconds.") \
	X(M_ECS_API_CALLS, METRIC_KIND_COUNTER, "ampagent_ecs_api_calls_total", "action,result", "Calls of the ECS and EC2 API for discovery, each page one, by action and how they ended: ok, throttled, denied, failed.") \
	X(M_ECS_SD_LEFT_OUT, METRIC_KIND_GAUGE, "ampagent_ecs_sd_left_out", "config,reason", "Tasks and chosen ports that ecs_sd_configs did not make a target of at the last refresh: no_address, no_port (not published by the host, or a docker label that is no port), no_definition, too_large (labels).") \
	X(M_TARGET_INTERVAL_LENGTH, METRIC_KIND_SUMMARY, "prometheus_target_interval_length_seconds", "interval", "Actual intervals between scrapes.") \
	X(M_TARGET_SYNC_FAILED, METRIC_KIND_COUNTER, "prometheus_target_sync_failed_total", "scrape_job", "Target syncs that failed.") \
	X(M_TARGET_SCRAPE_POOLS, METRIC_KIND_COUNTER, "prometheus_target_scrape_pools_total", "", "Scrape pool creation attempts.") \
	X(M_TARGET_SCRAPE_POOL_RELOADS, METRIC_KIND_COUNTER, "prometheus_target_scrape_pool_reloads_total", "", "Scrape pools that went on with other options after a reload.") \
	X(M_TARGET_SCRAPE_POOL_SYNC, METRIC_KIND_COUNTER, "prometheus_target_scrape_pool_sync_total", "scrape_job", "Target syncs of a scrape pool.") \
	X(M_TARGET_SCRAPE_POOL_TARGETS, METRIC_KIND_GAUGE, "prometheus_target_scrape_pool_targets", "scrape_job", "Current number of targets in a scrape pool.") \
	X(M_TARGET_SCRAPE_POOL_TARGET_LIMIT, METRIC_KIND_GAUGE, "prometheus_target_scrape_pool_target_limit", "scrape_job", "Highest number of targets allowed in a scrape pool.") \
	X(M_TARGET_SCRAPE_POOL_EXCEEDED_TARGET_LIMIT, METRIC_KIND_COUNTER, "prometheus_target_scrape_pool_exceeded_target_limit_total", "", "Times that a scrape pool hit its target limit during sync or reload.") \
	X(M_TARGET_SCRAPE_POOL_EXCEEDED_LABEL_LIMITS, METRIC_KIND_COUNTER, "prometheus_target_scrape_pool_exceeded_label_limits_total", "", "Times that a scrape pool hit the label limits during sync or reload.") \
	X(M_TARGET_SCRAPES_EXCEEDED_SAMPLE_LIMIT, METRIC_KIND_COUNTER, "prometheus_target_scrapes_exceeded_sample_limit_total", "", "Scrapes that hit the sample limit and were rejected.") \
	X(M_TARGET_SCRAPES_EXCEEDED_BUCKET_LIMIT, METRIC_KIND_COUNTER, "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total", "", "Scrapes that hit the native histogram bucket limit and were rejected.") \
	X(M_AGENT_EXEMPLARS_APPENDED, METRIC_KIND_COUNTER, "prometheus_agent_exemplars_appended_total", "", "Exemplars taken from scrapes.") \
	X(M_TARGET_SCRAPES_EXCEEDED_BODY_SIZE_LIMIT, METRIC_KIND_COUNTER, "prometheus_target_scrapes_exceeded_body_size_limit_total", "", "Scrapes that hit the body size limit.") \
	X(M_TARGET_SCRAPES_DUPLICATE_TIMESTAMP, METRIC_KIND_COUNTER, "prometheus_target_scrapes_sample_duplicate_timestamp_total", "", "Samples refused because of a duplicate timestamp with a different value.") \
	X(M_TARGET_SCRAPES_OUT_OF_ORDER, METRIC_KIND_COUNTER, "prometheus_target_scrapes_sample_out_of_order_total", "", "Samples refused because they are out of order.") \
	X(M_TARGET_SCRAPES_OUT_OF_BOUNDS, METRIC_KIND_COUNTER, "prometheus_target_scrapes_sample_out_of_bounds_total", "", "Samples refused because their timestamp is out of bounds.") \
	X(M_SCRAPES, METRIC_KIND_COUNTER, "ampagent_scrapes_total", "", "Scrapes finished, failed ones included.") \
	X(M_SCRAPES_SKIPPED, METRIC_KIND_COUNTER, "ampagent_scrapes_skipped_total", "reason", "Scrapes not begun at their time, by reason.") \
	X(M_SCRAPE_SAMPLES, METRIC_KIND_COUNTER, "ampagent_scrape_samples_total", "", "Samples that came out of good scrapes, staleness markers and report series included.") \
	X(M_SCRAPE_STALE_MARKERS, METRIC_KIND_COUNTER, "ampagent_scrape_stale_markers_total", "", "Staleness markers written.") \
	X(M_SCRAPE_PAGES_PARSED, METRIC_KIND_COUNTER, "ampagent_scrape_pages_parsed_total", "", "Pages parsed.") \
	X(M_SCRAPE_PAGE_BYTES, METRIC_KIND_COUNTER, "ampagent_scrape_page_bytes_total", "", "Bytes of pages parsed, after decompression.") \
	X(M_SCRAPE_BODY_BYTES, METRIC_KIND_COUNTER, "ampagent_scrape_body_bytes_total", "", "Bytes of pages received, before decompression.") \
	X(M_SCRAPE_LINES_MATCHED, METRIC_KIND_COUNTER, "ampagent_scrape_lines_matched_total", "", "Sample lines whose series was known by its place or its hash.") \
	X(M_SCRAPE_LINES_PARSED, METRIC_KIND_COUNTER, "ampagent_scrape_lines_parsed_total", "", "Sample lines whose labels had to be parsed.") \
	X(M_SCRAPE_PAGES_IN_FLIGHT, METRIC_KIND_GAUGE, "ampagent_scrape_pages_in_flight", "", "Pages being fetched or waiting to be parsed.") \
	X(M_SCRAPE_BATCHES_REFUSED, METRIC_KIND_COUNTER, "ampagent_scrape_batches_refused_total", "", "Batches that the log did not take because its queue was full.") \
	X(M_SCRAPE_SAMPLES_REFUSED, METRIC_KIND_COUNTER, "ampagent_scrape_samples_refused_total", "reason", "Samples refused before they reached the log, by reason.") \
	X(M_TARGET_LEFT_OUT, METRIC_KIND_GAUGE, "ampagent_target_samples_left_out", "scrape_pool,target", "Samples of new series on each target's last page that memory had no room for; targets without any are not listed.") \
	X(M_TARGET_QUARANTINED, METRIC_KIND_GAUGE, "ampagent_target_quarantined", "scrape_pool,target", "1 for each target that is left out because memory has no room for it.") \
	X(M_TARGETS_WAITING, METRIC_KIND_GAUGE, "ampagent_targets_waiting", "", "Targets of the agent's own ECS task that are not scraped before its metadata has said which task it is.") \
	X(M_MEMORY_LIMIT, METRIC_KIND_GAUGE, "ampagent_memory_limit_bytes", "", "Memory that the process may use, from --memory.limit or its control group; 0 = no limit.") \
	X(M_MEMORY_BUDGET, METRIC_KIND_GAUGE, "ampagent_memory_budget_bytes", "", "What of the limit data may take; 0 = no limit.") \
	X(M_MEMORY_USED, METRIC_KIND_GAUGE, "ampagent_memory_used_bytes", "part", "Memory charged to the budget, by what uses it.") \
	X(M_MEMORY_SHED_LEVEL, METRIC_KIND_GAUGE, "ampagent_memory_shed_level", "", "What is given up because memory is short: 0 nothing, 1 metadata, 2 exemplars too, 3 new series too, 4 the largest target too.") \
	X(M_SCRAPE_SERIES, METRIC_KIND_GAUGE, "ampagent_scrape_series", "scrape_job", "Series of the targets of a scrape pool.") \
	X(M_AGENT_ACTIVE_SERIES, METRIC_KIND_GAUGE, "prometheus_agent_active_series", "", "Series that are written to the log now.") \
	X(M_AGENT_SAMPLES_APPENDED, METRIC_KIND_COUNTER, "prometheus_agent_samples_appended_total", "type", "Samples appended to the log.") \
	X(M_AGENT_OUT_OF_ORDER_SAMPLES, METRIC_KIND_COUNTER, "prometheus_agent_out_of_order_samples_total", "", "Samples not logged because they are out of order.") \
	X(M_WAL_BYTES, METRIC_KIND_GAUGE, "ampagent_wal_bytes", "", "Bytes of the log on disk, definitions included.") \
	X(M_WAL_DEFS_BYTES, METRIC_KIND_GAUGE, "ampagent_wal_definition_bytes", "", "Bytes of the log's definition files.") \
	X(M_WAL_SEGMENTS, METRIC_KIND_GAUGE, "ampagent_wal_segments", "", "Segments of the log.") \
	X(M_WAL_SEGMENT_CURRENT, METRIC_KIND_GAUGE, "ampagent_wal_segment_current", "", "Number of the segment that is written to.") \
	X(M_WAL_FRAMES, METRIC_KIND_GAUGE, "ampagent_wal_frames", "", "Frames that the log has definitions of.") \
	X(M_WAL_OWNERS, METRIC_KIND_GAUGE, "ampagent_wal_owners", "", "Owners (targets) that the log has definitions of.") \
	X(M_WAL_BATCHES_WRITTEN, METRIC_KIND_COUNTER, "ampagent_wal_batches_written_total", "", "Batches written to the log.") \
	X(M_WAL_SAMPLES_WRITTEN, METRIC_KIND_COUNTER, "ampagent_wal_samples_written_total", "", "Samples written to the log.") \
	X(M_WAL_BYTES_WRITTEN, METRIC_KIND_COUNTER, "ampagent_wal_written_bytes_total", "", "Bytes written to the log.") \
	X(M_WAL_HEAD_SEQUENCE, METRIC_KIND_GAUGE, "ampagent_wal_head_sequence", "", "Sequence number after the newest sample of the log.") \
	X(M_WAL_QUEUE, METRIC_KIND_GAUGE, "ampagent_wal_queue_batches", "", "Batches that wait to be written.") \
	X(M_WAL_TAIL_BYTES, METRIC_KIND_GAUGE, "ampagent_wal_tail_memory_bytes", "", "Memory that the log holds, the tail of fresh batches included.") \
	X(M_WAL_REPAIRED_BYTES, METRIC_KIND_COUNTER, "ampagent_wal_repaired_bytes_total", "", "Damaged bytes cut off or skipped.") \
	X(M_WAL_DROPPED_BOUNDS, METRIC_KIND_COUNTER, "ampagent_wal_dropped_by_bounds_samples_total", "", "Samples in segments that were deleted for size or age before they were delivered.") \
	X(M_WAL_WRITES_FAILED, METRIC_KIND_COUNTER, "ampagent_wal_writes_failed_total", "", "Writes to the log that failed.") \
	X(M_WAL_FSYNC_SECONDS, METRIC_KIND_HISTOGRAM, "ampagent_wal_fsync_duration_seconds", "", "Time that syncing the log took in seconds.") \
	X(M_WAL_MEMORY_ONLY, METRIC_KIND_GAUGE, "ampagent_wal_memory_only", "", "Whether the log is kept in memory only (1) or in files (0).") \
	X(M_WAL_FAILED, METRIC_KIND_GAUGE, "ampagent_wal_failed", "", "Whether writing the log has failed for good (1) or not (0).") \
	X(M_WAL_TRUNCATIONS, METRIC_KIND_COUNTER, "ampagent_wal_truncations_total", "", "Segments deleted.") \
	X(M_RW_SAMPLES, METRIC_KIND_COUNTER, "prometheus_remote_storage_samples_total", "remote_name,url", "Samples sent to remote storage, attempts that are made again included.") \
	X(M_RW_EXEMPLARS, METRIC_KIND_COUNTER, "prometheus_remote_storage_exemplars_total", "remote_name,url", "Exemplars sent to remote storage, attempts that are made again included.") \
	X(M_RW_HISTOGRAMS, METRIC_KIND_COUNTER, "prometheus_remote_storage_histograms_total", "remote_name,url", "Native histograms sent to remote storage, attempts that are made again included.") \
	X(M_RW_METADATA, METRIC_KIND_COUNTER, "prometheus_remote_storage_metadata_total", "remote_name,url", "Metadata entries sent to remote storage.") \
	X(M_RW_SAMPLES_FAILED, METRIC_KIND_COUNTER, "prometheus_remote_storage_samples_failed_total", "remote_name,url", "Samples that failed on send to remote storage, non-recoverable errors.") \
	X(M_RW_EXEMPLARS_FAILED, METRIC_KIND_COUNTER, "prometheus_remote_storage_exemplars_failed_total", "remote_name,url", "Exemplars that failed on send to remote storage, non-recoverable errors.") \
	X(M_RW_HISTOGRAMS_FAILED, METRIC_KIND_COUNTER, "prometheus_remote_storage_histograms_failed_total", "remote_name,url", "Native histograms that failed on send to remote storage, non-recoverable errors.") \
	X(M_RW_METADATA_FAILED, METRIC_KIND_COUNTER, "prometheus_remote_storage_metadata_failed_total", "remote_name,url", "Metadata entries that failed on send to remote storage, non-recoverable errors.") \
	X(M_RW_SAMPLES_RETRIED, METRIC_KIND_COUNTER, "prometheus_remote_storage_samples_retried_total", "remote_name,url", "Samples that failed on send to remote storage and were sent again because the error was recoverable.") \
	X(M_RW_EXEMPLARS_RETRIED, METRIC_KIND_COUNTER, "prometheus_remote_storage_exemplars_retried_total", "remote_name,url", "Exemplars that failed on send to remote storage and were sent again because the error was recoverable.") \
	X(M_RW_HISTOGRAMS_RETRIED, METRIC_KIND_COUNTER, "prometheus_remote_storage_histograms_retried_total", "remote_name,url", "Native histograms that failed on send to remote storage and were sent again because the error was recoverable.") \
	X(M_RW_SAMPLES_DROPPED, METRIC_KIND_COUNTER, "prometheus_remote_storage_samples_dropped_total", "remote_name,url,reason", "Samples, native histograms included, dropped after being read from the log before being sent, by reason.") \
	X(M_RW_EXEMPLARS_DROPPED, METRIC_KIND_COUNTER, "prometheus_remote_storage_exemplars_dropped_total", "remote_name,url,reason", "Exemplars dropped after being read from the log before being sent, by reason.") \
	X(M_RW_HISTOGRAMS_DROPPED, METRIC_KIND_COUNTER, "prometheus_remote_storage_histograms_dropped_total", "remote_name,url,reason", "Native histograms dropped after being read from the log before being sent, by reason, since the process began.") \
	X(M_RW_SAMPLES_PENDING, METRIC_KIND_GAUGE, "prometheus_remote_storage_samples_pending", "remote_name,url", "Samples read from the log and waiting to be sent.") \
	X(M_RW_BYTES, METRIC_KIND_COUNTER, "prometheus_remote_storage_bytes_total", "remote_name,url", "Bytes of data (not metadata) sent after compression.") \
	X(M_RW_METADATA_BYTES, METRIC_KIND_COUNTER, "prometheus_remote_storage_metadata_bytes_total", "remote_name,url", "Bytes of metadata sent after compression.") \
	X(M_RW_SHARDS, METRIC_KIND_GAUGE, "prometheus_remote_storage_shards", "remote_name,url", "Number of shards used for parallel sending.") \
	X(M_RW_SHARDS_MAX, METRIC_KIND_GAUGE, "prometheus_remote_storage_shards_max", "remote_name,url", "Highest number of shards that sending may use.") \
	X(M_RW_SHARDS_MIN, METRIC_KIND_GAUGE, "prometheus_remote_storage_shards_min", "remote_name,url", "Lowest number of shards that sending may use.") \
	X(M_RW_SHARDS_DESIRED, METRIC_KIND_GAUGE, "prometheus_remote_storage_shards_desired", "remote_name,url", "Number of shards that the shard calculation wants, from the rate of samples in and out.") \
	X(M_RW_SHARD_CAPACITY, METRIC_KIND_GAUGE, "prometheus_remote_storage_shard_capacity", "remote_name,url", "queue_config.capacity as configured; it has no effect, memory is bounded otherwise.") \
	X(M_RW_MAX_SAMPLES_PER_SEND, METRIC_KIND_GAUGE, "prometheus_remote_storage_max_samples_per_send", "remote_name,url", "Most samples in one request.") \
	X(M_RW_HIGHEST_TIMESTAMP, METRIC_KIND_GAUGE, "prometheus_remote_storage_queue_highest_timestamp_seconds", "remote_name,url", "Highest timestamp read from the log for this destination, in seconds since the epoch.") \
	X(M_RW_HIGHEST_SENT_TIMESTAMP, METRIC_KIND_GAUGE, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds", "remote_name,url", "Highest timestamp sent successfully by this destination, in seconds since the epoch.") \
	X(M_RW_BATCH_DURATION, METRIC_KIND_HISTOGRAM, "prometheus_remote_storage_sent_batch_duration_seconds", "remote_name,url", "Time that send calls to remote storage took in seconds.") \
	X(M_RW_REQUESTS, METRIC_KIND_COUNTER, "ampagent_remote_write_requests_total", "remote_name,url,code", "Requests to remote storage, by status code; 0 stands for no answer.") \
	X(M_RW_REQUESTS_IN_FLIGHT, METRIC_KIND_GAUGE, "ampagent_remote_write_requests_in_flight", "remote_name,url", "Requests to remote storage that wait for their answer.") \
	X(M_RW_REQUEST_SPLITS, METRIC_KIND_COUNTER, "ampagent_remote_write_request_splits_total", "remote_name,url", "Requests sent again in two halves because they were too large.") \
	X(M_RW_PLAIN_SAMPLES, METRIC_KIND_COUNTER, "ampagent_remote_write_plain_samples_total", "remote_name,url", "Samples encoded and compressed one request at a time.") \
	X(M_RW_BACKOFF, METRIC_KIND_GAUGE, "ampagent_remote_write_backoff_seconds", "remote_name,url", "Current wait before a failed request is sent again.") \
	X(M_RW_LAG, METRIC_KIND_GAUGE, "ampagent_remote_write_lag_seconds", "remote_name,url", "Age of the oldest sample that is not delivered.") \
	X(M_RW_PACE, METRIC_KIND_GAUGE, "ampagent_remote_write_pace_samples_per_second", "remote_name,url", "Samples that are sent a second at most because the endpoint throttles; 0 while it does not.") \
	X(M_RW_AGE_LIMIT, METRIC_KIND_GAUGE, "ampagent_remote_write_sample_age_limit_seconds", "remote_name,url", "Age above which samples are dropped instead of sent, as configured or as fits AMP; 0 is no limit.") \
	X(M_RW_POSITION_FAILURES, METRIC_KIND_COUNTER, "ampagent_remote_write_position_failures_total", "remote_name,url", "Times that the delivery position could not be stored.") \
	X(M_RW_REFUSED, METRIC_KIND_COUNTER, "ampagent_remote_write_refused_answers_total", "remote_name,cause", "Answers of remote storage that refused a request or part of it, by cause.") \
	X(M_RW_REMOVED_SAMPLES, METRIC_KIND_COUNTER, "ampagent_remote_write_removed_destinations_samples_total", "", "Samples that were queued for destinations when they were taken out of the configuration, since the start of the process.") \
	X(M_AWS_CREDENTIALS_INFO, METRIC_KIND_GAUGE, "ampagent_aws_credentials_info", "remote_name,url,source", "1 for each signed destination, with the kind of source that its AWS credentials come from.") \
	X(M_AWS_CREDENTIALS_EXPIRY, METRIC_KIND_GAUGE, "ampagent_aws_credentials_expiry_timestamp_seconds", "remote_name,url", "When the AWS credentials of a destination expire, in seconds since the epoch; missing for those that do not.") \
	X(M_AWS_CREDENTIALS_FETCHES, METRIC_KIND_COUNTER, "ampagent_aws_credentials_fetches_total", "remote_name,url", "Times that AWS credentials were asked for at their source; destinations with the same settings share them.") \
	X(M_AWS_CREDENTIALS_FETCH_FAILURES, METRIC_KIND_COUNTER, "ampagent_aws_credentials_fetch_failures_total", "remote_name,url", "Times that the source gave no AWS credentials.") \
	X(M_AWS_CREDENTIALS_REJECTIONS, METRIC_KIND_COUNTER, "ampagent_aws_credentials_rejections_total", "remote_name,url", "Times that a service refused AWS credentials as expired or unknown.") \
	X(M_AWS_CLOCK_SKEW, METRIC_KIND_GAUGE, "ampagent_aws_clock_skew_seconds", "remote_name,url", "What the endpoint's clock is ahead of this machine's; requests are signed by the endpoint's. Missing until it has answered.") \
	X(M_ECS_METADATA_REQUESTS, METRIC_KIND_COUNTER, "ampagent_ecs_metadata_requests_total", "path,result", "Requests to the metadata endpoint of the ECS task that ampagent runs in, by what came of them.") \
	X(M_ECS_METADATA_LAST_SUCCESS, METRIC_KIND_GAUGE, "ampagent_ecs_metadata_last_success_timestamp_seconds", "", "When that endpoint last told of the task, in seconds since the epoch; 0 is never.") \
	X(M_LEDGER_SAMPLES, METRIC_KIND_GAUGE, "ampagent_ledger_samples", "remote_name,state,reason", "Where every sample logged for a destination is: sent, queued, or dropped with the reason.") \
	X(M_LEDGER_SEQUENCE, METRIC_KIND_GAUGE, "ampagent_ledger_sequence", "remote_name,point", "Sequence numbers of a destination's ledger: base, acknowledged and head.") \
	X(M_LEDGER_REFUSED_SAMPLES, METRIC_KIND_COUNTER, "ampagent_ledger_refused_samples_total", "reason", "Samples that never got into the log, as far as they are known, over all runs.") \
	X(M_LEDGER_REFUSED_SCRAPES, METRIC_KIND_COUNTER, "ampagent_ledger_refused_scrapes_total", "reason", "Scrapes that never got into the log, over all runs.")
/* clang-format on */
