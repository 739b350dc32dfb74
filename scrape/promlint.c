/* A page into families and their problems. Lines are read as a scrape reads them; what a scrape
 * does not mind, but promtool refuses, is looked for besides: a second HELP or TYPE, a TYPE after
 * samples, unknown escapes, missing commas, blanks behind, counts below zero, no new line at the
 * end.
 *
 * As promtool sees it, a metric is a label set as written; those of a histogram or summary that
 * differ in le or quantile alone are one, which has the labels of its first line. */
#include "promlint.h"
#include "text_parser.h"

#include <math.h>

#include <ampagent/base/hash.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/map.h>
#include <ampagent/base/text.h>
#include <ampagent/scrape_lint.h>

struct family {
	struct sv name;
	enum metric_type type;
	bool has_help, has_type;
	uint64_t metrics;
	uint32_t first;       /* metric */
	uint64_t first_parts; /* its buckets or quantiles */
};

struct metric {
	uint64_t hash;
	struct sv key;
};

struct problem {
	struct sv metric, text;
};

struct lint {
	struct sv page;
	struct arena kept, scratch; /* scratch: for one line */
	struct family *families;
	struct metric *metrics;
	struct problem *problems;
	uint32_t n_families, cap_families, n_metrics, cap_metrics, n_problems, cap_problems;
	struct map by_name, by_key;
	uint32_t family; /* the one whose problems come */
	bool failed;     /* memory is gone */
};

static void lint_deinit(struct lint *l)
{
	arena_deinit(&l->kept);
	arena_deinit(&l->scratch);
	map_deinit(&l->by_name);
	map_deinit(&l->by_key);
	free(l->families);
	free(l->metrics);
	free(l->problems);
}
DEFINE_CLEANUP(struct lint, lint_deinit)

/* Room for one more: the array, grown or as it was, or NULL. */
static void *grown(void *array, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	uint32_t to = *cap ? *cap * 2 : 64;
	void *p = to < MAP_VALUE_MAX ? realloc(array, to * size) : NULL;
	if (p)
		*cap = to;
	return p;
}

static int broken_at(const struct lint *l, const char *p, const char *what, struct err *err)
{
	int line = 1;
	const char *start = l->page.ptr;
	for (const char *q = start; q < p; q++)
		if (*q == '\n') {
			line++;
			start = q + 1;
		}
	return err_at(err, 1, line, (int)(p - start) + 1, "%s", what);
}

static uint64_t rehash_family(uint32_t i, void *cls)
{
	const struct lint *l = cls;
	return hash_keyed(l->families[i].name.ptr, l->families[i].name.len);
}

static uint64_t rehash_metric(uint32_t i, void *cls)
{
	const struct lint *l = cls;
	return l->metrics[i].hash;
}

/* NULL when there is none. */
static struct family *family_find(const struct lint *l, struct sv name)
{
	struct map_iter it = map_find(&l->by_name, hash_keyed(name.ptr, name.len));
	while (map_next(&l->by_name, &it))
		if (sv_eq(l->families[it.value].name, name))
			return &l->families[it.value];
	return NULL;
}

/* NULL without memory. */
static struct family *family_add(struct lint *l, struct sv name)
{
	struct family *families =
		grown(l->families, l->n_families, &l->cap_families, sizeof *families);
	if (!families)
		return NULL;
	l->families = families;
	struct sv copy = arena_dup(&l->kept, name);
	if (!copy.ptr)
		return NULL;
	l->families[l->n_families] = (struct family){.name = copy};
	if (map_insert(&l->by_name, hash_keyed(name.ptr, name.len), l->n_families, rehash_family,
		       l))
		return NULL;
	return &l->families[l->n_families++];
}

enum part { PART_NONE, PART_SUM, PART_COUNT, PART_BUCKET };

static enum part part_of(struct sv name, struct sv *base)
{
	static const struct {
		struct sv suffix;
		enum part part;
	} suffixes[] = {
		{SV("_sum"), PART_SUM}, {SV("_count"), PART_COUNT}, {SV("_bucket"), PART_BUCKET}};
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (name.len > suffixes[i].suffix.len && sv_ends_with(name, suffixes[i].suffix)) {
			*base = sv_make(name.ptr, name.len - suffixes[i].suffix.len);
			return suffixes[i].part;
		}
	return PART_NONE;
}

/* The family a name belongs to, made when there is none: its own, or the summary or histogram that
 * it is a part of. NULL without memory. */
