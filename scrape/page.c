/* Reading a page. A line that is where it was expected costs one hash and one value; see lines.h.
 *
 * Within one page:
 *  - a line's gen is the page's number once it was read;
 *  - new series are pending until the page turned out good, then they are put into frames, sorted
 * so that neighbours are alike;
 *  - a slot that has a value already makes the second line a duplicate: the first stays.
 */
#include "page.h"

#include "text_parser.h"

#include <ampagent/base/text.h>

/* Samples further in the future are refused, as Prometheus does. */
enum { FUTURE_MS = 10 * 60 * 1000 };

struct pending {
	struct labels labels;
	uint64_t hash;
	uint64_t bits;
	int64_t last_ms; /* of its rows */
	uint32_t line;   /* LINE_NONE for a text too long for the table */
	uint32_t ref;    /* once placed */
	bool timed;      /* first seen with a timestamp of its own */
	bool has_value;
};

struct row {
	uint32_t ref; /* slot, or index of a pending series */
	bool pending;
	int64_t t_ms;
	int64_t last_ms; /* the slot's last time before it, to go back to */
	uint64_t bits;
};

struct reader {
	struct owner *o;
	const struct page_env *env;
	struct batch *batch;
	struct page_result *out;
	struct err *err;
	const char *end;
	int64_t now_ms;
	uint32_t prev; /* the line before */
	uint64_t kept; /* samples taken, for sample_limit */
	enum metric_type type;
	bool meta_changed;
	bool indexed; /* slot_index and pending_index are made */
	struct map slot_index;
	struct map pending_index;
	struct pending *pending;
	uint32_t n_pending, cap_pending;
	struct row *rows;
	size_t n_rows, cap_rows;
};

static void reader_deinit(struct reader *r)
{
	map_deinit(&r->slot_index);
	map_deinit(&r->pending_index);
	free(r->pending);
	free(r->rows);
}
DEFINE_CLEANUP(struct reader, reader_deinit)

