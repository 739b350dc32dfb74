#include "../../../remotewrite/fence.h"

#include "cmocka_all.h"

#include <ampagent/base/number.h>

enum { OWNER = 7, OTHER = 8 };

/* A batch of an owner with one column, as far as fences look at it. */
static struct batch batch_of(struct batch_column *c, uint32_t owner, uint32_t frame,
			     uint16_t n_slots)
{
	*c = (struct batch_column){.frame = frame, .n_slots = n_slots};
	return (struct batch){.owner = owner, .columns = c, .n_columns = 1};
}

struct step {
	uint32_t owner, frame;
	uint16_t n_slots;
	uint64_t lowest;
	uint64_t need; /* of the frame in this entry */
};

static void run(struct fence *f, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct batch_column c;
		struct batch b = batch_of(&c, steps[i].owner, steps[i].frame, steps[i].n_slots);
		fence_note(f, &b, i, steps[i].lowest, 0);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(fence_need(f, i, steps[i].frame), steps[i].need);
}

static void test_growth_waits_for_the_owners_batch_before(void **state)
{
	static const struct step steps[] = {
		{OWNER, 1, 10, 0, 0}, /* nothing of the owner is in the queue before */
		{OTHER, 2, 10, 0, 0}, {OWNER, 1, 10, 0, 0}, /* as before: no series is new here */
		{OTHER, 2, 11, 0, 2}, /* a slot more: entry 1 has to be behind */
		{OWNER, 3, 5, 0, 3},  /* a new frame */
		{OWNER, 3, 5, 0, 0},  {OWNER, 1, 12, 6, 0}, /* all are past entry 5 already */
		{OWNER, 1, 13, 6, 7},
	};
	struct fence f = {0};
	run(&f, steps, sizeof steps / sizeof steps[0]);
	assert_int_equal(fence_need(&f, 4, 1), 0);
	assert_int_equal(fence_need(&f, 100, 1), 0);
	fence_deinit(&f);
}

/* A new run may tell a series by another slot that the frame has had for long. */
static void test_each_segment_begins_anew(void **state)
{
	struct fence f = {0};
	for (uint64_t no = 0; no < 6; no++) {
		struct batch_column c;
		struct batch b = batch_of(&c, OWNER, 1 + no % 2, 10);
		b.end.segment = no < 4 ? 1 : 2;
		fence_note(&f, &b, no, 0, 0);
	}
	assert_int_equal(fence_need(&f, 3, 2), 0);
	assert_int_equal(fence_need(&f, 4, 1), 4);
	assert_int_equal(fence_need(&f, 5, 2), 5);
	fence_deinit(&f);
}

/* It may be an old one under another number. */
static void test_a_new_owner_waits_for_the_segments_before(void **state)
{
	struct fence f = {0};
	for (uint64_t no = 0; no < 8; no++) {
		struct batch_column c;
		struct batch b = batch_of(&c, no < 5 ? OWNER : OTHER, no < 5 ? 1 : 2, 10);
		b.end.segment = no < 3 ? 1 : 2;
		fence_note(&f, &b, no, 0, 0);
	}
	assert_int_equal(fence_need(&f, 0, 1), 0);
	assert_int_equal(fence_need(&f, 3, 1), 3);
	assert_int_equal(fence_need(&f, 5, 2), 3);
	assert_int_equal(fence_need(&f, 6, 2), 0);
	fence_deinit(&f);
}

/* After an end of all series, whatever it says of slots, the next page may tell them by others. */
static void test_after_an_end_the_next_one_waits(void **state)
{
	static const uint64_t live[] = {0, 0, 0x3ff0000000000000, VALUE_STALE_BITS, 0};
	uint64_t values[10];
	struct fence f = {0};
	for (uint64_t no = 0; no < 5; no++) {
		struct batch_column c;
		struct batch b = batch_of(&c, OWNER, 1, 10);
		for (size_t i = 0; i < 10; i++)
			values[i] = VALUE_STALE_BITS;
		values[9] = live[no]; /* ends but for the last one; in entry 3 that too */
		c.values = values;
		c.n_present = 10;
		c.present[0] = 0x3ff;
		fence_note(&f, &b, no, 0, 0);
	}
	assert_int_equal(fence_need(&f, 2, 1), 0);
	assert_int_equal(fence_need(&f, 3, 1), 0);
	assert_int_equal(fence_need(&f, 4, 1), 4);
	fence_deinit(&f);
}

static void test_rows_count_as_slots(void **state)
{
	struct batch_row rows[] = {{.frame = 4, .slot = 0}, {.frame = 4, .slot = 2}};
	struct batch b = {.owner = OWNER, .rows = rows, .n_rows = 2};
	struct fence f = {0};
	fence_note(&f, &b, 0, 0, 0);
	fence_note(&f, &b, 1, 0, 0);
	assert_int_equal(fence_need(&f, 1, 4), 0);
	rows[1].slot = 3;
	fence_note(&f, &b, 2, 0, 0);
	assert_int_equal(fence_need(&f, 2, 4), 2);
	fence_deinit(&f);
}

static void test_histograms_count_as_slots(void **state)
{
	struct batch_histogram v[] = {{.frame = 4, .slot = 0}, {.frame = 4, .slot = 2}};
	struct batch b = {.owner = OWNER, .histograms = v, .n_histograms = 2};
	struct fence f = {0};
	fence_note(&f, &b, 0, 0, 0);
	fence_note(&f, &b, 1, 0, 0);
	assert_int_equal(fence_need(&f, 1, 4), 0);
	v[1].slot = 3;
	fence_note(&f, &b, 2, 0, 0);
	assert_int_equal(fence_need(&f, 2, 4), 2);
	fence_deinit(&f);
}

/* Many owners and frames, and events, more than any table holds at first; what is passed goes. */
static void test_tables_grow_and_forget(void **state)
{
	struct fence f = {0};
	for (uint64_t no = 0; no < 5000; no++) {
		struct batch_column c;
		uint64_t lowest = no < 2000 ? 0 : no - 10;
		struct batch b = batch_of(&c, (uint32_t)(no % 500), (uint32_t)no, 1);
		fence_note(&f, &b, no, lowest, lowest);
	}
	/* Of 500 owners each one's batch before was 500 entries ago: passed in the later part. */
	assert_int_equal(fence_need(&f, 1999, 1999), 1500);
	assert_int_equal(fence_need(&f, 3000, 3000), 0);
	assert_in_range(f.n_known, 1, 4096);
	fence_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_waits_for_the_owners_batch_before),
		cmocka_unit_test(test_each_segment_begins_anew),
		cmocka_unit_test(test_a_new_owner_waits_for_the_segments_before),
		cmocka_unit_test(test_after_an_end_the_next_one_waits),
		cmocka_unit_test(test_rows_count_as_slots),
		cmocka_unit_test(test_histograms_count_as_slots),
		cmocka_unit_test(test_tables_grow_and_forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
