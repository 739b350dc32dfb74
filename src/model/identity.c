#include <ampagent/model/identity.h>

#include <ampagent/base/err.h>

const char *const identity_label_names[] = {
	"ecs_cluster",           "ecs_service",     "ecs_task_family",
	"ecs_task_revision",     "ecs_task_id",     "ecs_container",
	"ecs_availability_zone", "ecs_launch_type", NULL,
};

static int copy_sv(struct arena *arena, struct sv in, struct sv *out)
{
	*out = SV_NULL;
	if (in.len == 0)
		return 0;
	*out = arena_dup(arena, in);
	return out->ptr ? 0 : ERR_NOMEM;
}

static int copy_list(struct arena *arena, const struct sv *in, size_t n, const struct sv **out)
{
	struct sv *v = arena_calloc(arena, n + 1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (copy_sv(arena, in[i], &v[i]) != 0)
			return ERR_NOMEM;
	*out = v;
	return 0;
}

static int copy_labels(struct arena *arena, const struct identity *in, struct identity *out)
{
	struct identity_label *v = arena_calloc(arena, in->n_labels + 1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	for (size_t i = 0; i < in->n_labels; i++)
		if (copy_sv(arena, in->labels[i].name, &v[i].name) != 0 ||
		    copy_sv(arena, in->labels[i].value, &v[i].value) != 0 ||
		    copy_sv(arena, in->labels[i].from, &v[i].from) != 0)
			return ERR_NOMEM;
	out->labels = v;
	return 0;
}

int identity_copy(struct arena *arena, const struct identity *in, struct identity *out)
{
	struct sv external;
	*out = *in;
	if (copy_sv(arena, in->task_id, &out->task_id) != 0 ||
	    copy_list(arena, in->unique, in->n_unique, &out->unique) != 0 ||
	    copy_list(arena, in->hosts, in->n_hosts, &out->hosts) != 0 ||
	    copy_labels(arena, in, out) != 0 ||
	    copy_sv(arena, sv_make(in->external.ptr, in->external.len), &external) != 0)
		return ERR_NOMEM;
	out->external.ptr = external.ptr;
	return 0;
}

static bool lists_eq(const struct sv *a, size_t n_a, const struct sv *b, size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++)
		if (!sv_eq(a[i], b[i]))
			return false;
	return n_a == n_b;
}

static bool labels_are_eq(const struct identity *a, const struct identity *b)
{
	for (size_t i = 0; a->n_labels == b->n_labels && i < a->n_labels; i++)
		if (!sv_eq(a->labels[i].name, b->labels[i].name) ||
		    !sv_eq(a->labels[i].value, b->labels[i].value) ||
		    !sv_eq(a->labels[i].from, b->labels[i].from))
			return false;
	return a->n_labels == b->n_labels;
}

bool identity_eq(const struct identity *a, const struct identity *b)
{
	return a->mode == b->mode && a->known == b->known && sv_eq(a->task_id, b->task_id) &&
	       lists_eq(a->unique, a->n_unique, b->unique, b->n_unique) &&
	       lists_eq(a->hosts, a->n_hosts, b->hosts, b->n_hosts) && labels_are_eq(a, b) &&
	       labels_eq(a->external, b->external);
}
