/* Pages of lines: the text format and OpenMetrics. A line that is where it was expected costs one
 * hash and one value; see lines.h.
 */
#include "page_reader.h"

#include <ampagent/base/hash.h>

/* What follows a series text. */
struct tail {
	struct page_sample sample;
	struct openmetrics_exemplar exemplar;
};

static inline bool is_openmetrics(const struct reader *r)
{
	return r->format == LINE_OPENMETRICS;
}

static inline const char *read_tail(struct reader *r, const char *p, struct tail *out)
{
	out->sample.histogram = NULL;
	out->sample.start_ms = 0;
	out->exemplar.present = false;
	out->exemplar.broken_behind = false;
	if (!is_openmetrics(r))
		return text_sample(p, r->end, &out->sample.s, r->err);
	p = openmetrics_sample(p, r->end, &out->sample.s, &out->exemplar, r->err);
	/* The newline at the very end is none of the page's. */
	if (p != r->end)
		return p;
	err_set(r->err, 1, "the page does not end with # EOF");
	return NULL;
}

static bool wants_starts(const struct reader *r)
{
	const struct scrape_features *f = r->env->features;
	return f && (f->start_times || f->start_zero);
}

/* A line that tells a start time and is no sample, once start times were asked for. */
static bool is_created(const struct reader *r, struct sv text)
{
	return is_openmetrics(r) && (r->skip_created || wants_starts(r)) &&
	       openmetrics_is_created(text, r->last_family, r->type);
}

static void look_ahead(struct reader *r, struct sv text, const char *next, struct tail *t)
{
	if (is_openmetrics(r) && wants_starts(r))
		t->sample.start_ms = openmetrics_start_ms(&r->starts_ahead, text, next, r->end,
							  r->last_family, r->type);
}

/* A sample was taken, but the page may be broken behind it. */
static int after_sample(const struct tail *t, int result)
{
	return result == 0 && t->exemplar.broken_behind ? 1 : result;
}

/* The exemplar with its labels in the arena: 0 or ERR_NOMEM. */
static int exemplar_of(const struct openmetrics_exemplar *e, struct arena *arena,
		       struct page_exemplar *out)
{
	struct label_builder b;
	label_builder_init(&b, arena);
	if (openmetrics_exemplar_labels(e->labels, &b) != 0)
		return ERR_NOMEM;
	*out = (struct page_exemplar){
		.labels = b.v,
		.n_labels = b.n,
		.bits = e->bits,
		.has_time = e->has_time,
		.t_ms = e->t_ms,
	};
	return 0;
}

/* The exemplar of a sample that was just taken. */
static int take_exemplar(struct reader *r, const struct tail *t)
{
	struct page_exemplar e;
	const struct scrape_features *f = r->env->features;
	if (!t->exemplar.present || !r->taken || !f || !f->exemplars)
		return 0;
	arena_reset(r->env->scratch);
	if (exemplar_of(&t->exemplar, r->env->scratch, &e) != 0)
		return ERR_NOMEM;
	return page_take_exemplars(r, &e, 1, false, reader_time(r, &t->sample.s));
}

/* Reads a comment; only HELP, TYPE and UNIT lines that were not there last time make the metadata
 * anew. */
static const char *read_comment(struct reader *r, const char *p, int *result)
{
	struct text_meta meta;
	const char *next = is_openmetrics(r) ? openmetrics_comment(p, r->end, &meta, r->err)
					     : text_comment(p, r->end, &meta, r->err);
	if (!next)
		return NULL;
	if (meta.kind != TEXT_META_END && r->nhcb && (*result = page_nhcb_flush(r)) != 0)
		return p;
	if (meta.kind == TEXT_META_END) {
		r->ended = true;
		return next;
	}
	if (meta.kind != TEXT_META_NONE)
		r->last_family = meta.family;
	if (meta.kind == TEXT_META_TYPE) {
		r->type = meta.type;
		r->family = meta.family;
	}
	size_t len = (size_t)(next - p) - 1;
	if (len > LINE_LEN_MAX)
		return next;
	struct line_table *t = &r->o->lines;
	uint64_t hash = hash_keyed(p, len);
	uint32_t line = line_table_find(t, hash, len);
	if (line == LINE_NONE) {
		if (!reader_may_grow(r, PAGE_LINE_BYTES))
			return next;
		line = line_table_add(t, hash, len, LINE_META);
		if (line == LINE_NONE)
			return next;
		t->v[line].type = meta.kind == TEXT_META_TYPE ? (uint8_t)(meta.type + 1) : 0;
		r->meta_changed = r->meta_changed || meta.kind != TEXT_META_NONE;
	}
	t->v[line].flags |= r->format;
	t->v[line].gen = r->o->gen;
	line_table_chain(t, r->prev, line);
	r->prev = line;
	return next;
}

