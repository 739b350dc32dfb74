/* Labels by the rules of remote write: a legal metric name, legal label names (in 2.0 all that is
 * UTF-8 is), ascending, each once, nothing empty, everything UTF-8. The wording is that of the
 * service. */
#include "validate.h"

#include "print.h"
#include <ampagent/base/number.h>
#include <ampagent/base/text.h>
#include <math.h>

/* Resolutions that the service takes; custom buckets are not among those of 1.0. */
enum { SCHEMA_MIN = -4, SCHEMA_MAX = 8, SCHEMA_CUSTOM = -53 };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(struct sv s, bool colons, bool v2)
{
	if (v2)
		return s.len > 0 && utf8_valid(s);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (is_letter(c) || (colons && c == ':') || (i > 0 && c >= '0' && c <= '9'))
			continue;
		return false;
	}
	return s.len > 0;
}

/* what, the culprit in quotes, the series: "labels not sorted: "b" metric "up{...}"". */
static int refuse_label(const struct wire_series *s, const char *what, struct sv culprit,
			struct buf *why)
{
	_cleanup_(buf_deinit) struct buf metric = BUF_NULL;
	buf_init(&metric, PRINT_LABELS_MAX);
	print_metric(&metric, s);
	buf_printf(why, "%s: ", what);
	print_quoted_short(why, culprit);
	buf_sv(why, SV(" metric "));
	print_quoted_short(why, buf_view(&metric));
	return 1;
}

static int validate_size(const struct wire_series *s, struct buf *why)
{
	size_t bytes = 0;
	for (size_t i = 0; i < s->n_labels; i++)
		bytes += s->labels[i].name.len + s->labels[i].value.len;
	if (s->n_labels <= VALIDATE_LABELS_MAX && bytes <= VALIDATE_LABEL_BYTES_MAX)
		return 0;
	_cleanup_(buf_deinit) struct buf metric = BUF_NULL;
	buf_init(&metric, PRINT_LABELS_MAX);
	print_metric(&metric, s);
	if (s->n_labels > VALIDATE_LABELS_MAX) {
		buf_printf(why, "series has too many labels (actual: %zu, limit: %d) series: '",
			   s->n_labels, VALIDATE_LABELS_MAX);
		buf_sv(why, sv_make(metric.ptr, metric.len < 200 ? metric.len : 200));
		buf_char(why, '\'');
		return 1;
	}
	buf_printf(why,
		   "labels size bytes exceeded for metric (actual: %zu, limit: %d) metric: ", bytes,
		   VALIDATE_LABEL_BYTES_MAX);
	print_quoted_short(why, buf_view(&metric));
	return 1;
}

int validate_labels(const struct wire_series *s, struct buf *why)
{
	struct sv metric = wire_label_get(s, SV("__name__"));
	if (metric.len == 0) {
		buf_sv(why, SV("sample missing metric name"));
		return 1;
	}
	if (!is_name(metric, true, s->v2)) {
		buf_sv(why, SV("sample invalid metric name: "));
		print_quoted_short(why, metric);
		return 1;
	}
	if (validate_size(s, why) != 0)
		return 1;
	for (size_t i = 0; i < s->n_labels; i++) {
		struct sv name = s->labels[i].name, value = s->labels[i].value;
		if (!is_name(name, false, s->v2))
			return refuse_label(s, "sample invalid label", name, why);
		if (value.len == 0)
			return refuse_label(s, "label value empty", name, why);
		if (!utf8_valid(value))
			return refuse_label(s, "label value is not valid UTF-8", name, why);
		int order = i > 0 ? sv_cmp(s->labels[i - 1].name, name) : -1;
		if (order == 0)
			return refuse_label(s, "duplicate label name", name, why);
		if (order > 0)
			return refuse_label(s, "labels not sorted", name, why);
	}
	return 0;
}

/* --- native histograms --- */

static int refuse_text(struct buf *why, const char *text)
{
	buf_sv(why, sv_of(text));
	return 1;
}

/* The buckets announced by the spans, or SIZE_MAX when a span after the first steps back. */
static size_t spans_total(const struct wire_buckets *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n_spans; i++) {
		if (i > 0 && b->spans[i].offset < 0)
			return SIZE_MAX;
		n += b->spans[i].length;
	}
	return n;
}

