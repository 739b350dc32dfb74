#include "world.h"

static const char *const report_names[] = {"up",
					   "scrape_duration_seconds",
					   "scrape_samples_scraped",
					   "scrape_samples_post_metric_relabeling",
					   "scrape_series_added",
					   "scrape_timeout_seconds",
					   "scrape_sample_limit",
					   "scrape_body_size_bytes"};

static void retire(void *cls, uint32_t frame)
{
	((struct world *)cls)->retired++;
}

struct labels make_labels(struct arena *arena, const char *const *pairs)
{
	struct label_builder b;
	label_builder_init(&b, arena);
	for (; *pairs; pairs += 2)
		label_builder_set(&b, sv_of(pairs[0]), sv_of(pairs[1]));
	struct labels out;
	assert_int_equal(label_builder_finish(&b, arena, &out), 0);
	return out;
}

struct page_env env_of(struct world *w)
{
	return (struct page_env){
		.opt = &w->opt,
		.format = w->format,
		.features = &w->features,
		.native_histograms = w->opt.native_histograms,
		.always_classic_histograms = w->opt.always_classic_histograms,
		.convert_to_nhcb = w->opt.convert_to_nhcb,
		.timeout_ms = w->opt.timeout_ms,
		.target_labels = w->target,
		.scratch = &w->scratch,
		.next_frame = &w->next_frame,
		.retire = retire,
		.retire_cls = w,
	};
}

int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	arena_init(&w->scratch, MiB(16));
	arena_init(&w->names, MiB(16));
	buf_init(&w->text, MiB(4));
	w->opt.job_name = SV("j");
	w->opt.honor_timestamps = true;
	w->opt.timeout_ms = 10000;
	w->target =
		make_labels(&w->names, (const char *const[]){"instance", "i", "job", "j", NULL});
	w->next_frame = 1;
	w->next_owner = 1;
	w->t_ms = 1000000;
	w->owner = owner_new(w->target, &(struct owner_lookup){0}, &w->next_owner, w->t_ms);
	assert_non_null(w->owner);
	*state = w;
	return 0;
}

int teardown(void **state)
{
	struct world *w = *state;
	owner_free(w->owner);
	arena_deinit(&w->scratch);
	arena_deinit(&w->names);
	buf_deinit(&w->text);
	free(w);
	return 0;
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
	char *v[SLOTS_MAX];
	size_t n;
};

static void put_labels(struct world *w, struct buf *line, struct labels set)
{
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		if (!sv_eq(l.name, SV("instance")) && !sv_eq(l.name, SV("job")))
			buf_printf(line, "%.*s=%.*s,", SV_ARG(l.name), SV_ARG(l.value));
	}
}

static void start_line(struct world *w, struct buf *line, uint32_t frame, unsigned slot)
{
	buf_init(line, KiB(64));
	put_labels(w, line, w->defined[frame * 256 + slot]);
}

static void end_line(struct buf *line, int64_t t_ms, struct lines *out)
{
	if (t_ms)
		buf_printf(line, " @%lld", (long long)t_ms);
	out->v[out->n++] = buf_take(line);
}

static void note(struct world *w, struct lines *out, uint32_t frame, unsigned slot, uint64_t bits,
		 int64_t t_ms)
{
	struct labels set = w->defined[frame * 256 + slot];
	assert_non_null(set.ptr);
	struct sv name = labels_get(set, LABEL_NAME);
	for (int i = 0; i < REPORT_MAX; i++) {
		if (sv_eq(name, sv_of(report_names[i])) && labels_count(set) == 3) {
			w->report[i] = bits == VALUE_STALE_BITS ? -99 : double_of_bits(bits);
			w->n_report++;
			return;
		}
	}
	_cleanup_(buf_deinit) struct buf line = BUF_NULL;
	start_line(w, &line, frame, slot);
	char value[NUMBER_MAX] = "stale";
	if (bits != VALUE_STALE_BITS)
		number_format(value, double_of_bits(bits));
	buf_printf(&line, " %s", value);
	end_line(&line, t_ms, out);
}

static double count_of(const struct histogram *h, union histogram_number n)
{
	return h->is_float ? n.f : (double)n.u;
}

