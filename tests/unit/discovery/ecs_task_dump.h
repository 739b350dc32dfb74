/* Targets of a task as text, for comparing: container|address|path|scheme|job|source|port and a
 * line feed for each. */
#pragma once

#include "dump.h"

#include <ampagent/base/file.h>
#include <ampagent/base/limits.h>

static inline void dump_label(struct buf *out, struct labels target, struct labels group,
			      const char *name)
{
	struct sv own = labels_get(target, sv_of(name));
	buf_sv(out, own.len > 0 ? own : labels_get(group, sv_of(name)));
}

static inline void dump_targets(struct buf *out, const struct target_group *groups, size_t n)
{
	static const char *const names[] = {"__meta_ecs_container_name",
					    "__address__",
					    "__metrics_path__",
					    "__scheme__",
					    "job",
					    "__meta_ecs_source",
					    "__meta_ecs_container_port"};
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < groups[i].n_targets; k++) {
			for (size_t l = 0; l < sizeof names / sizeof *names; l++) {
				if (l > 0)
					buf_char(out, '|');
				dump_label(out, groups[i].targets[k], groups[i].labels, names[l]);
			}
			buf_char(out, '\n');
		}
	}
}
