/* Pages become batches: a run of pages through one owner, and what each batch holds. */
#include "../../../scrape/page.h"

#include <ampagent/base/number.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SLOTS_MAX = 4096 };

struct world {
	struct scrape_options opt;
	struct arena scratch, names;
	struct labels target;
	uint32_t next_frame, next_owner;
	struct owner *owner;
	int64_t t_ms;
	struct labels defined[SLOTS_MAX]; /* by frame * 256 + slot; copies in names */
	unsigned retired;
	struct page_result result;
	struct err err;
	struct buf text; /* the last batch, sorted lines "labels value [t]" without report series */
	double report[REPORT_MAX];
	unsigned n_report, n_defs, n_metadata;
};

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

static struct labels make_labels(struct arena *arena, const char *const *pairs)
{
	struct label_builder b;
	label_builder_init(&b, arena);
	for (; *pairs; pairs += 2)
		label_builder_set(&b, sv_of(pairs[0]), sv_of(pairs[1]));
	struct labels out;
	assert_int_equal(label_builder_finish(&b, arena, &out), 0);
	return out;
}

static struct page_env env_of(struct world *w)
{
	return (struct page_env){&w->opt, w->target, &w->scratch, &w->next_frame, retire, w};
}

static const struct owner_lookup no_log;

static int setup(void **state)
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
	w->owner = owner_new(w->target, &no_log, &w->next_owner, w->t_ms);
	assert_non_null(w->owner);
	*state = w;
	return 0;
}

static int teardown(void **state)
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
	buf_init(&line, KiB(64));
	struct label l;
	for (size_t at = 0; labels_next(set, &at, &l);) {
		if (!sv_eq(l.name, SV("instance")) && !sv_eq(l.name, SV("job")))
			buf_printf(&line, "%.*s=%.*s,", SV_ARG(l.name), SV_ARG(l.value));
	}
	char value[NUMBER_MAX] = "stale";
	if (bits != VALUE_STALE_BITS)
		number_format(value, double_of_bits(bits));
	buf_printf(&line, " %s", value);
	if (t_ms)
		buf_printf(&line, " @%lld", (long long)t_ms);
	out->v[out->n++] = buf_take(&line);
}

static void flatten(struct world *w, const struct batch *b)
{
	struct lines lines = {.n = 0};
	w->n_report = 0;
	w->n_defs = (unsigned)b->n_defs;
	w->n_metadata = (unsigned)b->n_metadata;
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
	qsort(lines.v, lines.n, sizeof lines.v[0], line_cmp);
	buf_reset(&w->text);
	for (size_t i = 0; i < lines.n; i++) {
		buf_printf(&w->text, "%s\n", lines.v[i]);
		free(lines.v[i]);
	}
	buf_append(&w->text, "", 1);
	w->text.len--;
}

