/* Groups as text, for comparing: source {labels} [{target} ...] and a line feed for each. */
#pragma once

#include <ampagent/model/target_group.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline void dump_groups(struct buf *out, const struct target_group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_sv(out, groups[i].source);
		buf_char(out, ' ');
		labels_print(out, groups[i].labels);
		buf_sv(out, SV(" ["));
		for (size_t k = 0; k < groups[i].n_targets; k++) {
			struct sv address = labels_get(groups[i].targets[k], SV("__address__"));
			if (k > 0)
				buf_char(out, ' ');
			buf_sv(out, address);
		}
		buf_sv(out, SV("]\n"));
	}
}