static const char *read_series(struct reader *r, const char *p, int *result)
{
	const char *text_end = is_openmetrics(r) ? openmetrics_series(p, r->end, r->err)
						 : text_series(p, r->end, r->err);
	struct tail t;
	const char *next = text_end ? read_tail(r, text_end, &t) : NULL;
	if (!next) {
		*result = 1;
		return p;
	}
	struct sv text = sv_make(p, (size_t)(text_end - p));
	if (r->whole && is_created(r, text))
		return next;
	if (r->whole)
		look_ahead(r, text, next, &t);
	const struct page_series series = {
		.text = text,
		.key = hash_keyed(text.ptr, text.len),
		.len = (uint32_t)text.len,
		.flags = r->format | (text.ptr[text.len - 1] == '}' ? LINE_BRACED : 0),
	};
	if (!r->nhcb) {
		r->out->scraped++;
		*result = page_take(r, &series, &t.sample);
		if (*result == 0)
			*result = take_exemplar(r, &t);
		*result = after_sample(&t, *result);
		return *result ? p : next;
	}
	struct page_exemplar e;
	size_t n = t.exemplar.present && exemplar_of(&t.exemplar, &r->batch->arena, &e) == 0;
	*result = after_sample(&t, page_series(r, &series, &t.sample, &e, n));
	return *result ? p : next;
}

/* The sample of a line that is where it was last time, when nothing but its value can be new. */
static inline bool take_plain(struct reader *r, struct line *line, const struct tail *t)
{
	struct owner *o = r->o;
	if (!r->plain || t->sample.s.has_time || line->gen != o->good_gen || line->gen == o->gen ||
	    (line->flags & (LINE_DROPPED | LINE_PENDING | LINE_UNKNOWN)))
		return false;
	struct frame *f = &o->frames.v[line->ref >> 8];
	unsigned slot = line->ref & 255;
	if (f->last_ms || slot >= f->values_cap || bit_get(f->present, slot) ||
	    bit_get(f->apart, slot))
		return false;
	f->values[slot] = t->sample.s.bits;
	bit_set(f->present, slot);
	bit_set(f->seen_now, slot);
	line->gen = o->gen;
	r->out->matched++;
	r->out->post_relabel++;
	r->taken = true;
	r->at = (struct place){line->ref, false};
	return true;
}

/* The short way: the line that is expected at p. Returns p itself when it is not there. */
static const char *read_expected(struct reader *r, const char *p, int *result)
{
	struct line_table *table = &r->o->lines;
	uint32_t index = r->prev == LINE_NONE ? table->first : table->v[r->prev].next;
	if (index == LINE_NONE)
		return p;
	struct line *line = &table->v[index];
	const char *text_end = p + line->len;
	if ((size_t)(r->end - p) <= line->len ||
	    (line->flags & (r->format | LINE_UNPLACED)) != r->format)
		return p;
	if (line->flags & LINE_META) {
		if (*p != '#' || *text_end != '\n' || hash_keyed(p, line->len) != line->hash)
			return p;
		if (line->type)
			r->type = (enum metric_type)(line->type - 1);
		line->gen = r->o->gen;
		r->prev = index;
		return text_end + 1;
	}
	if (line->flags & LINE_BRACED ? text_end[-1] != '}' : !text_name_ends(text_end))
		return p;
	if (hash_keyed(p, line->len) != line->hash)
		return p;
	struct tail t;
	const char *next = read_tail(r, text_end, &t);
	if (!next) {
		*result = 1;
		return p;
	}
	r->out->scraped++;
	if (take_plain(r, line, &t))
		r->prev = index;
	else
		*result = page_take_known(r, index, &t.sample);
	if (*result == 0 && t.exemplar.present)
		*result = take_exemplar(r, &t);
	*result = after_sample(&t, *result);
	return *result ? p : next;
}

/* What stands at *p, blank lines passed where the format has them. */
static enum text_line next_line(const struct reader *r, const char **p)
{
	if (!is_openmetrics(r))
		return text_next(p, r->end);
	return **p == '#' ? TEXT_COMMENT : TEXT_SERIES;
}

int page_read_lines(struct reader *r, struct sv page, const char **bad_at)
{
	int result = 0;
	const char *p = page.ptr;
	while (p < r->end && !r->ended) {
		if (*p == '\n' && !is_openmetrics(r)) {
			p++;
			continue;
		}
		*bad_at = p;
		const char *next = r->whole ? p : read_expected(r, p, &result);
		if (result != 0)
			return result;
		if (next != p) {
			p = next;
			continue;
		}
		enum text_line what = next_line(r, &p);
		if (what == TEXT_END)
			break;
		*bad_at = p;
		next = what == TEXT_COMMENT ? read_comment(r, p, &result)
					    : read_series(r, p, &result);
		if (result != 0 || !next)
			return result != 0 ? result : 1;
		p = next;
	}
	*bad_at = p;
	if (is_openmetrics(r) && !r->ended)
		return err_set(r->err, 1, "the page does not end with # EOF");
	return r->nhcb ? page_nhcb_flush(r) : 0;
}
