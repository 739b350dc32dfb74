/* The agent itself. Flags are Prometheus's where the meaning is the same. Exit codes: 0 stopped by
 * a signal, 1 run-time failure, 2 bad flag or configuration, 3 a flag of Prometheus's server mode,
 * 4 stopped by force.
 */
#include "app.h"
#include "commands.h"
#include "config_source.h"
#include "cors.h"
#include "feature_flags.h"
#include "flags.h"
#include "signals.h"

#include <ampagent/base/budget.h>
#include <ampagent/base/cgroup.h>
#include <ampagent/base/clock.h>
#include <ampagent/base/log.h>
#include <ampagent/base/text.h>
#include <ampagent/net/descriptors.h>
#include <ampagent/net/http_client.h>

#include <sys/utsname.h>

/* Prometheus's; and what fits the 30 seconds that ECS leaves a container after SIGTERM unless its
 * stopTimeout says otherwise. */
enum { FLUSH_DEADLINE_MS = 60000, ECS_FLUSH_DEADLINE_MS = 25000 };

struct run {
	struct sv config_file;
	struct sv listen;
	struct sv storage_path;
	struct sv log_level, log_format;
	struct sv external_url, route_prefix, cors_origin;
	struct sv memory_limit;
	struct flag_list feature_lists;
	int64_t flush_deadline_ms;
	int64_t auto_reload_ms;
	int64_t timestamp_tolerance_ms;
	bool agent, auto_reload, lifecycle, adjust_timestamps;
	struct feature_flags features;
	struct relabel_set *cors;
	struct buf flags_shown; /* all flags with their values, as JSON */
	struct flags_environment variables;
	char flag_variables[FLAGS_MAX][FLAG_VARIABLE_MAX];
	size_t n_flag_variables;
	struct config_source source;
	int found; /* of config_source_find(), which why tells of */
	struct err why;
	struct app *app;
	struct signals *signals;
	unsigned stops; /* signals that the app was told of */
};

#define SERVER_ONLY "belongs to Prometheus's server mode; an agent keeps no database"
#define NOT_BUILT "is not built yet; leave it out"
/* The last argument is Prometheus's default, for /api/v1/status/flags. */
#define NO_EFFECT(flag_name, value, initial)                                                       \
	{                                                                                          \
		flag_name, FLAG_NO_EFFECT, &SV(initial), "", value, 0                              \
	}
#define REFUSED(flag_name, why, code, value, initial)                                              \
	{                                                                                          \
		flag_name, FLAG_REFUSED, &SV(initial), why, value, code                            \
	}
#define SERVER(flag_name, value, initial) REFUSED(flag_name, SERVER_ONLY, 3, value, initial)

/* clang-format off */
#define SERVER_FLAGS \
	SERVER("storage.tsdb.path", true, "data/"), \
	SERVER("storage.tsdb.min-block-duration", true, "2h"), \
	SERVER("storage.tsdb.max-block-duration", true, "0s"), \
	SERVER("storage.tsdb.max-block-chunk-segment-size", true, "0B"), \
	SERVER("storage.tsdb.wal-segment-size", true, "0B"), \
	SERVER("storage.tsdb.retention.time", true, "15d"), \
	SERVER("storage.tsdb.retention.size", true, "0B"), \
	SERVER("storage.tsdb.no-lockfile", false, "false"), \
	SERVER("storage.tsdb.allow-overlapping-compaction", false, "true"), \
	SERVER("storage.tsdb.wal-compression", false, "true"), \
	SERVER("storage.tsdb.wal-compression-type", true, "snappy"), \
	SERVER("storage.tsdb.head-chunks-write-queue-size", true, "0"), \
	SERVER("storage.tsdb.samples-per-chunk", true, "120"), \
	SERVER("storage.tsdb.delayed-compaction.max-percent", true, "10"), \
	SERVER("storage.tsdb.delay-compact-file.path", true, ""), \
	SERVER("storage.tsdb.block-reload-interval", true, "1m"), \
	SERVER("storage.remote.read-sample-limit", true, "50000000"), \
	SERVER("storage.remote.read-concurrent-limit", true, "10"), \
	SERVER("storage.remote.read-max-bytes-in-frame", true, "1048576"), \
	SERVER("rules.alert.for-outage-tolerance", true, "1h"), \
	SERVER("rules.alert.for-grace-period", true, "10m"), \
	SERVER("rules.alert.resend-delay", true, "1m"), \
	SERVER("rules.max-concurrent-evals", true, "4"), \
	SERVER("alertmanager.notification-queue-capacity", true, "10000"), \
	SERVER("alertmanager.notification-batch-size", true, "256"), \
	SERVER("alertmanager.drain-notification-queue-on-shutdown", false, "true"), \
	SERVER("query.lookback-delta", true, "5m"), \
	SERVER("query.timeout", true, "2m"), \
	SERVER("query.max-concurrency", true, "20"), \
	SERVER("query.max-samples", true, "50000000"), \
	SERVER("web.search.max-limit", true, "10000"), \
	SERVER("web.console.templates", true, "consoles"), \
	SERVER("web.console.libraries", true, "console_libraries")