static struct family *family_of(struct lint *l, struct sv name, enum part *part)
{
	struct sv base;
	struct family *f = family_find(l, name);
	*part = PART_NONE;
	if (f)
		return f;
	enum part p = part_of(name, &base);
	f = p == PART_NONE ? NULL : family_find(l, base);
	if (f && (f->type == METRIC_HISTOGRAM || (f->type == METRIC_SUMMARY && p != PART_BUCKET))) {
		*part = p;
		return f;
	}
	return family_add(l, name);
}

static void add_problem(void *userdata, struct sv text)
{
	struct lint *l = userdata;
	struct problem *problems =
		grown(l->problems, l->n_problems, &l->cap_problems, sizeof *problems);
	if (problems)
		l->problems = problems;
	struct sv copy = arena_dup(&l->kept, text);
	l->failed |= !problems || !copy.ptr;
	if (!l->failed)
		l->problems[l->n_problems++] = (struct problem){l->families[l->family].name, copy};
}

/* What promtool's parser does not take in a text with escapes: NULL when there is nothing. */
static const char *bad_escape(const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p != '\\')
			continue;
		if (p + 1 == end || (p[1] != '\\' && p[1] != 'n' && p[1] != '"'))
			return p;
		p++;
	}
	return NULL;
}

/* Meant for a series that text_series() took: NULL when promtool takes it too. */
static const char *series_fault(const char *p, const char *end, const char **what)
{
	while (p < end) {
		if (*p++ != '"')
			continue;
		const char *start = p;
		for (; *p != '"'; p++) {
			*what = "a new line stands within quotes";
			if (*p == '\n')
				return p;
			p += *p == '\\';
		}
		*what = "unknown escape sequence";
		const char *fault = bad_escape(start, p);
		if (fault)
			return fault;
		for (p++; *p == ' ' || *p == '\t'; p++)
			;
		*what = "expected ',' or '}'";
		if (*p != ',' && *p != '}' && *p != '=')
			return p;
	}
	return NULL;
}

static int read_comment(struct lint *l, const char **p, const char *end, struct err *err)
{
	struct text_meta meta;
	struct err why = ERR_NULL;
	enum part part;
	const char *at = *p, *next = text_comment(at, end, &meta, &why);
	if (!next)
		return broken_at(l, at, why.msg, err);
	if (meta.kind == TEXT_META_END)
		return broken_at(l, at, "a comment with a NUL: a scrape would end here", err);
	*p = next;
	if (meta.kind == TEXT_META_NONE)
		return 0;
	bool quoted = meta.family.ptr[-1] == '"';
	const char *after = meta.family.ptr + meta.family.len + quoted;
	if (*after == '\n')
		return 0;
	if (*after != ' ' && *after != '\t')
		return broken_at(l, after, "expected a blank after the metric name", err);
	struct sv name = quoted ? text_unescape(&l->scratch, meta.family, true) : meta.family;
	struct family *f = name.ptr ? family_of(l, name, &part) : NULL;
	if (!f)
		return ERR_NOMEM;
	while (*after == ' ' || *after == '\t')
		after++;
	if (meta.kind == TEXT_META_TYPE) {
		if (f->has_type)
			return broken_at(l, at, "a second TYPE, or TYPE after samples", err);
		f->type = meta.type;
		f->has_type = true;
	} else if (*after != '\n') {
		if (f->has_help)
			return broken_at(l, at, "a second HELP", err);
		const char *fault = bad_escape(after, next - 1);
		if (fault)
			return broken_at(l, fault, "unknown escape sequence", err);
		f->has_help = true;
	}
	return 0;
}

/* The family's number and the labels in their order: what makes a metric. ptr NULL without memory.
 */
static struct sv metric_key(const struct lint *l, struct arena *arena,
			    const struct label_builder *b)
{
	size_t n = sizeof l->family;
	for (size_t i = 0; i < b->n; i++)
		n += 2 * sizeof n + b->v[i].name.len + b->v[i].value.len;
	char *key = arena_alloc(arena, n), *p = key;
	if (!key)
		return SV_NULL;
	memcpy(p, &l->family, sizeof l->family);
	p += sizeof l->family;
	for (size_t i = 0; i < b->n; i++) {
		const struct sv texts[] = {b->v[i].name, b->v[i].value};
		for (int k = 0; k < 2; k++) {
			memcpy(p, &texts[k].len, sizeof texts[k].len);
			p += sizeof texts[k].len;
			if (texts[k].len > 0)
				memcpy(p, texts[k].ptr, texts[k].len);
			p += texts[k].len;
		}
	}
	return sv_make(key, n);
}

