/* proto_parser: families and their metrics, one entry after the other.
 *
 * What is read of a metric lives in one arena, reset for the next one. A family is walked twice:
 * first for its name, help, type and unit, which may stand behind the metrics, then metric by
 * metric.
 */
#include "nhcb.h"
#include "proto_message.h"

#include <ampagent/base/number.h>
#include <ampagent/base/text.h>

#include <math.h>

struct family {
	struct sv name, help, unit;
	int32_t type; /* as told; enum proto_metric_type once it is checked */
	size_t n_metrics;
	struct proto_wire rest; /* of the family's message, where metrics come from */
};

/* What the next call starts from. Changed in proto_next() and what it calls directly. */
enum reader_state {
	READER_START,     /* the next family is wanted */
	READER_FAMILY,    /* a family was told, its first metric is read but not told */
	READER_SERIES,    /* a series of the metric was told */
	READER_HISTOGRAM, /* the metric's native histogram was told */
	READER_BROKEN,
};

/* The series of a summary or a classic histogram: these, then quantiles or buckets from 0 on. */
enum { PART_COUNT = -2, PART_SUM = -1, PART_FIRST = 0 };

struct proto_reader {
	struct proto_options options;
	struct proto_wire page;
	size_t page_len;
	enum reader_state state;
	struct family family;
	struct proto_metric metric;
	struct arena arena; /* of the metric */
	struct nhcb nhcb;
	struct buf name; /* of the series */
	char bound[NUMBER_MAX];
	int64_t part;
	bool parts_done;
	bool classic_next;  /* the native histogram's metric comes again as a classic one */
	size_t exemplar_at; /* of a native histogram's own */
};

/* The most that a metric of a page asks for is 48 for 5 bytes of an exemplar and 32 for 2 bytes of
 * a label or bucket, beside copies of buckets; but none that is honest is that large. */
static size_t arena_max(size_t page_len)
{
	size_t max = KiB(64) + page_len * 64;
	return max < LIMIT_PAGE_BYTES ? max : LIMIT_PAGE_BYTES;
}

struct proto_reader *proto_reader_new(struct sv page, struct proto_options options)
{
	struct proto_reader *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->options = options;
	r->page = proto_wire_of(page.ptr ? page : SV(""));
	r->page_len = page.len;
	arena_init(&r->arena, arena_max(page.len));
	buf_init(&r->name, KiB(1) + page.len);
	return r;
}

void proto_reader_free(struct proto_reader *r)
{
	if (!r)
		return;
	arena_deinit(&r->arena);
	nhcb_deinit(&r->nhcb);
	buf_deinit(&r->name);
	free(r);
}

size_t proto_offset(const struct proto_reader *r)
{
	const char *at =
		r->state == READER_START || !r->family.rest.p ? r->page.p : r->family.rest.p;
	return r->page_len - (size_t)(r->page.end - at);
}

/* Families */

enum { FAMILY_METRIC = 4, LENGTH_VARINT_MAX = 5 };

static const struct proto_shape family_shape = {"MetricFamily",
						{[1] = PROTO_WANT_BYTES,
						 [2] = PROTO_WANT_BYTES,
						 [3] = PROTO_WANT_VARINT,
						 [4] = PROTO_WANT_BYTES,
						 [5] = PROTO_WANT_BYTES}};

static int family_read(struct sv message, struct family *out, struct err *err)
{
	struct proto_wire w = proto_wire_of(message);
	struct proto_field f;
	int r;
	*out = (struct family){.name = SV(""), .help = SV(""), .unit = SV(""), .rest = w};
	while ((r = proto_wire_next(&w, &family_shape, &f, err)) == 0) {
		switch (f.number) {
		case 1:
			out->name = f.bytes;
			break;
		case 2:
			out->help = f.bytes;
			break;
		case 3:
			out->type = (int32_t)(uint32_t)f.value;
			break;
		case FAMILY_METRIC:
			out->n_metrics++;
			break;
		case 5:
			out->unit = f.bytes;
		}
	}
	return r == 1 ? 0 : r;
}

/* The next family that has metrics: 0; 1 at the page's end; 2 broken. */
static int family_next(struct proto_reader *r, struct err *err)
{
	while (r->page.p < r->page.end) {
		struct proto_wire w = r->page;
		uint64_t n;
		if (!proto_wire_varint(&w, &n) || w.p - r->page.p > LENGTH_VARINT_MAX)
			return err_set(err, 2, "a message's length is malformed");
		if (n > (uint64_t)(w.end - w.p))
			return err_set(err, 2, "a message of %llu bytes is cut to %zu",
				       (unsigned long long)n, (size_t)(w.end - w.p));
		int code = family_read(sv_make(w.p, (size_t)n), &r->family, err);
		if (code != 0)
			return code;
		r->page.p = w.p + n;
		if (r->family.n_metrics > 0)
			return 0;
	}
	return 1;
}

