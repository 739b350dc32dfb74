/* Samples into slots: what each format's reader does with a sample once it has it.
 *
 * Within one page:
 *  - a line's gen is the page's number once it was read;
 *  - new series are pending until the page turned out good, then they are put into frames, sorted
 *    so that neighbours are alike;
 *  - a slot that has a sample already makes the second line a duplicate: the first stays.
 */
#include "page_reader.h"

#include <ampagent/base/number.h>

/* What a new series takes while a page is read, beside its line and its labels. */
enum { SERIES_BYTES = 256 };

/* take_unlabelled(): a new series for which there is no memory. */
enum { SHED = 4 };

/* Samples further in the future are refused, as Prometheus does. */
enum { FUTURE_MS = 10 * 60 * 1000 };

/* Notes the own time of a slot's sample: 0; 1 when it would go back; ERR_NOMEM. */
static int take_time(struct reader *r, uint32_t ref, int64_t t_ms, bool had_time)
{
	struct frame_list *frames = &r->o->frames;
	struct frame *f = &frames->v[ref >> 8];
	unsigned slot = ref & 255;
	bool present = bit_get(f->present, slot) || bit_get(f->apart, slot);
	if (present && t_ms <= r->batch->t_ms)
		return 1;
	if (!had_time && t_ms <= f->column_ms) {
		/* Its last sample may have had the time of a scrape. From now on it has a time of
		 * its own, so that the bound stays where it is. */
		int result = frame_list_take_time(frames, ref, f->column_ms);
		return result < 0 ? result : 1;
	}
	return frame_list_take_time(frames, ref, t_ms);
}

/* The zero that stands at a new start time, before the sample itself. *row: the sample must be a
 * row then, to come after it. 0 or ERR_NOMEM. */
static int take_zero(struct reader *r, struct place at, const struct page_sample *s, int64_t t_ms,
		     int64_t last_ms, bool *row)
{
	if (s->start_ms == 0 || s->start_ms >= t_ms || s->start_ms <= last_ms)
		return 0;
	*row = true;
	if (!s->histogram)
		return push_row(r, (struct row){at, s->start_ms, 0});
	const struct histogram zero = {
		.schema = s->histogram->schema,
		.is_float = s->histogram->is_float,
		.reset = HISTOGRAM_RESET_YES,
		.zero_threshold = s->histogram->zero_threshold,
		.bounds = s->histogram->bounds,
		.n_bounds = s->histogram->n_bounds,
	};
	return push_histogram(r, at, s->start_ms, &zero);
}

static bool wants_zero(const struct reader *r)
{
	return r->env->features && r->env->features->start_zero;
}

/* Stores a sample of a slot at its time. 0 or ERR_NOMEM. */
static int store_for_slot(struct reader *r, uint32_t ref, const struct page_sample *s, bool timed,
			  bool as_row)
{
	int64_t t_ms = reader_time(r, &s->s);
	struct frame *f = &r->o->frames.v[ref >> 8];
	struct place at = {ref, false};
	if (wants_zero(r)) {
		int64_t last_ms = frame_list_exchange_sample_ms(&r->o->frames, ref, t_ms);
		int result = take_zero(r, at, s, t_ms, last_ms, &as_row);
		if (result != 0)
			return result;
	}
	if (s->histogram || (as_row && !timed))
		bit_set(f->apart, ref & 255);
	if (s->histogram)
		return push_histogram(r, at, t_ms, s->histogram);
	return as_row ? push_row(r, (struct row){at, t_ms, s->s.bits})
		      : frame_put(f, ref & 255, s->s.bits, r->batch);
}

