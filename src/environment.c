/* The variables, and where the agent runs. */
#include "environment.h"

#include <ampagent/aws/imds.h>
#include <ampagent/base/sv.h>

#include <stdlib.h>

/* In the order of the documentation: destination, targets, ECS, the rest. */
const struct environment_variable environment_variables[] = {
	{"AMPAGENT_REMOTE_WRITE_URL",
	 "Where samples go: a workspace's remote-write URL, or any receiver's.", NULL},
	{"AWS_PROMETHEUS_ENDPOINT", "The same, by the name that ADOT has for it.", NULL},
	{"AMPAGENT_WORKSPACE_ID",
	 "Instead of the URL: a workspace's ID (ws-...), in the region of AMPAGENT_REGION, "
	 "AWS_REGION or AWS_DEFAULT_REGION.",
	 NULL},
	{"AMPAGENT_REGION", "The region to sign for.",
	 "the URL's, else AWS_REGION, AWS_DEFAULT_REGION, the profile's, the task's"},
	{"AMPAGENT_ROLE_ARN", "A role to assume for sending, as for another account's workspace.",
	 NULL},
	{"AMPAGENT_EXTERNAL_ID", "The external ID that this role asks for.", NULL},
	{"AMPAGENT_SIGV4", "`true` or `false`: whether requests are signed.",
	 "true when the URL is one of AMP's"},
	{"AMPAGENT_TARGETS",
	 "What to scrape besides what is discovered: `host:port` or `host:port/path`, apart by "
	 "commas or blanks, with `https://` in front where it is TLS. Of several paths at one "
	 "`host:port` all but the first get the label `metrics_path`.",
	 NULL},
	{"AWS_PROMETHEUS_SCRAPING_ENDPOINT",
	 "The same, by the name that ADOT has for it, where AMPAGENT_TARGETS is not set.", NULL},
	{"AMPAGENT_JOB_NAME",
	 "The label `job` of AMPAGENT_TARGETS, and of containers whose docker labels name no job.",
	 "`app` for AMPAGENT_TARGETS, the task's family for containers"},
	{"AMPAGENT_SCRAPE_INTERVAL", "How often targets are scraped.", "20s"},
	{"AMPAGENT_SCRAPE_TIMEOUT", "How long a scrape may take; at most the interval.",
	 "10s, or the interval when it is shorter"},
	{"AMPAGENT_EXTERNAL_LABELS",
	 "Labels of every series that is sent: `name=value,name=value`. Values have no commas.",
	 NULL},
	{"AMPAGENT_SELF_METRICS",
	 "`true` or `false`: whether the agent scrapes its own metrics, too (they cost as others "
	 "do).",
	 "false"},
	{"AMPAGENT_IDENTITY",
	 "`auto`, `strict` or `off`, as `ampagent.identity` in a file: how series of this task are "
	 "told from those of its copies.",
	 "auto"},
	{"AMPAGENT_IDENTITY_LABELS",
	 "Which labels do that, apart by commas, as `ampagent.identity_labels` in a file.",
	 "as in a file"},
	{"AMPAGENT_ECS_DISCOVERY",
	 "`true` or `false`: whether the other containers of the own ECS task are scraped where "
	 "their docker labels say so.",
	 "true in ECS"},
	{"AMPAGENT_ECS_PORTS",
	 "Ports at which every container of the task is scraped, whatever its labels say; apart by "
	 "commas.",
	 NULL},
	{"AMPAGENT_ECS_PROBE_PORTS", "The same, but only where something answers at the port.",
	 NULL},
	{"AMPAGENT_TASK_METRICS",
	 "CPU, memory, network and disk of the task's containers: `on`, `adot` (with the names "
	 "that ADOT gives them) or `off`.",
	 "on in ECS"},
	{NULL, NULL, NULL},
};

const char *environment_process(const char *name)
{
	return getenv(name);
}

static bool is_set(environment_get *env, const char *name)
{
	const char *v = env(name);
	return v && sv_trim(sv_of(v)).len > 0;
}

bool environment_asks(environment_get *env)
{
	return is_set(env, "AMPAGENT_REMOTE_WRITE_URL") || is_set(env, "AWS_PROMETHEUS_ENDPOINT") ||
	       is_set(env, "AMPAGENT_WORKSPACE_ID");
}

enum environment_place environment_place(environment_get *env)
{
	if (aws_task_variable(env))
		return PLACE_ECS;
	return is_set(env, "KUBERNETES_SERVICE_HOST") ? PLACE_KUBERNETES : PLACE_HOST;
}

const char *environment_listen(enum environment_place place)
{
	return place == PLACE_ECS ? "127.0.0.1:19090" : "0.0.0.0:9090";
}

static const char intro[] =
	"\n## Environment\n"
	"\n"
	"The configuration comes from the first of these that there is:\n"
	"\n"
	"1. the file of `--config.file` (`AMPAGENT_CONFIG_FILE`),\n"
	"2. `AMPAGENT_CONFIG_CONTENT`: a whole file's text, as ECS hands it over out of SSM or "
	"Secrets Manager. Relative file names in it count from the working directory,\n"
	"3. `prometheus.yml` in the working directory,\n"
	"4. the variables below: a destination is enough.\n"
	"\n"
	"`ampagent check-config --print` prints what the environment makes. With 2 and 4 a reload "
	"changes nothing but what files named in the text hold: a process's environment stays as "
	"it was at its start; `--config.auto-reload` does nothing then. A variable that is empty "
	"or blank counts as not set. The variables below mean "
	"nothing when the configuration comes from one of the first three; a warning says so.\n"
	"\n"
	"Every flag of `ampagent run` has a variable, too: `AMPAGENT_` and its name in upper case "
	"with `_` for dots and hyphens, such as `AMPAGENT_WEB_LISTEN_ADDRESS`, "
	"`AMPAGENT_LOG_LEVEL` or `AMPAGENT_STORAGE_AGENT_PATH`. Switches are `true` or `false`. "
	"The command line wins.\n"
	"\n"
	"| Variable | Without it | Meaning |\n"
	"|---|---|---|\n";

int environment_print_docs(struct buf *out)
{
	buf_sv(out, sv_of(intro));
	for (const struct environment_variable *v = environment_variables; v->name; v++)
		buf_printf(out, "| `%s` | %s | %s |\n", v->name, v->fallback ? v->fallback : "",
			   v->help);
	return buf_failed(out);
}
