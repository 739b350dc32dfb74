/* Start times of OpenMetrics text: the first `_created` line ahead tells one, if it is of the same
 * series. How Prometheus compares series is kept: by the texts of their labels and name, run
 * together, in the order of the page. */
#include "openmetrics_parser.h"

static bool has_start(enum metric_type type)
{
	return type == METRIC_COUNTER || type == METRIC_HISTOGRAM || type == METRIC_SUMMARY;
}

static bool ends_with_created(struct sv name)
{
	return sv_ends_with(name, SV("_created"));
}

static const char *brace_of(struct sv series)
{
	return series.ptr[0] == '{' ? series.ptr : memchr(series.ptr, '{', series.len);
}

/* The metric name as it stands, without quotes, wherever it stands. */
static struct sv series_name(struct sv series)
{
	const char *end = series.ptr + series.len;
	const char *brace = brace_of(series);
	if (brace != series.ptr)
		return sv_make(series.ptr, brace ? (size_t)(brace - series.ptr) : series.len);
	struct label label;
	for (const char *p = brace + 1; (p = openmetrics_item(p, end, &label)) != NULL;) {
		if (!label.value.ptr)
			return label.name;
	}
	return SV("");
}

static bool is_bound(struct sv label, enum metric_type type)
{
	return (type == METRIC_HISTOGRAM && sv_eq(label, SV("le"))) ||
	       (type == METRIC_SUMMARY && sv_eq(label, SV("quantile")));
}

static uint64_t series_hash(struct sv series, enum metric_type type, struct sv name)
{
	uint64_t h = HASH_FNV1A_INIT;
	const char *end = series.ptr + series.len;
	const char *brace = brace_of(series);
	struct label label;
	for (const char *p = brace ? brace + 1 : end;
	     (p = openmetrics_item(p, end, &label)) != NULL;) {
		if (!label.value.ptr || is_bound(label.name, type))
			continue;
		h = hash_fnv1a(h, label.name.ptr, label.name.len);
		h = hash_fnv1a(h, label.value.ptr, label.value.len);
	}
	return hash_fnv1a(h, name.ptr, name.len);
}

/* The part of a series' name that is its family's, by the length of the family's name alone. 0, or
 * 1 when the name stands too far in (behind labels). */
static int family_part(struct sv series, const char *end, struct sv family, struct sv *out)
{
	bool quoted = series.len > 1 && series.ptr[0] == '{' && series.ptr[1] == '"';
	struct sv name = series_name(series);
	size_t from = (size_t)(name.ptr - series.ptr), to = family.len + (quoted ? 2 : 0);
	if (from > to || to > (size_t)(end - series.ptr))
		return 1;
	*out = sv_make(name.ptr, to - from);
	return 0;
}

/* The next line from p on that a look-ahead stops at: a `_created` line, whose series text goes to
 * *series, or (series->ptr NULL) the end of the family or page. */
static const char *stop_line(const char *p, const char *end, struct sv *series)
{
	*series = SV_NULL;
	while (p < end && *p != '#') {
		const char *series_end = openmetrics_series(p, end, NULL);
		if (!series_end)
			return p;
		struct sv text = sv_make(p, (size_t)(series_end - p));
		if (ends_with_created(series_name(text))) {
			*series = text;
			return p;
		}
		p = (const char *)memchr(series_end, '\n', (size_t)(end - series_end)) + 1;
	}
	return p;
}

int64_t openmetrics_start_ms(struct openmetrics_starts *s, struct sv series, const char *next,
			     const char *end, struct sv family, enum metric_type type)
{
	struct sv name, created;
	if (!has_start(type) || family_part(series, end, family, &name) != 0) {
		s->valid = false;
		return 0;
	}
	uint64_t hash = series_hash(series, type, name);
	if (s->valid && s->labels_hash == hash && s->start_ms > 0)
		return s->start_ms;

	/* Nothing to stop at stands between a line looked from and the line stopped at. */
	s->looked_to = stop_line(s->looked_to && next <= s->looked_to ? s->looked_to : next, end,
				 &created);
	s->valid = false;
	if (!created.ptr)
		return 0;
	struct sv created_name = series_name(created);
	created_name.len -= SV("_created").len;
	struct text_sample sample;
	struct openmetrics_exemplar exemplar;
	if (series_hash(created, type, created_name) != hash ||
	    !openmetrics_sample(created.ptr + created.len, end, &sample, &exemplar, NULL))
		return 0;
	s->valid = true;
	s->labels_hash = hash;
	s->start_ms = openmetrics_ms(double_of_bits(sample.bits));
	return s->start_ms;
}

bool openmetrics_is_created(struct sv series, struct sv family, enum metric_type type)
{
	return has_start(type) && ends_with_created(series_name(series));
}
