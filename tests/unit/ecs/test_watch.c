/* The watch against an endpoint that does what endpoints do: rounds, what stays after failures,
 * listeners, and how often anything was asked.
 */
#include "../logged.h"
#include "ecs_rig.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>
#include <ampagent/ecs/watch.h>

#include <stdio.h>
#include <string.h>

#define V4 "ECS_CONTAINER_METADATA_URI_V4"
#define V3 "ECS_CONTAINER_METADATA_URI"
#define ARN(id) "arn:aws:ecs:eu-west-1:111122223333:task/c/" id
#define TASK_A "{\"TaskARN\":\"" ARN("a") "\",\"Family\":\"f\"}"
#define TASK_A2 "{\"TaskARN\":\"" ARN("a") "\",\"Family\":\"f2\"}"
#define TASK_B "{\"TaskARN\":\"" ARN("b") "\"}"
#define TASK_FULL                                                                                  \
	"{\"TaskARN\":\"" ARN(                                                                     \
		"a") "\",\"Cluster\":\"c\",\"Family\":\"f\",\"Revision\":\"7\","                   \
		     "\"ServiceName\":\"s\",\"AvailabilityZone\":\"z\",\"LaunchType\":\"EC2\"}"

enum { SHORT_MS = 5, LONG_MS = 3600000 };

struct heard {
	struct ecs_listener l;
	struct ecs_watch *w;
	struct loop *loop; /* when the time is wanted */
	unsigned n, changed;
	int64_t wall_ms;
	char family[16], id[16];
	struct ecs_listener *leaves, *joins; /* in the next call */
};

static void on_told(void *cls, const struct ecs_task *task, bool changed)
{
	struct heard *h = cls;
	h->n++;
	h->changed += changed;
	h->wall_ms = h->loop ? loop_wall_ms(h->loop) : 0;
	snprintf(h->family, sizeof h->family, "%.*s", SV_ARG(task->family));
	snprintf(h->id, sizeof h->id, "%.*s", SV_ARG(task->id));
	assert_ptr_equal(ecs_watch_task(h->w), task);
	assert_string_equal(ecs_watch_error(h->w), "");
	if (h->leaves)
		ecs_listener_leave(h->leaves);
	if (h->joins)
		ecs_watch_listen(h->w, h->joins);
	h->leaves = h->joins = NULL;
}

static struct ecs_watch *begin(struct ecs_rig *r, int64_t interval_ms)
{
	struct ecs_watch *w = NULL;
	struct err err = ERR_NULL;
	if (ecs_watch_new(r->session, interval_ms, &w, &err) != 0)
		fail_msg("%s", err.msg);
	assert_null(ecs_watch_task(w));
	assert_string_equal(ecs_watch_error(w), "");
	return w;
}

static void listen_to(struct ecs_watch *w, struct heard *h)
{
	h->w = w;
	h->l.told = on_told;
	h->l.cls = h;
	ecs_watch_listen(w, &h->l);
}

/* Rounds go on until two more are through: what was set before has been told. */
static void two_more(struct ecs_rig *r)
{
	ecs_rig_until(r, &r->task.asked, r->task.asked + 2);
}

static void refused(void **state)
{
	struct ecs_rig *r = *state;
	struct ecs_watch *w = NULL;
	struct err err = ERR_NULL;
	ecs_watch_free(NULL);
	ecs_rig_env(V4, NULL);
	assert_int_equal(ecs_watch_new(r->session, 0, &w, &err), 1);
	assert_string_equal(err.msg, "neither " V4 " nor " V3 " is set");
	ecs_rig_env(V4, "nowhere");
	assert_int_equal(ecs_watch_new(r->session, 0, &w, &err), 1);
	assert_non_null(strstr(err.msg, V4));
	assert_null(w);
}

/* One request a round, and nothing else is ever asked. */
static void rounds(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, 200, TASK_A);
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	assert_int_equal(h.n, 0);
	ecs_rig_until(r, &h.n, 20);
	assert_true(h.n == r->task.asked || h.n + 1 == r->task.asked);
	assert_int_equal(h.changed, 1);
	assert_string_equal(h.family, "f");
	ecs_rig_answers(&r->task, 200, TASK_A2);
	two_more(r);
	assert_int_equal(h.changed, 2);
	assert_string_equal(h.family, "f2");
	ecs_rig_answers(&r->task, 200, TASK_A);
	two_more(r);
	assert_int_equal(h.changed, 3);
	assert_string_equal(h.family, "f");
	assert_int_equal(r->task.most_at_once, 1);
	assert_int_equal(r->stats.asked, 0);
	assert_int_equal(r->others, 0);
	assert_string_equal(r->agent, "rig/1");
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* The next round waits for its time. */
static void interval(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, 200, TASK_A);
	struct ecs_watch *w = begin(r, LONG_MS);
	listen_to(w, &h);
	ecs_rig_until(r, &h.n, 1);
	ecs_rig_wait(r, 50);
	assert_int_equal(r->task.asked, 1);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* A reload may want rounds more or less often: the one that is waited for moves. */
