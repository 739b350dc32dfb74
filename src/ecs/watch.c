#include <ampagent/ecs/watch.h>

bool ecs_watch_possible(aws_getenv *env)
{
	return false;
}

int ecs_watch_new(struct aws_session *s, int64_t interval_ms, struct ecs_watch **out,
		  struct err *err)
{
	return err_set(err, 1, "not built yet");
}

void ecs_watch_free(struct ecs_watch *w)
{
}

const struct ecs_task *ecs_watch_task(const struct ecs_watch *w)
{
	return NULL;
}

int64_t ecs_watch_told_ms(const struct ecs_watch *w)
{
	return 0;
}

const char *ecs_watch_error(const struct ecs_watch *w)
{
	return "";
}

void ecs_watch_listen(struct ecs_watch *w, struct ecs_listener *l)
{
}

void ecs_listener_leave(struct ecs_listener *l)
{
}

void ecs_watch_stats(struct ecs_watch *w, struct ecs_stats_asker *a)
{
}

void ecs_stats_cancel(struct ecs_stats_asker *a)
{
}

void ecs_watch_collect(const struct ecs_watch *w, struct metrics_writer *out)
{
}