/* Its number, and whether it is new; MAP_VALUE_MAX without memory. */
static uint32_t metric_of(struct lint *l, const struct label_builder *b, bool *is_new)
{
	struct sv key = metric_key(l, &l->kept, b);
	if (!key.ptr)
		return MAP_VALUE_MAX;
	uint64_t hash = hash_keyed(key.ptr, key.len);
	struct map_iter it = map_find(&l->by_key, hash);
	*is_new = false;
	while (map_next(&l->by_key, &it))
		if (sv_eq(l->metrics[it.value].key, key))
			return it.value;
	struct metric *metrics = grown(l->metrics, l->n_metrics, &l->cap_metrics, sizeof *metrics);
	if (!metrics)
		return MAP_VALUE_MAX;
	l->metrics = metrics;
	l->metrics[l->n_metrics] = (struct metric){hash, key};
	if (map_insert(&l->by_key, hash, l->n_metrics, rehash_metric, l))
		return MAP_VALUE_MAX;
	*is_new = true;
	return l->n_metrics++;
}

static struct sv own_label(const struct family *f)
{
	if (f->type == METRIC_HISTOGRAM)
		return SV("le");
	return f->type == METRIC_SUMMARY ? SV("quantile") : SV_NULL;
}

/* Takes a histogram's le or a summary's quantile away: 1 when it is no number. *is_part is false
 * without one, and for NaN. */
static int take_bound(const struct family *f, struct label_builder *b, bool *is_part)
{
	struct sv own = own_label(f);
	uint64_t bits;
	*is_part = false;
	if (own.len == 0 || !label_builder_has(b, own))
		return 0;
	if (number_parse(label_builder_get(b, own), &bits) != 0)
		return 1;
	*is_part = !isnan(double_of_bits(bits));
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (!sv_eq(b->v[i].name, own))
			b->v[n++] = b->v[i];
	b->n = n;
	return 0;
}

static int count_metric(struct lint *l, struct label_builder *b, bool is_part)
{
	struct family *f = &l->families[l->family];
	const struct promlint_sink sink = {l, add_problem};
	bool merges = own_label(f).len > 0, is_new;
	if (merges)
		label_builder_sort(b);
	uint32_t metric = metric_of(l, b, &is_new);
	if (metric == MAP_VALUE_MAX)
		return ERR_NOMEM;
	if (!is_new && !merges)
		add_problem(l, SV("metric not unique"));
	if (is_new || !merges) {
		if (f->metrics++ == 0)
			f->first = metric;
		for (size_t i = 0; i < b->n; i++)
			promlint_label(b->v[i].name, f->type, &sink);
	}
	f->first_parts += is_part && metric == f->first;
	return l->failed ? ERR_NOMEM : 0;
}

/* NULL when the names can stand. */
static const char *labels_fault(struct sv name, const struct label_builder *b)
{
	if (name.len == 0 || !utf8_valid(name))
		return "the metric name is empty or not UTF-8";
	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].name.len == 0 || !utf8_valid(b->v[i].name))
			return "a label name is empty or not UTF-8";
		if (sv_eq(b->v[i].name, LABEL_NAME))
			return "the label name __name__ is reserved";
		for (size_t k = 0; k < i; k++)
			if (sv_eq(b->v[i].name, b->v[k].name))
				return "a label name stands twice";
	}
	return NULL;
}

static int take_series(struct lint *l, struct sv series, const struct text_sample *s,
		       struct err *err)
{
	struct label_builder b;
	enum part part;
	bool is_part;
	label_builder_init(&b, &l->scratch);
	if (text_labels(series, METRIC_UNKNOWN, &b))
		return b.n < LIMIT_LABELS_COUNT ? ERR_NOMEM
						: broken_at(l, series.ptr, "too many labels", err);
	/* The name goes first, and is no label any more. */
	struct sv name = b.v[0].value;
	b.v++;
	b.n--;
	b.cap--;
	const char *what = labels_fault(name, &b);
	if (what)
		return broken_at(l, series.ptr, what, err);
	struct family *f = family_of(l, name, &part);
	if (!f)
		return ERR_NOMEM;
	f->has_type = true;
	l->family = (uint32_t)(f - l->families);
	if (take_bound(f, &b, &is_part))
		return broken_at(l, series.ptr, "the value of le or quantile is not a number", err);
	is_part &= part == PART_NONE || part == PART_BUCKET;
	if (f->type == METRIC_HISTOGRAM && (is_part || part == PART_COUNT) &&
	    double_of_bits(s->bits) < 0)
		return broken_at(l, series.ptr, "a histogram counts less than nothing", err);
	return count_metric(l, &b, is_part);
}

