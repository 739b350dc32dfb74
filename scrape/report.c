/* What ends a scrape: staleness markers, the report series, and handing over or taking back. */
#include "page.h"

#include <ampagent/base/metrics.h>
#include <ampagent/base/number.h>

static const struct {
	struct sv name;
	struct sv help;
	struct sv unit;
	bool extra; /* only with extra_scrape_metrics */
} report_series[REPORT_MAX] = {
	{SV("up"),
	 SV("Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."),
	 SV(""), false},
	{SV("scrape_duration_seconds"), SV("Duration of the last scrape."), SV("seconds"), false},
	{SV("scrape_samples_scraped"), SV("Number of samples the target exposed."), SV("samples"),
	 false},
	{SV("scrape_samples_post_metric_relabeling"),
	 SV("Number of samples remaining after metric relabeling was applied."), SV("samples"),
	 false},
	{SV("scrape_series_added"), SV("Approximate number of new series in this scrape."),
	 SV("series"), false},
	{SV("scrape_timeout_seconds"), SV("Configured timeout of the target's scrapes."),
	 SV("seconds"), true},
	{SV("scrape_sample_limit"),
	 SV("Configured sample limit of the target's scrapes, 0 means none."), SV("samples"), true},
	{SV("scrape_body_size_bytes"),
	 SV("Uncompressed size of the last page, -1 when body_size_limit was exceeded."),
	 SV("bytes"), true},
};

/* Exemplars are remembered of that many more series than there are lines. */
enum { EXEMPLARS_MORE = 1000 };

/* Longer names of target labels have no exported_ counterpart among them. */
enum { LIMIT_EXPORTED_BYTES = 256 };

void owner_mark(struct owner *o)
{
	if (o->marked)
		return;
	o->marked = true;
	o->page_good = false;
	o->frames_mark = frame_list_mark(&o->frames);
	o->lines_mark = o->lines.n;
}

static int define(struct owner *o, const struct page_env *env, int i, struct labels labels,
		  uint64_t hash, struct batch *batch)
{
	uint32_t ref = frame_list_add(&o->frames, FRAME_REPORT, labels, hash, env->next_frame);
	if (ref == SLOT_NONE)
		return ERR_NOMEM;
	if (!batch->defs) {
		batch->defs = arena_alloc(&batch->arena, REPORT_MAX * sizeof *batch->defs);
		if (!batch->defs)
			return ERR_NOMEM;
	}
	batch->defs[batch->n_defs++] =
		(struct batch_def){o->frames.v[ref >> 8].id, (uint16_t)(ref & 255), labels};
	o->report[i] = ref;
	return 0;
}

/* Finds or opens the slot of report series i. The series carry the name and the target's public
 * labels only; metric relabeling does not touch them. */
static int resolve(struct owner *o, const struct page_env *env, int i, struct map *index,
		   struct batch *batch)
{
	struct label_builder b;
	label_builder_init(&b, env->scratch);
	label_builder_set(&b, LABEL_NAME, report_series[i].name);
	/* Prometheus takes exported_x away when x comes after it: so do we, for the same series. */
	struct label l;
	for (size_t at = 0; labels_next(env->target_labels, &at, &l);) {
		char exported[sizeof "exported_" + LIMIT_EXPORTED_BYTES];
		int n = snprintf(exported, sizeof exported, "exported_%.*s", SV_ARG(l.name));
		if (n > 0 && (size_t)n < sizeof exported &&
		    label_builder_has(&b, sv_make(exported, (size_t)n)))
			label_builder_set(&b, sv_make(exported, (size_t)n), SV(""));
		label_builder_set(&b, l.name, l.value);
	}
	struct labels labels;
	if (label_builder_finish(&b, &batch->arena, &labels) != 0)
		return ERR_NOMEM;
	uint64_t hash = labels_hash(labels);
	if (!index->cells) {
		int result = frame_list_index(&o->frames, index);
		if (result != 0)
			return result;
	}
	o->report[i] = frame_list_find(&o->frames, index, hash);
	return o->report[i] != SLOT_NONE ? 0 : define(o, env, i, labels, hash, batch);
}