/* A sample of a series that has a slot: 0 or ERR_NOMEM. */
static int take_for_slot(struct reader *r, uint32_t ref, const struct page_sample *s, bool timed)
{
	struct frame *f = &r->o->frames.v[ref >> 8];
	unsigned slot = ref & 255;
	int64_t t_ms = timed ? s->s.t_ms : r->batch->t_ms;
	bool had_time = frame_last_ms(f, slot) != INT64_MIN;
	if (!timed && (bit_get(f->present, slot) || bit_get(f->apart, slot))) {
		r->out->duplicates++;
		r->accepted = true;
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
	bool as_row = timed || (had_time && r->env->opt->honor_timestamps);
	int result = store_for_slot(r, ref, s, timed, as_row);
	if (result != 0)
		return result;
	r->taken = r->accepted = true;
	if (!timed || r->env->opt->track_timestamps_staleness)
		bit_set(f->seen_now, slot);
	else
		bit_clear(f->seen_before, slot); /* it is there: no marker */
	return 0;
}

/* The same for a series that is new on this page. */
static int take_for_pending(struct reader *r, uint32_t index, const struct page_sample *s,
			    bool timed)
{
	struct pending *p = &r->pending[index];
	int64_t t_ms = timed ? s->s.t_ms : r->batch->t_ms;
	if (!timed && (p->has_value || p->has_untimed_row)) {
		r->out->duplicates++;
		r->accepted = true;
		return 0;
	}
	if (t_ms <= p->last_ms) {
		r->out->out_of_order++;
		return 0;
	}
	r->taken = r->accepted = true;
	struct place at = {index, true};
	bool as_row = timed || p->last_ms != INT64_MIN;
	int result = wants_zero(r) ? take_zero(r, at, s, t_ms, p->last_ms, &as_row) : 0;
	if (result != 0)
		return result;
	p->last_ms = t_ms;
	p->has_untimed_row = p->has_untimed_row || (!timed && (as_row || s->histogram));
	p->has_row = p->has_row || timed;
	if (s->histogram)
		return push_histogram(r, at, t_ms, s->histogram);
	if (as_row)
		return push_row(r, (struct row){at, t_ms, s->s.bits});
	p->has_value = true;
	p->bits = s->s.bits;
	return 0;
}

/* A job's limits on a histogram, and what storage refuses. 0; 1 when the scrape must fail; 2 when
 * it fails in the end and this one is left out; ERR_NOMEM. */
static int check_histogram(struct reader *r, struct page_sample *s, struct histogram *h)
{
	const struct scrape_options *opt = r->env->opt;
	if (!s->histogram)
		return 0;
	*h = *s->histogram;
	int max = histogram_schema_for_factor(opt->native_histogram_min_bucket_factor);
	int result = histogram_limit(h, opt->native_histogram_bucket_limit, max, &r->batch->arena);
	if (result == 1)
		r->out->bucket_limit = true;
	if (result != 0)
		return result < 0 ? result : 2;
	s->histogram = h;
	return histogram_check(h, r->err);
}

/* Whether sample_limit keeps a sample out. The marker of a known series always passes. */
static bool is_beyond_limit(struct reader *r, const struct page_sample *s, bool new_series)
{
	uint64_t limit = r->env->opt->sample_limit;
	if (!limit || (!new_series && !s->histogram && s->s.bits == VALUE_STALE_BITS))
		return false;
	return r->offered++ >= limit;
}

/* Counts and stores one sample. new_series: Prometheus would not have had it in its cache. */
static int take_sample(struct reader *r, struct place at, const struct page_sample *given,
		       bool new_series)
{
	bool timed = reader_is_timed(r, &given->s);
	struct page_sample s = *given;
	struct histogram h;
	r->taken = r->accepted = false;
	r->at = at;
	r->out->post_relabel++;
	int result = check_histogram(r, &s, &h);
	if (result == 2)
		return 0;
	if (is_beyond_limit(r, &s, new_series)) {
		/* Read on, so that the report tells how many there are. */
		r->out->sample_limit = true;
		return 0;
	}
	if (result >= 0 && timed && s.s.t_ms > r->now_ms + FUTURE_MS) {
		r->out->out_of_bounds++;
		return 0;
	}
	if (result != 0) {
		r->out->post_relabel--;
		return result;
	}
	result = at.pending ? take_for_pending(r, at.ref, &s, timed)
			    : take_for_slot(r, at.ref, &s, timed);
	if (result == 0 && r->accepted)
		r->out->series_added +=
			new_series && !r->out->sample_limit && !r->out->bucket_limit;
	if (result == 0 && r->taken && s.start_ms && r->env->features->start_times && !s.histogram)
		result = push_start(r, at, s.start_ms);
	return result;
}

/* A sample that no storage takes: it fails the scrape unless a limit keeps it from getting there.
 * 0; 1.
 */
static int refuse_sample(struct reader *r, const struct page_sample *s)
{
	if (is_beyond_limit(r, s, true)) {
		r->out->sample_limit = true;
	} else if (reader_is_timed(r, &s->s) && s->s.t_ms > r->now_ms + FUTURE_MS) {
		r->out->out_of_bounds++;
	} else {
		return 1;
	}
	r->out->post_relabel++;
	return 0;
}

/* A sample of a new series that memory has no room for. */
static void shed_sample(struct reader *r, const struct page_sample *s)
{
	r->out->post_relabel++;
	if (is_beyond_limit(r, s, true))
		r->out->sample_limit = true;
	else
		r->out->shed++;
}

/* Remembers the line of a series at the place where it stood; what is not remembered is read anew
 * each time. */
static int add_line(struct reader *r, const struct page_series *series, uint8_t flags, uint32_t ref)
{
	if (series->len > LINE_LEN_MAX || !reader_may_grow(r, PAGE_LINE_BYTES))
		return 0;
	struct line_table *t = &r->o->lines;
	uint32_t line = line_table_add(t, series->key, series->len, flags);
	if (line == LINE_NONE)
		return ERR_NOMEM;
	t->v[line].ref = ref;
	t->v[line].gen = r->o->gen;
	line_table_chain(t, r->prev, line);
	r->prev = line;
	return 0;
}

/* A sample of a series whose labels are not known: parse, relabel, find or open it. Its line's
 * flags are added to *flags. Results of page_take_new(), or SHED. */
static int take_unlabelled(struct reader *r, const struct page_series *series,
			   const struct page_sample *s, bool new_series, uint8_t *flags,
			   uint32_t *ref)
{
	struct labels labels;
	arena_reset(r->env->scratch);
	r->taken = r->accepted = false;
	r->out->parsed++;
	int result = final_labels(r, series, &labels);
	if (result == 2) {
		*flags |= LINE_DROPPED;
		return 0;
	}
	if (result == 3) {
		*flags |= LINE_UNPLACED;
		return refuse_sample(r, s);
	}
	if (result != 0)
		return result;
	uint64_t hash = labels_hash(labels);
	struct place at = {0, false};
	result = find_series(r, hash, &at.ref, &at.pending);
	if (result == 0 && !at.pending && at.ref == SLOT_NONE) {
		if (r->env->no_new_series || !reader_may_grow(r, SERIES_BYTES + labels.len)) {
			shed_sample(r, s);
			return SHED;
		}
		at.pending = true;
		result = add_pending(r, labels, hash, reader_is_timed(r, &s->s), &at.ref);
	}
	if (result != 0)
		return result;
	result = take_sample(r, at, s, new_series);
	*flags |= at.pending ? LINE_PENDING : 0;
	*flags |= r->accepted ? 0 : LINE_UNKNOWN;
	*ref = at.ref;
	return result;
}

int page_take_new(struct reader *r, const struct page_series *series, const struct page_sample *s)
{
	uint8_t flags = series->flags;
	uint32_t ref = 0;
	int result = take_unlabelled(r, series, s, true, &flags, &ref);
	if (result == SHED)
		return 0;
	return result == 0 ? add_line(r, series, flags, ref) : result;
}

/* The series of a line that only bad pages had. */
static int take_unplaced(struct reader *r, const struct page_series *series, uint32_t index,
			 const struct page_sample *s)
{
	const struct line *before = &r->o->lines.v[index];
	bool unknown = (before->flags & LINE_UNKNOWN) || before->gen < r->o->good_gen;
	uint8_t flags = series->flags;
	uint32_t ref = 0;
	r->prev = index;
	r->replaced = true;
	int result = take_unlabelled(r, series, s, unknown, &flags, &ref);
	struct line *line = &r->o->lines.v[index];
	line->gen = r->o->gen;
	if (result == 0) {
		line->flags = unknown ? flags : flags & (uint8_t)~LINE_UNKNOWN;
		line->ref = ref;
	} else if (unknown) {
		line->flags |= LINE_UNKNOWN;
	}
	return result == SHED ? 0 : result;
}

int page_take_known(struct reader *r, uint32_t index, const struct page_sample *s)
{
	struct line *line = &r->o->lines.v[index];
	/* Whether Prometheus has it in its cache: a good page forgets what it lacked, and what was
	 * only refused is not put in. */
	bool unknown = (line->flags & LINE_UNKNOWN) || line->gen < r->o->good_gen;
	bool again = line->gen == r->o->gen && !(line->flags & LINE_UNKNOWN);
	line->gen = r->o->gen;
	r->prev = index;
	r->taken = r->accepted = false;
	r->out->matched++;
	if (line->flags & LINE_DROPPED)
		return 0;
	if (again && !reader_is_timed(r, &s->s)) {
		/* Also when the first one had a time of its own. */
		r->out->duplicates++;
		r->out->post_relabel++;
		return 0;
	}
	struct place at = {line->ref, (line->flags & LINE_PENDING) != 0};
	int result = take_sample(r, at, s, unknown);
	if (r->accepted)
		line->flags &= (uint8_t)~LINE_UNKNOWN;
	else if (unknown)
		line->flags |= LINE_UNKNOWN;
	return result;
}

int page_take(struct reader *r, const struct page_series *series, const struct page_sample *s)
{
	struct line_table *t = &r->o->lines;
	uint32_t line = LINE_NONE;
	if (series->len <= LINE_LEN_MAX) {
		uint32_t next = r->prev == LINE_NONE ? t->first : t->v[r->prev].next;
		bool expected = next != LINE_NONE && t->v[next].hash == series->key &&
				t->v[next].len == series->len;
		line = expected ? next : line_table_find(t, series->key, series->len);
	}
	if (line == LINE_NONE || (t->v[line].flags & LINE_META))
		return page_take_new(r, series, s);
	line_table_chain(t, r->prev, line);
	if (t->v[line].flags & LINE_UNPLACED)
		return take_unplaced(r, series, line, s);
	t->v[line].flags |= series->flags & (LINE_TEXT | LINE_OPENMETRICS);
	return page_take_known(r, line, s);
}