/* One scrape of text (NULL: the fetch failed); the batch is handed over unless refuse. */
static int scrape_and(struct world *w, const char *text, bool refuse)
{
	struct page_env env = env_of(w);
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
	w->t_ms += 1000;
	b->t_ms = w->t_ms;
	w->result = (struct page_result){0};
	int r = 1;
	if (text) {
		_cleanup_(buf_deinit) struct buf page = BUF_NULL;
		buf_init(&page, MiB(16));
		buf_sv(&page, sv_of(text));
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

static int scrape_page(struct world *w, const char *text)
{
	return scrape_and(w, text, false);
}

#define ASSERT_BATCH(w, expected) assert_string_equal((w)->text.ptr ? (w)->text.ptr : "", expected)

static void repeats_and_changes(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3"), 0);
	ASSERT_BATCH(w, "__name__=a,x=1, 1\n__name__=a,x=2, 2\n__name__=b, 3\n");
	assert_int_equal(w->n_defs, 8);
	assert_int_equal(w->n_report, 5);
	assert_true(w->report[0] == 1 && w->report[2] == 3 && w->report[3] == 3 &&
		    w->report[4] == 3);
	assert_int_equal(w->result.parsed, 3);

	assert_int_equal(scrape_page(w, "# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 2\nb 4"), 0);
	ASSERT_BATCH(w, "__name__=a,x=1, 5\n__name__=a,x=2, 2\n__name__=b, 4\n");
	assert_int_equal(w->n_defs, 0);
	assert_int_equal(w->n_metadata, 0);
	assert_int_equal(w->result.matched, 3);
	assert_int_equal(w->result.parsed, 0);
	assert_true(w->report[4] == 0);
}

static void order_may_change(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2\nc 3\nd 4");
	assert_int_equal(scrape_page(w, "d 4\nnew 9\nb 2\na 1\nc 3"), 0);
	ASSERT_BATCH(
		w, "__name__=a, 1\n__name__=b, 2\n__name__=c, 3\n__name__=d, 4\n__name__=new, 9\n");
	assert_int_equal(w->n_defs, 1);
	assert_true(w->report[4] == 1);
	scrape_page(w, "d 4\nnew 9\nb 2\na 1\nc 3");
	assert_int_equal(w->result.parsed, 0);
}

static void prefixes_are_not_the_same(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\na_b 2\na{c=\"d\"} 3");
	assert_int_equal(scrape_page(w, "a_b 2\na{c=\"d\"} 3\na 1\nab 5\na {c=\"e\"} 7"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=a,c=d, 3\n__name__=a,c=e, 7\n__name__=a_b, "
			"2\n__name__=ab, 5\n");
}

static void what_vanishes_goes_stale_once(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, stale\n");
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n");
	scrape_page(w, "a 1\nb 7");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 7\n");
	assert_true(w->report[4] == 1); /* it counts as added again */
	assert_int_equal(w->n_defs, 0); /* but it is the same slot */
}

static void a_failed_fetch_makes_all_stale(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	scrape_page(w, NULL);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, stale\n");
	assert_true(w->report[0] == 0 && w->report[2] == 0);
	scrape_page(w, NULL);
	ASSERT_BATCH(w, "");
	assert_int_equal(w->n_report, 5);
}

static void a_broken_page_leaves_no_sample(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2\nc 3");
	assert_int_equal(scrape_page(w, "a 10\nnew 5\nb x\nc 30"), 1);
	assert_int_equal(w->err.line, 3);
	/* a was seen before the bad line: no marker for it. */
	ASSERT_BATCH(w, "__name__=b, stale\n__name__=c, stale\n");
	assert_true(w->report[0] == 0 && w->report[2] == 2 && w->report[3] == 2);
	assert_int_equal(scrape_page(w, "b 2\nnew 6"), 0);
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 2\n__name__=new, 6\n");
}

static void the_first_duplicate_stays(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a 1\na 2\na{} 3"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n");
	assert_int_equal(w->result.duplicates, 2);
	assert_true(w->report[2] == 3 && w->report[3] == 3 && w->report[4] == 1);
	assert_int_equal(scrape_page(w, "a{} 4\na 5\na 6"), 0);
	ASSERT_BATCH(w, "__name__=a, 4\n");
	assert_int_equal(w->result.duplicates, 2);
}

static void own_timestamps(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1 900\na 2 901\nb 3 900\nc 1");
	ASSERT_BATCH(w,
		     "__name__=a, 1 @900\n__name__=a, 2 @901\n__name__=b, 3 @900\n__name__=c, 1\n");
	/* Not newer: dropped. No marker for what has timestamps of its own. */
	scrape_page(w, "a 2 901\nc 1");
	ASSERT_BATCH(w, "__name__=c, 1\n");
	assert_int_equal(w->result.out_of_order, 1);
	scrape_page(w, "a 2 902\nb 1 899\nc 1");
	ASSERT_BATCH(w, "__name__=a, 2 @902\n__name__=c, 1\n");
	w->opt.honor_timestamps = false;
	scrape_page(w, "a 7 903\nc 1");
	ASSERT_BATCH(w, "__name__=a, 7\n__name__=c, 1\n");
}

static void a_broken_page_does_not_move_times(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1 900");
	assert_int_equal(scrape_page(w, "a 1 950\nbad"), 1);
	scrape_page(w, "a 1 940");
	ASSERT_BATCH(w, "__name__=a, 1 @940\n");
}

static void tracked_timestamps_go_stale(void **state)
{
	struct world *w = *state;
	w->opt.track_timestamps_staleness = true;
	scrape_page(w, "a 1 900\nb 1 900");
	scrape_page(w, "b 1 901");
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 1 @901\n");
}

static void the_future_is_refused(void **state)
{
	struct world *w = *state;
	char text[64];
	snprintf(text, sizeof text, "a 1 %lld\nb 2 %lld", (long long)w->t_ms + 1000 + 600001,
		 (long long)w->t_ms + 1000 + 600000);
	assert_int_equal(scrape_page(w, text), 0);
	assert_int_equal(w->result.out_of_bounds, 1);
	assert_non_null(strstr(w->text.ptr, "__name__=b"));
	assert_null(strstr(w->text.ptr, "__name__=a"));
}

static void sample_limit_refuses_all(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	w->opt.sample_limit = 2;
	assert_int_equal(scrape_page(w, "a 1\nb 2\nc 3\nd 4"), 1);
	assert_true(w->result.sample_limit);
	ASSERT_BATCH(w, "");
	assert_true(w->report[0] == 0 && w->report[2] == 4 && w->report[3] == 4);
	assert_int_equal(scrape_page(w, "a 1\nb 2"), 0);
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, 2\n");
}

static void label_limits_refuse_all(void **state)
{
	struct world *w = *state;
	w->opt.label_limit = 3;
	assert_int_equal(scrape_page(w, "a 1"), 0);
	assert_int_equal(scrape_page(w, "a 1\nb{c=\"d\"} 1"), 1);
	assert_true(w->result.label_limit);
	w->opt.label_limit = 0;
	w->opt.label_value_length_limit = 3;
	assert_int_equal(scrape_page(w, "b{c=\"def\"} 1"), 0);
	assert_int_equal(scrape_page(w, "b{c=\"defg\"} 1"), 1);
	w->opt.label_value_length_limit = 0;
	w->opt.label_name_length_limit = 8;
	assert_int_equal(scrape_page(w, "b{cdefghij=\"d\"} 1"), 0);
	assert_int_equal(scrape_page(w, "b{cdefghijk=\"d\"} 1"), 1);
}

static void labels_that_clash_are_exported(void **state)
{
	struct world *w = *state;
	w->target = make_labels(&w->names,
				(const char *const[]){"exported_foo", "4", "foo", "3", NULL});
	scrape_page(w, "a{foo=\"1\",exported_foo=\"2\"} 1");
	assert_non_null(strstr(w->text.ptr, "exported_exported_exported_foo=2,exported_exported_"
					    "foo=1,exported_foo=4,foo=3, 1"));
	w->opt.honor_labels = true;
	scrape_page(w, "b{foo=\"1\",exported_foo=\"\"} 1");
	/* An exposed empty label keeps the target's out. */
	assert_non_null(strstr(w->text.ptr, "__name__=b,foo=1, 1"));
}

static void bad_names_refuse_the_page(void **state)
{
	struct world *w = *state;
	assert_int_equal(scrape_page(w, "a{__name__=\"x\"} 1"), 1);
	assert_int_equal(scrape_page(w, "m{le=\"600\",le=\"700\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"m\",\"\"=\"x\"} 1"), 1);
	assert_int_equal(scrape_page(w, "{\"m.x\"} 1"), 0);
	w->opt.names = NAMES_LEGACY;
	assert_int_equal(scrape_page(w, "{\"m.y\"} 1"), 1);
}

static void relabeling_drops_and_rewrites(void **state)
{
	struct world *w = *state;
	struct sv name = LABEL_NAME;
	struct relabel_rule rules[2] = {relabel_rule_default(), relabel_rule_default()};
	rules[0].action = RELABEL_DROP;
	rules[0].source_labels = &name;
	rules[0].n_source_labels = 1;
	rules[0].regex = SV("go_.*");
	rules[0].regex_set = true;
	rules[1].action = RELABEL_LABELDROP;
	rules[1].regex = SV("x");
	rules[1].regex_set = true;
	size_t bad;
	_cleanup_(relabel_unrefp) struct relabel_set *set = NULL;
	assert_int_equal(relabel_compile(rules, 2, NAMES_UTF8, &set, &bad, &w->err), 0);
	w->opt.metric_relabel = set;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(scrape_page(w, "go_a 1\na{x=\"1\"} 2\na{x=\"2\"} 3\ngo_b 4"), 0);
		ASSERT_BATCH(w, "__name__=a, 2\n");
		assert_int_equal(w->result.duplicates, 1);
		assert_true(w->report[2] == 4 && w->report[3] == 2);
	}
}

static void a_refused_batch_is_taken_back(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	assert_int_equal(scrape_and(w, "a 1\nc 3", true), 0);
	/* The log never heard of c and of b's end. */
	scrape_page(w, "a 1\nc 3");
	ASSERT_BATCH(w, "__name__=a, 1\n__name__=b, stale\n__name__=c, 3\n");
	assert_int_equal(w->n_defs, 1);
}

static void a_first_batch_refused_is_defined_later(void **state)
{
	struct world *w = *state;
	scrape_and(w, "a 1", true);
	scrape_page(w, "a 1");
	ASSERT_BATCH(w, "__name__=a, 1\n");
	assert_int_equal(w->n_defs, 6);
	assert_int_equal(w->n_report, 5);
}

static void many_series_fill_frames(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(4));
	for (int i = 0; i < 1000; i++)
		buf_printf(&page, "m_%d{n=\"%d\"} %d\n", i % 7, i, i);
	buf_append(&page, "", 1);
	assert_int_equal(scrape_page(w, page.ptr), 0);
	assert_int_equal(w->result.series_added, 1000);
	for (uint32_t i = 0; i < w->owner->frames.n; i++)
		assert_true(w->owner->frames.v[i].n <= FRAME_SLOTS &&
			    w->owner->frames.v[i].raw_bytes <= FRAME_RAW_BYTES);
	assert_true(w->owner->frames.n >= 4 && w->owner->frames.n <= 6);
	_cleanup_(freep) char *first = strdup(w->text.ptr);
	assert_int_equal(scrape_page(w, page.ptr), 0);
	assert_int_equal(w->result.matched, 1000);
	assert_string_equal(w->text.ptr, first);
	scrape_page(w, "");
	assert_int_equal(w->result.scraped, 0);
	assert_non_null(strstr(w->text.ptr, "__name__=m_0,n=0, stale\n"));
}

