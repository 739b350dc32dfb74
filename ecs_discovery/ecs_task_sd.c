/* ecs_task_sd_configs: what listens to the task's watch. */
#include "ecs_task_sd.h"
#include "groups.h"

struct task_provider {
	struct provider base;
	const struct discovery_env *env;
	const struct ecs_task_sd_options *opt;
	struct group_list groups;
};

static size_t count(const struct provider *p)
{
	return ((const struct task_provider *)p)->groups.n;
}

static void list(const struct provider *p, struct target_group *out)
{
}

static bool complete(const struct provider *p)
{
	return false;
}

static void free_self(struct provider *p)
{
	struct task_provider *self = (struct task_provider *)p;
	group_list_deinit(&self->groups);
	free(self);
}

static const struct provider_ops ops = {
	.count = count, .list = list, .complete = complete, .free = free_self};

int ecs_task_provider_new(const struct discovery_env *env, const struct ecs_task_sd_options *opt,
			  struct provider **out)
{
	struct task_provider *self = calloc(1, sizeof *self);
	if (!self)
		return ERR_NOMEM;
	self->base.ops = &ops;
	self->env = env;
	self->opt = opt;
	*out = &self->base;
	return 0;
}

bool ecs_task_provider_take(struct provider *p, const struct ecs_task_sd_options *opt)
{
	return false;
}
