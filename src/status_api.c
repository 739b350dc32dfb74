#include "status_api.h"

#include <ampagent/base/clock.h>
#include <ampagent/base/text.h>
#include <ampagent/scrape.h>
#include <ampagent/wal.h>

#include <dirent.h>
#include <limits.h>
#include <sched.h>

static void write_text(struct json_writer *w, const char *key, struct sv value)
{
	json_key(w, sv_of(key));
	json_string(w, value);
}

static void write_number(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, sv_of(key));
	json_i64(w, v);
}

static void write_time(struct json_writer *w, const char *key, int64_t ms)
{
	char text[RFC3339_MAX];
	write_text(w, key, sv_of(clock_format_rfc3339(text, ms)));
}

/* ---- the process ---- */

static int64_t count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int64_t n = 0;
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int64_t count_cpus(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return CPU_COUNT(&set);
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* How long samples that wait for delivery are kept: by age and by size, whichever is first. */
static void write_retention(struct json_writer *w, const struct agent_options *agent)
{
	char age[DURATION_MAX], text[DURATION_MAX + 32];
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	uint64_t size = agent->wal_max_bytes;
	size_t unit = 0;
	for (; unit < 4 && size >= 1024 && size % 1024 == 0; unit++)
		size /= 1024;
	const char *either = agent->wal_max_age_ms ? " or " : "";
	duration_format(age, agent->wal_max_age_ms);
	snprintf(text, sizeof text, "%s%s%llu%s", *either ? age : "", either,
		 (unsigned long long)size, units[unit]);
	write_text(w, "storageRetention", sv_of(text));
}

/* Under the names that Go's runtime has: goroutines are threads, GOMAXPROCS are the processors that
 * the agent may use, and there is neither a limit nor a collector to be told of. */
static void write_runtime(const struct status_api *s, struct json_writer *w)
{
	char cwd[PATH_MAX], host[256] = "";
	struct wal_stats log;
	wal_stats_get(s->wal, &log);
	gethostname(host, sizeof host - 1);
	json_begin_object(w);
	write_time(w, "startTime", s->start_ms);
	write_text(w, "CWD", sv_of(getcwd(cwd, sizeof cwd) ? cwd : ""));
	write_text(w, "hostname", sv_of(host));
	write_time(w, "serverTime", clock_wall_ms());
	json_key(w, SV("reloadConfigSuccess"));
	json_bool(w, s->reload_failed_ms == 0);
	write_time(w, "lastConfigTime",
		   (int64_t)metric_get(M_CONFIG_LAST_RELOAD_SUCCESS_TS) * 1000);
	write_number(w, "corruptionCount", log.repaired_bytes > 0);
	write_number(w, "goroutineCount", count_threads());
	write_number(w, "GOMAXPROCS", count_cpus());
	write_number(w, "GOMEMLIMIT", INT64_MAX);
	write_text(w, "GOGC", SV(""));
	write_text(w, "GODEBUG", SV(""));
	write_retention(w, &s->config->agent);
	json_end_object(w);
}

static void write_build(struct json_writer *w)
{
	json_begin_object(w);
	write_text(w, "version", SV(AMPAGENT_VERSION));
	write_text(w, "revision", SV(""));
	write_text(w, "branch", SV(""));
	write_text(w, "buildUser", SV(""));
	write_text(w, "buildDate", SV(""));
	write_text(w, "goVersion", SV(""));
	json_end_object(w);
}

/* ---- configuration ---- */

static void write_config(const struct status_api *s, struct json_writer *w)
{
	json_begin_object(w);
	write_text(w, "yaml", s->config->shown);
	json_end_object(w);
}

static void write_notification(struct json_writer *w, const char *text, int64_t since_ms)
{
	json_begin_object(w);
	write_text(w, "text", sv_of(text));
	write_time(w, "date", since_ms);
	json_key(w, SV("active"));
	json_bool(w, true);
	json_end_object(w);
}

static void write_notifications(const struct status_api *s, struct json_writer *w)
{
	json_begin_array(w);
	if (s->reload_failed_ms)
		write_notification(w, "Configuration reload has failed.", s->reload_failed_ms);
	if (scrape_summary(s->scrape).targets_waiting > 0)
		write_notification(w,
				   "Targets of this ECS task wait: its metadata has not yet said "
				   "which task it is.",
				   s->start_ms);
	json_end_array(w);
}

static void write_flags(const struct status_api *s, struct json_writer *w)
{
	if (w->need_comma)
		buf_char(w->out, ',');
	buf_sv(w->out, s->flags_shown);
	w->need_comma = true;
}

int status_api_data(const struct status_api *s, enum web_data what, const struct web_query *q,
		    struct json_writer *w, struct err *err)
{
	const struct metadata_query metadata = {
		.match_target = q->match_target,
		.metric = q->metric,
		.limit = q->limit,
		.limit_per_metric = q->limit_per_metric,
	};
	switch (what) {
	case WEB_TARGETS:
		scrape_targets_json(s->scrape, w, q->state, q->scrape_pool);
		return 0;
	case WEB_TARGETS_METADATA:
		return scrape_targets_metadata_json(s->scrape, w, &metadata, err);
	case WEB_RELABEL_STEPS:
		return scrape_relabel_steps_json(s->scrape, w, q->scrape_pool, q->labels, err);
	case WEB_SCRAPE_POOLS:
		scrape_pools_json(s->scrape, w);
		return 0;
	case WEB_METADATA:
		scrape_metadata_json(s->scrape, w, &metadata);
		return 0;
	case WEB_STATUS_CONFIG:
		write_config(s, w);
		return 0;
	case WEB_STATUS_FLAGS:
		write_flags(s, w);
		return 0;
	case WEB_STATUS_RUNTIME:
		write_runtime(s, w);
		return 0;
	case WEB_STATUS_BUILD:
		write_build(w);
		return 0;
	case WEB_NOTIFICATIONS:
		write_notifications(s, w);
		return 0;
	case WEB_LEDGER:
		break;
	}
	return err_set(err, 1, "no such data");
}
