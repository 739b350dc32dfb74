/* Where a job's targets come from. */
#include "check.h"

/* Without relabel_configs an address is final, so what can never be one is refused here. */
static int check_static(struct decode *d, const struct raw_scrape *job,
			const struct raw_static *raw, struct static_group_options *out)
{
	const struct yaml_node *list = yaml_get(raw->node, SV("targets"));
	for (size_t i = 0; job->n_relabel == 0 && i < raw->n_targets; i++) {
		struct sv t = raw->targets[i];
		int shown = t.len < 200 ? (int)t.len : 200;
		if (sv_find(t, '/') != t.len)
			return decode_fail(
				d, list->items[i],
				"\"%.*s\" is not a valid host name: a target is host:port, "
				"without scheme and path",
				shown, t.ptr);
	}
	out->targets = raw->targets;
	out->n_targets = raw->n_targets;
	return check_labels(d, raw->labels, raw->n_labels, NAMES_UTF8, &out->labels);
}

static bool has_extension(struct sv name)
{
	static const char *const extensions[] = {".json", ".yml", ".yaml",
						 ".JSON", ".YML", ".YAML"};
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if (sv_ends_with(name, sv_of(extensions[i])))
			return true;
	return false;
}

/* Before the name is joined to the directory, as its own '*' count. */
static int check_pattern(struct decode *d, const struct yaml_node *at)
{
	struct sv name = at->text;
	int shown = name.len < 200 ? (int)name.len : 200;
	if (!has_extension(name))
		return decode_fail(d, at,
				   "\"files\": \"%.*s\" does not end in .json, .yml or .yaml",
				   shown, name.ptr);
	struct sv after = sv_from(name, sv_find(name, '*'));
	if (sv_find(after, '/') != after.len)
		return decode_fail(d, at,
				   "\"files\": \"%.*s\": \"*\" may stand in the last path element "
				   "only",
				   shown, name.ptr);
	return 0;
}

static int check_file_sd(struct decode *d, const struct raw_file_sd *raw,
			 struct file_sd_options *out)
{
	const struct yaml_node *list = decode_place(raw->node, "files");
	if (raw->opt.n_files == 0)
		return decode_fail(d, list, "file_sd_configs: at least one file is needed");
	for (size_t i = 0; i < raw->opt.n_files; i++) {
		int r = check_pattern(d, list->items[i]);
		if (r != 0)
			return r;
	}
	*out = raw->opt;
	return 0;
}

enum {
	TASK_REFRESH_MIN_MS = 5000, /* the endpoint is shared by all tasks of a host */
	TASK_PORTS_MAX = 64,
};

static int check_ecs_task_sd(struct decode *d, const struct raw_ecs_task_sd *raw,
			     struct ecs_task_sd_options *out)
{
	if (raw->opt.refresh_interval_ms < TASK_REFRESH_MIN_MS)
		return decode_fail(d, decode_place(raw->node, "refresh_interval"),
				   "\"refresh_interval\": at least 5s, as all tasks of a host ask "
				   "one endpoint");
	if (raw->opt.n_ports > TASK_PORTS_MAX)
		return decode_fail(d, decode_place(raw->node, "ports"),
				   "\"ports\": at most %d ports", TASK_PORTS_MAX);
	if (raw->opt.n_probe_ports > TASK_PORTS_MAX)
		return decode_fail(d, decode_place(raw->node, "probe_ports"),
				   "\"probe_ports\": at most %d ports", TASK_PORTS_MAX);
	*out = raw->opt;
	return 0;
}

int check_discovery(struct decode *d, const struct raw_scrape *raw, struct discovery_options *out)
{
	out->job_name = raw->opt.job_name;
	out->statics = arena_calloc(d->keep, raw->n_statics + 1, sizeof *out->statics);
	out->file_sds = arena_calloc(d->keep, raw->n_file_sds + 1, sizeof *out->file_sds);
	out->ecs_task_sds =
		arena_calloc(d->keep, raw->n_ecs_task_sds + 1, sizeof *out->ecs_task_sds);
	out->n_ecs_sds = raw->n_ecs_sds + raw->n_aws_sds;
	out->ecs_sds = arena_calloc(d->keep, out->n_ecs_sds + 1, sizeof *out->ecs_sds);
	if (!out->statics || !out->file_sds || !out->ecs_task_sds || !out->ecs_sds)
		return decode_fail_memory(d, raw->node);
	out->n_statics = raw->n_statics;
	out->n_file_sds = raw->n_file_sds;
	out->n_ecs_task_sds = raw->n_ecs_task_sds;
	int r = 0;
	for (size_t i = 0; r == 0 && i < raw->n_statics; i++)
		r = check_static(d, raw, &raw->statics[i], &out->statics[i]);
	for (size_t i = 0; r == 0 && i < raw->n_file_sds; i++)
		r = check_file_sd(d, &raw->file_sds[i], &out->file_sds[i]);
	for (size_t i = 0; r == 0 && i < raw->n_ecs_task_sds; i++)
		r = check_ecs_task_sd(d, &raw->ecs_task_sds[i], &out->ecs_task_sds[i]);
	for (size_t i = 0; r == 0 && i < raw->n_ecs_sds; i++)
		r = check_ecs_sd(d, &raw->ecs_sds[i], &out->ecs_sds[i]);
	for (size_t i = 0; r == 0 && i < raw->n_aws_sds; i++)
		r = check_aws_sd(d, &raw->aws_sds[i], &out->ecs_sds[raw->n_ecs_sds + i]);
	return r;
}