/* clang-format on */

static int print_version(void)
{
	struct utsname host;
	if (uname(&host) != 0)
		host = (struct utsname){.machine = "unknown"};
	printf("ampagent, version %s\n"
	       "  compiler:         %s\n"
	       "  platform:         linux/%s\n",
	       AMPAGENT_VERSION, __VERSION__, host.machine);
	return 0;
}

/* As Prometheus shows them: with the prefix and the file that are in effect. */
static void show_flags(struct run *run, const struct flag *flags)
{
	struct sv prefix = run->route_prefix, file = run->config_file;
	if (prefix.len == 0)
		run->route_prefix = SV("/");
	if (run->found == 0 && run->source.is_file)
		run->config_file = sv_of(run->source.path);
	flags_json(&(struct json_writer){.out = &run->flags_shown}, flags);
	run->route_prefix = prefix;
	run->config_file = file;
}

static void keep_variables(struct run *run, const struct flag *flags)
{
	for (size_t n = 0; flags[n].name; n++) {
		flags_variable(run->flag_variables[n], flags[n].name);
		run->n_flag_variables = n + 1;
	}
}

static int parse(int argc, char **argv, struct run *run, struct err *err)
{
	const struct flag flags[] = {
		{"version", FLAG_VERSION, NULL, "Print the version and end.", false, 0},
		{"config.file", FLAG_STRING, &run->config_file,
		 "Configuration file. SIGHUP reloads it. Without it the configuration is the text "
		 "in AMPAGENT_CONFIG_CONTENT, else prometheus.yml, else what the environment "
		 "says (docs/CONFIG.md).",
		 false, 0},
		{"config.auto-reload", FLAG_BOOL, &run->auto_reload,
		 "Reload the configuration when its files change.", false, 0},
		{"config.auto-reload-interval", FLAG_DURATION, &run->auto_reload_ms,
		 "How often --config.auto-reload looks for changes; at least 1s.", false, 0},
		{"web.listen-address", FLAG_STRING, &run->listen,
		 "Address of the web server: metrics, health, targets. It has no authentication: "
		 "keep it on a trusted network. In ECS the default is on loopback.",
		 false, 0},
		{"web.enable-lifecycle", FLAG_BOOL, &run->lifecycle,
		 "Allow POST and PUT of /-/reload and /-/quit.", false, 0},
		{"web.external-url", FLAG_STRING, &run->external_url, "", false, 0},
		{"web.cors.origin", FLAG_STRING, &run->cors_origin,
		 "Pages from these origins (a regular expression) may read the API by script.",
		 false, 0},
		{"web.route-prefix", FLAG_STRING, &run->route_prefix, "", false, 0},
		{"storage.agent.path", FLAG_STRING, &run->storage_path,
		 "Directory of the log (ampagent/ is made inside it).", false, 0},
		{"storage.remote.flush-deadline", FLAG_DURATION, &run->flush_deadline_ms,
		 "How long a stop may take: last scrapes, delivering, syncing. In ECS the default "
		 "fits its stopTimeout.",
		 false, 0},
		{"memory.limit", FLAG_STRING, &run->memory_limit,
		 "Memory that the process may use, such as 256MB; 0 = no limit. Without it the "
		 "limit of the control group.",
		 false, 0},
		{"enable-feature", FLAG_LIST, &run->feature_lists,
		 "Features by Prometheus's names, apart by commas; may be given often. With "
		 "effect: created-timestamp-zero-ingestion, st-storage, native-histograms, "
		 "extra-scrape-metrics, auto-reload-config.",
		 false, 0},
		{"agent", FLAG_BOOL, &run->agent, "Always so.", false, 0},
		{"log.level", FLAG_STRING, &run->log_level, "debug, info, warn or error.", false,
		 0},
		{"log.format", FLAG_STRING, &run->log_format, "logfmt or json.", false, 0},
		{"scrape.adjust-timestamps", FLAG_BOOL, &run->adjust_timestamps, "", false, 0},
		{"scrape.timestamp-tolerance", FLAG_DURATION, &run->timestamp_tolerance_ms, "",
		 false, 0},
		/* Targets are taken over at once. */
		NO_EFFECT("scrape.discovery-reload-interval", true, "5s"),
		/* Flags of an agent's command line that mean nothing here, or are the only way
		   here. */
		NO_EFFECT("auto-gomaxprocs", false, "true"),
		NO_EFFECT("auto-gomemlimit", false, "true"),
		NO_EFFECT("auto-gomemlimit.ratio", true, "0.9"),
		NO_EFFECT("storage.agent.wal-compression", false, "true"),
		NO_EFFECT("storage.agent.wal-compression-type", true, "snappy"),
		NO_EFFECT("storage.agent.wal-segment-size", true, "0B"),
		NO_EFFECT("storage.agent.wal-truncate-frequency", true, "0s"),
		NO_EFFECT("storage.agent.retention.min-time", true, "5m"),
		NO_EFFECT("storage.agent.retention.max-time", true, "4h"),
		NO_EFFECT("storage.agent.checkpoint-from-in-memory-series", false, "false"),
		NO_EFFECT("storage.agent.checkpoint-batch-size", true, "1000"),
		/* The lock goes with the process: none is ever left behind. */
		NO_EFFECT("storage.agent.no-lockfile", false, "false"),
		NO_EFFECT("web.page-title", true,
			  "Prometheus Time Series Collection and Processing Server"),
		NO_EFFECT("web.max-connections", true, "512"),
		NO_EFFECT("web.max-notifications-subscribers", true, "16"),
		NO_EFFECT("web.read-timeout", true, "5m"),
		NO_EFFECT("web.remote-write-receiver.accepted-protobuf-messages", true,
			  "prometheus.WriteRequest,io.prometheus.write.v2.Request"),
		REFUSED("web.config.file", NOT_BUILT, 2, true, ""),
		REFUSED("web.user-assets", NOT_BUILT, 2, true, ""),
		REFUSED("web.enable-admin-api", NOT_BUILT, 2, false, "false"),
		REFUSED("web.enable-remote-write-receiver", NOT_BUILT, 2, false, "false"),
		REFUSED("web.enable-otlp-receiver", NOT_BUILT, 2, false, "false"),
		SERVER_FLAGS,
		{NULL, FLAG_BOOL, NULL, NULL, false, 0},
	};
	int r = flags_parse_env(argc, argv, flags, &run->variables, NULL, 0, NULL, err);
	if (r == FLAGS_E_HELP)
		flags_usage(stdout,
			    "ampagent [run] [flags]\n\n"
			    "Each flag may also be given by a variable: AMPAGENT_ and its name in "
			    "upper case,\nwith _ for dots and hyphens (AMPAGENT_LOG_LEVEL=debug). "
			    "The command line wins.",
			    flags);
	if (r != 0)
		return r;
	run->found = config_source_find(environment_process, run->config_file, run->listen,
					&run->source, &run->why);
	show_flags(run, flags);
	keep_variables(run, flags);
	return 0;
}