static int family_check(const struct family *f, struct err *err)
{
	if (f->name.len == 0 || !utf8_valid(f->name))
		return err_set(err, 2, "invalid metric name: %s",
			       f->name.len == 0 ? "it is empty" : "it is not UTF-8");
	if (!utf8_valid(f->help))
		return err_set(err, 2, "invalid help for metric \"%.*s\"", SV_ARG(f->name));
	if (f->type < 0 || f->type >= N_PROTO_TYPES)
		return err_set(err, 2, "unknown metric type for metric \"%.*s\": %d",
			       SV_ARG(f->name), f->type);
	return 0;
}

static bool family_has_histograms(const struct family *f)
{
	return f->type == PROTO_HISTOGRAM || f->type == PROTO_GAUGE_HISTOGRAM;
}

/* Metrics */

/* The family's next metric: 0; 1 when it has no more; 2; ERR_NOMEM. */
static int metric_next(struct proto_reader *r, struct err *err)
{
	struct proto_field f;
	int code;
	do {
		code = proto_wire_next(&r->family.rest, &family_shape, &f, err);
		if (code != 0)
			return code;
	} while (f.number != FAMILY_METRIC);
	arena_reset(&r->arena);
	r->metric = (struct proto_metric){.message = f.bytes};
	return proto_metric_read(&r->metric, r->family.type, &r->arena, err);
}

/* Entries */

static enum metric_type entry_type(int32_t type)
{
	static const enum metric_type types[N_PROTO_TYPES] = {
		[PROTO_COUNTER] = METRIC_COUNTER,
		[PROTO_GAUGE] = METRIC_GAUGE,
		[PROTO_SUMMARY] = METRIC_SUMMARY,
		[PROTO_UNTYPED] = METRIC_UNKNOWN,
		[PROTO_HISTOGRAM] = METRIC_HISTOGRAM,
		[PROTO_GAUGE_HISTOGRAM] = METRIC_GAUGEHISTOGRAM,
	};
	return types[type];
}

static int64_t start_ms(const struct proto_reader *r)
{
	switch (r->family.type) {
	case PROTO_COUNTER:
		return proto_time_ms(&r->metric.counter.start);
	case PROTO_SUMMARY:
		return proto_time_ms(&r->metric.summary.start);
	case PROTO_HISTOGRAM:
	case PROTO_GAUGE_HISTOGRAM:
		return proto_time_ms(&r->metric.histogram.start);
	default:
		return 0;
	}
}

/* The entry of a series or histogram but for its value; last: le or quantile, else NULL. */
static int entry_begin(struct proto_reader *r, enum proto_entry_kind kind, struct sv suffix,
		       const struct label *last, struct proto_entry *out, struct err *err)
{
	struct proto_metric *m = &r->metric;
	int code = proto_metric_labels(m, &r->arena, err);
	if (code != 0)
		return code;
	buf_reset(&r->name);
	buf_sv(&r->name, r->family.name);
	if (buf_sv(&r->name, suffix) != 0)
		return ERR_NOMEM;
	out->kind = kind;
	out->name = buf_view(&r->name);
	out->labels = m->labels;
	out->n_labels = m->n_labels;
	out->key = m->labels_key;
	if (last) {
		m->labels[out->n_labels++] = *last;
		out->key = proto_key_add_label(out->key, last);
	}
	out->key = proto_key_add(out->key, out->name);
	out->has_time = m->t_ms != 0;
	out->t_ms = m->t_ms;
	out->start_ms = start_ms(r);
	return 0;
}

static void family_entry(const struct proto_reader *r, struct proto_entry *out)
{
	*out = (struct proto_entry){
		.kind = PROTO_ENTRY_FAMILY,
		.family = r->family.name,
		.help = r->family.help,
		.unit = r->family.unit,
		.type = entry_type(r->family.type),
	};
}

static int simple_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_metric *m = &r->metric;
	if (r->family.type == PROTO_COUNTER) {
		const struct proto_raw_exemplar *x = &m->counter.exemplar;
		out->bits = m->counter.bits;
		if (x->present) {
			struct proto_exemplar *copy = arena_alloc(&r->arena, sizeof *copy);
			if (!copy)
				return ERR_NOMEM;
			*copy = proto_exemplar_of(x);
			out->exemplars = copy;
			out->n_exemplars = 1;
		}
	} else {
		out->bits = r->family.type == PROTO_GAUGE ? m->gauge : m->untyped;
	}
	return entry_begin(r, PROTO_ENTRY_SERIES, SV(""), NULL, out, err);
}

