/* ampagent receive: runs the stand-in endpoint until it is told to stop. */
#include "commands.h"
#include "flags.h"

#include <ampagent/base/cleanup.h>
#include <ampagent/base/log.h>
#include <ampagent/net/loop.h>
#include <ampagent/standin.h>

#include <signal.h>
#include <stdio.h>

enum { STATS_MAX = 16 << 10 };

/* Durations of the command line are milliseconds, most of the endpoint's are seconds. */
struct receive {
	struct standin_options standin;
	int64_t clock_window_ms, clock_ahead_ms, clock_behind_ms;
	int64_t outage_every_ms, outage_for_ms;
	int64_t ooo_window_ms, max_age_ms, max_future_ms;
	struct sv log_level, log_format;
};

/* One line a flag: name, kind, place, help. */
#define TEXT(flag_name, place, help_text)                                                          \
	{                                                                                          \
		flag_name, FLAG_STRING, &(place), help_text, false, 0                              \
	}
#define TIME(flag_name, place, help_text)                                                          \
	{                                                                                          \
		flag_name, FLAG_DURATION, &(place), help_text, false, 0                            \
	}
#define UINT(flag_name, place, help_text)                                                          \
	{                                                                                          \
		flag_name, FLAG_UINT, &(place), help_text, false, 0                                \
	}
#define RATE(flag_name, place, help_text)                                                          \
	{                                                                                          \
		flag_name, FLAG_DOUBLE, &(place), help_text, false, 0                              \
	}
#define BOOL(flag_name, place, help_text)                                                          \
	{                                                                                          \
		flag_name, FLAG_BOOL, &(place), help_text, false, 0                                \
	}

