/* metrics_docs: docs/ECS_METRICS.md from the tables of names. */
#include <ampagent/ecs/metrics.h>

#include "metrics_names.h"

static void put_labels(struct buf *out, const struct ecs_names *names, const struct ecs_family *f)
{
	const char *own = f->kind == ECS_FAMILY_INTERFACES ? "interface"
			  : f->kind == ECS_FAMILY_INFO     ? "image"
			  : f->kind == ECS_FAMILY_HEALTH   ? "status"
							   : "";
	if (!f->of_task)
		buf_printf(out, "%s%s", names->container_label, own[0] ? ", " : "");
	buf_printf(out, "%s | ", own);
}

static void put_table(struct buf *out, const struct ecs_names *names, bool adot_column)
{
	buf_printf(out, "| Name | Type | Labels | %sMeaning |\n| --- | --- | --- | %s--- |\n",
		   adot_column ? "ADOT | " : "", adot_column ? "--- | " : "");
	for (size_t i = 0; i < names->n; i++) {
		const struct ecs_family *f = &names->families[i];
		buf_printf(out, "| `%s` | %s | ", f->name, f->counter ? "counter" : "gauge");
		put_labels(out, names, f);
		if (adot_column && f->adot)
			buf_printf(out, "`%s` | ", f->adot);
		else if (adot_column)
			buf_sv(out, SV("| "));
		buf_printf(out, "%s |\n", f->help);
	}
}

/* clang-format off */
static const char head[] =
	"# Task metrics\n\n"
	"In an ECS task the agent has a page about the task and its containers, /ecs/metrics, made "
	"from the task metadata endpoint each time it is asked for. With `task_metrics: on` "
	"`ecs_task_sd_configs` makes it a target; an agent without a configuration file does so. "
	"With `task_metrics: adot` the target is /ecs/metrics?names=adot.\n\n"
	"Labels tell the container by its name, and nothing that changes while the task runs. What "
	"is not told is left out: no zero stands for it. A limit that stands for none is left out "
	"too.\n\n"
	"The task has no counters that are sums over containers. Such a sum falls when a container "
	"ends, and `rate()` takes that for a restart. Sum the rates instead:\n\n"
	"    sum by (ecs_task_id) (rate(ecs_container_cpu_usage_seconds_total[5m]))\n\n"
	"In awsvpc mode, as on Fargate, all containers share one network. Its counters are told "
	"once, of the task, whether Docker tells them of the pause container or of each. In bridge "
	"mode each container has its own. In host mode Docker tells of none.\n\n"
	"## Names\n\n";

static const char adot[] =
	"\n## Names of ADOT\n\n"
	"What the receiver `awsecscontainermetrics` of ADOT and the OpenTelemetry collector comes "
	"out as when their exporters for Prometheus add units to names, as they do unless "
	"`add_metric_suffixes` is false. Until 2026 `_MiB` was called `_Megabytes`: both names are "
	"told. Numbers are those of the receiver, but where it is wrong:\n\n"
	"- In awsvpc mode it adds up what each container tells of the one network: on Fargate "
	"`ecs_task_network_*` are multiples of the truth. Here they are told once.\n"
	"- Under cgroup v2 it tells of no bytes read or written, of no processors, and of memory "
	"with all cache of files. Here these are right.\n"
	"- It adds up over containers what each tells of the host: `ecs_task_cpu_onlines_Count`, "
	"`ecs_task_cpu_cores_Count`, `ecs_task_cpu_usage_system_Nanoseconds`. Here they are told "
	"once.\n"
	"- It adds up limits of memory that stand for none. Here such a limit is left out, and so "
	"is the task's.\n"
	"- It counts ECS's own pause container among the task's. Here it is not, and has no "
	"series.\n"
	"- It says 0 where nothing is told. Here there is no such sample; sums wait until every "
	"container that runs has told.\n"
	"- It calls everything a gauge. Here what only grows is a counter.\n"
	"- Times of starts and ends, statuses, exit codes and the ids of containers are attributes "
	"there, so that each restart begins new series. Here they are no labels. What the task is "
	"called is told by the labels of the agent's identity, such as `ecs_task_id`.\n\n";
/* clang-format on */

int ecs_metrics_print_docs(struct buf *out)
{
	buf_sv(out, sv_of(head));
	put_table(out, &ecs_names_prometheus, true);
	buf_sv(out, sv_of(adot));
	put_table(out, &ecs_names_adot, false);
	return buf_failed(out);
}
