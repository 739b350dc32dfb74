/* The registry of ampagent's own metrics: one table (metrics_table.h) with name, type and help.
 *
 * Plain counters and gauges are cells updated beside the code that knows, from any thread.
 * Everything with labels is written at render time by a collector from its own state.
 */
#pragma once

#include <ampagent/base/buf.h>

enum metric_kind {
	METRIC_KIND_COUNTER,
	METRIC_KIND_GAUGE,
	METRIC_KIND_SUMMARY,
	METRIC_KIND_HISTOGRAM
};

/* X(id, kind, name, label names for the docs, help) */
#include <ampagent/base/metrics_table.h>

enum metric_id {
#define X(id, kind, name, labels, help) id,
	METRICS_TABLE(X)
#undef X
		METRIC_COUNT_
};

/* Relaxed atomics; only for ids without labels. */
void metric_add(enum metric_id id, uint64_t n);
void metric_set(enum metric_id id, double v);
double metric_get(enum metric_id id);

struct metric_label {
	const char *name;
	struct sv value;
};

/* Writes text format 0.0.4. A family's header is written once, before its first sample: emit all
 * samples of a family together. Of an unlabelled counter or gauge only the first sample is written:
 * a collector that knows better than the cell comes before metrics_emit_cells(). */
struct metrics_writer {
	struct buf *out;
	bool header[METRIC_COUNT_];
};
void metrics_emit(struct metrics_writer *w, enum metric_id id, const struct metric_label *labels,
		  size_t n_labels, double v);
/* suffix: "_sum", "_count", "_bucket" or "" (summary quantiles). */
void metrics_emit_suffix(struct metrics_writer *w, enum metric_id id, const char *suffix,
			 const struct metric_label *labels, size_t n_labels, double v);
/* All cells that have no labels; called after the collectors. */
void metrics_emit_cells(struct metrics_writer *w);
/* process_*: read from /proc/self; what cannot be read is left out. */
void metrics_emit_process(struct metrics_writer *w);
/* docs/METRICS.md. */
int metrics_print_docs(struct buf *out);
