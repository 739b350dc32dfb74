/* The agent itself. Flags are Prometheus's where the meaning is the same. Exit codes: 0 stopped by
 * a signal, 1 run-time failure, 2 bad flag or configuration, 3 a flag of Prometheus's server mode.
 */
#include "app.h"
#include "commands.h"
#include "flags.h"

#include <ampagent/base/log.h>
#include <ampagent/base/text.h>

#include <signal.h>

struct run {
	struct sv config_file;
	struct sv listen;
	struct sv storage_path;
	struct sv log_level, log_format;
	int64_t flush_deadline_ms;
	struct app *app;
};

#define SERVER_ONLY "belongs to Prometheus's server mode; an agent keeps no database"
#define NOT_BUILT "is not built yet; leave it out"
#define NO_EFFECT(flag_name, value)                                                                \
	{                                                                                          \
		flag_name, FLAG_NO_EFFECT, NULL, "", value, 0                                      \
	}
#define REFUSED(flag_name, why, code, value)                                                       \
	{                                                                                          \
		flag_name, FLAG_REFUSED, NULL, why, value, code                                    \
	}

static int parse(int argc, char **argv, struct run *run, struct err *err)
{
	const struct flag flags[] = {
		{"config.file", FLAG_STRING, &run->config_file,
		 "Configuration file (prometheus.yml).", false, 0},
		{"web.listen-address", FLAG_STRING, &run->listen,
		 "Address of the web server: metrics, health, targets. It has no authentication: "
		 "keep it on a trusted network.",
		 false, 0},
		{"storage.agent.path", FLAG_STRING, &run->storage_path,
		 "Directory of the log (ampagent/ is made inside it).", false, 0},
		{"storage.remote.flush-deadline", FLAG_DURATION, &run->flush_deadline_ms,
		 "How long to go on delivering after SIGTERM.", false, 0},
		{"log.level", FLAG_STRING, &run->log_level, "debug, info, warn or error.", false,
		 0},
		{"log.format", FLAG_STRING, &run->log_format, "logfmt or json.", false, 0},
		/* Flags of an agent's command line that mean nothing here, or are the only way
		   here. */
		NO_EFFECT("agent", false),
		NO_EFFECT("enable-feature", true),
		NO_EFFECT("storage.agent.wal-compression", false),
		NO_EFFECT("storage.agent.retention.min-time", true),
		NO_EFFECT("storage.agent.retention.max-time", true),
		NO_EFFECT("web.page-title", true),
		NO_EFFECT("web.cors.origin", true),
		NO_EFFECT("web.max-connections", true),
		NO_EFFECT("web.read-timeout", true),
		REFUSED("config.auto-reload", NOT_BUILT, 2, false),
		REFUSED("config.auto-reload-interval", NOT_BUILT, 2, true),
		REFUSED("web.config.file", NOT_BUILT, 2, true),
		REFUSED("web.external-url", NOT_BUILT, 2, true),
		REFUSED("web.route-prefix", NOT_BUILT, 2, true),
		REFUSED("web.enable-lifecycle", NOT_BUILT, 2, false),
		REFUSED("web.enable-admin-api", NOT_BUILT, 2, false),
		REFUSED("web.enable-remote-write-receiver", NOT_BUILT, 2, false),
		REFUSED("web.enable-otlp-receiver", NOT_BUILT, 2, false),
		REFUSED("storage.agent.no-lockfile", NOT_BUILT, 2, false),
		REFUSED("storage.tsdb.path", SERVER_ONLY, 3, true),
		REFUSED("storage.tsdb.retention.time", SERVER_ONLY, 3, true),
		REFUSED("storage.tsdb.retention.size", SERVER_ONLY, 3, true),
		REFUSED("storage.tsdb.no-lockfile", SERVER_ONLY, 3, false),
		REFUSED("storage.tsdb.wal-compression", SERVER_ONLY, 3, false),
		REFUSED("storage.remote.read-sample-limit", SERVER_ONLY, 3, true),
		REFUSED("rules.alert.for-outage-tolerance", SERVER_ONLY, 3, true),
		REFUSED("rules.alert.for-grace-period", SERVER_ONLY, 3, true),
		REFUSED("rules.alert.resend-delay", SERVER_ONLY, 3, true),
		REFUSED("alertmanager.notification-queue-capacity", SERVER_ONLY, 3, true),
		REFUSED("query.lookback-delta", SERVER_ONLY, 3, true),
		REFUSED("query.timeout", SERVER_ONLY, 3, true),
		REFUSED("query.max-concurrency", SERVER_ONLY, 3, true),
		REFUSED("query.max-samples", SERVER_ONLY, 3, true),
		REFUSED("web.console.templates", SERVER_ONLY, 3, true),
		REFUSED("web.console.libraries", SERVER_ONLY, 3, true),
		{NULL, FLAG_BOOL, NULL, NULL, false, 0},
	};
	int r = flags_parse(argc, argv, flags, NULL, 0, NULL, err);
	if (r == FLAGS_E_HELP)
		flags_usage(stdout, "ampagent [run] [flags]", flags);
	return r;
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

static void on_signal(void *cls, int signo)
{
	struct run *run = cls;
	if (signo == SIGHUP) {
		log_warn("SIGHUP: reloading is not built yet; restart to apply a changed "
			 "configuration");
		return;
	}
	log_info("stopping", "signal", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	app_stop(run->app);
}

static int load_config(const struct run *run, struct config **out, struct err *err)
{
	_cleanup_(freep) char *path = sv_dup(run->config_file);
	if (!path || config_load(path, NULL, out, err) != 0)
		return 2;
	for (size_t i = 0; i < (*out)->n_warnings; i++) {
		const struct config_warning *w = &(*out)->warnings[i];
		log_warn(w->text.ptr, "file", path, "line", FMT("%d", w->line));
	}
	return 0;
}

/* Everything between configuration and the end of the loop. Returns the exit code. */
static int run_app(struct run *run, struct config *config, struct err *err)
{
	struct loop *loop = NULL;
	int r = loop_new(&loop, err);
	if (r != 0)
		return 1;
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	r = loop_signals(loop, signals, 3, on_signal, run, err);
	const struct app_options opt = {
		.loop = loop,
		.config = config,
		.storage_path = run->storage_path,
		.listen = run->listen,
		.flush_deadline_ms = run->flush_deadline_ms,
	};
	if (r == 0)
		r = app_new(&opt, &run->app, err);
	if (r == 0)
		r = loop_run(loop);
	app_free(run->app);
	loop_free(loop);
	return r == 0 ? 0 : 1;
}

int cmd_run(int argc, char **argv)
{
	struct err err = ERR_NULL;
	struct run run = {
		.config_file = SV("prometheus.yml"),
		.listen = SV("0.0.0.0:9090"),
		.storage_path = SV("data-agent/"),
		.log_level = SV("info"),
		.log_format = SV("logfmt"),
		.flush_deadline_ms = 60000,
	};
	int r = parse(argc, argv, &run, &err);
	if (r == FLAGS_E_HELP)
		return 0;
	if (r == 0)
		r = init_log(&run, &err);
	if (r != 0) {
		fprintf(stderr, "ampagent: %s\nSee ampagent --help.\n", err.msg);
		return r;
	}
	_cleanup_(config_unrefp) struct config *config = NULL;
	r = load_config(&run, &config, &err);
	if (r != 0) {
		log_error("the configuration cannot be used", "err", err.msg);
		return r;
	}
	r = run_app(&run, config, &err);
	if (r != 0)
		log_error("the agent ends", "err", err.msg);
	return r;
}
