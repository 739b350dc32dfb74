/* Owners and what pools share. */
#include "farm.h"

static void equal_labels_have_owners_of_their_own(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS("__tmp=1", "__tmp=2", "__tmp=3"));
	farm_wait(f, 3);
	assert_int_equal(f->scrape->n_owners, 3);
	struct target **t = farm_pool(f, 0)->targets;
	assert_true(labels_eq(t[0]->labels, t[1]->labels));
	assert_false(labels_eq(t[0]->owner->key, t[1]->owner->key));
	assert_false(labels_eq(t[1]->owner->key, t[2]->owner->key));
	struct owner *second = t[1]->owner;
	/* Who goes leaves a free place, the others stay where they are. */
	farm_sync(f, "j", LABELS("__tmp=1", "__tmp=3", "__tmp=4"));
	assert_int_equal(f->scrape->n_owners, 3);
	assert_ptr_equal(farm_pool(f, 0)->targets[2]->owner, second);
}

static void many_owners_come_and_go(void **state)
{
	struct farm *f = *state;
	struct owner *taken[300];
	struct target t = {.interval_ms = 1, .hash = 1};
	_cleanup_(arena_deinit) struct arena arena;
	arena_init(&arena, MiB(1));
	struct labels keys[300];
	for (int i = 0; i < 300; i++) {
		struct label_builder b;
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		label_builder_init(&b, &arena);
		label_builder_set(&b, SV("i"), sv_of(text));
		assert_int_equal(label_builder_finish(&b, &arena, &keys[i]), 0);
		taken[i] = scrape_take_owner(f->scrape, keys[i]);
		assert_non_null(taken[i]);
	}
	for (int i = 0; i < 300; i += 3)
		scrape_leave_owner(f->scrape, taken[i], &t);
	assert_int_equal(f->scrape->n_orphans, 100);
	while (f->scrape->n_orphans > 0)
		farm_run(f, 100);
	assert_int_equal(f->scrape->n_owners, 200);
	for (int i = 0; i < 300; i++) {
		if (i % 3 == 0)
			continue;
		scrape_leave_owner(f->scrape, taken[i], &t);
		assert_ptr_equal(scrape_take_owner(f->scrape, keys[i]), taken[i]);
	}
	assert_int_equal(f->scrape->n_orphans, 0);
}

/* Jobs are made anew; what targets were known by stays. */
static void new_jobs_inherit(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "j", LABELS(""));
	farm_wait(f, 2);
	size_t n = f->n_batches;
	farm_apply(f);
	assert_int_equal(f->scrape->n_orphans, 1);
	farm_sync(f, "j", LABELS(""));
	assert_int_equal(f->scrape->n_orphans, 0);
	farm_wait(f, n + 1);
	assert_int_equal(f->batches[n]->n_defs, 0);
	assert_int_equal(f->batches[n]->n_samples, 7);
}

static void unknown_jobs_are_ignored(void **state)
{
	struct farm *f = *state;
	farm_sync(f, "nobody", LABELS(""));
	assert_int_equal(f->scrape->n_owners, 0);
}

static void page_memory_is_kept_small(void **state)
{
	struct farm *f = *state;
	struct buf *bufs[SPARE_BUFS + 2];
	for (size_t i = 0; i < SPARE_BUFS + 2; i++) {
		bufs[i] = scrape_take_buf(f->scrape);
		assert_non_null(bufs[i]);
		assert_int_equal(buf_reserve(bufs[i], KiB(100)), 0);
	}
	for (size_t i = 0; i < SPARE_BUFS + 2; i++)
		scrape_return_buf(f->scrape, bufs[i]);
	assert_int_equal(f->scrape->n_spare, SPARE_BUFS);
	size_t held = 0;
	for (size_t i = 0; i < SPARE_BUFS; i++)
		held += f->scrape->spare[i]->cap;
	assert_true(held >= KiB(100) && held < KiB(200));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FARM_TEST(equal_labels_have_owners_of_their_own),
		FARM_TEST(many_owners_come_and_go),
		FARM_TEST(new_jobs_inherit),
		FARM_TEST(unknown_jobs_are_ignored),
		FARM_TEST(page_memory_is_kept_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
