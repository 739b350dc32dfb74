/* The text of a directory. */
#include "side.h"

static char *print(const char *dir, bool verbose, int want)
{
	char *text = NULL;
	size_t n;
	struct err err = ERR_NULL;
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	assert_int_equal(wal_print(dir, verbose, f, &err), want);
	fclose(f);
	if (want)
		assert_true(strlen(err.msg) > 0);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("missing: %s\nin:\n%s\n", part, text);
	assert_non_null(strstr(text, part));
}

static void write_some(struct fixture *fx)
{
	for (unsigned n = 0; n < 3; n++)
		fx_write(fx, n, 2);
	struct refused_sink refused = wal_refused_sink(fx->w);
	refused.note(refused.cls, REFUSED_DUPLICATE, 0, 4);
	refused.note(refused.cls, REFUSED_PAGE, 1, 30);
	struct batch *b = fx_empty(1, 5000);
	fx_column(b, 1, 2, 0)->values[1] = VALUE_STALE_BITS;
	fx_column(b, 9, 1, 4);
	b->rows = arena_calloc(&b->arena, 1, sizeof *b->rows);
	b->rows[0] = (struct batch_row){1, 1, 4321, bits_of_double(1.5)};
	b->n_rows = 1;
	b->metadata = arena_calloc(&b->arena, 1, sizeof *b->metadata);
	b->metadata[0] = (struct batch_metadata){METRIC_GAUGE, SV("fam"), SV_NULL, SV_NULL};
	b->n_metadata = 1;
	fx_put(fx, b);
	assert_int_equal(wal_flush(fx->w, false), 0);
	assert_int_equal(wal_position_store(fx->w, SV("dest"), SV("12"), NULL), 0);
}

static void a_log_is_listed(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	write_some(&fx);
	/* Beside the running writer. */
	_cleanup_(freep) char *text = print(fx.dir, false, 0);
	assert_has(text, "seg-0000000000000001: ");
	assert_has(text, "  1:48 ledger sequence=0 since=20");
	assert_has(text, " base=0 passed_over=0\n  1:");
	assert_has(text, " ledger sequence=6 since=20");
	assert_has(text, " passed_over=0 page=1/30 duplicate=0/4\n");
	assert_has(text, " sequence=0 time=1970-01-01T00:00:01.000Z owner=1 samples=2 columns=1 "
			 "rows=0 metadata=0");
	assert_has(text,
		   "sequence=6 time=1970-01-01T00:00:05.000Z owner=1 samples=4 columns=2 rows=1 "
		   "metadata=1");
	assert_has(text, "1 owners, 2 slots in 1 frame records, 0 retired");
	assert_has(text, "pos-dest-");
	assert_has(text, "1 segments, 10 samples, 0 damaged bytes");
	assert_null(strstr(text, "__name__"));
	fx_close(&fx);

	_cleanup_(freep) char *verbose = print(fx.dir, true, 0);
	assert_has(verbose, "    1:1 {__name__=\"f1\", i=\"1\"} 3 1002\n");
	assert_has(verbose, "    1:1 {__name__=\"f1\", i=\"1\"} stale 5000\n");
	assert_has(verbose, "    1:1 {__name__=\"f1\", i=\"1\"} 1.5 4321\n");
	assert_has(verbose, "    9:0 (definition lost) 4 5000\n");
	assert_has(verbose, "metadata fam gauge");

	/* The inner directory is fine too. */
	char inner[100];
	fx_path(&fx, inner, sizeof inner, "");
	_cleanup_(freep) char *same = print(inner, true, 0);
	assert_string_equal(same, verbose);
	fx_deinit(&fx);
}

static void damage_is_shown(void **state)
{
	struct fixture fx;
	char path[100];
	fx_init(&fx);
	fx_open(&fx);
	write_some(&fx);
	fx_close(&fx);
	fx_path(&fx, path, sizeof path, "seg-0000000000000001");
	FILE *f = fopen(path, "r+b");
	/* The ledger's record is the first, a batch's the next. */
	uint8_t head[11];
	fseek(f, 48, SEEK_SET);
	assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
	fseek(f, 48 + 11 + head[3] + 15, SEEK_SET);
	fputc('x', f);
	fclose(f);
	_cleanup_(freep) char *text = print(fx.dir, false, 0);
	assert_has(text, "damaged bytes skipped");
	assert_has(text, " undecodable=2");
	assert_null(strstr(text, " 0 damaged bytes"));
	fx_deinit(&fx);
}

static void histograms_are_shown(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	fx_open(&fx);
	struct batch *b = fx_empty(1, 5000);
	fx_define_owner(b);
	fx_define(b, 1, 0, 2);
	side_add_histogram(b, side_simple(&b->arena, 1, 0, 4000, 3));
	side_add_histogram(b, side_simple(&b->arena, 1, 1, 5000, 3));
	struct histogram *h = &b->histograms[1].h;
	static const struct histogram_span spans[] = {{-2, 2}, {3, 1}};
	static const union histogram_number counts[] = {{.f = 1.5}, {.f = 0}, {.f = 2}};
	static const double bounds[] = {0.5, 1};
	h->is_float = true;
	h->schema = -53;
	h->count.f = 3.5;
	h->zero_threshold = 0.001;
	h->reset = HISTOGRAM_GAUGE;
	h->start_ms = 77;
	h->side[HISTOGRAM_NEGATIVE] = (struct histogram_side){spans, 2, counts, 3};
	h->side[HISTOGRAM_POSITIVE] = (struct histogram_side){0};
	h->bounds = bounds;
	h->n_bounds = 2;
	b->exemplars = arena_calloc(&b->arena, 1, sizeof *b->exemplars);
	b->exemplars[0] = (struct batch_exemplar){1, 1, 4999, bits_of_double(0.25),
						  fx_labels(&b->arena, "trace", 9)};
	b->n_exemplars = 1;
	b->starts = arena_calloc(&b->arena, 1, sizeof *b->starts);
	b->starts[0] = (struct batch_start){1, 1, 88};
	b->n_starts = 1;
	fx_put(&fx, b);
	fx_close(&fx);
	_cleanup_(freep) char *text = print(fx.dir, true, 0);
	assert_has(text, "samples=2 columns=0 rows=0 metadata=0 bytes=");
	assert_has(text, " histograms=2 exemplars=1 starts=1\n");
	assert_has(text, "    1:0 {__name__=\"f1\", i=\"0\"} histogram schema=0 count=3 sum=4.5 "
			 "zero=0@0 positive=1:3 4000\n");
	assert_has(
		text,
		"    1:1 {__name__=\"f1\", i=\"1\"} histogram float schema=-53 count=3.5 "
		"sum=4.5 zero=0@0.001 negative=-2:1.5,-1:0,3:2 bounds=0.5,1 reset=gauge since=77 "
		"5000\n");
	assert_has(text, "    1:1 {__name__=\"f1\", i=\"1\"} # {__name__=\"trace\", i=\"9\"} 0.25 "
			 "4999\n");
	assert_has(text, "    1:1 {__name__=\"f1\", i=\"1\"} since 88\n");
	fx_deinit(&fx);
}

static void no_log_is_told(void **state)
{
	struct fixture fx;
	fx_init(&fx);
	free(print(fx.dir, false, 1));
	free(print("/nonexistent", false, 1));
	fx_deinit(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_is_listed),
		cmocka_unit_test(damage_is_shown),
		cmocka_unit_test(histograms_are_shown),
		cmocka_unit_test(no_log_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