static struct label bound_label(struct proto_reader *r, struct sv name, double bound)
{
	size_t n = number_format_openmetrics(r->bound, bound);
	return (struct label){name, sv_make(r->bound, n)};
}

static int summary_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_summary *s = &r->metric.summary;
	r->parts_done = r->part + 1 >= (int64_t)s->n_quantiles;
	if (r->part == PART_COUNT) {
		r->parts_done = false;
		out->bits = bits_of_double((double)s->count);
		return entry_begin(r, PROTO_ENTRY_SERIES, SV("_count"), NULL, out, err);
	}
	if (r->part == PART_SUM) {
		out->bits = s->sum_bits;
		return entry_begin(r, PROTO_ENTRY_SERIES, SV("_sum"), NULL, out, err);
	}
	const struct proto_quantile *q = &s->quantiles[r->part];
	struct label quantile = bound_label(r, SV("quantile"), double_of_bits(q->quantile));
	out->bits = q->value;
	return entry_begin(r, PROTO_ENTRY_SERIES, SV(""), &quantile, out, err);
}

static int bucket_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_histogram *h = &r->metric.histogram;
	double bound = INFINITY;
	out->bits = proto_histogram_count(h);
	if ((size_t)r->part < h->n_buckets) {
		const struct proto_bucket *b = &h->buckets[r->part];
		struct proto_exemplar_range range = {.from = (size_t)r->part,
						     .to = (size_t)r->part + 1};
		int code = proto_histogram_exemplars(h, &range, &r->arena, &out->exemplars,
						     &out->n_exemplars, err);
		if (code != 0)
			return code;
		bound = b->bound;
		out->bits = b->bits;
	}
	/* What comes after the bucket of +Inf is not looked at. */
	r->parts_done = bound == INFINITY;
	struct label le = bound_label(r, SV("le"), bound);
	return entry_begin(r, PROTO_ENTRY_SERIES, SV("_bucket"), &le, out, err);
}

static int classic_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_histogram *h = &r->metric.histogram;
	if (r->part == PART_COUNT) {
		out->bits = proto_histogram_count(h);
		return entry_begin(r, PROTO_ENTRY_SERIES, SV("_count"), NULL, out, err);
	}
	if (r->part == PART_SUM) {
		out->bits = h->sum_bits;
		return entry_begin(r, PROTO_ENTRY_SERIES, SV("_sum"), NULL, out, err);
	}
	return bucket_entry(r, out, err);
}

static int series_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	family_entry(r, out);
	r->state = READER_SERIES;
	if (r->family.type == PROTO_SUMMARY)
		return summary_entry(r, out, err);
	if (family_has_histograms(&r->family))
		return classic_entry(r, out, err);
	return simple_entry(r, out, err);
}

/* Parts and exemplars are told from their first one again. */
static void rewind_metric(struct proto_reader *r)
{
	r->part = PART_COUNT;
	r->exemplar_at = 0;
}

/* Where the exemplars of a family's native histograms are read on is not set back between its
 * metrics: Prometheus passes over as many of the next one's, and so do we. */
static int native_exemplars(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_histogram *h = &r->metric.histogram;
	struct proto_exemplar_range range = {.times = true};
	if (h->n_exemplars > 0) {
		range.own = true;
		range.from = r->exemplar_at;
		range.to = h->n_exemplars;
		if (range.to > r->exemplar_at)
			r->exemplar_at = range.to;
	} else {
		range.from = r->part < 0 ? 0 : (size_t)r->part;
		range.to = h->n_buckets;
		r->part = (int64_t)(range.from > range.to ? range.from : range.to);
	}
	return proto_histogram_exemplars(h, &range, &r->arena, &out->exemplars, &out->n_exemplars,
					 err);
}

static bool metric_is_native(const struct proto_reader *r)
{
	return r->options.native && proto_histogram_is_native(&r->metric.histogram);
}

static int native_check(struct proto_reader *r, struct err *err)
{
	int code = proto_histogram_check(&r->metric.histogram, err);
	if (code != 0)
		err_prefix(err, "histogram \"%.*s\"", SV_ARG(r->family.name));
	return code;
}

