/* Joint 1, discovery to scrape: complete target groups keyed by their source.
 *
 * An update says: these are now all targets of that source. An error upstream sends nothing, so the
 * last good list stays. A group with no targets means the source is empty or gone.
 */
#pragma once

#include <ampagent/model/labels.h>

struct target_group {
	struct sv source;       /* unique in its job: "0", "/etc/sd/a.json:1" */
	struct labels labels;   /* common to all targets, __meta_* included */
	struct labels *targets; /* each has at least __address__ when the source gave one */
	size_t n_targets;
};

/* Receives updates on the loop thread. job is the job_name. Groups are valid during the call. */
struct target_sink {
	void (*update)(void *cls, struct sv job, const struct target_group *groups, size_t n);
	void *cls;
};
