/* metrics: cells for what has no labels, and the text of both kinds. */
#include <ampagent/base/metrics.h>
#include <ampagent/base/number.h>

#include <stdatomic.h>

struct family {
	enum metric_kind kind;
	const char *name;
	const char *labels;
	const char *help;
};

static const struct family families[METRIC_COUNT_] = {
#define X(id, kind, name, labels, help) [id] = {kind, name, labels, help},
	METRICS_TABLE(X)
#undef X
};

static const char *const kind_names[] = {"counter", "gauge", "summary", "histogram"};

/* Counters hold an integer, gauges the bits of a double. */
static _Atomic uint64_t cells[METRIC_COUNT_];

void metric_add(enum metric_id id, uint64_t n)
{
	if (families[id].kind == METRIC_KIND_COUNTER) {
		atomic_fetch_add_explicit(&cells[id], n, memory_order_relaxed);
		return;
	}
	uint64_t old = atomic_load_explicit(&cells[id], memory_order_relaxed);
	uint64_t sum;
	do {
		sum = bits_of_double(double_of_bits(old) + (double)n);
	} while (!atomic_compare_exchange_weak_explicit(&cells[id], &old, sum, memory_order_relaxed,
							memory_order_relaxed));
}

void metric_set(enum metric_id id, double v)
{
	uint64_t bits = families[id].kind == METRIC_KIND_COUNTER ? (uint64_t)v : bits_of_double(v);
	atomic_store_explicit(&cells[id], bits, memory_order_relaxed);
}

double metric_get(enum metric_id id)
{
	uint64_t bits = atomic_load_explicit(&cells[id], memory_order_relaxed);
	return families[id].kind == METRIC_KIND_COUNTER ? (double)bits : double_of_bits(bits);
}

static bool is_plain(const struct family *f)
{
	return f->kind == METRIC_KIND_COUNTER || f->kind == METRIC_KIND_GAUGE;
}

static void put_header(struct metrics_writer *w, enum metric_id id)
{
	const struct family *f = &families[id];
	if (w->header[id])
		return;
	w->header[id] = true;
	buf_printf(w->out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
		   kind_names[f->kind]);
}

static void put_escaped(struct buf *out, struct sv value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c == '\n') {
			buf_sv(out, SV("\\n"));
			continue;
		}
		if (c == '"' || c == '\\')
			buf_char(out, '\\');
		buf_char(out, c);
	}
}

void metrics_emit_suffix(struct metrics_writer *w, enum metric_id id, const char *suffix,
			 const struct metric_label *labels, size_t n_labels, double v)
{
	const struct family *f = &families[id];
	if (n_labels == 0 && is_plain(f) && w->header[id])
		return;
	put_header(w, id);
	buf_printf(w->out, "%s%s", f->name, suffix);
	for (size_t i = 0; i < n_labels; i++) {
		buf_printf(w->out, "%c%s=\"", i ? ',' : '{', labels[i].name);
		put_escaped(w->out, labels[i].value);
		buf_char(w->out, '"');
	}
	char number[NUMBER_MAX];
	number_format(number, v);
	buf_printf(w->out, "%s %s\n", n_labels ? "}" : "", number);
}

void metrics_emit(struct metrics_writer *w, enum metric_id id, const struct metric_label *labels,
		  size_t n_labels, double v)
{
	metrics_emit_suffix(w, id, "", labels, n_labels, v);
}

/* The process's own families are left to metrics_emit_process(): a zero would be a lie. */
static bool has_cell(const struct family *f)
{
	return is_plain(f) && f->labels[0] == '\0' &&
	       !sv_starts_with(sv_of(f->name), SV("process_"));
}

void metrics_emit_cells(struct metrics_writer *w)
{
	for (int i = 0; i < METRIC_COUNT_; i++)
		if (has_cell(&families[i]))
			metrics_emit(w, (enum metric_id)i, NULL, 0, metric_get((enum metric_id)i));
}

int metrics_print_docs(struct buf *out)
{
	buf_sv(out, SV("# Metrics\n\n"
		       "What ampagent tells about itself on /metrics. A name that Prometheus has "
		       "means the same here.\n\n"
		       "| Name | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n"));
	for (int i = 0; i < METRIC_COUNT_; i++) {
		const struct family *f = &families[i];
		buf_printf(out, "| `%s` | %s | %s | %s |\n", f->name, kind_names[f->kind],
			   f->labels, f->help);
	}
	return buf_failed(out);
}
