/* All destinations at the same time; what is told is told in order. */
#include "load.h"
#include "walk.h"

#include <ampagent/base/limits.h>
#include <stdlib.h>

enum { IDLE_CONNECTIONS = 4, IDLE_MS = 5000 };

struct doctor {
	const struct doctor_options *opt;
	struct config *config;
	struct loop *loop;
	struct http_pool *pool;
	struct aws_session *session;
	struct err session_why;
	struct walk_env env;
	/* One for each destination chosen; reports has one without any walk when there is none. */
	struct report *reports;
	struct walk **walks;
	struct buf *urls;
	size_t n;
	size_t told;    /* reports told in whole */
	int told_steps; /* of the one after them */
};

/* ---- telling ---- */

static void tell(struct doctor *d)
{
	FILE *out = d->opt->out;
	for (; d->told < d->n; d->told++, d->told_steps = 0) {
		struct report *r = &d->reports[d->told];
		for (; d->told_steps < DOCTOR_STEPS_; d->told_steps++) {
			enum doctor_step step = (enum doctor_step)d->told_steps;
			if (r->steps[step].verdict == VERDICT_PENDING)
				return;
			report_tidy(&r->steps[step]);
			/* Without a destination there is only the file to speak of. */
			if (d->opt->json || (step > DOCTOR_CONFIG && r->url.len == 0))
				continue;
			/* The file is the same for all: told once, above them. */
			if (step > DOCTOR_CONFIG || d->told == 0)
				report_print_step(out, step, &r->steps[step]);
			if (step == DOCTOR_CONFIG && r->url.len > 0)
				report_print_destination(out, r);
			fflush(out);
		}
	}
}

static void on_decided(void *cls)
{
	struct doctor *d = cls;
	tell(d);
	if (d->told == d->n)
		loop_stop(d->loop);
}

static void print_json(struct doctor *d, int exit_code)
{
	_cleanup_(buf_deinit) struct buf text = BUF_NULL;
	buf_init(&text, MiB(16));
	struct json_writer w = {.out = &text};
	report_json(&w, d->reports, d->n, exit_code);
	fprintf(d->opt->out, "%.*s\n", SV_ARG(buf_view(&text)));
}

/* The last line, and the exit code: the first step that failed of the first destination that did.
 */
static int conclude(struct doctor *d)
{
	enum doctor_step failed = DOCTOR_STEPS_;
	size_t who = 0;
	bool warned = false;
	for (size_t i = 0; i < d->n; i++) {
		for (int k = 0; k < DOCTOR_STEPS_; k++)
			warned |= d->reports[i].steps[k].verdict == VERDICT_WARN;
		if (failed == DOCTOR_STEPS_) {
			failed = report_failed(&d->reports[i]);
			who = i;
		}
	}
	int code = failed == DOCTOR_STEPS_ ? DOCTOR_EXIT_HEALTHY : DOCTOR_EXIT_STEP + (int)failed;
	if (d->opt->json)
		print_json(d, code);
	else
		report_print_result(d->opt->out, &d->reports[who], failed, warned, code);
	return code;
}

/* ---- destinations ---- */

static bool chosen(const struct doctor *d, const struct remotewrite_options *w)
{
	return d->opt->destination.len == 0 || sv_eq(d->opt->destination, w->name);
}

static int no_such(const struct doctor *d, struct err *err)
{
	char names[512];
	size_t at = 0;
	for (size_t i = 0; i < d->config->n_writes && at < sizeof names; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%.*s", i ? ", " : "",
				       SV_ARG(d->config->writes[i].name));
	return err_set(err, DOCTOR_EXIT_USAGE, "no destination is named \"%.*s\"; there are: %s",
		       SV_ARG(d->opt->destination), names);
}

static int show_url(struct doctor *d, size_t i, struct sv url)
{
	struct buf *b = &d->urls[i];
	buf_init(b, KiB(4));
	report_public_url(b, url);
	d->reports[i].url = buf_view(b);
	return buf_failed(b) ? ERR_NOMEM : 0;
}

/* The first report is there, with what was said of the file. */
static int add_walk(struct doctor *d, size_t i, const struct remotewrite_options *opt)
{
	struct report *r = &d->reports[i];
	if (i > 0) {
		const struct finding *config = &d->reports[0].steps[DOCTOR_CONFIG];
		report_init(r);
		report_say(&r->steps[DOCTOR_CONFIG], config->verdict, "%.*s",
			   SV_ARG(buf_view(&config->evidence)));
		d->n = i + 1;
	}
	if (d->opt->url.len == 0)
		r->name = opt->name;
	d->walks[i] = walk_new(&d->env, opt, d->config->external_labels, r);
	return d->walks[i] ? show_url(d, i, opt->url) : ERR_NOMEM;
}

