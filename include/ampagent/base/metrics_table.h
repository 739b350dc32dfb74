/* Names are Prometheus's where the meaning is the same, ampagent_* else. A metric with labels is
 * emitted by the room that owns the state. */
#pragma once

/* clang-format off */
#define METRICS_TABLE(X) \
	X(M_BUILD_INFO, METRIC_KIND_GAUGE, "ampagent_build_info", "version", "A metric with a constant 1 value labeled by the version ampagent was built from.") \
	X(M_CONFIG_LAST_RELOAD_SUCCESSFUL, METRIC_KIND_GAUGE, "prometheus_config_last_reload_successful", "", "Whether the last configuration reload attempt was successful.") \
	X(M_CONFIG_LAST_RELOAD_SUCCESS_TS, METRIC_KIND_GAUGE, "prometheus_config_last_reload_success_timestamp_seconds", "", "Timestamp of the last successful configuration reload.")
/* clang-format on */