/* Everything is served below "/": other prefixes are refused, so that no link points nowhere. */
static int check_prefix(const struct run *run, struct err *err)
{
	struct url_parts url = {.path = SV_NULL};
	if (run->external_url.len > 0 && url_split(run->external_url, &url) != 0)
		return err_set(err, 2, "--web.external-url: \"%.*s\" is not an absolute URL",
			       SV_ARG(run->external_url));
	struct sv prefix = run->route_prefix.len > 0 ? run->route_prefix : url.path;
	if (prefix.len > 0 && !sv_eq(prefix, SV("/")))
		return err_set(err, 2,
			       "pages below a prefix (\"%.*s\") are not built yet; with "
			       "--web.route-prefix=/ they are served at the root",
			       SV_ARG(prefix));
	return 0;
}

static int check_flags(struct run *run, struct err *err)
{
	if (!run->agent)
		return err_set(err, 3, "--no-agent: " SERVER_ONLY);
	for (size_t i = 0; i < run->feature_lists.n; i++) {
		int r = feature_flags_take(&run->features, run->feature_lists.v[i], err);
		if (r != 0)
			return r;
	}
	run->auto_reload = run->auto_reload || run->features.auto_reload;
	if (run->auto_reload_ms < 1000)
		run->auto_reload_ms = 1000;
	if (cors_compile(run->cors_origin, &run->cors, err) != 0)
		return 2;
	return check_prefix(run, err);
}

