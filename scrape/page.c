/* Reading a page. A line that is where it was expected costs one hash and one value; see lines.h.
 *
 * Within one page:
 *  - a line's gen is the page's number once it was read;
 *  - new series are pending until the page turned out good, then they are put into frames, sorted
 * so that neighbours are alike;
 *  - a slot that has a value already makes the second line a duplicate: the first stays.
 */
#include "page_reader.h"

#include "text_parser.h"

#include <ampagent/base/text.h>

/* Samples further in the future are refused, as Prometheus does. */
enum { FUTURE_MS = 10 * 60 * 1000 };

/* Notes the own time of a slot's sample: 0; 1 when it would go back; ERR_NOMEM. */
static int take_time(struct reader *r, uint32_t ref, int64_t t_ms, bool had_time)
{
	struct frame_list *frames = &r->o->frames;
	struct frame *f = &frames->v[ref >> 8];
	unsigned slot = ref & 255;
	if (bit_get(f->present, slot) && t_ms <= r->batch->t_ms)
		return 1;
	if (!had_time && t_ms <= f->column_ms) {
		/* Its last sample may have had the time of a scrape. From now on it has a time of
		 * its own, so that the bound stays where it is. */
		int result = frame_list_take_time(frames, ref, f->column_ms);
		return result < 0 ? result : 1;
	}
	return frame_list_take_time(frames, ref, t_ms);
}

/* A sample of a series that has a slot: 0 or ERR_NOMEM. *taken says whether it was kept. */
static int take_for_slot(struct reader *r, uint32_t ref, const struct text_sample *s, bool timed,
			 bool *taken)
{
	struct frame_list *frames = &r->o->frames;
	struct frame *f = &frames->v[ref >> 8];
	unsigned slot = ref & 255;
	int64_t t_ms = timed ? s->t_ms : r->batch->t_ms;
	bool had_time = frame_last_ms(f, slot) != INT64_MIN;
	*taken = false;
	if (!timed && bit_get(f->present, slot)) {
		r->out->duplicates++;
		return 0;
	}
	if (timed || had_time) {
		int result = take_time(r, ref, t_ms, had_time);
		if (result == 1) {
			r->out->out_of_order++;
			return 0;
		}
		if (result != 0)
			return result;
	}
	/* Columns go before rows: where a row may have gone before, this is a row too. */
	int result = timed || (had_time && r->env->opt->honor_timestamps)
			     ? push_row(r, (struct row){ref, false, t_ms, s->bits})
			     : frame_put(f, slot, s->bits, r->batch);
	if (result != 0)
		return result;
	*taken = true;
	if (!timed || r->env->opt->track_timestamps_staleness)
		bit_set(f->seen_now, slot);
	else
		bit_clear(f->seen_before, slot); /* it is there: no marker */
	return 0;
}

/* The same for a series that is new on this page. */
static int take_for_pending(struct reader *r, uint32_t index, const struct text_sample *s,
			    bool timed, bool *taken)
{
	struct pending *p = &r->pending[index];
	int64_t t_ms = timed ? s->t_ms : r->batch->t_ms;
	*taken = false;
	if (!timed && p->has_value) {
		r->out->duplicates++;
		return 0;
	}
	if (t_ms <= p->last_ms) {
		r->out->out_of_order++;
		return 0;
	}
	*taken = true;
	bool first = p->last_ms == INT64_MIN;
	p->last_ms = t_ms;
	p->has_row = p->has_row || timed || !first;
	if (timed || !first)
		return push_row(r, (struct row){index, true, t_ms, s->bits});
	p->has_value = true;
	p->bits = s->bits;
	return 0;
}

/* Counts and stores one sample. new_series: Prometheus would not have had it in its cache. */
static int take_sample(struct reader *r, uint32_t ref, bool pending, const struct text_sample *s,
		       bool new_series)
{
	const struct scrape_options *opt = r->env->opt;
	bool timed = s->has_time && opt->honor_timestamps;
	r->taken = false;
	r->out->post_relabel++;
	if (opt->sample_limit && r->offered++ >= opt->sample_limit) {
		/* Read on, so that the report tells how many there are. */
		r->out->sample_limit = true;
		return 0;
	}
	if (timed && s->t_ms > r->now_ms + FUTURE_MS) {
		r->out->out_of_bounds++;
		return 0;
	}
	int result = pending ? take_for_pending(r, ref, s, timed, &r->taken)
			     : take_for_slot(r, ref, s, timed, &r->taken);
	if (result == 0 && r->taken)
		r->out->series_added += new_series;
	return result;
}

