/* A view's targets, one label set after the other into the list's arena. */
#include "ecs_targets.h"
#include "ecs_labels.h"
#include "ecs_select.h"

enum { FIRST_CAP = 64, LENGTHS_MAX = 6 /* two lengths beside a label's bytes */ };

struct making {
	const struct ecs_view *view;
	const struct ecs_api_task *task; /* whose targets are being made */
	struct arena arena;              /* the list's */
	struct arena scratch;            /* of one target */
	struct labels *v;
	size_t n, cap;
	size_t *left;
};

static void making_deinit(struct making *m)
{
	arena_deinit(&m->arena);
	arena_deinit(&m->scratch);
	free(m->v);
}

DEFINE_CLEANUP(struct making, making_deinit)

/* Whether labels that could not be finished are too many or too long; else memory is short. */
static bool is_too_large(const struct label_builder *b)
{
	size_t bytes = 0;
	for (size_t i = 0; i < b->n; i++)
		bytes += b->v[i].name.len + b->v[i].value.len + LENGTHS_MAX;
	return b->n >= LIMIT_LABELS_COUNT || bytes > LIMIT_LABELS_BYTES;
}

static bool make_room(struct making *m)
{
	if (m->n < m->cap)
		return true;
	size_t cap = m->cap ? 2 * m->cap : FIRST_CAP;
	struct labels *wider = realloc(m->v, cap * sizeof *wider);
	if (!wider)
		return false;
	m->v = wider;
	m->cap = cap;
	return true;
}

/* 0, or 1 when the list takes too much memory. */
static int add(struct making *m, struct label_builder *b)
{
	if (!make_room(m))
		return 1;
	if (label_builder_finish(b, &m->arena, &m->v[m->n]) == 0)
		m->n++;
	else if (is_too_large(b))
		m->left[ECS_LEFT_TOO_LARGE]++;
	else
		return 1;
	return 0;
}

static void begin(struct making *m, struct label_builder *b, struct sv ip, int64_t port)
{
	arena_reset(&m->scratch);
	label_builder_init(b, &m->scratch);
	ecs_labels_address(b, ip, port);
	ecs_labels_task(b, m->view, m->task, ip);
}

static int add_chosen(void *cls, const struct ecs_chosen *c)
{
	struct making *m = cls;
	struct label_builder b;
	if (c->ip.len == 0 || c->at == 0) {
		m->left[c->ip.len == 0 ? ECS_LEFT_NO_ADDRESS : ECS_LEFT_NO_PORT]++;
		return 0;
	}
	begin(m, &b, c->ip, c->at);
	ecs_labels_container(&b, m->task, c->container, c->port);
	label_builder_set(&b, SV("__metrics_path__"), c->path);
	label_builder_set(&b, SV("job"), c->job);
	return add(m, &b);
}

static int add_task(struct making *m, int64_t port)
{
	struct label_builder b;
	struct sv ip = ecs_select_task_ip(m->task);
	if (ip.len == 0) {
		m->left[ECS_LEFT_NO_ADDRESS]++;
		return 0;
	}
	begin(m, &b, ip, port);
	return add(m, &b);
}

static int add_tasks(struct making *m, const struct ecs_selection *s)
{
	const struct ecs_sd_options *opt = ecs_selection_options(s);
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->view->n_tasks; i++) {
		m->task = m->view->tasks[i];
		if (opt->n_selectors == 0)
			r = add_task(m, opt->port);
		else if (m->task->definition)
			r = ecs_select(s, m->task, add_chosen, m);
		else
			m->left[ECS_LEFT_NO_DEFINITION]++;
	}
	return r;
}

/* Moves what was made to out. */
static int finish(struct making *m, struct group_list *out)
{
	struct target_group *g = arena_calloc(&m->arena, 1, sizeof *g);
	struct labels *targets = arena_alloc(&m->arena, m->n * sizeof *targets);
	if (!g || !targets)
		return 1;
	g->source = arena_dup(&m->arena, m->view->region);
	if (!g->source.ptr)
		return 1;
	if (m->n > 0)
		memcpy(targets, m->v, m->n * sizeof *targets);
	g->targets = targets;
	g->n_targets = m->n;
	*out = (struct group_list){m->arena, g, 1};
	m->arena = ARENA_NULL;
	return 0;
}

int ecs_targets(const struct ecs_selection *s, const struct ecs_view *view, struct group_list *out,
		size_t *left, struct err *err)
{
	_cleanup_(making_deinit) struct making m = {.view = view, .left = left};
	arena_init(&m.arena, LIMIT_ECS_GROUPS_BYTES);
	arena_init(&m.scratch, LIMIT_AWS_ANSWER_BYTES);
	memset(left, 0, ECS_LEFT_COUNT * sizeof *left);
	int r = add_tasks(&m, s);
	if (r == 0)
		r = finish(&m, out);
	if (r > 0)
		return err_set(
			err, 1,
			"the targets of %zu tasks take more than %zu MiB, or memory is short",
			view->n_tasks, (size_t)LIMIT_ECS_GROUPS_BYTES >> 20);
	return r;
}
