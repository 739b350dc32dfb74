#include "../../../remotewrite/accepted.h"

#include "cmocka_all.h"

static const uint64_t none[FRAME_SLOTS / 64];
static const uint64_t few[FRAME_SLOTS / 64] = {0x7, 0, 0, 1};

static void test_slots(void **state)
{
	struct accepted t;
	accepted_init(&t, 10);
	/* Those of an earlier run. */
	assert_true(accepted_has(&t, 9, 255));
	assert_true(accepted_all(&t, 9, FRAME_SLOTS));
	assert_true(accepted_covers(&t, 9, few));
	assert_false(accepted_has(&t, 10, 0));
	assert_false(accepted_all(&t, 10, 1));
	assert_true(accepted_all(&t, 10, 0));
	assert_false(accepted_covers(&t, 10, few));
	assert_true(accepted_covers(&t, 10, none));

	assert_int_equal(accepted_add(&t, 10, few, 0), 0);
	assert_true(accepted_has(&t, 10, 0) && accepted_has(&t, 10, 2) &&
		    accepted_has(&t, 10, 192));
	assert_false(accepted_has(&t, 10, 3) || accepted_has(&t, 10, 193));
	assert_false(accepted_has(&t, 10, FRAME_SLOTS));
	assert_true(accepted_all(&t, 10, 3));
	assert_false(accepted_all(&t, 10, 4) || accepted_all(&t, 10, 65));
	assert_true(accepted_covers(&t, 10, few));
	const uint64_t more[FRAME_SLOTS / 64] = {0xf};
	assert_false(accepted_covers(&t, 10, more));
	const uint64_t whole[FRAME_SLOTS / 64] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	assert_int_equal(accepted_add(&t, 10, whole, 0), 0);
	assert_true(accepted_all(&t, 10, FRAME_SLOTS));
	assert_true(accepted_all(&t, 10, 64) && accepted_all(&t, 10, 65));
	uint64_t keep[FRAME_SLOTS / 64] = {UINT64_MAX, 0, 0, UINT64_MAX};
	accepted_add(&t, 11, few, 0);
	accepted_keep(&t, 11, keep);
	assert_memory_equal(keep, few, sizeof few);
	accepted_keep(&t, 12, keep);
	assert_memory_equal(keep, none, sizeof none);
	accepted_deinit(&t);
}

/* What a frame of an earlier run has when it is met is taken; what it gets later is not. */
static void test_meet(void **state)
{
	struct accepted t;
	accepted_init(&t, 10);
	accepted_meet(&t, 9, 70, 0);
	assert_true(accepted_all(&t, 9, 70));
	assert_false(accepted_has(&t, 9, 70) || accepted_all(&t, 9, 71));
	accepted_meet(&t, 9, 200, 0);
	assert_false(accepted_has(&t, 9, 70));
	assert_true(accepted_all(&t, 8, FRAME_SLOTS));
	accepted_meet(&t, 10, 5, 0);
	assert_false(accepted_has(&t, 10, 0));
	accepted_meet(&t, 7, FRAME_SLOTS, 0);
	assert_true(accepted_all(&t, 7, FRAME_SLOTS));
	assert_int_equal(t.n, 2);
	accepted_deinit(&t);
}

/* What was not sent for two hours is new to the peer again; what is in use stays. */
static void test_sweep(void **state)
{
	struct accepted t;
	accepted_init(&t, 0);
	for (uint32_t frame = 0; frame < 500; frame++)
		assert_int_equal(accepted_add(&t, frame, few, 1000), 0);
	for (uint32_t frame = 0; frame < 500; frame += 5)
		accepted_touch(&t, frame, 5000);
	accepted_touch(&t, 7777, 5000);
	accepted_sweep(&t, 1000 + ACCEPTED_IDLE_MS);
	assert_int_equal(t.n, 500);
	accepted_sweep(&t, 1001 + ACCEPTED_IDLE_MS);
	assert_int_equal(t.n, 100);
	for (uint32_t frame = 0; frame < 500; frame++)
		assert_int_equal(accepted_has(&t, frame, 1), frame % 5 == 0);
	accepted_sweep(&t, 5001 + ACCEPTED_IDLE_MS);
	assert_int_equal(t.n, 0);
	assert_int_equal(accepted_add(&t, 3, few, 0), 0);
	assert_true(accepted_has(&t, 3, 1));
	accepted_deinit(&t);
}

static void test_renew(void **state)
{
	struct accepted t;
	accepted_init(&t, 4);
	accepted_renew(&t);
	assert_false(accepted_has(&t, 4, 0));
	accepted_add(&t, 9, few, 0);
	accepted_add(&t, 6, few, 0);
	accepted_renew(&t);
	assert_true(accepted_all(&t, 9, FRAME_SLOTS));
	assert_false(accepted_has(&t, 10, 0));
	assert_int_equal(t.n, 0);
	accepted_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_meet),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_renew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
