/* watch: rounds, listeners, and statistics for whoever asks.
 *
 * A round is over before the next one's timer is armed, so rounds cannot overlap. Listeners and
 * askers are called from the end of a request only. While they are, those still to be called stand
 * in a list of their own: whoever leaves then is in one list or the other, and who joins waits for
 * the next time.
 */
#include <ampagent/ecs/watch.h>

#include "task_ask.h"

#include <ampagent/base/crypto.h>
#include <ampagent/base/limits.h>
#include <ampagent/base/log.h>

#include <stdlib.h>

enum {
	INTERVAL_MS = 15000,
	/* An answer of statistics this young is given to the next asker too: whoever asks more
	 * often takes from what all tasks of the host share. */
	STATS_FRESH_MS = 500,
	BODY_KEPT = KiB(256),
	SAY_AGAIN_MS = 60000, /* a line that could come with every other round */
};

enum page { PAGE_TASK, PAGE_STATS, PAGES };
static const char *const page_paths[PAGES] = {"/task", "/task/stats"};

struct ecs_watch {
	struct loop *loop;
	int64_t interval_ms;
	uint64_t counts[PAGES][ECS_ASK_RESULTS];

	/* rounds */
	struct ecs_ask ask;
	struct loop_timer round;
	int64_t began_ms;
	unsigned failures; /* in a row */
	int64_t failing_since_ms;
	bool said; /* that it fails */
	int64_t may_say_ms;
	char why[ERR_MSG_MAX]; /* of the last round; "" = it was good */
	struct ecs_task task;
	bool have;
	struct buf told; /* the answer that task was read from */
	int64_t wall_ms; /* when there was a good one; 0 = never */
	struct ecs_listener *listeners;

	/* statistics */
	struct ecs_ask stats;
	struct loop_timer turn;
	bool stats_have; /* stats.body or stats_why is of stats_ms */
	int64_t stats_ms;
	struct err stats_why;
	struct ecs_stats_asker *askers;
};

/* --- listeners --- */

static void link_listener(struct ecs_listener **list, struct ecs_listener *l)
{
	while (*list)
		list = &(*list)->next;
	l->prev = list;
	l->next = NULL;
	*list = l;
}

void ecs_watch_listen(struct ecs_watch *w, struct ecs_listener *l)
{
	link_listener(&w->listeners, l);
}

void ecs_listener_leave(struct ecs_listener *l)
{
	if (!l->prev)
		return;
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->prev = NULL;
	l->next = NULL;
}

static void tell(struct ecs_watch *w, bool changed)
{
	struct ecs_listener *still = w->listeners;
	w->listeners = NULL;
	if (still)
		still->prev = &still;
	while (still) {
		struct ecs_listener *l = still;
		ecs_listener_leave(l);
		link_listener(&w->listeners, l);
		l->told(l->cls, &w->task, changed);
	}
}

/* --- rounds --- */

static void log_failure(struct ecs_watch *w, int64_t now)
{
	if (w->said || now < w->may_say_ms)
		return;
	w->said = true;
	w->may_say_ms = now + SAY_AGAIN_MS;
	log_warn(w->have ? "The ECS task's metadata cannot be read; what it told last holds"
			 : "The ECS task's metadata cannot be read",
		 "url", w->ask.url, "err", w->why);
}

static void round_failed(struct ecs_watch *w, enum ecs_ask_result result, int64_t retry_after_ms,
			 const struct err *why)
{
	uint64_t random;
	int64_t now = loop_now_ms(w->loop);
	crypto_random(&random, sizeof random);
	w->counts[PAGE_TASK][result]++;
	snprintf(w->why, sizeof w->why, "%s", why->msg);
	if (w->failures++ == 0)
		w->failing_since_ms = w->began_ms;
	log_failure(w, now);
	int64_t at =
		now + ecs_ask_pause_ms(w->failures, result, retry_after_ms, w->interval_ms, random);
	int64_t latest = w->began_ms + w->interval_ms;
	loop_timer_at(w->loop, &w->round, at < latest ? at : latest);
}

static void round_good(struct ecs_watch *w)
{
	int64_t now = loop_now_ms(w->loop);
	w->counts[PAGE_TASK][ECS_ASK_OK]++;
	if (w->said)
		log_info("The ECS task's metadata is read again", "url", w->ask.url, "failures",
			 FMT("%u", w->failures), "seconds",
			 FMT("%lld", (long long)(now - w->failing_since_ms) / 1000));
	w->failures = 0;
	w->said = false;
	w->why[0] = '\0';
	w->wall_ms = loop_wall_ms(w->loop);
	loop_timer_at(w->loop, &w->round, w->began_ms + w->interval_ms);
}

