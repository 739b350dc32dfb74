/* Building lists of groups. What is being gathered lies in a scratch arena; a finished group is
 * copied to the list at its exact size, because lists live long. */
#include "groups.h"

enum { FIRST_CAP = 16 };

void group_list_deinit(struct group_list *l)
{
	arena_deinit(&l->arena);
	*l = GROUP_LIST_NULL;
}

void group_writer_init(struct group_writer *w, size_t max)
{
	*w = (struct group_writer){.list = GROUP_LIST_NULL};
	arena_init(&w->list.arena, max);
	arena_init(&w->scratch, max);
	group_writer_begin(w);
}

void group_writer_deinit(struct group_writer *w)
{
	group_list_deinit(&w->list);
	arena_deinit(&w->scratch);
}

void group_writer_begin(struct group_writer *w)
{
	arena_reset(&w->scratch);
	label_builder_init(&w->labels, &w->scratch);
	w->targets = NULL;
	w->n_targets = w->cap_targets = 0;
}

void group_writer_drop_targets(struct group_writer *w)
{
	w->n_targets = 0;
}

void group_writer_drop_labels(struct group_writer *w)
{
	label_builder_reset(&w->labels);
}

static int too_large(struct err *err)
{
	return err_set(err, 1, "the target groups take too much memory");
}

/* Room for one more item in an array inside an arena: the array, or NULL. */
static void *room(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	size_t more = *cap ? *cap * 2 : FIRST_CAP;
	void *wider = arena_alloc(a, more * size);
	if (wider && n > 0)
		memcpy(wider, v, n * size);
	if (wider)
		*cap = more;
	return wider;
}

int group_writer_target(struct group_writer *w, struct sv address, struct err *err)
{
	struct labels *v = room(&w->scratch, w->targets, w->n_targets, &w->cap_targets, sizeof *v);
	if (!v)
		return too_large(err);
	w->targets = v;
	struct label one[1];
	struct label_builder b = {.v = one, .cap = 1, .arena = &w->scratch};
	label_builder_set(&b, SV("__address__"), address);
	if (label_builder_finish(&b, &w->list.arena, &v[w->n_targets]) != 0)
		return err_set(err, 1, "a target is longer than %zu bytes, or memory is short",
			       LIMIT_LABELS_BYTES);
	w->n_targets++;
	return 0;
}

int group_writer_target_with(struct group_writer *w, struct sv address, const struct label *own,
			     size_t n_own, struct err *err)
{
	struct labels *v = room(&w->scratch, w->targets, w->n_targets, &w->cap_targets, sizeof *v);
	if (!v)
		return too_large(err);
	w->targets = v;
	struct label_builder b;
	label_builder_init(&b, &w->scratch);
	label_builder_set(&b, SV("__address__"), address);
	for (size_t i = 0; i < n_own; i++)
		label_builder_set(&b, own[i].name, own[i].value);
	if (label_builder_finish(&b, &w->list.arena, &v[w->n_targets]) != 0)
		return err_set(err, 1,
			       "the labels of a target are longer than %zu bytes, or more "
			       "than %d, or memory is short",
			       LIMIT_LABELS_BYTES, LIMIT_LABELS_COUNT);
	w->n_targets++;
	return 0;
}

int group_writer_label(struct group_writer *w, struct sv name, struct sv value, struct err *err)
{
	struct sv own_name = arena_dup(&w->scratch, name);
	struct sv own_value = arena_dup(&w->scratch, value);
	if (!own_name.ptr || !own_value.ptr)
		return too_large(err);
	label_builder_set(&w->labels, own_name, own_value);
	if (w->labels.failed)
		return err_set(err, 1, "a group has more than %d labels, or memory is short",
			       LIMIT_LABELS_COUNT);
	return 0;
}

int group_writer_end(struct group_writer *w, struct sv source, struct err *err)
{
	struct group_list *l = &w->list;
	struct target_group *v = room(&l->arena, l->v, l->n, &w->cap_groups, sizeof *v);
	if (!v)
		return too_large(err);
	l->v = v;
	struct target_group *g = &v[l->n];
	*g = (struct target_group){.n_targets = w->n_targets};
	if (label_builder_finish(&w->labels, &l->arena, &g->labels) != 0)
		return err_set(err, 1, "the labels of a group are longer than %zu bytes",
			       LIMIT_LABELS_BYTES);
	g->source = arena_dup(&l->arena, source);
	g->targets = arena_alloc(&l->arena, g->n_targets * sizeof *g->targets);
	if (!g->source.ptr || !g->targets)
		return too_large(err);
	if (g->n_targets > 0)
		memcpy(g->targets, w->targets, g->n_targets * sizeof *g->targets);
	l->n++;
	return 0;
}

void group_writer_finish(struct group_writer *w, struct group_list *out)
{
	*out = w->list;
	w->list = GROUP_LIST_NULL;
}
