/* ecs_sd_configs: rounds of an inventory, and the list of the last whole one. */
#include "ecs_sd.h"
#include "groups.h"

struct ecs_provider {
	struct provider base;
	const struct ecs_sd_options *opt;
	struct group_list groups;
};

static size_t count(const struct provider *p)
{
	return ((const struct ecs_provider *)p)->groups.n;
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
	struct ecs_provider *self = (struct ecs_provider *)p;
	group_list_deinit(&self->groups);
	free(self);
}

static const struct provider_ops ops = {
	.count = count, .list = list, .complete = complete, .free = free_self};

int ecs_provider_new(struct aws_session *s, struct http_pool *pool,
		     const struct ecs_sd_options *opt, struct provider **out)
{
	struct ecs_provider *self = calloc(1, sizeof *self);
	if (!self)
		return ERR_NOMEM;
	self->base.ops = &ops;
	self->opt = opt;
	*out = &self->base;
	return 0;
}

bool ecs_provider_take(struct provider *p, const struct ecs_sd_options *opt)
{
	return false;
}

void ecs_provider_collect(const struct provider *p, struct sv job, struct metrics_writer *w)
{
}
