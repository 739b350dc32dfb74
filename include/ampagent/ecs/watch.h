/* The task's metadata endpoint, watched: one GET of the task a round, whoever listens, and its
 * statistics when they are asked for. The endpoint's rate limit (40 requests a second) is shared by
 * all tasks of a host, so all users in the process share one watch.
 *
 * A round that fails (no answer, 429, garbage, another task than before) keeps the last good task
 * and is tried again with back-off, at most a round's time apart. Runs on the session's loop.
 */
#pragma once

#include <ampagent/aws/session.h>
#include <ampagent/base/metrics.h>
#include <ampagent/ecs/task.h>

struct ecs_watch;

/* interval_ms: of the rounds, 0 = 15 s. The first one begins with the loop's next turn. 0; 1 with
 * the reason when the environment names no endpoint (aws_task_variable()) or none that is a URL;
 * ERR_NOMEM. */
int ecs_watch_new(struct aws_session *s, int64_t interval_ms, struct ecs_watch **out,
		  struct err *err);
/* From now on, 0 = 15 s. */
void ecs_watch_set_interval(struct ecs_watch *w, int64_t interval_ms);
/* Listeners must have left; statistics asked for are not answered. NULL is fine. */
void ecs_watch_free(struct ecs_watch *w);

/* The task as last told; NULL = not yet. Valid until the loop's next turn. */
const struct ecs_task *ecs_watch_task(const struct ecs_watch *w);
/* Why the last round failed, one line; "" = it did not. */
const char *ecs_watch_error(const struct ecs_watch *w);

/* Embedded in its owner; zero when it does not listen. told is called after each good round, never
 * from inside another call; changed = the answer's bytes differ from the last good one's. */
struct ecs_listener {
	void (*told)(void *cls, const struct ecs_task *task, bool changed);
	void *cls;
	struct ecs_listener **prev, *next;
};
void ecs_watch_listen(struct ecs_watch *w, struct ecs_listener *l);
/* Also when it does not listen. */
void ecs_listener_leave(struct ecs_listener *l);

/* Asks for .../task/stats; who asks while another does, or within half a second of the last answer,
 * shares it. done once, from the loop, never from inside; stats is the body (why NULL), valid
 * during it, or empty with the reason. */
struct ecs_stats_asker {
	void (*done)(void *cls, struct sv stats, const struct err *why);
	void *cls;
	struct ecs_stats_asker **prev, *next;
};
void ecs_watch_stats(struct ecs_watch *w, struct ecs_stats_asker *a);
/* Not answered then; also when it was not asking. */
void ecs_stats_cancel(struct ecs_stats_asker *a);

/* ampagent_ecs_* */
void ecs_watch_collect(const struct ecs_watch *w, struct metrics_writer *out);
