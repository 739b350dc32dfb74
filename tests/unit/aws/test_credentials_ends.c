/* Credentials that go away in every state, and callbacks that do what they like. */
#include "creds_rig.h"

static void gone_before_the_first_turn(void **state)
{
	struct creds_rig *r = *state;
	aws_credentials_unref(rig_container(r));
	rig_for(r, 20);
	assert_int_equal(r->asked, 0);
}

static void gone_during_a_fetch(void **state)
{
	struct creds_rig *r = *state;
	struct rig_waiter w = {0};
	r->hang = true;
	struct aws_credentials *c = rig_container(r);
	rig_wait(c, &w);
	rig_for(r, 30);
	assert_int_equal(r->asked, 1);
	aws_credentials_unref(c);
	rig_release(r, 500);
	rig_for(r, 20);
	assert_int_equal(w.calls, 0);
	assert_null(w.w.prev);
}

static void gone_with_rejected_keys(void **state)
{
	struct creds_rig *r = *state;
	struct aws_credentials *c = rig_ready(r);
	assert_true(aws_credentials_rejected(c, rig_id(c)));
	aws_credentials_unref(c);
	c = rig_ready(r);
	r->hang = true;
	assert_true(aws_credentials_rejected(c, rig_id(c)));
	rig_for(r, 20);
	aws_credentials_unref(c);
}

struct actor {
	struct aws_waiter w;
	struct aws_credentials *c;
	struct actor *other; /* to be cancelled */
	struct rig_waiter *again;
	bool drop;
	unsigned calls;
};

static void on_actor(void *cls, const struct err *why)
{
	struct actor *a = cls;
	a->calls++;
	if (a->other)
		aws_waiter_cancel(&a->other->w);
	if (a->again)
		rig_wait(a->c, a->again);
	if (a->drop)
		aws_credentials_unref(a->c);
}

static void act(struct actor *a)
{
	a->w.ready = on_actor;
	a->w.cls = a;
	aws_credentials_wait(a->c, &a->w);
}

static bool acted(void *actor)
{
	return ((struct actor *)actor)->calls > 0;
}

static void callbacks_may_cancel_wait_and_drop(void **state)
{
	struct creds_rig *r = *state;
	struct rig_waiter again = {0};
	struct aws_credentials *c = rig_container(r);
	struct actor third = {.c = c}, second = {.c = c};
	struct actor first = {.c = c, .other = &second, .again = &again};
	act(&first);
	act(&second);
	act(&third);
	rig_until(r, acted, &third);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 0);
	assert_int_equal(third.calls, 1);
	rig_until(r, rig_woken, &again);
	assert_int_equal(again.calls, 1);

	/* The last reference goes while others still wait: they hear nothing. */
	struct rig_waiter w = {0};
	struct actor last = {.c = c, .drop = true};
	act(&last);
	rig_wait(c, &w);
	rig_until(r, acted, &last);
	rig_for(r, 20);
	assert_int_equal(w.calls, 0);
	assert_null(w.w.prev);
}

static void a_failure_may_drop_the_last(void **state)
{
	struct creds_rig *r = *state;
	struct rig_waiter w = {0};
	r->status = 400;
	struct actor last = {.c = rig_container(r), .drop = true};
	act(&last);
	rig_wait(last.c, &w);
	aws_waiter_cancel(&w.w);
	aws_waiter_cancel(&w.w);
	rig_until(r, acted, &last);
	rig_for(r, 20);
	assert_int_equal(w.calls, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, creds_rig_setup, creds_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gone_before_the_first_turn),  TEST(gone_during_a_fetch),
		TEST(gone_with_rejected_keys),     TEST(callbacks_may_cancel_wait_and_drop),
		TEST(a_failure_may_drop_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