/* What was told once and is not this time (another version of the endpoint, or ECS's own agent just
 * started) stays: labels come of it, and none of it changes in a task's life. */
static int remember(struct ecs_task *t, const struct ecs_task *before)
{
	const struct {
		struct sv *now, before;
	} kept[] = {
		{&t->cluster, before->cluster},
		{&t->cluster_name, before->cluster_name},
		{&t->family, before->family},
		{&t->revision, before->revision},
		{&t->service, before->service},
		{&t->group, before->group},
		{&t->availability_zone, before->availability_zone},
		{&t->availability_zone_id, before->availability_zone_id},
		{&t->vpc_id, before->vpc_id},
		{&t->launch_type, before->launch_type},
	};
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		if (kept[i].now->len > 0 || kept[i].before.len == 0)
			continue;
		*kept[i].now = arena_dup(&t->arena, kept[i].before);
		if (!kept[i].now->ptr)
			return ERR_NOMEM;
	}
	return 0;
}

/* 0, or why it cannot be used. */
static int take_task(struct ecs_watch *w, struct err *why)
{
	_cleanup_(ecs_task_deinit) struct ecs_task task = {.arn = SV_NULL};
	int code = ecs_task_read(buf_view(&w->ask.body), &task, why);
	/* No task becomes another: its series would be those of that one. */
	if (code == 0 && w->have && !sv_eq(task.id, w->task.id))
		code = err_set(why, 1, "it tells of another task than before: %.*s, not %.*s",
			       SV_ARG(task.arn), SV_ARG(w->task.arn));
	if (code == 0 && w->have && remember(&task, &w->task) != 0)
		code = err_set(why, ERR_NOMEM, "no memory");
	if (code != 0) {
		err_prefix(why, "the answer cannot be used");
		return code;
	}
	struct ecs_task before = w->task;
	w->task = task;
	task = before;
	w->have = true;
	struct buf told = w->told;
	w->told = w->ask.body;
	w->ask.body = told;
	return 0;
}

static void on_task(void *cls, enum ecs_ask_result result, int64_t retry_after_ms,
		    const struct err *said)
{
	struct ecs_watch *w = cls;
	struct err why = *said;
	bool changed = !w->have || !sv_eq(buf_view(&w->ask.body), buf_view(&w->told));
	if (result == ECS_ASK_OK && changed && take_task(w, &why) != 0)
		result = ECS_ASK_UNUSABLE;
	buf_shrink(&w->ask.body, BODY_KEPT);
	if (result != ECS_ASK_OK) {
		round_failed(w, result, retry_after_ms, &why);
		return;
	}
	round_good(w);
	tell(w, changed);
}

static void on_round(void *cls)
{
	struct ecs_watch *w = cls;
	struct err why = ERR_NULL;
	w->began_ms = loop_now_ms(w->loop);
	if (ecs_ask_start(&w->ask, &why) != 0)
		round_failed(w, ECS_ASK_NO_ANSWER, 0, &why);
}

/* --- statistics --- */

void ecs_stats_cancel(struct ecs_stats_asker *a)
{
	if (!a->prev)
		return;
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->prev = NULL;
	a->next = NULL;
}

/* Who asks again meanwhile is answered another time. */
static void answer_askers(struct ecs_watch *w)
{
	struct ecs_stats_asker *still = w->askers;
	bool good = w->stats_why.msg[0] == '\0';
	w->askers = NULL;
	if (still)
		still->prev = &still;
	while (still) {
		struct ecs_stats_asker *a = still;
		ecs_stats_cancel(a);
		a->done(a->cls, good ? buf_view(&w->stats.body) : SV_NULL,
			good ? NULL : &w->stats_why);
	}
}

static void on_stats(void *cls, enum ecs_ask_result result, int64_t retry_after_ms,
		     const struct err *why)
{
	struct ecs_watch *w = cls;
	w->counts[PAGE_STATS][result]++;
	w->stats_why = *why;
	w->stats_have = true;
	w->stats_ms = loop_now_ms(w->loop);
	answer_askers(w);
}