static int push_row(struct reader *r, struct row row)
{
	if (r->n_rows == r->cap_rows) {
		size_t cap = r->cap_rows ? r->cap_rows * 2 : 64;
		struct row *v = realloc(r->rows, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		r->rows = v;
		r->cap_rows = cap;
	}
	r->rows[r->n_rows++] = row;
	return 0;
}

/* A sample of a series that has a slot: 0 or ERR_NOMEM. *taken says whether it was kept. */
static int take_for_slot(struct reader *r, uint32_t ref, const struct text_sample *s, bool timed,
			 bool *taken)
{
	struct frame *f = &r->o->frames.v[ref >> 8];
	unsigned slot = ref & 255;
	*taken = false;
	if (!timed) {
		int result = frame_put(f, slot, s->bits, r->batch);
		if (result == 0) {
			bit_set(f->seen_now, slot);
			*taken = true;
		} else if (result == 1) {
			r->out->duplicates++;
			result = 0;
		}
		return result;
	}
	int64_t last_ms = f->last_ms ? f->last_ms[slot] : INT64_MIN;
	int result = frame_take_time(f, slot, s->t_ms);
	if (result == 1) {
		r->out->out_of_order++;
		return 0;
	}
	if (result == 0)
		result = push_row(r, (struct row){ref, false, s->t_ms, last_ms, s->bits});
	if (result == 0) {
		*taken = true;
		if (r->env->opt->track_timestamps_staleness)
			bit_set(f->seen_now, slot);
	}
	return result;
}

/* The same for a series that is new on this page. */
static int take_for_pending(struct reader *r, uint32_t index, const struct text_sample *s,
			    bool timed, bool *taken)
{
	struct pending *p = &r->pending[index];
	*taken = false;
	if (!timed) {
		if (p->has_value) {
			r->out->duplicates++;
			return 0;
		}
		p->has_value = true;
		p->bits = s->bits;
		*taken = true;
		return 0;
	}
	if (s->t_ms <= p->last_ms) {
		r->out->out_of_order++;
		return 0;
	}
	p->last_ms = s->t_ms;
	*taken = true;
	return push_row(r, (struct row){index, true, s->t_ms, INT64_MIN, s->bits});
}

/* Counts and stores one sample. new_series: Prometheus would not have had it in its cache. */
static int take_sample(struct reader *r, uint32_t ref, bool pending, const struct text_sample *s,
		       bool new_series)
{
	const struct scrape_options *opt = r->env->opt;
	bool timed = s->has_time && opt->honor_timestamps;
	if (timed && s->t_ms > r->now_ms + FUTURE_MS) {
		r->out->out_of_bounds++;
		r->out->post_relabel++;
		return 0;
	}
	if (opt->sample_limit && r->kept >= opt->sample_limit) {
		/* Read on, so that the report tells how many there are. */
		r->out->sample_limit = true;
		r->out->post_relabel++;
		return 0;
	}
	bool taken;
	int result = pending ? take_for_pending(r, ref, s, timed, &taken)
			     : take_for_slot(r, ref, s, timed, &taken);
	if (result != 0)
		return result;
	r->out->post_relabel++;
	if (taken) {
		r->kept++;
		r->out->series_added += new_series;
	}
	return 0;
}

/* Target labels join the exposed ones (honor_labels false): the target's win, exposed ones of the
 * same name move to exported_<name>, shorter names first. */
static int join_labels(struct reader *r, struct label_builder *b)
{
	struct label moved[64];
	size_t n_moved = 0;
	struct label l;
	for (size_t at = 0; labels_next(r->env->target_labels, &at, &l);) {
		struct sv exposed = label_builder_get(b, l.name);
		if (exposed.len > 0 && n_moved < sizeof moved / sizeof moved[0])
			moved[n_moved++] = (struct label){l.name, exposed};
		label_builder_set(b, l.name, l.value);
	}
	for (size_t i = 1; i < n_moved; i++) {
		struct label m = moved[i];
		size_t j = i;
		for (; j > 0 && moved[j - 1].name.len > m.name.len; j--)
			moved[j] = moved[j - 1];
		moved[j] = m;
	}
	for (size_t i = 0; i < n_moved; i++) {
		struct sv name = moved[i].name;
		do {
			char *p = arena_alloc(b->arena, name.len + 9);
			if (!p)
				return ERR_NOMEM;
			memcpy(p, "exported_", 9);
			memcpy(p + 9, name.ptr, name.len);
			name = sv_make(p, name.len + 9);
		} while (label_builder_get(b, name).len > 0);
		label_builder_set(b, name, moved[i].value);
	}
	return 0;
}

static int join_target(struct reader *r, struct label_builder *b)
{
	if (!r->env->opt->honor_labels)
		return join_labels(r, b);
	struct label l;
	for (size_t at = 0; labels_next(r->env->target_labels, &at, &l);) {
		if (!label_builder_has(b, l.name))
			label_builder_set(b, l.name, l.value);
	}
	return 0;
}

static int check_limits(struct reader *r, struct labels set)
{
	const struct scrape_options *opt = r->env->opt;
	if (!opt->label_limit && !opt->label_name_length_limit && !opt->label_value_length_limit)
		return 0;
	r->out->label_limit = true;
	size_t n = labels_count(set);
	if (opt->label_limit && n > opt->label_limit)
		return err_set(r->err, 1, "label_limit exceeded: %zu labels, limit %llu", n,
			       (unsigned long long)opt->label_limit);
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		if (opt->label_name_length_limit && l.name.len > opt->label_name_length_limit)
			return err_set(r->err, 1,
				       "label_name_length_limit exceeded: label \"%.*s\" has %zu "
				       "bytes, limit %llu",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr,
				       l.name.len,
				       (unsigned long long)opt->label_name_length_limit);
		if (opt->label_value_length_limit && l.value.len > opt->label_value_length_limit)
			return err_set(r->err, 1,
				       "label_value_length_limit exceeded: value of \"%.*s\" has "
				       "%zu bytes, limit %llu",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr,
				       l.value.len,
				       (unsigned long long)opt->label_value_length_limit);
	}
	r->out->label_limit = false;
	return 0;
}

