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

int ecs_metrics_print_docs(struct buf *out)
{
	buf_sv(out,
	       SV("# Task metrics\n\n"
		  "In an ECS task the agent has a page about the task and its containers, "
		  "/ecs/metrics, made from the task metadata endpoint. `task_metrics: on` in "
		  "`ecs_task_sd_configs` scrapes it, which an agent without a configuration file "
		  "does; `task_metrics: adot` scrapes /ecs/metrics?names=adot.\n\n"
		  "Labels tell the container by its name and nothing that changes while the task "
		  "runs. What is not told is left out: there are no zeros in its place, nor limits "
		  "that stand for none.\n\n"
		  "The task has no counters that are sums over containers. Such a sum falls when a "
		  "container ends, which `rate()` takes for a restart. Sum the rates instead:\n\n"
		  "    sum by (ecs_task_id) (rate(ecs_container_cpu_usage_seconds_total[5m]))\n\n"
		  "In awsvpc mode, as on Fargate, all containers share one network. Its counters "
		  "are "
		  "those of the task, told once, whether Docker tells them of the pause container "
		  "or "
		  "of each. In bridge mode each container has its own. In host mode Docker tells "
		  "of "
		  "none.\n\n"
		  "## Names\n\n"));
	put_table(out, &ecs_names_prometheus, true);
	buf_sv(out,
	       SV("\n## Names of ADOT\n\n"
		  "Names as the receiver `awsecscontainermetrics` of ADOT and the OpenTelemetry "
		  "collector comes out of their exporters for Prometheus, which add units to "
		  "names. "
		  "Collectors of 2024 and before say `_Megabytes` for `_MiB`; with "
		  "`add_metric_suffixes: false` there are no units at all. Numbers are those of "
		  "the "
		  "receiver but where it is wrong:\n\n"
		  "- In awsvpc mode it adds up what each container tells of the one network: on "
		  "Fargate `ecs_task_network_*` are multiples of the truth. Here they are told "
		  "once.\n"
		  "- Under cgroup v2 it tells of no bytes read or written, no processors, and "
		  "memory "
		  "with all cache of files. Here these are right.\n"
		  "- It adds up over containers what each tells of the host: "
		  "`ecs_task_cpu_onlines_Count`, `ecs_task_cpu_cores_Count`, "
		  "`ecs_task_cpu_usage_system_Nanoseconds`. Here they are told once.\n"
		  "- It adds up limits of memory that stand for none. Here such a limit is left "
		  "out, "
		  "and so is the task's.\n"
		  "- It counts ECS's own pause container among the task's. Here it is not, and has "
		  "no "
		  "series.\n"
		  "- It says 0 where nothing is told. Here there is no such sample; sums wait "
		  "until "
		  "every container that runs has told.\n"
		  "- Times of starts and ends, statuses, exit codes and Docker's names and ids are "
		  "attributes there, so each restart begins new series. Here they are no labels. "
		  "The "
		  "task's attributes are labels of the agent's own, such as `ecs_task_id`.\n\n"));
	put_table(out, &ecs_names_adot, false);
	return buf_failed(out);
}
