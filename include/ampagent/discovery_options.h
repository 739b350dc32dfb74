/* What discovery is told of one job. Views live as long as the configuration snapshot. */
#pragma once

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

struct discovery_options {
	struct sv job_name;
	struct static_group_options *statics;
	size_t n_statics;
	struct file_sd_options *file_sds;
	size_t n_file_sds;
	uint64_t digest; /* hash of everything above: equal = nothing changed */
};