/* A series text met for the first time: parse, relabel, find or open its series, remember the line.
 */
static int new_text(struct reader *r, struct sv text, uint64_t text_hash,
		    const struct text_sample *s)
{
	struct labels labels;
	arena_reset(r->env->scratch);
	int result = final_labels(r, text, &labels);
	if (result != 0 && result != 2)
		return result;
	uint8_t flags = text.ptr[text.len - 1] == '}' ? LINE_BRACED : 0;
	uint32_t ref = 0;
	bool pending = false;
	if (result == 2) {
		flags |= LINE_DROPPED;
	} else {
		uint64_t hash = labels_hash(labels);
		result = find_series(r, hash, &ref, &pending);
		if (result == 0 && !pending && ref == SLOT_NONE) {
			pending = true;
			result = add_pending(r, labels, hash,
					     s->has_time && r->env->opt->honor_timestamps, &ref);
		}
		if (result != 0)
			return result;
		flags |= pending ? LINE_PENDING : 0;
	}
	r->out->parsed++;
	uint64_t out_of_bounds = r->out->out_of_bounds;
	result = flags & LINE_DROPPED ? 0 : take_sample(r, ref, pending, s, true);
	if (result != 0)
		return result;
	flags |= r->out->out_of_bounds > out_of_bounds ? LINE_UNKNOWN : 0;
	if (text.len <= LINE_LEN_MAX) {
		uint32_t line = line_table_add(&r->o->lines, text_hash, text.len, flags);
		if (line == LINE_NONE)
			return ERR_NOMEM;
		r->o->lines.v[line].ref = ref;
		r->o->lines.v[line].gen = r->o->gen;
		line_table_chain(&r->o->lines, r->prev, line);
		r->prev = line;
	}
	return 0;
}

/* A known series line, its text already matched. */
static int known_line(struct reader *r, uint32_t index, const struct text_sample *s)
{
	struct line *line = &r->o->lines.v[index];
	bool new_series = line->gen < r->o->good_gen;
	bool again = line->gen == r->o->gen;
	line->gen = r->o->gen;
	r->prev = index;
	r->out->matched++;
	if (line->flags & LINE_DROPPED)
		return 0;
	if (again && !(s->has_time && r->env->opt->honor_timestamps)) {
		/* Also when the first one had a time of its own. */
		r->out->duplicates++;
		r->out->post_relabel++;
		return 0;
	}
	bool unknown = line->flags & LINE_UNKNOWN;
	int result = take_sample(r, line->ref, (line->flags & LINE_PENDING) != 0, s,
				 unknown || (new_series && !again));
	if (r->taken)
		line->flags &= (uint8_t)~LINE_UNKNOWN;
	return result;
}

/* Reads a comment; only HELP and TYPE lines that were not there last time make the metadata anew.
 */
static const char *read_comment(struct reader *r, const char *p)
{
	struct text_meta meta;
	const char *next = text_comment(p, r->end, &meta, r->err);
	if (!next || meta.kind == TEXT_META_END)
		return next;
	if (meta.kind == TEXT_META_TYPE)
		r->type = meta.type;
	size_t len = (size_t)(next - p) - 1;
	if (len > LINE_LEN_MAX)
		return next;
	struct line_table *t = &r->o->lines;
	uint64_t hash = hash_keyed(p, len);
	uint32_t line = line_table_find(t, hash, len);
	if (line == LINE_NONE) {
		line = line_table_add(t, hash, len, LINE_META);
		if (line == LINE_NONE)
			return next;
		t->v[line].type = meta.kind == TEXT_META_TYPE ? (uint8_t)(meta.type + 1) : 0;
		r->meta_changed = r->meta_changed || meta.kind != TEXT_META_NONE;
	}
	t->v[line].gen = r->o->gen;
	line_table_chain(t, r->prev, line);
	r->prev = line;
	return next;
}

