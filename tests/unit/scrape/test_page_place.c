/* New series get slots. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_series_fill_frames),
		TEST(known_series_are_not_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