static void other_interval(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, 200, TASK_A);
	struct ecs_watch *w = begin(r, LONG_MS);
	listen_to(w, &h);
	ecs_watch_set_interval(w, LONG_MS - 1); /* the first round is due at once all the same */
	ecs_rig_until(r, &h.n, 1);
	ecs_rig_wait(r, 20);
	assert_int_equal(r->task.asked, 1);
	ecs_watch_set_interval(w, SHORT_MS);
	ecs_rig_until(r, &h.n, 4);
	ecs_rig_answers(&r->task, RIG_HOLD, NULL);
	for (int i = 0; i < 4000 && r->task.n_held == 0; i++)
		ecs_rig_wait(r, 1);
	assert_int_equal(r->task.n_held, 1);
	ecs_watch_set_interval(w, LONG_MS);
	ecs_rig_release(&r->task, 200, TASK_A);
	unsigned told = h.n;
	ecs_rig_until(r, &h.n, told + 1);
	unsigned asked = r->task.asked;
	ecs_rig_wait(r, 8 * SHORT_MS);
	assert_int_equal(r->task.asked, asked);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

static void version_3(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	char base[96];
	snprintf(base, sizeof base, "%s/v3/xyz/", r->url);
	ecs_rig_env(V4, NULL);
	ecs_rig_env(V3, base);
	r->task.path = "/v3/xyz/task";
	ecs_rig_answers(&r->task, 200, TASK_A);
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	ecs_rig_until(r, &h.n, 2);
	assert_int_equal(r->others, 0);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* Rounds do not overlap however long an answer takes. */
static void slow(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, RIG_HOLD, NULL);
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	for (unsigned i = 1; i <= 5; i++) {
		ecs_rig_until(r, &r->task.asked, i);
		ecs_rig_wait(r, 8 * SHORT_MS);
		assert_int_equal(r->task.asked, i);
		assert_int_equal(h.n, i - 1);
		ecs_rig_release(&r->task, 200, i % 2 ? TASK_A : TASK_A2);
		ecs_rig_until(r, &h.n, i);
	}
	assert_int_equal(h.changed, 5);
	assert_int_equal(r->task.most_at_once, 1);
	ecs_rig_until(r, &r->task.asked, 6);
	ecs_listener_leave(&h.l);
	/* With a round under way. */
	ecs_watch_free(w);
	ecs_rig_release(&r->task, 200, TASK_A);
	ecs_rig_wait(r, 10);
	assert_int_equal(h.n, 5);
}