static int parse(int argc, char **argv, struct receive *r, struct err *err)
{
	struct standin_options *o = &r->standin;
	const struct flag flags[] = {
		TEXT("web.listen-address", o->listen, "Address to listen on; port 0 picks one."),
		TEXT("workspace", o->workspace, "The only workspace there is; any when not given."),
		TEXT("account", o->account, "Account that answers name."),
		TEXT("access-key", o->access_key, "Access key that may sign."),
		TEXT("secret-key", o->secret_key,
		     "Its secret key; requests need no signature without it."),
		TEXT("session-token", o->session_token, "Session token that must come along."),
		TEXT("region", o->region, "Region to sign for."),
		TEXT("service", o->service, "Service name to sign for."),
		TIME("clock-window", r->clock_window_ms, "How far a signature's time may be off."),
		TIME("clock-ahead", r->clock_ahead_ms, "Let the endpoint's clock run ahead."),
		TIME("clock-behind", r->clock_behind_ms, "Let the endpoint's clock run behind."),
		TIME("latency", o->latency_ms, "Time before each answer."),
		RATE("rate-429", o->rate_429, "Share of requests, 0 to 1, to throttle."),
		RATE("rate-500", o->rate_500, "Share of requests to answer 500, 502, 503 or 504."),
		RATE("rate-403", o->rate_403, "Share of requests to call expired."),
		RATE("rate-drop", o->rate_drop,
		     "Share of connections to drop, half of them after storing."),
		RATE("rate-400", o->rate_400,
		     "Share of requests to store without their first series."),
		RATE("rate-202", o->rate_202,
		     "Share of requests not to store because another replica is elected."),
		RATE("rate-404", o->rate_404, "Share of requests to find no workspace for."),
		RATE("rate-413", o->rate_413, "Share of requests to call too large."),
		RATE("rate-400-size", o->rate_400_size, "The same, told by the storage."),
		RATE("rate-400-many", o->rate_400_many,
		     "Share of requests to store without each third series."),
		RATE("rate-400-limit", o->rate_400_limit,
		     "Share of requests to store without new series."),
		RATE("rate-403-denied", o->rate_403_denied,
		     "Share of requests to deny, or to call the token invalid."),
		RATE("rate-reset", o->rate_reset,
		     "Share of connections to reset, half of them after storing."),
		RATE("rate-truncate", o->rate_truncate,
		     "Share of answers to cut off, half of them after storing."),
		RATE("rate-hang", o->rate_hang,
		     "Share of requests not to answer, half of them stored."),
		RATE("rate-vanish", o->rate_vanish,
		     "Share of connections to end without a word, half of them after storing."),
		TIME("hang", o->hang_ms, "How long such a request has no answer."),
		TIME("read-pause", o->read_pause_ms, "Pause after each piece of a body."),
		UINT("retry-after", o->retry_after_s,
		     "Seconds to name in a Retry-After with 429 and 503; 0 for none."),
		TIME("outage-every", r->outage_every_ms, "Period of outages; 0 for none."),
		TIME("outage-for", r->outage_for_ms, "Length of each outage (answered 503)."),
		UINT("max-request-bytes", o->max_request_bytes, "Largest body as sent."),
		UINT("max-raw-bytes", o->max_raw_bytes, "Largest body when decompressed."),
		TIME("out-of-order-window", r->ooo_window_ms, "Disorder that is stored."),
		TIME("max-age", r->max_age_ms, "Oldest sample that is taken; 0 for any."),
		TIME("max-future", r->max_future_ms,
		     "How far a sample may be ahead of the clock; 0 for any."),
		UINT("series-limit", o->series_limit, "Most series that are taken; 0 for any."),
		BOOL("track", o->track, "Remember each series: order, duplicates (default true)."),
		UINT("seed", o->seed, "Of the random choices."),
		BOOL("print", o->print, "Print samples on standard output."),
		TEXT("record", o->record,
		     "File to which each stored sample, histogram and exemplar is appended."),
		BOOL("record-refused", o->record_refused,
		     "Append what is not stored and not to be sent again too, marked x."),
		BOOL("accept-v2", o->accept_v2,
		     "Take remote write 2.0 too (default true); else it is answered 415."),
		BOOL("aws", o->aws,
		     "Play STS, the task metadata, Pod Identity, IMDSv2, SSO and the APIs of ECS "
		     "and "
		     "EC2 too; their keys may write and call."),
		TIME("aws-key-lifetime", o->aws_life_ms, "How long issued keys live."),
		TIME("aws-latency", o->aws_latency_ms, "Time before each AWS answer."),
		TEXT("aws-region", o->aws_region, "Of instance and task; --region when not given."),
		TEXT("aws-role", o->aws_role, "The instance's role."),
		TEXT("aws-web-token-file", o->aws_web_token_file,
		     "File with the only web identity token that STS takes."),
		TEXT("aws-container-token-file", o->aws_container_token_file,
		     "File with the Authorization that containers and pods must send."),
		TEXT("aws-sso-token", o->aws_sso_token, "The only SSO token there is."),
		RATE("aws-api-rate", o->aws_api_rate,
		     "Calls of ECS and EC2 a second, in each family, that are not throttled; 0 for "
		     "any."),
		RATE("aws-api-burst", o->aws_api_burst, "And so many at once."),
		RATE("aws-task-rate", o->aws_task_rate,
		     "Requests for the task metadata a second that are not throttled; 0 for any."),
		RATE("aws-task-burst", o->aws_task_burst, "And so many at once."),
		TEXT("log.level", r->log_level, "debug, info, warn or error."),
		TEXT("log.format", r->log_format, "logfmt or json."),
		{0},
	};
	int rc = flags_parse(argc, argv, flags, NULL, 0, NULL, err);
	if (rc == FLAGS_E_HELP)
		flags_usage(stdout, "ampagent receive [flags]", flags);
	else if (rc != 0)
		flags_usage(stderr, "ampagent receive [flags]", flags);
	return rc;
}

static int check_rates(const struct standin_options *o, struct err *err)
{
	const double rates[] = {
		o->rate_429,      o->rate_500,      o->rate_403,       o->rate_drop,
		o->rate_400,      o->rate_202,      o->rate_404,       o->rate_413,
		o->rate_400_size, o->rate_400_many, o->rate_400_limit, o->rate_403_denied,
		o->rate_reset,    o->rate_truncate, o->rate_hang,      o->rate_vanish};
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		if (!(rates[i] >= 0 && rates[i] <= 1))
			return err_set(err, FLAGS_E_BAD, "a rate is a share from 0 to 1");
	return 0;
}

static int start_log(const struct receive *r, struct err *err)
{
	enum log_level level = LOG_INFO;
	enum log_format format = LOG_LOGFMT;
	if (log_level_parse(r->log_level, &level) != 0)
		return err_set(err, FLAGS_E_BAD, "--log.level: unknown level \"%.*s\"",
			       SV_ARG(r->log_level));
	if (log_format_parse(r->log_format, &format) != 0)
		return err_set(err, FLAGS_E_BAD, "--log.format: unknown format \"%.*s\"",
			       SV_ARG(r->log_format));
	log_init(level, format);
	return 0;
}