static const char *read_series(struct reader *r, const char *p, int *result)
{
	const char *text_end = text_series(p, r->end, r->err);
	struct text_sample s;
	const char *next = text_end ? text_sample(text_end, r->end, &s, r->err) : NULL;
	if (!next) {
		*result = 1;
		return p;
	}
	r->out->scraped++;
	struct sv text = sv_make(p, (size_t)(text_end - p));
	uint64_t hash = hash_keyed(text.ptr, text.len);
	uint32_t line = text.len <= LINE_LEN_MAX ? line_table_find(&r->o->lines, hash, text.len)
						 : LINE_NONE;
	if (line == LINE_NONE || (r->o->lines.v[line].flags & LINE_META)) {
		*result = new_text(r, text, hash, &s);
	} else {
		line_table_chain(&r->o->lines, r->prev, line);
		*result = known_line(r, line, &s);
	}
	return *result ? p : next;
}

/* The short way: the line that is expected at p. Returns p itself when it is not there. */
static const char *read_expected(struct reader *r, const char *p, int *result)
{
	struct line_table *t = &r->o->lines;
	uint32_t index = r->prev == LINE_NONE ? t->first : t->v[r->prev].next;
	if (index == LINE_NONE)
		return p;
	struct line *line = &t->v[index];
	const char *text_end = p + line->len;
	if ((size_t)(r->end - p) <= line->len)
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
	struct text_sample s;
	const char *next = text_sample(text_end, r->end, &s, r->err);
	if (!next) {
		*result = 1;
		return p;
	}
	r->out->scraped++;
	*result = known_line(r, index, &s);
	return *result ? p : next;
}

/* 0; 1 and *bad_at; ERR_NOMEM. */
static int read_lines(struct reader *r, const char *p, const char **bad_at)
{
	int result = 0;
	while (p < r->end) {
		if (*p == '\n') {
			p++;
			continue;
		}
		const char *next = read_expected(r, p, &result);
		*bad_at = p;
		if (result != 0)
			return result;
		if (next != p) {
			p = next;
			continue;
		}
		enum text_line what = text_next(&p, r->end);
		if (what == TEXT_END)
			return 0;
		*bad_at = p;
		next = what == TEXT_COMMENT ? read_comment(r, p) : read_series(r, p, &result);
		if (result != 0 || !next)
			return result != 0 ? result : 1;
		p = next;
	}
	return 0;
}

/* Nothing of a bad page stays but what was seen. */
static void page_discard(struct reader *r)
{
	struct owner *o = r->o;
	frame_list_rollback(&o->frames, &o->frames_mark);
	line_table_truncate(&o->lines, o->lines_mark);
	frame_list_drop_columns(&o->frames);
	r->batch->n_defs = 0;
	r->batch->n_rows = 0;
	r->batch->n_metadata = 0;
}

int page_read(struct owner *o, const struct page_env *env, struct sv page, int64_t now_ms,
	      struct batch *batch, struct page_result *out, struct err *err)
{
	*out = (struct page_result){0};
	_cleanup_(page_reader_deinit) struct reader r = {
		.o = o,
		.env = env,
		.batch = batch,
		.out = out,
		.err = err,
		.end = page.ptr + page.len,
		.now_ms = now_ms,
		.prev = LINE_NONE,
		.slot_index = MAP_NULL,
		.pending_index = MAP_NULL,
	};
	o->gen++;
	owner_mark(o);
	const char *bad_at = page.ptr;
	int result = read_lines(&r, page.ptr, &bad_at);
	if (result == 1 && err) {
		int line = 1;
		for (const char *p = page.ptr; p < bad_at; p++)
			line += *p == '\n';
		err_prefix(err, "line %d", line);
		err->line = line;
	}
	if (result == 0 && out->sample_limit)
		result = err_set(err, 1, "sample limit exceeded: %llu samples, limit %llu",
				 (unsigned long long)out->post_relabel,
				 (unsigned long long)env->opt->sample_limit);
	if (result == 0)
		result = page_place(&r, page);
	if (result != 0)
		page_discard(&r);
	else
		o->page_good = true;
	return result;
}
