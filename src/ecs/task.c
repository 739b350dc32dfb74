#include <ampagent/ecs/task.h>

int ecs_task_read(struct sv json, struct ecs_task *out, struct err *err)
{
	return err_set(err, 1, "not built yet");
}

void ecs_task_deinit(struct ecs_task *t)
{
	arena_deinit(&t->arena);
}

struct sv ecs_container_label(const struct ecs_container *c, struct sv name)
{
	return SV("");
}

bool ecs_container_normal(const struct ecs_container *c)
{
	return sv_eq(c->type, SV("NORMAL"));
}
