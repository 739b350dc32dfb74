/* Statistics for whoever asks the watch: shared, one request at a time, never from inside. */
#include "ecs_rig.h"

#include <ampagent/ecs/watch.h>

#include <stdio.h>
#include <string.h>

#define TASK_A "{\"TaskARN\":\"arn:aws:ecs:eu-west-1:111122223333:task/c/a\"}"

enum { LONG_MS = 3600000 };

static struct ecs_watch *begin(struct ecs_rig *r)
{
	struct ecs_watch *w = NULL;
	struct err err = ERR_NULL;
	if (ecs_watch_new(r->session, LONG_MS, &w, &err) != 0)
		fail_msg("%s", err.msg);
	return w;
}

struct asked {
	struct ecs_stats_asker a;
	struct ecs_watch *w;
	unsigned n;
	char stats[64], why[128];
	struct ecs_stats_asker *cancels, *asks; /* in the next call */
};

static void on_stats(void *cls, struct sv stats, const struct err *why)
{
	struct asked *a = cls;
	a->n++;
	snprintf(a->stats, sizeof a->stats, "%.*s", SV_ARG(stats));
	snprintf(a->why, sizeof a->why, "%s", why ? why->msg : "");
	assert_true((stats.len == 0) == (why != NULL));
	if (a->cancels)
		ecs_stats_cancel(a->cancels);
	if (a->asks)
		ecs_watch_stats(a->w, a->asks);
	a->cancels = a->asks = NULL;
}

static void ask(struct ecs_watch *w, struct asked *a)
{
	a->w = w;
	a->a.done = on_stats;
	a->a.cls = a;
	unsigned before = a->n;
	ecs_watch_stats(w, &a->a);
	assert_int_equal(a->n, before);
}

/* Who comes at once after an answer shares it. A machine that stands still in between makes a
 * second request right, so there is more than one try. */
static void shares(struct ecs_rig *r, struct ecs_watch *w, struct asked *a)
{
	for (int i = 0; i < 20; i++) {
		unsigned asked = r->stats.asked;
		ask(w, a);
		ecs_rig_until(r, &a->n, a->n + 1);
		if (r->stats.asked == asked)
			return;
	}
	fail_msg("each was a request of its own");
}

static void stats_shared(void **state)
{
	struct ecs_rig *r = *state;
	struct asked a[4] = {0};
	ecs_rig_answers(&r->task, 200, TASK_A);
	ecs_rig_answers(&r->stats, RIG_HOLD, NULL);
	struct ecs_watch *w = begin(r);
	ecs_rig_wait(r, 10);
	assert_int_equal(r->stats.asked, 0); /* nobody wants any */
	ask(w, &a[0]);
	ask(w, &a[1]);
	ecs_rig_until(r, &r->stats.asked, 1);
	ask(w, &a[2]);
	ask(w, &a[3]);
	ecs_stats_cancel(&a[2].a);
	ecs_stats_cancel(&a[2].a);
	a[0].cancels = &a[1].a;
	ecs_rig_wait(r, 20);
	assert_int_equal(r->stats.asked, 1);
	ecs_rig_release(&r->stats, 200, "{\"x\":1}");
	ecs_rig_until(r, &a[3].n, 1);
	assert_int_equal(a[0].n, 1);
	assert_int_equal(a[1].n, 0);
	assert_int_equal(a[2].n, 0);
	assert_string_equal(a[0].stats, "{\"x\":1}");
	assert_string_equal(a[3].stats, "{\"x\":1}");
	ecs_rig_answers(&r->stats, 200, "{\"x\":1}");
	a[2].asks = &a[1].a;
	shares(r, w, &a[2]);
	ecs_rig_until(r, &a[1].n, 1);
	assert_string_equal(a[1].stats, "{\"x\":1}");
	/* Later ones do not. */
	ecs_rig_wait(r, 520);
	unsigned asked = r->stats.asked;
	ecs_rig_answers(&r->stats, 200, "{\"x\":2}");
	ask(w, &a[0]);
	ecs_rig_until(r, &a[0].n, 2);
	assert_string_equal(a[0].stats, "{\"x\":2}");
	assert_int_equal(r->stats.asked, asked + 1);
	assert_int_equal(r->task.asked, 1);
	assert_int_equal(r->others, 0);
	ecs_watch_free(w);
}

static void stats_fail(void **state)
{
	struct ecs_rig *r = *state;
	struct asked a = {0}, b = {0};
	ecs_rig_answers(&r->task, 200, TASK_A);
	ecs_rig_answers(&r->stats, 429, "slowly");
	struct ecs_watch *w = begin(r);
	ask(w, &a);
	ecs_rig_until(r, &a.n, 1);
	assert_string_equal(a.why, "status 429: slowly");
	shares(r, w, &b);
	assert_string_equal(b.why, "status 429: slowly");
	assert_string_equal(ecs_watch_error(w), "");
	ecs_rig_wait(r, 520);
	ecs_rig_answers(&r->stats, RIG_DROP, "");
	ask(w, &a);
	ecs_rig_until(r, &a.n, 2);
	assert_true(a.why[0] != '\0');
	/* All left before it was their turn: nothing is asked. */
	ecs_rig_wait(r, 520);
	unsigned asked = r->stats.asked, answered = b.n;
	ask(w, &a);
	ecs_stats_cancel(&a.a);
	ecs_rig_wait(r, 10);
	assert_int_equal(r->stats.asked, asked);
	/* Asked for while it ends, before and after the request has begun. */
	ecs_rig_answers(&r->stats, RIG_HOLD, NULL);
	ask(w, &a);
	ecs_rig_until(r, &r->stats.asked, asked + 1);
	ask(w, &b);
	ecs_watch_free(w);
	ecs_stats_cancel(&a.a);
	ecs_stats_cancel(&b.a);
	ecs_rig_release(&r->stats, 200, "{}");
	ecs_rig_wait(r, 10);
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, answered);
}

struct heard {
	struct ecs_listener l;
	struct ecs_watch *w;
	struct ecs_stats_asker *asks;
};

static void on_told(void *cls, const struct ecs_task *task, bool changed)
{
	struct heard *h = cls;
	ecs_watch_stats(h->w, h->asks);
}

/* From inside told, as the next round's statistics. */
static void stats_from_told(void **state)
{
	struct ecs_rig *r = *state;
	struct asked a = {.a = {.done = on_stats, .cls = &a}};
	struct heard h = {.l = {.told = on_told, .cls = &h}, .asks = &a.a};
	ecs_rig_answers(&r->task, 200, TASK_A);
	ecs_rig_answers(&r->stats, 200, "{}");
	h.w = begin(r);
	ecs_watch_listen(h.w, &h.l);
	ecs_rig_until(r, &a.n, 1);
	assert_string_equal(a.stats, "{}");
	assert_int_equal(r->task.asked, 1);
	ecs_listener_leave(&h.l);
	ecs_watch_free(h.w);
}

#define WITH_RIG(fn) cmocka_unit_test_setup_teardown(fn, ecs_rig_setup, ecs_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(stats_shared),
		WITH_RIG(stats_fail),
		WITH_RIG(stats_from_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
