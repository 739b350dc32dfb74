/* metrics: the page, family by family, from what the tables name. */
#include <ampagent/ecs/metrics.h>

#include "metrics_names.h"

#include <ampagent/base/limits.h>
#include <ampagent/base/number.h>

#include <math.h>

enum {
	SCRATCH_BYTES = MiB(16),
};

static const char *const states[] = {"healthy", "unhealthy", "unknown"};

struct page {
	struct buf *out;
	const struct ecs_names *names;
	const struct ecs_family *family;
	bool has_header;
};

static void put_header(struct page *p)
{
	const struct ecs_family *f = p->family;
	if (!p->has_header)
		buf_printf(p->out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
			   f->counter ? "counter" : "gauge");
	p->has_header = true;
}

static void put_label(struct buf *out, const char *name, struct sv value, bool more)
{
	buf_printf(out, "%c%s=\"", more ? ',' : '{', name);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c == '"' || c == '\\' || c == '\n')
			buf_char(out, '\\');
		buf_char(out, c == '\n' ? 'n' : c);
	}
	buf_char(out, '"');
}

/* One sample, with a label of the family besides the container's when it has one. */
static void put(struct page *p, const struct ecs_values *of, const char *label, struct sv value,
		double number)
{
	char text[NUMBER_MAX];
	if (isnan(number))
		return;
	put_header(p);
	buf_sv(p->out, sv_of(p->family->name));
	if (of->container)
		put_label(p->out, p->names->container_label, of->container->name, false);
	if (label)
		put_label(p->out, label, value, of->container);
	number_format(text, number);
	buf_printf(p->out, "%s %s\n", of->container || label ? "}" : "", text);
}

static void put_interfaces(struct page *p, const struct ecs_values *of)
{
	for (size_t i = 0; i < of->n_interfaces; i++) {
		double v = of->interfaces[i].v[p->family->value];
		put(p, of, "interface", of->interfaces[i].name, v < 0 ? NAN : v);
	}
}

static void put_health(struct page *p, const struct ecs_values *of)
{
	struct sv is = of->container->health;
	for (size_t i = 0; i < sizeof states / sizeof states[0] && is.len > 0; i++)
		put(p, of, "status", sv_of(states[i]), sv_eq_nocase(is, sv_of(states[i])));
}

static void put_family(struct page *p, const struct ecs_values *of)
{
	const struct ecs_family *f = p->family;
	switch (f->kind) {
	case ECS_FAMILY_VALUE:
		put(p, of, NULL, SV_NULL, of->v[f->value] / f->per);
		break;
	case ECS_FAMILY_INTERFACES:
		put_interfaces(p, of);
		break;
	case ECS_FAMILY_INFO:
		put(p, of, "image", of->container->image, 1);
		break;
	case ECS_FAMILY_HEALTH:
		put_health(p, of);
		break;
	}
}

static void put_all(struct page *p, const struct ecs_reckoning *r)
{
	for (size_t i = 0; i < p->names->n; i++) {
		p->family = &p->names->families[i];
		p->has_header = false;
		if (p->family->of_task)
			put_family(p, &r->task);
		for (size_t k = 0; k < r->n && !p->family->of_task; k++)
			put_family(p, &r->containers[k]);
	}
}

int ecs_metrics_page(const struct ecs_task *task, struct sv stats, enum ecs_metric_names names,
		     struct buf *out, struct err *err)
{
	_cleanup_(arena_deinit) struct arena arena;
	struct ecs_stats *read = NULL;
	struct ecs_reckoning reckoning;
	arena_init(&arena, SCRATCH_BYTES);
	int result = ecs_stats_read(&arena, task, stats, &read, err);
	if (result != 0 || names == ECS_NAMES_OFF)
		return result;
	if (ecs_reckon(&arena, task, read, &reckoning) != 0)
		return err_set(err, ERR_NOMEM, "out of memory");
	struct page page = {.out = out,
			    .names = names == ECS_NAMES_ADOT ? &ecs_names_adot
							     : &ecs_names_prometheus};
	put_all(&page, &reckoning);
	return buf_failed(out) ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}
