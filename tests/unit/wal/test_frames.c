/* The table of last values. */
#include "fixture.h"

#include "../../../src/wal/frames.h"

static void grows_with_zeros(void **state)
{
	_cleanup_(frame_states_deinit) struct frame_states t = FRAME_STATES_NULL;
	assert_null(frame_states_find(&t, 7));
	struct frame_state *s = frame_states_get(&t, 7, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s->values[i], 0);
		s->values[i] = i + 1;
	}
	s = frame_states_get(&t, 7, FRAME_SLOTS);
	assert_int_equal(s->n, FRAME_SLOTS);
	for (unsigned i = 0; i < FRAME_SLOTS; i++)
		assert_int_equal(s->values[i], i < 3 ? i + 1 : 0);
	/* Never smaller. */
	assert_int_equal(frame_states_get(&t, 7, 1)->n, FRAME_SLOTS);
}

static void holds_many(void **state)
{
	_cleanup_(frame_states_deinit) struct frame_states t = FRAME_STATES_NULL;
	for (uint32_t f = 0; f < 5000; f++)
		frame_states_get(&t, f * 77, 2)->values[1] = f;
	for (uint32_t f = 0; f < 5000; f++)
		assert_int_equal(frame_states_find(&t, f * 77)->values[1], f);
	assert_null(frame_states_find(&t, 5));
}

/* What a segment did not touch is freed by the next. */
static void unused_frames_are_freed(void **state)
{
	_cleanup_(frame_states_deinit) struct frame_states t = FRAME_STATES_NULL;
	for (uint32_t f = 0; f < 100; f++)
		frame_states_get(&t, f, 16)->columns = f % 2;
	size_t bytes = t.bytes;
	frame_states_next_segment(&t);
	assert_int_equal(t.n, 50);
	assert_int_equal(t.bytes, bytes / 2);
	for (uint32_t f = 0; f < 100; f++) {
		struct frame_state *s = frame_states_find(&t, f);
		assert_int_equal(s != NULL, f % 2);
		if (s)
			assert_int_equal(s->columns, 0);
	}
	frame_states_next_segment(&t);
	assert_int_equal(t.n, 0);
	assert_int_equal(t.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_with_zeros),
		cmocka_unit_test(holds_many),
		cmocka_unit_test(unused_frames_are_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