static int add_walks(struct doctor *d, struct err *err)
{
	size_t n = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < d->config->n_writes; i++)
		if (chosen(d, &d->config->writes[i]))
			r = add_walk(d, n++, &d->config->writes[i]);
	if (r != 0)
		return err_set(err, DOCTOR_EXIT_INTERNAL, "out of memory");
	return n > 0 ? 0 : no_such(d, err);
}

/* ---- the whole ---- */

static int set_up(struct doctor *d, struct err *err)
{
	int r = loop_new(&d->loop, err);
	if (r == 0)
		r = http_pool_new(d->loop, IDLE_CONNECTIONS, IDLE_MS, &d->pool);
	if (r != 0)
		return err->msg[0] ? 1 : err_set(err, 1, "out of memory");
	const struct aws_session_options opt = {
		.loop = d->loop,
		.pool = d->pool,
		.env = d->opt->env,
		.user_agent = d->opt->user_agent,
	};
	/* Without one, the steps that need it say why. */
	if (aws_session_new(&opt, &d->session, &d->session_why) != 0) {
		d->session = NULL;
		if (!d->session_why.msg[0])
			err_set(&d->session_why, 1, "out of memory");
	}
	d->env = (struct walk_env){
		.loop = d->loop,
		.pool = d->pool,
		.session = d->session,
		.session_why = d->session_why.msg,
		.env = d->opt->env,
		.timeout_ms = d->opt->timeout_ms,
		.canary = d->opt->canary,
		.decided = on_decided,
		.cls = d,
	};
	return 0;
}

static int make_room(struct doctor *d, size_t n)
{
	d->reports = calloc(n, sizeof *d->reports);
	d->walks = calloc(n, sizeof *d->walks);
	d->urls = calloc(n, sizeof *d->urls);
	return d->reports && d->walks && d->urls ? 0 : ERR_NOMEM;
}

static void doctor_deinit(struct doctor *d)
{
	for (size_t i = 0; d->walks && d->reports && d->urls && i < d->n; i++)
		walk_free(d->walks[i]);
	aws_session_free(d->session);
	http_pool_free(d->pool);
	loop_free(d->loop);
	for (size_t i = 0; d->reports && d->urls && i < d->n; i++) {
		report_deinit(&d->reports[i]);
		buf_deinit(&d->urls[i]);
	}
	free(d->reports);
	free(d->walks);
	free(d->urls);
	if (d->config)
		config_unref(d->config);
}
DEFINE_CLEANUP(struct doctor, doctor_deinit)

/* Steps that nobody walks. */
static int conclude_early(struct doctor *d)
{
	struct report *r = &d->reports[0];
	if (d->opt->url.len > 0 && show_url(d, 0, d->opt->url) != 0)
		return DOCTOR_EXIT_INTERNAL;
	for (int k = 0; k < DOCTOR_STEPS_; k++)
		if (r->steps[k].verdict == VERDICT_PENDING)
			report_say(&r->steps[k], VERDICT_SKIPPED, "no destination is known");
	tell(d);
	return conclude(d);
}

static int walk_all(struct doctor *d, struct err *err)
{
	int r = set_up(d, err);
	if (r == 0)
		r = add_walks(d, err);
	if (r != 0)
		return r;
	for (size_t i = 0; i < d->n; i++)
		walk_start(d->walks[i]);
	if (loop_run(d->loop) != 0)
		return err_set(err, DOCTOR_EXIT_INTERNAL, "out of memory");
	return conclude(d);
}

int doctor_run(const struct doctor_options *opt, struct err *err)
{
	_cleanup_(doctor_deinit) struct doctor d = {.opt = opt, .n = 1};
	struct report first;
	report_init(&first);
	bool loaded = doctor_load(opt, &first, &d.config) == 0;
	if (make_room(&d, loaded ? d.config->n_writes : 1) != 0) {
		report_deinit(&first);
		return err_set(err, DOCTOR_EXIT_INTERNAL, "out of memory");
	}
	d.reports[0] = first;
	return loaded ? walk_all(&d, err) : conclude_early(&d);
}
