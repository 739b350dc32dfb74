/* Which tasks and containers of a view become targets, and their labels. */
#include "ecs_targets.h"

struct ecs_selection {
	const struct ecs_sd_options *opt;
};

int ecs_selection_new(const struct ecs_sd_options *opt, struct ecs_selection **out)
{
	struct ecs_selection *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_NOMEM;
	s->opt = opt;
	*out = s;
	return 0;
}

void ecs_selection_free(struct ecs_selection *s)
{
	free(s);
}

bool ecs_selection_needs_definitions(const struct ecs_selection *s)
{
	return s->opt->n_selectors > 0;
}

int ecs_targets(const struct ecs_selection *s, const struct ecs_view *view, struct group_list *out,
		struct err *err)
{
	return err_set(err, 1, "targets of ECS are not built yet");
}
