/* Classic histograms on their way into native ones (convert_classic_histograms_to_nhcb).
 *
 * The parts of one histogram follow each other on a page: they are collected until a series of
 * another one, or another kind of line, comes. Then one histogram with custom buckets takes their
 * place, or stands after them when classic ones are kept. Parts that contradict each other are
 * lost, as they are with Prometheus (model/textparse/nhcbparse.go).
 */
#include "nhcb.h"
#include "page_reader.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/number.h>

/* Names, labels and exemplars of one histogram. */
#define HELD_BYTES MiB(4)

struct page_nhcb {
	bool keep_classic;
	bool collecting;
	struct nhcb parts;
	struct arena arena; /* what the fields below point to */
	struct sv name;     /* of the histogram collected */
	uint64_t labels_hash;
	struct label *labels; /* without name and le, sorted */
	size_t n_labels;
	struct page_exemplar *exemplars;
	size_t n_exemplars, cap_exemplars;
	int64_t start_ms;
	/* The time of the series read last, of whatever histogram: Prometheus takes that one. */
	bool has_time;
	int64_t t_ms;
};

struct page_nhcb *page_nhcb_new(bool keep_classic)
{
	struct page_nhcb *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->keep_classic = keep_classic;
	arena_init(&c->arena, HELD_BYTES);
	return c;
}

void page_nhcb_free(struct page_nhcb *c)
{
	if (!c)
		return;
	nhcb_deinit(&c->parts);
	arena_deinit(&c->arena);
	free(c);
}

enum part { PART_NONE, PART_BUCKET, PART_SUM, PART_COUNT };

static enum part part_of(struct sv name, struct sv *base)
{
	static const struct {
		struct sv suffix;
		enum part part;
	} suffixes[] = {
		{SV("_bucket"), PART_BUCKET},
		{SV("_sum"), PART_SUM},
		{SV("_count"), PART_COUNT},
	};
	*base = name;
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		if (sv_ends_with(name, suffixes[i].suffix)) {
			*base = sv_make(name.ptr, name.len - suffixes[i].suffix.len);
			return suffixes[i].part;
		}
	}
	return PART_NONE;
}

/* A series as the conversion sees it. */
struct seen {
	struct sv name, base;
	enum part part;
	bool has_le;
	struct sv le;
	struct labels rest; /* without name and le */
	uint64_t hash;
};

/* Its labels are in the scratch arena. 0 or ERR_NOMEM; a set that is no label set has no part. */
static int look(struct reader *r, const struct page_series *series, struct seen *out)
{
	struct label_builder b;
	*out = (struct seen){.part = PART_NONE};
	arena_reset(r->env->scratch);
	label_builder_init(&b, r->env->scratch);
	if (exposed_labels(r, series, &b) != 0)
		return b.n < LIMIT_LABELS_COUNT ? ERR_NOMEM : 0;
	out->name = b.v[0].value;
	out->part = part_of(out->name, &out->base);
	out->has_le = label_builder_has(&b, SV("le"));
	out->le = label_builder_get(&b, SV("le"));
	if (label_builder_duplicate(&b).len > 0) {
		out->part = PART_NONE;
		return 0;
	}
	label_builder_set(&b, LABEL_NAME, SV(""));
	label_builder_set(&b, SV("le"), SV(""));
	if (label_builder_finish(&b, r->env->scratch, &out->rest) != 0) {
		out->part = PART_NONE;
		return 0;
	}
	out->hash = labels_hash(out->rest);
	return 0;
}

static bool other_histogram(const struct reader *r, const struct seen *s)
{
	const struct page_nhcb *c = r->nhcb;
	return r->type != METRIC_HISTOGRAM || !sv_eq(c->name, s->base) || c->labels_hash != s->hash;
}

/* Keeps name and labels of the histogram that begins. 0 or ERR_NOMEM. */
static int hold(struct page_nhcb *c, struct sv name, struct labels rest, uint64_t hash)
{
	arena_reset(&c->arena);
	c->exemplars = NULL;
	c->n_exemplars = 0;
	c->cap_exemplars = 0;
	c->n_labels = 0;
	c->labels_hash = hash;
	c->name = arena_dup(&c->arena, name);
	c->labels = arena_calloc(&c->arena, labels_count(rest) + 1, sizeof *c->labels);
	struct sv bytes = arena_dup(&c->arena, sv_make(rest.ptr, rest.len));
	if (!c->name.ptr || !c->labels || !bytes.ptr)
		return ERR_NOMEM;
	struct labels copy = {bytes.ptr, rest.len};
	for (size_t at = 0; labels_next(copy, &at, &c->labels[c->n_labels]);)
		c->n_labels++;
	return 0;
}

static int hold_exemplars(struct page_nhcb *c, const struct page_exemplar *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->n_exemplars == c->cap_exemplars) {
			size_t cap = c->cap_exemplars ? c->cap_exemplars * 2 : 16;
			struct page_exemplar *more = arena_calloc(&c->arena, cap, sizeof *more);
			if (!more)
				return ERR_NOMEM;
			for (size_t k = 0; k < c->n_exemplars; k++)
				more[k] = c->exemplars[k];
			c->exemplars = more;
			c->cap_exemplars = cap;
		}
		c->exemplars[c->n_exemplars++] = v[i];
	}
	return 0;
}