/* Before anything is charged. */
static int set_memory_limit(const struct run *run, struct err *err)
{
	uint64_t limit = 0;
	bool given = run->memory_limit.len > 0;
	if (given && size_parse(run->memory_limit, &limit) != 0)
		return err_set(err, 2, "--memory.limit: not a size: \"%.*s\"",
			       SV_ARG(run->memory_limit));
	if (!given)
		limit = cgroup_memory_limit("");
	budget_set(limit);
	if (limit > 0)
		log_info("memory is limited", "limit_bytes", FMT("%llu", (unsigned long long)limit),
			 "budget_bytes", FMT("%llu", (unsigned long long)budget_total()), "by",
			 given ? "--memory.limit" : "control group");
	return 0;
}

static int init_log(const struct run *run, struct err *err)
{
	enum log_level level;
	enum log_format format;
	if (log_level_parse(run->log_level, &level) != 0)
		return err_set(err, 2, "--log.level: \"%.*s\" is not debug, info, warn or error",
			       SV_ARG(run->log_level));
	if (log_format_parse(run->log_format, &format) != 0)
		return err_set(err, 2, "--log.format: \"%.*s\" is not logfmt or json",
			       SV_ARG(run->log_format));
	log_init(level, format);
	return 0;
}

static void reload_asked(void *cls)
{
	app_reload(((struct run *)cls)->app);
}

static void stop_asked(void *cls)
{
	struct run *run = cls;
	for (; run->stops < signals_stops(run->signals); run->stops++)
		app_stop(run->app);
}

static void end_by(void *cls, int64_t mono_ms)
{
	signals_end_by(((struct run *)cls)->signals, mono_ms);
}

static bool in_ecs(void)
{
	return environment_place(environment_process) == PLACE_ECS;
}

static void say_place(const struct run *run)
{
	if (!in_ecs())
		return;
	if (sv_eq(run->listen, sv_of(environment_listen(PLACE_ECS))))
		log_info("in ECS pages are served on loopback at a port of its own, so that no "
			 "other container of the task has it; --web.listen-address or "
			 "AMPAGENT_WEB_LISTEN_ADDRESS says otherwise",
			 "listen", environment_listen(PLACE_ECS));
	if (run->flush_deadline_ms == ECS_FLUSH_DEADLINE_MS)
		log_info("in ECS a stop takes at most 25s, so that it fits the default stopTimeout "
			 "of 30s; --storage.remote.flush-deadline says otherwise");
}

static void warn_of(void *cls, const char *text)
{
	log_warn(text);
}

static void say_notes(const struct run *run)
{
	const char *names[FLAGS_MAX + 1];
	for (size_t i = 0; i < run->n_flag_variables; i++)
		names[i] = run->flag_variables[i];
	names[run->n_flag_variables] = NULL;
	bool by_variables = run->found != 0 || run->source.by_environment;
	environment_notes(environment_process, environ, names,
			  by_variables ? NULL : run->source.path, warn_of, NULL);
}

