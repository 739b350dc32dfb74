/* Who may call when. Time is the loop's; only what must have passed is asserted. */
#include "../../../ecs_discovery/ecs_pace.h"
#include "ecs_world.h"

#include <ampagent/base/limits.h>

struct caller {
	struct world *w;
	struct ecs_pace *pace;
	struct ecs_turn turn;
	unsigned n, most;
	struct buf *order;
	char name;
};

static void go(void *cls)
{
	struct caller *c = cls;
	c->n++;
	if (c->order)
		buf_char(c->order, c->name);
	if (c->n < c->most)
		ecs_pace_wait(c->pace, &c->turn);
}

static void begin(struct caller *c, struct world *w, struct ecs_pace *p, unsigned most)
{
	*c = (struct caller){.w = w, .pace = p, .most = most};
	c->turn = (struct ecs_turn){.go = go, .cls = c};
}

static struct ecs_pace *get(struct world *w, const char *region, const char *account)
{
	struct ecs_pace *p;
	assert_int_equal(ecs_pace_get(w->session, sv_of(region), sv_of(account), &p), 0);
	return p;
}

static void test_burst_then_rate(void **state)
{
	struct world *w = *state;
	struct ecs_pace *p = get(w, "eu-west-1", "1");
	struct caller c;
	const unsigned more = 6;
	begin(&c, w, p, LIMIT_ECS_CALLS_BURST + more);
	int64_t began_ms = loop_now_ms(w->loop);
	ecs_pace_wait(p, &c.turn);
	assert_int_equal(c.n, 0);
	world_until(w, &c.n, LIMIT_ECS_CALLS_BURST);
	assert_int_equal(c.n, LIMIT_ECS_CALLS_BURST);
	world_until(w, &c.n, c.most);
	assert_true(loop_now_ms(w->loop) - began_ms >=
		    (int64_t)(more - 1) * 1000 / LIMIT_ECS_CALLS_PER_S);
	ecs_pace_unref(p);
}

static void test_shared_in_turns(void **state)
{
	struct world *w = *state;
	struct ecs_pace *a = get(w, "eu-west-1", "1"), *b = get(w, "eu-west-1", "1");
	struct ecs_pace *other = get(w, "eu-west-2", "1"), *account = get(w, "eu-west-1", "");
	struct caller x, y;
	struct buf order;
	buf_init(&order, 64);
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, other);
	assert_ptr_not_equal(a, account);
	begin(&x, w, a, 3);
	begin(&y, w, b, 3);
	x.order = y.order = &order;
	x.name = 'x';
	y.name = 'y';
	ecs_pace_wait(a, &x.turn);
	ecs_pace_wait(b, &y.turn);
	world_until(w, &y.n, 3);
	assert_true(sv_eq(buf_view(&order), SV("xyxyxy")));
	buf_deinit(&order);
	ecs_pace_unref(other);
	ecs_pace_unref(account);
	ecs_pace_unref(a);
	ecs_pace_unref(b);
}

static void test_cancelled(void **state)
{
	struct world *w = *state;
	struct ecs_pace *p = get(w, "eu-west-1", "");
	struct caller x, y, z;
	begin(&x, w, p, 1);
	begin(&y, w, p, 1);
	begin(&z, w, p, 1);
	ecs_pace_wait(p, &x.turn);
	ecs_pace_wait(p, &y.turn);
	ecs_pace_wait(p, &z.turn);
	ecs_turn_cancel(&y.turn);
	ecs_turn_cancel(&y.turn);
	world_until(w, &z.n, 1);
	assert_int_equal(x.n, 1);
	assert_int_equal(y.n, 0);
	ecs_turn_cancel(&z.turn);
	ecs_pace_unref(p);
}

static void test_throttled(void **state)
{
	struct world *w = *state;
	struct ecs_pace *p = get(w, "eu-west-1", "");
	struct caller c;
	double full = LIMIT_ECS_CALLS_PER_S;
	assert_true(ecs_pace_rate(p) == full);
	ecs_pace_throttled(p);
	double half = ecs_pace_rate(p);
	assert_true(half <= full / 2 && half > full / 2 - 0.01);
	/* Calls that were under way together are one wave. */
	ecs_pace_throttled(p);
	assert_true(ecs_pace_rate(p) >= half);
	/* The bucket is empty: the next call waits for its share. */
	begin(&c, w, p, 2);
	int64_t began_ms = loop_now_ms(w->loop);
	ecs_pace_wait(p, &c.turn);
	world_until(w, &c.n, 2);
	assert_true(loop_now_ms(w->loop) - began_ms >= 1000 / LIMIT_ECS_CALLS_PER_S);
	double later = ecs_pace_rate(p);
	assert_true(later > half && later < full);
	ecs_pace_unref(p);
	/* Somebody who begins anew begins at the full pace. */
	p = get(w, "eu-west-1", "");
	assert_true(ecs_pace_rate(p) == full);
	ecs_pace_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)
		TEST(test_burst_then_rate),
		TEST(test_shared_in_turns),
		TEST(test_cancelled),
		TEST(test_throttled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
