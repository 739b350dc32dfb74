/* static_configs never change: the list is made once. */
#include "static.h"
#include "groups.h"
#include <ampagent/base/log.h>

/* The label's name and lengths beside a target's text. */
enum { TARGET_OVERHEAD = 32 };

struct static_provider {
	struct provider base;
	struct group_list groups;
};

static const struct static_provider *self_of(const struct provider *p)
{
	return (const struct static_provider *)p;
}

static size_t count(const struct provider *p)
{
	return self_of(p)->groups.n;
}

static void list(const struct provider *p, struct target_group *out)
{
	const struct group_list *groups = &self_of(p)->groups;
	if (groups->n > 0)
		memcpy(out, groups->v, groups->n * sizeof *out);
}

static bool complete(const struct provider *p)
{
	return true;
}

static void free_self(struct provider *p)
{
	struct static_provider *self = (struct static_provider *)p;
	group_list_deinit(&self->groups);
	free(self);
}

static const struct provider_ops ops = {
	.count = count, .list = list, .complete = complete, .free = free_self};

static int write_group(struct group_writer *w, const struct static_group_options *opt, size_t i)
{
	char source[24];
	struct label l;
	snprintf(source, sizeof source, "%zu", i);
	group_writer_begin(w);
	for (size_t k = 0; k < opt->n_targets; k++) {
		if (opt->targets[k].len + TARGET_OVERHEAD > LIMIT_LABELS_BYTES)
			log_warn("static target ignored: too long", "group", source);
		else if (group_writer_target(w, opt->targets[k], NULL) != 0)
			return ERR_NOMEM;
	}
	for (size_t at = 0; labels_next(opt->labels, &at, &l);)
		if (group_writer_label(w, l.name, l.value, NULL) != 0)
			return ERR_NOMEM;
	return group_writer_end(w, sv_of(source), NULL) != 0 ? ERR_NOMEM : 0;
}

int static_provider_new(const struct static_group_options *opts, size_t n, struct provider **out)
{
	_cleanup_(freep) struct static_provider *self = calloc(1, sizeof *self);
	_cleanup_(group_writer_deinit) struct group_writer w;
	group_writer_init(&w, SIZE_MAX);
	if (!self)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (write_group(&w, &opts[i], i) != 0)
			return ERR_NOMEM;
	self->base.ops = &ops;
	group_writer_finish(&w, &self->groups);
	*out = &take_ptr(self)->base;
	return 0;
}