static void churn_is_forgotten(void **state)
{
	struct world *w = *state;
	w->next_frame = 1;
	for (int round = 0; round < 12; round++) {
		_cleanup_(buf_deinit) struct buf page = BUF_NULL;
		buf_init(&page, MiB(4));
		buf_printf(&page, "stays 1\n");
		for (int i = 0; i < 600; i++)
			buf_printf(&page, "m{n=\"%d\"} 1\n", round * 600 + i);
		buf_append(&page, "", 1);
		struct page_env env = env_of(w);
		_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
		w->t_ms += 1000;
		b->t_ms = w->t_ms;
		page.ptr[page.len - 1] = '\n';
		assert_int_equal(
			page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &w->result, &w->err),
			0);
		struct scrape_report report = {true, 0, 0};
		assert_int_equal(page_finish(w->owner, &env, &w->result, &report, b), 0);
		assert_int_equal(b->n_samples, 601 + (round ? 600 : 0) + 5);
		page_commit(w->owner, &env, b->t_ms);
	}
	assert_true(w->owner->lines.n < 3000);
	assert_true(w->retired > 10);
	assert_true(w->owner->frames.n < 20);
}

static void an_exposed_up_does_not_hide_ours(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2; i++) {
		scrape_page(w, "up 7\na 1");
		ASSERT_BATCH(w, "__name__=a, 1\n");
		assert_true(w->report[0] == 1);
		assert_int_equal(w->n_report, 5);
	}
}