/* Takes a part in: 0 and *held says whether it was one; ERR_NOMEM. */
static int collect(struct reader *r, const struct seen *s, const struct page_sample *sample,
		   const struct page_exemplar *exemplars, size_t n, bool *held)
{
	struct page_nhcb *c = r->nhcb;
	uint64_t bound = 0;
	*held = false;
	if (r->type != METRIC_HISTOGRAM || s->part == PART_NONE ||
	    !sv_eq(s->base, text_unescape(r->env->scratch, r->family, true)))
		return 0;
	if (s->part == PART_BUCKET &&
	    (!s->has_le || number_parse(s->le, &bound) != 0 || bound == VALUE_NAN_BITS))
		return 0;
	if (!c->collecting) {
		if (hold(c, s->base, s->rest, s->hash) != 0)
			return ERR_NOMEM;
		c->start_ms = sample->start_ms;
		r->skip_created = true;
		c->collecting = true;
	}
	*held = true;
	if (hold_exemplars(c, exemplars, n) != 0)
		return ERR_NOMEM;
	double value = double_of_bits(sample->s.bits);
	if (s->part == PART_BUCKET)
		return nhcb_add_bucket(&c->parts, double_of_bits(bound), value);
	return s->part == PART_SUM ? nhcb_add_sum(&c->parts, value)
				   : nhcb_add_count(&c->parts, value);
}

/* The series as text, as Prometheus writes it: what it is known by, whatever format it comes in. A
 * view into the histogram's memory; empty without memory. */
static struct sv text_of(struct page_nhcb *c)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, HELD_BYTES);
	buf_sv(&text, c->name);
	for (size_t i = 0; i < c->n_labels; i++) {
		buf_char(&text, i == 0 ? '{' : ',');
		if (label_name_legacy_valid(c->labels[i].name))
			buf_sv(&text, c->labels[i].name);
		else
			go_quote(&text, c->labels[i].name);
		buf_char(&text, '=');
		go_quote(&text, c->labels[i].value);
	}
	if (c->n_labels > 0)
		buf_char(&text, '}');
	return arena_dup(&c->arena, buf_view(&text));
}

int page_nhcb_flush(struct reader *r)
{
	struct page_nhcb *c = r->nhcb;
	if (!c->collecting)
		return 0;
	struct histogram h;
	int result = nhcb_convert(&c->parts, &r->batch->arena, &h);
	c->collecting = false;
	nhcb_reset(&c->parts);
	if (result == 0)
		result = histogram_check(&h, NULL);
	if (result != 0)
		return result < 0 ? result : 0;
	const struct scrape_features *f = r->env->features;
	h.start_ms = f && f->start_times ? c->start_ms : 0;
	struct sv text = text_of(c);
	const struct page_series series = {
		.name = c->name,
		.labels = c->labels,
		.n_labels = c->n_labels,
		.key = hash_keyed(text.ptr, text.len),
		.len = (uint32_t)text.len,
		.flags = c->n_labels > 0 ? LINE_BRACED : 0,
	};
	const struct page_sample sample = {
		.s = {.has_time = c->has_time, .t_ms = c->t_ms},
		.histogram = &h,
		.start_ms = c->start_ms,
	};
	r->out->scraped++;
	result = page_take(r, &series, &sample);
	return result ? result
		      : page_take_exemplars(r, c->exemplars, c->n_exemplars, true,
					    reader_time(r, &sample.s));
}

static int pass(struct reader *r, const struct page_series *series, const struct page_sample *s,
		const struct page_exemplar *exemplars, size_t n)
{
	r->out->scraped++;
	int result = page_take(r, series, s);
	return result ? result
		      : page_take_exemplars(r, exemplars, n, s->histogram != NULL,
					    reader_time(r, &s->s));
}

int page_nhcb_series(struct reader *r, const struct page_series *series,
		     const struct page_sample *s, const struct page_exemplar *exemplars, size_t n)
{
	struct page_nhcb *c = r->nhcb;
	struct seen seen;
	bool held = false;
	int result = look(r, series, &seen);
	if (result != 0)
		return result;
	c->has_time = s->s.has_time;
	c->t_ms = s->s.t_ms;
	if (c->collecting && other_histogram(r, &seen)) {
		result = page_nhcb_flush(r);
		if (result == 0)
			result = look(r, series, &seen);
	}
	if (result == 0)
		result = collect(r, &seen, s, exemplars, n, &held);
	if (result != 0 || (held && !c->keep_classic))
		return result;
	/* The histogram has the exemplars of its parts. */
	return pass(r, series, s, exemplars, held ? 0 : n);
}

int page_series(struct reader *r, const struct page_series *series, const struct page_sample *s,
		const struct page_exemplar *exemplars, size_t n)
{
	if (r->nhcb && !s->histogram)
		return page_nhcb_series(r, series, s, exemplars, n);
	return pass(r, series, s, exemplars, n);
}