static int put_report(struct owner *o, const struct page_env *env, const double *values,
		      struct batch *batch)
{
	_cleanup_(map_deinit) struct map index = MAP_NULL;
	arena_reset(env->scratch);
	for (int i = 0; i < REPORT_MAX; i++) {
		if (report_series[i].extra && !env->opt->extra_scrape_metrics)
			continue;
		if (o->report[i] == SLOT_NONE) {
			int result = resolve(o, env, i, &index, batch);
			if (result != 0)
				return result;
		}
		struct frame *f = &o->frames.v[o->report[i] >> 8];
		/* The report wins over a page that exposes an "up" of its own, and over the marker
		 * for a report series that the log remembers. */
		unsigned slot = o->report[i] & 255;
		if (bit_get(f->present, slot) && f->values[slot] == VALUE_STALE_BITS)
			o->frames.n_stale--;
		if (frame_replace(f, slot, bits_of_double(values[i]), batch) != 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int report_metadata(struct batch *batch)
{
	struct batch_metadata *v =
		arena_alloc(&batch->arena, (batch->n_metadata + REPORT_MAX) * sizeof *v);
	if (!v)
		return ERR_NOMEM;
	if (batch->n_metadata)
		memcpy(v, batch->metadata, batch->n_metadata * sizeof *v);
	for (int i = 0; i < REPORT_MAX; i++)
		v[batch->n_metadata++] =
			(struct batch_metadata){METRIC_GAUGE, report_series[i].name,
						report_series[i].help, report_series[i].unit};
	batch->metadata = v;
	return 0;
}

static int introduce_owner(struct owner *o, struct batch *batch)
{
	batch->new_owner = arena_alloc(&batch->arena, sizeof *batch->new_owner);
	char *key = arena_alloc(&batch->arena, o->key.len);
	if (!batch->new_owner || !key)
		return ERR_NOMEM;
	if (o->key.len)
		memcpy(key, o->key.ptr, o->key.len);
	*batch->new_owner = (struct batch_owner){o->id, {key, o->key.len}};
	return 0;
}

int page_finish(struct owner *o, const struct page_env *env, const struct page_result *result,
		const struct scrape_report *report, struct batch *batch)
{
	owner_mark(o);
	const double values[REPORT_MAX] = {
		report->up,
		report->duration_s,
		(double)result->scraped,
		(double)result->post_relabel,
		(double)result->series_added,
		(double)env->timeout_ms / 1000,
		(double)env->opt->sample_limit,
		report->body_bytes,
	};
	bool first = o->report[0] == SLOT_NONE;
	int r = 0;
	if (!o->in_log)
		r = introduce_owner(o, batch);
	if (r == 0 && !env->no_markers)
		r = frame_list_mark_stale(&o->frames, batch->t_ms, batch);
	if (r == 0)
		r = put_report(o, env, values, batch);
	if (r == 0 && first)
		r = report_metadata(batch);
	if (r == 0)
		r = frame_list_columns(&o->frames, batch);
	batch->owner = o->id;
	if (r == 0)
		batch_seal(batch);
	return r;
}

/* Frames that no line refers to go, the others move up. */
static void pack_frames(struct owner *o, const struct page_env *env)
{
	_cleanup_(freep) bool *used = calloc(o->frames.n ? o->frames.n : 1, sizeof *used);
	_cleanup_(freep) uint32_t *moved = calloc(o->frames.n ? o->frames.n : 1, sizeof *moved);
	if (!used || !moved)
		return;
	for (uint32_t i = 0; i < o->lines.n; i++) {
		if (!(o->lines.v[i].flags & LINE_SLOTLESS))
			used[o->lines.v[i].ref >> 8] = true;
	}
	for (int i = 0; i < REPORT_MAX; i++) {
		if (o->report[i] != SLOT_NONE)
			used[o->report[i] >> 8] = true;
	}
	exemplar_memory_clear(&o->exemplars);
	frame_list_compact(&o->frames, used, moved, env->retire, env->retire_cls);
	for (uint32_t i = 0; i < o->lines.n; i++) {
		struct line *line = &o->lines.v[i];
		if (!(line->flags & LINE_SLOTLESS))
			line->ref = slot_ref(moved[line->ref >> 8], line->ref & 255);
	}
	for (int i = 0; i < REPORT_MAX; i++) {
		if (o->report[i] != SLOT_NONE)
			o->report[i] = slot_ref(moved[o->report[i] >> 8], o->report[i] & 255);
	}
}

/* When more lines are gone than are there, the table and the frames are packed. */
static void pack(struct owner *o, const struct page_env *env)
{
	uint32_t live = 0;
	for (uint32_t i = 0; i < o->lines.n; i++)
		live += o->lines.v[i].gen == o->gen;
	if (o->lines.n - live >= live / 2 + 1024 && line_table_compact(&o->lines, o->gen) == 0)
		pack_frames(o, env);
}

void page_forget(struct owner *o, const struct page_env *env)
{
	line_table_deinit(&o->lines);
	o->gen = 0;
	o->good_gen = 0;
	o->good_lines = 0;
	pack_frames(o, env);
}

/* Series of bad pages and long lines are no lines: their exemplars may be far more than those. */
static void bound_exemplars(struct owner *o)
{
	if (o->exemplars.n > 2 * (size_t)o->lines.n + EXEMPLARS_MORE)
		exemplar_memory_clear(&o->exemplars);
}

void page_commit(struct owner *o, const struct page_env *env, int64_t t_ms)
{
	bool good = o->page_good;
	o->in_log = true;
	o->last_ms = t_ms;
	o->marked = false;
	metric_add(M_SCRAPE_STALE_MARKERS, o->frames.n_stale);
	frame_list_turn(&o->frames, t_ms);
	bound_exemplars(o);
	/* As with Prometheus, series are not new that come back after an empty page. */
	if (good && !o->page_empty) {
		o->good_gen = o->gen;
		line_table_rest(&o->lines);
		/* What has no marker yet gets it from the next run. */
		if (!env->no_markers)
			pack(o, env);
		o->good_lines = o->lines.n;
	}
}

/* A line of an earlier bad page that this page gave a slot has lost it again. */
static void unplace_lines(struct owner *o)
{
	for (uint32_t i = 0; i < o->lines.n; i++) {
		struct line *line = &o->lines.v[i];
		if (line->flags & LINE_SLOTLESS)
			continue;
		if (line->ref >> 8 >= o->frames.n ||
		    (line->ref & 255) >= o->frames.v[line->ref >> 8].n)
			line->flags |= LINE_UNPLACED;
	}
}

void page_rollback(struct owner *o)
{
	if (!o->marked)
		return;
	frame_list_rollback(&o->frames, &o->frames_mark);
	line_table_truncate(&o->lines, o->lines_mark);
	unplace_lines(o);
	exemplar_memory_clear(&o->exemplars); /* those of this scrape were not told */
	frame_list_drop_columns(&o->frames);
	frame_list_forget_seen(&o->frames);
	for (int i = 0; i < REPORT_MAX; i++) {
		uint32_t ref = o->report[i];
		if (ref != SLOT_NONE &&
		    (ref >> 8 >= o->frames.n || (ref & 255) >= o->frames.v[ref >> 8].n))
			o->report[i] = SLOT_NONE;
	}
	o->marked = false;
}

int page_end_of_run(struct owner *o, struct batch *batch)
{
	owner_mark(o);
	batch->owner = o->id;
	int r = frame_list_mark_stale(&o->frames, batch->t_ms, batch);
	for (int i = 0; r == 0 && i < REPORT_MAX; i++) {
		if (o->report[i] != SLOT_NONE)
			r = frame_replace(&o->frames.v[o->report[i] >> 8], o->report[i] & 255,
					  VALUE_STALE_BITS, batch);
	}
	if (r == 0)
		r = frame_list_columns(&o->frames, batch);
	if (r != 0)
		page_rollback(o);
	else
		batch_seal(batch);
	return r;
}