static void extra_report_series(void **state)
{
	struct world *w = *state;
	w->opt.extra_scrape_metrics = true;
	w->opt.sample_limit = 9;
	scrape_page(w, "a 1");
	assert_int_equal(w->n_report, 8);
	assert_true(w->report[5] == 10 && w->report[6] == 9);
}

static void the_end_of_a_run(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2 5");
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(1));
	b->t_ms = w->t_ms + 1000;
	assert_int_equal(page_end_of_run(w->owner, b), 0);
	flatten(w, b);
	ASSERT_BATCH(w, "__name__=a, stale\n");
	assert_int_equal(w->n_report, 5);
	assert_true(w->report[0] == -99);
	frame_list_drop_columns(&w->owner->frames);
}

static void metadata_is_told_when_it_changes(void **state)
{
	struct world *w = *state;
	scrape_page(
		w,
		"# HELP a x\n# TYPE a counter\na{b=\"# TYPE q gauge\n\"} 1\n# TYPE c gauge\nc 1");
	assert_int_equal(w->n_metadata, 2 + 8);
	scrape_page(
		w,
		"# HELP a x\n# TYPE a counter\na{b=\"# TYPE q gauge\n\"} 1\n# TYPE c gauge\nc 1");
	assert_int_equal(w->n_metadata, 0);
	scrape_page(w, "# HELP a y\n# TYPE a counter\na 1");
	assert_int_equal(w->n_metadata, 1);
}

