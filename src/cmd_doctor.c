/* `ampagent doctor`: why nothing arrives, in one command. */
#include "commands.h"
#include "config_source.h"
#include "flags.h"

#include <ampagent/aws/endpoint.h>
#include <ampagent/base/cleanup.h>
#include <ampagent/base/log.h>
#include <ampagent/doctor.h>

enum { TIMEOUT_MS = 10000, TIMEOUT_MIN_MS = 100 };

struct doctor_flags {
	struct sv config_file, url, region, profile, destination;
	bool sign, canary, json;
	int64_t timeout_ms;
};

static const char synopsis[] =
	"ampagent doctor [flags]\n\n"
	"Walks the way from here to the workspace step by step, for each remote_write block: one\n"
	"line a step with a verdict, what was seen, and what to do. It asks what the agent asks,\n"
	"with the agent's own code, and sends an empty write.\n"
	"Exit code: 0 healthy (warnings may be there), 1 a fault of the doctor's own, 2 wrong\n"
	"flags, else the first step that failed: 10 config, 11 url, 12 credentials, 13 region,\n"
	"14 identity, 15 dns, 16 tcp, 17 tls, 18 clock, 19 write, 20 canary.";

static int parse(int argc, char **argv, struct doctor_flags *f, struct err *err)
{
	const struct flag flags[] = {
		{"config.file", FLAG_STRING, &f->config_file,
		 "Configuration file whose destinations are checked. Without it, what the agent "
		 "would start with: see ampagent run --help.",
		 false, 0},
		{"destination", FLAG_STRING, &f->destination,
		 "Only the remote_write block of this name.", false, 0},
		{"url", FLAG_STRING, &f->url,
		 "Check this remote-write URL instead of a file's destinations.", false, 0},
		{"region", FLAG_STRING, &f->region, "With --url: the region to sign for.", false,
		 0},
		{"profile", FLAG_STRING, &f->profile,
		 "With --url: the profile of the shared AWS files.", false, 0},
		{"sign", FLAG_BOOL, &f->sign, "With --url: sign requests (SigV4); default true.",
		 false, 0},
		{"canary", FLAG_BOOL, &f->canary,
		 "Send one sample (ampagent_doctor_canary) too; AMP bills it.", false, 0},
		{"json", FLAG_BOOL, &f->json, "Print one JSON object.", false, 0},
		{"timeout", FLAG_DURATION, &f->timeout_ms, "How long a step waits for an answer.",
		 false, 0},
		{0},
	};
	int r = flags_parse(argc, argv, flags, NULL, 0, NULL, err);
	if (r == FLAGS_E_HELP)
		flags_usage(stdout, synopsis, flags);
	return r;
}

static int check(const struct doctor_flags *f, struct err *err)
{
	bool by_url = f->url.len > 0;
	if (f->url.ptr && !by_url)
		return err_set(err, DOCTOR_EXIT_USAGE,
			       "--url is empty; was it to come from a variable?");
	if (!by_url && (f->region.len > 0 || f->profile.len > 0 || !f->sign))
		return err_set(err, DOCTOR_EXIT_USAGE,
			       "--region, --profile and --no-sign go with --url; a file has them "
			       "in its sigv4 block");
	if (by_url && f->destination.len > 0)
		return err_set(err, DOCTOR_EXIT_USAGE,
			       "--url and --destination exclude each other");
	if (!f->sign && (f->region.len > 0 || f->profile.len > 0))
		return err_set(err, DOCTOR_EXIT_USAGE, "--no-sign needs no --region or --profile");
	if (f->region.len > 0 && !aws_region_valid(f->region))
		return err_set(err, DOCTOR_EXIT_USAGE, "--region: \"%.*s\" is no region's name",
			       SV_ARG(f->region));
	if (f->timeout_ms < TIMEOUT_MIN_MS)
		return err_set(err, DOCTOR_EXIT_USAGE, "--timeout: at least 100ms");
	return 0;
}

/* What the agent would start with, or why there is nothing. */
struct wanted {
	struct config_source source;
	int found;
	struct err why;
};

static void wanted_deinit(struct wanted *w)
{
	config_source_deinit(&w->source);
}
DEFINE_CLEANUP(struct wanted, wanted_deinit)

static int load(void *cls, struct config **out, struct err *err)
{
	struct wanted *w = cls;
	if (w->found == 0)
		return config_source_load(&w->source, NULL, out, err);
	*err = w->why;
	return w->found;
}

int cmd_doctor(int argc, char **argv)
{
	_cleanup_(wanted_deinit) struct wanted w = {.why = ERR_NULL};
	struct err err = ERR_NULL;
	struct doctor_flags f = {.sign = true, .timeout_ms = TIMEOUT_MS};
	int r = parse(argc, argv, &f, &err);
	if (r == FLAGS_E_HELP)
		return DOCTOR_EXIT_HEALTHY;
	if (r == 0)
		r = check(&f, &err);
	if (r == 0) {
		w.found = config_source_find(environment_process, f.config_file, SV_NULL, &w.source,
					     &w.why);
		/* What there is to say, the steps say. */
		log_init(LOG_ERROR, LOG_LOGFMT);
		const struct doctor_options opt = {
			.config_path = w.found == 0 ? w.source.path : "the environment",
			.load = w.found == 0 && w.source.is_file ? NULL : load,
			.load_cls = &w,
			.url = f.url,
			.region = f.region,
			.profile = f.profile,
			.sign = f.sign,
			.destination = f.destination,
			.canary = f.canary,
			.json = f.json,
			.timeout_ms = f.timeout_ms,
			.user_agent = SV("ampagent/" AMPAGENT_VERSION),
			.out = stdout,
		};
		r = doctor_run(&opt, &err);
		if (fflush(stdout) != 0)
			r = err_set(&err, DOCTOR_EXIT_INTERNAL, "standard output is closed");
	}
	if (err.msg[0])
		fprintf(stderr, "ampagent doctor: %s\n%s", err.msg,
			r == DOCTOR_EXIT_USAGE ? "See ampagent doctor --help.\n" : "");
	return r;
}
