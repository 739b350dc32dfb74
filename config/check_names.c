/* What there may be only once: names of jobs over all files, of destinations; the task's metrics.
 */
#include "check.h"

#include <ampagent/base/hash.h>
#include <ampagent/base/map.h>

#include <stdlib.h>

/* A name and where it stands. */
struct named {
	struct sv name;
	const char *path;
	int line;
};

struct check_jobs {
	struct map map;
	struct named *v;
	size_t n, cap;
	struct named metrics[ECS_TASK_METRICS_ADOT + 1]; /* whose job has them */
};

static uint64_t named_rehash(uint32_t value, void *cls)
{
	const struct check_jobs *j = cls;
	return hash_keyed(j->v[value].name.ptr, j->v[value].name.len);
}

int check_jobs_new(struct check_jobs **out)
{
	*out = calloc(1, sizeof **out);
	return *out ? 0 : 1;
}

void check_jobs_free(struct check_jobs *j)
{
	if (!j)
		return;
	map_deinit(&j->map);
	free(j->v);
	free(j);
}

/* An earlier one of the same name, or NULL after adding this one; without memory *failed. */
static const struct named *put(struct check_jobs *j, struct named one, bool *failed)
{
	uint64_t hash = hash_keyed(one.name.ptr, one.name.len);
	for (struct map_iter it = map_find(&j->map, hash); map_next(&j->map, &it);)
		if (sv_eq(j->v[it.value].name, one.name))
			return &j->v[it.value];
	if (j->n == j->cap) {
		size_t cap = j->cap ? 2 * j->cap : 16;
		struct named *v = realloc(j->v, cap * sizeof *v);
		if (!v) {
			*failed = true;
			return NULL;
		}
		j->v = v;
		j->cap = cap;
	}
	j->v[j->n] = one;
	*failed = map_insert(&j->map, hash, (uint32_t)j->n, named_rehash, j) != 0;
	if (!*failed)
		j->n++;
	return NULL;
}

/* Their target has a job label of its own, so the series of two jobs would be the same; relabel
 * rules may say otherwise. */
static int check_metrics(struct check_jobs *j, struct decode *d, const struct raw_scrape *raw)
{
	for (size_t i = 0; raw->n_relabel == 0 && i < raw->n_ecs_task_sds; i++) {
		const struct raw_ecs_task_sd *sd = &raw->ecs_task_sds[i];
		struct named *first = &j->metrics[sd->opt.task_metrics];
		if (sd->opt.task_metrics == ECS_TASK_METRICS_OFF)
			continue;
		if (first->path)
			return decode_fail(
				d, decode_place(sd->node, "task_metrics"),
				"\"task_metrics\": the job \"%.*s\" has the same (%s:%d); "
				"their series could not be told apart",
				SV_ARG(first->name), first->path, first->line);
		*first = (struct named){raw->opt.job_name, d->path, sd->node->line};
	}
	return 0;
}

int check_jobs_add(struct check_jobs *j, struct decode *d, const struct raw_scrape *raw)
{
	bool failed = false;
	struct named one = {raw->opt.job_name, d->path, raw->node->line};
	const struct named *first = put(j, one, &failed);
	if (failed)
		return decode_fail_memory(d, raw->node);
	if (!first)
		return check_metrics(j, d, raw);
	const struct yaml_node *at = decode_place(raw->node, "job_name");
	if (strcmp(first->path, d->path) == 0)
		return decode_fail(d, at,
				   "found multiple scrape configs with job name \"%.*s\", first at "
				   "line %d",
				   SV_ARG(one.name), first->line);
	return decode_fail(d, at,
			   "found multiple scrape configs with job name \"%.*s\", first found in "
			   "%s:%d",
			   SV_ARG(one.name), first->path, first->line);
}

int check_names(struct decode *d, const struct raw_config *raw,
		const struct remotewrite_options *writes)
{
	_cleanup_(check_jobs_freep) struct check_jobs *set = NULL;
	bool failed = check_jobs_new(&set) != 0;
	for (size_t i = 0; i < raw->n_writes; i++) {
		const struct yaml_node *node = raw->writes[i].node;
		const struct named *first =
			failed ? NULL
			       : put(set, (struct named){writes[i].name, d->path, node->line},
				     &failed);
		if (failed)
			return decode_fail_memory(d, node);
		if (!first)
			continue;
		if (!writes[i].name_set)
			return decode_fail(
				d, node,
				"found two remote_write blocks with the same content "
				"(secrets do not count), first at line %d; give them names",
				first->line);
		return decode_fail(d, decode_place(node, "name"),
				   "found multiple remote write configs with name \"%.*s\", first "
				   "at line %d",
				   SV_ARG(writes[i].name), first->line);
	}
	return 0;
}