static int check_names(struct reader *r, struct labels set)
{
	bool legacy = r->env->opt->names == NAMES_LEGACY;
	struct label l;
	bool has_name = false;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		bool is_name = sv_eq(l.name, LABEL_NAME);
		has_name = has_name || is_name;
		bool good = utf8_valid(l.value) && (legacy ? label_name_legacy_valid(l.name)
							   : l.name.len > 0 && utf8_valid(l.name));
		if (good && is_name && legacy)
			good = metric_name_legacy_valid(l.value);
		if (!good)
			return err_set(r->err, 1,
				       "invalid metric name or label names: label \"%.*s\"",
				       (int)(l.name.len < 64 ? l.name.len : 64), l.name.ptr);
	}
	if (!has_name)
		return err_set(r->err, 1, "missing metric name (__name__ label)");
	return 0;
}

/* Final labels of a series text: 0; 1 when the scrape must fail (err); 2 when relabeling drops the
 * series; ERR_NOMEM. */
static int final_labels(struct reader *r, struct sv text, struct labels *out)
{
	struct label_builder b;
	label_builder_init(&b, r->env->scratch);
	if (text_labels(text, r->type, &b) != 0)
		return ERR_NOMEM;
	for (size_t i = 1; i < b.n; i++) {
		if (b.v[i].name.len == 0)
			return err_set(
				r->err, 1,
				"invalid metric name or label names: a label has an empty name");
	}
	struct sv duplicate = label_builder_duplicate(&b);
	if (join_target(r, &b) != 0)
		return ERR_NOMEM;
	if (!relabel_apply(r->env->opt->metric_relabel, &b))
		return b.failed ? ERR_NOMEM : 2;
	if (b.failed)
		return err_set(r->err, 1, "more than %d labels in one series", LIMIT_LABELS_COUNT);
	if (duplicate.len > 0)
		return err_set(r->err, 1, "label name \"%.*s\" is not unique",
			       (int)(duplicate.len < 64 ? duplicate.len : 64), duplicate.ptr);
	bool any = false;
	for (size_t i = 0; i < b.n; i++)
		any = any || b.v[i].value.len > 0;
	if (!any)
		return 2;
	if (label_builder_finish(&b, &r->batch->arena, out) != 0)
		return err_set(r->err, 1, "labels of one series pass %zu bytes",
			       LIMIT_LABELS_BYTES);
	int result = check_names(r, *out);
	return result ? result : check_limits(r, *out);
}

static uint64_t pending_hash(uint32_t value, void *cls)
{
	const struct reader *r = cls;
	return r->pending[value].hash;
}

/* Where a new text's series is already: *ref is a slot (*is_pending false) or a pending series. */
static int find_series(struct reader *r, uint64_t hash, uint32_t *ref, bool *is_pending)
{
	if (!r->indexed) {
		int result = frame_list_index(&r->o->frames, &r->slot_index);
		if (result != 0)
			return result;
		r->indexed = true;
	}
	*is_pending = false;
	*ref = frame_list_find(&r->o->frames, &r->slot_index, hash);
	if (*ref != SLOT_NONE)
		return 0;
	for (struct map_iter it = map_find(&r->pending_index, hash);
	     map_next(&r->pending_index, &it);) {
		if (r->pending[it.value].hash == hash) {
			*is_pending = true;
			*ref = it.value;
			return 0;
		}
	}
	return 0;
}

