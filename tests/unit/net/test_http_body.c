/* Pieces of bodies, without a network. */
#include "../../../src/net/http_call.h"
#include "../base/check.h"

#include <ampagent/base/limits.h>

enum { PIECE = 16384 };

static char piece[PIECE];

static int forget(void **state)
{
	budget_set(0);
	assert_int_equal(budget_used_all(), 0);
	return 0;
}

static struct http_call call_for(struct buf *out, size_t body_max)
{
	return (struct http_call){
		.body_out = out, .body_max = body_max, .out_max = out ? out->max : 0};
}

/* Pieces taken until one is refused, n at most. */
static size_t feed(struct http_call *call, size_t n)
{
	size_t taken = 0;
	while (taken < n && http_body_take(call, piece, sizeof piece) == 0)
		taken++;
	return taken;
}

static void is_counted_without_a_buffer(void **state)
{
	struct http_call call = call_for(NULL, 3 * PIECE);
	assert_int_equal(feed(&call, 9), 3);
	assert_int_equal(call.received, 3 * PIECE);
	assert_int_equal(call.fault, FAULT_BODY);
}

static void the_buffer_has_a_maximum_too(void **state)
{
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, 2 * PIECE);
	struct http_call call = call_for(&out, MiB(1));
	assert_int_equal(feed(&call, 9), 2);
	assert_int_equal(call.fault, FAULT_BODY);
}

/* The budget is of no interest to a buffer that is not charged. */
static void an_uncharged_one_may_grow(void **state)
{
	budget_set(MiB(16));
	_cleanup_(buf_deinit) struct buf out;
	buf_init(&out, MiB(64));
	struct http_call call = call_for(&out, MiB(64));
	assert_int_equal(feed(&call, 2000), 2000);
}

static void one_that_is_too_large_is_refused_before_it_is_whole(void **state)
{
	budget_set(MiB(32));
	_cleanup_(buf_deinit) struct buf out;
	buf_init_in(&out, MiB(512), BUDGET_PAGES);
	struct http_call call = call_for(&out, MiB(512));
	size_t n = feed(&call, MiB(100) / PIECE);
	assert_int_equal(call.fault, FAULT_ROOM);
	/* Half of what there is, all of it used. */
	assert_true(n * PIECE > budget_total() / 2 - 2 * PIECE);
	assert_true(budget_used(BUDGET_PAGES) <= budget_total() / 2);
	assert_true(budget_room() >= budget_total() / 2 - 2 * PIECE);
}

/* However many arrive at once, they stay within the budget together, and small ones get through. */
static void many_share_what_there_is(void **state)
{
	enum { GREEDY = 12, MODEST = 20 };
	budget_set(MiB(32));
	struct buf out[GREEDY + MODEST];
	struct http_call call[GREEDY + MODEST];
	size_t taken[GREEDY + MODEST] = {0};
	for (size_t i = 0; i < N_OF(out); i++) {
		buf_init_in(&out[i], MiB(512), BUDGET_PAGES);
		call[i] = call_for(&out[i], MiB(512));
	}
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < GREEDY; i++)
			taken[i] += call[i].fault == FAULT_NONE ? feed(&call[i], 1) : 0;
		size_t i = GREEDY + (size_t)round / 100;
		if (round % 100 == 50)
			taken[i] += feed(&call[i], 2);
		assert_true(budget_used_all() <= budget_total());
	}
	for (size_t i = 0; i < GREEDY; i++)
		assert_int_equal(call[i].fault, FAULT_ROOM);
	for (size_t i = GREEDY; i < N_OF(out); i++) {
		assert_int_equal(taken[i], 2);
		assert_int_equal(call[i].fault, FAULT_NONE);
	}
	for (size_t i = 0; i < N_OF(out); i++)
		buf_deinit(&out[i]);
}

/* What was freed may be used again. */
static void room_comes_back(void **state)
{
	budget_set(MiB(32));
	struct buf first, second;
	buf_init_in(&first, MiB(512), BUDGET_PAGES);
	buf_init_in(&second, MiB(512), BUDGET_PAGES);
	struct http_call call = call_for(&first, MiB(512));
	size_t alone = feed(&call, SIZE_MAX);
	struct http_call beside = call_for(&second, MiB(512));
	size_t shared = feed(&beside, SIZE_MAX);
	assert_true(shared < alone * 3 / 4);
	buf_deinit(&second);
	buf_deinit(&first);
	second.max = MiB(512);
	beside = call_for(&second, MiB(512));
	assert_int_equal(feed(&beside, SIZE_MAX), alone);
	buf_deinit(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(is_counted_without_a_buffer, forget),
		cmocka_unit_test_teardown(the_buffer_has_a_maximum_too, forget),
		cmocka_unit_test_teardown(an_uncharged_one_may_grow, forget),
		cmocka_unit_test_teardown(one_that_is_too_large_is_refused_before_it_is_whole,
					  forget),
		cmocka_unit_test_teardown(many_share_what_there_is, forget),
		cmocka_unit_test_teardown(room_comes_back, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