/* Adds the bucket counts to total: 0, or 1 when one is negative. */
static int sum_int(const struct wire_buckets *b, uint64_t *total)
{
	int64_t count = 0;
	for (size_t i = 0; i < b->n_deltas; i++) {
		if (__builtin_add_overflow(count, b->deltas[i], &count) || count < 0 ||
		    __builtin_add_overflow(*total, (uint64_t)count, total))
			return 1;
	}
	return 0;
}

static int sum_float(const struct wire_buckets *b, double *total)
{
	for (size_t i = 0; i < b->n_counts; i++) {
		if (!(b->counts[i] >= 0))
			return 1;
		*total += b->counts[i];
	}
	return 0;
}

static int validate_int_counts(const struct wire_histogram *h, struct buf *why)
{
	uint64_t total = h->zero_count_int;
	if (sum_int(&h->negative, &total) != 0 || sum_int(&h->positive, &total) != 0)
		return refuse_text(why, "histogram has a bucket whose observation count is "
					"negative");
	/* NaN observations are counted but lie in no bucket: then, and only then, count is more. */
	bool nan_sum = isnan(double_of_bits(h->sum_bits));
	if (nan_sum ? total > h->count_int : total != h->count_int)
		return refuse_text(why, "histogram's observation count should equal the number of "
					"observations found in the buckets");
	return 0;
}

static int validate_float_counts(const struct wire_histogram *h, struct buf *why)
{
	double total = h->zero_count_float;
	if (!(h->count_float >= 0) || !(h->zero_count_float >= 0) ||
	    sum_float(&h->negative, &total) != 0 || sum_float(&h->positive, &total) != 0)
		return refuse_text(why, "histogram has a bucket whose observation count is "
					"negative");
	return 0;
}

/* Custom buckets lie between ascending bounds, the first one reaching down to -Inf, the last one up
 * to +Inf; there are no negative ones and no zero one. */
static int validate_custom(const struct wire_histogram *h, struct buf *why)
{
	int64_t end = 0;
	for (size_t i = 0; i < h->n_custom_values; i++)
		if (!isfinite(h->custom_values[i]) ||
		    (i > 0 && !(h->custom_values[i] > h->custom_values[i - 1])))
			return refuse_text(why, "custom buckets: bounds are not ascending and "
						"finite");
	if (h->negative.n_spans + h->negative.n_deltas + h->negative.n_counts > 0 ||
	    h->zero_count_int != 0 || h->zero_count_float != 0 || h->zero_threshold != 0)
		return refuse_text(why, "custom buckets: there must be no negative and no zero "
					"buckets");
	for (size_t i = 0; i < h->positive.n_spans; i++) {
		const struct wire_span *s = &h->positive.spans[i];
		end += (int64_t)s->offset + s->length;
		if (s->offset < 0 || end > (int64_t)h->n_custom_values + 1)
			return refuse_text(why, "custom buckets: more buckets than bounds tell");
	}
	return 0;
}

static int validate_schema(const struct wire_histogram *h, enum wire_version version,
			   struct buf *why)
{
	if (h->schema == SCHEMA_CUSTOM && version == WIRE_V2)
		return validate_custom(h, why);
	if (h->schema >= SCHEMA_MIN && h->schema <= SCHEMA_MAX && h->n_custom_values == 0)
		return 0;
	buf_printf(why, "invalid native histogram schema: %d", h->schema);
	return 1;
}

int validate_histogram(const struct wire_histogram *h, enum wire_version version, struct buf *why)
{
	/* A stale marker is a histogram that has only the sum. */
	if (h->sum_bits == VALUE_STALE_BITS)
		return 0;
	if (validate_schema(h, version, why) != 0)
		return 1;
	size_t n_negative = h->is_float ? h->negative.n_counts : h->negative.n_deltas;
	size_t n_positive = h->is_float ? h->positive.n_counts : h->positive.n_deltas;
	size_t strangers = h->is_float ? h->negative.n_deltas + h->positive.n_deltas
				       : h->negative.n_counts + h->positive.n_counts;
	if (strangers > 0 || spans_total(&h->negative) != n_negative ||
	    spans_total(&h->positive) != n_positive)
		return refuse_text(why, "histogram spans and buckets do not match");
	return h->is_float ? validate_float_counts(h, why) : validate_int_counts(h, why);
}