static int add_pending(struct reader *r, struct labels labels, uint64_t hash, bool timed,
		       uint32_t *out)
{
	if (r->n_pending == r->cap_pending) {
		uint32_t cap = r->cap_pending ? r->cap_pending * 2 : 64;
		struct pending *v = realloc(r->pending, cap * sizeof *v);
		if (!v)
			return ERR_NOMEM;
		r->pending = v;
		r->cap_pending = cap;
	}
	r->pending[r->n_pending] = (struct pending){.labels = labels,
						    .hash = hash,
						    .line = LINE_NONE,
						    .last_ms = INT64_MIN,
						    .timed = timed};
	*out = r->n_pending++;
	return map_insert(&r->pending_index, hash, *out, pending_hash, r);
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
	if (text.len <= LINE_LEN_MAX) {
		uint32_t line = line_table_add(&r->o->lines, text_hash, text.len, flags);
		if (line == LINE_NONE)
			return ERR_NOMEM;
		r->o->lines.v[line].ref = ref;
		r->o->lines.v[line].gen = r->o->gen;
		line_table_chain(&r->o->lines, r->prev, line);
		r->prev = line;
	}
	return flags & LINE_DROPPED ? 0 : take_sample(r, ref, pending, s, true);
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
	return take_sample(r, line->ref, (line->flags & LINE_PENDING) != 0, s,
			   new_series && !again);
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

static int pending_cmp(const void *a, const void *b, void *cls)
{
	const struct pending *pending = cls;
	const struct pending *x = &pending[*(const uint32_t *)a];
	const struct pending *y = &pending[*(const uint32_t *)b];
	if (x->timed != y->timed)
		return x->timed - y->timed;
	int c = sv_cmp(labels_get(x->labels, LABEL_NAME), labels_get(y->labels, LABEL_NAME));
	if (c != 0)
		return c;
	return sv_cmp(sv_make(x->labels.ptr, x->labels.len), sv_make(y->labels.ptr, y->labels.len));
}

/* Puts the pending series into frames, alike ones beside each other, and defines them. */
static int place_pending(struct reader *r)
{
	if (r->n_pending == 0)
		return 0;
	_cleanup_(freep) uint32_t *order = malloc(r->n_pending * sizeof *order);
	r->batch->defs =
		arena_alloc(&r->batch->arena, (r->n_pending + REPORT_MAX) * sizeof *r->batch->defs);
	if (!order || !r->batch->defs)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < r->n_pending; i++)
		order[i] = i;
	qsort_r(order, r->n_pending, sizeof *order, pending_cmp, r->pending);
	struct frame_list *frames = &r->o->frames;
	for (uint32_t i = 0; i < r->n_pending; i++) {
		struct pending *p = &r->pending[order[i]];
		p->ref = frame_list_add(frames, p->timed ? FRAME_TIMED : FRAME_PLAIN, p->labels,
					p->hash, r->env->next_frame);
		if (p->ref == SLOT_NONE)
			return ERR_NOMEM;
		struct frame *f = &frames->v[p->ref >> 8];
		unsigned slot = p->ref & 255;
		r->batch->defs[r->batch->n_defs++] =
			(struct batch_def){f->id, (uint16_t)slot, p->labels};
		if (p->has_value) {
			if (frame_put(f, slot, p->bits, r->batch) < 0)
				return ERR_NOMEM;
			bit_set(f->seen_now, slot);
		}
		if (p->last_ms != INT64_MIN) {
			if (frame_take_time(f, slot, p->last_ms) < 0)
				return ERR_NOMEM;
			if (r->env->opt->track_timestamps_staleness)
				bit_set(f->seen_now, slot);
		}
	}
	struct line_table *t = &r->o->lines;
	for (uint32_t i = r->o->lines_mark; i < t->n; i++) {
		if (t->v[i].flags & LINE_PENDING) {
			t->v[i].ref = r->pending[t->v[i].ref].ref;
			t->v[i].flags &= (uint8_t)~LINE_PENDING;
		}
	}
	return 0;
}

static int place_rows(struct reader *r)
{
	if (r->n_rows == 0)
		return 0;
	struct batch *b = r->batch;
	b->rows = arena_alloc(&b->arena, r->n_rows * sizeof *b->rows);
	if (!b->rows)
		return ERR_NOMEM;
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		uint32_t ref = row->pending ? r->pending[row->ref].ref : row->ref;
		b->rows[b->n_rows++] = (struct batch_row){
			r->o->frames.v[ref >> 8].id, (uint16_t)(ref & 255), row->t_ms, row->bits};
	}
	return 0;
}

static int page_place(struct reader *r, struct sv page)
{
	int result = place_pending(r);
	if (result == 0)
		result = place_rows(r);
	if (result == 0 && r->meta_changed)
		result = page_metadata(page, r->batch);
	return result;
}

/* Nothing of a bad page stays but what was seen. */
static void page_discard(struct reader *r)
{
	struct owner *o = r->o;
	for (size_t i = r->n_rows; i > 0; i--) {
		const struct row *row = &r->rows[i - 1];
		if (!row->pending)
			o->frames.v[row->ref >> 8].last_ms[row->ref & 255] = row->last_ms;
	}
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
	_cleanup_(reader_deinit) struct reader r = {
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