static void on_turn(void *cls)
{
	struct ecs_watch *w = cls;
	struct err why = ERR_NULL;
	if (!w->askers || w->stats.transfer)
		return;
	if (w->stats_have && loop_now_ms(w->loop) - w->stats_ms < STATS_FRESH_MS) {
		answer_askers(w);
		return;
	}
	w->stats_have = false;
	buf_shrink(&w->stats.body, BODY_KEPT);
	if (ecs_ask_start(&w->stats, &why) != 0)
		on_stats(w, ECS_ASK_NO_ANSWER, 0, &why);
}

void ecs_watch_stats(struct ecs_watch *w, struct ecs_stats_asker *a)
{
	struct ecs_stats_asker **list = &w->askers;
	while (*list)
		list = &(*list)->next;
	a->prev = list;
	a->next = NULL;
	*list = a;
	if (!w->stats.transfer && !loop_timer_armed(&w->turn))
		loop_timer_in(w->loop, &w->turn, 0);
}

/* --- life and questions --- */

DEFINE_CLEANUP_PTR(struct ecs_watch, ecs_watch_free)

int ecs_watch_new(struct aws_session *s, int64_t interval_ms, struct ecs_watch **out,
		  struct err *err)
{
	_cleanup_(buf_deinit) struct buf base = BUF_NULL;
	buf_init(&base, KiB(4));
	int code = ecs_ask_base(aws_session_env(s), &base, err);
	if (code != 0)
		return code;
	_cleanup_(ecs_watch_freep) struct ecs_watch *w = calloc(1, sizeof *w);
	if (!w || ecs_ask_init(&w->ask, s, buf_view(&base), sv_of(page_paths[PAGE_TASK])) != 0 ||
	    ecs_ask_init(&w->stats, s, buf_view(&base), sv_of(page_paths[PAGE_STATS])) != 0)
		return err_set(err, ERR_NOMEM, "no memory");
	w->loop = aws_session_loop(s);
	w->interval_ms = interval_ms > 0 ? interval_ms : INTERVAL_MS;
	buf_init(&w->told, LIMIT_ECS_TASK_BYTES);
	w->ask.done = on_task;
	w->stats.done = on_stats;
	w->round.fire = on_round;
	w->turn.fire = on_turn;
	w->ask.cls = w->stats.cls = w->round.cls = w->turn.cls = w;
	loop_timer_in(w->loop, &w->round, 0);
	*out = take_ptr(w);
	return 0;
}

/* A round under way, and one that is tried again soon, arm the timer themselves. */
void ecs_watch_set_interval(struct ecs_watch *w, int64_t interval_ms)
{
	int64_t ms = interval_ms > 0 ? interval_ms : INTERVAL_MS;
	bool waits = w->have && w->failures == 0 && loop_timer_armed(&w->round);
	if (ms == w->interval_ms)
		return;
	w->interval_ms = ms;
	if (waits)
		loop_timer_at(w->loop, &w->round, w->began_ms + ms);
}

void ecs_watch_free(struct ecs_watch *w)
{
	if (!w)
		return;
	/* They may still say that they leave. */
	while (w->askers)
		ecs_stats_cancel(w->askers);
	while (w->listeners)
		ecs_listener_leave(w->listeners);
	loop_timer_cancel(&w->round);
	loop_timer_cancel(&w->turn);
	ecs_ask_deinit(&w->ask);
	ecs_ask_deinit(&w->stats);
	buf_deinit(&w->told);
	ecs_task_deinit(&w->task);
	free(w);
}

const struct ecs_task *ecs_watch_task(const struct ecs_watch *w)
{
	return w->have ? &w->task : NULL;
}

const char *ecs_watch_error(const struct ecs_watch *w)
{
	return w->why;
}

void ecs_watch_collect(const struct ecs_watch *w, struct metrics_writer *out)
{
	for (int p = 0; p < PAGES; p++)
		for (int r = 0; r < ECS_ASK_RESULTS; r++) {
			const struct metric_label labels[] = {
				{"path", sv_of(page_paths[p])},
				{"result", sv_of(ecs_ask_results[r])}};
			metrics_emit(out, M_ECS_METADATA_REQUESTS, labels, 2,
				     (double)w->counts[p][r]);
		}
	metrics_emit(out, M_ECS_METADATA_LAST_SUCCESS, NULL, 0, (double)w->wall_ms / 1000);
}