static int load_config(struct run *run, struct config **out)
{
	struct err err = run->why;
	say_notes(run);
	int r = run->found;
	if (r == 0)
		r = config_source_load(&run->source, &run->features.config, out, &err);
	if (r != 0) {
		log_error("the configuration cannot be used", "err",
			  err.msg[0] ? err.msg : "out of memory");
		return 2;
	}
	log_info("configuration loaded", "from", run->source.path);
	app_log_warnings(*out);
	return 0;
}

/* Everything between configuration and the end of the loop. Returns the exit code. */
static int run_app(struct run *run, struct config *config, struct err *err)
{
	struct loop *loop = NULL;
	int r = loop_new(&loop, err), refused = 0;
	if (r != 0)
		return 1;
	const struct signals_options signals = {
		.loop = loop,
		.reload = reload_asked,
		.stop = stop_asked,
		.cls = run,
		.stop_ms = app_stop_ms(run->flush_deadline_ms),
	};
	r = signals_new(&signals, &run->signals, err);
	const struct app_options opt = {
		.loop = loop,
		.config = config,
		.source = &run->source,
		.features = run->features.config,
		.storage_path = run->storage_path,
		.listen = run->listen,
		.external_url = run->external_url,
		.flags_shown = buf_view(&run->flags_shown),
		.cors = run->cors,
		.flush_deadline_ms = run->flush_deadline_ms,
		.timestamp_tolerance_ms = run->adjust_timestamps ? run->timestamp_tolerance_ms : 0,
		.enable_lifecycle = run->lifecycle,
		.auto_reload_ms = run->auto_reload ? run->auto_reload_ms : 0,
		.end_by = end_by,
		.end_by_cls = run,
	};
	if (r == 0)
		r = app_new(&opt, &run->app, err);
	if (r == 0) {
		signals_ready(run->signals);
		r = loop_run(loop);
		signals_end_by(run->signals, clock_mono_ms() + app_stop_ms(0));
		refused = app_result(run->app, err);
	}
	app_free(run->app);
	signals_free(run->signals);
	loop_free(loop);
	return r == 0 ? refused : 1;
}

static void run_deinit(struct run *run)
{
	buf_deinit(&run->flags_shown);
	config_source_deinit(&run->source);
	if (run->cors)
		relabel_unref(run->cors);
}
DEFINE_CLEANUP(struct run, run_deinit)

int cmd_run(int argc, char **argv)
{
	struct err err = ERR_NULL;
	_cleanup_(run_deinit) struct run run = {
		.variables = {.get = environment_process},
		.listen = sv_of(environment_listen(environment_place(environment_process))),
		.cors_origin = SV(".*"),
		.storage_path = SV("data-agent/"),
		.log_level = SV("info"),
		.log_format = SV("logfmt"),
		.flush_deadline_ms = in_ecs() ? ECS_FLUSH_DEADLINE_MS : FLUSH_DEADLINE_MS,
		.auto_reload_ms = 30000,
		.timestamp_tolerance_ms = 2,
		.adjust_timestamps = true,
		.agent = true,
	};
	signals_hold();
	buf_init(&run.flags_shown, MiB(1));
	int r = parse(argc, argv, &run, &err);
	if (r == FLAGS_E_HELP)
		return 0;
	if (r == FLAGS_E_VERSION)
		return print_version();
	if (r == 0)
		r = init_log(&run, &err);
	if (r == 0)
		r = check_flags(&run, &err);
	if (r == 0)
		r = set_memory_limit(&run, &err);
	if (r != 0) {
		flags_name_variable(&run.variables, &err);
		fprintf(stderr, "ampagent: %s\nSee ampagent --help.\n", err.msg);
		return r;
	}
	_cleanup_(config_unrefp) struct config *config = NULL;
	r = load_config(&run, &config);
	if (r != 0)
		return r;
	say_place(&run);
	descriptors_raise();
	r = run_app(&run, config, &err);
	if (r != 0)
		log_error("the agent ends", "err", err.msg);
	return r;
}