static void note_histogram(struct world *w, struct lines *out, const struct batch_histogram *bh)
{
	const struct histogram *h = &bh->h;
	_cleanup_(buf_deinit) struct buf line = BUF_NULL;
	start_line(w, &line, bh->frame, bh->slot);
	char count[NUMBER_MAX], sum[NUMBER_MAX], zero[NUMBER_MAX];
	number_format(count, count_of(h, h->count));
	number_format(zero, count_of(h, h->zero_count));
	number_format(sum, double_of_bits(h->sum_bits));
	buf_printf(&line, " %shist %d count %s zero %s sum %s", h->is_float ? "float " : "",
		   h->schema, count, zero, sum);
	for (int side = HISTOGRAM_NEGATIVE; side < HISTOGRAM_SIDES; side++) {
		for (uint32_t i = 0; i < h->side[side].n_buckets; i++) {
			union histogram_number n = h->side[side].buckets[i];
			char text[NUMBER_MAX];
			number_format(text, h->is_float ? n.f : (double)n.delta);
			buf_printf(&line, " %c%s", side == HISTOGRAM_NEGATIVE ? 'n' : 'p', text);
		}
	}
	for (uint32_t i = 0; i < h->n_bounds; i++) {
		char text[NUMBER_MAX];
		number_format(text, h->bounds[i]);
		buf_printf(&line, " b%s", text);
	}
	if (h->start_ms)
		buf_printf(&line, " since %lld", (long long)h->start_ms);
	end_line(&line, bh->t_ms == w->t_ms ? 0 : bh->t_ms, out);
}

static void note_exemplar(struct world *w, struct lines *out, const struct batch_exemplar *e)
{
	_cleanup_(buf_deinit) struct buf line = BUF_NULL;
	buf_init(&line, KiB(64));
	buf_sv(&line, SV("exemplar "));
	put_labels(w, &line, w->defined[e->frame * 256 + e->slot]);
	buf_char(&line, ' ');
	put_labels(w, &line, e->labels);
	char value[NUMBER_MAX];
	number_format(value, double_of_bits(e->bits));
	buf_printf(&line, " %s", value);
	end_line(&line, e->t_ms, out);
}

static void note_start(struct world *w, struct lines *out, const struct batch_start *s)
{
	_cleanup_(buf_deinit) struct buf line = BUF_NULL;
	buf_init(&line, KiB(64));
	buf_sv(&line, SV("start "));
	put_labels(w, &line, w->defined[s->frame * 256 + s->slot]);
	end_line(&line, s->start_ms, out);
}

void flatten(struct world *w, const struct batch *b)
{
	struct lines lines = {.n = 0};
	w->n_report = 0;
	w->n_defs = (unsigned)b->n_defs;
	w->n_metadata = (unsigned)b->n_metadata;
	w->batch_bytes = b->bytes;
	for (size_t i = 0; i < b->n_defs; i++) {
		const struct batch_def *d = &b->defs[i];
		char *copy = arena_strdup(&w->names, sv_make(d->labels.ptr, d->labels.len));
		w->defined[d->frame * 256 + d->slot] = (struct labels){copy, d->labels.len};
	}
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct batch_column *c = &b->columns[i];
		for (unsigned s = 0; s < c->n_slots; s++) {
			if (c->present[s / 64] >> (s % 64) & 1)
				note(w, &lines, c->frame, s, c->values[s], 0);
		}
	}
	for (size_t i = 0; i < b->n_rows; i++)
		note(w, &lines, b->rows[i].frame, b->rows[i].slot, b->rows[i].bits,
		     b->rows[i].t_ms);
	for (size_t i = 0; i < b->n_histograms; i++)
		note_histogram(w, &lines, &b->histograms[i]);
	for (size_t i = 0; i < b->n_exemplars; i++)
		note_exemplar(w, &lines, &b->exemplars[i]);
	for (size_t i = 0; i < b->n_starts; i++)
		note_start(w, &lines, &b->starts[i]);
	qsort(lines.v, lines.n, sizeof lines.v[0], line_cmp);
	buf_reset(&w->text);
	for (size_t i = 0; i < lines.n; i++) {
		buf_printf(&w->text, "%s\n", lines.v[i]);
		free(lines.v[i]);
	}
	buf_append(&w->text, "", 1);
	w->text.len--;
}

static int scrape_any(struct world *w, struct sv text, bool refuse)
{
	struct page_env env = env_of(w);
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
	w->t_ms += 1000;
	b->t_ms = w->t_ms;
	w->result = (struct page_result){0};
	int r = 1;
	if (text.ptr) {
		_cleanup_(buf_deinit) struct buf page = BUF_NULL;
		buf_init(&page, MiB(16));
		buf_sv(&page, text);
		buf_char(&page, '\n');
		r = page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &w->result, &w->err);
	}
	struct scrape_report report = {r == 0, 0.5, 0};
	assert_int_equal(page_finish(w->owner, &env, &w->result, &report, b), 0);
	if (refuse) {
		page_rollback(w->owner);
		return r;
	}
	flatten(w, b);
	page_commit(w->owner, &env, b->t_ms);
	return r;
}

int scrape_and(struct world *w, const char *text, bool refuse)
{
	return scrape_any(w, text ? sv_of(text) : SV_NULL, refuse);
}

int scrape_bytes(struct world *w, struct sv page)
{
	return scrape_any(w, page, false);
}

int scrape_page(struct world *w, const char *text)
{
	return scrape_and(w, text, false);
}
