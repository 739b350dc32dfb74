/* New series get slots. */
#include "../../../scrape/page_reader.h"
#include "world.h"

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

/* A page whose series are all in the log already needs no memory for their labels. */
static void known_series_are_not_copied(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	buf_init(&page, MiB(1));
	for (int i = 0; i < 500; i++)
		buf_printf(&page, "m{n=\"%d\",pad=\"%0200d\"} 1\n", i, 0);
	_cleanup_(freep) char *text = buf_take(&page);
	assert_int_equal(scrape_page(w, text), 0);
	size_t first = w->batch_bytes;
	owner_adopt(w->owner);
	assert_int_equal(scrape_page(w, text), 0);
	assert_int_equal(w->n_defs, 0);
	assert_true(w->batch_bytes < first / 4);
}

/* Readers look for the first row of a slot that has exemplars: were its frame's rows not together,
 * they would look through all rows again and again. */
static void rows_of_a_frame_stand_together(void **state)
{
	struct world *w = *state;
	_cleanup_(buf_deinit) struct buf page = BUF_NULL;
	_cleanup_(batch_unrefp) struct batch *b = batch_new(MiB(16));
	w->format = PROTO_OPENMETRICS_1_0_0;
	w->features.exemplars = true;
	buf_init(&page, MiB(1));
	for (int i = 0; i < 1000; i++)
		buf_printf(&page, "m{n=\"%d\"} 1 %d.%03d # {} 1\n", i * 7 % 500, 1 + i / 500, i);
	buf_printf(&page, "# EOF\n");
	struct page_env env = env_of(w);
	b->t_ms = w->t_ms;
	assert_int_equal(page_read(w->owner, &env, buf_view(&page), w->t_ms, b, &w->result, NULL),
			 0);
	assert_int_equal(b->n_rows, 1000);
	unsigned runs = 1;
	for (size_t i = 1; i < b->n_rows; i++) {
		const struct batch_row *before = &b->rows[i - 1], *row = &b->rows[i];
		runs += row->frame != before->frame;
		if (row->frame == before->frame && row->slot == before->slot)
			assert_true(row->t_ms > before->t_ms);
	}
	assert_int_equal(runs, w->owner->frames.n);
	page_rollback(w->owner);
}

static void rows_are_bounded(void **state)
{
	struct rows rows = {.n = LIMIT_PAGE_BYTES / 32, .cap = LIMIT_PAGE_BYTES / 32};
	assert_null(rows_add(&rows, 32));
	rows.n = rows.cap = 0;
	for (size_t i = 0; i < 1000; i++) {
		size_t *row = rows_add(&rows, sizeof *row);
		assert_non_null(row);
		*row = i;
	}
	assert_int_equal(((size_t *)rows.v)[999], 999);
	free(rows.v);
}

/* A series has no place, and no bound for its times, before a sample of it was taken. */
static void what_was_only_refused_has_no_slot(void **state)
{
	struct world *w = *state;
	char page[100];
	w->opt.track_timestamps_staleness = true;
	snprintf(page, sizeof page, "a 1 %lld\nb 1 %lld\n", (long long)w->t_ms + 3600 * 1000,
		 (long long)w->t_ms + 1);
	assert_int_equal(scrape_page(w, page), 0);
	assert_int_equal(w->result.out_of_bounds, 1);
	assert_null(strstr(w->text.ptr, "=a,"));
	/* b, and the report series */
	assert_int_equal(w->n_defs, 1 + 5);
	scrape_page(w, "");
	ASSERT_BATCH(w, "__name__=b, stale\n");
	snprintf(page, sizeof page, "a 2 %lld\n", (long long)w->t_ms - 1);
	char expected[100];
	snprintf(expected, sizeof expected, "__name__=a, 2 @%lld\n", (long long)w->t_ms - 1);
	assert_int_equal(scrape_page(w, page), 0);
	ASSERT_BATCH(w, expected);
	assert_int_equal(w->result.series_added, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_series_fill_frames),           TEST(known_series_are_not_copied),
		TEST(rows_of_a_frame_stand_together),    cmocka_unit_test(rows_are_bounded),
		TEST(what_was_only_refused_has_no_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
