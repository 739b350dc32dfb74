/* Reading a page, whatever its format: all of it, or nothing. */
#include "page_reader.h"

/* Lines that only bad pages bring may be that many more than the good ones, as with Prometheus. */
enum { BAD_LINES_MORE = 1000 };

/* What a bad page brought stays known, so that it does not count as new later; but it has no slot.
 */
static void keep_lines(struct owner *o)
{
	struct line_table *t = &o->lines;
	if (t->n > 2 * (size_t)o->good_lines + BAD_LINES_MORE)
		line_table_truncate(t, o->lines_mark);
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->v[i].flags & LINE_PENDING)
			t->v[i].flags ^= LINE_PENDING | LINE_UNPLACED;
	}
}

/* Nothing of a bad page stays but what was seen. */
static void page_discard(struct reader *r)
{
	struct owner *o = r->o;
	frame_list_rollback(&o->frames, &o->frames_mark);
	keep_lines(o);
	frame_list_drop_columns(&o->frames);
	r->batch->n_defs = 0;
	r->batch->n_rows = 0;
	r->batch->n_histograms = 0;
	r->batch->n_exemplars = 0;
	r->batch->n_starts = 0;
	r->batch->n_metadata = 0;
}

static uint8_t format_flag(enum scrape_protocol format)
{
	switch (format) {
	case PROTO_PROMETHEUS_PROTO:
		return 0;
	case PROTO_OPENMETRICS_0_0_1:
	case PROTO_OPENMETRICS_1_0_0:
		return LINE_OPENMETRICS;
	default:
		return LINE_TEXT;
	}
}

static bool reader_init(struct reader *r)
{
	const struct scrape_features *f = r->env->features;
	bool starts = f && (f->start_times || f->start_zero);
	r->format = format_flag(r->env->format);
	r->whole = r->env->convert_to_nhcb || (starts && r->format == LINE_OPENMETRICS);
	r->plain = !r->env->opt->sample_limit && !(f && f->start_zero);
	r->claimed = budget_total() ? 0 : SIZE_MAX;
	if (r->o->metadata_shed && !r->env->no_metadata) {
		r->meta_changed = true;
		r->o->metadata_shed = false;
	}
	/* The protobuf reader converts by itself. */
	if (r->env->convert_to_nhcb && r->format) {
		r->nhcb = page_nhcb_new(r->env->always_classic_histograms);
		return r->nhcb != NULL;
	}
	return true;
}

/* *bad_at: where a page of lines is broken, or its end. */
static int read_page(struct reader *r, struct sv page, const char **bad_at)
{
	*bad_at = r->end;
	if (!r->format)
		return page_read_proto(r, sv_make(page.ptr, page.len - 1));
	int result = page_read_lines(r, page, bad_at);
	if (result == 1 && r->err) {
		int line = 1;
		for (const char *p = page.ptr; p < *bad_at; p++)
			line += *p == '\n';
		err_prefix(r->err, "line %d", line);
		r->err->line = line;
	}
	return result;
}

/* Limits that fail a page only at its end, so that the report tells all of it. */
static int check_limits(const struct reader *r)
{
	const struct page_result *out = r->out;
	if (out->sample_limit)
		return err_set(r->err, 1, "sample limit exceeded: %llu samples, limit %llu",
			       (unsigned long long)out->post_relabel,
			       (unsigned long long)r->env->opt->sample_limit);
	if (out->bucket_limit)
		return err_set(r->err, 1, "histogram bucket limit exceeded: limit %llu",
			       (unsigned long long)r->env->opt->native_histogram_bucket_limit);
	return 0;
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
	int result = reader_init(&r) ? read_page(&r, page, &bad_at) : ERR_NOMEM;
	if (result == 0)
		result = check_limits(&r);
	if (result == 0)
		result = page_place(&r);
	if (env->no_metadata && r.meta_changed) {
		o->metadata_shed = true;
		r.meta_changed = false;
	}
	if (result == 0 && r.meta_changed)
		result = page_metadata(env, page, batch);
	if (result != 0)
		page_discard(&r);
	else
		o->page_good = true;
	/* Metadata is told all the same, as far as the page was read. */
	if (result == 1 && r.meta_changed &&
	    page_metadata(env, sv_make(page.ptr, (size_t)(bad_at - page.ptr)), batch) != 0)
		batch->n_metadata = 0;
	o->page_empty = page.len == 1;
	return result;
}
