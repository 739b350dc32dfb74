#include "../../../remotewrite/images.h"

#include "cmocka_all.h"

#include <stdio.h>

/* A log whose frames have as many slots as their number says, and more as time goes on. */
struct source {
	unsigned more, calls;
};

static uint16_t give_labels(void *cls, uint32_t frame, uint16_t from,
			    void (*fn)(void *fcls, uint16_t slot, struct labels labels), void *fcls)
{
	struct source *s = cls;
	uint16_t n = (uint16_t)(frame % 50 + s->more);
	s->calls++;
	for (uint16_t slot = from; slot < n; slot++) {
		_cleanup_(arena_deinit) struct arena arena;
		struct label_builder b;
		struct labels set;
		char text[16];
		arena_init(&arena, 65536);
		label_builder_init(&b, &arena);
		snprintf(text, sizeof text, "%u_%u", frame, slot);
		label_builder_set(&b, LABEL_NAME, sv_of(text));
		assert_int_equal(label_builder_finish(&b, &arena, &set), 0);
		fn(fcls, slot, set);
	}
	return n;
}

static void test_build_extend_sweep(void **state)
{
	struct source src = {1, 0};
	struct images t;
	_cleanup_(image_scratch_deinit) struct image_scratch scratch;
	struct image_rules rules = {LABELS_NULL, NULL};
	struct image *im;
	image_scratch_init(&scratch);
	images_init(&t, (struct label_source){give_labels, &src});
	images_rules(&t, &rules);
	for (uint32_t f = 0; f < 300; f++) {
		assert_int_equal(images_get(&t, &scratch, f, (uint16_t)(f % 50 + 1), f * 10, &im),
				 0);
		assert_int_equal(im->frame, f);
		assert_int_equal(im->n_slots, f % 50 + 1);
	}
	assert_int_equal(src.calls, 300);
	/* Known ones cost nothing; one with more slots is extended. */
	assert_int_equal(images_get(&t, &scratch, 7, 8, 5000, &im), 0);
	assert_int_equal(src.calls, 300);
	src.more = 20;
	assert_int_equal(images_get(&t, &scratch, 7, 20, 5000, &im), 0);
	assert_int_equal(src.calls, 301);
	assert_int_equal(im->n_slots, 27);
	/* More slots than the log knows: what there is. */
	assert_int_equal(images_get(&t, &scratch, 8, 200, 5000, &im), 0);
	assert_int_equal(im->n_slots, 28);
	/* 7 and 8 have turns every 5 s: they go when they miss some, long before those whose turns
	 * are not known. */
	images_sweep(&t, 5000 + IMAGE_IDLE_MIN_MS);
	assert_int_equal(t.n, 300);
	images_sweep(&t, 5001 + IMAGE_IDLE_MIN_MS);
	assert_int_equal(t.n, 298);
	/* Idle ones go, the others stay where they are found. */
	images_sweep(&t, IMAGE_IDLE_MS + 1500);
	assert_int_equal(t.n, 150);
	src.calls = 0;
	for (uint32_t f = 150; f < 300; f++) {
		assert_int_equal(images_get(&t, &scratch, f, 1, 5000, &im), 0);
		assert_int_equal(im->frame, f);
	}
	assert_int_equal(src.calls, 0);
	size_t bytes = 0;
	for (uint32_t i = 0; i < t.n; i++)
		bytes += image_bytes(t.v[i]);
	assert_int_equal(bytes, t.bytes);
	images_sweep(&t, 10 * IMAGE_IDLE_MS);
	assert_int_equal(t.n, 0);
	assert_int_equal(t.bytes, 0);
	/* New rules forget all. */
	assert_int_equal(images_get(&t, &scratch, 7, 8, 5000, &im), 0);
	images_rules(&t, &rules);
	assert_int_equal(t.n, 0);
	images_deinit(&t);
}

/* With little memory those used last stay. */
static void test_little_memory(void **state)
{
	struct source src = {1, 0};
	struct images t;
	_cleanup_(image_scratch_deinit) struct image_scratch scratch;
	struct image_rules rules = {LABELS_NULL, NULL};
	struct image *im;
	budget_set(400000); /* a quarter of a quarter is for images */
	size_t max = images_max();
	assert_true(max == budget_total() / 4);
	image_scratch_init(&scratch);
	images_init(&t, (struct label_source){give_labels, &src});
	images_rules(&t, &rules);
	uint32_t n = 0;
	while (t.bytes < 2 * max) {
		assert_int_equal(images_get(&t, &scratch, n, (uint16_t)(n % 50 + 1), n * 100, &im),
				 0);
		n++;
		assert_int_equal(budget_used(BUDGET_SERIES), t.bytes);
	}
	images_sweep(&t, n * 100);
	assert_true(t.bytes <= max && t.bytes >= max / 4);
	assert_int_equal(budget_used(BUDGET_SERIES), t.bytes);
	/* The youngest are there. */
	src.calls = 0;
	for (uint32_t f = n - 20; f < n; f++)
		assert_int_equal(images_get(&t, &scratch, f, 1, n * 100, &im), 0);
	assert_int_equal(src.calls, 0);
	/* All of one turn: some have to go all the same. */
	for (uint32_t f = 0; f < n; f++)
		assert_int_equal(images_get(&t, &scratch, f, 1, n * 100, &im), 0);
	assert_true(t.bytes > max);
	images_sweep(&t, n * 100);
	assert_true(t.bytes <= max);
	images_deinit(&t);
	assert_int_equal(budget_used_all(), 0);
	budget_set(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_extend_sweep),
		cmocka_unit_test(test_little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