static void bad_answers(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	static const struct {
		int status;
		const char *body, *header, *value, *why;
	} cases[] = {
		{500, "\"unable to get the task\"", NULL, NULL,
		 "status 500: unable to get the task"},
		{429, "", NULL, NULL, "status 429"},
		{429, "", "Retry-After", "3600", "status 429"}, /* at most a round's time */
		{404, "no such task", NULL, NULL, "status 404: no such task"},
		{302, "", "Location", "/v4/abc/moved", "status 302"},
		{200, "", NULL, NULL, "the answer is empty"},
		{200, "{}", NULL, NULL, "the answer cannot be used: it has no TaskARN"},
		{200, "[]", NULL, NULL, "the answer cannot be used: it is not a JSON object"},
		{200, "<html>", NULL, NULL, "the answer cannot be used: "},
		{200, "{\"TaskARN\":\"" ARN("z") "\",\"Containers\":[{\"Name\":", NULL, NULL,
		 "the answer cannot be used: "},
		{200, TASK_B, NULL, NULL,
		 "the answer cannot be used: it tells of another task than before: " ARN(
			 "b") ", not " ARN("a")},
		{RIG_CUT, "bytes that do not come, because the stream ends before", NULL, NULL, ""},
		{RIG_DROP, "", NULL, NULL, ""},
	};
	ecs_rig_answers(&r->task, 200, TASK_A);
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	ecs_rig_until(r, &h.n, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ecs_rig_answers(&r->task, cases[i].status, cases[i].body);
		r->task.header = cases[i].header;
		r->task.value = cases[i].value;
		two_more(r);
		unsigned told = h.n;
		two_more(r);
		assert_int_equal(h.n, told);
		assert_true(sv_eq(ecs_watch_task(w)->family, SV("f")));
		if (ecs_watch_error(w)[0] == '\0' || !strstr(ecs_watch_error(w), cases[i].why))
			fail_msg("\"%s\" is not in: %s", cases[i].why, ecs_watch_error(w));
		ecs_rig_answers(&r->task, 200, TASK_A);
		ecs_rig_until(r, &h.n, told + 1);
		assert_string_equal(ecs_watch_error(w), "");
	}
	/* Nothing was new in all that. */
	assert_int_equal(h.changed, 1);
	assert_int_equal(r->task.most_at_once, 1);
	assert_int_equal(r->others, 0);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* An endpoint that tells less for a while takes nothing away that labels are made of. */
static void told_less(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, 200, TASK_FULL);
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	ecs_rig_until(r, &h.n, 1);
	const char *const less[] = {"{\"TaskARN\":\"" ARN("a") "\"}",
				    "{\"TaskARN\":\"arn:aws:ecs:eu-west-1:111122223333:task/a\"}"};
	for (size_t i = 0; i < sizeof less / sizeof *less; i++) {
		ecs_rig_answers(&r->task, 200, less[i]);
		ecs_rig_until(r, &h.changed, h.changed + 1);
		const struct ecs_task *t = ecs_watch_task(w);
		const struct sv told[] = {t->cluster_name,      t->family,
					  t->revision,          t->service,
					  t->availability_zone, t->launch_type};
		const char *const want[] = {"c", "f", "7", "s", "z", "EC2"};
		for (size_t k = 0; k < sizeof told / sizeof *told; k++)
			if (!sv_eq(told[k], sv_of(want[k])))
				fail_msg("\"%.*s\" is not %s", SV_ARG(told[k]), want[k]);
	}
	/* What is told anew counts. */
	ecs_rig_answers(&r->task, 200, TASK_A2);
	ecs_rig_until(r, &h.changed, h.changed + 1);
	assert_string_equal(h.family, "f2");
	assert_true(sv_eq(ecs_watch_task(w)->service, SV("s")));
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* A failure before there was anything is no end either. */
static void bad_start(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {0};
	ecs_rig_answers(&r->task, 404, "not yet");
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	ecs_rig_until(r, &r->task.asked, 3);
	assert_null(ecs_watch_task(w));
	assert_string_equal(ecs_watch_error(w), "status 404: not yet");
	ecs_rig_answers(&r->task, 200, TASK_A);
	ecs_rig_until(r, &h.n, 1);
	assert_int_equal(h.changed, 1);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

/* --- log --- */

struct telling {
	struct ecs_rig *r;
	struct ecs_watch *w;
	struct heard h;
};

static void fail_and_recover(void *cls)
{
	struct telling *t = cls;
	ecs_rig_answers(&t->r->task, 500, "trouble");
	ecs_rig_until(t->r, &t->r->task.asked, t->r->task.asked + 5);
	ecs_rig_answers(&t->r->task, 429, "");
	ecs_rig_until(t->r, &t->r->task.asked, t->r->task.asked + 5);
	ecs_rig_answers(&t->r->task, 200, TASK_A);
	ecs_rig_until(t->r, &t->h.n, t->h.n + 5);
}

static unsigned lines_with(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

static void logs(void **state)
{
	struct ecs_rig *r = *state;
	struct telling t = {.r = r};
	char text[8192];
	ecs_rig_answers(&r->task, 200, TASK_A);
	t.w = begin(r, SHORT_MS);
	listen_to(t.w, &t.h);
	ecs_rig_until(r, &t.h.n, 1);
	logged(fail_and_recover, &t, text, sizeof text);
	assert_int_equal(lines_with(text, "\n"), 2);
	assert_int_equal(lines_with(text, "cannot be read; what it told last holds"), 1);
	assert_int_equal(lines_with(text, "err=\"status 500: trouble\""), 1);
	assert_int_equal(lines_with(text, "/v4/abc/task"), 2);
	assert_int_equal(lines_with(text, "is read again"), 1);
	/* At most one line of a kind a minute, however often it comes and goes. */
	logged(fail_and_recover, &t, text, sizeof text);
	assert_string_equal(text, "");
	ecs_listener_leave(&t.h.l);
	ecs_watch_free(t.w);
}

/* --- listeners --- */

static void leaving_and_joining(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h[5] = {0};
	ecs_rig_answers(&r->task, RIG_HOLD, NULL);
	struct ecs_watch *w = begin(r, SHORT_MS);
	ecs_listener_leave(&h[4].l); /* it never joined */
	for (size_t i = 0; i < 4; i++)
		listen_to(w, &h[i]);
	h[4] = (struct heard){.w = w, .l = {.told = on_told, .cls = &h[4]}};
	h[0].leaves = &h[1].l; /* before its turn */
	h[2].leaves = &h[2].l; /* itself */
	h[3].leaves = &h[0].l; /* after its turn */
	h[3].joins = &h[4].l;
	ecs_rig_until(r, &r->task.asked, 1);
	ecs_rig_release(&r->task, 200, TASK_A);
	ecs_rig_until(r, &h[3].n, 1);
	assert_int_equal(h[0].n, 1);
	assert_int_equal(h[1].n, 0);
	assert_int_equal(h[2].n, 1);
	assert_int_equal(h[3].n, 1);
	assert_int_equal(h[4].n, 0); /* the next round is its first */
	ecs_rig_until(r, &r->task.asked, 2);
	ecs_rig_release(&r->task, 200, TASK_A);
	ecs_rig_until(r, &h[4].n, 1);
	assert_int_equal(h[0].n, 1);
	assert_int_equal(h[1].n, 0);
	assert_int_equal(h[2].n, 1);
	assert_int_equal(h[3].n, 2);
	assert_int_equal(h[4].changed, 0);
	ecs_listener_leave(&h[3].l);
	ecs_watch_free(w);
	ecs_listener_leave(&h[4].l); /* late, but no harm */
}

/* --- metrics --- */

static void assert_metric(const struct ecs_watch *w, const char *line)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	struct metrics_writer mw = {.out = &out};
	buf_init(&out, KiB(64));
	ecs_watch_collect(w, &mw);
	buf_char(&out, '\0');
	assert_false(buf_failed(&out));
	if (!strstr(out.ptr, line))
		fail_msg("\"%s\" is not in:\n%s", line, out.ptr);
}

#define REQUESTS "ampagent_ecs_metadata_requests_total"
#define LAST "ampagent_ecs_metadata_last_success_timestamp_seconds"

static void on_stats(void *cls, struct sv stats, const struct err *why)
{
	++*(unsigned *)cls;
}

static void counted(void **state)
{
	struct ecs_rig *r = *state;
	struct heard h = {.loop = r->loop};
	unsigned asked = 0;
	struct ecs_stats_asker a = {.done = on_stats, .cls = &asked};
	char line[128], number[NUMBER_MAX];
	int64_t wall_ms = 0;
	ecs_rig_answers(&r->task, RIG_HOLD, NULL);
	ecs_rig_answers(&r->stats, 429, "");
	struct ecs_watch *w = begin(r, SHORT_MS);
	listen_to(w, &h);
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"ok\"} 0\n");
	assert_metric(w, LAST " 0\n");
	ecs_watch_stats(w, &a);
	ecs_rig_until(r, &asked, 1);
	static const struct {
		int status;
		const char *body;
	} answers[] = {{200, TASK_A}, {429, ""}, {200, "{}"}, {500, ""}, {200, TASK_A}, {404, ""}};
	for (unsigned i = 0; i < 6; i++) {
		ecs_rig_until(r, &r->task.asked, i + 1);
		ecs_rig_release(&r->task, answers[i].status, answers[i].body);
		if (i == 4) {
			ecs_rig_until(r, &h.n, 2);
			wall_ms = h.wall_ms;
		}
	}
	ecs_rig_until(r, &r->task.asked, 7);
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"ok\"} 2\n");
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"throttled\"} 1\n");
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"refused\"} 2\n");
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"no_answer\"} 0\n");
	assert_metric(w, REQUESTS "{path=\"/task\",result=\"unusable\"} 1\n");
	assert_metric(w, REQUESTS "{path=\"/task/stats\",result=\"throttled\"} 1\n");
	number_format(number, (double)wall_ms / 1000);
	snprintf(line, sizeof line, LAST " %s\n", number);
	assert_metric(w, line);
	ecs_listener_leave(&h.l);
	ecs_watch_free(w);
}

#define WITH_RIG(fn) cmocka_unit_test_setup_teardown(fn, ecs_rig_setup, ecs_rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(refused),
		WITH_RIG(rounds),
		WITH_RIG(interval),
		WITH_RIG(other_interval),
		WITH_RIG(version_3),
		WITH_RIG(slow),
		WITH_RIG(bad_answers),
		WITH_RIG(told_less),
		WITH_RIG(bad_start),
		WITH_RIG(logs),
		WITH_RIG(leaving_and_joining),
		WITH_RIG(counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