static int read_series(struct lint *l, const char **p, const char *end, struct err *err)
{
	struct text_sample sample;
	struct err why = ERR_NULL;
	const char *what, *at = *p;
	while (*at == ' ' || *at == '\t')
		at++;
	const char *value = text_series(at, end, &why);
	if (!value)
		return broken_at(l, at, why.msg, err);
	const char *fault = series_fault(at, value, &what);
	if (fault)
		return broken_at(l, fault, what, err);
	const char *next = text_sample(value, end, &sample, &why);
	while (*value == ' ' || *value == '\t')
		value++;
	if (!next)
		return broken_at(l, value, why.msg, err);
	if (next[-2] == ' ' || next[-2] == '\t')
		return broken_at(l, next - 2, "a blank at the end of the line", err);
	*p = next;
	return take_series(l, sv_make(at, (size_t)(value - at)), &sample, err);
}

static int read_lines(struct lint *l, const char *end, struct err *err)
{
	const char *p = l->page.ptr;
	int r = 0;
	while (r == 0) {
		enum text_line line = text_next(&p, end);
		arena_reset(&l->scratch);
		if (line == TEXT_END)
			break;
		r = line == TEXT_COMMENT ? read_comment(l, &p, end, err)
					 : read_series(l, &p, end, err);
	}
	if (r)
		return r;
	const char *nul = memchr(p, '\0', (size_t)(end - p));
	return nul ? broken_at(l, nul, "a NUL: a scrape would end here", err) : 0;
}

/* The last line may be blank without a new line, nothing else. */
static int read_page(struct lint *l, struct err *err)
{
	size_t len = l->page.len, tail;
	while (len > 0 && l->page.ptr[len - 1] != '\n')
		len--;
	if (len > 0) {
		int r = read_lines(l, l->page.ptr + len, err);
		if (r)
			return r;
	}
	for (tail = len; tail < l->page.len; tail++)
		if (l->page.ptr[tail] != ' ' && l->page.ptr[tail] != '\t')
			return broken_at(l, l->page.ptr + l->page.len,
					 "the last line does not end with a new line", err);
	return 0;
}

static int problem_cmp(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int c = sv_cmp(x->metric, y->metric);
	return c ? c : sv_cmp(x->text, y->text);
}

static uint64_t family_series(const struct family *f)
{
	return own_label(f).len > 0 ? f->metrics * (2 + f->first_parts) : f->metrics;
}

static int family_cmp(const void *a, const void *b)
{
	const struct family *x = a, *y = b;
	uint64_t n = family_series(x), m = family_series(y);
	return n != m ? (n < m ? 1 : -1) : sv_cmp(x->name, y->name);
}

static void report(struct lint *l, const struct scrape_lint_calls *calls)
{
	if (l->n_problems > 0)
		qsort(l->problems, l->n_problems, sizeof *l->problems, problem_cmp);
	for (uint32_t i = 0; calls->problem && i < l->n_problems; i++)
		calls->problem(calls->userdata, l->problems[i].metric, l->problems[i].text);
	if (l->n_families > 0)
		qsort(l->families, l->n_families, sizeof *l->families, family_cmp);
	for (uint32_t i = 0; calls->family && i < l->n_families; i++)
		if (l->families[i].metrics > 0)
			calls->family(calls->userdata, l->families[i].name,
				      family_series(&l->families[i]));
}

int scrape_lint(struct sv page, const struct scrape_lint_calls *calls, struct err *err)
{
	_cleanup_(lint_deinit) struct lint l = {.page = page};
	const struct promlint_sink sink = {&l, add_problem};
	/* Two bytes of a name ("_s") are a problem of a line's length. */
	arena_init(&l.kept, 64 * page.len + MiB(16));
	arena_init(&l.scratch, 16 * page.len + MiB(16));
	int r = read_page(&l, err);
	if (r)
		return r;
	for (l.family = 0; l.family < l.n_families; l.family++) {
		const struct family *f = &l.families[l.family];
		if (f->metrics > 0)
			promlint_family(f->name, f->type, f->has_help, &sink);
	}
	if (l.failed)
		return ERR_NOMEM;
	report(&l, calls);
	return 0;
}