static void init(struct receive *r)
{
	*r = (struct receive){.standin = standin_options_default()};
	r->clock_window_ms = r->standin.clock_window_s * 1000;
	r->ooo_window_ms = r->standin.ooo_window_s * 1000;
	r->max_age_ms = r->standin.max_age_s * 1000;
	r->max_future_ms = r->standin.max_future_s * 1000;
	r->log_level = SV("info");
	r->log_format = SV("logfmt");
}

static void apply_times(struct receive *r)
{
	struct standin_options *o = &r->standin;
	o->clock_window_s = r->clock_window_ms / 1000;
	o->clock_offset_s = (r->clock_ahead_ms - r->clock_behind_ms) / 1000;
	o->outage_every_s = (uint64_t)r->outage_every_ms / 1000;
	o->outage_for_s = (uint64_t)r->outage_for_ms / 1000;
	o->ooo_window_s = r->ooo_window_ms / 1000;
	o->max_age_s = r->max_age_ms / 1000;
	o->max_future_s = r->max_future_ms / 1000;
}

/* --- running --- */

static void on_signal(void *cls, int signo)
{
	loop_stop(cls);
}

/* The host part of the listen address, as a sender on this machine would write it. */
static struct sv host_of(struct sv listen)
{
	size_t end = listen.len;
	while (end > 0 && listen.ptr[end - 1] != ':')
		end--;
	struct sv host = sv_make(listen.ptr, end > 0 ? end - 1 : 0);
	return host.len > 0 ? host : SV("127.0.0.1");
}

static void say_address(const struct standin_options *o, int port)
{
	struct sv host = host_of(o->listen);
	struct sv workspace = o->workspace.len > 0 ? o->workspace : SV("ws-local");
	printf("Send to http://%.*s:%d/workspaces/%.*s/api/v1/remote_write\n", SV_ARG(host), port,
	       SV_ARG(workspace));
	if (o->aws)
		printf("signed by keys that are issued here, for service %.*s in region %.*s.\n",
		       SV_ARG(o->service), SV_ARG(o->region));
	else if (o->secret_key.len > 0)
		printf("signed by %.*s for service %.*s in region %.*s.\n", SV_ARG(o->access_key),
		       SV_ARG(o->service), SV_ARG(o->region));
	else
		printf("with or without a signature: there is no secret key to check it with.\n");
	printf("Counts: http://%.*s:%d/stats\n", SV_ARG(host), port);
	fflush(stdout);
}

static void say_stats(const struct standin *s)
{
	_cleanup_(buf_deinit) struct buf out = BUF_NULL;
	buf_init(&out, STATS_MAX);
	struct json_writer w = {.out = &out};
	standin_stats_json(s, &w);
	printf("%.*s\n", SV_ARG(buf_view(&out)));
	fflush(stdout);
}

DEFINE_CLEANUP_PTR(struct loop, loop_free)
DEFINE_CLEANUP_PTR(struct standin, standin_free)

static int serve(const struct standin_options *o)
{
	struct err err = ERR_NULL;
	_cleanup_(loop_freep) struct loop *loop = NULL;
	_cleanup_(standin_freep) struct standin *s = NULL;
	static const int signals[] = {SIGINT, SIGTERM};
	int rc = loop_new(&loop, &err);
	if (rc == 0)
		rc = loop_signals(loop, signals, 2, on_signal, loop, &err);
	if (rc == 0)
		rc = standin_new(loop, o, &s, &err);
	if (rc != 0) {
		log_error("cannot start", "err", err.msg[0] ? err.msg : "out of memory");
		return EXIT_FAILURE;
	}
	say_address(o, standin_port(s));
	rc = loop_run(loop);
	if (standin_flush(s) != 0)
		log_warn("some samples could not be recorded or printed");
	say_stats(s);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_receive(int argc, char **argv)
{
	struct receive r;
	struct err err = ERR_NULL;
	init(&r);
	int rc = parse(argc, argv, &r, &err);
	if (rc == FLAGS_E_HELP)
		return EXIT_SUCCESS;
	if (rc == 0)
		rc = check_rates(&r.standin, &err);
	if (rc == 0)
		rc = start_log(&r, &err);
	if (rc != 0) {
		fprintf(stderr, "ampagent receive: %s\n", err.msg);
		return rc;
	}
	apply_times(&r);
	return serve(&r.standin);
}