static int histogram_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_histogram *h = &r->metric.histogram;
	family_entry(r, out);
	r->state = READER_HISTOGRAM;
	if (!metric_is_native(r))
		return err_set(err, 2, "histogram \"%.*s\": one without a native part after others",
			       SV_ARG(r->family.name));
	int code = native_check(r, err);
	if (code == 0)
		code = proto_histogram_native(h, r->family.type == PROTO_GAUGE_HISTOGRAM, &r->arena,
					      &out->histogram);
	if (code == 0)
		code = native_exemplars(r, out, err);
	r->classic_next = r->options.classic_beside && h->n_buckets > 0;
	return code != 0 ? code : entry_begin(r, PROTO_ENTRY_HISTOGRAM, SV(""), NULL, out, err);
}

/* A classic histogram as one with custom buckets: 2 when its parts contradict each other. */
static int custom_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	const struct proto_histogram *h = &r->metric.histogram;
	family_entry(r, out);
	r->state = READER_HISTOGRAM;
	rewind_metric(r);
	nhcb_reset(&r->nhcb);
	int code = nhcb_add_count(&r->nhcb, double_of_bits(proto_histogram_count(h)));
	if (code == 0)
		code = nhcb_add_sum(&r->nhcb, double_of_bits(h->sum_bits));
	for (size_t i = 0; code == 0 && i < h->n_buckets; i++)
		code = nhcb_add_bucket(&r->nhcb, h->buckets[i].bound,
				       double_of_bits(h->buckets[i].bits));
	if (code == 0)
		code = nhcb_convert(&r->nhcb, &r->arena, &out->histogram);
	if (code == 1)
		return err_set(err, 2,
			       "histogram \"%.*s\": count and buckets contradict each other",
			       SV_ARG(r->family.name));
	if (code == 0)
		code = native_exemplars(r, out, err);
	out->histogram.start_ms = start_ms(r);
	if (r->family.type == PROTO_GAUGE_HISTOGRAM)
		out->histogram.reset = HISTOGRAM_GAUGE;
	return code != 0 ? code : entry_begin(r, PROTO_ENTRY_HISTOGRAM, SV(""), NULL, out, err);
}

/* Whether a histogram with custom buckets is made of the metric. */
static bool metric_converts(const struct proto_reader *r)
{
	return r->options.custom_buckets && family_has_histograms(&r->family) &&
	       !metric_is_native(r);
}

/* The metric as series from its first part on, or as what takes their place. */
static int first_series_entry(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	if (metric_converts(r) && !r->options.classic_beside)
		return custom_entry(r, out, err);
	r->part = PART_COUNT;
	r->parts_done = false;
	return series_entry(r, out, err);
}

/* The steps: what is told after the state that the last call left. Each: 0; 1 when the family has
 * nothing more; 2; ERR_NOMEM. */

static int after_start(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	rewind_metric(r);
	int code = metric_next(r, err);
	if (code == 0)
		code = family_check(&r->family, err);
	if (code != 0)
		return code;
	r->state = READER_FAMILY;
	family_entry(r, out);
	return 0;
}

static int after_family(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	if (family_has_histograms(&r->family) && metric_is_native(r))
		return histogram_entry(r, out, err);
	return first_series_entry(r, out, err);
}

/* After the classic series of a metric that is native too, the family's next metric is told as a
 * native one whether it is or not. */
static int after_series(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	bool histograms = family_has_histograms(&r->family);
	if ((histograms || r->family.type == PROTO_SUMMARY) && !r->parts_done) {
		r->part++;
		return series_entry(r, out, err);
	}
	if (metric_converts(r))
		return custom_entry(r, out, err);
	bool native = histograms && metric_is_native(r);
	int code = native ? native_check(r, err) : 0;
	if (code == 0)
		code = metric_next(r, err);
	if (code != 0)
		return code;
	rewind_metric(r);
	return native ? histogram_entry(r, out, err) : first_series_entry(r, out, err);
}

static int after_histogram(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	if (r->classic_next) {
		r->classic_next = false;
		return first_series_entry(r, out, err);
	}
	int code = metric_next(r, err);
	if (code != 0)
		return code;
	return metric_is_native(r) ? histogram_entry(r, out, err) : first_series_entry(r, out, err);
}

static int step(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	switch (r->state) {
	case READER_FAMILY:
		return after_family(r, out, err);
	case READER_SERIES:
		return after_series(r, out, err);
	case READER_HISTOGRAM:
		return after_histogram(r, out, err);
	default:
		return 1;
	}
}

int proto_next(struct proto_reader *r, struct proto_entry *out, struct err *err)
{
	if (r->state == READER_BROKEN)
		return err_set(err, 2, "the page is broken");
	int code = step(r, out, err);
	if (code == 1) {
		r->state = READER_START;
		code = family_next(r, err);
		if (code == 0)
			code = after_start(r, out, err);
	}
	if (code == 2)
		r->state = READER_BROKEN;
	return code;
}