struct memory {
	struct world *w;
	bool alive;
};

static uint32_t remember(void *cls, struct labels owner,
			 void (*fn)(void *fcls, struct series_ref ref, struct labels labels,
				    bool alive, int64_t last_t_ms),
			 void *fcls)
{
	struct memory *m = cls;
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		if (m->w->defined[i].ptr)
			fn(fcls, (struct series_ref){i / 256, (uint16_t)(i % 256)},
			   m->w->defined[i], m->alive, m->w->t_ms);
	}
	return 1;
}

static void a_restart_goes_on_where_it_was(void **state)
{
	struct world *w = *state;
	scrape_page(w, "a 1\nb 2");
	owner_free(w->owner);
	struct memory memory = {w, true};
	const struct owner_lookup lookup = {remember, &memory};
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 60000);
	assert_true(w->owner->in_log && w->owner->id == 1);
	scrape_page(w, "b 3\nc 4");
	ASSERT_BATCH(w, "__name__=a, stale\n__name__=b, 3\n__name__=c, 4\n");
	assert_int_equal(w->n_defs, 1);
	assert_int_equal(w->n_report, 5);
	/* Too long ago for a marker to matter. */
	owner_free(w->owner);
	w->owner = owner_new(w->target, &lookup, &w->next_owner, w->t_ms + 301000);
	scrape_page(w, "b 3");
	ASSERT_BATCH(w, "__name__=b, 3\n");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(repeats_and_changes),
		TEST(order_may_change),
		TEST(prefixes_are_not_the_same),
		TEST(what_vanishes_goes_stale_once),
		TEST(a_failed_fetch_makes_all_stale),
		TEST(a_broken_page_leaves_no_sample),
		TEST(the_first_duplicate_stays),
		TEST(own_timestamps),
		TEST(a_broken_page_does_not_move_times),
		TEST(tracked_timestamps_go_stale),
		TEST(the_future_is_refused),
		TEST(sample_limit_refuses_all),
		TEST(label_limits_refuse_all),
		TEST(labels_that_clash_are_exported),
		TEST(bad_names_refuse_the_page),
		TEST(relabeling_drops_and_rewrites),
		TEST(a_refused_batch_is_taken_back),
		TEST(a_first_batch_refused_is_defined_later),
		TEST(many_series_fill_frames),
		TEST(churn_is_forgotten),
		TEST(an_exposed_up_does_not_hide_ours),
		TEST(extra_report_series),
		TEST(the_end_of_a_run),
		TEST(metadata_is_told_when_it_changes),
		TEST(a_restart_goes_on_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
